/* The training half of kernels/conv.h: separate, so that nothing of it is linked where only inference is wanted. */
#ifndef FMN_KERNELS_CONV_GRADIENT_H
#define FMN_KERNELS_CONV_GRADIENT_H

#include "kernels/conv.h"

/* Floats of scratch that fmn_conv_weight_gradient() wants, for all threads together. */
gsize fmn_conv_gradient_scratch(const FmnConv *conv);

/* dw (out_c × in_c × k × k) of n images. The result does not depend on the number of threads. */
void fmn_conv_weight_gradient(const FmnConv *conv, int n, const float *x, const float *dy, float *dw, float *scratch,
                              FmnPool *pool);

/* The convolution of dy that gives dx; FALSE where the stride is not 1 or the padding is wider than the kernel reaches. */
gboolean fmn_conv_input_shape(const FmnConvShape *shape, FmnConvShape *back);

#endif
