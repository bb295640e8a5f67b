#include "image/work.h"

#include <math.h>
#include <string.h>

/* The surface is fitted in rounds, each believing a border pixel less the farther it lies from the last one. */
#define ROUNDS 6
#define PASSES 3

/* Returns the usual distance of the border from the surface. */
static float fit_border(FmnWork *w, FmnSurface *surface) {
  const FmnLoops *loops = fmn_loops();
  FmnBorder *border = &w->border;
  gsize n = border->n, plane = (gsize)w->width * w->height;
  const guint8 *const rgb[3] = {w->border_rgb, w->border_rgb + n, w->border_rgb + 2 * n};
  for (int c = 0; c < 3; c++)
    for (gsize i = 0; i < n; i++)
      w->border_rgb[c * n + i] = w->rgb[c * plane + w->border_pixel[i]];
  loops->opponent(rgb, border->n, border->color);
  for (gsize i = 0; i < n; i++)
    border->weight[i] = 1;
  float scale = 60, spread = 0;
  for (int round = 0; round < ROUNDS; round++) {
    FmnMoments moments;
    float sums[2];
    loops->moments(border, &moments);
    fmn_surface_fit(surface, &moments);
    loops->weigh(border, surface->factor, scale, sums);
    spread = sqrtf(sums[0] / MAX(sums[1], 1e-6f));
    scale = MAX(MIN(scale * 0.7f, 2.5f * spread), 5);
  }
  return spread;
}

static void subtract(FmnWork *w, const FmnSurface *surface) {
  const FmnLoops *loops = fmn_loops();
  gsize plane = (gsize)w->width * w->height;
  for (int y = 0; y < w->height; y++) {
    const guint8 *line = w->rgb + (gsize)y * w->width, *const rgb[3] = {line, line + plane, line + 2 * plane};
    gint16 *out[3];
    float factor[3][3];
    for (int c = 0; c < 3; c++)
      out[c] = w->field.residual[c] + y * w->field.stride;
    fmn_surface_line(surface, y, w->height, factor);
    loops->residual(rgb, w->width, factor, 1.f / w->width - 1, 2.f / w->width, FMN_WORK_STEPS, out);
  }
}

/* Counted in turns: of neighbours most are equal, and each would wait for the one before. */
static void count(const guint8 *values, int n, guint32 histogram[256]) {
  guint32 part[4][256] = {{0}};
  for (int i = 0; i < n; i++)
    part[i % 4][values[i]]++;
  for (int v = 0; v < 256; v++)
    histogram[v] = part[0][v] + part[1][v] + part[2][v] + part[3][v];
}

static void scale_down(const guint16 *restrict cost, int n, guint8 *restrict distance) {
  for (int x = 0; x < n; x++) {
    guint16 d = cost[x] / FMN_WORK_STEPS;
    distance[x] = (guint8)MIN(d, 255);
  }
}

static void measure(FmnWork *w) {
  fmn_barrier(&w->field, PASSES, &w->sweep);
  for (int y = 0; y < w->height; y++)
    scale_down(w->field.cost + y * w->field.stride, w->width, w->distance + (gsize)y * w->width);
}

static void farther_than(int threshold, const guint8 *restrict distance, int n, guint8 *restrict mask) {
  for (int i = 0; i < n; i++)
    mask[i] = distance[i] > threshold ? 255 : 0;
}

void fmn_background_mask(FmnWork *w) {
  int n = w->width * w->height;
  FmnSurface surface;
  guint32 histogram[256];
  float noise = fit_border(w, &surface);
  subtract(w, &surface);
  measure(w);
  count(w->distance, n, histogram);
  int threshold = fmn_choose_threshold(w, histogram, noise);
  farther_than(threshold, w->distance, n, w->mask);
}
