#include "image/sampler.h"

static inline guint8 to_byte(float v) {
  v = v < 0 ? 0 : v > 255 ? 255 : v;
  return (guint8)(int)(v + 0.5f);
}

static void gray(const guint16 *means, float gain, float offset, int n, guint8 *restrict out) {
  for (int i = 0; i < n; i++)
    out[i] = to_byte((int)means[i] * gain + offset);
}

static void rgb_to_gray(const guint16 *r, const guint16 *g, const guint16 *b, int n, guint8 *restrict out) {
  for (int i = 0; i < n; i++)
    out[i] = (r[i] * 77u + g[i] * 150u + b[i] * 29u + 32768u) >> 16;
}

static void yuv_to_rgb(const FmnImageFormat *f, const guint16 *const *means, float gain, float offset, int n,
                       guint8 *restrict out) {
  const guint16 *restrict y = means[0], *restrict u = means[1], *restrict v = means[2];
  guint8 *restrict r = out, *restrict g = out + n, *restrict b = out + 2 * (gsize)n;
  gboolean known = f->kr > 0 && f->kb > 0 && f->kr + f->kb < 1;
  float kr = known ? f->kr : 0.299f, kb = known ? f->kb : 0.114f, kg = 1 - kr - kb;
  float chroma = (f->full_range ? 1.f : 255.f / 224) / 256;
  float rv = 2 * (1 - kr) * chroma, bu = 2 * (1 - kb) * chroma;
  float gv = -rv * kr / kg, gu = -bu * kb / kg;
  for (int i = 0; i < n; i++) {
    float l = (int)y[i] * gain + offset, cu = (int)u[i] - 32768, cv = (int)v[i] - 32768;
    r[i] = to_byte(l + rv * cv);
    g[i] = to_byte(l + gu * cu + gv * cv);
    b[i] = to_byte(l + bu * cu);
  }
}

void fmn_color_convert(const FmnImageFormat *f, const guint16 *const *means, int channels, int n, guint8 *out) {
  gboolean full = f->color == FMN_COLOR_RGB || f->full_range;
  float gain = (full ? 1.f : 255.f / 219) / 256, offset = full ? 0 : -16 * 255.f / 219;
  if (channels == 1) {
    if (f->color == FMN_COLOR_RGB)
      rgb_to_gray(means[0], means[1], means[2], n, out);
    else
      gray(means[0], gain, offset, n, out);
  } else if (f->color == FMN_COLOR_YUV) {
    yuv_to_rgb(f, means, gain, offset, n, out);
  } else {
    for (int c = 0; c < 3; c++)
      gray(means[f->color == FMN_COLOR_GRAY ? 0 : c], gain, offset, n, out + c * (gsize)n);
  }
}
