/* What an element counts for its property `stats`. */
#ifndef GST_FMNIST_STATS_H
#define GST_FMNIST_STATS_H

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_FMNIST_STATS_TIMES 256 /* the newest so many inferences make up p50 and p95 */

typedef struct {
  guint64 frames;   /* that came */
  guint64 inferred; /* that the network has looked at */
  guint64 reused;   /* that went on with an earlier frame's results */
  guint64 dropped;  /* that were due, but a newer one took their place or they were late already */
  float ms[GST_FMNIST_STATS_TIMES];
  guint times; /* ever written to ms, which is a ring */
} GstFmnistStats;

void gst_fmnist_stats_add_time(GstFmnistStats *s, GstClockTime time);

/* `stats` {frames, inferred, reused, dropped (guint64), p50, p95 (double, ms an inference; 0: none yet), live
 * (boolean)}; the caller owns it. */
GstStructure *gst_fmnist_stats_structure(const GstFmnistStats *s, gboolean live);

G_END_DECLS

#endif
