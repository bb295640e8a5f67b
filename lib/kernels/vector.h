/* The bodies of FmnKernels, included once for each instruction set with KERNELS naming the table. The compiler vectorises them. */
#include <math.h>

#include "io/half.h"
#include "kernels/kernels.h"

#if defined(__AVX512F__) || defined(__F16C__)
#include <immintrin.h>
#endif

static inline float act_one(float x, FmnActivation act, float slope) {
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

static inline float act_grad_one(float x, FmnActivation act, float slope) {
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

/* Runs one statement with `act` a constant, so that each loop is vectorised for its activation. */
#define FOR_ACT(statement)                                                                                             \
  switch (act) {                                                                                                       \
  case FMN_ACT_NONE: { enum { A = FMN_ACT_NONE }; statement; } break;                                                  \
  case FMN_ACT_RELU: { enum { A = FMN_ACT_RELU }; statement; } break;                                                  \
  case FMN_ACT_LEAKY_RELU: { enum { A = FMN_ACT_LEAKY_RELU }; statement; } break;                                      \
  case FMN_ACT_SIGMOID: { enum { A = FMN_ACT_SIGMOID }; statement; } break;                                            \
  case FMN_ACT_SWISH: { enum { A = FMN_ACT_SWISH }; statement; } break;                                                \
  }

static void epilogue(float *y, gsize n, FmnActivation act, float slope, float bias, float scale, float shift) {
  FOR_ACT(for (gsize i = 0; i < n; i++) y[i] = act_one(y[i] + bias, (FmnActivation)A, slope) * scale + shift)
}

static void epilogue_vector(float *y, gsize n, FmnActivation act, float slope, const float *bias, const float *scale,
                            const float *shift) {
  if (bias)
    for (gsize i = 0; i < n; i++)
      y[i] += bias[i];
  FOR_ACT(for (gsize i = 0; i < n; i++) y[i] = act_one(y[i], (FmnActivation)A, slope))
  if (scale)
    for (gsize i = 0; i < n; i++)
      y[i] = y[i] * scale[i] + shift[i];
}

static void activate(float *y, const float *x, gsize n, FmnActivation act, float slope) {
  FOR_ACT(for (gsize i = 0; i < n; i++) y[i] = act_one(x[i], (FmnActivation)A, slope))
}

static void activate_grad(float *dx, const float *dy, const float *x, gsize n, FmnActivation act, float slope) {
  FOR_ACT(for (gsize i = 0; i < n; i++) dx[i] = dy[i] * act_grad_one(x[i], (FmnActivation)A, slope))
}

static void affine(float *y, const float *x, gsize n, float a, float b) {
  for (gsize i = 0; i < n; i++)
    y[i] = a * x[i] + b;
}

static void affine2(float *y, const float *x1, const float *x2, gsize n, float a, float b, float c) {
  for (gsize i = 0; i < n; i++)
    y[i] = a * x1[i] + (b * x2[i] + c);
}

static void add(float *y, const float *x, gsize n) {
  for (gsize i = 0; i < n; i++)
    y[i] += x[i];
}

static void multiply(float *y, const float *a, const float *b, gsize n) {
  for (gsize i = 0; i < n; i++)
    y[i] = a[i] * b[i];
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

/* Four sums at a time hide the latency of the additions. */
static float dot_half(const guint16 *a, const float *x, gsize n) {
  float s = 0.f;
  gsize i = 0;
#if defined(__AVX512F__)
  __m512 v[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
  for (; i + 64 <= n; i += 64)
    for (int k = 0; k < 4; k++)
      v[k] = _mm512_fmadd_ps(_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(a + i) + k)),
                             _mm512_loadu_ps(x + i + 16 * k), v[k]);
  s = _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(v[0], v[1]), _mm512_add_ps(v[2], v[3])));
#elif defined(__F16C__)
  __m256 v[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
  float lanes[8];
  for (; i + 32 <= n; i += 32)
    for (int k = 0; k < 4; k++)
      v[k] = _mm256_fmadd_ps(_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(a + i) + k)),
                             _mm256_loadu_ps(x + i + 8 * k), v[k]);
  _mm256_storeu_ps(lanes, _mm256_add_ps(_mm256_add_ps(v[0], v[1]), _mm256_add_ps(v[2], v[3])));
  for (int k = 0; k < 8; k++)
    s += lanes[k];
#endif
  for (; i < n; i++)
    s += fmn_half_to_float(a[i]) * x[i];
  return s;
}

static double sum(const float *x, gsize n) {
  float s = 0.f;
  for (gsize i = 0; i < n; i++)
    s += x[i];
  return s;
}

static double sum_squared_difference(const float *x, gsize n, float mean) {
  float s = 0.f;
  for (gsize i = 0; i < n; i++)
    s += (x[i] - mean) * (x[i] - mean);
  return s;
}

static double sum_product(const float *a, const float *b, gsize n, float mean) {
  float s = 0.f;
  for (gsize i = 0; i < n; i++)
    s += a[i] * (b[i] - mean);
  return s;
}

extern const FmnKernels KERNELS;
const FmnKernels KERNELS = {
    .name = KERNELS_NAME,
    .epilogue = epilogue,
    .epilogue_vector = epilogue_vector,
    .activate = activate,
    .activate_grad = activate_grad,
    .affine = affine,
    .affine2 = affine2,
    .add = add,
    .multiply = multiply,
    .dot_half = dot_half,
    .from_half = from_half,
    .sum = sum,
    .sum_squared_difference = sum_squared_difference,
    .sum_product = sum_product,
};
