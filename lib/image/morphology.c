#include "image/morphology.h"

#include <string.h>

#include "image/loops.h"

static void max_into(guint8 *restrict to, const guint8 *restrict from, gsize n) {
  for (gsize i = 0; i < n; i++)
    to[i] = MAX(to[i], from[i]);
}

static void min_into(guint8 *restrict to, const guint8 *restrict from, gsize n) {
  for (gsize i = 0; i < n; i++)
    to[i] = MIN(to[i], from[i]);
}

/* One step of one pixel a time: to = op(to, from shifted by ±1), along rows and then along columns. */
static void square(guint8 *data, int w, int h, int radius, guint8 *scratch,
                   void (*op)(guint8 *restrict, const guint8 *restrict, gsize)) {
  gsize n = (gsize)w * h;
  for (int r = 0; r < radius; r++) {
    memcpy(scratch, data, n);
    for (int y = 0; y < h && w > 1; y++) {
      guint8 *to = data + (gsize)y * w, *from = scratch + (gsize)y * w;
      op(to, from + 1, w - 1);
      op(to + 1, from, w - 1);
    }
    if (h > 1) {
      memcpy(scratch, data, n);
      op(data, scratch + w, n - w);
      op(data + w, scratch, n - w);
    }
  }
}

void fmn_dilate(guint8 *data, int w, int h, int radius, guint8 *scratch) {
  square(data, w, h, radius, scratch, max_into);
}

void fmn_erode(guint8 *data, int w, int h, int radius, guint8 *scratch) {
  square(data, w, h, radius, scratch, min_into);
}

void fmn_clean(guint8 *mask, int w, int h, int radius, guint8 *scratch) {
  fmn_erode(mask, w, h, radius, scratch);
  fmn_dilate(mask, w, h, 2 * radius, scratch);
  fmn_erode(mask, w, h, radius, scratch);
}

void fmn_box_blur(guint8 *data, int w, int h, int radius, guint8 *scratch) {
  const FmnLoops *loops = fmn_loops();
  guint16 sums[FMN_BLUR_WIDEST];
  if (radius < 1)
    return;
  g_assert(radius <= FMN_BLUR_RADIUS && w <= FMN_BLUR_WIDEST);
  for (int y = 0; y < h; y++)
    loops->blur_line(data + (gsize)y * w, w, radius, scratch + (gsize)y * w);
  memset(sums, 0, w * sizeof *sums);
  for (int k = -radius; k <= radius; k++)
    loops->slide(sums, scratch + (gsize)CLAMP(k, 0, h - 1) * w, NULL, w, radius, NULL);
  for (int y = 0; y < h; y++)
    loops->slide(sums, scratch + (gsize)MIN(y + radius + 1, h - 1) * w, scratch + (gsize)MAX(y - radius, 0) * w, w,
                 radius, data + (gsize)y * w);
}

int fmn_otsu(const guint32 histogram[256], double *spread) {
  double total = 0, sum = 0, squares = 0;
  for (int i = 0; i < 256; i++) {
    total += histogram[i];
    sum += (double)i * histogram[i];
    squares += (double)i * i * histogram[i];
  }
  double below = 0, below_sum = 0, best = 0;
  int threshold = 0;
  for (int i = 0; i < 255; i++) {
    below += histogram[i];
    below_sum += (double)i * histogram[i];
    double above = total - below;
    if (below == 0 || above == 0)
      continue;
    double d = below_sum / below - (sum - below_sum) / above, between = below * above * d * d;
    if (between > best) {
      best = between;
      threshold = i;
    }
  }
  double variance = total > 0 ? (squares - sum * sum / total) / total : 0;
  if (spread)
    *spread = variance > 1e-9 ? best / (total * total) / variance : 0;
  return threshold;
}
