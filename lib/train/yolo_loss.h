/* The loss of YOLOv3 (Redmon & Farhadi 2018, section 2), but for boxes: theirs is the distance-IoU loss (Zheng et al.
 * 2020, Distance-IoU Loss: Faster and Better Learning for Bounding Box Regression). */
#ifndef FMN_TRAIN_YOLO_LOSS_H
#define FMN_TRAIN_YOLO_LOSS_H

#include "detect/yolo.h"
#include "nn/pool.h"
#include "train/average_precision.h"

typedef struct {
  double ignore; /* a box that overlaps an object by more than this, without being the one to tell it, need not say
                  * that nothing is there; 0..1, default 0.7 */
  double match; /* besides the anchor of best shape, every anchor whose shape overlaps the object's by more than this is
                 * to tell it; 1: the best alone; default 0.5 */
  double box_weight, class_weight; /* of these parts of the sum; default 10, 1 */
  double label_smoothing;          /* 0..1, of the classes; default 0 */
} FmnYoloLossOptions;

#define FMN_YOLO_LOSS_DEFAULTS                                                                                         \
  { 0.7, 0.5, 10, 1, 0 }

typedef struct {
  double loss, box, objectness, classes; /* sums over the images; loss is that of the other three, weighted */
  int positives, right; /* boxes that are to tell an object; those of them whose largest class is its */
} FmnYoloLoss;

/* Loss of n images. truth: all objects, boxes in shares of the input (input_w × input_h pixels); those of image i are
 * truth[first[i]] … truth[first[i + 1] - 1]. values: of each head, n × out.h × out.w × out.c. gradients, as large, get
 * that of the loss divided by n. pool may be NULL; the result does not depend on it. */
FmnYoloLoss fmn_yolo_loss(const FmnYolo *y, const FmnYoloLossOptions *options, const FmnTruth *truth, const int *first,
                          int n, const float *const values[FMN_YOLO_HEADS], const FmnShape out[FMN_YOLO_HEADS],
                          int input_w, int input_h, FmnPool *pool, float *const gradients[FMN_YOLO_HEADS]);

/* Overlap of two boxes of those sizes that share their centre. */
double fmn_shape_iou(double w, double h, double other_w, double other_h);

#endif
