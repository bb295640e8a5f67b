/* Two-dimensional convolution (cross-correlation) of maps with channels innermost, by the algorithm that suits its shape.
 *
 *   FmnConv conv;
 *   fmn_conv_choose (&conv, &shape, 0);
 *   fmn_conv_pack (&conv, weights, FALSE, packed, pool);
 *   fmn_conv_run (&conv, n, x, packed, &epilogue, y, scratch, pool);
 *
 * Results do not depend on the number of threads. Nothing is allocated. */
#ifndef FMN_KERNELS_CONV_H
#define FMN_KERNELS_CONV_H

#include "kernels/kernels.h"

#define FMN_CONV_MAX_TAPS 49 /* k at most */

/* Geometry; padding is zeros on all sides. */
typedef struct {
  int in_c, in_h, in_w, out_c, out_h, out_w, k, stride, pad;
} FmnConvShape;

typedef struct FmnConvAlgorithm FmnConvAlgorithm;

typedef struct {
  FmnConvShape shape;
  const FmnConvAlgorithm *algorithm;
  FmnWinograd winograd; /* the variant, where that is the algorithm */
  gboolean half; /* weights packed in half precision: where reading them is what takes the time */
  gsize packed;  /* floats that the packed weights take */
  gsize scratch; /* floats of scratch a thread */
} FmnConv;

/* The algorithm for a shape. images: of a training step, for which the weights are packed anew; 0: they are packed once and read
 * many times, so that costly transforms and half precision pay. */
void fmn_conv_choose(FmnConv *conv, const FmnConvShape *shape, int images);

/* Packs weights out_c × in_c × k × k. transpose: w is in_c × out_c × k × k instead, and turned by 180°: the convolution of an
 * output's gradient that gives the input's (fmn_conv_input_shape()). */
void fmn_conv_pack(const FmnConv *conv, const float *w, gboolean transpose, float *packed, FmnPool *pool);

/* n images. scratch: fmn_pool_threads(pool) × scratch_size floats, scratch_size ≥ conv->scratch. */
void fmn_conv_run(const FmnConv *conv, int n, const float *x, const float *packed, const FmnEpilogue *epilogue, float *y,
                  float *scratch, gsize scratch_size, FmnPool *pool);

#endif
