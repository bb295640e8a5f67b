#include "image/work.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Of each path from the border to a pixel: how far up and how far down the channels went. One vector, so that growing
 * by a pixel is one maximum: the three channels' largest values and the three negated smallest. */
#ifdef __SSE2__
typedef __m128i Range;

static inline Range range_grow(Range a, Range b) { return _mm_max_epi16(a, b); }

static inline int range_size(Range r) {
  __m128i s = _mm_madd_epi16(r, _mm_set1_epi16(1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, _MM_SHUFFLE(1, 0, 3, 2)));
  return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, _MM_SHUFFLE(2, 3, 0, 1))));
}
#else
typedef gint16 Range __attribute__((vector_size(16)));

static inline Range range_grow(Range a, Range b) {
  Range larger = a > b;
  return (a & larger) | (b & ~larger);
}

static inline int range_size(Range r) { return r[0] + r[1] + r[2] + r[3] + r[4] + r[5]; }
#endif

static void pass(const FmnWork *w, const Range *pixels, Range *best, int direction) {
  guint16 *cost = w->cost;
  int n = w->width * w->height, at = direction > 0 ? 0 : n - 1, above = direction * w->width;
  for (int y = 0; y < w->height; y++)
    for (int x = 0; x < w->width; x++, at += direction) {
      Range own = best[at], pixel = pixels[at];
      int own_cost = cost[at];
      if (y > 0) {
        Range r = range_grow(pixel, best[at - above]);
        int c = range_size(r);
        own = c < own_cost ? r : own;
        own_cost = MIN(c, own_cost);
      }
      if (x > 0) {
        Range r = range_grow(pixel, best[at - direction]);
        int c = range_size(r);
        own = c < own_cost ? r : own;
        own_cost = MIN(c, own_cost);
      }
      best[at] = own;
      cost[at] = (guint16)own_cost;
    }
}

void fmn_barrier(FmnWork *w, int passes) {
  int n = w->width * w->height;
  Range *pixels = fmn_scratch_get(&w->ranges, 2 * n * sizeof *pixels), *best = pixels + n;
  const Range zero = {0};
  guint16 *cost = w->cost;
  for (int i = 0; i < n; i++) {
    gint16 a = w->residual[0][i], b = w->residual[1][i], c = w->residual[2][i];
    gint16 both[8] = {a, b, c, -a, -b, -c, 0, 0};
    memcpy(&pixels[i], both, sizeof both);
    best[i] = pixels[i];
    cost[i] = G_MAXUINT16;
  }
  for (int y = 0; y < w->height; y++)
    for (int x = 0; x < w->width; x += y == 0 || y == w->height - 1 || w->width == 1 ? 1 : w->width - 1) {
      int i = y * w->width + x;
      best[i] = range_grow(pixels[i], zero);
      cost[i] = (guint16)range_size(best[i]);
    }
  for (int k = 0; k < passes; k++)
    pass(w, pixels, best, k % 2 ? -1 : 1);
}
