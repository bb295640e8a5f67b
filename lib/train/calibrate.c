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

FmnCalibration fmn_calibrate(const float *logits, const guint8 *labels, int n, int classes, double share) {
  FmnCalibration c = {fmn_fit_temperature(logits, labels, n, classes), 0};
  g_autofree float *p = g_new(float, MAX(1, (gsize)n * (gsize)classes));
  fmn_softmax(logits, n, classes, c.temperature, p);
  c.threshold = fmn_fit_threshold(p, labels, n, classes, share);
  return c;
}
