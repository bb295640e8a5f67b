#include <math.h>
#include <string.h>

#include "train/calibrate.h"
#include "train/loss.h"
#include "train/metrics.h"
#include "train/random.h"

static void test_loss_by_hand(void) {
  const float logits[] = {0, 0, 0, 0, 2, 1, 0, -1}, targets[] = {0, 1, 0, 0, 1, 0, 0, 0};
  float gradient[8];
  FmnLoss l = fmn_loss_cross_entropy(logits, targets, 2, 4, 0, gradient);
  double sum = exp(2) + exp(1) + 1 + exp(-1);
  g_assert_cmpfloat_with_epsilon(l.loss, log(4) - 2 + log(sum), 1e-6);
  g_assert_cmpint(l.correct, ==, 1);
  g_assert_cmpfloat_with_epsilon(gradient[0], 0.25 / 2, 1e-6);
  g_assert_cmpfloat_with_epsilon(gradient[1], (0.25 - 1) / 2, 1e-6);
  g_assert_cmpfloat_with_epsilon(gradient[4], (exp(2) / sum - 1) / 2, 1e-6);
  l = fmn_loss_cross_entropy(logits, targets, 1, 4, 0.2, NULL);
  g_assert_cmpfloat_with_epsilon(l.loss, log(4), 1e-6);
}

static void test_loss_gradient(void) {
  FmnRandom r = {1};
  float logits[3 * 7], targets[3 * 7], gradient[3 * 7];
  for (int i = 0; i < 3; i++) {
    float sum = 0;
    for (int k = 0; k < 7; k++) {
      logits[i * 7 + k] = (float)fmn_random_normal(&r) * 3;
      sum += targets[i * 7 + k] = (float)fmn_random_uniform(&r);
    }
    for (int k = 0; k < 7; k++)
      targets[i * 7 + k] /= sum;
  }
  fmn_loss_cross_entropy(logits, targets, 3, 7, 0.1, gradient);
  for (int i = 0; i < 21; i++) {
    float before = logits[i];
    logits[i] = before + 0.01f;
    double high = fmn_loss_cross_entropy(logits, targets, 3, 7, 0.1, NULL).loss;
    logits[i] = before - 0.01f;
    double low = fmn_loss_cross_entropy(logits, targets, 3, 7, 0.1, NULL).loss;
    logits[i] = before;
    g_assert_cmpfloat_with_epsilon(gradient[i], (high - low) / 0.02 / 3, 1e-5);
  }
}

static void test_loss_extremes(void) {
  const float far[] = {1e4f, -1e4f, 0}, target[] = {0, 1, 0}, broken[] = {NAN, 1, 2};
  float gradient[3], p[3];
  FmnLoss l = fmn_loss_cross_entropy(far, target, 1, 3, 0, gradient);
  g_assert_cmpfloat_with_epsilon(l.loss, 2e4, 1e-3);
  g_assert_cmpfloat(gradient[0], ==, 1);
  g_assert_false(isfinite(fmn_loss_cross_entropy(broken, target, 1, 3, 0, NULL).loss));
  fmn_softmax(far, 1, 3, 1, p);
  g_assert_cmpfloat(p[0], ==, 1);
  g_assert_cmpfloat(p[1], ==, 0);
  g_assert_cmpint(fmn_argmax(broken, 3), ==, 2);
}

/* Six answers in three classes, the third never given. */
static void test_metrics_by_hand(void) {
  const float p[] = {.9f, .1f, 0, .6f, .4f, 0, .2f, .8f, 0, .3f, .7f, 0, .55f, .45f, 0, .1f, .9f, 0};
  const guint8 labels[] = {0, 0, 1, 0, 1, 2};
  FmnMetrics *m = fmn_metrics_new(p, labels, 6, 3);
  const int confusion[] = {2, 1, 0, 1, 1, 0, 0, 1, 0};
  g_assert_cmpmem(m->confusion, sizeof confusion, confusion, sizeof confusion);
  g_assert_cmpfloat_with_epsilon(m->accuracy, 0.5, 1e-9);
  g_assert_cmpfloat_with_epsilon(m->precision[0], 2.0 / 3, 1e-9);
  g_assert_cmpfloat_with_epsilon(m->recall[0], 2.0 / 3, 1e-9);
  g_assert_cmpfloat_with_epsilon(m->precision[1], 1.0 / 3, 1e-9);
  g_assert_cmpfloat_with_epsilon(m->recall[1], 0.5, 1e-9);
  g_assert_cmpfloat_with_epsilon(m->f1[1], 0.4, 1e-9);
  g_assert_cmpfloat(m->precision[2], ==, 0);
  g_assert_cmpfloat(m->f1[2], ==, 0);
  g_assert_cmpint(m->support[0], ==, 3);
  g_assert_cmpint(m->support[2], ==, 1);
  /* Bins of 1/15: .9 and .9 share one with one hit of two; .6, .8, .7, .55 stand alone: right, right, wrong, wrong. */
  g_assert_cmpfloat_with_epsilon(m->ece, (fabs(1.8 - 1) + 0.4 + 0.2 + 0.7 + 0.55) / 6, 1e-6);
  g_assert_cmpfloat_with_epsilon(m->nll, -(log(.9) + log(.6) + log(.8) + log(.3) + log(.45) + log(1e-12)) / 6, 1e-4);
  fmn_metrics_free(m);
}

static void test_metrics_odd(void) {
  const float p[] = {NAN, NAN, NAN, 1, 0, 0};
  const guint8 labels[] = {1, 0};
  FmnMetrics *m = fmn_metrics_new(p, labels, 2, 3);
  g_assert_cmpfloat(m->accuracy, ==, 0.5);
  g_assert_cmpfloat(m->ece, ==, 0);
  g_assert_true(isfinite(m->nll));
  fmn_metrics_free(m);
  m = fmn_metrics_new(p, labels, 0, 3);
  g_assert_cmpfloat(m->accuracy, ==, 0);
  g_assert_cmpfloat(m->recall[0], ==, 0);
  fmn_metrics_free(m);
}

/* Labels drawn from the softmax of logits / 2.5 are best explained by a temperature of 2.5. */
static void test_temperature(void) {
  enum { N = 20000, K = 4 };
  g_autofree float *logits = g_new(float, N *K);
  g_autofree guint8 *labels = g_new(guint8, N);
  FmnRandom r = {9};
  for (int i = 0; i < N; i++) {
    float p[K];
    for (int k = 0; k < K; k++)
      logits[i * K + k] = (float)fmn_random_normal(&r) * 4;
    fmn_softmax(logits + i * K, 1, K, 2.5, p);
    double u = fmn_random_uniform(&r);
    int label = 0;
    while (label < K - 1 && (u -= (double)p[label]) > 0)
      label++;
    labels[i] = (guint8)label;
  }
  g_assert_cmpfloat_with_epsilon(fmn_fit_temperature(logits, labels, N, K), 2.5, 0.08);
  g_assert_cmpfloat(fmn_fit_temperature(logits, labels, 0, K), ==, 1);
}

/* 400 right answers with confidences .6, .6001, ... and wrong ones, which do not count, below. */
static void test_threshold(void) {
  enum { RIGHT = 400, WRONG = 50, N = RIGHT + WRONG, K = 2 };
  float p[N * K];
  guint8 labels[N];
  for (int i = 0; i < N; i++) {
    int shuffled = i * 7 % N; /* 7 and 450 have no divisor in common */
    double confidence = i < RIGHT ? 0.6 + i * 1e-4 + 5e-5 : 0.55;
    labels[shuffled] = (guint8)(i % 2);
    int answer = i < RIGHT ? i % 2 : 1 - i % 2;
    p[shuffled * K + answer] = (float)confidence;
    p[shuffled * K + 1 - answer] = (float)(1 - confidence);
  }
  const double shares[] = {0, 0.01, 0.1, 0.5};
  for (gsize s = 0; s < G_N_ELEMENTS(shares); s++) {
    double threshold = fmn_fit_threshold(p, labels, N, K, shares[s]);
    int under = 0;
    g_assert_cmpfloat_with_epsilon(threshold, 0.6 + shares[s] * RIGHT * 1e-4, 1e-6);
    for (int i = 0; i < N; i++)
      under += fmn_argmax(p + i * K, K) == labels[i] && (double)p[i * K + labels[i]] < threshold;
    g_assert_cmpint(under, ==, (int)(shares[s] * RIGHT));
  }
  g_assert_cmpfloat(fmn_fit_threshold(p, labels, N, K, 1), <=, 1);
  g_assert_cmpfloat(fmn_fit_threshold(p, labels, 0, K, 0.01), ==, 0);
  const float broken[] = {NAN, NAN, NAN, NAN, 0.2f, 0.8f};
  const guint8 zero[] = {0, 0, 0};
  g_assert_cmpfloat(fmn_fit_threshold(broken, zero, 3, K, 0.01), ==, 0);
}

/* All but one in ten of 1000 rows stay under it. */
static void test_threshold_unknown(void) {
  enum { N = 1000, K = 2 };
  float p[N * K];
  for (int i = 0; i < N; i++) {
    p[i * K + i % 2] = (float)(0.5 + (i * 7 % N) * 4e-4 + 5e-5);
    p[i * K + 1 - i % 2] = 1 - p[i * K + i % 2];
  }
  double threshold = fmn_fit_threshold_unknown(p, N, K, 0.1);
  int over = 0;
  for (int i = 0; i < N; i++)
    over += (double)MAX(p[i * K], p[i * K + 1]) >= threshold;
  g_assert_cmpint(over, <=, 100);
  g_assert_cmpint(over, >=, 98);
  g_assert_cmpfloat(fmn_fit_threshold_unknown(p, N, K, 1), ==, 0);
  g_assert_cmpfloat(fmn_fit_threshold_unknown(p, 0, K, 0.1), ==, 0);
  const float sure[] = {1, 0, 1, 0};
  g_assert_cmpfloat(fmn_fit_threshold_unknown(sure, 2, K, 0), ==, 1);
}

static const char *const three[] = {"a", "b", "c", NULL};

/* A data set of which all but an image of each class is set aside; of n images of `name`, or of the classes in turn. */
static FmnDataset *dataset(int n, const char *name) {
  FmnDataset *d = g_new0(FmnDataset, 1);
  const char *const names[] = {name, NULL};
  *d = (FmnDataset){n, 1, 1, 1, g_new0(guint8, n), g_new0(guint8, n), g_strdupv((char **)(name ? names : three))};
  for (int i = 0; !name && i < n; i++)
    d->labels[i] = (guint8)(i % 3);
  return d;
}

/* With pictures of no class a threshold is taken that turns these away, but not more than a share of right answers. */
static void test_calibrate_unknown(void) {
  enum { N = 1200, K = 3 };
  FmnDataset *sets[] = {dataset(N, NULL), dataset(N, "unknown")};
  FmnTrainData *data = fmn_train_data_new(sets, NULL, 2, three, 0.9, 1, NULL);
  int n = fmn_train_data_validation(data)->n, n_unknown = fmn_train_data_unknown(data)->n, first;
  g_assert_cmpint(n, ==, n_unknown);
  g_assert_cmpint(fmn_train_data_n_sets(data), ==, 2);
  g_assert_cmpint(fmn_train_data_set(data, 0, &first), ==, n);
  g_assert_cmpint(first, ==, 0);
  g_assert_cmpint(fmn_train_data_set(data, 1, &first), ==, 0);
  g_autofree float *logits = g_new0(float, N *K), *others = g_new0(float, N *K), *p = g_new(float, N *K);
  const guint8 *labels = fmn_train_data_validation(data)->labels;
  FmnRandom r = {4};
  const double spread[] = {0.02, 0.2, 3}; /* of the others: told apart with ease, with losses, not at all */
  for (int s = 0; s < 3; s++) {
    for (int i = 0; i < n; i++)
      for (int k = 0; k < K; k++) {
        logits[i * K + k] = 3 * ((float)(k == labels[i]) + 0.5f * (float)fmn_random_normal(&r));
        others[i * K + k] = 3 * (float)(spread[s] * fmn_random_normal(&r));
      }
    FmnCalibration c = fmn_calibrate(data, logits, labels, others, K, -1);
    fmn_softmax(logits, n, K, c.temperature, p);
    double least = fmn_fit_threshold(p, labels, n, K, FMN_THRESHOLD_SHARE),
           most = fmn_fit_threshold(p, labels, n, K, FMN_THRESHOLD_SHARE_UNKNOWN);
    fmn_softmax(others, n, K, c.temperature, p);
    double wanted = fmn_fit_threshold_unknown(p, n, K, FMN_THRESHOLD_ASSERTED);
    g_assert_cmpfloat(least, <, most);
    g_assert_cmpfloat(c.threshold, ==, CLAMP(wanted, least, most));
    g_assert_true(s == 0 ? c.threshold < most : s == 1 || c.threshold == most);
  }
  fmn_train_data_free(data);
}

/* The threshold is one for the probabilities at the fitted temperature. */
static void test_calibrate(void) {
  enum { K = 3 };
  FmnDataset *set = dataset(3300, NULL);
  FmnTrainData *data = fmn_train_data_new(&set, NULL, 1, three, 0.9, 1, NULL);
  const int N = fmn_train_data_validation(data)->n;
  const guint8 *labels = fmn_train_data_validation(data)->labels;
  g_autofree float *logits = g_new(float, N *K), *p = g_new(float, N *K);
  FmnRandom r = {4};
  int right = 0, under = 0;
  for (int i = 0; i < N; i++)
    for (int k = 0; k < K; k++)
      logits[i * K + k] = 9 * ((float)(k == labels[i]) + 0.7f * (float)fmn_random_normal(&r));
  FmnCalibration c = fmn_calibrate(data, logits, labels, NULL, K, 0.05);
  g_assert_cmpfloat(c.temperature, ==, fmn_fit_temperature(logits, labels, N, K));
  g_assert_cmpfloat(c.temperature, >, 2);
  fmn_softmax(logits, N, K, c.temperature, p);
  for (int i = 0; i < N; i++) {
    gboolean hit = fmn_argmax(p + i * K, K) == labels[i];
    right += hit;
    under += hit && (double)p[i * K + labels[i]] < c.threshold;
  }
  g_assert_cmpint(under, <=, (int)(0.05 * right));
  g_assert_cmpint(under, >, (int)(0.04 * right));
  fmn_train_data_free(data);
  set = dataset(100, NULL);
  data = fmn_train_data_new(&set, NULL, 1, three, 0.9, 1, NULL);
  const FmnImages *few = fmn_train_data_validation(data);
  g_assert_cmpint(few->n, >, 10);
  g_assert_cmpint(few->n, <, FMN_TEMPERATURE_IMAGES);
  for (int i = 0; i < few->n; i++) /* all are right, and by far */
    for (int k = 0; k < K; k++)
      logits[i * K + k] = 3 * (float)(k == few->labels[i]);
  c = fmn_calibrate(data, logits, few->labels, NULL, K, 0.05);
  g_assert_cmpfloat(c.temperature, ==, 1);
  g_assert_cmpfloat_with_epsilon(c.threshold, exp(3) / (exp(3) + 2), 2e-4);
  fmn_train_data_free(data);
  set = dataset(3, NULL);
  data = fmn_train_data_new(&set, NULL, 1, three, 0, 1, NULL);
  c = fmn_calibrate(data, logits, NULL, NULL, K, 0.05);
  g_assert_true(c.temperature == 1 && c.threshold == 0);
  fmn_train_data_free(data);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/loss/by-hand", test_loss_by_hand);
  g_test_add_func("/loss/gradient", test_loss_gradient);
  g_test_add_func("/loss/extremes", test_loss_extremes);
  g_test_add_func("/metrics/by-hand", test_metrics_by_hand);
  g_test_add_func("/metrics/odd", test_metrics_odd);
  g_test_add_func("/calibrate/temperature", test_temperature);
  g_test_add_func("/calibrate/threshold", test_threshold);
  g_test_add_func("/calibrate/both", test_calibrate);
  g_test_add_func("/calibrate/both-unknown", test_calibrate_unknown);
  g_test_add_func("/calibrate/threshold-unknown", test_threshold_unknown);
  return g_test_run();
}
