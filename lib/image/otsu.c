#include "image/morphology.h"
#include "image/work.h"

#include <string.h>

/* The original demo blurred and dilated (21 × 21) pictures of 640 × 480; shares of the longer side here. */
#define BLUR_SHARE 128
#define DILATE_SHARE 64

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
  gboolean dark =
      polarity == FMN_POLARITY_DARK || (polarity == FMN_POLARITY_AUTO && fmn_border_share(work->mask, w, h, 0) <= 0.5);
  if (histogram[gray[0]] == (guint32)n)
    memset(work->mask, 0, n);
  else if (!dark)
    for (int i = 0; i < n; i++)
      work->mask[i] = ~work->mask[i];
  fmn_dilate(work->mask, w, h, MAX(w, h) / DILATE_SHARE, work->scratch);
}
