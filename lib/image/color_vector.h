/* Part of loops_vector.h: what colours the object has and what colours the ground. */

typedef guint16 Pair __attribute__((aligned(1), may_alias));

static void halve(const guint8 *line, const guint8 *under, int n, guint8 *restrict out) {
  const Pair *restrict a = (const Pair *)line, *restrict b = (const Pair *)under;
  for (int i = 0; i < n; i++)
    out[i] = (guint8)(((a[i] & 255) + (a[i] >> 8) + (b[i] & 255) + (b[i] >> 8) + 2) >> 2);
}

/* Steps of 16 levels of lightness, and of less than 11 of two differences of colours, the outer ones being rare. */
INLINE gint16 color_step(gint16 v) {
  v = (gint16)(v + (FMN_COLOR_STEPS / 2 << 5)) >> 5;
  return v < 0 ? 0 : v >= FMN_COLOR_STEPS ? FMN_COLOR_STEPS - 1 : v;
}

INLINE void bins_of(const guint8 *restrict r, const guint8 *restrict g, const guint8 *restrict b, int n,
                    guint16 *restrict out) {
  for (int i = 0; i < n; i++) {
    guint16 l = (guint16)(r[i] * 77 + g[i] * 150 + b[i] * 29) >> 12;
    gint16 p = (gint16)(3 * (r[i] - g[i])), q = (gint16)(3 * (r[i] + g[i] - 2 * b[i])) >> 1;
    out[i] = (guint16)((l * FMN_COLOR_STEPS + color_step(p)) * FMN_COLOR_STEPS + color_step(q));
  }
}

static void color_bins(const guint8 *const rgb[3], int n, guint16 *out) { bins_of(rgb[0], rgb[1], rgb[2], n, out); }

INLINE void votes_of(const guint16 *restrict object_out, const guint16 *restrict object_in,
                     const guint16 *restrict ground_out, const guint16 *restrict ground_in, const guint8 *restrict mask,
                     const guint8 *restrict hint, guint32 doubt, int n, guint64 *restrict said) {
  guint32 sure = (65536 - doubt) / 255;
  for (int i = 0; i < n; i++) {
    guint32 object = mask[i] ? object_in[i] : object_out[i], ground = mask[i] ? ground_in[i] : ground_out[i];
    guint32 certain = doubt + (mask[i] ? sure * hint[i] : 0);
    said[i] = (object * certain >> 16) | (guint64)ground << 32;
  }
}

static void votes(const FmnVotes v[2], const guint8 *mask, const guint8 *hint, guint32 doubt, int n, guint64 *said) {
  votes_of(v[0].object, v[1].object, v[0].ground, v[1].ground, mask, hint, doubt, n, said);
}

static guint32 votes_total(const guint16 *votes, const guint8 *mask, guint8 but, int n) {
  guint32 sum = 0;
  for (int i = 0; i < n; i++)
    sum += mask[i] == but ? 0 : votes[i];
  return sum;
}

/* Numbers of 32 bits are twice as many a register: the two sums of a kind are seen as two of them. On machines that
 * keep the upper half first the two change places, and so does what shares() is told. */
#define COLOR_SUMS (2 * FMN_COLOR_BINS)
typedef guint32 Sum __attribute__((may_alias));
#define OBJECT_FIRST (G_BYTE_ORDER == G_LITTLE_ENDIAN)

INLINE guint32 smoothed(guint32 before, guint32 own, guint32 after) { return (before + 2 * own + after + 2) >> 2; }

/* Along one direction; `step` sums are from neighbour to neighbour. */
INLINE void smooth(const Sum *restrict in, Sum *restrict out, const int step) {
  for (int at = 0; at < COLOR_SUMS; at += FMN_COLOR_STEPS * step)
    for (int k = 0; k < FMN_COLOR_STEPS; k++) {
      const Sum *own = in + at + k * step, *before = k > 0 ? own - step : own;
      const Sum *after = k < FMN_COLOR_STEPS - 1 ? own + step : own;
      for (int i = 0; i < step; i++)
        out[at + k * step + i] = smoothed(before[i], own[i], after[i]);
    }
}

/* The same for neighbours that follow each other. */
INLINE void smooth_along(const Sum *restrict in, Sum *restrict out) {
  for (int i = 2; i < COLOR_SUMS - 2; i++)
    out[i] = smoothed(in[i - 2], in[i], in[i + 2]);
  for (int at = 0; at < COLOR_SUMS; at += 2 * FMN_COLOR_STEPS)
    for (int i = 0; i < 2; i++) {
      int last = at + 2 * (FMN_COLOR_STEPS - 1) + i;
      out[at + i] = smoothed(in[at + i], in[at + i], in[at + i + 2]);
      out[last] = smoothed(in[last - 2], in[last], in[last]);
    }
}

/* Kinds this rare, as a share of all, say little. */
#define COLOR_RARE 3e-4f

INLINE void shares(const Sum *restrict sums, guint8 *restrict share) {
  enum { OBJECT = !OBJECT_FIRST, GROUND = OBJECT_FIRST };
  guint64 object = 0, ground = 0;
  for (int i = 0; i < FMN_COLOR_BINS; i++) {
    object += sums[2 * i + OBJECT];
    ground += sums[2 * i + GROUND];
  }
  float o = 1.f / MAX(object, 1), g = 1.f / MAX(ground, 1);
  for (int i = 0; i < FMN_COLOR_BINS; i++) {
    float a = (gint32)sums[2 * i + OBJECT] * o + COLOR_RARE, b = (gint32)sums[2 * i + GROUND] * g + COLOR_RARE;
    share[i] = (guint8)(int)(255 * a / (a + b));
  }
}

INLINE void add_sums(guint64 *restrict a, const guint64 *restrict b) {
  for (int i = 0; i < FMN_COLOR_BINS; i++)
    a[i] += b[i];
}

static void color_share(guint64 *a, guint64 *b, guint8 *share) {
  Sum *sums = (Sum *)a, *scratch = (Sum *)b;
  add_sums(a, b);
  smooth(sums, scratch, 2 * FMN_COLOR_STEPS * FMN_COLOR_STEPS);
  smooth(scratch, sums, 2 * FMN_COLOR_STEPS);
  smooth_along(sums, scratch);
  shares(scratch, share);
}
