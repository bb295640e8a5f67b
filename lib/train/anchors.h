/* Anchors that fit the objects of a detector's scenes. */
#ifndef FMN_TRAIN_ANCHORS_H
#define FMN_TRAIN_ANCHORS_H

#include "detect/yolo.h"

/* k-means over n ≥ 1 sizes of objects (pixels of the input) with 1 − IoU as the distance (Redmon & Farhadi 2017,
 * "YOLO9000", section 2), from sizes evenly spread by area. Sorted by area. Returns the mean IoU of each size with its
 * best anchor. */
double fmn_anchors_fit(const FmnAnchor *sizes, int n, FmnAnchor anchors[FMN_YOLO_ANCHORS]);

/* That mean for any anchors. */
double fmn_anchors_mean_iou(const FmnAnchor *sizes, int n, const FmnAnchor anchors[FMN_YOLO_ANCHORS]);

#endif
