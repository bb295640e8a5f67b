/* Part of loops_vector.h: means of neighbours. */

/* Of a sum of `count` values; `scale` is 65536 / count, rounded up, which is exact enough for count ≤ 127. */
INLINE guint8 mean_of(guint16 sum, guint16 half, guint16 scale) {
  return (guint8)((guint32)(guint16)(sum + half) * scale >> 16);
}

/* The `radius` values at an end of the line, which goes on as it ends; step 1 from its first value, −1 from its last. */
INLINE void blur_end(const guint8 *line, int n, int radius, int step, guint8 *out) {
  int count = 2 * radius + 1;
  guint16 half = count / 2, scale = (65536 + count - 1) / count, sum = (guint16)(*line * (radius + 1));
  for (int k = 1; k <= radius; k++)
    sum += line[MIN(k, n - 1) * step];
  for (int i = 0; i < MIN(radius, n); i++) {
    out[i * step] = mean_of(sum, half, scale);
    sum += line[MIN(i + radius + 1, n - 1) * step] - *line;
  }
}

INLINE void blur_by(const guint8 *restrict line, int n, const int radius, guint8 *restrict out) {
  const int count = 2 * radius + 1;
  guint16 half = count / 2, scale = (65536 + count - 1) / count;
  for (int i = radius; i < n - radius; i++) {
    guint16 sum = 0;
    for (int k = -radius; k <= radius; k++)
      sum += line[i + k];
    out[i] = mean_of(sum, half, scale);
  }
  blur_end(line, n, radius, 1, out);
  blur_end(line + n - 1, n, radius, -1, out + n - 1);
}

static void blur_line(const guint8 *line, int n, int radius, guint8 *out) {
  if (radius == 1)
    blur_by(line, n, 1, out);
  else if (radius == 3)
    blur_by(line, n, 3, out);
  else
    blur_by(line, n, radius, out);
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
