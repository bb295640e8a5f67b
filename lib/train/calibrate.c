#include "train/calibrate.h"

#include <math.h>
#include <stdlib.h>

#include "train/loss.h"

#define THRESHOLD_STEPS 10000

static double nll_at(const float *logits, const guint8 *labels, int n, int classes, double log_temperature) {
  double temperature = exp(log_temperature), sum = 0;
  for (int i = 0; i < n; i++) {
    const float *x = logits + (gsize)i * (gsize)classes;
    double max = -HUGE_VAL, total = 0;
    for (int k = 0; k < classes; k++)
      max = fmax(max, (double)x[k] / temperature);
    for (int k = 0; k < classes; k++)
      total += exp((double)x[k] / temperature - max);
    sum += log(total) + max - (double)x[labels[i]] / temperature;
  }
  return sum;
}

double fmn_fit_temperature(const float *logits, const guint8 *labels, int n, int classes) {
  if (n < 1)
    return 1;
  /* The loss has one minimum in 1/T, so golden-section search finds it. */
  const double golden = (sqrt(5) - 1) / 2;
  double a = log(0.05), b = log(20), c = b - golden * (b - a), d = a + golden * (b - a);
  double fc = nll_at(logits, labels, n, classes, c), fd = nll_at(logits, labels, n, classes, d);
  while (b - a > 1e-4) {
    if (fc < fd) {
      b = d, d = c, fd = fc, c = b - golden * (b - a);
      fc = nll_at(logits, labels, n, classes, c);
    } else {
      a = c, c = d, fc = fd, d = a + golden * (b - a);
      fd = nll_at(logits, labels, n, classes, d);
    }
  }
  return exp((a + b) / 2);
}

static int by_value(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

double fmn_fit_threshold(const float *probabilities, const guint8 *labels, int n, int classes, double share) {
  g_autofree float *right = g_new(float, MAX(1, n));
  int n_right = 0;
  for (int i = 0; i < n; i++) {
    const float *p = probabilities + (gsize)i * (gsize)classes;
    int answer = fmn_argmax(p, classes);
    if (answer == labels[i] && !isnan(p[answer]))
      right[n_right++] = p[answer];
  }
  if (n_right == 0)
    return 0;
  qsort(right, (gsize)n_right, sizeof *right, by_value);
  int under = MIN((int)(share * n_right), n_right - 1);
  return floor(CLAMP((double)right[under], 0, 1) * THRESHOLD_STEPS) / THRESHOLD_STEPS;
}

static int descending(const void *a, const void *b) { return by_value(b, a); }

double fmn_fit_threshold_unknown(const float *probabilities, int n, int classes, double share) {
  g_autofree float *highest = g_new(float, MAX(1, n));
  for (int i = 0; i < n; i++, probabilities += classes)
    highest[i] = probabilities[fmn_argmax(probabilities, classes)];
  qsort(highest, (gsize)n, sizeof *highest, descending);
  int over = (int)(share * n);
  return over >= n ? 0 : MIN(floor((double)highest[over] * THRESHOLD_STEPS + 1) / THRESHOLD_STEPS, 1);
}

/* The highest that is within bounds for every data set. */
static double fit_sets(const FmnTrainData *data, const float *p, const guint8 *labels, int classes, double share) {
  double threshold = 1;
  int sets = 0;
  for (int i = 0; i < fmn_train_data_n_sets(data); i++) {
    int first, n = fmn_train_data_set(data, i, &first);
    if (n == 0)
      continue;
    threshold = MIN(threshold, fmn_fit_threshold(p + (gsize)first * (gsize)classes, labels + first, n, classes, share));
    sets++;
  }
  return sets ? threshold : 0;
}

FmnCalibration fmn_calibrate(const FmnTrainData *data, const float *logits, const guint8 *labels, const float *unknown,
                             int classes, double share) {
  int n = fmn_train_data_validation(data)->n, n_unknown = fmn_train_data_unknown(data)->n;
  FmnCalibration c = {n < FMN_TEMPERATURE_IMAGES ? 1 : fmn_fit_temperature(logits, labels, n, classes), 0};
  g_autofree float *p = g_new(float, MAX(1, (gsize)MAX(n, n_unknown) * (gsize)classes));
  fmn_softmax(logits, n, classes, c.temperature, p);
  double most = n_unknown ? FMN_THRESHOLD_SHARE_UNKNOWN : FMN_THRESHOLD_SHARE;
  c.threshold = fit_sets(data, p, labels, classes, share < 0 ? most : share);
  if (n_unknown == 0)
    return c;
  double least = MIN(c.threshold, fit_sets(data, p, labels, classes, FMN_THRESHOLD_SHARE));
  fmn_softmax(unknown, n_unknown, classes, c.temperature, p);
  c.threshold = CLAMP(fmn_fit_threshold_unknown(p, n_unknown, classes, FMN_THRESHOLD_ASSERTED), least, c.threshold);
  return c;
}
