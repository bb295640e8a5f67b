/* Every set of kernels that this machine runs against the plain C one; products and convolutions against their definition. */
#include <math.h>
#include <string.h>

#include "arrays.h"
#include "io/half.h"
#include "kernels/kernels.h"

static void check_elementwise(int set, gsize n) {
  const FmnKernels *ref = fmn_kernels_all()[0], *k = fmn_kernels_all()[set];
  const FmnGradKernels *ref_grad = fmn_grad_kernels_at(0), *grad = fmn_grad_kernels_at(set);
  float *x = random_floats(n, 1), *x2 = random_floats(n, 2), *want = random_floats(n, 5), *got = random_floats(n, 5);
  guint16 *half = g_new(guint16, n + 1);

  for (int act = FMN_ACT_NONE; act <= FMN_ACT_SWISH; act++) {
    ref->activate(want, x, n, (FmnActivation)act, .1f);
    k->activate(got, x, n, (FmnActivation)act, .1f);
    assert_close(got, want, n, 1e-5f);
    ref_grad->activate(want, x2, x, n, (FmnActivation)act, .1f);
    grad->activate(got, x2, x, n, (FmnActivation)act, .1f);
    assert_close(got, want, n, 1e-5f);
  }
  ref->add(want, x2, n);
  k->add(got, x2, n);
  assert_close(got, want, n, 1e-5f);
  ref->multiply_add(want, x, x2, n);
  k->multiply_add(got, x, x2, n);
  assert_close(got, want, n, 1e-5f);
  ref->multiply(want, x, x2, n);
  k->multiply(got, x, x2, n);
  assert_close(got, want, n, 1e-5f);
  for (gsize i = 0; i < n; i++)
    half[i] = fmn_float_to_half(x[i]);
  ref->from_half(want, half, n);
  k->from_half(got, half, n);
  assert_close(got, want, n, 1e-9f);
  g_free(half);
  free_all(4, x, x2, want, got);
}

static void check_channels(int set, gsize rows, gsize c) {
  const FmnKernels *ref = fmn_kernels_all()[0], *k = fmn_kernels_all()[set];
  const FmnGradKernels *ref_grad = fmn_grad_kernels_at(0), *grad = fmn_grad_kernels_at(set);
  gsize n = rows * c;
  float *x = random_floats(n, 1), *a = random_floats(c, 3), *b = random_floats(c, 4);
  float *d = random_floats(c, 6), *want = random_floats(n, 5), *got = random_floats(n, 5);
  double *sums[2] = {g_new0(double, c), g_new0(double, c)};

  for (int act = FMN_ACT_NONE; act <= FMN_ACT_SWISH; act++) {
    FmnEpilogue e = {(FmnActivation)act, .1f, act > 1 ? b : NULL, a, act % 2 ? b : NULL, act % 2 ? d : NULL};
    memcpy(want, x, n * sizeof *x);
    memcpy(got, x, n * sizeof *x);
    ref->epilogue(want, rows, c, c, &e);
    k->epilogue(got, rows, c, c, &e);
    assert_close(got, want, n, 2e-5f);
  }
  for (int i = 0; i < 2; i++)
    (i ? k : ref)->channel_sum(sums[i], x, rows, c);
  for (gsize i = 0; i < c; i++)
    g_assert_cmpfloat_with_epsilon(sums[0][i], sums[1][i], 3e-5 * (double)(rows + 1));
  for (int i = 0; i < 2; i++)
    (i ? grad : ref_grad)->channel_squares(sums[i], x, rows, c, a);
  for (gsize i = 0; i < c; i++)
    g_assert_cmpfloat_with_epsilon(sums[0][i], sums[1][i], 3e-5 * (double)(rows + 1));
  g_free(sums[0]);
  g_free(sums[1]);
  free_all(6, x, a, b, d, want, got);
}

/* By definition, in double; not nearer to a kink than rounding is. */
static double norm_by_definition(const FmnNorm *n, double x, gsize c, double *slope) {
  double z = x * n->scale[c] + n->shift[c], s = 1 / (1 + exp(-z));
  switch (n->act) {
  case FMN_ACT_RELU:
  case FMN_ACT_LEAKY_RELU:
    *slope = fabs(z) < 1e-5 ? NAN : z > 0 ? 1 : n->act == FMN_ACT_RELU ? 0 : (double)n->slope;
    return z * (z > 0 ? 1 : n->act == FMN_ACT_RELU ? 0 : (double)n->slope);
  case FMN_ACT_SIGMOID:
    *slope = s * (1 - s);
    return s;
  case FMN_ACT_SWISH:
    *slope = s + z * s * (1 - s);
    return z * s;
  case FMN_ACT_NONE:
    break;
  }
  *slope = 1;
  return z;
}

static void check_norm(int set, gsize rows, gsize c, FmnActivation act) {
  const FmnGradKernels *k = fmn_grad_kernels_at(set);
  gsize n = rows * c;
  float *x = random_floats(n, 1), *dy = random_floats(n, 2), *channels = random_floats(6 * c, 3);
  float *y = random_floats(n, 4), *dx = random_floats(n, 5);
  double *sums = g_new0(double, 4 * c);
  FmnNorm norm = {channels,         channels + c,     channels + 2 * c, channels + 3 * c,
                  channels + 4 * c, channels + 5 * c, act,              .1f};
  k->norm(y, x, rows, c, &norm);
  k->norm_sums(sums, sums + c, dy, x, rows, c, &norm);
  for (gboolean add = FALSE; add <= TRUE; add++) {
    k->norm_gradient(dx, dy, x, rows, c, &norm, add);
    for (gsize i = 0; i < n; i++) {
      double slope, want = norm_by_definition(&norm, (double)x[i], i % c, &slope);
      double back = (double)dy[i] * slope * norm.a[i % c] + (double)x[i] * norm.b[i % c] + norm.d[i % c];
      g_assert_cmpfloat_with_epsilon((double)y[i], want, 1e-5);
      if (!isnan(slope))
        g_assert_cmpfloat_with_epsilon((double)dx[i], back * (1 + add), 4e-5);
      if (!add) {
        sums[2 * c + i % c] += dy[i] * slope;
        sums[3 * c + i % c] += dy[i] * slope * ((double)x[i] - norm.mean[i % c]);
      }
    }
  }
  for (gsize i = 0; i < 2 * c; i++)
    if (!isnan(sums[2 * c + i]))
      g_assert_cmpfloat_with_epsilon(sums[i], sums[2 * c + i], 3e-5 * (double)(rows + 1));
  g_free(sums);
  free_all(5, x, dy, channels, y, dx);
}

/* By definition, in double. */
static double product_by_definition(const float *const *rows, int n, int r, int taps, int k, const float *w, int o) {
  double sum = 0;
  for (int t = 0; t < taps; t++)
    for (int i = 0; i < k; i++)
      sum += (double)rows[t * n + r][i] * (double)w[(t * k + i) * FMN_LANES + o];
  return sum;
}

static void check_product(const FmnKernels *kernels, int n, int taps, int k, int lanes, gboolean half) {
  gsize block = (gsize)(taps * k * FMN_LANES);
  float *x = random_floats((gsize)(n * taps * k), 1), *w = random_floats(2 * block, 2);
  float *y = random_floats((gsize)(n * 40), 3), *before = random_floats((gsize)(n * 40), 3);
  guint16 *w16 = g_new(guint16, 2 * block);
  const float **rows = g_new(const float *, n * taps);
  for (gsize i = 0; i < 2 * block; i++)
    w[i] = fmn_half_to_float(w16[i] = fmn_float_to_half(w[i]));
  for (int i = 0; i < n * taps; i++)
    rows[i] = x + i * k;
  FmnPacked packed = {half ? (const void *)w16 : w, half};
  kernels->product(rows, n, taps, (gsize)k, packed, 1, y, 40, lanes, FALSE);
  kernels->product(rows, n, taps, (gsize)k, packed, 1, y, 40, lanes, TRUE);
  for (int r = 0; r < n; r++)
    for (int o = 0; o < 40; o++) {
      double want = o < lanes ? 2 * product_by_definition(rows, n, r, taps, k, w + block, o) : (double)before[r * 40 + o];
      g_assert_cmpfloat_with_epsilon(y[r * 40 + o], (float)want, 1e-5f * (float)(taps * k + 1));
    }
  g_free(rows);
  g_free(w16);
  free_all(4, x, w, y, before);
}

static void check_dot(const FmnKernels *kernels, int n, gsize k, gboolean half) {
  gsize stride = k + 3;
  float *x = random_floats((gsize)n * stride, 1), *w = random_floats(2 * k, 2), y[2 * FMN_DOT_ROWS] = {0};
  guint16 *w16 = g_new(guint16, 2 * k + 1);
  for (gsize i = 0; i < 2 * k; i++)
    w[i] = fmn_half_to_float(w16[i] = fmn_float_to_half(w[i]));
  kernels->dot((FmnPacked){half ? (const void *)w16 : w, half}, k, k, x, n, stride, y, 2);
  for (int r = 0; r < FMN_DOT_ROWS; r++) {
    double want = 0;
    for (gsize i = 0; r < n && i < k; i++)
      want += (double)w[k + i] * (double)x[(gsize)r * stride + i];
    g_assert_cmpfloat_with_epsilon(y[2 * r], (float)want, 1e-5f * (float)(k + 1));
    g_assert_cmpfloat(y[2 * r + 1], ==, 0.f);
  }
  g_free(w16);
  free_all(2, x, w);
}

static void check_dot_outputs(const FmnKernels *kernels, gsize k, gboolean half) {
  gsize n = (FMN_DOT_OUTPUTS + 1) * k;
  float *x = random_floats(k, 1), *w = random_floats(n, 2), y[FMN_DOT_OUTPUTS + 1] = {0};
  guint16 *w16 = g_new(guint16, n);
  for (gsize i = 0; i < n; i++)
    w[i] = fmn_half_to_float(w16[i] = fmn_float_to_half(w[i]));
  kernels->dot_outputs((FmnPacked){half ? (const void *)w16 : w, half}, k, k, x, y);
  for (gsize o = 0; o < FMN_DOT_OUTPUTS; o++) {
    double want = 0;
    for (gsize i = 0; i < k; i++)
      want += (double)w[(o + 1) * k + i] * (double)x[i];
    g_assert_cmpfloat_with_epsilon(y[o], (float)want, 1e-5f * (float)(k + 1));
  }
  g_assert_cmpfloat(y[FMN_DOT_OUTPUTS], ==, 0.f);
  g_free(w16);
  free_all(2, x, w);
}

static void check_products(const FmnKernels *k) {
  for (gsize inputs = 1; inputs < 200; inputs += 13)
    for (int half = 0; half < 2; half++)
      check_dot_outputs(k, inputs, half);
  for (int n = 1; n <= FMN_DOT_ROWS; n++)
    for (gsize inputs = 1; inputs < 200; inputs += 13)
      for (int half = 0; half < 2; half++)
        check_dot(k, n, inputs, half);
  for (int n = 1; n <= FMN_PRODUCT_ROWS; n++)
    for (int half = 0; half < 2; half++) {
      check_product(k, n, 9, 16, 32, half);
      check_product(k, n, 1, 27, 16, half);
      check_product(k, n, 1, 1, 1 + n, half);
      check_product(k, n, 4, 3, 31, half);
    }
}

static void test_sets(void) {
  const FmnKernels *const *all = fmn_kernels_all();
  g_assert_cmpstr(all[0]->name, ==, "c");
  for (int set = 0; all[set]; set++) {
    g_test_message("%s", all[set]->name);
    for (gsize n = 0; n < 70; n++)
      check_elementwise(set, n);
    check_elementwise(set, 12345);
    for (gsize c = 1; c < 40; c++)
      check_channels(set, c % 5, c);
    check_channels(set, 500, 33);
    for (int act = FMN_ACT_NONE; act <= FMN_ACT_SWISH; act++) {
      for (gsize c = 1; c < 70; c += 7)
        check_norm(set, 1 + c % 5, c, (FmnActivation)act);
      check_norm(set, 300, 48, (FmnActivation)act);
    }
    check_products(all[set]);
  }
}

/* The reference itself, on numbers worked out by hand. */
static void test_reference(void) {
  const FmnKernels *k = fmn_kernels_all()[0];
  float x[] = {-2.f, 1.f, 4.f, 5.f, 6.f, 7.f}, y[6];
  double sum[2] = {0};
  memcpy(y, x, sizeof y);
  k->epilogue(y, 3, 1, 2, &(const FmnEpilogue){FMN_ACT_RELU, 0.f, NULL, (float[]){1.f}, (float[]){2.f}, (float[]){10.f}});
  g_assert_cmpfloat(y[0], ==, 10.f);
  g_assert_cmpfloat(y[1], ==, 1.f); /* between the rows' strides */
  g_assert_cmpfloat(y[2], ==, 20.f);
  g_assert_cmpfloat(y[4], ==, 24.f);
  fmn_grad_kernels_at(0)->activate(y, (const float[]){1.f, 1.f, 1.f}, x, 3, FMN_ACT_LEAKY_RELU, .1f);
  g_assert_cmpfloat(y[0], ==, .1f);
  g_assert_cmpfloat(y[2], ==, 1.f);
  k->channel_sum(sum, x, 3, 2);
  g_assert_cmpfloat(sum[0], ==, 8.0);
  g_assert_cmpfloat(sum[1], ==, 13.0);
  fmn_grad_kernels_at(0)->channel_squares(sum, x, 3, 2, (const float[]){1.f, 5.f});
  g_assert_cmpfloat(sum[0], ==, 8.0 + 9.0 + 9.0 + 25.0);
  const float ones[] = {1.f, 1.f}, mean[] = {1.f, 5.f}, dy[] = {1.f, 1.f, 2.f, 2.f, 3.f, 3.f};
  const FmnNorm norm = {.mean = mean, .scale = ones, .shift = ones, .act = FMN_ACT_NONE};
  double total[2] = {0};
  fmn_grad_kernels_at(0)->norm_sums(total, sum, dy, x, 3, 2, &norm);
  g_assert_cmpfloat(total[0], ==, 6.0);
  g_assert_cmpfloat(sum[1], ==, 13.0 + 16.0 + 0.0 + 4.0 + -4.0 + 0.0 + 6.0);
}

/* The sum over pixels of x[i] · dy[o], in double; pixels as FmnPixels has them. */
static double outer_by_definition(const FmnPixels *x, const FmnPixels *dy, int rows, int columns, int i, int o) {
  double sum = 0;
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < columns; c++)
      sum += (double)x->data[(gsize)r * x->row + (gsize)c * x->column + (gsize)i] *
             (double)dy->data[(gsize)r * dy->row + (gsize)c * dy->column + (gsize)o];
  return sum;
}

static void check_outer(const FmnGradKernels *kernels, int rows, int columns, int inputs, int lanes, gboolean add) {
  gsize x_column = (gsize)inputs + 1, y_column = (gsize)lanes + 2, stride = (gsize)lanes + 3, n = (gsize)inputs * stride;
  float *x = random_floats((gsize)rows * ((gsize)columns + 1) * x_column, 1);
  float *dy = random_floats((gsize)rows * ((gsize)columns + 2) * y_column, 2), *y = random_floats(n, 3), *before = random_floats(n, 3);
  FmnPixels from = {x, ((gsize)columns + 1) * x_column, x_column}, to = {dy, ((gsize)columns + 2) * y_column, y_column};
  kernels->outer(&from, &to, rows, columns, inputs, lanes, y, stride, add);
  for (int i = 0; i < inputs; i++)
    for (int o = 0; o < (int)stride; o++) {
      gsize at = (gsize)i * stride + (gsize)o;
      double want = o >= lanes ? (double)before[at] : outer_by_definition(&from, &to, rows, columns, i, o) + (add ? (double)before[at] : 0);
      g_assert_cmpfloat_with_epsilon(y[at], (float)want, 1e-5f * (float)(rows * columns + 1));
    }
  free_all(4, x, dy, y, before);
}

static void assert_near(const float *a, const float *b, gsize n, double epsilon) {
  for (gsize i = 0; i < n; i++)
    g_assert_cmpfloat_with_epsilon((double)a[i], (double)b[i], epsilon);
}

/* Every Winograd transform for inference against the plain C one; outputs of whole tiles and of cut ones, with what may follow. */
static void check_winograd(int set, FmnWinograd f, int size, int k) {
  const FmnKernels *kernels[] = {fmn_kernels_all()[0], fmn_kernels_all()[set]};
  gsize results = (gsize)((k + size - 1) * (k + size - 1)), taps = (gsize)(k * k), n = 6 * 6 * 19;
  float *x = random_floats(64 * 16, 1), *w = random_floats(taps * 20, 2), *u[2], *y[2], *affine = random_floats(64, 4);
  const float *pixels[64];
  for (gsize i = 0; i < 64; i++)
    pixels[i] = x + i * 16;
  for (int i = 0; i < 2; i++) {
    u[i] = random_floats(results * 19, 3);
    kernels[i]->winograd_weights(f, (FmnPacked){w, FALSE}, 0, 20, u[i], 19);
  }
  assert_close(u[1], u[0], results * 19, 1e-5f);
  for (int i = 0; i < 2; i++)
    kernels[i]->winograd_input(f, pixels, 16, u[i], 19);
  assert_close(u[1], u[0], results * 19, 1e-4f);
  for (int cut = 0; cut < size * size; cut++)
    for (int parts = 0; parts < 4; parts++) {
      FmnEpilogue e = {.act = (FmnActivation)((cut + parts) % 5), .slope = 0.1f};
      if (parts & 1)
        e.gain = affine, e.bias = affine + 16;
      if (parts & 2)
        e.scale = affine + 32, e.shift = affine + 48;
      for (int i = 0; i < 2; i++) {
        y[i] = random_floats(n, 5); /* what is not of the tile stays */
        kernels[i]->winograd_output(f, u[0], 19, &e, y[i], 6 * 19, 19, size - cut / size, size - cut % size);
      }
      assert_near(y[1], y[0], n, 1e-2);
      float *before = random_floats(n, 5);
      for (gsize at = 0; at < n; at++) {
        int row = (int)(at / (6 * 19)), column = (int)(at % (6 * 19) / 19), lane = (int)(at % 19);
        if (row >= size - cut / size || column >= size - cut % size || lane >= 16)
          g_assert_cmpfloat(y[1][at], ==, before[at]);
      }
      fmn_floats_free(before);
      free_all(2, y[0], y[1]);
    }
  free_all(5, x, w, u[0], u[1], affine);
}

/* The transforms of training against the plain C ones, and the weights' with its transpose: <G(w), u> = <w, Gᵀ(u)>. */
static void check_winograd_gradient(int set, FmnWinograd f, int k) {
  const FmnGradKernels *grads[] = {fmn_grad_kernels_at(0), fmn_grad_kernels_at(set)};
  gsize results = (gsize)((k + 3) * (k + 3)), taps = (gsize)(k * k);
  float *x = random_floats(64 * 16, 1), *w = random_floats(taps * 20, 2), *u[2], dw[2][25][16] = {{{0}}}, dy[16][16];
  double left = 0, right = 0;
  memcpy(dy, x, sizeof dy);
  for (int i = 0; i < 2; i++) {
    u[i] = random_floats(results * 19, 3);
    grads[i]->winograd_weights(f, x, 16, dw[i]);
  }
  fmn_kernels_all()[set]->winograd_weights(f, (FmnPacked){w, FALSE}, 0, 20, u[1], 19);
  assert_near(dw[1][0], dw[0][0], taps * 16, 1e-4);
  for (gsize p = 0; p < results; p++)
    for (gsize lane = 0; lane < 16; lane++)
      left += (double)u[1][p * 19 + lane] * (double)x[p * 16 + lane];
  for (gsize t = 0; t < taps; t++)
    for (gsize lane = 0; lane < 16; lane++)
      right += (double)w[t * 20 + lane] * (double)dw[1][t][lane];
  g_assert_cmpfloat_with_epsilon(left, right, 1e-3);
  for (int i = 0; i < 2; i++)
    grads[i]->winograd_output(f, dy, u[i], 19);
  assert_close(u[1], u[0], results * 19, 1e-3f);
  free_all(4, x, w, u[0], u[1]);
}

static void check_maxpool(int set, FmnWindow w) {
  w.out_h = (w.in_h + w.pad - w.k) / w.stride + 1; /* pad: at the end alone */
  w.out_w = (w.in_w + w.pad - w.k) / w.stride + 1;
  w.pad = 0;
  gsize in = (gsize)(w.in_h * w.in_w) * w.c, row = (gsize)w.out_w * w.c, out = (gsize)w.out_h * row;
  float *x = random_floats(in, 1), *y = random_floats(out, 2), *dy = random_floats(out, 3), *dx = fmn_floats_new0(in);
  float *want = fmn_floats_new0(in);
  for (int r = 0; r < w.out_h; r++) {
    fmn_kernels_all()[set]->maxpool(&w, x, r, y + (gsize)r * row);
    fmn_grad_kernels_at(set)->maxpool(&w, x, y + (gsize)r * row, dy + (gsize)r * row, r, dx);
  }
  for (gsize o = 0; o < out; o++) {
    int oy = (int)(o / row), ox = (int)(o % row / w.c), best = -1;
    for (int iy = oy * w.stride; iy < MIN(oy * w.stride + w.k, w.in_h); iy++)
      for (int ix = ox * w.stride; ix < MIN(ox * w.stride + w.k, w.in_w); ix++) {
        int at = (iy * w.in_w + ix) * (int)w.c + (int)(o % w.c);
        best = best < 0 || x[at] > x[best] ? at : best;
      }
    g_assert_cmpfloat(y[o], ==, x[best]);
    want[best] += dy[o];
  }
  assert_near(dx, want, in, 1e-6);
  free_all(5, x, y, dy, dx, want);
}

static void test_windows(void) {
  for (int set = 0; fmn_kernels_all()[set]; set++) {
    for (int inputs = 1; inputs <= FMN_PRODUCT_ROWS; inputs++) {
      check_outer(fmn_grad_kernels_at(set), 3, 5, inputs, FMN_LANES, inputs % 2);
      check_outer(fmn_grad_kernels_at(set), 1, 40, inputs, 2 * inputs + 1, inputs % 3 == 0);
      check_outer(fmn_grad_kernels_at(set), 4, 1, inputs, 16, TRUE);
    }
    check_winograd(set, FMN_WINOGRAD_4_3, 4, 3);
    check_winograd(set, FMN_WINOGRAD_5_3, 5, 3);
    check_winograd(set, FMN_WINOGRAD_4_5, 4, 5);
    check_winograd_gradient(set, FMN_WINOGRAD_4_3, 3);
    check_winograd_gradient(set, FMN_WINOGRAD_4_5, 5);
    for (gsize c = 1; c < 40; c += 5)
      for (int k = 1; k <= 3; k++)
        for (int stride = 1; stride <= 3; stride++)
          check_maxpool(set, (FmnWindow){.in_h = 7, .in_w = 6, .k = k, .stride = stride, .pad = k - 1, .c = c});
  }
}

static void test_transpose(void) {
  float x[17 * 40], y[17 * 40];
  for (int i = 0; i < 17 * 40; i++)
    x[i] = (float)i;
  fmn_transpose(x, 17, 40, y);
  for (int r = 0; r < 17; r++)
    for (int c = 0; c < 40; c++)
      g_assert_cmpfloat(y[c * 17 + r], ==, x[r * 40 + c]);
}

typedef struct {
  int seen[64], slots[64], busy[5];
} Tasks;

static void mark(gpointer data, int begin, int end, int slot) {
  Tasks *t = data;
  g_assert_cmpint(g_atomic_int_add(&t->busy[slot], 1), ==, 0); /* no two calls at a time in a slot */
  for (int i = begin; i < end; i++) {
    g_atomic_int_inc(&t->seen[i]);
    t->slots[i] = slot;
  }
  g_atomic_int_add(&t->busy[slot], -1);
}

static void test_pool(void) {
  for (int threads = 1; threads <= 5; threads++) {
    FmnPool *pool = fmn_pool_new(threads);
    g_assert_cmpint(fmn_pool_threads(pool), ==, threads);
    for (int n = 0; n <= 64; n++) {
      Tasks run = {0}, share = {0};
      fmn_pool_run(pool, mark, &run, n);
      fmn_pool_share(pool, mark, &share, n);
      for (int i = 0; i < 64; i++) {
        g_assert_cmpint(run.seen[i], ==, i < n);
        g_assert_cmpint(share.seen[i], ==, i < n);
      }
      g_assert_cmpint(fmn_pool_shares(pool, n), ==, MIN(n, threads));
      for (int i = 0; i < n; i++) /* the same at every run */
        g_assert_cmpint(share.slots[i], ==, ((i + 1) * MIN(n, threads) - 1) / n);
    }
    fmn_pool_free(pool);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/kernels/reference", test_reference);
  g_test_add_func("/kernels/sets", test_sets);
  add_conv_tests();
  g_test_add_func("/kernels/windows", test_windows);
  g_test_add_func("/kernels/transpose", test_transpose);
  g_test_add_func("/kernels/pool", test_pool);
  if (g_test_perf())
    g_test_add_func("/kernels/bench", bench_kernels);
  return g_test_run();
}
