/* What a way to convolve is: conv.c takes the first of its list that suits a shape. */
#ifndef FMN_KERNELS_CONV_ALGORITHM_H
#define FMN_KERNELS_CONV_ALGORITHM_H

#include "kernels/conv.h"
#include "kernels/conv_gradient.h"

typedef struct {
  const FmnConv *conv;
  int n; /* images */
  const float *x, *packed;
  const FmnEpilogue *epilogue;
  float *y, *scratch;
  gsize scratch_size;
} FmnConvCall;

struct FmnConvAlgorithm {
  const char *name;
  gboolean (*suits)(const FmnConvShape *s, int images); /* images: as in fmn_conv_choose() */
  void (*choose)(FmnConv *conv); /* fills in packed and scratch; clears half where it does not pay */
  void (*pack)(const FmnConv *conv, const float *w, gboolean transpose, float *packed, FmnPool *pool);
  void (*run)(const FmnConvCall *call, FmnPool *pool);
};

/* The training half: named by conv_gradient.c alone. Each thread has a gradient of its own images, so that it reads
 * little of what another has written, or, where all these have more weights than there are pixels to sum them from, all
 * share the work of one. */
typedef struct {
  gboolean (*by_images)(const FmnConvShape *s, int images, int threads); /* what is less work; threads: from 2 */
  gsize (*scratch)(const FmnConvShape *s); /* floats */
  /* dw of the images first ≤ i < first + n. */
  void (*run)(const FmnConvGradientCall *call, int first, int n, float *dw, float *scratch, FmnPool *pool);
} FmnConvGradient;

extern const FmnConvAlgorithm fmn_conv_direct, fmn_conv_winograd, fmn_conv_winograd_lazy;
extern const FmnConvGradient fmn_conv_direct_gradient, fmn_conv_winograd_gradient;

/* Weight (out o, in i, at ky, kx) of what fmn_conv_pack() was given. */
static inline float fmn_conv_weight(const FmnConvShape *s, const float *w, gboolean transpose, int o, int i, int ky,
                                    int kx) {
  int k = s->k;
  if (transpose)
    return w[(((gsize)i * (gsize)s->out_c + (gsize)o) * (gsize)k + (gsize)(k - 1 - ky)) * (gsize)k +
             (gsize)(k - 1 - kx)];
  return w[(((gsize)o * (gsize)s->in_c + (gsize)i) * (gsize)k + (gsize)ky) * (gsize)k + (gsize)kx];
}

static inline gsize fmn_conv_weight_count(const FmnConvShape *s) {
  return (gsize)(s->k * s->k) * (gsize)s->in_c * (gsize)s->out_c;
}

/* Blocks of FMN_LANES outputs. */
static inline int fmn_conv_blocks(const FmnConvShape *s) { return (s->out_c + FMN_LANES - 1) / FMN_LANES; }

/* Blocks of FMN_PRODUCT_ROWS inputs. */
static inline int fmn_conv_input_blocks(const FmnConvShape *s) {
  return (s->in_c + FMN_PRODUCT_ROWS - 1) / FMN_PRODUCT_ROWS;
}

/* Packs the weights as they are, [block][tap][input][lane], in half precision where conv->half says so (conv_direct.c).
 */
void fmn_conv_pack_taps(const FmnConv *conv, const float *w, gboolean transpose, float *packed, FmnPool *pool);
static inline gsize fmn_conv_packed_taps(const FmnConvShape *s) {
  return (gsize)(s->k * s->k * s->in_c) * (gsize)fmn_conv_blocks(s) * FMN_LANES;
}

#endif
