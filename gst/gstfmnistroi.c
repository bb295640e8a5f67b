#include "gstfmnistroi.h"

#include <math.h>

GstFmnistPixelBox gst_fmnist_box_pixels(const FmnBox *box, int width, int height) {
  int x0 = (int)lround(CLAMP(box->x, 0, 1) * width), x1 = (int)lround(CLAMP(box->x + box->w, 0, 1) * width);
  int y0 = (int)lround(CLAMP(box->y, 0, 1) * height), y1 = (int)lround(CLAMP(box->y + box->h, 0, 1) * height);
  x0 = MIN(x0, width - 1);
  y0 = MIN(y0, height - 1);
  return (GstFmnistPixelBox){x0, y0, MAX(x1 - x0, 1), MAX(y1 - y0, 1)};
}

GstStructure *gst_fmnist_object_detection(const GstFmnistObject *o) {
  GstStructure *s = gst_structure_new("detection", "x_min", G_TYPE_DOUBLE, o->box.x, "x_max", G_TYPE_DOUBLE, o->box.x + o->box.w, "y_min",
                           G_TYPE_DOUBLE, o->box.y, "y_max", G_TYPE_DOUBLE, o->box.y + o->box.h, "confidence", G_TYPE_DOUBLE,
                           o->confidence, "label_id", G_TYPE_INT, o->label_id, "label", G_TYPE_STRING,
                           g_quark_to_string(o->label), NULL);
  if (o->found_ago > 0)
    gst_structure_set(s, "frames_ago", G_TYPE_UINT, o->found_ago, NULL);
  return s;
}

GstStructure *gst_fmnist_object_classification(const GstFmnistObject *o) {
  const GstFmnistResult *r = o->result;
  GstStructure *s;
  GValue list = G_VALUE_INIT, item = G_VALUE_INIT;
  if (r == NULL)
    return NULL;
  s = gst_structure_new("classification", "label", G_TYPE_STRING, gst_fmnist_result_label(r), "label_id", G_TYPE_INT, r->label_id,
                        "confidence", G_TYPE_DOUBLE, r->confidence, "model_name", G_TYPE_STRING, r->model_name, "frames_ago",
                        G_TYPE_UINT, o->frames_ago, NULL);
  gst_value_array_init(&list, (guint)r->n);
  g_value_init(&item, G_TYPE_DOUBLE);
  for (int i = 0; i < r->n; i++) {
    g_value_set_double(&item, (double)r->probabilities[i]);
    gst_value_array_append_value(&list, &item);
  }
  g_value_unset(&item);
  gst_structure_take_value(s, "probabilities", &list);
  return s;
}

static void take_structure(GstStructure *to, const char *field, GstStructure *s) {
  GValue v = G_VALUE_INIT;
  if (s == NULL)
    return;
  g_value_init(&v, GST_TYPE_STRUCTURE);
  g_value_take_boxed(&v, s);
  gst_structure_take_value(to, field, &v);
}

GstStructure *gst_fmnist_object_structure(const GstFmnistObject *o, int width, int height) {
  GstFmnistPixelBox b = gst_fmnist_box_pixels(&o->box, width, height);
  const char *type = g_quark_to_string(o->roi_type);
  g_autofree char *valid = type != NULL ? g_utf8_make_valid(type, -1) : NULL; /* another element may call it anything */
  GstStructure *s = gst_structure_new("object", "x", G_TYPE_INT, b.x, "y", G_TYPE_INT, b.y, "w", G_TYPE_INT, b.w, "h", G_TYPE_INT,
                                      b.h, "id", G_TYPE_UINT, o->id, "roi_type", G_TYPE_STRING, valid, NULL);
  take_structure(s, "detection", gst_fmnist_object_detection(o));
  take_structure(s, "classification", gst_fmnist_object_classification(o));
  return s;
}

static GstVideoRegionOfInterestMeta *find_roi(GstBuffer *buffer, const GstFmnistObject *o) {
  gpointer state = NULL;
  GstMeta *meta;
  if (o->roi_type == 0)
    return NULL;
  while ((meta = gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) != NULL) {
    GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *)meta;
    if (roi->id == o->roi_id && roi->roi_type == o->roi_type)
      return roi;
  }
  return NULL;
}

static void set_param(GstVideoRegionOfInterestMeta *roi, GstStructure *s) {
  for (GList *l = roi->params; s != NULL && l != NULL; l = l->next) {
    if (gst_structure_has_name(l->data, gst_structure_get_name(s))) {
      gst_structure_free(l->data);
      l->data = s;
      return;
    }
  }
  if (s != NULL)
    gst_video_region_of_interest_meta_add_param(roi, s);
}

void gst_fmnist_roi_publish(GstBuffer *buffer, GstFmnistObject *o, int width, int height) {
  GstVideoRegionOfInterestMeta *roi = find_roi(buffer, o);
  const char *label = gst_fmnist_object_label(o);
  GstFmnistPixelBox b = gst_fmnist_box_pixels(&o->box, width, height);
  if (roi == NULL) {
    roi = gst_buffer_add_video_region_of_interest_meta(buffer, label, (guint)b.x, (guint)b.y, (guint)b.w, (guint)b.h);
    roi->id = (gint)o->id;
    o->foreign = FALSE;
  }
  if (!o->foreign) {
    roi->x = (guint)b.x; /* a scaler may have put it elsewhere: docs/metadata.md */
    roi->y = (guint)b.y;
    roi->w = (guint)b.w;
    roi->h = (guint)b.h;
    roi->roi_type = g_quark_from_string(label);
    set_param(roi, gst_fmnist_object_detection(o));
    set_param(roi, gst_structure_new("object_id", "id", G_TYPE_INT, (gint)o->id, NULL));
  }
  set_param(roi, gst_fmnist_object_classification(o));
  o->roi_type = roi->roi_type;
  o->roi_id = roi->id;
}

GstVideoRegionOfInterestMeta *gst_fmnist_roi_next_foreign(GstBuffer *buffer, const GstFmnistMeta *m, gpointer *state) {
  GstMeta *meta;
  while ((meta = gst_buffer_iterate_meta_filtered(buffer, state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) != NULL) {
    GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *)meta;
    gboolean known = FALSE;
    for (guint i = 0; m != NULL && i < gst_fmnist_meta_size(m); i++) {
      const GstFmnistObject *o = gst_fmnist_meta_object(m, i);
      known |= o->roi_id == roi->id && o->roi_type == roi->roi_type;
    }
    if (!known)
      return roi;
  }
  return NULL;
}

FmnBox gst_fmnist_roi_box(const GstVideoRegionOfInterestMeta *roi, int width, int height) {
  double x0 = MIN(1.0, (double)roi->x / width), y0 = MIN(1.0, (double)roi->y / height);
  double x1 = MIN(1.0, ((double)roi->x + roi->w) / width), y1 = MIN(1.0, ((double)roi->y + roi->h) / height);
  return (FmnBox){x0, y0, x1 - x0, y1 - y0};
}
