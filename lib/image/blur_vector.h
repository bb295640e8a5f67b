/* Part of loops_vector.h: what pixels are made of together with their neighbours, which come as lines to read at the
 * same place. Lines may be whole pictures, so that there is one rest for all of them. */

/* Of a sum of `count` values; `scale` is 65536 / count, rounded up, which is exact enough for count ≤ 127. */
INLINE Lanes mean_of_sum(Lanes sum, guint16 half, guint16 scale) {
  return high_product(sum + broadcast(half), broadcast(scale));
}

/* 2 · LANES bytes: the even ones and the odd ones, so that nothing has to be widened. */
INLINE void mean_of_at(const guint8 *const *lines, const int n_lines, gsize at, guint16 half, guint16 scale,
                       guint8 *out) {
  Lanes even = broadcast(0), odd = broadcast(0);
  for (int k = 0; k < n_lines; k++) {
    Lanes both = *(const Lanes *)(lines[k] + at);
    even += both & 255;
    odd += both >> 8;
  }
  *(Lanes *)(out + at) = mean_of_sum(even, half, scale) | mean_of_sum(odd, half, scale) << 8;
}

INLINE void mean_of_so_many(const guint8 *const *lines, const int n_lines, gsize n, guint8 *out) {
  guint16 half = n_lines / 2, scale = (65536 + n_lines - 1) / n_lines;
  gsize i = 0;
  for (; i + 2 * LANES <= n; i += 2 * LANES)
    mean_of_at(lines, n_lines, i, half, scale, out);
  if (i < n && n >= 2 * LANES) {
    mean_of_at(lines, n_lines, n - 2 * LANES, half, scale, out);
    return;
  }
  for (; i < n; i++) {
    guint16 sum = half;
    for (int k = 0; k < n_lines; k++)
      sum += lines[k][i];
    out[i] = (guint8)((guint32)sum * scale >> 16);
  }
}

static void mean_of(const guint8 *const *lines, int n_lines, gsize n, guint8 *out) {
  if (n_lines == 3)
    mean_of_so_many(lines, 3, n, out);
  else if (n_lines == 7)
    mean_of_so_many(lines, 7, n, out);
  else
    mean_of_so_many(lines, n_lines, n, out);
}

INLINE void largest_of_three(const guint8 *restrict a, const guint8 *restrict b, const guint8 *restrict c, gsize n,
                             guint8 *restrict out) {
  for (gsize i = 0; i < n; i++) {
    guint8 v = a[i] > b[i] ? a[i] : b[i];
    out[i] = v > c[i] ? v : c[i];
  }
}

INLINE void smallest_of_three(const guint8 *restrict a, const guint8 *restrict b, const guint8 *restrict c, gsize n,
                              guint8 *restrict out) {
  for (gsize i = 0; i < n; i++) {
    guint8 v = a[i] < b[i] ? a[i] : b[i];
    out[i] = v < c[i] ? v : c[i];
  }
}

static void largest_of(const guint8 *const lines[3], gsize n, guint8 *out) {
  largest_of_three(lines[0], lines[1], lines[2], n, out);
}

static void smallest_of(const guint8 *const lines[3], gsize n, guint8 *out) {
  smallest_of_three(lines[0], lines[1], lines[2], n, out);
}
