#include <string.h>

#include "kernels/conv_algorithm.h"

#define TILE 4           /* outputs a tile has on a side */
#define GROUP_TILES 48   /* tiles worked on together: each transformed weight is read once for them */
#define TRAINING_TILES 192
#define MAX_POINTS 8

static FmnWinograd variant(const FmnConvShape *s) { return s->k == 3 ? FMN_WINOGRAD_4_3 : FMN_WINOGRAD_4_5; }

static int points(const FmnConvShape *s) { return TILE + s->k - 1; }

static int tiles_x(const FmnConvShape *s) { return (s->out_w + TILE - 1) / TILE; }

static int tiles(const FmnConvShape *s) { return tiles_x(s) * ((s->out_h + TILE - 1) / TILE); }

/* Transforms take about as long as 32 channels' products; with fewer channels, or mostly empty tiles, the direct way is faster. In
 * training the weights are transformed at every step: enough tiles have to make up for that. */
static gboolean suits(const FmnConvShape *s, int images) {
  gboolean shape = s->stride == 1 && (s->k == 3 || s->k == 5) && s->in_c % 16 == 0 && s->out_c % 16 == 0;
  double direct = (double)(s->out_h * s->out_w) * s->k * s->k;
  double winograd = (double)tiles(s) * points(s) * points(s);
  gboolean often = images == 0 || images * tiles(s) >= TRAINING_TILES;
  return shape && often && s->in_c >= 32 && s->out_c >= 32 && direct > 1.6 * winograd;
}

/* Transformed inputs and products of a group of tiles, and a pixel of zeros. */
static gsize group_floats(const FmnConvShape *s) {
  return (gsize)(points(s) * points(s)) * GROUP_TILES * (gsize)(s->in_c + s->out_c) + 16;
}

static void choose(FmnConv *conv) {
  const FmnConvShape *s = &conv->shape;
  gsize results = (gsize)(points(s) * points(s));
  gsize weights = results * (gsize)s->in_c * (gsize)fmn_conv_blocks(s) * FMN_LANES;
  conv->half = FALSE; /* transformed weights are not exact in half precision, and the outputs' transform magnifies the error */
  conv->packed = weights;
  conv->scratch = group_floats(s);
}

/* The matrix G: row p evaluates a kernel of r weights at point p, scaled so that the other two matrices need no fractions of it. */
static void kernel_matrix(int r, float g[MAX_POINTS][5]) {
  static const double points_6[] = {0, 1, -1, 2, -2}, scales_6[] = {1.0 / 4, -1.0 / 6, -1.0 / 6, 1.0 / 24, 1.0 / 24};
  static const double points_8[] = {0, 1, -1, 2, -2, .5, -.5};
  static const double scales_8[] = {1, -2.0 / 9, -2.0 / 9, 1.0 / 90, 1.0 / 90, 32.0 / 45, 32.0 / 45};
  int n = TILE + r - 1;
  for (int p = 0; p < n - 1; p++) {
    double power = r == 3 ? scales_6[p] : scales_8[p];
    for (int i = 0; i < r; i++) {
      g[p][i] = (float)power;
      power *= r == 3 ? points_6[p] : points_8[p];
    }
  }
  for (int i = 0; i < r; i++)
    g[n - 1][i] = i == r - 1 ? 1.f : 0.f;
}

#define MAX_TAPS 25

typedef struct {
  const FmnConvShape *s;
  const float *from;
  gboolean transpose;
  float *to;
  float g[MAX_POINTS][5];
} WeightJob;

/* to += factor · from, 16 lanes: the loops over lanes are what the compiler vectorises. */
static inline void add_lanes(float *to, float factor, const float *from) {
  for (int lane = 0; lane < 16; lane++)
    to[lane] += factor * from[lane];
}

/* G · w · Gᵀ of 16 kernels at a time, for each of the r×r taps 16 lanes. */
static void transform_weights(const WeightJob *job, float tap[MAX_TAPS][16], float *to, gsize stride) {
  int n = points(job->s), r = job->s->k;
  for (int p = 0; p < n; p++) {
    float half[5][16] = {{0}};
    for (int ky = 0; ky < r; ky++)
      for (int kx = 0; kx < r; kx++)
        add_lanes(half[kx], job->g[p][ky], tap[ky * r + kx]);
    for (int q = 0; q < n; q++, to += stride) {
      memset(to, 0, 16 * sizeof *to);
      for (int kx = 0; kx < r; kx++)
        add_lanes(to, job->g[q][kx], half[kx]);
    }
  }
}

/* Tasks: blocks of outputs × inputs. Packed as one product() weight matrix for each result p: [p][block][in][lane]. */
static void pack_tasks(gpointer data, int begin, int end, int slot) {
  const WeightJob *job = data;
  const FmnConvShape *s = job->s;
  gsize stride = (gsize)fmn_conv_blocks(s) * (gsize)s->in_c * FMN_LANES;
  for (int task = begin; task < end; task++)
    for (int lane0 = 0; lane0 < FMN_LANES; lane0 += 16) {
      int o0 = task / s->in_c * FMN_LANES + lane0, i = task % s->in_c;
      float tap[MAX_TAPS][16] = {{0}};
      for (int lane = 0; lane < 16 && o0 + lane < s->out_c; lane++)
        for (int t = 0; t < s->k * s->k; t++)
          tap[t][lane] = fmn_conv_weight(s, job->from, job->transpose, o0 + lane, i, t / s->k, t % s->k);
      transform_weights(job, tap, job->to + (gsize)task * FMN_LANES + lane0, stride);
    }
}

static void pack(const FmnConv *conv, const float *w, gboolean transpose, float *packed, FmnPool *pool) {
  WeightJob job = {&conv->shape, w, transpose, packed};
  kernel_matrix(conv->shape.k, job.g);
  fmn_pool_run(pool, pack_tasks, &job, fmn_conv_blocks(&conv->shape) * conv->shape.in_c);
}

/* One group of tiles, counted over all images, on its way through the phases. */
typedef struct {
  const FmnConvShape *s;
  const float *x, *packed;
  const FmnEpilogue *epilogue;
  const float *dy;
  float *y;
  int first, n; /* tiles */
  float *zeros; /* 16 of them: a pixel outside of the picture */
  float *v;     /* [result][tile][input] */
  float *m;     /* [result][tile][output] */
} Group;

static void place_group(Group *g, int group, int n_groups, int n_tiles, float *scratch) {
  gsize results = (gsize)(points(g->s) * points(g->s));
  g->first = (int)((gint64)group * n_tiles / n_groups);
  g->n = (int)((gint64)(group + 1) * n_tiles / n_groups) - g->first;
  g->zeros = scratch;
  g->v = scratch + 16;
  g->m = g->v + results * (gsize)g->n * (gsize)g->s->in_c;
  memset(g->zeros, 0, 16 * sizeof *g->zeros);
}

static int n_groups(int n_tiles) { return (n_tiles + GROUP_TILES - 1) / GROUP_TILES; }

/* The image of tile t of a group and the place of its first output. */
static int place_tile(const Group *g, int t, int *y0, int *x0) {
  int tile = (g->first + t) % tiles(g->s);
  *y0 = tile / tiles_x(g->s) * TILE;
  *x0 = tile % tiles_x(g->s) * TILE;
  return (g->first + t) / tiles(g->s);
}

/* Tasks: tiles. */
static void transform_inputs(gpointer data, int begin, int end, int slot) {
  const Group *g = data;
  const FmnConvShape *s = g->s;
  int n = points(s);
  gsize stride = (gsize)g->n * (gsize)s->in_c;
  for (int t = begin; t < end; t++) {
    const float *pixels[MAX_POINTS * MAX_POINTS];
    gboolean in[MAX_POINTS * MAX_POINTS];
    int y0, x0, image = place_tile(g, t, &y0, &x0);
    const float *x = g->x + (gsize)image * (gsize)(s->in_h * s->in_w) * (gsize)s->in_c;
    for (int i = 0; i < n * n; i++) {
      int iy = y0 - s->pad + i / n, ix = x0 - s->pad + i % n;
      in[i] = iy >= 0 && iy < s->in_h && ix >= 0 && ix < s->in_w;
      pixels[i] = in[i] ? x + (gsize)(iy * s->in_w + ix) * (gsize)s->in_c : g->zeros;
    }
    for (int c = 0; c < s->in_c; c += 16) {
      fmn_kernels()->winograd_input(variant(s), pixels, g->v + (gsize)t * (gsize)s->in_c + c, stride);
      for (int i = 0; i < n * n; i++)
        pixels[i] += in[i] ? 16 : 0;
    }
  }
}

/* Tasks: results × blocks of outputs. */
static void multiply(gpointer data, int begin, int end, int slot) {
  const Group *g = data;
  const FmnConvShape *s = g->s;
  int blocks = fmn_conv_blocks(s);
  FmnPacked w = {g->packed, FALSE};
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
static void transform_outputs(gpointer data, int begin, int end, int slot) {
  const Group *g = data;
  const FmnConvShape *s = g->s;
  gsize stride = (gsize)g->n * (gsize)s->out_c, row = (gsize)s->out_c;
  for (int t = begin; t < end; t++) {
    int y0, x0, image = place_tile(g, t, &y0, &x0);
    float *y = g->y + ((gsize)image * (gsize)(s->out_h * s->out_w) + (gsize)(y0 * s->out_w + x0)) * row;
    for (int o = 0; o < s->out_c; o += 16) {
      float out[TILE * TILE][16];
      FmnEpilogue e = fmn_epilogue_from(g->epilogue, o);
      fmn_kernels()->winograd_output(variant(s), g->m + (gsize)t * (gsize)s->out_c + o, stride, out);
      fmn_kernels()->epilogue(out[0], TILE * TILE, 16, 16, &e);
      for (int dy = 0; dy < MIN(TILE, s->out_h - y0); dy++)
        for (int dx = 0; dx < MIN(TILE, s->out_w - x0); dx++)
          memcpy(y + (gsize)(dy * s->out_w + dx) * row + o, out[dy * TILE + dx], sizeof out[0]);
    }
  }
}

static void run_groups(gpointer data, int begin, int end, int slot) {
  const FmnConvCall *call = data;
  const FmnConvShape *s = &call->conv->shape;
  int n_tiles = call->n * tiles(s);
  Group g = {s, call->x, call->packed, call->epilogue, NULL, call->y};
  for (int group = begin; group < end; group++) {
    place_group(&g, group, n_groups(n_tiles), n_tiles, call->scratch + (gsize)slot * call->scratch_size);
    transform_inputs(&g, 0, g.n, slot);
    multiply(&g, 0, points(s) * points(s) * fmn_conv_blocks(s), slot);
    transform_outputs(&g, 0, g.n, slot);
  }
}

/* Each thread takes whole groups where there are enough of them; else all share the work of each. */
static void run(const FmnConvCall *call, FmnPool *pool) {
  const FmnConvShape *s = &call->conv->shape;
  int n_tiles = call->n * tiles(s), groups = n_groups(n_tiles), threads = fmn_pool_threads(pool);
  Group g = {s, call->x, call->packed, call->epilogue, NULL, call->y};
  if (groups % threads == 0 || groups >= 4 * threads) {
    fmn_pool_run(pool, run_groups, (gpointer)call, groups);
    return;
  }
  for (int group = 0; group < groups; group++) {
    place_group(&g, group, groups, n_tiles, call->scratch);
    fmn_pool_run(pool, transform_inputs, &g, g.n);
    fmn_pool_run(pool, multiply, &g, points(s) * points(s) * fmn_conv_blocks(s));
    fmn_pool_run(pool, transform_outputs, &g, g.n);
  }
}

const FmnConvAlgorithm fmn_conv_winograd = {"winograd", suits, choose, pack, run};

/* The gradient of the transformed weights, each result a product over the tiles. */

/* The products' gradient, m, from the outputs'. */
static void transform_output_gradients(Group *g) {
  const FmnConvShape *s = g->s;
  gsize stride = (gsize)g->n * (gsize)s->out_c, row = (gsize)s->out_c;
  for (int t = 0; t < g->n; t++) {
    int y0, x0, image = place_tile(g, t, &y0, &x0);
    const float *dy = g->dy + ((gsize)image * (gsize)(s->out_h * s->out_w) + (gsize)(y0 * s->out_w + x0)) * row;
    for (int o = 0; o < s->out_c; o += 16) {
      float in[TILE * TILE][16] = {{0}};
      for (int r = 0; r < MIN(TILE, s->out_h - y0); r++)
        for (int c = 0; c < MIN(TILE, s->out_w - x0); c++)
          memcpy(in[r * TILE + c], dy + (gsize)(r * s->out_w + c) * row + o, sizeof in[0]);
      fmn_grad_kernels()->winograd_output(variant(s), in, g->m + (gsize)t * (gsize)s->out_c + o, stride);
    }
  }
}

/* As [result][input][output]. */
static gsize gradient_partial(const FmnConvShape *s) {
  return (gsize)(points(s) * points(s)) * (gsize)s->in_c * (gsize)s->out_c;
}

static void gradient_sum(const FmnConvShape *s, int n, const float *x, const float *dy, float *partial, float *scratch) {
  int n_tiles = n * tiles(s), results = points(s) * points(s);
  gsize weights = (gsize)s->in_c * (gsize)s->out_c;
  Group g = {.s = s, .x = x, .dy = dy};
  for (int group = 0; group < n_groups(n_tiles); group++) {
    place_group(&g, group, n_groups(n_tiles), n_tiles, scratch);
    transform_inputs(&g, 0, g.n, 0);
    transform_output_gradients(&g);
    for (int p = 0; p < results; p++)
      fmn_gemm(TRUE, FALSE, s->in_c, s->out_c, g.n, g.v + (gsize)(p * g.n) * (gsize)s->in_c, s->in_c,
               g.m + (gsize)(p * g.n) * (gsize)s->out_c, s->out_c, group > 0 ? 1.f : 0.f, partial + (gsize)p * weights,
               s->out_c);
  }
}

/* Tasks: inputs. dw = Gᵀ · dU · G for 16 outputs at a time. */
static void unpack_tasks(gpointer data, int begin, int end, int slot) {
  const WeightJob *job = data;
  const FmnConvShape *s = job->s;
  int n = points(s), r = s->k;
  gsize weights = (gsize)s->in_c * (gsize)s->out_c;
  for (int i = begin; i < end; i++)
    for (int o = 0; o < s->out_c; o += 16) {
      float tap[MAX_TAPS][16] = {{0}};
      for (int p = 0; p < n; p++) {
        float half[5][16] = {{0}};
        for (int q = 0; q < n; q++)
          for (int kx = 0; kx < r; kx++)
            add_lanes(half[kx], job->g[q][kx], job->from + (gsize)(p * n + q) * weights + (gsize)i * (gsize)s->out_c + o);
        for (int ky = 0; ky < r; ky++)
          for (int kx = 0; kx < r; kx++)
            add_lanes(tap[ky * r + kx], job->g[p][ky], half[kx]);
      }
      for (int lane = 0; lane < 16; lane++)
        for (int t = 0; t < r * r; t++)
          job->to[((gsize)(o + lane) * (gsize)s->in_c + (gsize)i) * (gsize)(r * r) + (gsize)t] = tap[t][lane];
    }
}

static void gradient_unpack(const FmnConvShape *s, const float *partial, float *dw, FmnPool *pool) {
  WeightJob job = {s, partial, FALSE, dw};
  kernel_matrix(s->k, job.g);
  fmn_pool_run(pool, unpack_tasks, &job, s->in_c);
}

const FmnConvGradient fmn_conv_winograd_gradient = {&fmn_conv_winograd, gradient_partial, group_floats, gradient_sum,
                                                    gradient_unpack};
