/* Reads what make_golden.py wrote. */
#ifndef TESTS_TRAIN_GOLDEN_H
#define TESTS_TRAIN_GOLDEN_H

#include <math.h>
#include <string.h>

#include "io/safetensors.h"

static inline FmnSafetensors *golden_open(const char *name) {
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_test_build_filename(G_TEST_DIST, "golden", name, NULL);
  FmnSafetensors *file = fmn_safetensors_load(path, &error);
  g_assert_no_error(error);
  return file;
}

/* g_free */
static inline float *golden_read(const FmnSafetensors *file, const char *name, gsize count) {
  g_autoptr(GError) error = NULL;
  const FmnTensorInfo *info = fmn_safetensors_find(file, name);
  g_assert_nonnull(info);
  g_assert_cmpuint(info->count, ==, count);
  float *data = g_new(float, count);
  fmn_safetensors_read(file, info, data, &error);
  g_assert_no_error(error);
  return data;
}

/* Largest difference, relative to the largest value. */
static inline double golden_difference(const float *a, const float *b, gsize n) {
  double difference = 0, largest = 1e-12;
  for (gsize i = 0; i < n; i++) {
    g_assert_true(isfinite(a[i]));
    difference = fmax(difference, fabs((double)a[i] - (double)b[i]));
    largest = fmax(largest, fabs((double)b[i]));
  }
  return difference / largest;
}

#endif
