/* Shapes of tensors. Values are dense float32 with channels innermost, N×H×W×C, so that loops run over the channels of a pixel;
 * vectors have H = W = 1. Weights keep PyTorch's layout (nn/layer.h) until a layer packs them. */
#ifndef FMN_NN_TENSOR_H
#define FMN_NN_TENSOR_H

#include <glib.h>

typedef struct {
  int n, c, h, w;
} FmnShape;

/* Number of elements of one image (H·W·C). */
static inline gsize fmn_shape_image(FmnShape s) { return (gsize)s.c * (gsize)s.h * (gsize)s.w; }

/* Number of elements of the whole batch (N·H·W·C). */
static inline gsize fmn_shape_count(FmnShape s) { return (gsize)s.n * fmn_shape_image(s); }

/* Pixels of one image (H·W). */
static inline gsize fmn_shape_pixels(FmnShape s) { return (gsize)s.h * (gsize)s.w; }

/* Pixels of the whole batch (N·H·W). */
static inline gsize fmn_shape_rows(FmnShape s) { return (gsize)s.n * fmn_shape_pixels(s); }

/* Uninitialised float memory aligned to 64 bytes; never NULL (aborts when memory is exhausted, as g_malloc does).
 * Release with fmn_floats_free(), which takes NULL. */
float *fmn_floats_new(gsize count);
float *fmn_floats_new0(gsize count);
/* The same, but NULL when memory is exhausted: for sizes that a file or a setting decides. */
float *fmn_floats_try_new(gsize count);
void fmn_floats_free(float *data);

#endif
