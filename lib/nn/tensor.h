/* Shapes of tensors. Data is always dense float32 in N×C×H×W order; vectors are C×1×1. */
#ifndef FMN_NN_TENSOR_H
#define FMN_NN_TENSOR_H

#include <glib.h>

typedef struct {
  int n, c, h, w;
} FmnShape;

/* Number of elements of one image (C·H·W). */
static inline gsize fmn_shape_image(FmnShape s) { return (gsize)s.c * (gsize)s.h * (gsize)s.w; }

/* Number of elements of the whole batch (N·C·H·W). */
static inline gsize fmn_shape_count(FmnShape s) { return (gsize)s.n * fmn_shape_image(s); }

/* Elements of one channel plane (H·W). */
static inline gsize fmn_shape_plane(FmnShape s) { return (gsize)s.h * (gsize)s.w; }

/* Uninitialised float memory aligned to 64 bytes; never NULL (aborts when memory is exhausted, as g_malloc does).
 * Release with fmn_floats_free(), which takes NULL. */
float *fmn_floats_new(gsize count);
float *fmn_floats_new0(gsize count);
void fmn_floats_free(float *data);

#endif
