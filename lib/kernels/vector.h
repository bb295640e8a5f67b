/* The bodies of FmnKernels, included once for each instruction set with KERNELS naming the table. The compiler vectorises them. */
#include <math.h>
#include <string.h>

#include "io/half.h"
#include "kernels/kernels.h"

#if defined(__AVX512F__) || defined(__F16C__)
#include <immintrin.h>
#endif

#include "kernels/simd.h"
#include "kernels/activate.h"

static void add(float *y, const float *x, gsize n) {
  for (gsize i = 0; i < n; i++)
    y[i] += x[i];
}

static void multiply(float *y, const float *a, const float *b, gsize n) {
  for (gsize i = 0; i < n; i++)
    y[i] = a[i] * b[i];
}

static void multiply_add(float *y, const float *a, const float *b, gsize n) {
  for (gsize i = 0; i < n; i++)
    y[i] += a[i] * b[i];
}

/* Sums over rows: of SUM_VECS registers of channels at a time, in float32 over at most SUM_ROWS rows, then in double. */
#define SUM_VECS 4
#define SUM_ROWS 128

typedef enum { SUM, SQUARES } SumKind;

INLINE void sum_vectors(double *sum, const float *x, gsize rows, gsize c, const float *mean, const SumKind kind,
                        const int vecs) {
  Vec s[SUM_VECS], m[SUM_VECS];
#pragma GCC unroll 4
  for (int v = 0; v < vecs; v++) {
    s[v] = (Vec){0};
    m[v] = kind == SUM ? (Vec){0} : *(const Vec *)(mean + v * VEC_LANES);
  }
  for (gsize r = 0; r < rows; r++, x += c)
#pragma GCC unroll 4
    for (int v = 0; v < vecs; v++) {
      Vec value = *(const Vec *)(x + v * VEC_LANES);
      Vec d = value - m[v];
      if (kind == SUM)
        s[v] += value;
      else
        s[v] += d * d;
    }
#pragma GCC unroll 4
  for (int v = 0; v < vecs; v++)
    for (int i = 0; i < VEC_LANES; i++)
      sum[v * VEC_LANES + i] += (double)s[v][i];
}

INLINE void channel_total(double *sum, const float *x, gsize rows, gsize c, const float *mean, const SumKind kind) {
  for (gsize r = 0; r < rows; r += SUM_ROWS, x += SUM_ROWS * c) {
    gsize n = MIN(SUM_ROWS, rows - r), i = 0;
    for (; i + SUM_VECS * VEC_LANES <= c; i += SUM_VECS * VEC_LANES)
      sum_vectors(sum + i, x + i, n, c, kind == SUM ? NULL : mean + i, kind, SUM_VECS);
    for (; i + VEC_LANES <= c; i += VEC_LANES)
      sum_vectors(sum + i, x + i, n, c, kind == SUM ? NULL : mean + i, kind, 1);
    for (; i < c; i++) {
      float s = 0.f;
      for (gsize k = 0; k < n; k++) {
        float value = x[k * c + i], d = value - (kind == SUM ? 0.f : mean[i]);
        s += kind == SUM ? value : d * d;
      }
      sum[i] += (double)s;
    }
  }
}

static void channel_sum(double *sum, const float *x, gsize rows, gsize c) { channel_total(sum, x, rows, c, NULL, SUM); }

static void channel_squares(double *sum, const float *x, gsize rows, gsize c, const float *mean) {
  channel_total(sum, x, rows, c, mean, SQUARES);
}

#include "kernels/norm.h"

static void from_half(float *y, const guint16 *x, gsize n) {
  gsize i = 0;
  for (; i + VEC_LANES <= n; i += VEC_LANES)
    store(y + i, load_half(x + i));
  for (; i < n; i++)
    y[i] = fmn_half_to_float(x[i]);
}

#include "kernels/depthwise.h"
#include "kernels/maxpool.h"
#include "kernels/product.h"
#include "kernels/outer.h"
#include "kernels/dot.h"
#include "kernels/winograd.h"

extern const FmnKernels KERNELS;
const FmnKernels KERNELS = {
    .name = KERNELS_NAME,
#if defined(__AVX512F__) || defined(__F16C__)
    .fast_half = TRUE,
#endif
    .epilogue = epilogue,
    .activate = activate,
    .add = add,
    .add_activate = add_activate,
    .multiply = multiply,
    .multiply_add = multiply_add,
    .channel_sum = channel_sum,
    .dot = dot,
    .dot_outputs = dot_outputs,
    .from_half = from_half,
    .product = product,
    .depthwise = depthwise,
    .maxpool = maxpool,
    .winograd_weights = winograd_weights,
    .winograd_input = winograd_input,
    .winograd_output = winograd_output,
};

extern const FmnGradKernels GRAD_KERNELS;
const FmnGradKernels GRAD_KERNELS = {
    .activate = activate_grad,
    .channel_squares = channel_squares,
    .norm = norm,
    .norm_sums = norm_sums,
    .norm_gradient = norm_gradient,
    .depthwise = depthwise_grad,
    .maxpool = maxpool_grad,
    .winograd_weights = winograd_weights_gradient,
    .winograd_output = winograd_output_gradient,
    .outer = outer,
};
