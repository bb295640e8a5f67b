/* What a detector has found last: an object a box. Or, where names are smoothed, an object a place: boxes of other
 * labels in the same place are one object, of which it is known how sure each label is, and its name is the surest one
 * in the mean over time, from its first frame on; frames in which it is not found count as 0. */
#ifndef GST_FMNIST_FOUND_H
#define GST_FMNIST_FOUND_H

#include "detect/nms.h"
#include "gstfmnisttracker.h"

G_BEGIN_DECLS

typedef struct GstFmnistFound GstFmnistFound;

/* How names are smoothed. */
typedef struct {
  guint smoothing;               /* ms, 0: not */
  double threshold;              /* confidence that an object needs more than; boxes below it count for the mean */
  GstClockTime time, frame_time; /* timestamp of the frame that was looked at; as of gst_fmnist_smoother_update() */
} GstFmnistSmoothing;

GstFmnistFound *gst_fmnist_found_new(void);
void gst_fmnist_found_free(GstFmnistFound *f);
void gst_fmnist_found_clear(GstFmnistFound *f);

/* The newest: n detections, the surest first, of labels with these names (n_labels, copied). Smoothed, they become at
 * most `most` objects. */
void gst_fmnist_found_set(GstFmnistFound *f, const FmnDetection *detections, guint n, guint most, const GQuark *names,
                          guint n_labels, const GstFmnistSmoothing *smoothing);

/* Objects, and their boxes; both hold until the next call of another function. */
guint gst_fmnist_found_size(const GstFmnistFound *f);
const FmnBox *gst_fmnist_found_boxes(const GstFmnistFound *f);

/* With the objects' tracks, in their order, after these were updated; does something once after each set(). */
void gst_fmnist_found_steady(GstFmnistFound *f, GstFmnistTracker *tracker, GstFmnistTrack *const *tracks);

/* FALSE: object i is less sure than the threshold. */
gboolean gst_fmnist_found_get(const GstFmnistFound *f, guint i, FmnDetection *detection, GQuark *name);

G_END_DECLS

#endif
