/* Overlap of boxes, and what is done about boxes that overlap. */
#ifndef FMN_DETECT_NMS_H
#define FMN_DETECT_NMS_H

#include "fmnist.h"

/* Of boxes in nearly the same place; on scenes of training items .65 and .8 were worse. */
#define FMN_VOTE_OVERLAP 0.5

/* Intersection over union, 0..1; 0 for boxes without area. The unit of the boxes does not matter. */
double fmn_box_iou(const FmnBox *a, const FmnBox *b);

/* Greedy non-maximum suppression, each class for itself: sorts n detections by confidence, the best first (equal ones
 * by label and box, so that the order does not depend on that given), and keeps those that overlap no kept one of their
 * class by more than iou_threshold. Each kept box then becomes the mean of itself and the suppressed ones of its class
 * that overlap it by FMN_VOTE_OVERLAP or more, weighted by confidence times overlap (after the box voting of Gidaris
 * and Komodakis 2015, "Object detection via a multi-region and semantic segmentation-aware CNN model"). Returns how
 * many, at most max, are left at the front; the rest of the list is not to be used. Labels are 0 to G_MAXINT - 1. */
int fmn_nms(FmnDetection *detections, int n, double iou_threshold, int max);

#endif
