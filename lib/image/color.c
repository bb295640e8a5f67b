#include "image/sampler.h"

/* What U and V, of 8 bits of fraction, add to R, G and B. */
static void chroma_factors(const FmnImageFormat *f, float factor[3][2]) {
  gboolean known = f->kr > 0 && f->kb > 0 && f->kr + f->kb < 1;
  float kr = known ? f->kr : 0.299f, kb = known ? f->kb : 0.114f, kg = 1 - kr - kb;
  float chroma = (f->full_range ? 1.f : 255.f / 224) / 256;
  float rv = 2 * (1 - kr) * chroma, bu = 2 * (1 - kb) * chroma;
  factor[0][0] = 0, factor[0][1] = rv;
  factor[1][0] = -bu * kb / kg, factor[1][1] = -rv * kr / kg;
  factor[2][0] = bu, factor[2][1] = 0;
}

void fmn_color_convert(const FmnImageFormat *f, const guint16 *const means[3], int stride, int channels, int width,
                       int height, guint8 *out) {
  const FmnLoops *loops = fmn_loops();
  gboolean full = f->color == FMN_COLOR_RGB || f->full_range;
  float gain = (full ? 1.f : 255.f / 219) / 256, offset = full ? 0 : -16 * 255.f / 219, factor[3][2];
  gsize plane = (gsize)width * height;
  chroma_factors(f, factor);
  for (int y = 0; y < height; y++, out += width) {
    guint8 *const to[3] = {out, out + plane, out + 2 * plane};
    const guint16 *line[3];
    for (int c = 0; c < 3; c++)
      line[c] = means[f->color == FMN_COLOR_GRAY ? 0 : c] + (gsize)y * stride;
    if (channels == 3 && f->color == FMN_COLOR_YUV)
      loops->yuv_to_rgb(line, gain, offset, factor, width, to);
    else if (channels == 1 && f->color == FMN_COLOR_RGB)
      loops->rgb_to_gray(line[0], line[1], line[2], width, out);
    else
      for (int c = 0; c < channels; c++)
        loops->scale(line[c], gain, offset, width, to[c]);
  }
}
