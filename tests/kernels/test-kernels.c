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
  kernels->product(rows, n, taps, (gsize)k, (FmnPacked){half ? (const void *)w16 : w, half}, 1, y, 40, lanes, FALSE);
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

/* Divided among threads a product is the same, whichever side is longer and however little there is of it. */
static void check_gemm_shared(FmnPool *pool, gboolean ta, gboolean tb, int m, int n, int k) {
  float *a = random_floats((gsize)(m * k), 1), *b = random_floats((gsize)(n * k), 2);
  float *want = random_floats((gsize)(m * n), 3), *got = random_floats((gsize)(m * n), 3);
  fmn_gemm(ta, tb, m, n, k, a, ta ? m : k, b, tb ? k : n, 0.f, want, n);
  fmn_gemm_shared(pool, ta, tb, m, n, k, a, ta ? m : k, b, tb ? k : n, got, n);
  assert_close(got, want, (gsize)(m * n), 1e-5f * (float)(k + 10));
  free_all(4, a, b, want, got);
}

static void test_gemm_shared(void) {
  static const int sizes[] = {1, 15, 16, 17, 70};
  for (int threads = 1; threads <= 4; threads++) {
    FmnPool *pool = fmn_pool_new(threads);
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++)
      for (gsize j = 0; j < G_N_ELEMENTS(sizes); j++)
        for (int t = 0; t < 4; t++)
          check_gemm_shared(pool, t & 1, t >> 1, sizes[i], sizes[j], 9);
    fmn_pool_free(pool);
  }
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
  g_test_add_func("/kernels/gemm-shared", test_gemm_shared);
  g_test_add_func("/kernels/gemm-threads", test_gemm_threads);
  add_conv_tests();
  g_test_add_func("/kernels/transpose", test_transpose);
  g_test_add_func("/kernels/pool", test_pool);
  if (g_test_perf())
    g_test_add_func("/kernels/bench", bench_kernels);
  return g_test_run();
}
