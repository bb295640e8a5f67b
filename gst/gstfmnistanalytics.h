/* The objects of GstFmnistMeta in the words of GStreamer's own analysis, GstAnalyticsRelationMeta, where that library
 * was there when the plugin was built (1.24 or newer; masks: 1.26): docs/metadata.md. */
#ifndef GST_FMNIST_ANALYTICS_H
#define GST_FMNIST_ANALYTICS_H

#include "gstfmnistmeta.h"

G_BEGIN_DECLS

#ifdef FMNIST_ANALYTICS
/* What was written for the buffer's objects before is replaced by what is known of them now; entries of other elements
 * stay, under other ids. Nothing where nobody looked for objects. The buffer must be writable; now: its running time.
 */
void gst_fmnist_analytics_publish(GstBuffer *buffer, int width, int height, GstClockTime now);
#else
static inline void gst_fmnist_analytics_publish(GstBuffer *buffer, int width, int height, GstClockTime now) {}
#endif

G_END_DECLS

#endif
