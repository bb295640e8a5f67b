#include "train/loss.h"

#include <math.h>

int fmn_argmax(const float *values, int n) {
  int best = -1;
  for (int i = 0; i < n; i++)
    if (!isnan(values[i]) && (best < 0 || values[i] > values[best]))
      best = i;
  return MAX(best, 0);
}

/* Largest logit and the logarithm of the sum of exp(logit - largest). */
static double log_sum(const float *x, int n, double scale, double *largest) {
  double max = -HUGE_VAL, sum = 0;
  for (int i = 0; i < n; i++)
    max = fmax(max, (double)x[i] * scale);
  for (int i = 0; i < n; i++)
    sum += exp((double)x[i] * scale - max);
  *largest = max;
  return log(sum);
}

FmnLoss fmn_loss_cross_entropy(const float *logits, const float *targets, int n, int classes, double smoothing,
                               float *gradient) {
  FmnLoss result = {0, 0};
  for (int i = 0; i < n; i++, logits += classes, targets += classes) {
    double max, lse = log_sum(logits, classes, 1, &max);
    for (int k = 0; k < classes; k++) {
      double log_p = (double)logits[k] - max - lse;
      double target = (double)targets[k] * (1 - smoothing) + smoothing / classes;
      if (target > 0)
        result.loss -= target * log_p;
      if (gradient)
        *gradient++ = (float)((exp(log_p) - target) / n);
    }
    result.correct += fmn_argmax(logits, classes) == fmn_argmax(targets, classes);
  }
  return result;
}

FmnLoss fmn_loss_distilled(const float *logits, const float *targets, const float *teacher, int n, int classes,
                           double smoothing, const FmnDistillation *d, float *gradient) {
  FmnLoss result = fmn_loss_cross_entropy(logits, targets, n, classes, smoothing, gradient);
  double w = d->weight, t = d->temperature;
  result.loss *= 1 - w;
  for (int i = 0; i < n; i++, logits += classes, teacher += classes) {
    double max_p, lse_p = log_sum(logits, classes, 1 / t, &max_p);
    double max_q, lse_q = log_sum(teacher, classes, 1 / t, &max_q);
    for (int k = 0; k < classes; k++) {
      double log_p = (double)logits[k] / t - max_p - lse_p, log_q = (double)teacher[k] / t - max_q - lse_q;
      result.loss += w * t * t * exp(log_q) * (log_q - log_p);
      if (gradient) {
        *gradient = (float)((1 - w) * (double)*gradient + w * t * (exp(log_p) - exp(log_q)) / n);
        gradient++;
      }
    }
  }
  return result;
}

void fmn_softmax(const float *logits, int n, int classes, double temperature, float *probabilities) {
  for (int i = 0; i < n; i++, logits += classes, probabilities += classes) {
    double max, lse = log_sum(logits, classes, 1 / temperature, &max);
    for (int k = 0; k < classes; k++)
      probabilities[k] = (float)exp((double)logits[k] / temperature - max - lse);
  }
}
