/* Every set of kernels that this machine runs against the plain C one; matrix products and columns against loops written out. */
#include <math.h>
#include <string.h>

#include "io/half.h"
#include "kernels/kernels.h"
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

static void assert_close(const float *a, const float *b, gsize n, float tolerance) {
  for (gsize i = 0; i < n; i++)
    g_assert_cmpfloat_with_epsilon(a[i], b[i], tolerance);
  for (gsize i = n; i < n + GUARD; i++) /* nothing written past the end */
    g_assert_true(a[i] == 1e9f);
}

static void compare_sets(const FmnKernels *ref, const FmnKernels *k, gsize n) {
  float *x = random_floats(n, 1), *x2 = random_floats(n, 2), *b = random_floats(n, 3), *s = random_floats(n, 4);
  float *start = random_floats(n, 5), *want = random_floats(n, 5), *got = random_floats(n, 5);
#define RESET()                                                                                                        \
  memcpy(want, start, n * sizeof *want);                                                                               \
  memcpy(got, start, n * sizeof *got)
  for (int act = FMN_ACT_NONE; act <= FMN_ACT_SWISH; act++) {
    RESET();
    ref->epilogue(want, n, (FmnActivation)act, .1f, .3f, 1.5f, -.2f);
    k->epilogue(got, n, (FmnActivation)act, .1f, .3f, 1.5f, -.2f);
    assert_close(got, want, n, 1e-5f);
    RESET();
    ref->epilogue_vector(want, n, (FmnActivation)act, .1f, b, s, x);
    k->epilogue_vector(got, n, (FmnActivation)act, .1f, b, s, x);
    assert_close(got, want, n, 2e-5f);
    ref->epilogue_vector(want, n, (FmnActivation)act, .1f, NULL, NULL, NULL);
    k->epilogue_vector(got, n, (FmnActivation)act, .1f, NULL, NULL, NULL);
    assert_close(got, want, n, 2e-5f);
    ref->activate(want, x, n, (FmnActivation)act, .1f);
    k->activate(got, x, n, (FmnActivation)act, .1f);
    assert_close(got, want, n, 1e-5f);
    ref->activate_grad(want, x2, x, n, (FmnActivation)act, .1f);
    k->activate_grad(got, x2, x, n, (FmnActivation)act, .1f);
    assert_close(got, want, n, 1e-5f);
  }
  ref->affine(want, x, n, .7f, -1.f);
  k->affine(got, x, n, .7f, -1.f);
  assert_close(got, want, n, 1e-5f);
  ref->affine2(want, x, x2, n, .7f, -1.f, .5f);
  k->affine2(got, x, x2, n, .7f, -1.f, .5f);
  assert_close(got, want, n, 1e-5f);
  RESET();
  ref->add(want, x, n);
  k->add(got, x, n);
  assert_close(got, want, n, 1e-6f);
  ref->multiply(want, x, x2, n);
  k->multiply(got, x, x2, n);
  assert_close(got, want, n, 1e-6f);
#undef RESET
  guint16 *half = g_new(guint16, n + 1);
  for (gsize i = 0; i < n; i++)
    half[i] = fmn_float_to_half(x[i]);
  ref->from_half(want, half, n);
  k->from_half(got, half, n);
  assert_close(got, want, n, 1e-9f);
  g_assert_cmpfloat_with_epsilon(k->dot_half(half, x2, n), ref->dot_half(half, x2, n), 1e-5f * (float)(n + 1));
  g_free(half);
  double bound = 1e-5 * (double)(n + 1);
  g_assert_cmpfloat_with_epsilon(k->sum(x, n), ref->sum(x, n), bound);
  g_assert_cmpfloat_with_epsilon(k->sum_squared_difference(x, n, .4f), ref->sum_squared_difference(x, n, .4f), bound * 4);
  g_assert_cmpfloat_with_epsilon(k->sum_product(x, x2, n, .4f), ref->sum_product(x, x2, n, .4f), bound * 4);
  float *all[] = {x, x2, b, s, start, want, got};
  for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
    fmn_floats_free(all[i]);
}

static void test_sets(void) {
  const FmnKernels *const *all = fmn_kernels_all();
  g_assert_cmpstr(all[0]->name, ==, "c");
  for (const FmnKernels *const *k = all; *k; k++) {
    g_test_message("%s", (*k)->name);
    for (gsize n = 0; n < 70; n++)
      compare_sets(all[0], *k, n);
    compare_sets(all[0], *k, 1000);
    compare_sets(all[0], *k, 12345);
  }
}

/* The same by definition, in the order of the definition. */
static void test_reference(void) {
  const FmnKernels *k = fmn_kernels_all()[0];
  float x[] = {-2.f, 1.f, 4.f}, y[3];
  memcpy(y, x, sizeof y);
  k->epilogue(y, 3, FMN_ACT_RELU, 0.f, 1.f, 2.f, 10.f);
  g_assert_cmpfloat(y[0], ==, 10.f);
  g_assert_cmpfloat(y[1], ==, 14.f);
  g_assert_cmpfloat(y[2], ==, 20.f);
  k->activate_grad(y, (const float[]){1.f, 1.f, 1.f}, x, 3, FMN_ACT_LEAKY_RELU, .1f);
  g_assert_cmpfloat(y[0], ==, .1f);
  g_assert_cmpfloat(y[2], ==, 1.f);
  g_assert_cmpfloat(k->sum(x, 3), ==, 3.0);
  g_assert_cmpfloat(k->sum_squared_difference(x, 3, 1.f), ==, 18.0);
  g_assert_cmpfloat(k->sum_product((const float[]){1.f, 2.f, 3.f}, x, 3, 1.f), ==, 6.0);
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
  float *all[] = {a, b, c, before};
  for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
    fmn_floats_free(all[i]);
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

static void multiply_tasks(gpointer data, int begin, int end, int thread) {
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

static float padded(const float *x, const FmnWindow *win, int c, int y, int xx) {
  if (y < 0 || y >= win->h || xx < 0 || xx >= win->w)
    return 0.f;
  return x[(c * win->h + y) * win->w + xx];
}

static void check_columns(FmnWindow win) {
  win.out_h = (win.h + 2 * win.pad - win.k) / win.stride + 1;
  win.out_w = (win.w + 2 * win.pad - win.k) / win.stride + 1;
  int kk = win.k * win.k, plane = win.out_h * win.out_w;
  gsize n_col = (gsize)(win.c * kk * plane), n_x = (gsize)(win.c * win.h * win.w);
  float *x = random_floats(n_x, 1), *col = random_floats(n_col, 2), *part = random_floats(n_col, 2);
  fmn_im2col(&win, x, 0, win.out_h, col);
  for (int c = 0; c < win.c; c++)
    for (int t = 0; t < kk; t++)
      for (int r = 0; r < win.out_h; r++)
        for (int o = 0; o < win.out_w; o++)
          g_assert_cmpfloat(col[(c * kk + t) * plane + r * win.out_w + o], ==,
                            padded(x, &win, c, r * win.stride + t / win.k - win.pad, o * win.stride + t % win.k - win.pad));
  /* One row alone holds that row's columns. */
  int row = win.out_h - 1;
  fmn_im2col(&win, x, row, row + 1, part);
  for (int i = 0; i < win.c * kk; i++)
    for (int o = 0; o < win.out_w; o++)
      g_assert_cmpfloat(part[i * win.out_w + o], ==, col[i * plane + row * win.out_w + o]);
  /* col2im is the transpose: <im2col(x), z> = <x, col2im(z)>. */
  float *z = random_floats(n_col, 3), *back = fmn_floats_new0(n_x);
  double left = 0.0, right = 0.0;
  fmn_col2im(&win, z, back);
  for (gsize i = 0; i < n_col; i++)
    left += (double)col[i] * z[i];
  for (gsize i = 0; i < n_x; i++)
    right += (double)x[i] * back[i];
  g_assert_cmpfloat_with_epsilon(left, right, 1e-3);
  float *all[] = {x, col, part, z, back};
  for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
    fmn_floats_free(all[i]);
}

static void test_columns(void) {
  for (int k = 1; k <= 5; k += 2)
    for (int stride = 1; stride <= 3; stride++)
      for (int pad = 0; pad <= k / 2 + 1; pad++)
        for (int h = k; h <= k + 4; h++)
          check_columns((FmnWindow){.c = 2, .h = h, .w = 2 * k + h % 3, .k = k, .stride = stride, .pad = pad});
  check_columns((FmnWindow){.c = 1, .h = 1, .w = 1, .k = 5, .stride = 1, .pad = 2});
}

typedef struct {
  int seen[64], threads[64];
} Tasks;

static void mark(gpointer data, int begin, int end, int thread) {
  Tasks *t = data;
  for (int i = begin; i < end; i++) {
    g_atomic_int_inc(&t->seen[i]);
    t->threads[i] = thread;
  }
}

static void test_pool(void) {
  for (int threads = 1; threads <= 5; threads++) {
    FmnPool *pool = fmn_pool_new(threads);
    g_assert_cmpint(fmn_pool_threads(pool), ==, threads);
    for (int n = 0; n <= 64; n++) {
      Tasks t = {0};
      fmn_pool_run(pool, mark, &t, n);
      for (int i = 0; i < 64; i++)
        g_assert_cmpint(t.seen[i], ==, i < n);
      for (int thread = 0; thread < threads; thread++) {
        gboolean has = FALSE;
        for (int i = 0; i < n; i++)
          has |= t.threads[i] == thread;
        g_assert_cmpint(has, ==, n > 0 && fmn_pool_has_share(pool, thread, n));
      }
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
  g_test_add_func("/kernels/columns", test_columns);
  g_test_add_func("/kernels/pool", test_pool);
  return g_test_run();
}
