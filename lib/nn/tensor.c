#include "nn/tensor.h"

#include <stdlib.h>

#define ALIGNMENT 64

float *fmn_floats_new(gsize count) { return g_aligned_alloc(MAX(count, 1), sizeof(float), ALIGNMENT); }

float *fmn_floats_new0(gsize count) { return g_aligned_alloc0(MAX(count, 1), sizeof(float), ALIGNMENT); }

float *fmn_floats_try_new(gsize count) {
  void *data = NULL;
  if (count > G_MAXSIZE / sizeof(float) || posix_memalign(&data, ALIGNMENT, MAX(count, 1) * sizeof(float)))
    return NULL;
  return data;
}

void fmn_floats_free(float *data) { g_aligned_free(data); }
