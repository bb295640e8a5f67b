/* Part of vector.h: pixels × weights → outputs. The sums of a group of pixels stay in registers over all taps and
 * inputs. */

/* Pixels at a time; and CASE(n) for each number of them, so that the sums of every one are registers. */
#if defined(__AVX512F__)
#define GROUP FMN_PRODUCT_ROWS /* 24 of 32 registers hold sums */
#define GROUP_CASES(CASE)                                                                                              \
  CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#elif defined(__AVX2__)
#define GROUP 3 /* 12 of 16 */
#define GROUP_CASES(CASE) CASE(1) CASE(2) CASE(3)
#else
#define GROUP 1 /* 8 of 16 */
#define GROUP_CASES(CASE) CASE(1)
#endif

INLINE Vec load_weights(FmnPacked w, gsize at, const gboolean half) {
  return half ? load_half((const guint16 *)w.data + at) : load((const float *)w.data + at);
}

INLINE void product_step(Vec *sum, const int n, const int vecs, const float *const *rows, gsize i, FmnPacked w,
                         gsize at, const gboolean half) {
  Vec weights[FMN_LANES / VEC_LANES];
#pragma GCC unroll 8
  for (int v = 0; v < vecs; v++)
    weights[v] = load_weights(w, at + (gsize)(v * VEC_LANES), half);
#pragma GCC unroll 12
  for (int r = 0; r < n; r++)
#pragma GCC unroll 8
    for (int v = 0; v < vecs; v++)
      sum[r * vecs + v] += rows[r][i] * weights[v];
}

/* Fewer than eight sums would wait for each other: several inputs then have sums of their own. */
#define MOST_SUMS (MAX(GROUP, 4) * FMN_LANES / VEC_LANES)
#define CHAINS(N, VECS) ((N) * (VECS) <= 2 ? 4 : (N) * (VECS) <= 6 ? 2 : 1)

/* The first `left` lanes, where that is fewer than a register has. */
INLINE void store_sum(float *y, Vec sum, int left, gboolean add) {
  if (left >= VEC_LANES) {
    if (add)
      sum += load(y);
    store(y, sum);
  } else if (left > 0) {
    if (add)
      sum += load_part(y, (gsize)left);
    store_part(y, sum, (gsize)left);
  }
}

INLINE void product_group(const int n, const int vecs, const int chains, const float *const *rows, int row_stride,
                          int taps, gsize k, FmnPacked w, gsize at, const gboolean half, float *y, gsize stride,
                          int lanes, gboolean add) {
  Vec sum[MOST_SUMS];
  const int sums = n * vecs;
#pragma GCC unroll 32
  for (int s = 0; s < chains * sums; s++)
    sum[s] = (Vec){0};
  for (int t = 0; t < taps; t++, rows += row_stride) {
    gsize i = 0;
    for (; i + (gsize)chains <= k; i += (gsize)chains) {
      __asm__("" : "+r"(rows)); /* the pointers are read anew: there are more of them than registers */
#pragma GCC unroll 4
      for (int j = 0; j < chains; j++, at += FMN_LANES)
        product_step(sum + j * sums, n, vecs, rows, i + (gsize)j, w, at, half);
    }
    for (; i < k; i++, at += FMN_LANES)
      product_step(sum, n, vecs, rows, i, w, at, half);
  }
#pragma GCC unroll 32
  for (int s = sums; s < chains * sums; s++)
    sum[s % sums] += sum[s];
#pragma GCC unroll 12
  for (int r = 0; r < n; r++, y += stride)
#pragma GCC unroll 8
    for (int v = 0; v < vecs; v++)
      store_sum(y + v * VEC_LANES, sum[r * vecs + v], lanes - v * VEC_LANES, add);
}

INLINE void product_switch(const float *const *rows, int n, const int vecs, int row_stride, int taps, gsize k,
                           FmnPacked w, gsize at, const gboolean half, float *y, gsize stride, int lanes,
                           gboolean add) {
#define CASE(N)                                                                                                        \
  case N:                                                                                                              \
    product_group(N, vecs, CHAINS(N, vecs), rows, row_stride, taps, k, w, at, half, y, stride, lanes, add);            \
    break;
  switch (n) {
    GROUP_CASES(CASE)
  }
#undef CASE
}

static void product(const float *const *rows, int n, int taps, gsize k, FmnPacked w, gsize block, float *y,
                    gsize stride, int lanes, gboolean add) {
  gsize at = block * (gsize)taps * k * FMN_LANES;
  for (int r = 0; r < n; r += GROUP, y += GROUP * stride) {
    int group = MIN(GROUP, n - r);
    if (w.half)
      product_switch(rows + r, group, FMN_LANES / VEC_LANES, n, taps, k, w, at, TRUE, y, stride, lanes, add);
    else if (lanes <= FMN_LANES / 2)
      product_switch(rows + r, group, FMN_LANES / VEC_LANES / 2, n, taps, k, w, at, FALSE, y, stride, lanes, add);
    else
      product_switch(rows + r, group, FMN_LANES / VEC_LANES, n, taps, k, w, at, FALSE, y, stride, lanes, add);
  }
}
