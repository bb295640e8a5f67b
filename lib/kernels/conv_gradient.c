#include "kernels/conv_gradient.h"

#include "kernels/conv_algorithm.h"

static const struct {
  const FmnConvAlgorithm *algorithm;
  const FmnConvGradient *gradient;
} gradients[] = {
    {&fmn_conv_winograd_lazy, &fmn_conv_winograd_gradient},
    {&fmn_conv_winograd, &fmn_conv_winograd_gradient},
    {&fmn_conv_direct, &fmn_conv_direct_gradient},
};

static const FmnConvGradient *find(const FmnConv *conv) {
  gsize i = 0;
  while (gradients[i].algorithm != conv->algorithm)
    i++;
  return gradients[i].gradient;
}

gsize fmn_conv_gradient_scratch(const FmnConv *conv) { return find(conv)->scratch(&conv->shape); }

void fmn_conv_weight_gradient(const FmnConv *conv, int n, const float *x, const float *dy, float *dw, float *scratch,
                              FmnPool *pool) {
  find(conv)->run(&conv->shape, n, x, dy, dw, scratch, pool);
}

gboolean fmn_conv_input_shape(const FmnConvShape *s, FmnConvShape *b) {
  *b = (FmnConvShape){s->out_c, s->out_h, s->out_w, s->in_c, s->in_h, s->in_w, s->k, 1, s->k - 1 - s->pad};
  return s->stride == 1 && b->pad >= 0;
}
