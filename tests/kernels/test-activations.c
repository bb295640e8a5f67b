/* Activations and their derivatives of every set against libm in double, on the whole range of floats and what is no
 * number; all numbers of half precision. */
#include <math.h>
#include <string.h>

#include "io/half.h"
#include "kernels/kernels.h"

#define N 20001

/* −110 … 110 in even steps, and what comes close to 0. */
static float argument(int i) { return i % 2 ? (float)(i - N / 2) * (110.f / (N / 2)) : (float)(i - N / 2) * 1e-4f; }

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static double expected(FmnActivation act, double x, gboolean derivative) {
  double s = sigmoid(x);
  switch (act) {
  case FMN_ACT_RELU:
    return derivative ? x > 0 : MAX(x, 0);
  case FMN_ACT_LEAKY_RELU:
    return x > 0 ? (derivative ? 1 : x) : (double).1f * (derivative ? 1 : x);
  case FMN_ACT_SIGMOID:
    return derivative ? s * sigmoid(-x) : s;
  case FMN_ACT_SWISH:
    return derivative ? s + x * s * sigmoid(-x) : x * s;
  case FMN_ACT_NONE:
    break;
  }
  return derivative ? 1 : x;
}

/* relative: of the value; the derivatives are differences and have an absolute error, too. */
static void check(int set, FmnActivation act, gboolean derivative, double relative, double absolute) {
  float *x = fmn_floats_new(N), *y = fmn_floats_new(N), *ones = fmn_floats_new(N);
  const FmnKernels *k = fmn_kernels_all()[set];
  double worst = 0;
  for (int i = 0; i < N; i++) {
    x[i] = argument(i);
    ones[i] = 1.f;
  }
  if (derivative)
    fmn_grad_kernels_at(set)->activate(y, ones, x, N, act, .1f);
  else
    k->activate(y, x, N, act, .1f);
  for (int i = 0; i < N; i++) {
    double want = expected(act, x[i], derivative);
    g_assert_false(isnan(y[i]));
    double error = MAX(fabs(y[i] - want) - absolute - 1e-37, 0) / MAX(fabs(want), 1e-30);
    worst = MAX(worst, error);
  }
  g_test_message("%s: activation %d%s within %.2g", k->name, act, derivative ? "'" : "", worst);
  g_assert_cmpfloat(worst, <=, relative);
  fmn_floats_free(x);
  fmn_floats_free(y);
  fmn_floats_free(ones);
}

/* A sum's activation is the activation of the sum, to the bit. */
static void test_sums(void) {
  float a[40], b[40], sum[40], want[40], got[40];
  for (int i = 0; i < 40; i++) {
    a[i] = argument(500 * i);
    b[i] = argument(499 * i + 3) / 3;
    sum[i] = a[i] + b[i];
  }
  for (const FmnKernels *const *k = fmn_kernels_all(); *k; k++)
    for (int act = FMN_ACT_NONE; act <= FMN_ACT_SWISH; act++)
      for (gsize n = 1; n <= 40; n++) {
        memset(got, 0, sizeof got);
        (*k)->activate(want, sum, n, (FmnActivation)act, .1f);
        (*k)->add_activate(got, a, b, n, (FmnActivation)act, .1f);
        g_assert_cmpmem(got, n * sizeof *got, want, n * sizeof *want);
        g_assert_true(n == 40 || got[n] == 0);
      }
}

static void test_precision(void) {
  for (int set = 0; fmn_kernels_all()[set]; set++)
    for (int act = FMN_ACT_NONE; act <= FMN_ACT_SWISH; act++) {
      check(set, (FmnActivation)act, FALSE, 4e-7, 0);
      check(set, (FmnActivation)act, TRUE, 1e-6, 2e-7);
    }
}

/* Infinities give the limits, NaN stays, wherever in the array they stand. */
static void test_special(void) {
  for (int set = 0; fmn_kernels_all()[set]; set++)
    for (gsize at = 0; at < 40; at++) {
      const FmnKernels *k = fmn_kernels_all()[set];
      float x[40] = {0}, y[40], ones[40];
      for (int i = 0; i < 40; i++)
        ones[i] = 1.f;
      x[at] = INFINITY;
      k->activate(y, x, 40, FMN_ACT_SIGMOID, 0.f);
      g_assert_cmpfloat(y[at], ==, 1.f);
      k->activate(y, x, 40, FMN_ACT_SWISH, 0.f);
      g_assert_true(isinf(y[at]) && y[at] > 0);
      x[at] = -INFINITY;
      k->activate(y, x, 40, FMN_ACT_SIGMOID, 0.f);
      g_assert_cmpfloat(y[at], ==, 0.f);
      k->activate(y, x, 40, FMN_ACT_SWISH, 0.f);
      g_assert_cmpfloat(y[at], ==, 0.f);
      fmn_grad_kernels_at(set)->activate(y, ones, x, 40, FMN_ACT_SWISH, 0.f);
      g_assert_cmpfloat(y[at], ==, 0.f);
      x[at] = NAN;
      for (int act = FMN_ACT_NONE; act <= FMN_ACT_SWISH; act++) {
        k->activate(y, x, 40, (FmnActivation)act, .1f);
        g_assert_true(isnan(y[at]));
        g_assert_false(isnan(y[(at + 1) % 40]));
      }
    }
}

static void test_half(void) {
  guint16 *x = g_new(guint16, 65536);
  float *y = fmn_floats_new(65536);
  for (int i = 0; i < 65536; i++)
    x[i] = (guint16)i;
  for (const FmnKernels *const *k = fmn_kernels_all(); *k; k++) {
    (*k)->from_half(y, x, 65536);
    for (int i = 0; i < 65536; i++) {
      float want = fmn_half_to_float((guint16)i);
      g_assert_true(isnan(want) ? isnan(y[i]) : fmn_float_bits(want) == fmn_float_bits(y[i]));
    }
  }
  fmn_floats_free(y);
  g_free(x);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/kernels/activations/precision", test_precision);
  g_test_add_func("/kernels/activations/sums", test_sums);
  g_test_add_func("/kernels/activations/special", test_special);
  g_test_add_func("/kernels/activations/half", test_half);
  return g_test_run();
}
