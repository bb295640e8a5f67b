#include "gstfmnistregions.h"

#include "gstfmnistroi.h"

void gst_fmnist_regions_init(GstFmnistRegions *r) {
  r->indices = g_array_new(FALSE, FALSE, sizeof(guint));
  r->boxes = g_array_new(FALSE, FALSE, sizeof(FmnBox));
}

void gst_fmnist_regions_clear(GstFmnistRegions *r) {
  g_clear_pointer(&r->indices, g_array_unref);
  g_clear_pointer(&r->boxes, g_array_unref);
}

static void take(GstFmnistRegions *r, const GstFmnistMeta *meta, guint index) {
  g_array_append_val(r->indices, index);
  g_array_append_vals(r->boxes, &gst_fmnist_meta_object(meta, index)->box, 1);
}

static const char *label_of(const GstStructure *said) {
  const char *label = said != NULL ? gst_structure_get_string(said, "label") : NULL;
  return label != NULL && *label != '\0' ? label : NULL;
}

/* Whether it is any of three names, of which each may be NULL; NULL is any class. */
static gboolean is_class(const char *object_class, const char *type, const char *detected, const char *classified) {
  return object_class == NULL || g_strcmp0(object_class, type) == 0 || g_strcmp0(object_class, detected) == 0 ||
         g_strcmp0(object_class, classified) == 0;
}

static gboolean of_class(const GstFmnistObject *o, const char *object_class) {
  return is_class(object_class, g_quark_to_string(o->roi_type), g_quark_to_string(o->label), gst_fmnist_object_label(o));
}

/* The same of a region that another element has marked. */
static gboolean foreign_of_class(GstVideoRegionOfInterestMeta *roi, const char *object_class) {
  return is_class(object_class, g_quark_to_string(roi->roi_type), label_of(gst_video_region_of_interest_meta_get_param(roi, "detection")),
                  label_of(gst_video_region_of_interest_meta_get_param(roi, "classification")));
}

/* Makes an object of a region that another element has marked. */
static void adopt(GstFmnistMeta *meta, GstVideoRegionOfInterestMeta *roi, int width, int height) {
  const GstStructure *detection = gst_video_region_of_interest_meta_get_param(roi, "detection");
  FmnBox box = gst_fmnist_roi_box(roi, width, height);
  GstFmnistObject *o = gst_fmnist_meta_add(meta, &box, roi->id > 0 ? (guint)roi->id : 0);
  o->foreign = TRUE;
  const char *label = label_of(detection) != NULL ? label_of(detection) : g_quark_to_string(roi->roi_type);
  g_autofree char *valid = g_utf8_make_valid(label != NULL ? label : "", -1);
  o->label = g_quark_from_string(valid);
  o->roi_type = roi->roi_type;
  o->roi_id = roi->id;
  if (detection != NULL) {
    gst_structure_get_double(detection, "confidence", &o->confidence);
    gst_structure_get_int(detection, "label_id", &o->label_id);
  }
}

static void take_foreign(GstFmnistRegions *r, GstBuffer *buffer, const char *object_class, int width, int height) {
  GstVideoRegionOfInterestMeta *roi;
  GstFmnistMeta *meta = gst_fmnist_meta_get(buffer);
  GPtrArray *found = g_ptr_array_new();
  gpointer state = NULL;
  while ((roi = gst_fmnist_roi_next_foreign(buffer, meta, &state)) != NULL) {
    FmnBox box = gst_fmnist_roi_box(roi, width, height); /* of one beside the frame nothing is left */
    if (box.w > 0 && box.h > 0 && foreign_of_class(roi, object_class))
      g_ptr_array_add(found, roi);
  }
  for (guint i = 0; i < found->len; i++) {
    meta = gst_fmnist_meta_ensure(buffer);
    adopt(meta, g_ptr_array_index(found, i), width, height);
    take(r, meta, gst_fmnist_meta_size(meta) - 1);
  }
  g_ptr_array_unref(found);
}

void gst_fmnist_regions_choose(GstFmnistRegions *r, GstBuffer *buffer, GstFmnistRegion region, const char *object_class, int width,
                               int height) {
  GstFmnistMeta *meta = gst_fmnist_meta_get(buffer);
  gboolean looked = meta != NULL || gst_buffer_get_video_region_of_interest_meta(buffer) != NULL;
  g_array_set_size(r->indices, 0);
  g_array_set_size(r->boxes, 0);
  if (region == GST_FMNIST_REGION_FULL_FRAME || (region == GST_FMNIST_REGION_AUTO && !looked && object_class == NULL)) {
    static const FmnBox whole = {0, 0, 1, 1};
    meta = gst_fmnist_meta_ensure(buffer);
    gst_fmnist_meta_add(meta, &whole, 0);
    take(r, meta, gst_fmnist_meta_size(meta) - 1);
    return;
  }
  for (guint i = 0; meta != NULL && i < gst_fmnist_meta_size(meta); i++) {
    if (of_class(gst_fmnist_meta_object(meta, i), object_class))
      take(r, meta, i);
  }
  take_foreign(r, buffer, object_class, width, height);
}

void gst_fmnist_regions_identify(GstBuffer *buffer, GstFmnistObject *o, guint id, int width, int height) {
  gpointer state = NULL;
  GstMeta *meta;
  o->id = id = gst_fmnist_meta_free_id(buffer, id);
  while (o->foreign && (meta = gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) != NULL) {
    GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *)meta;
    FmnBox box = gst_fmnist_roi_box(roi, width, height);
    if (roi->id == o->roi_id && roi->roi_type == o->roi_type && box.x == o->box.x && box.y == o->box.y && box.w == o->box.w &&
        box.h == o->box.h) {
      roi->id = o->roi_id = (gint)id;
      return;
    }
  }
}
