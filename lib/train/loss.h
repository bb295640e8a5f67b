/* The loss of classifiers. */
#ifndef FMN_TRAIN_LOSS_H
#define FMN_TRAIN_LOSS_H

#include <glib.h>

typedef struct {
  double loss; /* sum over the images */
  int correct; /* images whose largest logit is that of the largest target */
} FmnLoss;

/* Softmax and cross-entropy of n × classes logits against target distributions (rows that sum to 1), of which
 * `smoothing` (0..1) is spread evenly over all classes (label smoothing, Szegedy et al. 2016). gradient (n × classes,
 * may be NULL) gets that of the mean over the n images. */
FmnLoss fmn_loss_cross_entropy(const float *logits, const float *targets, int n, int classes, double smoothing,
                               float *gradient);

/* Probabilities of n × classes logits divided by temperature (> 0); in place allowed. */
void fmn_softmax(const float *logits, int n, int classes, double temperature, float *probabilities);

/* Index of the largest value; NaN is never the largest, 0 when there is nothing else. */
int fmn_argmax(const float *values, int n);

#endif
