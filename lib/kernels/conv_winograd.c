#include <string.h>

#include "kernels/winograd_tiles.h"

#define GROUP_TILES 48 /* tiles worked on together: each transformed weight is read once for them */
#define TRAINING_TILES 96
#define MAX_TAPS 25

/* In training the weights are transformed at every step: enough tiles have to make up for that. */
static gboolean suits(const FmnConvShape *s, int images) {
  return fmn_tiles_suit(s) && (images == 0 || images * fmn_tiles(s, fmn_tile_variant(s, TRUE)) >= TRAINING_TILES);
}

/* Floats of the transformed weights for one result. */
static gsize weights_part(const FmnConvShape *s) {
  return (gsize)s->in_c * (gsize)fmn_conv_blocks(s) * FMN_LANES + FMN_TILE_GAP;
}

static void choose(FmnConv *conv) {
  const FmnConvShape *s = &conv->shape;
  conv->half = FALSE; /* transformed weights are not exact in half precision, and the outputs' transform magnifies the error */
  conv->packed = (gsize)fmn_tile_results(conv->winograd) * weights_part(s);
  conv->scratch = fmn_tile_group_floats(s, conv->winograd, GROUP_TILES);
}

typedef struct {
  const FmnConvShape *s;
  FmnWinograd f;
  const float *from;
  gboolean transpose;
  float *to;
} PackJob;

/* Tasks: blocks of outputs × inputs. Packed as one product() weight matrix for each result p: [p][block][in][lane]. */
static void pack_tasks(gpointer data, int begin, int end, int slot) {
  const PackJob *job = data;
  const FmnConvShape *s = job->s;
  int taps = s->k * s->k;
  for (int task = begin; task < end; task++)
    for (int lane0 = 0; lane0 < FMN_LANES; lane0 += 16) {
      int o0 = task / s->in_c * FMN_LANES + lane0, i = task % s->in_c;
      float tap[MAX_TAPS][16] = {{0}};
      for (int lane = 0; lane < 16 && o0 + lane < s->out_c; lane++)
        for (int t = 0; t < taps; t++)
          tap[t][lane] = fmn_conv_weight(s, job->from, job->transpose, o0 + lane, i, t / s->k, t % s->k);
      fmn_kernels()->winograd_weights(job->f, (FmnPacked){tap, FALSE}, 0, 16,
                                      job->to + (gsize)task * FMN_LANES + lane0, weights_part(s));
    }
}

static void pack(const FmnConv *conv, const float *w, gboolean transpose, float *packed, FmnPool *pool) {
  PackJob job = {&conv->shape, conv->winograd, w, transpose, packed};
  fmn_pool_run(pool, pack_tasks, &job, fmn_conv_blocks(&conv->shape) * conv->shape.in_c);
}

/* Tasks: results × blocks of outputs. */
static void multiply(gpointer data, int begin, int end, int slot) {
  const FmnTileGroup *g = data;
  const FmnConvShape *s = g->s;
  int blocks = fmn_conv_blocks(s);
  for (int task = begin; task < end; task++) {
    gsize p = (gsize)(task / blocks), block = (gsize)(task % blocks);
    const float *v = g->v + p * fmn_tile_v_part(g);
    float *m = g->m + p * fmn_tile_m_part(g) + block * FMN_LANES;
    FmnPacked w = {g->call->packed + p * weights_part(s), FALSE};
    for (int i = 0; i < fmn_tile_row_groups(g->n); i++) {
      const float *rows[FMN_PRODUCT_ROWS];
      int t = fmn_tile_row_group(g->n, i), n = fmn_tile_row_group(g->n, i + 1) - t;
      for (int r = 0; r < n; r++)
        rows[r] = v + (gsize)(t + r) * (gsize)s->in_c;
      fmn_kernels()->product(rows, n, 1, (gsize)s->in_c, w, block, m + (gsize)t * (gsize)s->out_c, (gsize)s->out_c,
                             MIN(FMN_LANES, s->out_c - (int)block * FMN_LANES), FALSE);
    }
  }
}

static void run_groups(gpointer data, int begin, int end, int slot) {
  const FmnConvCall *call = data;
  const FmnConvShape *s = &call->conv->shape;
  int n_tiles = call->n * fmn_tiles(s, call->conv->winograd);
  FmnTileGroup g = {.s = s, .f = call->conv->winograd, .call = call, .x = call->x};
  for (int group = begin; group < end; group++) {
    fmn_tile_group_place(&g, group, fmn_tile_groups(n_tiles, GROUP_TILES), n_tiles, call->scratch + (gsize)slot * call->scratch_size);
    fmn_tiles_transform_inputs(&g, 0, g.n, slot);
    multiply(&g, 0, fmn_tile_results(g.f) * fmn_conv_blocks(s), slot);
    fmn_tiles_transform_outputs(&g, 0, g.n, slot);
  }
}

/* Each thread takes whole groups where there are enough of them; else all share the work of each. */
static void run(const FmnConvCall *call, FmnPool *pool) {
  const FmnConv *conv = call->conv;
  int groups = fmn_tile_groups(call->n * fmn_tiles(&conv->shape, conv->winograd), GROUP_TILES), threads = fmn_pool_threads(pool);
  if (fmn_pool_is_even(threads, groups))
    fmn_pool_run(pool, run_groups, (gpointer)call, groups);
  else
    fmn_tiles_run(call, GROUP_TILES, multiply, fmn_tile_results(conv->winograd) * fmn_conv_blocks(&conv->shape), pool);
}

const FmnConvAlgorithm fmn_conv_winograd = {"winograd", suits, choose, pack, run};
