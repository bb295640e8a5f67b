#include "gstfmnistswap.h"

#include "error.h"

void gst_fmnist_swap_init(GstFmnistSwap *s, GstFmnistInference *element, GstFmnistInferenceProperties *properties) {
  s->element = element;
  s->properties = properties;
}

void gst_fmnist_swap_clear(GstFmnistSwap *s) { g_clear_pointer(&s->in_use, g_free); }

/* Of the property; under the lock. */
static char *wanted_name(GstFmnistSwap *s) {
  const char *name = s->properties->model;
  return g_strdup(name != NULL ? name : GST_FMNIST_INFERENCE_GET_CLASS(s->element)->default_model);
}

static void report(GstFmnistInference *self, const GError *error, const char *name, gboolean settings) {
  if (g_error_matches(error, FMN_ERROR, FMN_ERROR_MEMORY))
    GST_ELEMENT_ERROR(self, RESOURCE, FAILED, ("%s.", error->message), ("model=%s", name));
  else if (settings)
    GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("%s.", error->message), ("model=%s", name));
  else if (g_error_matches(error, FMN_ERROR, FMN_ERROR_NOT_FOUND))
    GST_ELEMENT_ERROR(self, RESOURCE, NOT_FOUND, ("%s.", error->message), ("model=%s", name));
  else
    GST_ELEMENT_ERROR(self, RESOURCE, OPEN_READ, ("%s.", error->message), ("model=%s", name));
}

static void post(GstFmnistInference *self, const char *name, const GError *error) {
  GstStructure *s =
      gst_structure_new("fmnist-model", "model", G_TYPE_STRING, name, "loaded", G_TYPE_BOOLEAN, error == NULL, NULL);
  if (error != NULL)
    gst_structure_set(s, "error", G_TYPE_STRING, error->message, NULL);
  gst_element_post_message(GST_ELEMENT(self), gst_message_new_element(GST_OBJECT(self), s));
}

void gst_fmnist_swap_stop(GstFmnistSwap *s) {
  GstFmnistNet *next;
  GST_OBJECT_LOCK(s->element);
  s->request = 0;
  next = g_steal_pointer(&s->next);
  GST_OBJECT_UNLOCK(s->element);
  gst_fmnist_net_unref(next);
}

GstFmnistNet *gst_fmnist_swap_start(GstFmnistSwap *s, GstClockTime *took) {
  GError *error = NULL;
  GstFmnistNet *net;
  gboolean settings;
  char *name;
  int threads;
  GST_OBJECT_LOCK(s->element);
  name = wanted_name(s);
  threads = s->properties->threads;
  s->request = ++s->requests;
  g_free(s->in_use);
  s->in_use = g_strdup(name);
  GST_OBJECT_UNLOCK(s->element);
  net = gst_fmnist_net_new(s->element, name, threads, took, &settings, &error);
  if (net == NULL) {
    report(s->element, error, name, settings);
    g_error_free(error);
    gst_fmnist_swap_stop(s); /* also what was asked for meanwhile */
  }
  g_free(name);
  return net;
}

struct GstFmnistSwapRequest {
  GstFmnistSwap *swap;
  guint request;
  char *name;
  int threads;
};

static void request_free(gpointer data) {
  g_free(((GstFmnistSwapRequest *)data)->name);
  g_free(data);
}

/* The answer to a request that another one came after, which is no failure. */
static void answer_superseded(GstFmnistInference *self, const char *name) {
  GError *error = g_error_new(FMN_ERROR, FMN_ERROR_ARGUMENT, "another model was asked for meanwhile");
  post(self, name, error);
  g_error_free(error);
}

typedef enum {
  SETTLED,    /* in use from the next frame on; or, without a net, the model in use stays */
  SUPERSEDED, /* another one was asked for since */
  STOPPED,    /* nobody waits for it any longer */
} Outcome;

/* net, which it takes over, or NULL is what a request came to. */
static Outcome settle(const GstFmnistSwapRequest *r, GstFmnistNet *net, GstClockTime cost) {
  GstFmnistSwap *s = r->swap;
  GstFmnistNet *unused = net; /* or one that waited for a frame in vain, as this one was open before it */
  char *unused_name = NULL;
  Outcome outcome;
  GST_OBJECT_LOCK(s->element);
  outcome = r->request == s->request ? SETTLED : s->request != 0 ? SUPERSEDED : STOPPED;
  if (outcome == SETTLED && net != NULL) {
    unused = s->next;
    unused_name = s->in_use;
    s->next = net;
    s->next_cost = cost;
    s->in_use = g_strdup(r->name);
  } else if (outcome == SETTLED) {
    gst_fmnist_inference_properties_set_model(s->properties, s->in_use);
  }
  GST_OBJECT_UNLOCK(s->element);
  if (outcome == SETTLED && unused != NULL)
    answer_superseded(s->element, unused_name);
  gst_fmnist_net_unref(unused);
  g_free(unused_name);
  return outcome;
}

/* Whoever sets the property faster than models open has only the last one opened. */
static gboolean is_wanted(const GstFmnistSwapRequest *r) {
  gboolean wanted;
  GST_OBJECT_LOCK(r->swap->element);
  wanted = r->request == r->swap->request;
  GST_OBJECT_UNLOCK(r->swap->element);
  return wanted;
}

static void open_next(GstElement *element, gpointer data) {
  const GstFmnistSwapRequest *r = data;
  GstFmnistInference *self = r->swap->element;
  GError *error = NULL;
  GstClockTime cost = 0;
  gboolean settings;
  GstFmnistNet *net = is_wanted(r) ? gst_fmnist_net_new(self, r->name, r->threads, &cost, &settings, &error) : NULL;
  Outcome outcome = settle(r, net, cost);
  if (outcome == SUPERSEDED) {
    answer_superseded(self, r->name);
  } else if (outcome == SETTLED && error != NULL) {
    GST_ELEMENT_WARNING(self, RESOURCE, SETTINGS, ("%s. The model in use stays.", error->message),
                        ("model=%s", r->name));
    post(self, r->name, error);
    g_object_notify(G_OBJECT(self), "model");
  }
  g_clear_error(&error);
}

GstFmnistSwapRequest *gst_fmnist_swap_request(GstFmnistSwap *s) {
  if (s->request == 0)
    return NULL;
  GstFmnistSwapRequest *r = g_new(GstFmnistSwapRequest, 1);
  *r = (GstFmnistSwapRequest){s, s->request = ++s->requests, wanted_name(s), s->properties->threads};
  return r;
}

void gst_fmnist_swap_open(GstFmnistSwapRequest *r) {
  gst_element_call_async(GST_ELEMENT(r->swap->element), open_next, r, request_free);
}

GstFmnistNet *gst_fmnist_swap_take(GstFmnistSwap *s, GstClockTime *cost) {
  GstFmnistNet *next;
  char *name = NULL;
  GST_OBJECT_LOCK(s->element);
  next = g_steal_pointer(&s->next);
  if (next != NULL)
    name = g_strdup(s->in_use);
  *cost = s->next_cost;
  GST_OBJECT_UNLOCK(s->element);
  if (next != NULL)
    post(s->element, name, NULL);
  g_free(name);
  return next;
}
