#include "gstfmniststats.h"

#include <stdlib.h>
#include <string.h>

void gst_fmnist_stats_add_time(GstFmnistStats *s, GstClockTime time) {
  s->ms[s->times % GST_FMNIST_STATS_TIMES] = (float)((double)time / GST_MSECOND);
  s->times++;
  if (s->times == 2 * GST_FMNIST_STATS_TIMES)
    s->times = GST_FMNIST_STATS_TIMES;
}

static int compare(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* The smallest value that at least share of the n sorted ones do not exceed. */
static double percentile(const float *sorted, guint n, double share) {
  guint rank = (guint)(share * n + 0.999999);
  return n > 0 ? (double)sorted[CLAMP(rank, 1, n) - 1] : 0;
}

GstStructure *gst_fmnist_stats_structure(const GstFmnistStats *s, gboolean live) {
  float sorted[GST_FMNIST_STATS_TIMES];
  guint n = MIN(s->times, GST_FMNIST_STATS_TIMES);
  memcpy(sorted, s->ms, n * sizeof *sorted);
  qsort(sorted, n, sizeof *sorted, compare);
  return gst_structure_new("stats", "frames", G_TYPE_UINT64, s->frames, "inferred", G_TYPE_UINT64, s->inferred,
                           "reused", G_TYPE_UINT64, s->reused, "dropped", G_TYPE_UINT64, s->dropped, "p50",
                           G_TYPE_DOUBLE, percentile(sorted, n, 0.5), "p95", G_TYPE_DOUBLE, percentile(sorted, n, 0.95),
                           "live", G_TYPE_BOOLEAN, live, NULL);
}
