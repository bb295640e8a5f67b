/* Every set of kernels that this machine runs against the plain C one; products and convolutions against their definition. */
#include <math.h>
#include <string.h>

#include "io/half.h"
#include "kernels/columns.h"
#include "kernels/conv_algorithm.h"
#include "train/random.h"

#define GUARD 8

static float *random_floats(gsize n, guint64 seed) {
  FmnRandom r = {seed};
  float *data = fmn_floats_new(n + GUARD);
  for (gsize i = 0; i < n; i++)
    data[i] = (float)fmn_random_range(&r, -3.0, 3.0);
  for (gsize i = n; i < n + GUARD; i++)
    data[i] = 1e9f;
  return data;
}

static void free_all(int n, ...) {
  va_list arguments;
  va_start(arguments, n);
  for (int i = 0; i < n; i++)
    fmn_floats_free(va_arg(arguments, float *));
  va_end(arguments);
}

static void assert_close(const float *a, const float *b, gsize n, float tolerance) {
  for (gsize i = 0; i < n; i++)
    g_assert_cmpfloat_with_epsilon(a[i], b[i], tolerance);
  for (gsize i = n; i < n + GUARD; i++) /* nothing written past the end */
    g_assert_true(a[i] == 1e9f);
}

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
  ref->maximum(want, x, n);
  k->maximum(got, x, n);
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
  float *x = random_floats(n, 1), *x2 = random_floats(n, 2), *a = random_floats(c, 3), *b = random_floats(c, 4);
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
  ref->channel_affine(want, x, rows, c, a, b);
  k->channel_affine(got, x, rows, c, a, b);
  assert_close(got, want, n, 1e-5f);
  ref_grad->channel_affine2(want, x, x2, rows, c, a, b, d);
  grad->channel_affine2(got, x, x2, rows, c, a, b, d);
  assert_close(got, want, n, 2e-5f);
  for (int kind = 0; kind < 3; kind++) {
    const FmnGradKernels *both[] = {ref_grad, grad};
    for (int i = 0; i < 2; i++)
      if (kind == 0)
        (i ? k : ref)->channel_sum(sums[i], x, rows, c);
      else if (kind == 1)
        both[i]->channel_squares(sums[i], x, rows, c, a);
      else
        both[i]->channel_products(sums[i], x, x2, rows, c, a);
    for (gsize i = 0; i < c; i++)
      g_assert_cmpfloat_with_epsilon(sums[0][i], sums[1][i], 3e-5 * (double)(rows + 1));
  }
  g_free(sums[0]);
  g_free(sums[1]);
  free_all(7, x, x2, a, b, d, want, got);
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
  kernels->product(rows, n, taps, (gsize)k, (FmnPacked){half ? (const void *)w16 : w, half}, 1, y, 40, lanes);
  for (int r = 0; r < n; r++)
    for (int o = 0; o < 40; o++) {
      double want = o < lanes ? product_by_definition(rows, n, r, taps, k, w + block, o) : (double)before[r * 40 + o];
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

static void check_products(const FmnKernels *k) {
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
  fmn_grad_kernels_at(0)->channel_products(sum, (const float[]){1.f, 1.f, 2.f, 2.f, 3.f, 3.f}, x, 3, 2, (const float[]){1.f, 5.f});
  g_assert_cmpfloat(sum[1], ==, 13.0 + 16.0 + 0.0 + 4.0 + -4.0 + 0.0 + 6.0);
}

static void check_gemm(gboolean ta, gboolean tb, int m, int n, int k, float beta) {
  int lda = (ta ? m : k) + 3, ldb = (tb ? k : n) + 1, ldc = n + 2;
  float *a = random_floats((gsize)((ta ? k : m) * lda), 1), *b = random_floats((gsize)((tb ? n : k) * ldb), 2);
  float *c = random_floats((gsize)(m * ldc), 3), *before = random_floats((gsize)(m * ldc), 3);
  fmn_gemm(ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc);
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++) {
      double sum = beta * (double)before[i * ldc + j];
      for (int l = 0; l < k; l++)
        sum += (double)(ta ? a[l * lda + i] : a[i * lda + l]) * (double)(tb ? b[j * ldb + l] : b[l * ldb + j]);
      g_assert_cmpfloat_with_epsilon(c[i * ldc + j], (float)sum, 2e-5f * (float)(k + 10));
    }
  free_all(4, a, b, c, before);
}

static void test_gemm(void) {
  static const int sizes[] = {1, 2, 7, 16, 33};
  for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (gsize j = 0; j < G_N_ELEMENTS(sizes); j++)
      for (gsize l = 0; l < G_N_ELEMENTS(sizes); l++)
        for (int t = 0; t < 4; t++)
          check_gemm(t & 1, t >> 1, sizes[i], sizes[j], sizes[l], (float)(l % 2));
}

typedef struct {
  float *a, *b, *c;
} Product;

static void multiply_tasks(gpointer data, int begin, int end, int slot) {
  Product *p = data;
  for (int i = begin; i < end; i++)
    fmn_gemm(FALSE, FALSE, 40, 196, 144, p->a, 144, p->b, 196, 0.f, p->c + i * 40 * 196, 196);
}

/* Products asked for by many threads at once are those of one thread (a serial OpenBLAS is not safe for that by itself). */
static void test_gemm_threads(void) {
  Product p = {random_floats(40 * 144, 1), random_floats(144 * 196, 2), random_floats(200 * 40 * 196, 3)};
  FmnPool *pool = fmn_pool_new(4);
  fmn_pool_run(pool, multiply_tasks, &p, 200);
  for (int i = 1; i < 200; i++)
    g_assert_cmpmem(p.c, 40 * 196 * sizeof(float), p.c + i * 40 * 196, 40 * 196 * sizeof(float));
  fmn_pool_free(pool);
  fmn_floats_free(p.a);
  fmn_floats_free(p.b);
  fmn_floats_free(p.c);
}

static float padded(const FmnConvShape *s, const float *x, int y, int xx, int c) {
  if (y < 0 || y >= s->in_h || xx < 0 || xx >= s->in_w)
    return 0.f;
  return x[(y * s->in_w + xx) * s->in_c + c];
}

static double convolve_by_definition(const FmnConvShape *s, const float *x, const float *w, int oy, int ox, int o) {
  double sum = 0;
  for (int i = 0; i < s->in_c; i++)
    for (int t = 0; t < s->k * s->k; t++)
      sum += (double)w[(o * s->in_c + i) * s->k * s->k + t] *
             (double)padded(s, x, oy * s->stride - s->pad + t / s->k, ox * s->stride - s->pad + t % s->k, i);
  return sum;
}

/* Both precisions, one and several threads, one and several images, all output values. */
static void check_conv(FmnConvShape s, gboolean winograd) {
  s.out_h = (s.in_h + 2 * s.pad - s.k) / s.stride + 1;
  s.out_w = (s.in_w + 2 * s.pad - s.k) / s.stride + 1;
  int images = 2, weights = s.out_c * s.in_c * s.k * s.k;
  gsize in = (gsize)(s.in_c * s.in_h * s.in_w), out = (gsize)(s.out_c * s.out_h * s.out_w);
  float *x = random_floats(in * 2, 1), *w = random_floats((gsize)weights, 2), *bias = random_floats((gsize)s.out_c, 3);
  float *y = random_floats(out * 2, 4), *again = random_floats(out * 2, 4), *turned = random_floats((gsize)weights, 5);
  FmnEpilogue e = {.bias = bias};

  for (int half = 0; half < 2; half++) {
    FmnConv conv;
    for (int i = 0; half && i < weights; i++)
      w[i] = fmn_half_to_float(fmn_float_to_half(w[i]));
    fmn_conv_choose(&conv, &s, half);
    g_assert_true(conv.algorithm == (winograd ? &fmn_conv_winograd : &fmn_conv_direct));
    float *packed = fmn_floats_new(conv.packed);
    fmn_conv_pack(&conv, w, FALSE, packed);
    for (int threads = 1; threads <= 3; threads++) {
      FmnPool *pool = fmn_pool_new(threads);
      float *scratch = fmn_floats_new(conv.scratch * (gsize)threads), *to = threads == 1 ? y : again;
      fmn_conv_run(&conv, images, x, packed, &e, to, scratch, conv.scratch, pool);
      if (threads > 1)
        g_assert_cmpmem(y, out * 2 * sizeof *y, again, out * 2 * sizeof *y);
      fmn_floats_free(scratch);
      fmn_pool_free(pool);
    }
    double tolerance = (winograd ? 5e-4 : 1e-5) * sqrt((double)(s.in_c * s.k * s.k));
    for (gsize i = 0; i < 2 * out; i++) {
      int o = (int)(i % (gsize)s.out_c), p = (int)(i % out) / s.out_c;
      double want = convolve_by_definition(&s, x + i / out * in, w, p / s.out_w, p % s.out_w, o) + (double)bias[o];
      g_assert_cmpfloat_with_epsilon(y[i], want, tolerance);
    }
    /* The same from weights as the way back finds them. */
    for (int i = 0; i < weights; i++) {
      int t = i % (s.k * s.k), c = i / (s.k * s.k) % s.in_c, o = i / (s.k * s.k) / s.in_c;
      turned[(c * s.out_c + o) * s.k * s.k + s.k * s.k - 1 - t] = w[i];
    }
    float *packed2 = fmn_floats_new(conv.packed);
    fmn_conv_pack(&conv, turned, TRUE, packed2);
    g_assert_cmpmem(packed, conv.packed * sizeof *packed, packed2, conv.packed * sizeof *packed);
    fmn_floats_free(packed);
    fmn_floats_free(packed2);
  }
  free_all(6, x, w, bias, y, again, turned);
}

static void test_conv(void) {
  for (int k = 1; k <= 5; k += 2)
    for (int stride = 1; stride <= 3; stride++)
      for (int pad = 0; pad <= k / 2 + 1; pad++) {
        check_conv((FmnConvShape){.in_c = 3, .in_h = k + 3, .in_w = 2 * k, .out_c = 5, .k = k, .stride = stride, .pad = pad}, FALSE);
        check_conv((FmnConvShape){.in_c = 9, .in_h = k, .in_w = k + 1, .out_c = 40, .k = k, .stride = stride, .pad = pad}, FALSE);
      }
  check_conv((FmnConvShape){.in_c = 1, .in_h = 1, .in_w = 1, .out_c = 1, .k = 5, .stride = 1, .pad = 2}, FALSE);
  check_conv((FmnConvShape){.in_c = 512, .in_h = 3, .in_w = 3, .out_c = 300, .k = 1, .stride = 1}, FALSE); /* half precision */
}

static void test_winograd(void) {
  check_conv((FmnConvShape){.in_c = 32, .in_h = 8, .in_w = 8, .out_c = 32, .k = 3, .stride = 1, .pad = 1}, TRUE);
  check_conv((FmnConvShape){.in_c = 48, .in_h = 11, .in_w = 30, .out_c = 80, .k = 3, .stride = 1, .pad = 1}, TRUE);
  check_conv((FmnConvShape){.in_c = 32, .in_h = 9, .in_w = 10, .out_c = 64, .k = 3, .stride = 1, .pad = 0}, TRUE);
  check_conv((FmnConvShape){.in_c = 64, .in_h = 14, .in_w = 13, .out_c = 32, .k = 5, .stride = 1, .pad = 2}, TRUE);
  check_conv((FmnConvShape){.in_c = 256, .in_h = 7, .in_w = 7, .out_c = 128, .k = 3, .stride = 1, .pad = 1}, TRUE); /* half */
}

static void check_columns(FmnConvShape s) {
  s.out_h = (s.in_h + 2 * s.pad - s.k) / s.stride + 1;
  s.out_w = (s.in_w + 2 * s.pad - s.k) / s.stride + 1;
  int inputs = s.k * s.k * s.in_c, pixels = s.out_h * s.out_w;
  gsize n_x = (gsize)(s.in_c * s.in_h * s.in_w), n = (gsize)(inputs * pixels);
  float *x = random_floats(n_x, 1), *columns = random_floats(n, 2), *z = random_floats(n, 3), *back = fmn_floats_new0(n_x);
  double left = 0, right = 0;
  fmn_columns(&s, x, 0, pixels / 2, columns);
  fmn_columns(&s, x, pixels / 2, pixels, columns + pixels / 2 * inputs);
  for (int p = 0; p < pixels; p++)
    for (int i = 0; i < inputs; i++) {
      int t = i / s.in_c;
      g_assert_cmpfloat(columns[p * inputs + i], ==,
                        padded(&s, x, p / s.out_w * s.stride - s.pad + t / s.k, p % s.out_w * s.stride - s.pad + t % s.k, i % s.in_c));
    }
  /* The way back is the transpose: <columns(x), z> = <x, columns_add(z)>. */
  fmn_columns_add(&s, z, 0, pixels, back);
  for (gsize i = 0; i < n; i++)
    left += (double)columns[i] * (double)z[i];
  for (gsize i = 0; i < n_x; i++)
    right += (double)x[i] * (double)back[i];
  g_assert_cmpfloat_with_epsilon(left, right, 1e-3);
  free_all(4, x, columns, z, back);
}

static void test_columns(void) {
  for (int k = 1; k <= 5; k += 2)
    for (int stride = 1; stride <= 3; stride++)
      for (int pad = 0; pad <= k / 2 + 1; pad++)
        for (int h = k; h <= k + 4; h++)
          check_columns((FmnConvShape){.in_c = 3, .in_h = h, .in_w = 2 * k + h % 3, .k = k, .stride = stride, .pad = pad});
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
  g_test_add_func("/kernels/gemm", test_gemm);
  g_test_add_func("/kernels/gemm-threads", test_gemm_threads);
  g_test_add_func("/kernels/conv", test_conv);
  g_test_add_func("/kernels/winograd", test_winograd);
  g_test_add_func("/kernels/columns", test_columns);
  g_test_add_func("/kernels/transpose", test_transpose);
  g_test_add_func("/kernels/pool", test_pool);
  return g_test_run();
}
