#include "gstfmnistmeta.h"

#include <string.h>

GstFmnistResult *gst_fmnist_result_new(GPtrArray *labels, char *model_name, const float *probabilities, double threshold, int top_k,
                                       GBytes *input, int width, int height, int channels) {
  int n = (int)labels->len, best = 0;
  GstFmnistResult *r = g_atomic_rc_box_alloc0(sizeof *r + sizeof(float) * (gsize)n);
  for (int i = 0; i < n; i++) {
    r->probabilities[i] = probabilities[i] >= 0 ? MIN(probabilities[i], 1) : 0; /* and what is no number is 0 */
    if (r->probabilities[i] > r->probabilities[best])
      best = i;
  }
  r->labels = g_ptr_array_ref(labels);
  r->model_name = g_ref_string_acquire(model_name);
  r->confidence = (double)r->probabilities[best];
  r->label_id = r->confidence >= threshold ? best : -1;
  r->top_k = CLAMP(top_k, 1, n);
  r->input = input;
  r->input_width = width;
  r->input_height = height;
  r->input_channels = channels;
  r->n = n;
  return r;
}

GstFmnistResult *gst_fmnist_result_ref(GstFmnistResult *r) { return g_atomic_rc_box_acquire(r); }

static void result_clear(gpointer data) {
  GstFmnistResult *r = data;
  g_ptr_array_unref(r->labels);
  g_ref_string_release(r->model_name);
  g_clear_pointer(&r->input, g_bytes_unref);
}

void gst_fmnist_result_unref(GstFmnistResult *r) {
  if (r != NULL)
    g_atomic_rc_box_release_full(r, result_clear);
}

const char *gst_fmnist_result_label_at(const GstFmnistResult *r, int i) { return g_ptr_array_index(r->labels, i); }

const char *gst_fmnist_result_label(const GstFmnistResult *r) {
  return r->label_id < 0 ? GST_FMNIST_UNKNOWN : gst_fmnist_result_label_at(r, r->label_id);
}

void gst_fmnist_result_top(const GstFmnistResult *r, int k, int *indices) {
  int n = 0;
  for (int j = 0; j < r->n; j++) {
    int place = n;
    while (place > 0 && r->probabilities[j] > r->probabilities[indices[place - 1]])
      place--;
    if (place == k)
      continue;
    n = MIN(n + 1, k);
    memmove(indices + place + 1, indices + place, sizeof *indices * (gsize)(n - 1 - place));
    indices[place] = j;
  }
}

static void object_clear(gpointer data) {
  GstFmnistObject *o = data;
  g_clear_pointer(&o->mask.data, g_bytes_unref);
  g_clear_pointer(&o->result, gst_fmnist_result_unref);
}

const char *gst_fmnist_object_label(const GstFmnistObject *o) {
  return o->result != NULL ? gst_fmnist_result_label(o->result) : g_quark_to_string(o->label);
}

#define OTHER_IDS 100000 /* where ids go on that another object of the frame has already */

static gboolean is_taken(GstBuffer *buffer, guint id) {
  const GstFmnistMeta *m = gst_fmnist_meta_get(buffer);
  gpointer state = NULL;
  GstMeta *roi;
  for (guint i = 0; m != NULL && i < gst_fmnist_meta_size(m); i++) {
    if (gst_fmnist_meta_object(m, i)->id == id)
      return TRUE;
  }
  while ((roi = gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) != NULL) {
    if ((guint)((GstVideoRegionOfInterestMeta *)roi)->id == id)
      return TRUE;
  }
  return FALSE;
}

guint gst_fmnist_meta_free_id(GstBuffer *buffer, guint id) {
  while (is_taken(buffer, id))
    id += OTHER_IDS;
  return id;
}

GstFmnistObject *gst_fmnist_meta_add(GstFmnistMeta *m, const FmnBox *box, guint id) {
  GstFmnistObject o = {.box = *box, .id = id, .label = g_quark_from_static_string(GST_FMNIST_OBJECT), .confidence = 1,
                       .first_seen = GST_CLOCK_TIME_NONE};
  g_array_append_val(m->objects, o);
  return gst_fmnist_meta_object(m, m->objects->len - 1);
}

void gst_fmnist_object_set_mask(GstFmnistObject *o, const FmnMask *mask) {
  g_clear_pointer(&o->mask.data, g_bytes_unref);
  o->mask.width = mask->width;
  o->mask.height = mask->height;
  o->mask.data = g_bytes_new(mask->data, (gsize)mask->width * (gsize)mask->height);
}

void gst_fmnist_object_set_result(GstFmnistObject *o, GstFmnistResult *result, guint frames_ago) {
  gst_fmnist_result_ref(result);
  gst_fmnist_result_unref(o->result);
  o->result = result;
  o->frames_ago = frames_ago;
}

/* The tags of GstVideoRegionOfInterestMeta: whatever passes that one on passes this one on. */
GType gst_fmnist_meta_api_get_type(void) {
  static gsize type = 0;
  if (g_once_init_enter(&type)) {
    static const char *tags[] = {GST_META_TAG_VIDEO_STR, GST_META_TAG_VIDEO_ORIENTATION_STR, GST_META_TAG_VIDEO_SIZE_STR, NULL};
    g_once_init_leave(&type, gst_meta_api_type_register("GstFmnistMetaAPI", tags));
  }
  return type;
}

static gboolean meta_init(GstMeta *meta, gpointer params, GstBuffer *buffer) {
  GstFmnistMeta *m = (GstFmnistMeta *)meta;
  m->objects = g_array_new(FALSE, TRUE, sizeof(GstFmnistObject));
  m->analytics_first = m->analytics_n = 0;
  g_array_set_clear_func(m->objects, object_clear);
  return TRUE;
}

static void meta_free(GstMeta *meta, GstBuffer *buffer) { g_array_unref(((GstFmnistMeta *)meta)->objects); }

static void copy_objects(GArray *to, const GArray *from) {
  for (guint i = 0; i < from->len; i++) {
    GstFmnistObject o = g_array_index(from, GstFmnistObject, i);
    if (o.mask.data != NULL)
      g_bytes_ref(o.mask.data);
    if (o.result != NULL)
      gst_fmnist_result_ref(o.result);
    g_array_append_val(to, o);
  }
}

/* A scaler that must change the display aspect ratio puts borders around the picture; where it was told to stretch instead it
 * does not say so, and borders are its default. */
static void letterbox(GArray *objects, const GstVideoInfo *in, const GstVideoInfo *out) {
  double in_aspect = (double)in->width * in->par_n / ((double)in->height * in->par_d);
  double out_aspect = (double)out->width * out->par_n / ((double)out->height * out->par_d);
  double w = MIN(1.0, in_aspect / out_aspect), h = MIN(1.0, out_aspect / in_aspect);
  if (w * out->width > out->width - 1.0 && h * out->height > out->height - 1.0)
    return; /* rounding, no border */
  for (guint i = 0; i < objects->len; i++) {
    FmnBox *b = &g_array_index(objects, GstFmnistObject, i).box;
    *b = (FmnBox){(1 - w) / 2 + b->x * w, (1 - h) / 2 + b->y * h, b->w * w, b->h * h};
  }
}

static gboolean meta_transform(GstBuffer *to, GstMeta *meta, GstBuffer *from, GQuark type, gpointer data) {
  GstFmnistMeta *copy;
  gboolean scale = GST_VIDEO_META_TRANSFORM_IS_SCALE(type);
  if (!GST_META_TRANSFORM_IS_COPY(type) && !scale)
    return FALSE;
  copy = gst_fmnist_meta_ensure(to);
  g_array_set_size(copy->objects, 0);
  copy_objects(copy->objects, ((GstFmnistMeta *)meta)->objects);
  copy->analytics_first = ((GstFmnistMeta *)meta)->analytics_first;
  copy->analytics_n = ((GstFmnistMeta *)meta)->analytics_n;
  if (scale) {
    const GstVideoMetaTransform *t = data;
    letterbox(copy->objects, t->in_info, t->out_info);
  }
  return TRUE;
}

const GstMetaInfo *gst_fmnist_meta_get_info(void) {
  static const GstMetaInfo *info = NULL;
  if (g_once_init_enter((GstMetaInfo **)&info)) {
    const GstMetaInfo *m = gst_meta_register(gst_fmnist_meta_api_get_type(), "GstFmnistMeta", sizeof(GstFmnistMeta), meta_init,
                                             meta_free, meta_transform);
    g_once_init_leave((GstMetaInfo **)&info, (GstMetaInfo *)m);
  }
  return info;
}

GstFmnistMeta *gst_fmnist_meta_get(GstBuffer *buffer) {
  return (GstFmnistMeta *)gst_buffer_get_meta(buffer, gst_fmnist_meta_api_get_type());
}

GstFmnistMeta *gst_fmnist_meta_ensure(GstBuffer *buffer) {
  GstFmnistMeta *m = gst_fmnist_meta_get(buffer);
  return m != NULL ? m : (GstFmnistMeta *)gst_buffer_add_meta(buffer, gst_fmnist_meta_get_info(), NULL);
}
