#include <string.h>

#include "kernels/conv_algorithm.h"

#define TILE 4           /* outputs a tile has on a side */
#define TASK_TILES 48    /* tiles worked on together: each transformed weight is read once for them */
#define MAX_POINTS 8

static FmnWinograd variant(const FmnConvShape *s) { return s->k == 3 ? FMN_WINOGRAD_4_3 : FMN_WINOGRAD_4_5; }

static int points(const FmnConvShape *s) { return TILE + s->k - 1; }

static int tiles_x(const FmnConvShape *s) { return (s->out_w + TILE - 1) / TILE; }

static int tiles(const FmnConvShape *s) { return tiles_x(s) * ((s->out_h + TILE - 1) / TILE); }

/* Transforms take about as long as 32 channels' products; with fewer channels, or mostly empty tiles, the direct way is faster. */
static gboolean suits(const FmnConvShape *s) {
  gboolean shape = s->stride == 1 && (s->k == 3 || s->k == 5) && s->in_c % 16 == 0 && s->out_c % 16 == 0;
  double direct = (double)(s->out_h * s->out_w) * s->k * s->k;
  double winograd = (double)tiles(s) * points(s) * points(s);
  return shape && s->in_c >= 32 && s->out_c >= 32 && direct > 1.6 * winograd;
}

/* Groups of tiles that an image is divided into, and where each begins. */
static int groups(const FmnConvShape *s) { return (tiles(s) + TASK_TILES - 1) / TASK_TILES; }

static int group_begin(const FmnConvShape *s, int group) { return group * tiles(s) / groups(s); }

static void choose(FmnConv *conv) {
  const FmnConvShape *s = &conv->shape;
  gsize results = (gsize)(points(s) * points(s));
  gsize weights = results * (gsize)s->in_c * (gsize)fmn_conv_blocks(s) * FMN_LANES;
  int together = (tiles(s) + groups(s) - 1) / groups(s);
  conv->half = FALSE; /* transformed weights are not exact in half precision, and the outputs' transform magnifies the error */
  conv->packed = weights;
  /* transformed inputs and products of the tiles of a task, and a pixel of zeros */
  conv->scratch = results * (gsize)together * (gsize)(s->in_c + s->out_c) + 16;
}

/* The matrix G: row p evaluates a kernel of r weights at point p, scaled so that the other two matrices need no fractions of it. */
static void kernel_matrix(int r, double g[MAX_POINTS][5]) {
  static const double points_6[] = {0, 1, -1, 2, -2}, scales_6[] = {1.0 / 4, -1.0 / 6, -1.0 / 6, 1.0 / 24, 1.0 / 24};
  static const double points_8[] = {0, 1, -1, 2, -2, .5, -.5};
  static const double scales_8[] = {1, -2.0 / 9, -2.0 / 9, 1.0 / 90, 1.0 / 90, 32.0 / 45, 32.0 / 45};
  int n = TILE + r - 1;
  for (int p = 0; p < n - 1; p++) {
    double power = r == 3 ? scales_6[p] : scales_8[p];
    for (int i = 0; i < r; i++) {
      g[p][i] = power;
      power *= r == 3 ? points_6[p] : points_8[p];
    }
  }
  for (int i = 0; i < r; i++)
    g[n - 1][i] = i == r - 1;
}

/* Packed as one product() weight matrix for each result p: [p][block][in][lane]. */
static void pack(const FmnConv *conv, const float *w, gboolean transpose, float *packed) {
  const FmnConvShape *s = &conv->shape;
  int n = points(s), blocks = fmn_conv_blocks(s);
  double g[MAX_POINTS][5];
  kernel_matrix(s->k, g);
  for (int o = 0; o < blocks * FMN_LANES; o++)
    for (int i = 0; i < s->in_c; i++) {
      double half[MAX_POINTS][5] = {{0}};
      for (int ky = 0; o < s->out_c && ky < s->k; ky++)
        for (int kx = 0; kx < s->k; kx++) {
          double value = fmn_conv_weight(s, w, transpose, o, i, ky, kx);
          for (int p = 0; p < n; p++)
            half[p][kx] += g[p][ky] * value;
        }
      for (int p = 0; p < n; p++)
        for (int q = 0; q < n; q++) {
          double sum = 0;
          for (int kx = 0; kx < s->k; kx++)
            sum += half[p][kx] * g[q][kx];
          gsize matrix = (gsize)(p * n + q) * (gsize)blocks + (gsize)(o / FMN_LANES);
          packed[(matrix * (gsize)s->in_c + (gsize)i) * FMN_LANES + (gsize)(o % FMN_LANES)] = (float)sum;
        }
    }
}

/* One group of tiles on its way through the three phases. */
typedef struct {
  const FmnConvCall *call;
  const float *x; /* the image */
  float *y;
  int first, n; /* tiles */
  float *zeros; /* 16 of them: a pixel outside of the picture */
  float *v;     /* [result][tile][input] */
  float *m;     /* [result][tile][output] */
} Group;

static Group make_group(const FmnConvCall *call, int task, float *scratch) {
  const FmnConvShape *s = &call->conv->shape;
  int group = task % groups(s);
  gsize image = (gsize)(task / groups(s)), results = (gsize)(points(s) * points(s));
  Group g = {call, call->x + image * (gsize)(s->in_h * s->in_w) * (gsize)s->in_c,
             call->y + image * (gsize)(s->out_h * s->out_w) * (gsize)s->out_c};
  g.first = group_begin(s, group);
  g.n = group_begin(s, group + 1) - g.first;
  g.zeros = scratch;
  g.v = scratch + 16;
  g.m = g.v + results * (gsize)g.n * (gsize)s->in_c;
  memset(g.zeros, 0, 16 * sizeof *g.zeros);
  return g;
}

/* Tasks: tiles. */
static void transform_inputs(gpointer data, int begin, int end, int thread) {
  const Group *g = data;
  const FmnConvShape *s = &g->call->conv->shape;
  int n = points(s);
  gsize stride = (gsize)g->n * (gsize)s->in_c;
  for (int t = begin; t < end; t++) {
    const float *pixels[MAX_POINTS * MAX_POINTS];
    gboolean in[MAX_POINTS * MAX_POINTS];
    int y0 = (g->first + t) / tiles_x(s) * TILE - s->pad, x0 = (g->first + t) % tiles_x(s) * TILE - s->pad;
    for (int i = 0; i < n * n; i++) {
      int iy = y0 + i / n, ix = x0 + i % n;
      in[i] = iy >= 0 && iy < s->in_h && ix >= 0 && ix < s->in_w;
      pixels[i] = in[i] ? g->x + (gsize)(iy * s->in_w + ix) * (gsize)s->in_c : g->zeros;
    }
    for (int c = 0; c < s->in_c; c += 16) {
      fmn_kernels()->winograd_input(variant(s), pixels, g->v + (gsize)t * (gsize)s->in_c + c, stride);
      for (int i = 0; i < n * n; i++)
        pixels[i] += in[i] ? 16 : 0;
    }
  }
}

/* Tasks: results × blocks of outputs. */
static void multiply(gpointer data, int begin, int end, int thread) {
  const Group *g = data;
  const FmnConvShape *s = &g->call->conv->shape;
  int blocks = fmn_conv_blocks(s);
  FmnPacked w = {g->call->packed, FALSE};
  for (int task = begin; task < end; task++) {
    gsize p = (gsize)(task / blocks), block = (gsize)(task % blocks);
    const float *v = g->v + p * (gsize)g->n * (gsize)s->in_c;
    float *m = g->m + p * (gsize)g->n * (gsize)s->out_c + block * FMN_LANES;
    for (int t = 0; t < g->n; t += FMN_PRODUCT_ROWS) {
      const float *rows[FMN_PRODUCT_ROWS];
      int n = MIN(FMN_PRODUCT_ROWS, g->n - t);
      for (int r = 0; r < n; r++)
        rows[r] = v + (gsize)(t + r) * (gsize)s->in_c;
      fmn_kernels()->product(rows, n, 1, (gsize)s->in_c, w, (gsize)task, m + (gsize)t * (gsize)s->out_c, (gsize)s->out_c,
                             MIN(FMN_LANES, s->out_c - (int)block * FMN_LANES));
    }
  }
}

/* Tasks: tiles. */
static void transform_outputs(gpointer data, int begin, int end, int thread) {
  const Group *g = data;
  const FmnConvShape *s = &g->call->conv->shape;
  gsize stride = (gsize)g->n * (gsize)s->out_c;
  for (int t = begin; t < end; t++) {
    int y0 = (g->first + t) / tiles_x(s) * TILE, x0 = (g->first + t) % tiles_x(s) * TILE;
    for (int o = 0; o < s->out_c; o += 16) {
      float out[TILE * TILE][16];
      FmnEpilogue e = fmn_epilogue_from(g->call->epilogue, o);
      fmn_kernels()->winograd_output(variant(s), g->m + (gsize)t * (gsize)s->out_c + o, stride, out);
      fmn_kernels()->epilogue(out[0], TILE * TILE, 16, 16, &e);
      for (int dy = 0; dy < MIN(TILE, s->out_h - y0); dy++)
        for (int dx = 0; dx < MIN(TILE, s->out_w - x0); dx++)
          memcpy(g->y + (gsize)((y0 + dy) * s->out_w + x0 + dx) * (gsize)s->out_c + o, out[dy * TILE + dx], sizeof out[0]);
    }
  }
}

static void run_groups(gpointer data, int begin, int end, int thread) {
  const FmnConvCall *call = data;
  const FmnConvShape *s = &call->conv->shape;
  for (int task = begin; task < end; task++) {
    Group g = make_group(call, task, call->scratch + (gsize)thread * call->scratch_size);
    transform_inputs(&g, 0, g.n, thread);
    multiply(&g, 0, points(s) * points(s) * fmn_conv_blocks(s), thread);
    transform_outputs(&g, 0, g.n, thread);
  }
}

/* Each thread takes whole groups where there are enough of them; else all share the work of each. */
static void run(const FmnConvCall *call, int n, FmnPool *pool) {
  const FmnConvShape *s = &call->conv->shape;
  int tasks = n * groups(s), threads = fmn_pool_threads(pool);
  if (tasks % threads == 0 || tasks >= 4 * threads) {
    fmn_pool_run(pool, run_groups, (gpointer)call, tasks);
    return;
  }
  for (int task = 0; task < tasks; task++) {
    Group g = make_group(call, task, call->scratch);
    fmn_pool_run(pool, transform_inputs, &g, g.n);
    fmn_pool_run(pool, multiply, &g, points(s) * points(s) * fmn_conv_blocks(s));
    fmn_pool_run(pool, transform_outputs, &g, g.n);
  }
}

const FmnConvAlgorithm fmn_conv_winograd = {"winograd", suits, choose, pack, run};
