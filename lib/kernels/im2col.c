#include "kernels/kernels.h"

#include <string.h>

#include "kernels/window.h"

void fmn_im2col(const FmnWindow *win, const float *x, int row0, int row1, float *col) {
  gsize row_floats = (gsize)win->out_w;

  for (int c = 0; c < win->c; c++, x += (gsize)win->h * win->w)
    for (int ky = 0; ky < win->k; ky++)
      for (int kx = 0; kx < win->k; kx++) {
        int first, last;
        fmn_window_range(kx - win->pad, win->stride, win->w, win->out_w, &first, &last);
        for (int r = row0; r < row1; r++, col += row_floats) {
          int y = r * win->stride + ky - win->pad;
          if (y < 0 || y >= win->h || first >= last) {
            memset(col, 0, row_floats * sizeof *col);
            continue;
          }
          const float *src = x + (gsize)y * win->w + kx - win->pad;
          for (int o = 0; o < first; o++)
            col[o] = 0.f;
          if (win->stride == 1)
            memcpy(col + first, src + first, (gsize)(last - first) * sizeof *col);
          else
            for (int o = first; o < last; o++)
              col[o] = src[o * win->stride];
          for (int o = last; o < win->out_w; o++)
            col[o] = 0.f;
        }
      }
}

void fmn_col2im(const FmnWindow *win, const float *col, float *dx) {
  gsize row_floats = (gsize)win->out_w;

  for (int c = 0; c < win->c; c++, dx += (gsize)win->h * win->w)
    for (int ky = 0; ky < win->k; ky++)
      for (int kx = 0; kx < win->k; kx++) {
        int first, last;
        fmn_window_range(kx - win->pad, win->stride, win->w, win->out_w, &first, &last);
        for (int r = 0; r < win->out_h; r++, col += row_floats) {
          int y = r * win->stride + ky - win->pad;
          if (y < 0 || y >= win->h)
            continue;
          float *dst = dx + (gsize)y * win->w + kx - win->pad;
          if (win->stride == 1)
            for (int o = first; o < last; o++)
              dst[o] += col[o];
          else
            for (int o = first; o < last; o++)
              dst[o * win->stride] += col[o];
        }
      }
}
