/* What a way to convolve is: conv.c takes the first of its list that suits a shape. */
#ifndef FMN_KERNELS_CONV_ALGORITHM_H
#define FMN_KERNELS_CONV_ALGORITHM_H

#include "kernels/conv.h"

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
  gboolean (*suits)(const FmnConvShape *s);
  /* Fills in packed, scratch and partial; clears half where it does not pay. */
  void (*choose)(FmnConv *conv);
  void (*pack)(const FmnConv *conv, const float *w, gboolean transpose, float *packed);
  void (*run)(const FmnConvCall *call, FmnPool *pool);
  /* The weights' gradient of n images, in an order of the algorithm's own. */
  void (*gradient)(const FmnConv *conv, int n, const float *x, const float *dy, float *partial, float *scratch);
  /* From that order to out_c × in_c × k × k. */
  void (*unpack_gradient)(const FmnConv *conv, const float *partial, float *dw);
};

extern const FmnConvAlgorithm fmn_conv_direct, fmn_conv_winograd;

/* Weight (out o, in i, at ky, kx) of what fmn_conv_pack() was given. */
static inline float fmn_conv_weight(const FmnConvShape *s, const float *w, gboolean transpose, int o, int i, int ky, int kx) {
  int k = s->k;
  if (transpose)
    return w[(((gsize)i * (gsize)s->out_c + (gsize)o) * (gsize)k + (gsize)(k - 1 - ky)) * (gsize)k + (gsize)(k - 1 - kx)];
  return w[(((gsize)o * (gsize)s->in_c + (gsize)i) * (gsize)k + (gsize)ky) * (gsize)k + (gsize)kx];
}

/* Blocks of FMN_LANES outputs. */
static inline int fmn_conv_blocks(const FmnConvShape *s) { return (s->out_c + FMN_LANES - 1) / FMN_LANES; }

#endif
