/* Loops over arrays of float32, in plain C for every machine and compiled again for wider vectors; chosen once at run time.
 *
 * FMNIST_CPU=c|avx2|avx512 in the environment forces a lower choice. Arrays may be unaligned; they overlap only where the
 * function says so. Sums add in double across calls, in float32 lanes inside of one. */
#ifndef FMN_KERNELS_H
#define FMN_KERNELS_H

#include "nn/layer.h"

typedef struct {
  const char *name;

  /* y = act(y + bias) · scale + shift */
  void (*epilogue)(float *y, gsize n, FmnActivation act, float slope, float bias, float scale, float shift);
  /* The same with one bias, scale and shift an element; each may be NULL. */
  void (*epilogue_vector)(float *y, gsize n, FmnActivation act, float slope, const float *bias, const float *scale,
                          const float *shift);

  void (*activate)(float *y, const float *x, gsize n, FmnActivation act, float slope); /* y may be x */
  /* dx = dy · act'(x); dx may be dy */
  void (*activate_grad)(float *dx, const float *dy, const float *x, gsize n, FmnActivation act, float slope);

  void (*affine)(float *y, const float *x, gsize n, float a, float b); /* y = a·x + b; y may be x */
  /* y = a·x1 + b·x2 + c; y may be x1 or x2 */
  void (*affine2)(float *y, const float *x1, const float *x2, gsize n, float a, float b, float c);
  void (*add)(float *y, const float *x, gsize n);            /* y += x */
  void (*multiply)(float *y, const float *a, const float *b, gsize n); /* y = a·b; y may be a or b */

  float (*dot_half)(const guint16 *a, const float *x, gsize n); /* Σ a·x, a in IEEE half precision */
  void (*from_half)(float *y, const guint16 *x, gsize n);

  double (*sum)(const float *x, gsize n);
  double (*sum_squared_difference)(const float *x, gsize n, float mean); /* Σ (x − mean)² */
  double (*sum_product)(const float *a, const float *b, gsize n, float mean); /* Σ a·(b − mean) */
} FmnKernels;

/* The fastest that this machine runs; always the same pointer in one process. Thread-safe. */
const FmnKernels *fmn_kernels(void);

/* Every one that this machine runs, the plain C reference first; NULL-ended, static. */
const FmnKernels *const *fmn_kernels_all(void);

/* C (m×n, rows ldc apart) = A·B + beta·C, row-major; ta, tb: A, B are stored transposed. In the calling thread by OpenBLAS. */
void fmn_gemm(gboolean ta, gboolean tb, int m, int n, int k, const float *a, int lda, const float *b, int ldb, float beta,
              float *c, int ldc);
/* y (m) = A (m×n) · x */
void fmn_gemv(int m, int n, const float *a, int lda, const float *x, float *y);

/* Geometry of a sliding window over c×h×w. */
typedef struct {
  int c, h, w, k, stride, pad, out_h, out_w;
} FmnWindow;

/* Columns for the output rows row0 ≤ r < row1: col is (c·k·k) × ((row1 − row0)·out_w), zeros where padded. */
void fmn_im2col(const FmnWindow *win, const float *x, int row0, int row1, float *col);
/* The transpose of fmn_im2col() over all rows: adds the columns back into dx (c×h×w). */
void fmn_col2im(const FmnWindow *win, const float *col, float *dx);

/* One plane (win->c = 1) with one k×k kernel w: its correlation y; what dy (out_h×out_w) adds to the kernel's gradient dw; the
 * input's gradient dx. Padding is zeros. */
void fmn_window_correlate(const FmnWindow *win, const float *x, const float *w, float *y);
void fmn_window_weight_grad(const FmnWindow *win, const float *x, const float *dy, float *dw);
void fmn_window_input_grad(const FmnWindow *win, const float *dy, const float *w, float *dx);

#endif
