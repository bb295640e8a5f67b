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

/* How much of the loss is about what a teacher says, and at what temperature. */
typedef struct {
  double weight;      /* 0..1; the rest is that of the targets */
  double temperature; /* > 0: both distributions are softened by it */
} FmnDistillation;

/* (1 - weight) times the loss above and weight times temperature² times the Kullback-Leibler divergence of the
 * student's softened probabilities from the teacher's (Hinton, Vinyals & Dean 2015). teacher: logits, n × classes. */
FmnLoss fmn_loss_distilled(const float *logits, const float *targets, const float *teacher, int n, int classes,
                           double smoothing, const FmnDistillation *distillation, float *gradient);

/* Probabilities of n × classes logits divided by temperature (> 0); in place allowed. */
void fmn_softmax(const float *logits, int n, int classes, double temperature, float *probabilities);

/* Index of the largest value; NaN is never the largest, 0 when there is nothing else. */
int fmn_argmax(const float *values, int n);

#endif
