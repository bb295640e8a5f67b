/* What makes a classifier's confidence mean something: fitted on images that it was not trained on. */
#ifndef FMN_TRAIN_CALIBRATE_H
#define FMN_TRAIN_CALIBRATE_H

#include <glib.h>

/* Share of the right answers that may fall under the threshold. */
#define FMN_THRESHOLD_SHARE 0.005

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

/* Both, from n × classes logits; temperature 1 and threshold 0 for n = 0. */
FmnCalibration fmn_calibrate(const float *logits, const guint8 *labels, int n, int classes, double share);

#endif
