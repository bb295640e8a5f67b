#include "kernels/conv.h"

#include "kernels/conv_algorithm.h"
#include "kernels/winograd_tiles.h"

/* The fastest first; the last suits everything. */
static const FmnConvAlgorithm *const algorithms[] = {&fmn_conv_winograd_lazy, &fmn_conv_winograd, &fmn_conv_direct};

void fmn_conv_choose(FmnConv *conv, const FmnConvShape *shape, int images) {
  const FmnConvAlgorithm *const *a = algorithms;
  while (!(*a)->suits(shape, images))
    a++;
  *conv = (FmnConv){.shape = *shape, .algorithm = *a, .half = images == 0};
  conv->winograd = fmn_tile_variant(shape, images > 0);
  (*a)->choose(conv);
}

void fmn_conv_pack(const FmnConv *conv, const float *w, gboolean transpose, float *packed, FmnPool *pool) {
  conv->algorithm->pack(conv, w, transpose, packed, pool);
}

void fmn_conv_run(const FmnConv *conv, int n, const float *x, const float *packed, const FmnEpilogue *epilogue, float *y,
                  float *scratch, gsize scratch_size, FmnPool *pool) {
  FmnConvCall call = {conv, n, x, packed, epilogue, y, scratch, scratch_size};
  conv->algorithm->run(&call, pool);
}
