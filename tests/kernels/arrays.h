/* Arrays of the kernels' tests: random, with a guard behind them. */
#ifndef TESTS_KERNELS_ARRAYS_H
#define TESTS_KERNELS_ARRAYS_H

#include <stdarg.h>

#include "nn/tensor.h"
#include "train/random.h"

#define GUARD 8

static inline void set_guard(float *end) {
  for (int i = 0; i < GUARD; i++)
    end[i] = 1e9f;
}

/* Nothing written past the end. */
static inline void assert_guard(const float *end) {
  for (int i = 0; i < GUARD; i++)
    g_assert_true(end[i] == 1e9f);
}

static inline float *random_floats(gsize n, guint64 seed) {
  FmnRandom r = {seed};
  float *data = fmn_floats_new(n + GUARD);
  for (gsize i = 0; i < n; i++)
    data[i] = (float)fmn_random_range(&r, -3.0, 3.0);
  set_guard(data + n);
  return data;
}

static inline void free_all(int n, ...) {
  va_list arguments;
  va_start(arguments, n);
  for (int i = 0; i < n; i++)
    fmn_floats_free(va_arg(arguments, float *));
  va_end(arguments);
}

static inline void assert_close(const float *a, const float *b, gsize n, float tolerance) {
  for (gsize i = 0; i < n; i++)
    g_assert_cmpfloat_with_epsilon(a[i], b[i], tolerance);
  assert_guard(a + n);
}

/* Of test-conv.c and bench-kernels.c. */
void add_conv_tests(void);
void bench_kernels(void);

#endif
