/* The training half of kernels/conv.h: separate, so that nothing of it is linked where only inference is wanted. */
#ifndef FMN_KERNELS_CONV_GRADIENT_H
#define FMN_KERNELS_CONV_GRADIENT_H

#include "kernels/conv.h"

typedef struct {
  const FmnConv *conv; /* chosen for `images` */
  int images, n;       /* the most there may be, and how many there are */
  const float *x, *dy;
  float *dw;      /* out_c × in_c × k × k */
  float *scratch; /* scratch_size floats a thread, at least fmn_conv_gradient_scratch() */
  gsize scratch_size;
  float *shared; /* for all threads together, fmn_conv_gradient_shared() floats */
} FmnConvGradientCall;

/* Floats for each thread, of up to `images` images; 0: so many threads share all work. */
gsize fmn_conv_gradient_scratch(const FmnConv *conv, int images, int threads);
/* Floats for all threads together. */
gsize fmn_conv_gradient_shared(const FmnConv *conv);

/* dw of n images. What is summed in which order depends on the shape, the most images, their number and that of the
 * threads alone. */
void fmn_conv_weight_gradient(const FmnConvGradientCall *call, FmnPool *pool);

/* The convolution of dy that gives dx; FALSE where the stride is not 1 or the padding is wider than the kernel reaches. */
gboolean fmn_conv_input_shape(const FmnConvShape *shape, FmnConvShape *back);

#endif
