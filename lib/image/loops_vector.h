/* The bodies of FmnLoops, included once for each instruction set with LOOPS naming the table. The compiler vectorises
 * those that are plain loops. */
#include <math.h>

#include "image/loops.h"

#include "image/lanes.h"

#define GROUP 4 /* registers of sums that a mean of lines keeps */

static void mean_lines_by_value(guint16 *means, const guint8 *const *lines, const guint16 *weights, int n_lines,
                                int n) {
  for (int i = 0; i < n; i++) {
    guint16 sum = n_lines / 2;
    for (int k = 0; k < n_lines; k++)
      sum += ((guint32)lines[k][i] << 8) * weights[k] >> 16;
    means[i] = sum;
  }
}

INLINE void mean_lines_at(guint16 *means, const guint8 *const *lines, const guint16 *weights, int n_lines, int at,
                          const int registers) {
  Lanes sum[GROUP];
  for (int r = 0; r < registers; r++)
    sum[r] = broadcast(n_lines / 2);
  for (int k = 0; k < n_lines; k++) {
    Lanes weight = broadcast(weights[k]);
    for (int r = 0; r < registers; r++)
      sum[r] += high_product(load_bytes(lines[k] + at + r * LANES), weight);
  }
  for (int r = 0; r < registers; r++)
    *(Lanes *)(means + at + r * LANES) = sum[r];
}

static void mean_lines(guint16 *means, const guint8 *const *lines, const guint16 *weights, int n_lines, int n) {
  int i = 0;
  if (n < LANES) {
    mean_lines_by_value(means, lines, weights, n_lines, n);
    return;
  }
  for (; i + GROUP * LANES <= n; i += GROUP * LANES)
    mean_lines_at(means, lines, weights, n_lines, i, GROUP);
  for (; i + LANES <= n; i += LANES)
    mean_lines_at(means, lines, weights, n_lines, i, 1);
  if (i < n)
    mean_lines_at(means, lines, weights, n_lines, n - LANES, 1);
}

static void turn(const guint16 *in, gssize in_step, int lines, int columns, guint16 *out, gssize out_step) {
  for (int c = 0; c < columns; c += 8)
    for (int l = 0; l < lines; l += 8)
      turn_eight(in + l * in_step + c, in_step, out + c * out_step + l, out_step);
}

static void mean_columns(const guint16 *columns, int step, const FmnAxis *axis, guint16 *out) {
  for (int i = 0; i < axis->cells; i++, out += LANES) {
    const FmnTap *tap = &axis->taps[i];
    const guint16 *p = columns + (gsize)(tap->first - axis->lo) * step * LANES, *w = axis->weights + tap->weights;
    Lanes sum = broadcast(tap->count / 2);
    for (int k = 0; k < tap->count; k++, p += step * LANES)
      sum += high_product(*(const Lanes *)p, broadcast(w[k]));
    *(Lanes *)out = sum;
  }
}

INLINE guint8 to_byte(float v) {
  v = v < 0 ? 0 : v > 255 ? 255 : v;
  return (guint8)(int)(v + 0.5f);
}

static void scale(const guint16 *restrict means, float gain, float offset, int n, guint8 *restrict out) {
  for (int i = 0; i < n; i++)
    out[i] = to_byte((int)means[i] * gain + offset);
}

static void rgb_to_gray(const guint16 *restrict r, const guint16 *restrict g, const guint16 *restrict b, int n,
                        guint8 *restrict out) {
  for (int i = 0; i < n; i++)
    out[i] = (r[i] * 77u + g[i] * 150u + b[i] * 29u + 32768u) >> 16;
}

/* That pointers do not alias is believed of parameters alone: hence the two halves of functions below. */
INLINE void yuv_to_planes(const guint16 *restrict y, const guint16 *restrict u, const guint16 *restrict v, float gain,
                          float offset, const float factor[3][2], int n, guint8 *restrict r, guint8 *restrict g,
                          guint8 *restrict b) {
  float rv = factor[0][1], gu = factor[1][0], gv = factor[1][1], bu = factor[2][0];
  for (int i = 0; i < n; i++) {
    float l = (int)y[i] * gain + offset, cu = (int)u[i] - 32768, cv = (int)v[i] - 32768;
    r[i] = to_byte(l + rv * cv);
    g[i] = to_byte(l + gu * cu + gv * cv);
    b[i] = to_byte(l + bu * cu);
  }
}

static void yuv_to_rgb(const guint16 *const yuv[3], float gain, float offset, const float factor[3][2], int n,
                       guint8 *const rgb[3]) {
  yuv_to_planes(yuv[0], yuv[1], yuv[2], gain, offset, factor, n, rgb[0], rgb[1], rgb[2]);
}

/* Lightness counts less than colour: shadows and folds of the ground are lightness. */
#define LIGHTNESS 0.6f
#define CHROMA 1.6f

typedef struct {
  float l, p, q;
} Opponent;

INLINE Opponent opponent_of(float r, float g, float b) {
  return (Opponent){LIGHTNESS * (0.30f * r + 0.59f * g + 0.11f * b), CHROMA * 0.7f * (r - g),
                    CHROMA * 0.5f * (0.5f * (r + g) - b)};
}

INLINE void opponent_planes(const guint8 *restrict r, const guint8 *restrict g, const guint8 *restrict b, int n,
                            float *restrict l, float *restrict p, float *restrict q) {
  for (int i = 0; i < n; i++) {
    Opponent o = opponent_of(r[i], g[i], b[i]);
    l[i] = o.l, p[i] = o.p, q[i] = o.q;
  }
}

static void opponent(const guint8 *const rgb[3], int n, float *const out[3]) {
  opponent_planes(rgb[0], rgb[1], rgb[2], n, out[0], out[1], out[2]);
}

INLINE gint16 to_residual(float v) {
  v = v < -FMN_RESIDUAL_MOST ? -FMN_RESIDUAL_MOST : v > FMN_RESIDUAL_MOST ? FMN_RESIDUAL_MOST : v;
  return (gint16)(int)v;
}

INLINE void residual_planes(const guint8 *restrict r, const guint8 *restrict g, const guint8 *restrict b, int n,
                            const float f[3][3], float start, float step, float steps, gint16 *restrict l,
                            gint16 *restrict p, gint16 *restrict q) {
  float l0 = f[0][0], l1 = f[0][1], l2 = f[0][2], p0 = f[1][0], p1 = f[1][1], p2 = f[1][2];
  float q0 = f[2][0], q1 = f[2][1], q2 = f[2][2];
  for (int i = 0; i < n; i++) {
    Opponent o = opponent_of(r[i], g[i], b[i]);
    float u = start + step * i;
    l[i] = to_residual(steps * (o.l - (l0 + u * (l1 + u * l2))));
    p[i] = to_residual(steps * (o.p - (p0 + u * (p1 + u * p2))));
    q[i] = to_residual(steps * (o.q - (q0 + u * (q1 + u * q2))));
  }
}

static void residual(const guint8 *const rgb[3], int n, const float f[3][3], float start, float step, float steps,
                     gint16 *const out[3]) {
  residual_planes(rgb[0], rgb[1], rgb[2], n, f, start, step, steps, out[0], out[1], out[2]);
}

/* Sums over the border are spread over eight lanes in every set. */
typedef float Floats __attribute__((vector_size(32), aligned(4), may_alias));
#define FLOATS(p) (*(Floats *)(p))

INLINE float total(const Floats *v) {
  return (((*v)[0] + (*v)[4]) + ((*v)[2] + (*v)[6])) + (((*v)[1] + (*v)[5]) + ((*v)[3] + (*v)[7]));
}

/* m[0] given: the six monomials up to the second degree, times it. */
INLINE void terms(const Floats *x, const Floats *y, Floats m[FMN_TERMS]) {
  m[1] = m[0] * *x, m[2] = m[0] * *y;
  m[3] = m[1] * *x, m[4] = m[1] * *y, m[5] = m[2] * *y;
}

static void moments(const FmnBorder *border, FmnMoments *out) {
  Floats sum[FMN_MONOMIALS] = {0};
  for (int i = 0; i < border->n; i += 8) {
    Floats x = FLOATS(border->x + i), y = FLOATS(border->y + i), m[FMN_MONOMIALS];
    m[0] = FLOATS(border->weight + i);
    terms(&x, &y, m);
    for (int k = 0; k < 3; k++) /* x³ x²y xy² */
      m[6 + k] = m[3 + k] * x;
    m[9] = m[5] * y;
    for (int k = 0; k < 4; k++)
      m[10 + k] = m[6 + k] * x;
    m[14] = m[9] * y;
    for (int k = 0; k < FMN_MONOMIALS; k++)
      sum[k] += m[k];
  }
  for (int k = 0; k < FMN_MONOMIALS; k++)
    out->monomial[k] = total(&sum[k]);
  for (int c = 0; c < 3; c++) {
    Floats colored[FMN_TERMS] = {0};
    for (int i = 0; i < border->n; i += 8) {
      Floats x = FLOATS(border->x + i), y = FLOATS(border->y + i), m[FMN_TERMS];
      m[0] = FLOATS(border->weight + i) * FLOATS(border->color[c] + i);
      terms(&x, &y, m);
      for (int k = 0; k < FMN_TERMS; k++)
        colored[k] += m[k];
    }
    for (int k = 0; k < FMN_TERMS; k++)
      out->colored[c][k] = total(&colored[k]);
  }
}

static void weigh(const FmnBorder *border, const float surface[3][FMN_TERMS], float width, float sums[2]) {
  Floats sum = {0}, all = {0};
  for (int i = 0; i < border->n; i += 8) {
    Floats x = FLOATS(border->x + i), y = FLOATS(border->y + i), d2 = {0};
    for (int c = 0; c < 3; c++) {
      const float *f = surface[c];
      Floats d = FLOATS(border->color[c] + i);
      d -= f[0] + x * (f[1] + f[3] * x + f[4] * y) + y * (f[2] + f[5] * y);
      d2 += d * d;
    }
    Floats k = 1 / (1 + d2 / (width * width)), weight = k * k;
    FLOATS(border->weight + i) = weight;
    sum += weight * d2;
    all += weight;
  }
  sums[0] = total(&sum);
  sums[1] = total(&all);
}

static void outline(const guint8 *line, const guint8 *under, int n, int threshold, FmnOutline *sums) {
  guint16 area = 0, below = 0, pairs = 0, across = 0, down = 0;
  guint8 t = (guint8)threshold;
  for (int i = 0; i < n; i++) {
    guint8 v = line[i], u = under[i], over = v > t, step = v > u ? v - u : u - v, crossed = over != (u > t);
    area += over;
    below += over ? 0 : v;
    pairs += crossed;
    down += crossed ? step : 0;
  }
  for (int i = 0; i + 1 < n; i++) {
    guint8 v = line[i], r = line[i + 1], step = v > r ? v - r : r - v, crossed = (v > t) != (r > t);
    pairs += crossed;
    across += crossed ? step : 0;
  }
  sums->area += area;
  sums->below += below;
  sums->pairs += pairs;
  sums->steps += (guint32)across + down;
}

#define FINE 4
#define FINE_MOST 1024

static void blend(const guint8 *values, const guint8 *alpha, guint8 flip, int n, guint8 *out) {
  guint16 sums[FINE_MOST];
  for (int at = 0; at < n; at += FINE_MOST / FINE) {
    int count = MIN(n - at, FINE_MOST / FINE);
    for (int i = 0; i < FINE * count; i++)
      sums[i] = 2; /* half of what shifting loses */
    for (int k = 0; k < FINE; k++) {
      const guint8 *restrict v = values + (gsize)(k * n + at) * FINE, *restrict a = alpha + (gsize)(k * n + at) * FINE;
      for (int i = 0; i < FINE * count; i++)
        sums[i] += (guint16)((v[i] ^ flip) * a[i]) >> 4;
    }
    for (int i = 0; i < count; i++) {
      guint32 sum = sums[4 * i] + sums[4 * i + 1] + sums[4 * i + 2] + sums[4 * i + 3];
      out[at + i] = (guint8)((sum + 127) / 255);
    }
  }
}

#include "image/barrier_vector.h"
#include "image/blur_vector.h"
#include "image/cells_vector.h"
#include "image/color_vector.h"
#include "image/refine_vector.h"

extern const FmnLoops LOOPS;
const FmnLoops LOOPS = {
    .name = LOOPS_NAME,
    .lanes = LANES,
    .mean_lines = mean_lines,
    .turn = turn,
    .mean_columns = mean_columns,
    .mean_cells = mean_cells,
    .scale = scale,
    .rgb_to_gray = rgb_to_gray,
    .yuv_to_rgb = yuv_to_rgb,
    .opponent = opponent,
    .residual = residual,
    .moments = moments,
    .weigh = weigh,
    .barrier = barrier,
    .outline = outline,
    .mean_of = mean_of,
    .largest_of = largest_of,
    .smallest_of = smallest_of,
    .halve = halve,
    .color_bins = color_bins,
    .votes = votes,
    .votes_total = votes_total,
    .color_share = color_share,
    .decide = decide,
    .enlarge = enlarge,
    .blend = blend,
};
