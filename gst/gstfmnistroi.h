/* The objects of GstFmnistMeta in the words of other software: GstVideoRegionOfInterestMeta, GstStructure. */
#ifndef GST_FMNIST_ROI_H
#define GST_FMNIST_ROI_H

#include "gstfmnistmeta.h"

G_BEGIN_DECLS

typedef struct {
  int x, y, w, h; /* pixels */
} GstFmnistPixelBox;

/* The part of a box that lies in a picture of that size, at least one pixel. */
GstFmnistPixelBox gst_fmnist_box_pixels(const FmnBox *box, int width, int height);

/* `detection` {x_min, x_max, y_min, y_max, confidence (double, 0..1), label_id (int), label}, where it is of an earlier
 * frame frames_ago (uint), too; the caller owns it. */
GstStructure *gst_fmnist_object_detection(const GstFmnistObject *o);
/* `classification` {label, label_id (int), confidence (double), model_name, probabilities (GstValueArray of double), frames_ago
 * (uint)}; NULL for an object without result; the caller owns it. */
GstStructure *gst_fmnist_object_classification(const GstFmnistObject *o);
/* `object` {x, y, w, h (int, pixels), id (uint), roi_type, detection, classification}; the caller owns it. */
GstStructure *gst_fmnist_object_structure(const GstFmnistObject *o, int width, int height);

/* Adds the object's region of interest to the writable buffer, or renews it where it is there already. */
void gst_fmnist_roi_publish(GstBuffer *buffer, GstFmnistObject *o, int width, int height);

/* The next region of interest that no object of m (NULL: none) stands for; *state as for gst_buffer_iterate_meta(). */
GstVideoRegionOfInterestMeta *gst_fmnist_roi_next_foreign(GstBuffer *buffer, const GstFmnistMeta *m, gpointer *state);

/* Its box in shares of a picture of that size. */
FmnBox gst_fmnist_roi_box(const GstVideoRegionOfInterestMeta *roi, int width, int height);

G_END_DECLS

#endif
