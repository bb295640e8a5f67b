#include "kernels/conv.h"

#include <string.h>

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

typedef struct {
  const FmnConv *conv;
  const float *x, *dy;
  float *partial, *scratch;
  gsize scratch_size;
} Gradient;

/* Tasks: images. */
static void sum_share(gpointer data, int begin, int end, int thread) {
  const Gradient *g = data;
  const FmnConvShape *s = &g->conv->shape;
  const float *x = g->x + (gsize)begin * (gsize)(s->in_h * s->in_w) * (gsize)s->in_c;
  const float *dy = g->dy + (gsize)begin * (gsize)(s->out_h * s->out_w) * (gsize)s->out_c;
  g->conv->algorithm->gradient(g->conv, end - begin, x, dy, g->partial + (gsize)thread * g->conv->partial,
                               g->scratch + (gsize)thread * g->scratch_size);
}

void fmn_conv_weight_gradient(const FmnConv *conv, int n, const float *x, const float *dy, float *dw, float *partial,
                              float *scratch, gsize scratch_size, FmnPool *pool) {
  Gradient g = {conv, x, dy, partial, scratch, scratch_size};
  if (!fmn_pool_has_share(pool, 0, n)) /* fewer images than threads */
    memset(partial, 0, conv->partial * sizeof *partial);
  fmn_pool_run(pool, sum_share, &g, n);
  for (int i = 1; i < fmn_pool_threads(pool); i++)
    if (fmn_pool_has_share(pool, i, n))
      fmn_kernels()->add(partial, partial + (gsize)i * conv->partial, conv->partial);
  conv->algorithm->unpack_gradient(conv, partial, dw);
}

gboolean fmn_conv_input_shape(const FmnConvShape *s, FmnConvShape *b) {
  *b = (FmnConvShape){s->out_c, s->out_h, s->out_w, s->in_c, s->in_h, s->in_w, s->k, 1, s->k - 1 - s->pad};
  return s->stride == 1 && b->pad >= 0;
}
