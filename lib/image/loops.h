/* Inside of lib/image: the loops over pixels that take time, in plain C for every machine and compiled again for wider
 * vectors; the set is the one that fmn_kernels() has chosen. All sets give the same results, to the bit. */
#ifndef FMN_IMAGE_LOOPS_H
#define FMN_IMAGE_LOOPS_H

#include "image/axis.h"

/* Lanes are at most this many, and values before and behind each line of a plane that barrier() reads. */
#define FMN_LOOPS_LANES 32
#define FMN_LOOPS_MARGIN 40

/* A residual, of a pixel that lies in the frame, is at most this far from 0, and is this where there is no pixel. */
#define FMN_RESIDUAL_MOST 2700
#define FMN_RESIDUAL_NONE 5400

/* Colours are counted in this many kinds. */
#define FMN_COLOR_STEPS 16
#define FMN_COLOR_BINS (FMN_COLOR_STEPS * FMN_COLOR_STEPS * FMN_COLOR_STEPS)

/* Blurs reach this far at most. */
#define FMN_BLUR_RADIUS 63

/* Monomials x^i·y^j with i + j ≤ 4, by ascending i + j and, within, descending i; and the first six of them. */
#define FMN_MONOMIALS 15
#define FMN_TERMS 6

typedef struct {
  float monomial[FMN_MONOMIALS]; /* Σ w·monomial */
  float colored[3][FMN_TERMS];   /* Σ w·colour·monomial */
} FmnMoments;

/* How much each pixel says of the object's colours, and of the ground's. */
typedef struct {
  guint16 *object, *ground;
} FmnVotes;

/* Pixels of the frame's border, n of them, a multiple of 8. */
typedef struct {
  int n;
  float *x, *y; /* -1..1 */
  float *color[3], *weight;
} FmnBorder;

/* The residuals of a picture, in memory: lines from left to right of all planes, `stride` values from one to the next,
 * each with a margin. Lines up to a multiple of FMN_LOOPS_LANES. */
typedef struct {
  int width, height;
  gssize stride;
  gint16 *residual[3]; /* at pixel 0, 0 */
  guint16 *cost;
} FmnField;

typedef struct {
  guint32 area, below;  /* how many values are over the threshold; sum of those that are not */
  guint32 pairs, steps; /* neighbours on either side of it, and the sum of their differences */
} FmnOutline;

typedef struct {
  const char *name;
  int lanes; /* lines that are turned at a time, a multiple of 8 */

  /* means[i] = Σ over the lines of line[i] · weight, as 8.8 bits, 0 ≤ i < n. Each line costs up to 1/256. */
  void (*mean_lines)(guint16 *means, const guint8 *const *lines, const guint16 *weights, int n_lines, int n);
  /* out[column][line] = in[line][column]; lines and columns are multiples of 8, steps from one line to the next. */
  void (*turn)(const guint16 *in, gssize in_step, int lines, int columns, guint16 *out, gssize out_step);
  /* For each cell the mean of columns (of `lanes` values) as the axis says; `step` columns are from sample to sample,
   * columns[0] is the axis' first sample. */
  void (*mean_columns)(const guint16 *columns, int step, const FmnAxis *axis, guint16 *out);

  /* means[i] = the mean of the values side·i … side·(i + 1) - 1 of all lines, as 8.8 bits and exact, 0 ≤ i < n. n_lines
   * and side: 2, 4 or 8 */
  void (*mean_cells)(guint16 *means, const guint8 *const *lines, int n_lines, int side, int n);

  /* From means of 8.8 bits to bytes. */
  void (*scale)(const guint16 *means, float gain, float offset, int n, guint8 *out);
  void (*rgb_to_gray)(const guint16 *r, const guint16 *g, const guint16 *b, int n, guint8 *out);
  /* y·gain + offset, plus factors of u and v for each of R, G and B */
  void (*yuv_to_rgb)(const guint16 *const yuv[3], float gain, float offset, const float factor[3][2], int n,
                     guint8 *const rgb[3]);

  /* Lightness and two opponent colours, about as far apart as the eye finds them. */
  void (*opponent)(const guint8 *const rgb[3], int n, float *const out[3]);
  /* The same less a quadratic in u = start + i·step, its three factors for each channel; in steps of 1/steps. */
  void (*residual)(const guint8 *const rgb[3], int n, const float factor[3][3], float start, float step, float steps,
                   gint16 *const out[3]);

  void (*moments)(const FmnBorder *border, FmnMoments *out);
  /* weight = 1 / (1 + d² / scale²)² where d is how far the colour is from the surface; sums: Σ weight · d², Σ weight.
   */
  void (*weigh)(const FmnBorder *border, const float surface[3][FMN_TERMS], float scale, float sums[2]);

  /* See fmn_barrier(). scratch: fmn_barrier_scratch() bytes, at a multiple of 64. */
  void (*barrier)(const FmnField *field, int passes, gpointer scratch);

  /* Adds what a line of n ≤ 256 values and the one under it (or itself) have. */
  void (*outline)(const guint8 *line, const guint8 *under, int n, int threshold, FmnOutline *sums);

  /* out[i] = of lines[k][i] the mean over an odd number of lines up to 127; the largest; the smallest. 0 ≤ i < n. out
   * is none of the lines. */
  void (*mean_of)(const guint8 *const *lines, int n_lines, gsize n, guint8 *out);
  void (*largest_of)(const guint8 *const lines[3], gsize n, guint8 *out);
  void (*smallest_of)(const guint8 *const lines[3], gsize n, guint8 *out);

  /* out[i] = the mean of two values of each line, 0 ≤ i < n */
  void (*halve)(const guint8 *line, const guint8 *under, int n, guint8 *out);
  /* Which of FMN_COLOR_BINS kinds each colour is. */
  void (*color_bins)(const guint8 *const rgb[3], int n, guint16 *out);
  /* What each pixel says, for the object in the lower half, for the ground in the upper: its votes[1] where the mask is
   * 255, else votes[0]. Those for the object count as much as is certain, from doubt (of 65536; outside of the mask no
   * more) to all by how far the hint is to 255. */
  void (*votes)(const FmnVotes votes[2], const guint8 *mask, const guint8 *hint, guint32 doubt, int n, guint64 *said);
  /* The sum of the votes of pixels where the mask, which is 0 or 255, is not `but`. */
  guint32 (*votes_total)(const guint16 *votes, const guint8 *mask, guint8 but, int n);
  /* a, b: of each kind what was said, in two parts; each counts for its neighbours too. share: of each kind how much of
   * it is the object's, of 255, were both of one size. a and b are overwritten. */
  void (*color_share)(guint64 *a, guint64 *b, guint8 *share);

  /* mask = 255 where the mean of both, weighted, is over 127.5, else 0. The weights' sum is at most 128. */
  void (*decide)(const guint8 *share, const guint8 *soft, int share_weight, int soft_weight, int n, guint8 *mask);
  /* A line of a plane twice as wide and high, 2·n values between the nearest two of the line that is near and of the one
   * that is far. line: room for n + 2 */
  void (*enlarge)(const guint8 *near, const guint8 *far, int n, guint16 *line, guint8 *out);

  /* A line of n means of 4×4 values (lines of 4·n, each that far from the next) weighted with alpha / 255. flip: 0, or
   * 255 for their negative. */
  void (*blend)(const guint8 *values, const guint8 *alpha, guint8 flip, int n, guint8 *out);
} FmnLoops;

const FmnLoops *fmn_loops(void);

/* Bytes that barrier() of a set with so many lanes works in. */
gsize fmn_barrier_scratch(int lanes, int width, int height);

/* All sets that this machine runs, plain C first: 0 ≤ i < fmn_loops_count(). */
int fmn_loops_count(void);
const FmnLoops *fmn_loops_at(int i);

#endif
