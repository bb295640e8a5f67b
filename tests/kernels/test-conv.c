/* Convolutions against their definition. */
#include <math.h>
#include <string.h>

#include "arrays.h"
#include "io/half.h"
#include "kernels/columns.h"
#include "kernels/conv_algorithm.h"
#include "kernels/conv_gradient.h"

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
static void check_conv(FmnConvShape s, const FmnConvAlgorithm *algorithm) {
  gboolean winograd = algorithm != &fmn_conv_direct;
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
    fmn_conv_choose(&conv, &s, half ? 0 : algorithm == &fmn_conv_winograd_lazy ? 2 : 1000);
    g_assert_true(conv.algorithm == algorithm);
    float *packed = fmn_floats_new0(conv.packed); /* there may be gaps */
    fmn_conv_pack(&conv, w, FALSE, packed, NULL);
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
    float *packed2 = fmn_floats_new0(conv.packed);
    fmn_conv_pack(&conv, turned, TRUE, packed2, NULL);
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
        check_conv((FmnConvShape){.in_c = 3, .in_h = k + 3, .in_w = 2 * k, .out_c = 5, .k = k, .stride = stride, .pad = pad}, &fmn_conv_direct);
        check_conv((FmnConvShape){.in_c = 9, .in_h = k, .in_w = k + 1, .out_c = 40, .k = k, .stride = stride, .pad = pad}, &fmn_conv_direct);
      }
  check_conv((FmnConvShape){.in_c = 1, .in_h = 1, .in_w = 1, .out_c = 1, .k = 5, .stride = 1, .pad = 2}, &fmn_conv_direct);
  check_conv((FmnConvShape){.in_c = 512, .in_h = 3, .in_w = 3, .out_c = 300, .k = 1, .stride = 1}, &fmn_conv_direct); /* half precision */
}

static void test_winograd(void) {
  FmnConv conv;
  FmnConvShape larger = {.in_c = 32, .in_h = 14, .in_w = 14, .out_c = 48, .out_h = 14, .out_w = 14, .k = 3, .stride = 1, .pad = 1};
  fmn_conv_choose(&conv, &larger, 0);
  g_assert_cmpint(conv.winograd, ==, FMN_WINOGRAD_5_3);
  fmn_conv_choose(&conv, &larger, 1000);
  g_assert_cmpint(conv.winograd, ==, FMN_WINOGRAD_4_3);
  check_conv(larger, &fmn_conv_winograd);
  check_conv((FmnConvShape){.in_c = 64, .in_h = 10, .in_w = 5, .out_c = 1024, .k = 3, .stride = 1, .pad = 1}, &fmn_conv_winograd_lazy);
  check_conv((FmnConvShape){.in_c = 32, .in_h = 8, .in_w = 8, .out_c = 32, .k = 3, .stride = 1, .pad = 1}, &fmn_conv_winograd);
  check_conv((FmnConvShape){.in_c = 16, .in_h = 12, .in_w = 9, .out_c = 16, .k = 3, .stride = 1, .pad = 1}, &fmn_conv_winograd);
  check_conv((FmnConvShape){.in_c = 48, .in_h = 11, .in_w = 30, .out_c = 80, .k = 3, .stride = 1, .pad = 1}, &fmn_conv_winograd);
  check_conv((FmnConvShape){.in_c = 32, .in_h = 9, .in_w = 10, .out_c = 64, .k = 3, .stride = 1, .pad = 0}, &fmn_conv_winograd);
  check_conv((FmnConvShape){.in_c = 64, .in_h = 14, .in_w = 13, .out_c = 32, .k = 5, .stride = 1, .pad = 2}, &fmn_conv_winograd);
  check_conv((FmnConvShape){.in_c = 256, .in_h = 7, .in_w = 7, .out_c = 272, .k = 3, .stride = 1, .pad = 1}, &fmn_conv_winograd_lazy);
  check_conv((FmnConvShape){.in_c = 512, .in_h = 9, .in_w = 24, .out_c = 128, .k = 3, .stride = 1, .pad = 1}, &fmn_conv_winograd_lazy);
}

/* The weights' gradient of a batch that is not full against its definition, for any number of threads; again: the very
 * same. Returns for how many of two and three threads each had images of its own. */
static int check_gradient(FmnConvShape s, int images) {
  s.out_h = (s.in_h + 2 * s.pad - s.k) / s.stride + 1;
  s.out_w = (s.in_w + 2 * s.pad - s.k) / s.stride + 1;
  gsize in = (gsize)(s.in_c * s.in_h * s.in_w), out = (gsize)(s.out_c * s.out_h * s.out_w), n = (gsize)images;
  gsize taps = (gsize)(s.k * s.k), weights = (gsize)(s.out_c * s.in_c) * taps;
  float *x = random_floats(in * n, 1), *dy = random_floats(out * n, 2), *dw[3];
  FmnConv conv;
  int most = images + 1, by_images = 0;
  fmn_conv_choose(&conv, &s, most);
  gsize all = fmn_conv_gradient_shared(&conv);
  float *shared = random_floats(all, 5);
  for (int threads = 1; threads <= 3; threads++) {
    FmnPool *pool = fmn_pool_new(threads);
    gsize need = fmn_conv_gradient_scratch(&conv, most, threads), size = need + GUARD;
    float *scratch = random_floats((gsize)threads * size, 4), *again = random_floats(weights, 6);
    FmnConvGradientCall call = {&conv, most, images, x, dy, dw[threads - 1] = random_floats(weights, 3), scratch, size, shared};
    by_images += need > 0;
    for (int i = 0; i < threads; i++)
      set_guard(scratch + (gsize)i * size + need);
    fmn_conv_weight_gradient(&call, pool);
    call.dw = again;
    fmn_conv_weight_gradient(&call, pool);
    for (int i = 0; i < threads; i++)
      assert_guard(scratch + (gsize)i * size + need);
    assert_guard(shared + all);
    assert_guard(dw[threads - 1] + weights);
    assert_guard(again + weights);
    g_assert_cmpmem(again, weights * sizeof(float), dw[threads - 1], weights * sizeof(float));
    free_all(2, scratch, again);
    fmn_pool_free(pool);
  }
  for (gsize at = 0; at < weights; at += 1 + weights / 997) { /* not all of very many */
    int t = (int)(at % taps), i = (int)(at / taps) % s.in_c, o = (int)(at / taps) / s.in_c;
    double want = 0;
    for (gsize p = 0; p < n * (gsize)(s.out_h * s.out_w); p++) {
      int pixel = (int)(p % (gsize)(s.out_h * s.out_w));
      want += (double)dy[p * (gsize)s.out_c + (gsize)o] *
              (double)padded(&s, x + p / (gsize)(s.out_h * s.out_w) * in, pixel / s.out_w * s.stride - s.pad + t / s.k,
                             pixel % s.out_w * s.stride - s.pad + t % s.k, i);
    }
    for (int threads = 1; threads <= 3; threads++)
      g_assert_cmpfloat_with_epsilon(dw[threads - 1][at], want, 3e-5 * (double)(n * (gsize)(s.out_h * s.out_w)) + 1e-3);
  }
  free_all(6, x, dy, shared, dw[0], dw[1], dw[2]);
  return by_images;
}

static void test_gradient(void) {
  for (int k = 1; k <= 5; k += 2)
    for (int stride = 1; stride <= 3; stride++)
      for (int pad = 0; pad <= k / 2 + 1; pad++) {
        check_gradient((FmnConvShape){.in_c = 3, .in_h = k + 3, .in_w = 2 * k, .out_c = 5, .k = k, .stride = stride, .pad = pad}, 3);
        check_gradient((FmnConvShape){.in_c = 13, .in_h = k, .in_w = k + 1, .out_c = 40, .k = k, .stride = stride, .pad = pad}, 2);
      }
  const struct {
    FmnConvShape s;
    int images;
    int by_images; /* of two and three threads */
  } cases[] = {
      {{.in_c = 16, .in_h = 70, .in_w = 64, .out_c = 32, .k = 3, .stride = 2, .pad = 1}, 5, 2}, /* many chunks */
      {{.in_c = 4, .in_h = 90, .in_w = 90, .out_c = 32, .k = 1, .stride = 1}, 3, 1},
      {{.in_c = 512, .in_h = 8, .in_w = 8, .out_c = 512, .k = 1, .stride = 1}, 3, 0},
      {{.in_c = 48, .in_h = 1, .in_w = 1, .out_c = 1152, .k = 1, .stride = 1}, 47, 0}, /* few tasks */
      {{.in_c = 32, .in_h = 9, .in_w = 10, .out_c = 48, .k = 3, .stride = 1, .pad = 1}, 50, 2}, /* from here Winograd */
      {{.in_c = 64, .in_h = 14, .in_w = 13, .out_c = 32, .k = 5, .stride = 1, .pad = 2}, 9, 1},
      {{.in_c = 128, .in_h = 7, .in_w = 7, .out_c = 128, .k = 3, .stride = 1, .pad = 1}, 35, 1},
      {{.in_c = 256, .in_h = 7, .in_w = 7, .out_c = 256, .k = 3, .stride = 1, .pad = 1}, 2, 0},
      {{.in_c = 256, .in_h = 7, .in_w = 7, .out_c = 256, .k = 3, .stride = 1, .pad = 1}, 30, 0}, /* several groups */
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
    g_assert_cmpint(check_gradient(cases[i].s, cases[i].images), ==, cases[i].by_images);
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

void add_conv_tests(void) {
  g_test_add_func("/kernels/conv", test_conv);
  g_test_add_func("/kernels/winograd", test_winograd);
  g_test_add_func("/kernels/gradient", test_gradient);
  g_test_add_func("/kernels/columns", test_columns);
}
