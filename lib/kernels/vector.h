/* The bodies of FmnKernels, included once for each instruction set with KERNELS naming the table. The compiler vectorises them. */
#include <math.h>
#include <string.h>

#include "io/half.h"
#include "kernels/kernels.h"

#if defined(__AVX512F__) || defined(__F16C__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

/* A register of floats, at any address. */
#if defined(__AVX512F__)
#define VEC_LANES 16
#elif defined(__AVX2__)
#define VEC_LANES 8
#else
#define VEC_LANES 4
#endif
typedef float Vec __attribute__((vector_size(4 * VEC_LANES), aligned(4), may_alias));

INLINE float act_one(float x, FmnActivation act, float slope) {
  switch (act) {
  case FMN_ACT_RELU:
    return x > 0.f ? x : 0.f;
  case FMN_ACT_LEAKY_RELU:
    return x > 0.f ? x : slope * x;
  case FMN_ACT_SIGMOID:
    return 1.f / (1.f + expf(-x));
  case FMN_ACT_SWISH:
    return x / (1.f + expf(-x));
  case FMN_ACT_NONE:
    break;
  }
  return x;
}

INLINE float act_grad_one(float x, FmnActivation act, float slope) {
  float s;
  switch (act) {
  case FMN_ACT_RELU:
    return x > 0.f ? 1.f : 0.f;
  case FMN_ACT_LEAKY_RELU:
    return x > 0.f ? 1.f : slope;
  case FMN_ACT_SIGMOID:
    s = 1.f / (1.f + expf(-x));
    return s * (1.f - s);
  case FMN_ACT_SWISH:
    s = 1.f / (1.f + expf(-x));
    return s + x * s * (1.f - s);
  case FMN_ACT_NONE:
    break;
  }
  return 1.f;
}

INLINE void activate_as(float *y, const float *x, gsize n, const FmnActivation act, float slope) {
  for (gsize i = 0; i < n; i++)
    y[i] = act_one(x[i], act, slope);
}

/* One call for each activation, so that each becomes a loop without a choice in it. */
static void activate(float *y, const float *x, gsize n, FmnActivation act, float slope) {
  switch (act) {
  case FMN_ACT_NONE:
    activate_as(y, x, n, FMN_ACT_NONE, slope);
    break;
  case FMN_ACT_RELU:
    activate_as(y, x, n, FMN_ACT_RELU, slope);
    break;
  case FMN_ACT_LEAKY_RELU:
    activate_as(y, x, n, FMN_ACT_LEAKY_RELU, slope);
    break;
  case FMN_ACT_SIGMOID:
    activate_as(y, x, n, FMN_ACT_SIGMOID, slope);
    break;
  case FMN_ACT_SWISH:
    activate_as(y, x, n, FMN_ACT_SWISH, slope);
    break;
  }
}

INLINE void activate_grad_as(float *dx, const float *dy, const float *x, gsize n, const FmnActivation act, float slope) {
  for (gsize i = 0; i < n; i++)
    dx[i] = dy[i] * act_grad_one(x[i], act, slope);
}

static void activate_grad(float *dx, const float *dy, const float *x, gsize n, FmnActivation act, float slope) {
  switch (act) {
  case FMN_ACT_NONE:
    activate_grad_as(dx, dy, x, n, FMN_ACT_NONE, slope);
    break;
  case FMN_ACT_RELU:
    activate_grad_as(dx, dy, x, n, FMN_ACT_RELU, slope);
    break;
  case FMN_ACT_LEAKY_RELU:
    activate_grad_as(dx, dy, x, n, FMN_ACT_LEAKY_RELU, slope);
    break;
  case FMN_ACT_SIGMOID:
    activate_grad_as(dx, dy, x, n, FMN_ACT_SIGMOID, slope);
    break;
  case FMN_ACT_SWISH:
    activate_grad_as(dx, dy, x, n, FMN_ACT_SWISH, slope);
    break;
  }
}

static void epilogue(float *y, gsize rows, gsize c, gsize stride, const FmnEpilogue *e) {
  const float *gain = e->gain, *bias = e->bias, *scale = e->scale, *shift = e->shift;
  for (gsize r = 0; r < rows; r++, y += stride) {
    if (gain && bias)
      for (gsize i = 0; i < c; i++)
        y[i] = y[i] * gain[i] + bias[i];
    else if (bias)
      for (gsize i = 0; i < c; i++)
        y[i] += bias[i];
    else if (gain)
      for (gsize i = 0; i < c; i++)
        y[i] *= gain[i];
    if (e->act != FMN_ACT_NONE)
      activate(y, y, c, e->act, e->slope);
    if (scale)
      for (gsize i = 0; i < c; i++)
        y[i] = y[i] * scale[i] + shift[i];
  }
}

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

static void maximum(float *y, const float *x, gsize n) {
  for (gsize i = 0; i < n; i++)
    y[i] = y[i] > x[i] ? y[i] : x[i];
}

static void channel_affine(float *y, const float *x, gsize rows, gsize c, const float *a, const float *b) {
  for (gsize r = 0; r < rows; r++, x += c, y += c)
    for (gsize i = 0; i < c; i++)
      y[i] = x[i] * a[i] + b[i];
}

static void channel_affine2(float *y, const float *x1, const float *x2, gsize rows, gsize c, const float *a,
                            const float *b, const float *d) {
  for (gsize r = 0; r < rows; r++, x1 += c, x2 += c, y += c)
    for (gsize i = 0; i < c; i++)
      y[i] = x1[i] * a[i] + (x2[i] * b[i] + d[i]);
}

/* Sums over rows: of SUM_VECS registers of channels at a time, in float32 over at most SUM_ROWS rows, then in double. */
#define SUM_VECS 4
#define SUM_ROWS 128

typedef enum { SUM, SQUARES, PRODUCTS } SumKind;

INLINE float sum_term(const SumKind kind, float dy, float x, float mean) {
  return kind == SUM ? x : kind == SQUARES ? (x - mean) * (x - mean) : dy * (x - mean);
}

INLINE void sum_vectors(double *sum, const float *dy, const float *x, gsize rows, gsize c, const float *mean,
                        const SumKind kind, const int vecs) {
  Vec s[SUM_VECS], m[SUM_VECS];
#pragma GCC unroll 4
  for (int v = 0; v < vecs; v++) {
    s[v] = (Vec){0};
    m[v] = kind == SUM ? (Vec){0} : *(const Vec *)(mean + v * VEC_LANES);
  }
  for (gsize r = 0; r < rows; r++, x += c, dy += c)
#pragma GCC unroll 4
    for (int v = 0; v < vecs; v++) {
      Vec value = *(const Vec *)(x + v * VEC_LANES);
      Vec d = value - m[v];
      if (kind == SUM)
        s[v] += value;
      else if (kind == SQUARES)
        s[v] += d * d;
      else
        s[v] += *(const Vec *)(dy + v * VEC_LANES) * d;
    }
#pragma GCC unroll 4
  for (int v = 0; v < vecs; v++)
    for (int i = 0; i < VEC_LANES; i++)
      sum[v * VEC_LANES + i] += (double)s[v][i];
}

INLINE void channel_total(double *sum, const float *dy, const float *x, gsize rows, gsize c, const float *mean,
                          const SumKind kind) {
  for (gsize r = 0; r < rows; r += SUM_ROWS, x += SUM_ROWS * c, dy += SUM_ROWS * c) {
    gsize n = MIN(SUM_ROWS, rows - r), i = 0;
    for (; i + SUM_VECS * VEC_LANES <= c; i += SUM_VECS * VEC_LANES)
      sum_vectors(sum + i, dy + i, x + i, n, c, kind == SUM ? NULL : mean + i, kind, SUM_VECS);
    for (; i + VEC_LANES <= c; i += VEC_LANES)
      sum_vectors(sum + i, dy + i, x + i, n, c, kind == SUM ? NULL : mean + i, kind, 1);
    for (; i < c; i++) {
      float s = 0.f;
      for (gsize k = 0; k < n; k++)
        s += sum_term(kind, dy[k * c + i], x[k * c + i], kind == SUM ? 0.f : mean[i]);
      sum[i] += (double)s;
    }
  }
}

static void channel_sum(double *sum, const float *x, gsize rows, gsize c) {
  channel_total(sum, x, x, rows, c, NULL, SUM);
}

static void channel_squares(double *sum, const float *x, gsize rows, gsize c, const float *mean) {
  channel_total(sum, x, x, rows, c, mean, SQUARES);
}

static void channel_products(double *sum, const float *dy, const float *x, gsize rows, gsize c, const float *mean) {
  channel_total(sum, dy, x, rows, c, mean, PRODUCTS);
}

static void from_half(float *y, const guint16 *x, gsize n) {
  gsize i = 0;
#if defined(__AVX512F__)
  for (; i + 16 <= n; i += 16)
    _mm512_storeu_ps(y + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(x + i))));
#elif defined(__F16C__)
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(y + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(x + i))));
#endif
  for (; i < n; i++)
    y[i] = fmn_half_to_float(x[i]);
}

#include "kernels/product.h"
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
    .multiply = multiply,
    .multiply_add = multiply_add,
    .maximum = maximum,
    .channel_affine = channel_affine,
    .channel_sum = channel_sum,
    .dot = dot,
    .from_half = from_half,
    .product = product,
    .winograd_input = winograd_input,
    .winograd_output = winograd_output,
};

extern const FmnGradKernels GRAD_KERNELS;
const FmnGradKernels GRAD_KERNELS = {
    .activate = activate_grad,
    .channel_squares = channel_squares,
    .channel_products = channel_products,
    .channel_affine2 = channel_affine2,
    .winograd_output = winograd_output_gradient,
};
