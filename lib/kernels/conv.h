/* Two-dimensional convolution (cross-correlation) of maps with channels innermost, by the algorithm that suits its shape.
 *
 *   FmnConv conv;
 *   fmn_conv_choose (&conv, &shape, FALSE);
 *   fmn_conv_pack (&conv, weights, FALSE, packed);
 *   fmn_conv_run (&conv, n, x, packed, &epilogue, y, scratch, pool);
 *
 * Results do not depend on the number of threads. Nothing is allocated. */
#ifndef FMN_KERNELS_CONV_H
#define FMN_KERNELS_CONV_H

#include "kernels/kernels.h"

/* Geometry; padding is zeros on all sides. */
typedef struct {
  int in_c, in_h, in_w, out_c, out_h, out_w, k, stride, pad;
} FmnConvShape;

typedef struct {
  FmnConvShape shape;
  gboolean winograd;
  FmnWinograd algorithm;
  gboolean half;  /* weights packed in half precision: where reading them is what takes the time */
  gsize packed;   /* floats that the packed weights take */
  gsize scratch;  /* floats of scratch a thread */
} FmnConv;

/* The algorithm for a shape. inference: weights are packed once and read many times, so that half precision pays. */
void fmn_conv_choose(FmnConv *conv, const FmnConvShape *shape, gboolean inference);

/* Packs weights out_c × in_c × k × k. transpose: w is in_c × out_c × k × k instead, and turned by 180°: the convolution of an
 * output's gradient that gives the input's (fmn_conv_input_shape()). */
void fmn_conv_pack(const FmnConv *conv, const float *w, gboolean transpose, float *packed);

/* n images. scratch: fmn_pool_threads(pool) × scratch_size floats, scratch_size ≥ conv->scratch. */
void fmn_conv_run(const FmnConv *conv, int n, const float *x, const float *packed, const FmnEpilogue *epilogue, float *y,
                  float *scratch, gsize scratch_size, FmnPool *pool);

/* The convolution by which the input's gradient comes from the output's; FALSE when the stride is not 1 and there is none. */
gboolean fmn_conv_input_shape(const FmnConvShape *shape, FmnConvShape *backward);

/* Rows row0 ≤ r < row1 of the output's pixels of one image as a matrix of k·k·in_c columns (ky, kx, channel), zeros where
 * padded; and its transpose, adding to dx. */
void fmn_conv_columns(const FmnConvShape *s, const float *x, int row0, int row1, float *columns);
void fmn_conv_add_columns(const FmnConvShape *s, const float *columns, int row0, int row1, float *dx);

/* Where the inside of conv.c meets the algorithms. */
typedef struct {
  const FmnConv *conv;
  const float *x, *packed;
  const FmnEpilogue *epilogue;
  float *y, *scratch;
  gsize scratch_size;
} FmnConvCall;

void fmn_conv_direct_choose(FmnConv *conv);
void fmn_conv_direct_pack(const FmnConv *conv, const float *w, gboolean transpose, float *packed);
void fmn_conv_direct_run(const FmnConvCall *call, int n, FmnPool *pool);

gboolean fmn_conv_winograd_suits(const FmnConvShape *s);
void fmn_conv_winograd_choose(FmnConv *conv);
void fmn_conv_winograd_pack(const FmnConv *conv, const float *w, gboolean transpose, float *packed);
void fmn_conv_winograd_run(const FmnConvCall *call, int n, FmnPool *pool);

/* Weight (out o, in i, at ky, kx) of what fmn_conv_pack() was given. */
static inline float fmn_conv_weight(const FmnConvShape *s, const float *w, gboolean transpose, int o, int i, int ky, int kx) {
  if (transpose)
    return w[(((gsize)i * (gsize)s->out_c + (gsize)o) * (gsize)s->k + (gsize)(s->k - 1 - ky)) * (gsize)s->k +
             (gsize)(s->k - 1 - kx)];
  return w[(((gsize)o * (gsize)s->in_c + (gsize)i) * (gsize)s->k + (gsize)ky) * (gsize)s->k + (gsize)kx];
}

static inline int fmn_conv_blocks(const FmnConvShape *s) { return (s->out_c + FMN_LANES - 1) / FMN_LANES; }

#endif
