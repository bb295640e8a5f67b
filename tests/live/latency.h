/* What a pad at the end of a pipeline sees: how late frames come, and how old their results are. */
#ifndef TESTS_LIVE_LATENCY_H
#define TESTS_LIVE_LATENCY_H

#include <stdlib.h>

#include "gstfmnistmeta.h"

typedef double (*LatencyAge)(GstPad *pad, GstBuffer *buffer); /* ms; negative: not known */

typedef struct {
  LatencyAge age;
  GArray *late;      /* of double: ages of the frames at their arrival */
  guint unread;      /* frames of unknown age */
  guint named;       /* frames with objects */
  guint oldest;      /* greatest frames_ago */
  GstClockTime last; /* timestamp */
  gboolean ordered;
} Latency;

/* ms since a frame's timestamp. */
static inline double latency_of_timestamp(GstPad *pad, GstBuffer *buffer) {
  GstElement *element = gst_pad_get_parent_element(pad);
  GstClockTime now = gst_element_get_current_running_time(element);
  gst_object_unref(element);
  return MAX(0, ((double)now - (double)GST_BUFFER_PTS(buffer)) / GST_MSECOND);
}

static inline GstPadProbeReturn latency_probe(GstPad *pad, GstPadProbeInfo *info, gpointer user) {
  Latency *l = user;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  GstFmnistMeta *meta = gst_fmnist_meta_get(buffer);
  double ms = l->age(pad, buffer);
  if (ms >= 0)
    g_array_append_val(l->late, ms);
  else
    l->unread++;
  l->ordered &= !GST_CLOCK_TIME_IS_VALID(l->last) || GST_BUFFER_PTS(buffer) > l->last;
  l->last = GST_BUFFER_PTS(buffer);
  if (meta != NULL && gst_fmnist_meta_size(meta) > 0) {
    l->named++;
    l->oldest = MAX(l->oldest, gst_fmnist_meta_object(meta, 0)->frames_ago);
  }
  return GST_PAD_PROBE_OK;
}

/* At the sink pad of the element with that name, until the pipeline goes. */
static inline void latency_watch(Latency *l, GstElement *pipeline, const char *name, LatencyAge age) {
  GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline), name);
  GstPad *pad = gst_element_get_static_pad(element, "sink");
  *l = (Latency){
      .age = age, .late = g_array_new(FALSE, FALSE, sizeof(double)), .last = GST_CLOCK_TIME_NONE, .ordered = TRUE};
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, latency_probe, l, NULL);
  gst_object_unref(pad);
  gst_object_unref(element);
}

static inline int latency_compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The given share of the frames from..to came within so many ms. */
static inline double latency_percentile(const Latency *l, guint from, guint to, double share) {
  GArray *part = g_array_new(FALSE, FALSE, sizeof(double));
  double v;
  g_array_append_vals(part, &g_array_index(l->late, double, from), to - from);
  qsort(part->data, part->len, sizeof(double), latency_compare);
  v = g_array_index(part, double, MIN((guint)(share * part->len), part->len - 1));
  g_array_unref(part);
  return v;
}

#endif
