#include "kernels/conv.h"

#include "kernels/conv_algorithm.h"

/* The fastest first; the last suits everything. */
static const FmnConvAlgorithm *const algorithms[] = {&fmn_conv_winograd, &fmn_conv_direct};

void fmn_conv_choose(FmnConv *conv, const FmnConvShape *shape, gboolean inference) {
  const FmnConvAlgorithm *const *a = algorithms;
  while (!(*a)->suits(shape))
    a++;
  *conv = (FmnConv){.shape = *shape, .algorithm = *a, .half = inference};
  (*a)->choose(conv);
}

void fmn_conv_pack(const FmnConv *conv, const float *w, gboolean transpose, float *packed) {
  conv->algorithm->pack(conv, w, transpose, packed);
}

void fmn_conv_run(const FmnConv *conv, int n, const float *x, const float *packed, const FmnEpilogue *epilogue, float *y,
                  float *scratch, gsize scratch_size, FmnPool *pool) {
  FmnConvCall call = {conv, n, x, packed, epilogue, y, scratch, scratch_size};
  conv->algorithm->run(&call, pool);
}
