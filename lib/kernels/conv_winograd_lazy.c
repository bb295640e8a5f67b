/* Winograd's algorithm for few tiles and many weights: these are transformed block by block just before they are used. Transformed
 * ahead they would take 36 floats for nine weights, and reading them from memory would take longer than the arithmetic. */
#include "kernels/winograd_tiles.h"

#define MOST_TILES 64              /* worked on together: more would be better served by weights transformed once */
#define LEAST_WEIGHTS (1 << 16)    /* in × out; with fewer the transformed ones stay in a cache */
#define CHUNK 64                   /* inputs whose weights are transformed together */
#define STRIDE (CHUNK * FMN_LANES + FMN_TILE_GAP) /* of a result's weights */

static gboolean suits(const FmnConvShape *s, int images) {
  return fmn_tiles_suit(s) && s->k == 3 && s->in_c % CHUNK == 0 && s->in_c * s->out_c >= LEAST_WEIGHTS &&
         MAX(images, 1) * fmn_tiles(s, fmn_tile_variant(s, images > 0)) <= MOST_TILES;
}

/* Scratch: the group, which is in the first thread's; and the transformed weights of a chunk, [result][input][lane]. */
static void choose(FmnConv *conv) {
  const FmnConvShape *s = &conv->shape;
  conv->half = conv->half && fmn_kernels()->fast_half;
  conv->packed = fmn_conv_packed_taps(s) / (conv->half ? 2 : 1);
  conv->scratch = fmn_tile_group_floats(s, conv->winograd, MOST_TILES) + (gsize)fmn_tile_results(conv->winograd) * STRIDE;
}

static void transform_weights(const FmnConvCall *call, int block, int first, float *u) {
  const FmnConv *conv = call->conv;
  FmnPacked w = {call->packed, conv->half};
  gsize tap = (gsize)conv->shape.in_c * FMN_LANES, at = ((gsize)block * 9 * (gsize)conv->shape.in_c + (gsize)first) * FMN_LANES;
  for (gsize i = 0; i < CHUNK * FMN_LANES; i += 16)
    fmn_kernels()->winograd_weights(conv->winograd, w, at + i, tap, u + i, STRIDE);
}

/* Tasks: blocks of outputs. */
static void multiply(gpointer data, int begin, int end, int slot) {
  const FmnTileGroup *g = data;
  const FmnConvShape *s = g->s;
  gsize in = (gsize)s->in_c, out = (gsize)s->out_c;
  float *u = g->call->scratch + (gsize)slot * g->call->scratch_size + fmn_tile_group_floats(s, g->f, MOST_TILES);
  for (int block = begin; block < end; block++)
    for (int first = 0; first < s->in_c; first += CHUNK) {
      transform_weights(g->call, block, first, u);
      for (gsize p = 0; p < (gsize)fmn_tile_results(g->f); p++)
        for (int i = 0; i < fmn_tile_row_groups(g->n); i++) {
          const float *rows[FMN_PRODUCT_ROWS];
          int t = fmn_tile_row_group(g->n, i), n = fmn_tile_row_group(g->n, i + 1) - t;
          float *m = g->m + p * fmn_tile_m_part(g) + (gsize)t * out + (gsize)block * FMN_LANES;
          for (int r = 0; r < n; r++)
            rows[r] = g->v + p * fmn_tile_v_part(g) + (gsize)(t + r) * in + first;
          fmn_kernels()->product(rows, n, 1, CHUNK, (FmnPacked){u + p * STRIDE, FALSE}, 0, m, out,
                                 MIN(FMN_LANES, s->out_c - block * FMN_LANES), first > 0);
        }
    }
}

static void run(const FmnConvCall *call, FmnPool *pool) {
  fmn_tiles_run(call, MOST_TILES, multiply, fmn_conv_blocks(&call->conv->shape), pool);
}

const FmnConvAlgorithm fmn_conv_winograd_lazy = {"winograd, weights transformed as they are read", suits, choose,
                                                 fmn_conv_pack_taps, run};
