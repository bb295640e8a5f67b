/* What a pad at the end of a pipeline sees: how late frames come, and how old their results are. */
#ifndef TESTS_LIVE_LATENCY_H
#define TESTS_LIVE_LATENCY_H

#include <stdlib.h>

#include "gstfmnistmeta.h"

typedef double (*LatencyAge)(GstPad *pad, GstBuffer *buffer); /* ms; negative: not known */

typedef struct {
  LatencyAge age;
  GArray *late;  /* of double: ages of the frames at their arrival */
  GArray *times; /* of GstClockTime: their timestamps */
  GArray *fresh; /* of double: how many frames old a result is where it is attached first */
  guint unread;  /* frames of unknown age */
  guint named;   /* frames with objects */
  guint now;     /* those whose result is of the very frame */
  guint oldest;  /* greatest frames_ago */
  gint64 ago;    /* frames_ago of the frame before; -2: it had no objects */
} Latency;

/* ms since a frame's timestamp. */
static inline double latency_of_timestamp(GstPad *pad, GstBuffer *buffer) {
  GstElement *element = gst_pad_get_parent_element(pad);
  GstClockTime now = gst_element_get_current_running_time(element);
  gst_object_unref(element);
  return MAX(0, ((double)now - (double)GST_BUFFER_PTS(buffer)) / GST_MSECOND);
}

static inline void latency_add_result(Latency *l, guint ago) {
  double frames = ago;
  if ((gint64)ago != l->ago + 1)
    g_array_append_val(l->fresh, frames);
  l->ago = ago;
  l->named++;
  l->now += ago == 0;
  l->oldest = MAX(l->oldest, ago);
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
  g_array_append_val(l->times, GST_BUFFER_PTS(buffer));
  if (meta != NULL && gst_fmnist_meta_size(meta) > 0)
    latency_add_result(l, MAX(gst_fmnist_meta_object(meta, 0)->found_ago, gst_fmnist_meta_object(meta, 0)->frames_ago));
  else
    l->ago = -2;
  return GST_PAD_PROBE_OK;
}

/* At the sink pad of the element with that name, until the pipeline goes. */
static inline void latency_watch(Latency *l, GstElement *pipeline, const char *name, LatencyAge age) {
  GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline), name);
  GstPad *pad = gst_element_get_static_pad(element, "sink");
  *l = (Latency){.age = age,
                 .late = g_array_new(FALSE, FALSE, sizeof(double)),
                 .times = g_array_new(FALSE, FALSE, sizeof(GstClockTime)),
                 .fresh = g_array_new(FALSE, FALSE, sizeof(double)),
                 .ago = -2};
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, latency_probe, l, NULL);
  gst_object_unref(pad);
  gst_object_unref(element);
}

static inline void latency_clear(Latency *l) {
  g_array_unref(l->late);
  g_array_unref(l->times);
  g_array_unref(l->fresh);
}

static inline int latency_compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The value of that rank, 0 to 1, among those from..to; 0 where there are none. */
static inline double latency_rank(const GArray *values, guint from, guint to, double share) {
  GArray *part;
  double v;
  if (from >= to)
    return 0;
  part = g_array_new(FALSE, FALSE, sizeof(double));
  g_array_append_vals(part, &g_array_index(values, double, from), to - from);
  qsort(part->data, part->len, sizeof(double), latency_compare);
  v = g_array_index(part, double, MIN((guint)(share * part->len), part->len - 1));
  g_array_unref(part);
  return v;
}

/* The given share of the frames from..to came within so many ms. */
static inline double latency_percentile(const Latency *l, guint from, guint to, double share) {
  return latency_rank(l->late, from, to, share);
}

/* How old half of the results are at most, in frames, where they come out. Never more than an inference takes, a frame
 * before it and one after it, where it is the newest frame that waits. */
static inline double latency_fresh(const Latency *l) { return latency_rank(l->fresh, 0, l->fresh->len, 0.5); }

/* Two frame times and an inference (ms) are what frames may take (of those from from on, 95 in 100) and how old new
 * results may be; and it does not pile up. */
static inline gboolean latency_is_bounded(const Latency *l, guint from, double frame, double inference) {
  const guint n = l->late->len, third = (n - from) / 3;
  return latency_percentile(l, from, n, 0.95) < 2 * frame + inference &&
         latency_fresh(l) * frame < 2 * frame + inference &&
         latency_percentile(l, n - third, n, 0.5) < latency_percentile(l, from, from + third, 0.5) + frame;
}

/* A sanitizer makes networks ten times as slow, and what stands around them, too: then only what is counted is tested.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LATENCY_KEEPS_TIME FALSE
#else
#define LATENCY_KEEPS_TIME TRUE
#endif

#define LATENCY_TRIES 3 /* for a machine that other programs need at the same moment; what blocks does so each time */

#endif
