#include "nn/tensor.h"

#include <string.h>

float *fmn_floats_new(gsize count) { return g_aligned_alloc(MAX(count, 1), sizeof(float), 64); }

float *fmn_floats_new0(gsize count) { return g_aligned_alloc0(MAX(count, 1), sizeof(float), 64); }

void fmn_floats_free(float *data) { g_aligned_free(data); }
