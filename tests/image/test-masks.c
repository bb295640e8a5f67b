/* Morphology, Otsu's threshold and components against the slow and obvious ways. */
#include <glib.h>
#include <string.h>

#include "image/components.h"
#include "image/morphology.h"
#include "image/outline.h"

static const int sizes[][2] = {{1, 1}, {2, 3}, {1, 17}, {17, 1}, {5, 4}, {33, 21}, {64, 48}};

static guint8 *noise(GRand *rand, int n, double density) {
  guint8 *data = g_malloc(n);
  for (int i = 0; i < n; i++)
    data[i] = g_rand_double(rand) < density ? (guint8)g_rand_int_range(rand, 1, 256) : 0;
  return data;
}

static guint8 extreme(const guint8 *data, int w, int h, int x, int y, int radius, gboolean largest) {
  guint8 v = data[y * w + x];
  for (int i = MAX(0, y - radius); i <= MIN(h - 1, y + radius); i++)
    for (int k = MAX(0, x - radius); k <= MIN(w - 1, x + radius); k++)
      v = largest ? MAX(v, data[i * w + k]) : MIN(v, data[i * w + k]);
  return v;
}

static void test_square(void) {
  GRand *rand = g_rand_new_with_seed(3);
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (int radius = 0; radius <= 4; radius++) {
      int w = sizes[i][0], h = sizes[i][1], n = w * h;
      g_autofree guint8 *data = noise(rand, n, 0.5), *wide = g_memdup2(data, n), *thin = g_memdup2(data, n);
      g_autofree guint8 *scratch = g_malloc(n);
      fmn_dilate(wide, w, h, radius, scratch);
      fmn_erode(thin, w, h, radius, scratch);
      for (int k = 0; k < n; k++) {
        g_assert_cmpint(wide[k], ==, extreme(data, w, h, k % w, k / w, radius, TRUE));
        g_assert_cmpint(thin[k], ==, extreme(data, w, h, k % w, k / w, radius, FALSE));
      }
    }
  g_rand_free(rand);
}

static void test_blur(void) {
  GRand *rand = g_rand_new_with_seed(4);
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (int radius = 1; radius <= 3; radius++) {
      int w = sizes[i][0], h = sizes[i][1], n = w * h, side = 2 * radius + 1;
      g_autofree guint8 *data = noise(rand, n, 1), *blurred = g_memdup2(data, n), *scratch = g_malloc(n);
      fmn_box_blur(blurred, w, h, radius, scratch);
      for (int k = 0; k < n; k++) {
        double sum = 0;
        for (int dy = -radius; dy <= radius; dy++)
          for (int dx = -radius; dx <= radius; dx++)
            sum += data[CLAMP(k / w + dy, 0, h - 1) * w + CLAMP(k % w + dx, 0, w - 1)];
        g_assert_cmpfloat_with_epsilon(blurred[k], sum / (side * side), 1.1);
      }
    }
  g_rand_free(rand);
}

static void test_otsu(void) {
  guint32 h[256] = {0};
  double spread = 1;
  g_assert_cmpint(fmn_otsu(h, &spread), ==, 0);
  g_assert_cmpfloat(spread, ==, 0);
  h[77] = 1000;
  fmn_otsu(h, &spread);
  g_assert_cmpfloat(spread, ==, 0);
  h[200] = 10;
  int t = fmn_otsu(h, &spread);
  g_assert_cmpint(t, >=, 77);
  g_assert_cmpint(t, <, 200);
  g_assert_cmpfloat_with_epsilon(spread, 1, 1e-9);
  /* Two bells of unequal weight: the threshold lies in the valley. */
  for (int i = 0; i < 256; i++)
    h[i] = 4000 / (1 + (i - 50) * (i - 50) / 100) + 1500 / (1 + (i - 180) * (i - 180) / 100);
  t = fmn_otsu(h, &spread);
  g_assert_cmpint(t, >, 90);
  g_assert_cmpint(t, <, 145);
  g_assert_cmpfloat(spread, >, 0.6);
}

static void flood(const guint8 *mask, guint32 *labels, int w, int h, int x, int y, gboolean inside, guint32 label) {
  if (x < 0 || y < 0 || x >= w || y >= h || labels[y * w + x] || (mask[y * w + x] != 0) != inside)
    return;
  labels[y * w + x] = label;
  for (int dy = -1; dy <= 1; dy++)
    for (int dx = -1; dx <= 1; dx++)
      if (inside || !dx || !dy)
        flood(mask, labels, w, h, x + dx, y + dy, inside, label);
}

static void check_stats(const guint32 *labels, int w, int h, guint32 label, const FmnComponentStats *s) {
  FmnComponentStats e = {0, w, h, 0, 0, 0, 0, 0};
  for (int i = 0; i < w * h; i++) {
    int x = i % w, y = i / w;
    if (labels[i] != label)
      continue;
    e.area++;
    e.x0 = MIN(e.x0, x), e.x1 = MAX(e.x1, x + 1), e.y0 = MIN(e.y0, y), e.y1 = MAX(e.y1, y + 1);
    e.sum_x += x + 0.5, e.sum_y += y + 0.5;
    e.border += (x == 0 || y == 0 || x == w - 1 || y == h - 1);
  }
  g_assert_cmpint(s->area, ==, e.area);
  g_assert_cmpint(s->x0, ==, e.x0);
  g_assert_cmpint(s->x1, ==, e.x1);
  g_assert_cmpint(s->y0, ==, e.y0);
  g_assert_cmpint(s->y1, ==, e.y1);
  g_assert_cmpfloat_with_epsilon(s->sum_x, e.sum_x, 1e-6);
  g_assert_cmpfloat_with_epsilon(s->sum_y, e.sum_y, 1e-6);
  g_assert_cmpint(s->border, ==, e.border);
}

static void check_components(const guint8 *mask, int w, int h, gboolean inside) {
  int n = w * h;
  g_autofree guint32 *expected = g_new0(guint32, n);
  guint32 count = 0;
  for (int i = 0; i < n; i++)
    if ((mask[i] != 0) == inside && !expected[i])
      flood(mask, expected, w, h, i % w, i / w, inside, ++count);
  FmnLabeller *l = fmn_labeller_new(w, h);
  FmnComponents c = fmn_labeller_run(l, mask, inside);
  g_autofree guint32 *labels = g_new0(guint32, n);
  for (int i = 0; i < c.n_runs; i++)
    for (int x = c.runs[i].x0; x < c.runs[i].x1; x++)
      labels[c.runs[i].y * w + x] = (guint32)c.runs[i].component + 1;
  g_assert_cmpint(c.n, ==, (int)count);
  g_assert_cmpmem(labels, n * sizeof *labels, expected, n * sizeof *expected);
  for (guint32 k = 0; k < count; k++)
    check_stats(labels, w, h, k + 1, &c.stats[k]);
  fmn_labeller_free(l);
}

static void test_components(void) {
  GRand *rand = g_rand_new_with_seed(5);
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (double density = 0; density <= 1; density += 0.1) {
      int n = sizes[i][0] * sizes[i][1];
      g_autofree guint8 *mask = noise(rand, n, density);
      for (int k = 0; k < n; k++)
        mask[k] = mask[k] ? 255 : 0;
      check_components(mask, sizes[i][0], sizes[i][1], TRUE);
      check_components(mask, sizes[i][0], sizes[i][1], FALSE);
    }
  /* A spiral and a comb join late. */
  g_autofree guint8 *comb = g_malloc0(31 * 9);
  for (int y = 0; y < 9; y++)
    for (int x = 0; x < 31; x++)
      comb[y * 31 + x] = y == 8 || x % 2 == 0 ? 255 : 0;
  check_components(comb, 31, 9, TRUE);
  check_components(comb, 31, 9, FALSE);
  g_rand_free(rand);
}

/* Pixel (x, y) and where the outline lies: one step (dx, dy) on. -1: none there or too near to the frame. */
static int outline_at(const guint8 *rgb, const guint8 *mask, int w, int h, int x, int y, int dx, int dy) {
  int sides[2][2][3] = {0}, n = w * h;
  if (!mask[y * w + x] || x + dx < 0 || x + dx >= w || y + dy < 0 || y + dy >= h || mask[(y + dy) * w + x + dx])
    return -1;
  for (int side = 0; side < 2; side++)
    for (int k = 1; k <= 2; k++) {
      int step = side ? k + 1 : -k, px = x + dx * step, py = y + dy * step;
      if (px < 0 || px >= w || py < 0 || py >= h)
        return -1;
      for (int c = 0; c < 3; c++)
        sides[side][k - 1][c] = rgb[c * n + py * w + px];
    }
  for (int c = 0; c < 3; c++)
    if (ABS(sides[0][0][c] + sides[0][1][c] - sides[1][0][c] - sides[1][1][c]) > 10)
      return 1;
  return 0;
}

static void test_outlines(void) {
  GRand *rand = g_rand_new_with_seed(6);
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (int spread = 0; spread < 3; spread++) {
      int w = sizes[i][0], h = sizes[i][1], n = w * h, all = 0, seen = 0;
      g_autofree guint8 *mask = noise(rand, n, 0.6), *rgb = g_malloc(3 * n);
      for (int k = 0; k < n; k++)
        mask[k] = mask[k] ? 255 : 0;
      for (int k = 0; k < 3 * n; k++)
        rgb[k] = (guint8)(100 + (spread ? g_rand_int_range(rand, 0, 1 + 8 * spread) : 0));
      FmnLabeller *labeller = fmn_labeller_new(w, h);
      FmnComponents c = fmn_labeller_run(labeller, mask, TRUE);
      g_autofree FmnOutlineCount *counts = g_new(FmnOutlineCount, MAX(1, c.n));
      fmn_outline_measure(rgb, mask, w, h, &c, counts);
      for (int k = 0; k < c.n; k++) {
        all += counts[k].all;
        seen += counts[k].seen;
      }
      for (int k = 0; k < 4 * n; k++) {
        static const int steps[4][2] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}};
        int found = outline_at(rgb, mask, w, h, k / 4 % w, k / 4 / w, steps[k % 4][0], steps[k % 4][1]);
        all -= found >= 0;
        seen -= found > 0;
      }
      g_assert_cmpint(all, ==, 0);
      g_assert_cmpint(seen, ==, 0);
      fmn_labeller_free(labeller);
    }
  g_rand_free(rand);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/image/masks/dilate-erode", test_square);
  g_test_add_func("/image/masks/blur", test_blur);
  g_test_add_func("/image/masks/otsu", test_otsu);
  g_test_add_func("/image/masks/components", test_components);
  g_test_add_func("/image/masks/outlines", test_outlines);
  return g_test_run();
}
