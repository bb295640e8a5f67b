/* As test-loops.c, those that find the object: the background's surface, the way to the border, outlines, colours. */
#include <math.h>

#include "loops.h"

static double surface_at(const float f[FMN_TERMS], double x, double y) {
  return f[0] + f[1] * x + f[2] * y + f[3] * x * x + f[4] * x * y + f[5] * y * y;
}

static void check_border(const FmnWork *w, const FmnMoments *m) {
  const FmnBorder *b = &w->border;
  for (int degree = 0, k = 0; degree <= 4; degree++)
    for (int j = 0; j <= degree; j++, k++) {
      double sum = 0, colored[3] = {0};
      for (int i = 0; i < b->n; i++) {
        double v = b->weight[i] * pow(b->x[i], degree - j) * pow(b->y[i], j);
        sum += v;
        for (int c = 0; c < 3; c++)
          colored[c] += v * b->color[c][i];
      }
      g_assert_cmpfloat_with_epsilon(m->monomial[k], sum, 1e-5 * b->n);
      for (int c = 0; c < 3 && k < FMN_TERMS; c++)
        g_assert_cmpfloat_with_epsilon(m->colored[c][k], colored[c], 1e-3 * b->n);
    }
}

/* A surface is found again from its own colours. */
static void test_surface(gconstpointer data) {
  static const float truth[3][FMN_TERMS] = {{90, 10, -20, 7, 3, -9}, {-5, 0, 1, 0, 2, 0}, {30, 0, 0, 0, 0, 25}};
  const FmnLoops *p = data, *c = fmn_loops_at(0);
  GRand *rand = g_rand_new_with_seed(5);
  static const int frames[][2] = {{160, 120}, {8, 8}, {33, 160}, {160, 21}};
  for (guint i = 0; i < G_N_ELEMENTS(frames); i++) {
    FmnWork w = {0};
    FmnMoments want, got;
    FmnSurface surface;
    float want_sums[2], got_sums[2];
    fmn_work_init(&w, frames[i][0], frames[i][1], 2, 1500);
    FmnBorder *b = &w.border;
    g_assert_cmpint(b->n, >=, 8);
    for (int k = 0; k < b->n; k++) {
      b->weight[k] = (float)g_rand_double_range(rand, 0.1, 1);
      for (int channel = 0; channel < 3; channel++)
        b->color[channel][k] = (float)surface_at(truth[channel], b->x[k], b->y[k]);
    }
    c->moments(b, &want);
    p->moments(b, &got);
    g_assert_cmpmem(&got, sizeof got, &want, sizeof want);
    check_border(&w, &got);
    fmn_surface_fit(&surface, &got);
    for (int k = 0; k < 3 * b->n; k++) {
      double fitted = surface_at(surface.factor[k % 3], b->x[k / 3], b->y[k / 3]);
      g_assert_cmpfloat_with_epsilon(fitted, b->color[k % 3][k / 3], 1); /* it is pulled to 0 a little */
    }
    b->color[1][3] += 60;
    c->weigh(b, surface.factor, 5, want_sums);
    g_autofree float *weight = g_memdup2(b->weight, b->n * sizeof(float));
    p->weigh(b, surface.factor, 5, got_sums);
    g_assert_cmpmem(b->weight, b->n * sizeof(float), weight, b->n * sizeof(float));
    g_assert_cmpmem(got_sums, sizeof got_sums, want_sums, sizeof want_sums);
    g_assert_cmpfloat(b->weight[3], <, 1e-3);
    g_assert_cmpfloat(b->weight[4], >, 0.95);
    fmn_work_clear(&w);
  }
  g_rand_free(rand);
}

typedef struct {
  int end[6];
} Path;

static Path grown(Path path, const FmnField *f, int x, int y) {
  for (int c = 0; c < 3; c++) {
    int v = f->residual[c][y * f->stride + x];
    path.end[c] = MAX(path.end[c], v);
    path.end[3 + c] = MAX(path.end[3 + c], -v);
  }
  return path;
}

static int size_of(const Path *p) { return p->end[0] + p->end[1] + p->end[2] + p->end[3] + p->end[4] + p->end[5]; }

/* One pixel after the other, in lines: from the first to the last and back. */
static void sweep(const FmnField *f, Path *best, int *cost, int direction) {
  int n = f->width * f->height, w = f->width;
  for (int k = 0; k < n; k++) {
    int at = direction > 0 ? k : n - 1 - k, row = k / w, column = k % w;
    for (int side = 0; side < 2; side++) {
      if (side ? !column : !row)
        continue;
      Path p = grown(best[at - direction * (side ? 1 : w)], f, at % w, at / w);
      if (size_of(&p) < cost[at]) {
        best[at] = p;
        cost[at] = size_of(&p);
      }
    }
  }
}

static void check_barrier(GRand *rand, const FmnLoops *p, int width, int height, int passes, int range) {
  FmnField f;
  FmnScratch planes = {0}, scratch = {0};
  g_autofree Path *best = g_new0(Path, width * height);
  g_autofree int *cost = g_new(int, width *height);
  fmn_field_init(&f, width, height, &planes);
  for (int c = 0; c < 3; c++)
    for (int i = 0; i < width * height; i++)
      f.residual[c][i / width * f.stride + i % width] = (gint16)g_rand_int_range(rand, -range, range + 1);
  for (int i = 0; i < width * height; i++) {
    int x = i % width, y = i / width;
    gboolean border = x == 0 || y == 0 || x == width - 1 || y == height - 1;
    best[i] = grown((Path){{0}}, &f, x, y);
    cost[i] = border ? size_of(&best[i]) : G_MAXINT;
  }
  for (int k = 0; k < passes; k++)
    sweep(&f, best, cost, k % 2 ? -1 : 1);
  p->barrier(&f, passes, fmn_scratch_get(&scratch, fmn_barrier_scratch(p->lanes, width, height)));
  for (int i = 0; i < width * height; i++)
    g_assert_cmpint(f.cost[i / width * f.stride + i % width], ==, cost[i]);
  fmn_scratch_clear(&planes);
  fmn_scratch_clear(&scratch);
}

static void test_barrier(gconstpointer data) {
  static const int frames[][2] = {{160, 120}, {1, 1}, {8, 8}, {7, 40}, {160, 9}, {33, 65}, {64, 32}, {90, 160}};
  GRand *rand = g_rand_new_with_seed(6);
  for (guint i = 0; i < G_N_ELEMENTS(frames); i++)
    for (int passes = 1; passes <= 4; passes++) {
      check_barrier(rand, data, frames[i][0], frames[i][1], passes, 40);
      check_barrier(rand, data, frames[i][0], frames[i][1], passes, FMN_RESIDUAL_MOST);
    }
  g_rand_free(rand);
}

static void test_outline(gconstpointer data) {
  const FmnLoops *p = data;
  GRand *rand = g_rand_new_with_seed(7);
  for (guint s = 0; s < G_N_ELEMENTS(sizes); s++)
    for (int t = 0; t < 256; t += 51) {
      int n = sizes[s];
      g_autofree guint8 *line = bytes(rand, n), *under = bytes(rand, n);
      FmnOutline want = {1, 2, 3, 4}, got = want;
      for (int i = 0; i < n; i++) {
        int right = i + 1 < n ? line[i + 1] : line[i];
        want.area += line[i] > t;
        want.below += line[i] > t ? 0 : line[i];
        for (int side = 0; side < 2; side++) {
          int other = side ? right : under[i];
          if ((line[i] > t) != (other > t)) {
            want.pairs++;
            want.steps += ABS(line[i] - other);
          }
        }
      }
      p->outline(line, under, n, t, &got);
      g_assert_cmpmem(&got, sizeof got, &want, sizeof want);
    }
  g_rand_free(rand);
}

static void check_neighbours(GRand *rand, const FmnLoops *p, int n, int n_lines) {
  g_autofree guint8 *data = bytes(rand, (gsize)n * n_lines), *got = g_malloc(n);
  const guint8 *lines[2 * FMN_BLUR_RADIUS + 1];
  for (int k = 0; k < n_lines; k++)
    lines[k] = data + (gsize)k * n;
  p->mean_of(lines, n_lines, n, got);
  for (int i = 0; i < n; i++) {
    int sum = 0;
    for (int k = 0; k < n_lines; k++)
      sum += lines[k][i];
    if (n_lines <= 15)
      g_assert_cmpint(got[i], ==, (sum + n_lines / 2) / n_lines);
    g_assert_cmpfloat_with_epsilon(got[i], (double)sum / n_lines, 1);
  }
  p->largest_of(lines, n, got);
  for (int i = 0; i < n; i++)
    g_assert_cmpint(got[i], ==, MAX(MAX(lines[0][i], lines[1][i]), lines[2][i]));
  p->smallest_of(lines, n, got);
  for (int i = 0; i < n; i++)
    g_assert_cmpint(got[i], ==, MIN(MIN(lines[0][i], lines[1][i]), lines[2][i]));
}

static void test_neighbours(gconstpointer data) {
  GRand *rand = g_rand_new_with_seed(9);
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (int radius = 1; radius <= FMN_BLUR_RADIUS; radius += radius < 4 ? 1 : 59)
      check_neighbours(rand, data, sizes[i], 2 * radius + 1);
  g_rand_free(rand);
}

static void test_colors(gconstpointer data) {
  const FmnLoops *p = data, *c = fmn_loops_at(0);
  GRand *rand = g_rand_new_with_seed(10);
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    int n = sizes[i];
    g_autofree guint8 *in = bytes(rand, 4 * n), *half = g_malloc(n);
    g_autofree guint16 *want = g_new(guint16, n), *got = g_new(guint16, n);
    c->color_bins((const guint8 *const[3]){in, in + n, in + 2 * n}, n, want);
    p->color_bins((const guint8 *const[3]){in, in + n, in + 2 * n}, n, got);
    g_assert_cmpmem(got, n * sizeof *got, want, n * sizeof *want);
    p->halve(in, in + 2 * n, n, half);
    for (int k = 0; k < n; k++) {
      const guint8 *a = in + 2 * k, *b = a + 2 * n;
      g_assert_cmpint(got[k], <, FMN_COLOR_BINS);
      g_assert_cmpint(got[k] >> 8, ==, (77 * in[k] + 150 * in[n + k] + 29 * in[2 * n + k]) >> 12);
      g_assert_cmpint(half[k], ==, (a[0] + a[1] + b[0] + b[1] + 2) / 4);
    }
  }
  g_rand_free(rand);
}

static void test_votes(gconstpointer data) {
  const FmnLoops *p = data;
  GRand *rand = g_rand_new_with_seed(13);
  for (guint s = 0; s < G_N_ELEMENTS(sizes); s++)
    for (guint32 doubt = 0; doubt <= 65536; doubt += 16384) {
      int n = sizes[s];
      g_autofree guint8 *mask = bytes(rand, n), *hint = bytes(rand, n);
      g_autofree guint16 *v = words(rand, 4 * n);
      g_autofree guint64 *said = g_new(guint64, n);
      FmnVotes votes[2] = {{v, v + n}, {v + 2 * n, v + 3 * n}};
      guint32 total = 0;
      for (int i = 0; i < n; i++) {
        v[i] /= 8, v[2 * n + i] /= 8;
        mask[i] = mask[i] > 99 ? 255 : 0;
        total += mask[i] ? 0 : v[i];
      }
      p->votes(votes, mask, hint, doubt, n, said);
      for (int i = 0; i < n; i++) {
        const FmnVotes *own = &votes[mask[i] & 1];
        double certain = (doubt + (mask[i] ? (65536.0 - doubt) * hint[i] / 255 : 0)) / 65536;
        g_assert_cmpint(said[i] >> 32, ==, own->ground[i]);
        g_assert_cmpfloat_with_epsilon((guint32)said[i], own->object[i] * certain, 33);
      }
      g_assert_cmpint(p->votes_total(v, mask, 255, n), ==, total);
    }
  g_rand_free(rand);
}

/* Kinds that only the object has are its own, those that both have alike are half of each; and all sets agree. */
static void test_shares(gconstpointer data) {
  const FmnLoops *p = data;
  GRand *rand = g_rand_new_with_seed(11);
  gsize n = 2 * FMN_COLOR_BINS;
  g_autofree guint64 *sums = g_new0(guint64, n), *copy = g_new0(guint64, n);
  g_autofree guint8 *want = g_malloc(FMN_COLOR_BINS), *got = g_malloc(FMN_COLOR_BINS);
  int both = 5 * 256 + 8 * 16 + 8, objects = 10 * 256 + 3 * 16 + 15, grounds = 0;
  const guint64 much = 30000000;
  for (int part = 0; part < 2; part++) {
    sums[part * FMN_COLOR_BINS + both] = much | much << 32;
    sums[part * FMN_COLOR_BINS + objects] = much;
    sums[part * FMN_COLOR_BINS + grounds] = much << 32;
  }
  p->color_share(sums, sums + FMN_COLOR_BINS, got);
  g_assert_cmpint(got[both], ==, 127);
  g_assert_cmpint(got[objects], >, 240);
  g_assert_cmpint(got[objects - 1], >, 240);  /* its neighbour */
  g_assert_cmpint(got[objects + 1], ==, 127); /* none: of the next difference of colours */
  g_assert_cmpint(got[grounds], <, 15);
  g_assert_cmpint(got[4095], ==, 127);
  for (gsize i = 0; i < n; i++)
    sums[i] = copy[i] = (guint64)g_rand_int_range(rand, 0, 40000) << 32 | (guint64)g_rand_int_range(rand, 0, 40000);
  fmn_loops_at(0)->color_share(copy, copy + FMN_COLOR_BINS, want);
  p->color_share(sums, sums + FMN_COLOR_BINS, got);
  g_assert_cmpmem(got, FMN_COLOR_BINS, want, FMN_COLOR_BINS);
  g_rand_free(rand);
}

/* Means with the weights of refine.c; and lines twice as wide, against their definition. */
static void test_mask(gconstpointer data) {
  const FmnLoops *p = data;
  GRand *rand = g_rand_new_with_seed(12);
  for (guint s = 0; s < G_N_ELEMENTS(sizes); s++) {
    int n = sizes[s];
    g_autofree guint8 *a = bytes(rand, n), *b = bytes(rand, n), *mask = bytes(rand, n), *wide = bytes(rand, 2 * n);
    g_autofree guint16 *line = g_new(guint16, n + 2);
    p->decide(a, b, 64, 48, n, mask);
    p->enlarge(a, b, n, line, wide);
    for (int i = 0; i < n; i++) {
      g_assert_cmpint(mask[i], ==, 2 * (64 * a[i] + 48 * b[i]) > 255 * 112 ? 255 : 0);
      for (int right = 0; right < 2; right++) {
        int beside = CLAMP(right ? i + 1 : i - 1, 0, n - 1);
        int sum = 3 * (3 * a[i] + b[i]) + 3 * a[beside] + b[beside];
        g_assert_cmpint(wide[2 * i + right], ==, (sum + 8) / 16);
      }
    }
  }
  g_rand_free(rand);
}

int main(int argc, char **argv) {
  static const LoopsTest tests[] = {
      {"surface", test_surface}, {"barrier", test_barrier}, {"outline", test_outline}, {"neighbours", test_neighbours},
      {"colors", test_colors},   {"votes", test_votes},     {"shares", test_shares},   {"mask", test_mask}};
  return run_loops_tests(argc, argv, tests, G_N_ELEMENTS(tests));
}
