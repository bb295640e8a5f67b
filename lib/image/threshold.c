#include "image/morphology.h"
#include "image/work.h"

#include <stdlib.h>
#include <string.h>

/* Distances under this many levels, and under this many times the border's own noise, are no object. */
#define LEAST_DISTANCE 10
#define NOISE_TIMES 3
/* Objects of several colours: the threshold may lie by the one that is most like the ground instead. What would be
 * added has to be a class of its own (share of variance explained), clearly off the ground, by colour and not by being
 * enclosed (the tiles of a floor, between dark joints), with a sharp outline (shadows have none) that does not run to
 * the frame. */
#define SECOND_LEAST 31
#define SECOND_SHARE 4
#define SECOND_SPREAD 0.72
#define SECOND_COLOUR 0.5
#define SECOND_SHARPNESS 0.3
#define SECOND_GROWTH 1.15
#define SECOND_LARGEST 0.75
#define SECOND_BORDER 0.025

typedef struct {
  double area, border; /* shares of all pixels, of the frame's border, above the threshold */
  double below;        /* mean distance up to the threshold */
  double step;         /* mean difference between neighbours on either side of the outline */
} Level;

double fmn_border_share(const guint8 *values, int width, int height, int threshold) {
  int above = 0, all = 0;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x += y == 0 || y == height - 1 || width == 1 ? 1 : width - 1) {
      above += values[y * width + x] > threshold;
      all++;
    }
  return (double)above / all;
}

static Level level(const FmnWork *w, int threshold) {
  const FmnLoops *loops = fmn_loops();
  FmnOutline sums = {0};
  double n = (double)w->width * w->height;
  for (int y = 0; y < w->height; y++) {
    const guint8 *line = w->distance + (gsize)y * w->width;
    loops->outline(line, y + 1 < w->height ? line + w->width : line, w->width, threshold, &sums);
  }
  return (Level){sums.area / n, fmn_border_share(w->distance, w->width, w->height, threshold),
                 sums.below / MAX(n - sums.area, 1), sums.steps / MAX((double)sums.pairs, 1)};
}

/* Of the pixels with a distance of low + 1 … high: the mean, and the mean of how far their own colour is off the
 * ground. */
static void between(const FmnWork *w, int low, int high, double *distance, double *colour) {
  const FmnField *f = &w->field;
  guint64 n = 0, sum = 0, own = 0;
  for (int y = 0; y < w->height; y++)
    for (int x = 0; x < w->width; x++) {
      int d = w->distance[y * w->width + x];
      gssize at = y * f->stride + x;
      if (d > low && d <= high) {
        n++;
        sum += d;
        own += abs(f->residual[0][at]) + abs(f->residual[1][at]) + abs(f->residual[2][at]);
      }
    }
  *distance = sum / MAX((double)n, 1);
  *colour = own / MAX((double)n, 1) / FMN_WORK_STEPS;
}

static gboolean second_is_better(const FmnWork *w, int first, int second) {
  Level a = level(w, first), b = level(w, second);
  double distance, colour;
  between(w, second, first, &distance, &colour);
  return b.area <= SECOND_LARGEST && b.area > SECOND_GROWTH * a.area && b.border <= a.border + SECOND_BORDER &&
         colour > SECOND_COLOUR * distance && b.step > SECOND_SHARPNESS * (distance - b.below);
}

int fmn_choose_threshold(const FmnWork *w, const guint32 histogram[256], float noise) {
  guint32 lower[256] = {0};
  double spread;
  int least = MAX(LEAST_DISTANCE, (int)(NOISE_TIMES * noise)), first = MAX(fmn_otsu(histogram, NULL), least);
  memcpy(lower, histogram, (MIN(first, 255) + 1) * sizeof *lower);
  int second = fmn_otsu(lower, &spread);
  gboolean worth = second >= MAX(least, SECOND_LEAST) && second < first && second * SECOND_SHARE >= first;
  return worth && spread > SECOND_SPREAD && second_is_better(w, first, second) ? second : first;
}
