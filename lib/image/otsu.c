#include "image/morphology.h"
#include "image/work.h"

#include <string.h>

/* The original demo blurred and dilated (21 × 21) pictures of 640 × 480; shares of the longer side here. */
#define BLUR_SHARE 128
#define DILATE_SHARE 64

static gboolean border_is_dark(const guint8 *mask, int w, int h) {
  int dark = 0, all = 0;
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x += y == 0 || y == h - 1 || w == 1 ? 1 : w - 1) {
      dark += mask[y * w + x] != 0;
      all++;
    }
  return 2 * dark > all;
}

void fmn_otsu_mask(FmnWork *work, FmnPolarity polarity) {
  int w = work->width, h = work->height, n = w * h;
  const guint8 *r = work->rgb, *g = r + n, *b = g + n;
  guint8 *gray = work->distance;
  for (int i = 0; i < n; i++)
    gray[i] = (77 * r[i] + 150 * g[i] + 29 * b[i] + 128) >> 8;
  fmn_box_blur(gray, w, h, MAX(w, h) / BLUR_SHARE, work->scratch);
  fmn_box_blur(gray, w, h, MAX(w, h) / BLUR_SHARE, work->scratch);
  guint32 histogram[256] = {0};
  for (int i = 0; i < n; i++)
    histogram[gray[i]]++;
  int threshold = fmn_otsu(histogram, NULL);
  for (int i = 0; i < n; i++)
    work->mask[i] = gray[i] <= threshold ? 255 : 0;
  gboolean dark = polarity == FMN_POLARITY_DARK || (polarity == FMN_POLARITY_AUTO && !border_is_dark(work->mask, w, h));
  if (histogram[gray[0]] == (guint32)n)
    memset(work->mask, 0, n);
  else if (!dark)
    for (int i = 0; i < n; i++)
      work->mask[i] = ~work->mask[i];
  fmn_dilate(work->mask, w, h, MAX(w, h) / DILATE_SHARE, work->scratch);
}
