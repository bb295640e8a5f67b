/* Garments that appear, change their name and leave, told from frame to frame by their ids, without what lasts for a
 * moment only. */
#ifndef GST_FMNIST_EVENTS_H
#define GST_FMNIST_EVENTS_H

#include "gstfmnistmeta.h"

G_BEGIN_DECLS

#define GST_FMNIST_EVENT_DELAY 250 /* ms, the default of the elements' properties */

typedef enum { GST_FMNIST_APPEAR, GST_FMNIST_CHANGE, GST_FMNIST_LEAVE } GstFmnistEventType;

typedef struct {
  GstFmnistEventType type;
  guint id;
  GQuark label, previous; /* previous: of a change, else 0 */
  double confidence;      /* when last seen, 0..1 */
  FmnBox box;             /* when last seen */
  GstClockTime time;      /* timestamp of the frame in which it is told */
  GstClockTime since;     /* of the one in which it began: first so named, or last seen */
} GstFmnistEvent;

typedef struct GstFmnistEvents GstFmnistEvents;

/* For one thread at a time. */
GstFmnistEvents *gst_fmnist_events_new(void);
void gst_fmnist_events_free(GstFmnistEvents *e); /* NULL allowed */
void gst_fmnist_events_reset(GstFmnistEvents *e);

#define GST_FMNIST_EVENTS_ALL G_MAXUINT

/* One frame with that timestamp: n objects of meta, told by indices, or GST_FMNIST_EVENTS_ALL of it. What is unnamed or unknown is not
 * there. out (of GstFmnistEvent) gets what has held for delay; meta may be NULL. A time before the last one begins
 * anew. */
void gst_fmnist_events_update(GstFmnistEvents *e, const GstFmnistMeta *meta, const guint *indices, guint n,
                              GstClockTime time, GstClockTime delay, GArray *out);
/* Nothing comes any more: all that were there leave. */
void gst_fmnist_events_end(GstFmnistEvents *e, GArray *out);

const char *gst_fmnist_event_name(const GstFmnistEvent *event); /* "appear", "change", "leave" */

/* `fmnist-event` {type, id (uint), label, previous (of a change), confidence (double), x, y, w, h (int, pixels),
 * timestamp, stream-time, running-time, since (guint64, ns; since is a timestamp)}; the caller owns it. */
GstStructure *gst_fmnist_event_structure(const GstFmnistEvent *event, const GstSegment *segment, int width, int height);

G_END_DECLS

#endif
