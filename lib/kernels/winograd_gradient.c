/* The gradient of the transformed weights, each result a sum of outer products over the tiles. */
#include <string.h>

#include "kernels/winograd_tiles.h"

#define TILE 4 /* outputs a tile has on a side, in training */
#define GROUP_FLOATS (1 << 19) /* of transformed values a group: what caches hold between the phases */

static FmnWinograd variant(const FmnConvShape *s) { return fmn_tile_variant(s, TRUE); }

static int results(const FmnConvShape *s) { return fmn_tile_results(variant(s)); }

static int group_tiles(const FmnConvShape *s) {
  return CLAMP(GROUP_FLOATS / (results(s) * (s->in_c + s->out_c)), 48, 240);
}

/* Floats of the transformed gradient for one result. */
static gsize du_part(const FmnConvShape *s) { return (gsize)s->in_c * (gsize)s->out_c + FMN_TILE_GAP; }

static gsize transformed(const FmnConvShape *s) { return (gsize)results(s) * du_part(s); }

static gsize scratch(const FmnConvShape *s) { return transformed(s) + fmn_tile_group_floats(s, variant(s), group_tiles(s)); }

/* A gradient for each thread is more to write and to add up; threads that share one read what others have transformed. */
static gboolean by_images(const FmnConvShape *s, int images, int threads) {
  gsize tiles = (gsize)images * (gsize)fmn_tiles(s, variant(s));
  return (gsize)threads * (gsize)s->in_c * (gsize)s->out_c < tiles * (gsize)(s->in_c + s->out_c);
}

/* A sum over the tiles of some images. */
typedef struct {
  FmnTileGroup group;
  float *du; /* [result][input][output] */
  gboolean add;
  float *dw;
} Sum;

/* Tasks: tiles. dy → m, the gradient of the products. */
static void transform_output_gradients(gpointer data, int begin, int end, int slot) {
  const FmnTileGroup *g = data;
  const FmnConvShape *s = g->s;
  gsize row = (gsize)s->out_c;
  for (int t = begin; t < end; t++) {
    int y0, x0, image = fmn_tile_place(g, t, &y0, &x0);
    const float *dy = g->dy + ((gsize)image * (gsize)(s->out_h * s->out_w) + (gsize)(y0 * s->out_w + x0)) * row;
    for (int o = 0; o < s->out_c; o += 16) {
      float in[TILE * TILE][16] = {{0}};
      for (int r = 0; r < MIN(TILE, s->out_h - y0); r++)
        for (int c = 0; c < MIN(TILE, s->out_w - x0); c++)
          memcpy(in[r * TILE + c], dy + (gsize)(r * s->out_w + c) * row + o, sizeof in[0]);
      fmn_grad_kernels()->winograd_output(g->f, in, g->m + (gsize)t * row + o,
                                         fmn_tile_m_part(g));
    }
  }
}

/* Tasks: results × blocks of inputs. */
static void multiply(gpointer data, int begin, int end, int slot) {
  const Sum *sum = data;
  const FmnTileGroup *g = &sum->group;
  const FmnConvShape *s = g->s;
  gsize in = (gsize)s->in_c, out = (gsize)s->out_c;
  for (int task = begin; task < end; task++) {
    gsize p = (gsize)(task / fmn_conv_input_blocks(s));
    int i = task % fmn_conv_input_blocks(s) * FMN_PRODUCT_ROWS;
    FmnPixels x = {g->v + p * fmn_tile_v_part(g) + i, 0, in};
    for (int o = 0; o < s->out_c; o += FMN_LANES) {
      FmnPixels dy = {g->m + p * fmn_tile_m_part(g) + o, 0, out};
      fmn_grad_kernels()->outer(&x, &dy, 1, g->n, MIN(FMN_PRODUCT_ROWS, s->in_c - i), MIN(FMN_LANES, s->out_c - o),
                                sum->du + p * du_part(s) + (gsize)i * out + o, out, sum->add);
    }
  }
}

/* Tasks: 16 outputs each. */
static void unpack(gpointer data, int begin, int end, int slot) {
  const Sum *sum = data;
  const FmnConvShape *s = sum->group.s;
  gsize in = (gsize)s->in_c, out = (gsize)s->out_c, taps = (gsize)(s->k * s->k);
  for (int o = begin * 16; o < end * 16; o += 16)
    for (gsize i = 0; i < in; i++) {
      float tap[25][16];
      fmn_grad_kernels()->winograd_weights(sum->group.f, sum->du + i * out + o, du_part(s), tap);
      for (gsize lane = 0; lane < 16; lane++)
        for (gsize t = 0; t < taps; t++)
          sum->dw[(((gsize)o + lane) * in + i) * taps + t] = tap[t][lane];
    }
}

static void run(const FmnConvGradientCall *call, int first, int n, float *dw, float *memory, FmnPool *pool) {
  const FmnConvShape *s = &call->conv->shape;
  int tiles = fmn_tiles(s, variant(s)), n_tiles = n * tiles, groups = fmn_tile_groups(n_tiles, group_tiles(s));
  Sum sum = {{.s = s, .f = variant(s), .x = call->x, .dy = call->dy}, memory, FALSE, dw};
  for (int group = 0; group < groups; group++, sum.add = TRUE) {
    fmn_tile_group_place(&sum.group, group, groups, n_tiles, memory + transformed(s));
    sum.group.first += first * tiles;
    fmn_pool_run(pool, fmn_tiles_transform_inputs, &sum.group, sum.group.n);
    fmn_pool_run(pool, transform_output_gradients, &sum.group, sum.group.n);
    fmn_pool_run(pool, multiply, &sum, results(s) * fmn_conv_input_blocks(s));
  }
  fmn_pool_run(pool, unpack, &sum, s->out_c / 16);
}

const FmnConvGradient fmn_conv_winograd_gradient = {by_images, scratch, run};
