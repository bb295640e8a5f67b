#include "image/morphology.h"

#include <string.h>

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

static void blur_line(const guint8 *in, int n, int step, int radius, guint8 *out) {
  guint32 sum = 0, count = 2 * radius + 1, scale = (1u << 22) / count;
  for (int i = -radius; i <= radius; i++)
    sum += in[CLAMP(i, 0, n - 1) * step];
  for (int i = 0; i < n; i++) {
    out[i * step] = (sum * scale + (1u << 21)) >> 22;
    sum += in[MIN(i + radius + 1, n - 1) * step];
    sum -= in[MAX(i - radius, 0) * step];
  }
}

void fmn_box_blur(guint8 *data, int w, int h, int radius, guint8 *scratch) {
  if (radius < 1)
    return;
  for (int y = 0; y < h; y++)
    blur_line(data + (gsize)y * w, w, 1, radius, scratch + (gsize)y * w);
  for (int x = 0; x < w; x++)
    blur_line(scratch + x, h, w, radius, data + x);
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
