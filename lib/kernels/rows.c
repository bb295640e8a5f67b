#include "kernels/kernels.h"

#include <string.h>

#define TILE 16 /* a square of so many lines of cache is turned at a time */

void fmn_channel_total(float *total, const float *x, gsize rows, int c) {
  double *sum = g_newa0(double, MAX(c, 1));
  fmn_kernels()->channel_sum(sum, x, rows, (gsize)c);
  for (int i = 0; i < c; i++)
    total[i] = (float)sum[i];
}

void fmn_transpose(const float *x, int rows, int columns, float *y) {
  for (int r0 = 0; r0 < rows; r0 += TILE)
    for (int c0 = 0; c0 < columns; c0 += TILE)
      for (int c = c0; c < MIN(c0 + TILE, columns); c++)
        for (int r = r0; r < MIN(r0 + TILE, rows); r++)
          y[(gsize)c * (gsize)rows + (gsize)r] = x[(gsize)r * (gsize)columns + (gsize)c];
}
