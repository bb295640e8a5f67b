#include "image/refine.h"

#include <math.h>
#include <string.h>

#include "image/loops.h"
#include "image/morphology.h"

/* Masks of pictures whose shorter side is this long begin on half the grid. */
#define HALVED_FROM 60
/* Rounds at most; they end when less than this share of the pixels changes: most objects take two. */
#define ROUNDS 6
#define SETTLED 500
/* How far a mask reaches as a hint of where the object is, as a share of the rough grid's shorter side, and over how
 * many pixels colours are averaged; each twice, but colours of the picture itself once. */
#define HINT_SHARE 0.05
#define COLOR_RADIUS 1
/* Pixels this near to the frame, of the rough grid's shorter side, show the ground this many times as surely as others;
 * those of them in the mask (garments cut off by the frame) this many. */
#define FRAME_SHARE 0.067
#define FRAME_GROUND 5
#define FRAME_MASKED 1.5
/* Pixels outside of the mask count this much for the object's colours, all of them together at most so much of it. */
#define DOUBT 0.1
#define DOUBT_MOST 0.12
/* Steepness of the bell by which the middle of the picture counts more, for learning colours. */
#define MIDDLE 8
/* Weights of the mask before and of the middle of the picture beside that of the colour, of 64. */
#define COLOR_WEIGHT 64
#define HINT_WEIGHT 19
#define MIDDLE_WEIGHT 29
/* One pixel's weight in the histograms. */
#define UNIT 8192

struct FmnRefiner {
  int width, height, factor; /* of the picture; 2 where the rough grid is half of it */
  int rough_width, rough_height;
  FmnVotes votes[2]; /* of the pixels of the rough grid: outside of the mask, inside */
  guint8 *middle;    /* 255 in the middle of it, less towards the frame */
  guint16 *bins;     /* of the rough picture, and of the picture */
  guint8 *hint, *soft, *share, *scratch;
  guint16 *line;
  guint64 *said;       /* of a line's pixels: for the object in the lower half, for the ground in the upper */
  guint64 *histograms; /* two, of such sums */
  guint8 table[FMN_COLOR_BINS];
};

static void weigh(FmnRefiner *r) {
  int w = r->rough_width, h = r->rough_height, edge = MAX(1, (int)lrint(MIN(w, h) * FRAME_SHARE));
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      double dx = (x + 0.5) / w - 0.5, dy = (y + 0.5) / h - 0.5, bell = exp(-MIDDLE * (dx * dx + dy * dy));
      gboolean at_frame = MIN(MIN(x, w - 1 - x), MIN(y, h - 1 - y)) < edge;
      int i = y * w + x;
      r->votes[0].object[i] = at_frame ? 0 : (guint16)(UNIT * bell);
      r->votes[0].ground[i] = at_frame ? UNIT * FRAME_GROUND : UNIT;
      r->votes[1].object[i] = (guint16)(at_frame ? UNIT * bell / 2 : UNIT * bell);
      r->votes[1].ground[i] = at_frame ? (guint16)(UNIT * FRAME_MASKED) : 0;
      r->middle[i] = (guint8)lrint(255 * sqrt(bell));
    }
}

FmnRefiner *fmn_refiner_new(int width, int height) {
  FmnRefiner *r = g_new0(FmnRefiner, 1);
  r->width = width;
  r->height = height;
  r->factor = MIN(width, height) >= HALVED_FROM ? 2 : 1;
  r->rough_width = (width + r->factor - 1) / r->factor;
  r->rough_height = (height + r->factor - 1) / r->factor;
  gsize n = (gsize)width * height, rough = (gsize)r->rough_width * r->rough_height;
  guint16 *votes = g_new(guint16, 4 * rough);
  for (int in = 0; in < 2; in++)
    r->votes[in] = (FmnVotes){votes + (2 * in) * rough, votes + (2 * in + 1) * rough};
  r->middle = g_new(guint8, 2 * rough + 3 * n);
  r->soft = r->middle + rough;
  r->hint = r->soft + rough;
  r->share = r->hint + n;
  r->scratch = r->share + n;
  r->bins = g_new(guint16, n);
  r->line = g_new(guint16, r->rough_width + 2);
  r->said = g_new(guint64, r->rough_width);
  r->histograms = g_new(guint64, 2 * FMN_COLOR_BINS);
  weigh(r);
  return r;
}

void fmn_refiner_free(FmnRefiner *r) {
  if (!r)
    return;
  g_free(r->votes[0].object);
  g_free(r->middle);
  g_free(r->bins);
  g_free(r->line);
  g_free(r->said);
  g_free(r->histograms);
  g_free(r);
}

int fmn_refiner_width(const FmnRefiner *r) { return r->rough_width; }

int fmn_refiner_height(const FmnRefiner *r) { return r->rough_height; }

void fmn_refiner_shrink(const FmnRefiner *r, const guint8 *rgb, guint8 *rough) {
  gsize n = (gsize)r->width * r->height;
  if (r->factor == 1) {
    memcpy(rough, rgb, 3 * n);
    return;
  }
  for (int c = 0; c < 3; c++, rgb += n)
    for (int y = 0; y < r->rough_height; y++, rough += r->rough_width) {
      const guint8 *line = rgb + (gsize)2 * y * r->width, *under = 2 * y + 1 < r->height ? line + r->width : line;
      int last = r->rough_width - 1;
      fmn_loops()->halve(line, under, r->width / 2, rough);
      if (r->width % 2)
        rough[last] = (guint8)((line[2 * last] + under[2 * last] + 1) / 2);
    }
}

/* How much pixels outside of the mask count, of 65536. */
static guint32 doubt_of(const FmnRefiner *r, const guint8 *mask) {
  int n = r->rough_width * r->rough_height;
  guint32 outside = fmn_loops()->votes_total(r->votes[0].object, mask, 255, n);
  guint32 inside = fmn_loops()->votes_total(r->votes[1].object, mask, 0, n);
  return (guint32)(65536 * MIN(DOUBT, DOUBT_MOST * inside / MAX(outside, 1)));
}

/* From the colours under the mask, and what is certain of them, how much each colour is the object's. Of neighbours
 * most are alike, and adding each to its colour would wait for the one before: four at once where all are, else in
 * turns to two sums. */
static void learn(FmnRefiner *r, const guint8 *mask, guint32 doubt) {
  const FmnLoops *loops = fmn_loops();
  const int w = r->rough_width;
  const guint64 *said = r->said;
  guint64 *sums = r->histograms, *others = sums + FMN_COLOR_BINS;
  memset(sums, 0, 2 * FMN_COLOR_BINS * sizeof *sums);
  for (int y = 0, at = 0; y < r->rough_height; y++, at += w) {
    const guint16 *bins = r->bins + at;
    FmnVotes votes[2] = {{r->votes[0].object + at, r->votes[0].ground + at},
                         {r->votes[1].object + at, r->votes[1].ground + at}};
    loops->votes(votes, mask + at, r->hint + at, doubt, w, r->said);
    int x = 0;
    for (; x + 4 <= w; x += 4) {
      guint64 four;
      memcpy(&four, bins + x, sizeof four);
      if (four == (four >> 16 | four << 48)) {
        sums[bins[x]] += said[x] + said[x + 1] + said[x + 2] + said[x + 3];
        continue;
      }
      sums[bins[x]] += said[x];
      others[bins[x + 1]] += said[x + 1];
      sums[bins[x + 2]] += said[x + 2];
      others[bins[x + 3]] += said[x + 3];
    }
    for (; x < w; x++)
      sums[bins[x]] += said[x];
  }
  loops->color_share(sums, others, r->table);
}

/* Eight bytes in one: storing each by itself takes as long as looking it up. */
static void look_up(const guint8 *restrict table, const guint16 *restrict bins, gsize n, guint8 *restrict out) {
  gsize i = 0;
  for (; i + 8 <= n; i += 8) {
    guint64 eight = 0;
#pragma GCC unroll 8
    for (gsize k = 8; k > 0; k--)
      eight = eight << 8 | table[bins[i + k - 1]];
    eight = GUINT64_TO_LE(eight);
    memcpy(out + i, &eight, sizeof eight);
  }
  for (; i < n; i++)
    out[i] = table[bins[i]];
}

static void blur_twice(guint8 *data, int w, int h, int radius, guint8 *scratch) {
  fmn_box_blur(data, w, h, radius, scratch);
  fmn_box_blur(data, w, h, radius, scratch);
}

/* soft: what is known but for the colour. */
static void hint_at(FmnRefiner *r, const guint8 *mask) {
  int w = r->rough_width, h = r->rough_height;
  memcpy(r->hint, mask, (gsize)w * h);
  blur_twice(r->hint, w, h, MAX(1, (int)(MIN(w, h) * HINT_SHARE + 1e-9)), r->scratch);
  const guint8 *restrict hint = r->hint, *restrict middle = r->middle;
  guint8 *restrict soft = r->soft;
  for (int i = 0; i < w * h; i++)
    soft[i] = (guint8)((hint[i] * HINT_WEIGHT + middle[i] * MIDDLE_WEIGHT) / (HINT_WEIGHT + MIDDLE_WEIGHT));
}

static void decide(const guint8 *share, const guint8 *soft, int n, guint8 *mask) {
  fmn_loops()->decide(share, soft, COLOR_WEIGHT, HINT_WEIGHT + MIDDLE_WEIGHT, n, mask);
}

/* Of two masks' pixels those that differ. */
static int differences(const guint8 *restrict a, const guint8 *restrict b, int n) {
  int sum = 0;
  for (int i = 0; i < n; i++)
    sum += a[i] != b[i];
  return sum;
}

/* Returns how many pixels have changed. */
static int round_of(FmnRefiner *r, guint8 *mask, guint32 doubt) {
  int w = r->rough_width, h = r->rough_height, changed;
  hint_at(r, mask);
  learn(r, mask, doubt);
  look_up(r->table, r->bins, (gsize)w * h, r->share);
  blur_twice(r->share, w, h, COLOR_RADIUS, r->scratch);
  decide(r->share, r->soft, w * h, r->scratch);
  changed = differences(mask, r->scratch, w * h);
  memcpy(mask, r->scratch, (gsize)w * h);
  return changed;
}

/* The line y of what is known but for the colour, on the picture's grid. */
static void enlarge_line(const FmnRefiner *r, int y, guint8 *out) {
  int w = r->rough_width, own = y / 2, other = CLAMP(y % 2 ? own + 1 : own - 1, 0, r->rough_height - 1);
  fmn_loops()->enlarge(r->soft + own * w, r->soft + other * w, w, r->line, out);
}

void fmn_refine(FmnRefiner *r, const guint8 *rough_rgb, guint8 *rough, const guint8 *rgb, guint8 *mask) {
  const FmnLoops *loops = fmn_loops();
  gsize n = (gsize)r->width * r->height, rough_n = (gsize)r->rough_width * r->rough_height;
  loops->color_bins((const guint8 *const[3]){rough_rgb, rough_rgb + rough_n, rough_rgb + 2 * rough_n}, (int)rough_n,
                    r->bins);
  int left = ROUNDS, settled = (int)rough_n / SETTLED;
  guint32 doubt = doubt_of(r, rough);
  while (left > 0 && round_of(r, rough, doubt) > settled)
    left--;
  if (r->factor > 1)
    loops->color_bins((const guint8 *const[3]){rgb, rgb + n, rgb + 2 * n}, (int)n, r->bins);
  look_up(r->table, r->bins, n, r->share);
  fmn_box_blur(r->share, r->width, r->height, COLOR_RADIUS, r->scratch);
  for (int y = 0; y < r->height; y++) {
    gsize line = (gsize)y * r->width;
    if (r->factor > 1)
      enlarge_line(r, y, r->scratch);
    decide(r->share + line, r->factor > 1 ? r->scratch : r->soft + line, r->width, mask + line);
  }
}
