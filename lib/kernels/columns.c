#include "kernels/columns.h"

#include <string.h>

/* The taps kx first ≤ kx < last of output column o lie inside of the picture. */
static void inside(const FmnConvShape *s, int o, int *first, int *last) {
  int x = o * s->stride - s->pad;
  *first = CLAMP(-x, 0, s->k);
  *last = CLAMP(s->in_w - x, *first, s->k);
}

void fmn_columns(const FmnConvShape *s, const float *x, int row0, int row1, float *columns) {
  gsize c = (gsize)s->in_c, run = (gsize)s->k * c;
  for (int r = row0; r < row1; r++) {
    int first, last, oy = r / s->out_w, ox = r % s->out_w;
    inside(s, ox, &first, &last);
    for (int ky = 0; ky < s->k; ky++, columns += run) {
      int iy = oy * s->stride + ky - s->pad;
      if (iy < 0 || iy >= s->in_h || first == last) {
        memset(columns, 0, run * sizeof *columns);
        continue;
      }
      const float *src = x + ((gsize)iy * (gsize)s->in_w + (gsize)(ox * s->stride - s->pad + first)) * c;
      memset(columns, 0, (gsize)first * c * sizeof *columns);
      memcpy(columns + (gsize)first * c, src, (gsize)(last - first) * c * sizeof *columns);
      memset(columns + (gsize)last * c, 0, (gsize)(s->k - last) * c * sizeof *columns);
    }
  }
}

void fmn_columns_add(const FmnConvShape *s, const float *columns, int row0, int row1, float *dx) {
  gsize c = (gsize)s->in_c, run = (gsize)s->k * c;
  for (int r = row0; r < row1; r++) {
    int first, last, oy = r / s->out_w, ox = r % s->out_w;
    inside(s, ox, &first, &last);
    for (int ky = 0; ky < s->k; ky++, columns += run) {
      int iy = oy * s->stride + ky - s->pad;
      if (iy >= 0 && iy < s->in_h && first < last)
        fmn_kernels()->add(dx + ((gsize)iy * (gsize)s->in_w + (gsize)(ox * s->stride - s->pad + first)) * c,
                           columns + (gsize)first * c, (gsize)(last - first) * c);
    }
  }
}
