#include "image/letterbox.h"

#include <math.h>
#include <string.h>

#include "image/sampler.h"

static int side(int size, double own, double other) {
  return own >= other ? size : CLAMP((int)lrint(size * own / other), 1, size);
}

void fmn_letterbox(FmnSampler *s, const FmnImage *image, int channels, int size, guint8 *out, FmnBox *place) {
  static const FmnBox whole = {0, 0, 1, 1};
  const FmnImageFormat *f = fmn_sampler_format(s);
  double width = f->width * (f->pixel_aspect > 0 ? f->pixel_aspect : 1);
  int w = side(size, width, f->height), h = side(size, f->height, width), x = (size - w) / 2, y = (size - h) / 2;
  gsize all = (gsize)size * (gsize)size, part = (gsize)w * (gsize)h;
  if (place)
    *place = (FmnBox){(double)x / size, (double)y / size, (double)w / size, (double)h / size};
  if (part == all) {
    fmn_sampler_read(s, image, &whole, channels, w, h, out);
    return;
  }
  guint8 *pixels = fmn_scratch_get(&s->crop, part * (gsize)channels);
  fmn_sampler_read(s, image, &whole, channels, w, h, pixels);
  memset(out, FMN_LETTERBOX_GRAY, all * (gsize)channels);
  for (int c = 0; c < channels; c++)
    for (int row = 0; row < h; row++)
      memcpy(out + (gsize)c * all + (gsize)(y + row) * (gsize)size + (gsize)x,
             pixels + (gsize)c * part + (gsize)row * (gsize)w, (gsize)w);
}
