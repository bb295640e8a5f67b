#include "image/morphology.h"
#include "image/work.h"

#include <math.h>
#include <string.h>

/* The surface is fitted in rounds, each believing a border pixel less the farther it lies from the last one. */
#define ROUNDS 6
/* Lightness counts less than colour: shadows and folds of the ground are lightness. */
#define LIGHTNESS 0.6f
#define CHROMA 1.6f
#define LARGEST 5000
#define PASSES 3

static void to_opponent(FmnWork *w) {
  int n = w->width * w->height;
  const guint8 *restrict r = w->rgb, *restrict g = r + n, *restrict b = g + n;
  float *restrict l = w->color[0], *restrict p = w->color[1], *restrict q = w->color[2];
  for (int i = 0; i < n; i++) {
    l[i] = LIGHTNESS * (0.30f * r[i] + 0.59f * g[i] + 0.11f * b[i]);
    p[i] = CHROMA * 0.7f * ((float)r[i] - g[i]);
    q[i] = CHROMA * 0.5f * (0.5f * ((float)r[i] + g[i]) - b[i]);
  }
}

static float distance2(const FmnWork *w, const FmnSurface *s, int pixel) {
  float x = (2 * (pixel % w->width) + 1) / (float)w->width - 1, y = (2 * (pixel / w->width) + 1) / (float)w->height - 1;
  float sum = 0;
  for (int c = 0; c < 3; c++) {
    const float *f = s->factor[c];
    float d = w->color[c][pixel] - (f[0] + f[1] * x + f[2] * y + f[3] * x * x + f[4] * x * y + f[5] * y * y);
    sum += d * d;
  }
  return sum;
}

/* Returns the usual distance of the border from the surface. */
static float fit_border(FmnWork *w, FmnSurface *surface) {
  float scale = 60;
  for (int i = 0; i < w->n_border; i++)
    w->weight[i] = 1;
  for (int round = 0; round < ROUNDS; round++) {
    fmn_surface_fit(surface, w, w->border, w->weight, w->n_border);
    float sum = 0, total = 0;
    for (int i = 0; i < w->n_border; i++) {
      float d2 = distance2(w, surface, w->border[i]), k = 1 / (1 + d2 / (scale * scale));
      w->weight[i] = k * k;
      sum += w->weight[i] * d2;
      total += w->weight[i];
    }
    float spread = sqrtf(sum / MAX(total, 1e-6f));
    scale = MAX(MIN(scale * 0.7f, 2.5f * spread), 5);
    if (round == ROUNDS - 1)
      return spread;
  }
  return 0;
}

static void subtract(FmnWork *w, const FmnSurface *surface) {
  float *lines = w->line, *expected[3] = {lines, lines + w->width, lines + 2 * w->width};
  for (int y = 0; y < w->height; y++) {
    gsize at = (gsize)y * w->width;
    fmn_surface_line(surface, w, y, expected);
    for (int c = 0; c < 3; c++) {
      const float *restrict color = w->color[c] + at, *restrict e = expected[c];
      gint16 *restrict out = w->residual[c] + at;
      for (int x = 0; x < w->width; x++)
        out[x] = (gint16)CLAMP(FMN_WORK_STEPS * (color[x] - e[x]), -LARGEST, LARGEST);
    }
  }
}

static void measure(FmnWork *w, guint32 histogram[256]) {
  int n = w->width * w->height;
  fmn_barrier(w, PASSES);
  memset(histogram, 0, 256 * sizeof *histogram);
  for (int i = 0; i < n; i++)
    w->distance[i] = MIN(w->cost[i] / FMN_WORK_STEPS, 255);
  for (int i = 0; i < n; i++)
    histogram[w->distance[i]]++;
}

void fmn_background_mask(FmnWork *w) {
  int n = w->width * w->height, radius = MAX(w->width, w->height) / 120;
  FmnSurface surface;
  guint32 histogram[256];
  to_opponent(w);
  float noise = fit_border(w, &surface);
  subtract(w, &surface);
  measure(w, histogram);
  int threshold = fmn_choose_threshold(w, histogram, noise);
  for (int i = 0; i < n; i++)
    w->mask[i] = w->distance[i] > threshold ? 255 : 0;
  fmn_erode(w->mask, w->width, w->height, radius, w->scratch);
  fmn_dilate(w->mask, w->width, w->height, 2 * radius, w->scratch);
  fmn_erode(w->mask, w->width, w->height, radius, w->scratch);
}
