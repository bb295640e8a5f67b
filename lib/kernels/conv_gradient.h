/* Gradients of a convolution; lib/nn/layers names them in the training halves only. */
#ifndef FMN_KERNELS_CONV_GRADIENT_H
#define FMN_KERNELS_CONV_GRADIENT_H

#include "kernels/conv.h"

/* Floats a thread that fmn_conv_weight_gradient() wants. */
gsize fmn_conv_gradient_scratch(const FmnConv *conv);

/* dw (out_c × in_c × k × k) by dy and x, n images. Each share of the images is summed by itself, then all in order: the same sum
 * at every run with that number of threads. scratch: fmn_pool_threads(pool) × scratch_size floats. */
void fmn_conv_weight_gradient(const FmnConv *conv, int n, const float *x, const float *dy, float *dw, float *scratch,
                              gsize scratch_size, FmnPool *pool);

/* The convolution by which the input's gradient comes from the output's (weights packed transposed); FALSE when the stride is not
 * 1 and there is none. */
gboolean fmn_conv_input_shape(const FmnConvShape *shape, FmnConvShape *backward);

#endif
