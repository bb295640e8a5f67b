/* Average precision of a detector as COCO defines it (Lin et al. 2014; the program pycocotools): over recall 0, .01,
 * ... 1, at an overlap (intersection over union) of .50, and as the mean over .50, .55, ... .95. */
#ifndef FMN_TRAIN_AVERAGE_PRECISION_H
#define FMN_TRAIN_AVERAGE_PRECISION_H

#include "fmnist.h"

#define FMN_AP_OVERLAPS 10
#define FMN_AP_MAX_DETECTIONS 100 /* an image and class; the surest count */

/* An object that is in a picture. */
typedef struct {
  FmnBox box;
  int label;
  const float *shares; /* for training: of each class, as a teacher says; borrowed; NULL: the label's alone */
} FmnTruth;

typedef struct {
  int classes, n;         /* images */
  double map50, map50_95; /* mean over the classes that are there; NAN where there is none */
  double *ap50, *ap50_95; /* one a class; NAN where it is not there */
  int *support;           /* objects of each class */
  double found50;         /* as map50, but whatever class an object is taken for: how well things are found */
} FmnDetectionMetrics;

typedef struct FmnAp FmnAp;

FmnAp *fmn_ap_new(int classes);
void fmn_ap_free(FmnAp *ap); /* NULL allowed */

/* Adds one image: what was found (any order, labels 0 ≤ l < classes) and what is there. Of equal confidences those that
 * come first count first. */
void fmn_ap_add(FmnAp *ap, const FmnDetection *found, int n_found, const FmnTruth *truth, int n_truth);

/* Free with fmn_detection_metrics_free(). */
FmnDetectionMetrics *fmn_ap_metrics(FmnAp *ap);
void fmn_detection_metrics_free(FmnDetectionMetrics *m); /* NULL allowed */

#endif
