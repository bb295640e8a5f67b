/* Every set of loops that this machine runs, here those that read, resize and blend pictures: against the plain C one
 * to the bit, and that one against the definition. */
#include <math.h>
#include <string.h>

#include "loops.h"

/* Memory to the exact byte, so that the sanitizers and valgrind see a write outside. */
static void check_lines(GRand *rand, const FmnLoops *p, int n, int n_lines) {
  g_autofree guint8 *data = bytes(rand, (gsize)n * n_lines);
  g_autofree guint16 *got = g_new(guint16, n), *weights = g_new(guint16, n_lines);
  const guint8 *lines[64];
  for (int k = 0; k < n_lines; k++) {
    lines[k] = data + (gsize)k * n;
    weights[k] = (guint16)(65535 * (k + 1) / n_lines - 65535 * k / n_lines);
  }
  p->mean_lines(got, lines, weights, n_lines, n);
  for (int i = 0; i < n; i++) {
    guint16 sum = n_lines / 2;
    double mean = 0;
    for (int k = 0; k < n_lines; k++) {
      sum += lines[k][i] * 256u * weights[k] >> 16;
      mean += lines[k][i] * 256.0 * weights[k] / 65535;
    }
    g_assert_cmpint(got[i], ==, sum);
    g_assert_cmpfloat_with_epsilon(got[i], mean, n_lines / 2.0 + 2);
  }
}

static void test_lines(gconstpointer data) {
  GRand *rand = g_rand_new_with_seed(1);
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (int n_lines = 1; n_lines < 48; n_lines += 5)
      check_lines(rand, data, sizes[i], n_lines);
  g_rand_free(rand);
}

static void test_turn(gconstpointer data) {
  const FmnLoops *p = data;
  GRand *rand = g_rand_new_with_seed(2);
  for (int lines = 8; lines <= 32; lines += 8)
    for (int columns = 8; columns <= 48; columns += 8) {
      int in_step = columns + 3, out_step = lines + 5;
      g_autofree guint16 *in = words(rand, in_step * (lines - 1) + columns);
      g_autofree guint16 *out = g_new(guint16, out_step * (columns - 1) + lines);
      p->turn(in, in_step, lines, columns, out, out_step);
      for (int l = 0; l < lines; l++)
        for (int c = 0; c < columns; c++)
          g_assert_cmpint(out[c * out_step + l], ==, in[l * in_step + c]);
    }
  g_rand_free(rand);
}

static void test_columns(gconstpointer data) {
  const FmnLoops *p = data;
  GRand *rand = g_rand_new_with_seed(3);
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (int cells = 1; cells < 120; cells += 13)
      for (int step = 1; step <= 4; step++) {
        FmnAxis axis = {0};
        fmn_axis_set(&axis, sizes[i], -3.3, sizes[i] * 0.9, cells);
        int n = (axis.hi - axis.lo - 1) * step + 1;
        g_autofree guint16 *in = words(rand, (gsize)n * p->lanes), *out = g_new(guint16, cells * p->lanes);
        p->mean_columns(in, step, &axis, out);
        for (int c = 0; c < cells * p->lanes; c++) {
          const FmnTap *tap = &axis.taps[c / p->lanes];
          guint16 sum = tap->count / 2;
          for (int k = 0; k < tap->count; k++)
            sum += (guint32)in[(tap->first - axis.lo + k) * step * p->lanes + c % p->lanes] *
                       axis.weights[tap->weights + k] >>
                   16;
          g_assert_cmpint(out[c], ==, sum);
        }
        fmn_axis_clear(&axis);
      }
  g_rand_free(rand);
}

static void check_cells(GRand *rand, const FmnLoops *p, int n, int n_lines, int side) {
  g_autofree guint8 *data = bytes(rand, (gsize)n * side * n_lines);
  g_autofree guint16 *got = g_new(guint16, n);
  const guint8 *lines[8];
  for (int k = 0; k < n_lines; k++)
    lines[k] = data + (gsize)k * n * side;
  p->mean_cells(got, lines, n_lines, side, n);
  for (int i = 0; i < n; i++) {
    int sum = 0;
    for (int k = 0; k < n_lines * side; k++)
      sum += lines[k / side][i * side + k % side];
    g_assert_cmpint(got[i] * n_lines * side, ==, 256 * sum);
  }
}

static void test_cells(gconstpointer data) {
  GRand *rand = g_rand_new_with_seed(12);
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (int n_lines = 2; n_lines <= 8; n_lines *= 2)
      for (int side = 2; side <= 8; side *= 2)
        check_cells(rand, data, sizes[i], n_lines, side);
  g_rand_free(rand);
}

static void check_conversions(GRand *rand, const FmnLoops *p, int n) {
  static const float factor[3][2] = {{0, 0.0071f}, {-0.0017f, -0.0036f}, {0.0079f, 0}};
  const FmnLoops *c = fmn_loops_at(0);
  g_autofree guint16 *w = words(rand, 3 * n);
  g_autofree guint8 *in = bytes(rand, 3 * n), *want = g_malloc(3 * n), *got = g_malloc(3 * n);
  g_autofree float *want_color = g_new(float, 3 * n), *got_color = g_new(float, 3 * n);
  g_autofree gint16 *want_rest = g_new(gint16, 3 * n), *got_rest = g_new(gint16, 3 * n);
  const guint16 *const yuv[3] = {w, w + n, w + 2 * n};
  const guint8 *const rgb[3] = {in, in + n, in + 2 * n};
  const float surface[3][3] = {{90, 3, -20}, {-4.5f, 30, 1}, {0, -300, 700}};
  c->yuv_to_rgb(yuv, 0.00455f, -18.6f, factor, n, (guint8 *const[3]){want, want + n, want + 2 * n});
  p->yuv_to_rgb(yuv, 0.00455f, -18.6f, factor, n, (guint8 *const[3]){got, got + n, got + 2 * n});
  g_assert_cmpmem(got, 3 * n, want, 3 * n);
  c->scale(w, 1.1f / 256, -9, 3 * n, want);
  p->scale(w, 1.1f / 256, -9, 3 * n, got);
  g_assert_cmpmem(got, 3 * n, want, 3 * n);
  c->rgb_to_gray(w, w + n, w + 2 * n, n, want);
  p->rgb_to_gray(w, w + n, w + 2 * n, n, got);
  g_assert_cmpmem(got, n, want, n);
  c->opponent(rgb, n, (float *const[3]){want_color, want_color + n, want_color + 2 * n});
  p->opponent(rgb, n, (float *const[3]){got_color, got_color + n, got_color + 2 * n});
  g_assert_cmpmem(got_color, 3 * n * sizeof(float), want_color, 3 * n * sizeof(float));
  c->residual(rgb, n, surface, -0.99f, 0.0125f, 4, (gint16 *const[3]){want_rest, want_rest + n, want_rest + 2 * n});
  p->residual(rgb, n, surface, -0.99f, 0.0125f, 4, (gint16 *const[3]){got_rest, got_rest + n, got_rest + 2 * n});
  g_assert_cmpmem(got_rest, 3 * n * sizeof(gint16), want_rest, 3 * n * sizeof(gint16));
  for (int i = 0; i < n; i++) {
    double u = -0.99 + 0.0125 * i, lightness = 0.6 * (0.30 * in[i] + 0.59 * in[n + i] + 0.11 * in[2 * n + i]);
    g_assert_cmpfloat_with_epsilon(want_color[i], lightness, 1e-3);
    g_assert_cmpfloat_with_epsilon(want_rest[i], 4 * (lightness - (90 + 3 * u - 20 * u * u)), 1.01);
    g_assert_cmpint(abs(want_rest[2 * n + i]), <=, FMN_RESIDUAL_MOST);
  }
}

static void test_conversions(gconstpointer data) {
  GRand *rand = g_rand_new_with_seed(4);
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
    check_conversions(rand, data, sizes[i]);
  g_rand_free(rand);
}

static void test_blend(gconstpointer data) {
  const FmnLoops *p = data;
  GRand *rand = g_rand_new_with_seed(8);
  static const int widths[] = {1, 2, 7, 28, 64, 255, 256, 257, 416};
  for (guint s = 0; s < G_N_ELEMENTS(widths); s++)
    for (int flip = 0; flip < 256; flip += 255) {
      int n = widths[s];
      g_autofree guint8 *values = bytes(rand, 16 * n), *alpha = bytes(rand, 16 * n), *got = g_malloc(n);
      g_autofree guint8 *exact = g_malloc(n);
      memset(alpha, s % 2 ? 255 : 0, 4 * n);
      fmn_loops_at(0)->blend(values, alpha, (guint8)flip, n, exact);
      p->blend(values, alpha, (guint8)flip, n, got);
      g_assert_cmpmem(got, n, exact, n);
      for (int i = 0; i < n; i++) {
        double sum = 0;
        for (int k = 0; k < 16; k++) {
          int at = k / 4 * 4 * n + 4 * i + k % 4;
          sum += (flip ? 255 - values[at] : values[at]) * alpha[at] / (255.0 * 16);
        }
        g_assert_cmpfloat_with_epsilon(got[i], sum, 0.6);
      }
    }
  g_rand_free(rand);
}

int main(int argc, char **argv) {
  static const LoopsTest tests[] = {{"lines", test_lines},
                                    {"turn", test_turn},
                                    {"columns", test_columns},
                                    {"cells", test_cells},
                                    {"conversions", test_conversions},
                                    {"blend", test_blend}};
  return run_loops_tests(argc, argv, tests, G_N_ELEMENTS(tests));
}
