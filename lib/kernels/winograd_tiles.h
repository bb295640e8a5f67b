/* What the Winograd algorithms share: tiles of a map, in groups that go through the phases together. */
#ifndef FMN_KERNELS_WINOGRAD_TILES_H
#define FMN_KERNELS_WINOGRAD_TILES_H

#include "kernels/conv_algorithm.h"

#define FMN_TILE 4 /* outputs a tile has on a side */
#define FMN_TILE_POINTS_MAX 8
#define FMN_TILE_GAP 16 /* floats between the parts of the results: a distance of a power of two would crowd few sets of the cache */

static inline FmnWinograd fmn_tile_variant(const FmnConvShape *s) { return s->k == 3 ? FMN_WINOGRAD_4_3 : FMN_WINOGRAD_4_5; }
static inline int fmn_tile_points(const FmnConvShape *s) { return FMN_TILE + s->k - 1; }
static inline int fmn_tile_results(const FmnConvShape *s) { return fmn_tile_points(s) * fmn_tile_points(s); }
static inline int fmn_tiles_x(const FmnConvShape *s) { return (s->out_w + FMN_TILE - 1) / FMN_TILE; }
static inline int fmn_tiles(const FmnConvShape *s) { return fmn_tiles_x(s) * ((s->out_h + FMN_TILE - 1) / FMN_TILE); }

/* Whether there is an algorithm for the shape that does less arithmetic than the direct way. */
gboolean fmn_tiles_suit(const FmnConvShape *s);

/* Tiles first ≤ t < first + n, counted over all images. */
typedef struct {
  const FmnConvShape *s;
  const float *x, *packed;
  const FmnEpilogue *epilogue;
  const float *dy;
  float *y;
  int first, n;
  float *zeros; /* in_c of them: a pixel outside of the picture */
  float *v;     /* [result][tile][input], fmn_tile_v_part() floats a result */
  float *m;     /* [result][tile][output], fmn_tile_m_part() floats a result */
} FmnTileGroup;

static inline gsize fmn_tile_v_part(const FmnTileGroup *g) { return (gsize)g->n * (gsize)g->s->in_c + FMN_TILE_GAP; }
static inline gsize fmn_tile_m_part(const FmnTileGroup *g) { return (gsize)g->n * (gsize)g->s->out_c + FMN_TILE_GAP; }

/* Floats of scratch that a group of n tiles takes. */
gsize fmn_tile_group_floats(const FmnConvShape *s, int n);
/* Takes group number `group` of `groups` equal parts of n_tiles; scratch for it is at memory. */
void fmn_tile_group_place(FmnTileGroup *g, int group, int groups, int n_tiles, float *memory);

/* Pool functions over the tiles of a group: x → v, m → y with its epilogue. */
void fmn_tiles_transform_inputs(gpointer group, int begin, int end, int slot);
void fmn_tiles_transform_outputs(gpointer group, int begin, int end, int slot);

/* The image of tile t of a group and the place of its first output. */
static inline int fmn_tile_place(const FmnTileGroup *g, int t, int *y0, int *x0) {
  int tile = (g->first + t) % fmn_tiles(g->s);
  *y0 = tile / fmn_tiles_x(g->s) * FMN_TILE;
  *x0 = tile % fmn_tiles_x(g->s) * FMN_TILE;
  return (g->first + t) / fmn_tiles(g->s);
}

#endif
