/* What makes a classifier's confidence mean something: fitted on images that it was not trained on. */
#ifndef FMN_TRAIN_CALIBRATE_H
#define FMN_TRAIN_CALIBRATE_H

#include "train/data.h"

/* Share of the right answers that may fall under the threshold; and where there are pictures of none of the classes. */
#define FMN_THRESHOLD_SHARE 0.005
#define FMN_THRESHOLD_SHARE_UNKNOWN 0.04
/* Share of these that a threshold need not turn away. */
#define FMN_THRESHOLD_ASSERTED 0.005
/* With fewer images a temperature says little: where all answers are right, the smallest seems best. */
#define FMN_TEMPERATURE_IMAGES 100

typedef struct {
  double temperature; /* logits are divided by it */
  double threshold;   /* confidence, after that, under which nothing is asserted */
} FmnCalibration;

/* The temperature (0.05..20) by which dividing the logits gives the smallest negative log-likelihood (Guo et al. 2017);
 * 1 for n = 0. */
double fmn_fit_temperature(const float *logits, const guint8 *labels, int n, int classes);

/* The highest threshold (0..1, in steps of 0.0001) that at most `share` of the right answers stay under: what of a
 * known kind it turns away is bounded, and as much as that allows is turned away of all else. 0 where nothing is right.
 */
double fmn_fit_threshold(const float *probabilities, const guint8 *labels, int n, int classes, double share);

/* The lowest threshold (0..1, in steps of 0.0001) that at most `share` of n rows of probabilities do not stay under; 0
 * for n = 0. */
double fmn_fit_threshold_unknown(const float *probabilities, int n, int classes, double share);

/* Both, from the logits (n × classes) of the images that a training set aside, labels being their classes, and those of
 * its pictures of none of the classes. At most `share` of the right answers to the images of any data set stay under
 * the threshold; with such pictures, a threshold that loses fewer is taken where it turns away all but
 * FMN_THRESHOLD_ASSERTED of them and loses FMN_THRESHOLD_SHARE or more. share < 0: FMN_THRESHOLD_SHARE, or
 * FMN_THRESHOLD_SHARE_UNKNOWN with them. Temperature 1 with fewer than
 * FMN_TEMPERATURE_IMAGES, and threshold 0 without images. */
FmnCalibration fmn_calibrate(const FmnTrainData *data, const float *logits, const guint8 *labels, const float *unknown,
                             int classes, double share);

#endif
