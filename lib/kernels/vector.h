/* The bodies of FmnKernels, included once for each instruction set with KERNELS naming the table. The compiler vectorises them. */
#include <math.h>

#include "kernels/kernels.h"

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
    .sum = sum,
    .sum_squared_difference = sum_squared_difference,
    .sum_product = sum_product,
};
