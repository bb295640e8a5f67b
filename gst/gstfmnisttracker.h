/* Follows objects from frame to frame by the overlap of their boxes, so that a result can be kept with its object. */
#ifndef GST_FMNIST_TRACKER_H
#define GST_FMNIST_TRACKER_H

#include "gstfmnistmeta.h"
#include "gstfmnistsmoother.h"

G_BEGIN_DECLS

typedef struct {
  guint id; /* ≥ 1, unique in this tracker until it is reset */
  FmnBox box;
  GstClockTime first_seen;     /* running time of the first frame that it was in */
  GstClockTime last_seen;      /* and of the last */
  guint missed;                /* frames since it was last seen */
  GstFmnistResult *result;     /* the newest, or NULL; owned reference */
  guint result_age;            /* frames since the one that result is of */
  GstClockTime result_time;    /* timestamp of that one */
  GstFmnistSmoother *smoother; /* NULL until there is one; owned */
} GstFmnistTrack;

typedef struct GstFmnistTracker GstFmnistTracker;

/* An object that is not seen is remembered for half a second. For one thread at a time. */
GstFmnistTracker *gst_fmnist_tracker_new(void);
void gst_fmnist_tracker_free(GstFmnistTracker *t); /* NULL allowed */
void gst_fmnist_tracker_reset(GstFmnistTracker *t);

/* One new frame, of running time now (GST_CLOCK_TIME_NONE: unknown), with n boxes: tracks[i] becomes the track of boxes[i], a new one where none overlaps enough; best
 * overlaps are matched first. The tracks belong to t and hold until the next call. */
void gst_fmnist_tracker_update(GstFmnistTracker *t, const FmnBox *boxes, guint n, GstClockTime now,
                               GstFmnistTrack **tracks);

/* The track with that id, or NULL. */
GstFmnistTrack *gst_fmnist_tracker_find(GstFmnistTracker *t, guint id);

/* Tracks that were not seen in the last update have a frame without their object, as of gst_fmnist_smoother_miss(). */
void gst_fmnist_tracker_miss(GstFmnistTracker *t, GstClockTime time, GstClockTime frame_time, guint smoothing);

/* Smoothers go, tracks and results stay. */
void gst_fmnist_tracker_forget_smoothers(GstFmnistTracker *t);

G_END_DECLS

#endif
