/* How good a classifier's answers are. */
#ifndef FMN_TRAIN_METRICS_H
#define FMN_TRAIN_METRICS_H

#include <glib.h>

#define FMN_ECE_BINS 15

typedef struct {
  int n, classes;
  double accuracy;                 /* 0..1, as the rest */
  double ece;                      /* expected calibration error over 15 bins of equal width (Guo et al. 2017) */
  double nll;                      /* mean negative log-likelihood */
  double *precision, *recall, *f1; /* one a class; 0 where nothing was predicted or there */
  int *support;                    /* images of each class */
  int *confusion;                  /* classes × classes; row: the true class, column: the answer */
} FmnMetrics;

/* From n × classes probabilities and the true labels (< classes). A row without any number counts as an answer of class
 * 0 with confidence 0. Free with fmn_metrics_free(). */
FmnMetrics *fmn_metrics_new(const float *probabilities, const guint8 *labels, int n, int classes);
void fmn_metrics_free(FmnMetrics *m); /* NULL allowed */

#endif
