/* Winograd's algorithm for maps of very few tiles and a middling number of weights, read once for each picture:
 * transformed in one direction ahead, in the other as they are read, they take 18 floats for nine weights where both
 * directions would take 36. All of them are more than the second cache holds, and other work throws them out of the
 * third, too. */
#include <string.h>

#include "kernels/winograd_tiles.h"

#define MOST_TILES 4            /* of a picture: with more of them the second transform would be done several times */
#define LEAST_WEIGHTS (1 << 12) /* in × out */
#define GROUP_TILES 48
#define LINES 6 /* of results, as many in each */
#define TAPS 3
#define LANES 16

static gboolean suits(const FmnConvShape *s, int images) {
  return images == 0 && s->k == TAPS && fmn_tiles_suit(s) && fmn_tile_variant(s, FALSE) == FMN_WINOGRAD_4_3 &&
         fmn_tiles(s, FMN_WINOGRAD_4_3) <= MOST_TILES && s->in_c * s->out_c >= LEAST_WEIGHTS;
}

/* Weights of a block of outputs for one line of results. */
static gsize block_floats(const FmnConvShape *s) { return (gsize)s->in_c * TAPS * LANES; }
static int blocks(const FmnConvShape *s) { return s->out_c / LANES; }

static void choose(FmnConv *conv) {
  const FmnConvShape *s = &conv->shape;
  conv->half = FALSE;
  conv->packed = LINES * (gsize)blocks(s) * block_floats(s);
  conv->scratch = fmn_tile_group_floats(s, conv->winograd, GROUP_TILES);
}

typedef struct {
  const FmnConvShape *s;
  const float *from;
  gboolean transpose;
  float *to;
} PackJob;

/* The transform of column x of the taps: what both transforms leave in the last column where the other columns are
 * zero. */
static void pack_column(const PackJob *job, int block, int i, int x) {
  const FmnConvShape *s = job->s;
  float tap[TAPS * TAPS][LANES] = {{0}}, u[LINES * LINES][LANES];
  for (int y = 0; y < TAPS; y++)
    for (int lane = 0; lane < LANES; lane++)
      tap[y * TAPS + TAPS - 1][lane] = fmn_conv_weight(s, job->from, job->transpose, block * LANES + lane, i, y, x);
  fmn_kernels()->winograd_weights(FMN_WINOGRAD_4_3, (FmnPacked){tap, FALSE}, 0, LANES, u[0], LANES);
  for (int line = 0; line < LINES; line++)
    memcpy(job->to + (gsize)(line * blocks(s) + block) * block_floats(s) + (gsize)(i * TAPS + x) * LANES,
           u[line * LINES + LINES - 1], sizeof *u);
}

/* Tasks: blocks of outputs. Packed: [line][block][input][tap][lane], as winograd_line() wants them. */
static void pack_tasks(gpointer data, int begin, int end, int slot) {
  const PackJob *job = data;
  for (int block = begin; block < end; block++)
    for (int i = 0; i < job->s->in_c; i++)
      for (int x = 0; x < TAPS; x++)
        pack_column(job, block, i, x);
}

static void pack(const FmnConv *conv, const float *w, gboolean transpose, float *packed, FmnPool *pool) {
  PackJob job = {&conv->shape, w, transpose, packed};
  fmn_pool_run(pool, pack_tasks, &job, blocks(&conv->shape));
}

/* Tasks: lines of results × blocks of outputs. */
static void multiply(gpointer data, int begin, int end, int slot) {
  const FmnTileGroup *g = data;
  const FmnConvShape *s = g->s;
  for (int task = begin; task < end; task++) {
    gsize block = (gsize)(task % blocks(s)), first = (gsize)(task / blocks(s) * LINES);
    fmn_kernels()->winograd_line(
        g->call->packed + (gsize)task * block_floats(s), g->v + first * fmn_tile_v_part(g), fmn_tile_v_part(g), g->n,
        (gsize)s->in_c, g->m + first * fmn_tile_m_part(g) + block * LANES, fmn_tile_m_part(g), (gsize)s->out_c);
  }
}

static void run(const FmnConvCall *call, FmnPool *pool) {
  fmn_tiles_run(call, GROUP_TILES, multiply, LINES * blocks(&call->conv->shape), pool);
}

const FmnConvAlgorithm fmn_conv_winograd_lines = {"winograd, weights transformed in one direction", suits, choose, pack,
                                                  run};
