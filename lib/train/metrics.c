#include "train/metrics.h"

#include <math.h>
#include <string.h>

#include "train/loss.h"

#define SMALLEST_PROBABILITY 1e-12

static double ratio(double a, double b) { return b > 0 ? a / b : 0; }

static void per_class(FmnMetrics *m) {
  for (int k = 0; k < m->classes; k++) {
    int predicted = 0, hit = m->confusion[k * m->classes + k];
    for (int j = 0; j < m->classes; j++) {
      predicted += m->confusion[j * m->classes + k];
      m->support[k] += m->confusion[k * m->classes + j];
    }
    m->precision[k] = ratio(hit, predicted);
    m->recall[k] = ratio(hit, m->support[k]);
    m->f1[k] = ratio(2 * m->precision[k] * m->recall[k], m->precision[k] + m->recall[k]);
  }
}

FmnMetrics *fmn_metrics_new(const float *probabilities, const guint8 *labels, int n, int classes) {
  FmnMetrics *m = g_new0(FmnMetrics, 1);
  double confidence[FMN_ECE_BINS] = {0}, hits[FMN_ECE_BINS] = {0};
  int correct = 0;
  m->n = n;
  m->classes = classes;
  m->precision = g_new0(double, classes);
  m->recall = g_new0(double, classes);
  m->f1 = g_new0(double, classes);
  m->support = g_new0(int, classes);
  m->confusion = g_new0(int, classes *classes);
  for (int i = 0; i < n; i++) {
    const float *p = probabilities + (gsize)i * (gsize)classes;
    int answer = fmn_argmax(p, classes);
    double top = isnan(p[answer]) ? 0 : CLAMP((double)p[answer], 0, 1), own = (double)p[labels[i]];
    /* Bins are open below and closed above. */
    int bin = CLAMP((int)ceil(top * FMN_ECE_BINS) - 1, 0, FMN_ECE_BINS - 1);
    m->confusion[labels[i] * classes + answer]++;
    correct += answer == labels[i];
    confidence[bin] += top;
    hits[bin] += answer == labels[i];
    m->nll -= log(own >= SMALLEST_PROBABILITY ? own : SMALLEST_PROBABILITY);
  }
  for (int b = 0; b < FMN_ECE_BINS; b++)
    m->ece += ratio(fabs(confidence[b] - hits[b]), n);
  m->nll = ratio(m->nll, n);
  m->accuracy = ratio(correct, n);
  per_class(m);
  return m;
}

void fmn_metrics_free(FmnMetrics *m) {
  if (!m)
    return;
  g_free(m->precision);
  g_free(m->recall);
  g_free(m->f1);
  g_free(m->support);
  g_free(m->confusion);
  g_free(m);
}
