/* Loops over arrays of float32, in plain C for every machine and compiled again for wider vectors; chosen once at run time.
 *
 * FMNIST_CPU=c|avx2|avx512 in the environment forces a lower choice. Arrays may be unaligned; they overlap only where the
 * function says so. "Rows" are pixels of c channels each, one behind the other. */
#ifndef FMN_KERNELS_H
#define FMN_KERNELS_H

#include "nn/layer.h"

#define FMN_LANES 32        /* outputs that product() computes at a time */
#define FMN_PRODUCT_ROWS 12 /* pixels that it does at most */
#define FMN_DOT_ROWS 4      /* images that dot() does at most */
#define FMN_DOT_OUTPUTS 4   /* outputs of dot_outputs() */

/* Weights in float32 or in IEEE half precision. For product(): blocks of FMN_LANES outputs, in each the inputs in order, in each the
 * lanes (zeros past the last output). For dot(): one output's inputs after the other's. */
typedef struct {
  const void *data;
  gboolean half;
} FmnPacked;

/* Geometry of a k×k window sliding over maps of c channels; padding is zeros on all sides. */
typedef struct {
  int in_h, in_w, out_h, out_w, k, stride, pad;
  gsize c;
} FmnWindow;

/* Pixels of a map: those of a row lie column floats apart, the rows' first ones row. */
typedef struct {
  const float *data;
  gsize row, column;
} FmnPixels;

/* The Winograd minimal filtering algorithms in use, all on two-dimensional tiles (Lavin & Gray 2016). */
typedef enum {
  FMN_WINOGRAD_4_3, /* F(4×4, 3×3): 6×6 inputs to 4×4 outputs */
  FMN_WINOGRAD_5_3, /* F(5×5, 3×3): 7×7 inputs to 5×5 outputs; not in training */
  FMN_WINOGRAD_4_5, /* F(4×4, 5×5): 8×8 inputs to 4×4 outputs */
} FmnWinograd;

typedef struct {
  const char *name;
  gboolean fast_half; /* half precision is widened by an instruction: weights may be kept in it */

  /* rows × c values, rows stride floats apart: FmnEpilogue applied in place */
  void (*epilogue)(float *y, gsize rows, gsize c, gsize stride, const FmnEpilogue *e);
  void (*activate)(float *y, const float *x, gsize n, FmnActivation act, float slope); /* y may be x */

  void (*add)(float *y, const float *x, gsize n);                      /* y += x */
  void (*add_activate)(float *y, const float *a, const float *b, gsize n, FmnActivation act, float slope); /* y = act(a + b) */
  void (*multiply)(float *y, const float *a, const float *b, gsize n); /* y = a·b; y may be a or b */
  void (*multiply_add)(float *y, const float *a, const float *b, gsize n); /* y += a·b */

  /* rows × c values; sum[c] += Σ x */
  void (*channel_sum)(double *sum, const float *x, gsize rows, gsize c);

  void (*from_half)(float *y, const guint16 *x, gsize n);
  /* One output of a dense layer for n ≤ FMN_DOT_ROWS images: y[r·y_stride] = Σ w[at + i] · x[r·x_stride + i], 0 ≤ i < k */
  void (*dot)(FmnPacked w, gsize at, gsize k, const float *x, int n, gsize x_stride, float *y, gsize y_stride);

  /* FMN_DOT_OUTPUTS outputs for one image, whose values are read once for all of them: y[o] = Σ w[at + o·k + i] · x[i] */
  void (*dot_outputs)(FmnPacked w, gsize at, gsize k, const float *x, float *y);

  /* For n ≤ FMN_PRODUCT_ROWS pixels the first `lanes` outputs of block `block` of w:
   *   y[r·stride + o] = Σ over taps t and inputs i of rows[t·n + r][i] · w(block, t·k + i, o)
   * the weights having taps·k inputs; added to what is in y where `add` says so. */
  void (*product)(const float *const *rows, int n, int taps, gsize k, FmnPacked w, gsize block, float *y, gsize stride,
                  int lanes, gboolean add);

  /* One row of output pixels of a depthwise convolution, with its epilogue; weights as tap × channel. */
  void (*depthwise)(const FmnWindow *s, const float *x, const float *w, const FmnEpilogue *e, int row, float *y);

  /* One row of output pixels of a max pooling; the window's padding is 0, and it is cut at the map's end. */
  void (*maxpool)(const FmnWindow *s, const float *x, int row, float *y);

  /* The weights of 16 outputs, tap t at w[at + t·tap]; the transformed weight p goes to u[p·stride]. Half precision: 3×3 only. */
  void (*winograd_weights)(FmnWinograd f, FmnPacked w, gsize at, gsize tap, float *u, gsize stride);
  /* One tile of c channels, a multiple of 16. x: pointers to the tile's input pixels in reading order; its result p goes to
   * v[p·stride]. */
  void (*winograd_input)(FmnWinograd f, const float *const *x, gsize c, float *v, gsize stride);
  /* Result p of the products at m[p·stride], 16 of the outputs. The tile's first rows × columns pixels go to y with their
   * epilogue, lines `row` floats apart, pixels `column`. */
  void (*winograd_output)(FmnWinograd f, const float *m, gsize stride, const FmnEpilogue *e, float *y, gsize row,
                          gsize column, int rows, int columns);
} FmnKernels;

/* A batch norm in training and the activation that follows it, or FMN_ACT_NONE; arrays of a value a channel. */
typedef struct {
  const float *mean;         /* of x */
  const float *scale, *shift;
  const float *a, *b, *d;    /* norm_gradient()'s alone */
  FmnActivation act;
  float slope;
} FmnNorm;

/* The training half, of the same instruction set: named in the training halves of layers alone. */
typedef struct {
  /* dx = dy · act'(x); dx may be dy */
  void (*activate)(float *dx, const float *dy, const float *x, gsize n, FmnActivation act, float slope);

  void (*channel_squares)(double *sum, const float *x, gsize rows, gsize c, const float *mean); /* sum[c] += Σ (x − mean[c])² */

  /* rows × c values; y = act(x·scale[c] + shift[c]) */
  void (*norm)(float *y, const float *x, gsize rows, gsize c, const FmnNorm *n);
  /* g being dy · act'(x·scale[c] + shift[c]): sum[c] += Σ g, products[c] += Σ g · (x − mean[c]) */
  void (*norm_sums)(double *sum, double *products, const float *dy, const float *x, gsize rows, gsize c, const FmnNorm *n);
  /* dx = g·a[c] + x·b[c] + d[c], added to what is in dx where `add` says so */
  void (*norm_gradient)(float *dx, const float *dy, const float *x, gsize rows, gsize c, const FmnNorm *n, gboolean add);

  /* What one image's dy adds to the gradient of depthwise()'s weights, and the input's gradient (overwritten; NULL: not wanted). */
  void (*depthwise)(const FmnWindow *s, const float *x, const float *dy, const float *w, float *dw, float *dx);

  /* Adds one row of dy to the input's gradient dx: to the first of each window's values that is the largest. y: of maxpool(), the
   * row as dy's. */
  void (*maxpool)(const FmnWindow *s, const float *x, const float *y, const float *dy, int row, float *dx);

  /* For the first `inputs` ≤ FMN_PRODUCT_ROWS values of x's pixels and the first `lanes` ≤ FMN_LANES of dy's:
   *   y[i·stride + o] = Σ over pixels of x[i] · dy[o], added to what is in y where `add` says so. */
  void (*outer)(const FmnPixels *x, const FmnPixels *dy, int rows, int columns, int inputs, int lanes, float *y, gsize stride,
                gboolean add);

  /* The transposes of FmnKernels.winograd_weights(), 16 lanes a tap, and of winograd_output(): 4×4 pixels of 16 to
   * the results at m[p·stride]. */
  void (*winograd_weights)(FmnWinograd f, const float *u, gsize stride, float dw[25][16]);
  void (*winograd_output)(FmnWinograd f, float y[16][16], float *m, gsize stride);
} FmnGradKernels;

/* The fastest that this machine runs; always the same pointer in one process. Thread-safe. */
const FmnKernels *fmn_kernels(void);

/* Every one that this machine runs, the plain C reference first; NULL-ended, static. */
const FmnKernels *const *fmn_kernels_all(void);

/* The training half of fmn_kernels(), and of each of fmn_kernels_all() by its index. */
const FmnGradKernels *fmn_grad_kernels(void);
const FmnGradKernels *fmn_grad_kernels_at(int i);

/* total[c] = Σ x over rows × c values. */
void fmn_channel_total(float *total, const float *x, gsize rows, int c);
/* y (columns × rows) = x (rows × columns) transposed */
void fmn_transpose(const float *x, int rows, int columns, float *y);

#endif
