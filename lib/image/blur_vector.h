/* Part of loops_vector.h: means of neighbours. */

/* Of a sum of `count` values; `scale` is 65536 / count, rounded up, which is exact enough for count ≤ 127. */
INLINE guint8 mean_of(guint16 sum, guint16 half, guint16 scale) {
  return (guint8)((guint32)(guint16)(sum + half) * scale >> 16);
}

INLINE void blur_framed(const guint8 *restrict framed, int n, const int count, guint8 *restrict out) {
  guint16 half = count / 2, scale = (65536 + count - 1) / count;
  for (int i = 0; i < n; i++) {
    guint16 sum = 0;
    for (int k = 0; k < count; k++)
      sum += framed[i + k];
    out[i] = mean_of(sum, half, scale);
  }
}

static void blur_line(const guint8 *line, int n, int radius, guint8 *out) {
  guint8 framed[FMN_BLUR_WIDEST + 2 * FMN_BLUR_RADIUS];
  memset(framed, line[0], radius);
  memcpy(framed + radius, line, n);
  memset(framed + radius + n, line[n - 1], radius);
  if (radius == 1)
    blur_framed(framed, n, 3, out);
  else if (radius == 3)
    blur_framed(framed, n, 7, out);
  else
    blur_framed(framed, n, 2 * radius + 1, out);
}

INLINE void slide_sums(guint16 *restrict sums, const guint8 *restrict in, const guint8 *restrict gone, int n, int count,
                       guint8 *restrict out) {
  guint16 half = count / 2, scale = (65536 + count - 1) / count;
  for (int i = 0; i < n; i++) {
    out[i] = mean_of(sums[i], half, scale);
    sums[i] += in[i] - gone[i];
  }
}

static void slide(guint16 *sums, const guint8 *in, const guint8 *gone, int n, int radius, guint8 *out) {
  if (gone && out)
    slide_sums(sums, in, gone, n, 2 * radius + 1, out);
  else
    for (int i = 0; i < n; i++)
      sums[i] += in[i];
}
