#include "kernels/kernels.h"

#include <string.h>

#include "kernels/window.h"

void fmn_window_correlate(const FmnWindow *win, const float *x, const float *w, float *y) {
  memset(y, 0, sizeof *y * (gsize)(win->out_h * win->out_w));
  for (int ky = 0; ky < win->k; ky++)
    for (int kx = 0; kx < win->k; kx++) {
      int first, last;
      float weight = w[ky * win->k + kx];
      fmn_window_range(kx - win->pad, win->stride, win->w, win->out_w, &first, &last);
      for (int r = 0; r < win->out_h; r++) {
        int in_y = r * win->stride + ky - win->pad;
        if (in_y < 0 || in_y >= win->h)
          continue;
        const float *src = x + in_y * win->w + kx - win->pad;
        float *dst = y + r * win->out_w;
        for (int o = first; o < last; o++)
          dst[o] += weight * src[o * win->stride];
      }
    }
}

void fmn_window_weight_grad(const FmnWindow *win, const float *x, const float *dy, float *dw) {
  for (int ky = 0; ky < win->k; ky++)
    for (int kx = 0; kx < win->k; kx++) {
      int first, last;
      float sum = 0.f;
      fmn_window_range(kx - win->pad, win->stride, win->w, win->out_w, &first, &last);
      for (int r = 0; r < win->out_h; r++) {
        int in_y = r * win->stride + ky - win->pad;
        if (in_y < 0 || in_y >= win->h)
          continue;
        const float *src = x + in_y * win->w + kx - win->pad, *g = dy + r * win->out_w;
        for (int o = first; o < last; o++)
          sum += g[o] * src[o * win->stride];
      }
      dw[ky * win->k + kx] += sum;
    }
}

void fmn_window_input_grad(const FmnWindow *win, const float *dy, const float *w, float *dx) {
  memset(dx, 0, sizeof *dx * (gsize)(win->h * win->w));
  for (int ky = 0; ky < win->k; ky++)
    for (int kx = 0; kx < win->k; kx++) {
      int first, last;
      float weight = w[ky * win->k + kx];
      fmn_window_range(kx - win->pad, win->stride, win->w, win->out_w, &first, &last);
      for (int r = 0; r < win->out_h; r++) {
        int in_y = r * win->stride + ky - win->pad;
        if (in_y < 0 || in_y >= win->h)
          continue;
        float *dst = dx + in_y * win->w + kx - win->pad;
        const float *g = dy + r * win->out_w;
        for (int o = first; o < last; o++)
          dst[o * win->stride] += weight * g[o];
      }
    }
}
