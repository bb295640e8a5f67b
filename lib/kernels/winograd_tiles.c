#include "kernels/winograd_tiles.h"

#include <string.h>

/* Larger tiles' transforms take longer. */
#define LARGER_BELOW 0.9

static double products(const FmnConvShape *s, FmnWinograd f) { return (double)fmn_tiles(s, f) * fmn_tile_results(f); }

FmnWinograd fmn_tile_variant(const FmnConvShape *s, gboolean training) {
  if (s->k == 5)
    return FMN_WINOGRAD_4_5;
  gboolean larger = !training && products(s, FMN_WINOGRAD_5_3) < LARGER_BELOW * products(s, FMN_WINOGRAD_4_3);
  return larger ? FMN_WINOGRAD_5_3 : FMN_WINOGRAD_4_3;
}

/* With fewer channels, or mostly empty tiles, the transforms take longer than the products that they save. */
gboolean fmn_tiles_suit(const FmnConvShape *s) {
  gboolean shape = s->stride == 1 && (s->k == 3 || s->k == 5) && s->in_c % 16 == 0 && s->out_c % 16 == 0;
  double direct = (double)(s->out_h * s->out_w) * s->k * s->k;
  return shape && direct > 1.6 * products(s, fmn_tile_variant(s, TRUE));
}

gsize fmn_tile_group_floats(const FmnConvShape *s, FmnWinograd f, int n) {
  return (gsize)fmn_tile_results(f) * ((gsize)n * (gsize)(s->in_c + s->out_c) + 2 * FMN_TILE_GAP) + (gsize)s->in_c;
}

void fmn_tile_group_place(FmnTileGroup *g, int group, int groups, int n_tiles, float *memory) {
  g->first = (int)((gint64)group * n_tiles / groups);
  g->n = (int)((gint64)(group + 1) * n_tiles / groups) - g->first;
  g->zeros = memory;
  g->v = memory + g->s->in_c;
  g->m = g->v + (gsize)fmn_tile_results(g->f) * fmn_tile_v_part(g);
  memset(g->zeros, 0, (gsize)g->s->in_c * sizeof *g->zeros);
}

/* n pixels of a line of the map, from column x on; those outside of the map are zeros. */
static void find_line(const FmnTileGroup *g, const float *line, int x, int n, const float **pixels) {
  gsize c = (gsize)g->s->in_c;
  int first = CLAMP(-x, 0, n), end = CLAMP(g->s->in_w - x, first, n);
  for (int i = 0; i < first; i++)
    pixels[i] = g->zeros;
  for (int i = first; i < end; i++)
    pixels[i] = line + (gsize)(x + i) * c;
  for (int i = end; i < n; i++)
    pixels[i] = g->zeros;
}

void fmn_tiles_transform_inputs(gpointer group, int begin, int end, int slot) {
  const FmnTileGroup *g = group;
  const FmnConvShape *s = g->s;
  const FmnKernels *kernels = fmn_kernels();
  int n = fmn_tile_points(g->f);
  gsize c = (gsize)s->in_c, line = (gsize)s->in_w * c;
  for (int t = begin; t < end; t++) {
    const float *pixels[FMN_TILE_POINTS_MAX * FMN_TILE_POINTS_MAX];
    int y0, x0, image = fmn_tile_place(g, t, &y0, &x0);
    const float *x = g->x + (gsize)(image * s->in_h) * line;
    for (int row = 0; row < n; row++) {
      int iy = y0 - s->pad + row;
      gboolean in = iy >= 0 && iy < s->in_h;
      find_line(g, in ? x + (gsize)iy * line : x, in ? x0 - s->pad : s->in_w, n, pixels + row * n);
    }
    kernels->winograd_input(g->f, pixels, c, g->v + (gsize)t * c, fmn_tile_v_part(g));
  }
}

void fmn_tiles_transform_outputs(gpointer group, int begin, int end, int slot) {
  const FmnTileGroup *g = group;
  const FmnConvShape *s = g->s;
  const FmnKernels *kernels = fmn_kernels();
  gsize column = (gsize)s->out_c, row = (gsize)s->out_w * column;
  int size = fmn_tile_size(g->f);
  for (int t = begin; t < end; t++) {
    int y0, x0, image = fmn_tile_place(g, t, &y0, &x0);
    float *y = g->call->y + (gsize)(image * s->out_h + y0) * row + (gsize)x0 * column;
    for (int o = 0; o < s->out_c; o += 16) {
      FmnEpilogue e = fmn_epilogue_from(g->call->epilogue, o);
      kernels->winograd_output(g->f, g->m + (gsize)t * column + o, fmn_tile_m_part(g), &e, y + o, row, column,
                               MIN(size, s->out_h - y0), MIN(size, s->out_w - x0));
    }
  }
}

void fmn_tiles_run(const FmnConvCall *call, int most, FmnPoolFunc multiply, int tasks, FmnPool *pool) {
  const FmnConv *conv = call->conv;
  int n_tiles = call->n * fmn_tiles(&conv->shape, conv->winograd), groups = fmn_tile_groups(n_tiles, most);
  FmnTileGroup g = {.s = &conv->shape, .f = conv->winograd, .call = call, .x = call->x};
  for (int group = 0; group < groups; group++) {
    fmn_tile_group_place(&g, group, groups, n_tiles, call->scratch);
    fmn_pool_run(pool, fmn_tiles_transform_inputs, &g, g.n);
    fmn_pool_run(pool, multiply, &g, tasks);
    fmn_pool_run(pool, fmn_tiles_transform_outputs, &g, g.n);
  }
}
