/* What the Winograd algorithms share: tiles of a map, in groups that go through the phases together. */
#ifndef FMN_KERNELS_WINOGRAD_TILES_H
#define FMN_KERNELS_WINOGRAD_TILES_H

#include "kernels/conv_algorithm.h"

#define FMN_TILE_POINTS_MAX 8
#define FMN_TILE_GAP 16 /* floats between the parts of the results: a distance of a power of two would crowd few sets of the cache */

/* Outputs that a tile has on a side, inputs, and results of its products. */
static inline int fmn_tile_size(FmnWinograd f) { return f == FMN_WINOGRAD_5_3 ? 5 : 4; }
static inline int fmn_tile_points(FmnWinograd f) { return f == FMN_WINOGRAD_4_3 ? 6 : f == FMN_WINOGRAD_5_3 ? 7 : 8; }
static inline int fmn_tile_results(FmnWinograd f) { return fmn_tile_points(f) * fmn_tile_points(f); }
static inline int fmn_tiles_x(const FmnConvShape *s, FmnWinograd f) { return (s->out_w + fmn_tile_size(f) - 1) / fmn_tile_size(f); }
static inline int fmn_tiles_y(const FmnConvShape *s, FmnWinograd f) { return (s->out_h + fmn_tile_size(f) - 1) / fmn_tile_size(f); }
static inline int fmn_tiles(const FmnConvShape *s, FmnWinograd f) { return fmn_tiles_x(s, f) * fmn_tiles_y(s, f); }

/* The algorithm that takes the fewest products; in training larger tiles are left out. */
FmnWinograd fmn_tile_variant(const FmnConvShape *s, gboolean training);

/* Whether there is an algorithm for the shape that does less arithmetic than the direct way. */
gboolean fmn_tiles_suit(const FmnConvShape *s);

/* Tiles first ≤ t < first + n, counted over all images. */
typedef struct {
  const FmnConvShape *s;
  FmnWinograd f;
  const FmnConvCall *call; /* NULL in a gradient, which has dy instead */
  const float *x, *dy;
  int first, n;
  float *zeros; /* in_c of them: a pixel outside of the picture */
  float *v;     /* [result][tile][input], fmn_tile_v_part() floats a result */
  float *m;     /* [result][tile][output], fmn_tile_m_part() floats a result */
} FmnTileGroup;

static inline gsize fmn_tile_v_part(const FmnTileGroup *g) { return (gsize)g->n * (gsize)g->s->in_c + FMN_TILE_GAP; }
static inline gsize fmn_tile_m_part(const FmnTileGroup *g) { return (gsize)g->n * (gsize)g->s->out_c + FMN_TILE_GAP; }

/* Floats of scratch that a group of n tiles takes. */
gsize fmn_tile_group_floats(const FmnConvShape *s, FmnWinograd f, int n);
/* Takes group number `group` of `groups` equal parts of n_tiles; scratch for it is at memory. */
void fmn_tile_group_place(FmnTileGroup *g, int group, int groups, int n_tiles, float *memory);

/* Pool functions over the tiles of a group: x → v, m → y with its epilogue. */
void fmn_tiles_transform_inputs(gpointer group, int begin, int end, int slot);
void fmn_tiles_transform_outputs(gpointer group, int begin, int end, int slot);

/* A convolution in groups of at most `most` tiles, one after the other, all threads sharing the work of each: `multiply` is given the
 * group and some of so many tasks. */
void fmn_tiles_run(const FmnConvCall *call, int most, FmnPoolFunc multiply, int tasks, FmnPool *pool);
static inline int fmn_tile_groups(int n_tiles, int most) { return (n_tiles + most - 1) / most; }

/* The image of tile t of a group and the place of its first output. */
static inline int fmn_tile_place(const FmnTileGroup *g, int t, int *y0, int *x0) {
  int tiles = fmn_tiles(g->s, g->f), tile = (g->first + t) % tiles, size = fmn_tile_size(g->f);
  *y0 = tile / fmn_tiles_x(g->s, g->f) * size;
  *x0 = tile % fmn_tiles_x(g->s, g->f) * size;
  return (g->first + t) / tiles;
}

/* n tiles in groups as even as can be of at most FMN_PRODUCT_ROWS: the first tile of group i, and how many groups there are. */
static inline int fmn_tile_row_groups(int n) { return (n + FMN_PRODUCT_ROWS - 1) / FMN_PRODUCT_ROWS; }
static inline int fmn_tile_row_group(int n, int i) { return n * i / fmn_tile_row_groups(n); }

#endif
