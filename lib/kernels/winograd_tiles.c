#include "kernels/winograd_tiles.h"

#include <string.h>

/* With fewer channels, or mostly empty tiles, the transforms take longer than the products that they save. */
gboolean fmn_tiles_suit(const FmnConvShape *s) {
  gboolean shape = s->stride == 1 && (s->k == 3 || s->k == 5) && s->in_c % 16 == 0 && s->out_c % 16 == 0;
  double direct = (double)(s->out_h * s->out_w) * s->k * s->k;
  double winograd = (double)fmn_tiles(s) * fmn_tile_results(s);
  return shape && direct > 1.6 * winograd;
}

gsize fmn_tile_group_floats(const FmnConvShape *s, int n) {
  return (gsize)fmn_tile_results(s) * ((gsize)n * (gsize)(s->in_c + s->out_c) + 2 * FMN_TILE_GAP) + (gsize)s->in_c;
}

void fmn_tile_group_place(FmnTileGroup *g, int group, int groups, int n_tiles, float *memory) {
  g->first = (int)((gint64)group * n_tiles / groups);
  g->n = (int)((gint64)(group + 1) * n_tiles / groups) - g->first;
  g->zeros = memory;
  g->v = memory + g->s->in_c;
  g->m = g->v + (gsize)fmn_tile_results(g->s) * fmn_tile_v_part(g);
  memset(g->zeros, 0, (gsize)g->s->in_c * sizeof *g->zeros);
}

void fmn_tiles_transform_inputs(gpointer group, int begin, int end, int slot) {
  const FmnTileGroup *g = group;
  const FmnConvShape *s = g->s;
  int n = fmn_tile_points(s);
  gsize c = (gsize)s->in_c, line = (gsize)s->in_w * c;
  for (int t = begin; t < end; t++) {
    const float *pixels[FMN_TILE_POINTS_MAX * FMN_TILE_POINTS_MAX], **pixel = pixels;
    int y0, x0, image = fmn_tile_place(g, t, &y0, &x0), last_x;
    const float *x = g->x + (gsize)(image * s->in_h) * line;
    x0 -= s->pad;
    last_x = s->in_w - x0;
    for (int iy = y0 - s->pad; iy < y0 - s->pad + n; iy++)
      for (int i = 0; i < n; i++) {
        gboolean in = iy >= 0 && iy < s->in_h && i >= -x0 && i < last_x;
        *pixel++ = in ? x + (gsize)iy * line + (gsize)(x0 + i) * c : g->zeros;
      }
    fmn_kernels()->winograd_input(fmn_tile_variant(s), pixels, c, g->v + (gsize)t * c, fmn_tile_v_part(g));
  }
}

void fmn_tiles_transform_outputs(gpointer group, int begin, int end, int slot) {
  const FmnTileGroup *g = group;
  const FmnConvShape *s = g->s;
  gsize row = (gsize)s->out_c;
  for (int t = begin; t < end; t++) {
    int y0, x0, image = fmn_tile_place(g, t, &y0, &x0);
    float *y = g->y + ((gsize)image * (gsize)(s->out_h * s->out_w) + (gsize)(y0 * s->out_w + x0)) * row;
    for (int o = 0; o < s->out_c; o += 16) {
      float out[FMN_TILE * FMN_TILE][16];
      FmnEpilogue e = fmn_epilogue_from(g->epilogue, o);
      fmn_kernels()->winograd_output(fmn_tile_variant(s), g->m + (gsize)t * row + o, fmn_tile_m_part(g), out);
      fmn_kernels()->epilogue(out[0], FMN_TILE * FMN_TILE, 16, 16, &e);
      for (int dy = 0; dy < MIN(FMN_TILE, s->out_h - y0); dy++)
        for (int dx = 0; dx < MIN(FMN_TILE, s->out_w - x0); dx++)
          memcpy(y + (gsize)(dy * s->out_w + dx) * row + o, out[dy * FMN_TILE + dx], sizeof out[0]);
    }
  }
}
