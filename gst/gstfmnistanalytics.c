#include "gstfmnistanalytics.h"

#include <gst/analytics/analytics.h>

#include "gstfmnistroi.h"

#define NOT_KEPT G_MAXUINT
#define ENTRIES 4 /* an object's, at most */
#define ENTRY_BYTES 128

static void relate(GstAnalyticsRelationMeta *r, const GstAnalyticsMtd *from, const GstAnalyticsMtd *to) {
  gst_analytics_relation_meta_set_relation(r, GST_ANALYTICS_REL_TYPE_RELATE_TO, from->id, to->id);
}

/* With references of its own to what the entry points to. */
static guint copy_entry(GstBuffer *buffer, GstAnalyticsRelationMeta *old, guint id, GstBuffer *kept,
                        GstAnalyticsRelationMeta *to) {
  GstAnalyticsMtd from, copy;
  const GstAnalyticsMtdImpl *impl;
  GstMetaTransformCopy whole = {FALSE, 0, (gsize)-1};
  gsize size;
  gpointer data;
  if (!gst_analytics_relation_meta_get_mtd(old, id, GST_ANALYTICS_MTD_TYPE_ANY, &from))
    return NOT_KEPT;
  impl = (const GstAnalyticsMtdImpl *)gst_analytics_mtd_get_mtd_type(&from);
  size = gst_analytics_mtd_get_size(&from);
  data = gst_analytics_relation_meta_add_mtd(to, impl, size, &copy);
  if (data == NULL)
    return NOT_KEPT;
  memcpy(data, gst_analytics_relation_meta_get_mtd_data(old, id), size);
  if (impl->mtd_meta_transform != NULL)
    impl->mtd_meta_transform(kept, &copy, buffer, _gst_meta_transform_copy, &whole);
  return copy.id;
}

static void copy_relations(GstAnalyticsRelationMeta *old, const guint *ids, guint n, GstAnalyticsRelationMeta *to) {
  for (guint i = 0; i < n; i++) {
    for (guint k = 0; k < n; k++) {
      GstAnalyticsRelTypes type = gst_analytics_relation_meta_get_relation(old, i, k);
      if (type != GST_ANALYTICS_REL_TYPE_NONE && ids[i] != NOT_KEPT && ids[k] != NOT_KEPT)
        gst_analytics_relation_meta_set_relation(to, type, ids[i], ids[k]);
    }
  }
}

/* Single entries cannot be taken out: those that other elements wrote, on a buffer of their own; NULL: there are none.
 */
static GstBuffer *keep_foreign(GstBuffer *buffer, GstAnalyticsRelationMeta *old, const GstFmnistMeta *meta) {
  guint n = (guint)gst_analytics_relation_get_length(old), *ids;
  guint first = MIN(meta->analytics_first, n), end = first + MIN(meta->analytics_n, n - first);
  GstAnalyticsRelationMeta *to;
  GstBuffer *kept;
  if (end - first == n)
    return NULL;
  kept = gst_buffer_new();
  to = gst_buffer_add_analytics_relation_meta(kept);
  ids = g_new(guint, n);
  for (guint i = 0; i < n; i++)
    ids[i] = i >= first && i < end ? NOT_KEPT : copy_entry(buffer, old, i, kept, to);
  copy_relations(old, ids, n, to);
  g_free(ids);
  return kept;
}

static GstAnalyticsRelationMeta *begin(GstBuffer *buffer, const GstFmnistMeta *meta) {
  gsize n = gst_fmnist_meta_size(meta);
  GstAnalyticsRelationMetaInitParams room = {ENTRIES * n, ENTRY_BYTES * ENTRIES * n};
  GstAnalyticsRelationMeta *old = gst_buffer_get_analytics_relation_meta(buffer);
  GstBuffer *kept = old != NULL ? keep_foreign(buffer, old, meta) : NULL;
  if (old != NULL)
    gst_buffer_remove_meta(buffer, (GstMeta *)old);
  if (kept != NULL) {
    gst_buffer_copy_into(buffer, kept, GST_BUFFER_COPY_META, 0, (gsize)-1);
    gst_buffer_unref(kept);
  } else if (n == 0) {
    return NULL;
  }
  return gst_buffer_add_analytics_relation_meta_full(buffer, &room);
}

/* The most probable label comes first: that one GStreamer's own overlay shows. */
static void add_classification(GstAnalyticsRelationMeta *r, const GstFmnistResult *result, const GstAnalyticsMtd *od) {
  guint n = (guint)result->n;
  int *top = g_new(int, n);
  GQuark *labels = g_new(GQuark, n);
  float *levels = g_new(float, n);
  GstAnalyticsClsMtd cls;
  gst_fmnist_result_top(result, result->n, top);
  for (guint i = 0; i < n; i++) {
    labels[i] = g_quark_from_string(gst_fmnist_result_label_at(result, top[i]));
    levels[i] = result->probabilities[top[i]];
  }
  if (gst_analytics_relation_meta_add_cls_mtd(r, n, levels, labels, &cls))
    relate(r, od, &cls);
  g_free(top);
  g_free(labels);
  g_free(levels);
}

static void add_tracking(GstAnalyticsRelationMeta *r, const GstFmnistObject *o, GstClockTime now,
                         const GstAnalyticsMtd *od) {
  GstAnalyticsTrackingMtd tracking;
  GstClockTime first = GST_CLOCK_TIME_IS_VALID(o->first_seen) ? o->first_seen : now;
  if (!gst_analytics_relation_meta_add_tracking_mtd(r, o->id, first, &tracking))
    return;
  gst_analytics_tracking_mtd_update_last_seen(&tracking, now);
  relate(r, od, &tracking);
}

#if GST_CHECK_VERSION(1, 26, 0)
static void add_mask(GstAnalyticsRelationMeta *r, const GstFmnistGrid *grid, const GstFmnistPixelBox *box,
                     guint8 region, const GstAnalyticsMtd *od) {
  gsize size, offset[GST_VIDEO_MAX_PLANES] = {0};
  gint stride[GST_VIDEO_MAX_PLANES] = {grid->width};
  const guint8 *inside = g_bytes_get_data(grid->data, &size);
  guint8 *pixels = g_malloc(size);
  guint regions[] = {0, region};
  GstAnalyticsSegmentationMtd mask;
  GstBuffer *buffer;
  for (gsize i = 0; i < size; i++)
    pixels[i] = inside[i] & region;
  buffer = gst_buffer_new_wrapped(pixels, size);
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_GRAY8, (guint)grid->width,
                                 (guint)grid->height, 1, offset, stride);
  if (!gst_analytics_relation_meta_add_segmentation_mtd(r, buffer, GST_SEGMENTATION_TYPE_INSTANCE,
                                                        G_N_ELEMENTS(regions), regions, box->x, box->y, (guint)box->w,
                                                        (guint)box->h, &mask))
    return;
  relate(r, od, &mask);
  relate(r, &mask, od);
}
#endif

/* The detection as its detector called it; what classifiers say, and the rest, is related to it. */
static void add_object(GstAnalyticsRelationMeta *r, const GstFmnistObject *o, guint number, int width, int height,
                       GstClockTime now) {
  GstFmnistPixelBox b = gst_fmnist_box_pixels(&o->box, width, height);
  GstAnalyticsODMtd od;
  if (!gst_analytics_relation_meta_add_od_mtd(r, o->label, b.x, b.y, b.w, b.h, (float)o->confidence, &od))
    return;
  if (o->result != NULL)
    add_classification(r, o->result, &od);
  if (o->id > 0)
    add_tracking(r, o, now, &od);
#if GST_CHECK_VERSION(1, 26, 0)
  if (o->mask.data != NULL)
    add_mask(r, &o->mask, &b, (guint8)(number % G_MAXUINT8 + 1), &od);
#endif
}

void gst_fmnist_analytics_publish(GstBuffer *buffer, int width, int height, GstClockTime now) {
  GstFmnistMeta *meta = gst_fmnist_meta_get(buffer);
  GstAnalyticsRelationMeta *r = meta != NULL ? begin(buffer, meta) : NULL;
  if (r == NULL)
    return;
  meta->analytics_first = (guint)gst_analytics_relation_get_length(r);
  for (guint i = 0; i < gst_fmnist_meta_size(meta); i++)
    add_object(r, gst_fmnist_meta_object(meta, i), i, width, height, now);
  meta->analytics_n = (guint)gst_analytics_relation_get_length(r) - meta->analytics_first;
}
