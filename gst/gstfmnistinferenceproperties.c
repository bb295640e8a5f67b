#include "gstfmnistinferenceproperties.h"

#include "gstfmnistevents.h"

#define MAX_AGE 1000 /* ms */

void gst_fmnist_inference_properties_set_model(GstFmnistInferenceProperties *p, const char *model) {
  char *copy = model != NULL && *model != '\0' ? g_ref_string_new(model) : NULL;
  g_clear_pointer(&p->model, g_ref_string_release);
  p->model = copy;
}

gboolean gst_fmnist_inference_properties_set(GstFmnistInferenceProperties *p, guint id, const GValue *value) {
  switch (id) {
  case GST_FMNIST_PROP_MODEL:
    gst_fmnist_inference_properties_set_model(p, g_value_get_string(value));
    return TRUE;
  case GST_FMNIST_PROP_INFERENCE_INTERVAL:
    p->interval = g_value_get_uint(value);
    return TRUE;
  case GST_FMNIST_PROP_THREADS:
    p->threads = g_value_get_int(value);
    return TRUE;
  case GST_FMNIST_PROP_LIVE:
    p->live = (GstFmnistLive)g_value_get_enum(value);
    return TRUE;
  case GST_FMNIST_PROP_MAX_AGE:
    p->max_age = g_value_get_uint(value);
    return TRUE;
  case GST_FMNIST_PROP_POST_MESSAGES:
    p->post_messages = g_value_get_boolean(value);
    return TRUE;
  case GST_FMNIST_PROP_POST_EVENTS:
    p->post_events = g_value_get_boolean(value);
    return TRUE;
  case GST_FMNIST_PROP_EVENT_DELAY:
    p->event_delay = g_value_get_uint(value);
    return TRUE;
  default:
    return FALSE;
  }
}

gboolean gst_fmnist_inference_properties_get(const GstFmnistInferenceProperties *p, const char *default_model, guint id,
                                             GValue *value) {
  switch (id) {
  case GST_FMNIST_PROP_MODEL:
    g_value_set_string(value, p->model != NULL ? p->model : default_model);
    return TRUE;
  case GST_FMNIST_PROP_INFERENCE_INTERVAL:
    g_value_set_uint(value, p->interval);
    return TRUE;
  case GST_FMNIST_PROP_THREADS:
    g_value_set_int(value, p->threads);
    return TRUE;
  case GST_FMNIST_PROP_LIVE:
    g_value_set_enum(value, (gint)p->live);
    return TRUE;
  case GST_FMNIST_PROP_MAX_AGE:
    g_value_set_uint(value, p->max_age);
    return TRUE;
  case GST_FMNIST_PROP_POST_MESSAGES:
    g_value_set_boolean(value, p->post_messages);
    return TRUE;
  case GST_FMNIST_PROP_POST_EVENTS:
    g_value_set_boolean(value, p->post_events);
    return TRUE;
  case GST_FMNIST_PROP_EVENT_DELAY:
    g_value_set_uint(value, p->event_delay);
    return TRUE;
  default:
    return FALSE;
  }
}

void gst_fmnist_inference_properties_init(GstFmnistInferenceProperties *p) {
  *p = (GstFmnistInferenceProperties){
      .threads = 1, .interval = 1, .max_age = MAX_AGE, .event_delay = GST_FMNIST_EVENT_DELAY};
}

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)
#define FLAGS_READY (FLAGS | (GParamFlags)GST_PARAM_MUTABLE_READY)
#define FLAGS_PLAYING (FLAGS | (GParamFlags)GST_PARAM_MUTABLE_PLAYING)

static void install_live(GObjectClass *object) {
  g_object_class_install_property(object, GST_FMNIST_PROP_LIVE,
                                  g_param_spec_enum("live", "Live",
                                                    "Whether to keep up with the source when the network is slower "
                                                    "than it: the newest frame is looked at, and the "
                                                    "others go on with the last result",
                                                    GST_TYPE_FMNIST_LIVE, GST_FMNIST_LIVE_AUTO, FLAGS_PLAYING));
  g_object_class_install_property(object, GST_FMNIST_PROP_MAX_AGE,
                                  g_param_spec_uint("max-age", "Greatest age",
                                                    "How long, in milliseconds, a result is carried to later frames; "
                                                    "never shorter than inference-interval or than "
                                                    "two inferences take (0 = as long as its object is there)",
                                                    0, 3600000, MAX_AGE, FLAGS_PLAYING));
  g_object_class_install_property(
      object, GST_FMNIST_PROP_STATS,
      g_param_spec_boxed(
          "stats", "Statistics",
          "Since the start: frames, those inferred, reused (with an earlier frame's result), dropped (due, but a newer "
          "one "
          "took their place or they were late), p50 and p95 in milliseconds of the last 256 inferences, and live",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

void gst_fmnist_inference_properties_install(GObjectClass *object) {
  g_object_class_install_property(
      object, GST_FMNIST_PROP_INFERENCE_INTERVAL,
      g_param_spec_uint(
          "inference-interval", "Inference interval",
          "Look at every N-th frame; results are carried on with their objects in between (1 = every frame)", 1,
          G_MAXINT, 1, FLAGS_PLAYING));
  g_object_class_install_property(
      object, GST_FMNIST_PROP_THREADS,
      g_param_spec_int("threads", "Threads", "How many threads work on one picture", 1, 64, 1, FLAGS_READY));
  g_object_class_install_property(object, GST_FMNIST_PROP_POST_MESSAGES,
                                  g_param_spec_boolean("post-messages", "Post messages",
                                                       "Post an element message `fmnist` for each frame with results",
                                                       FALSE, FLAGS_PLAYING));
  g_object_class_install_property(
      object, GST_FMNIST_PROP_POST_EVENTS,
      g_param_spec_boolean("post-events", "Post events",
                           "Post an element message `fmnist-event` when a garment appears, changes its name or leaves",
                           FALSE, FLAGS_PLAYING));
  g_object_class_install_property(
      object, GST_FMNIST_PROP_EVENT_DELAY,
      g_param_spec_uint(
          "event-delay", "Event delay",
          "How long, in milliseconds, a garment has to bear its name, or to be gone, before an event tells so", 0,
          60000, GST_FMNIST_EVENT_DELAY, FLAGS_PLAYING));
  install_live(object);
}
