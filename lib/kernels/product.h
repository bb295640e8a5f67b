/* Part of vector.h: pixels × weights → outputs. The sums of a group of pixels stay in registers over all taps and inputs. */

#if defined(__AVX512F__)
#define GROUP FMN_PRODUCT_ROWS /* pixels at a time: 24 of 32 registers hold sums */
#elif defined(__AVX2__)
#define GROUP 3 /* 12 of 16 */
#else
#define GROUP 1 /* 8 of 16 */
#endif

INLINE Vec load_weights(FmnPacked w, gsize at, const gboolean half) {
  if (!half)
    return *(const Vec *)((const float *)w.data + at);
  const guint16 *p = (const guint16 *)w.data + at;
#if defined(__AVX512F__)
  return (Vec)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
#elif defined(__F16C__)
  return (Vec)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
#else
  Vec v;
  for (int i = 0; i < VEC_LANES; i++)
    v[i] = fmn_half_to_float(p[i]);
  return v;
#endif
}

INLINE void product_group(const int n, const int vecs, const float *const *rows, int row_stride, int taps, gsize k,
                          FmnPacked w, gsize at, const gboolean half, float *y, gsize stride, int lanes) {
  Vec sum[GROUP][FMN_LANES / VEC_LANES];
#pragma GCC unroll 12
  for (int r = 0; r < n; r++)
#pragma GCC unroll 8
    for (int v = 0; v < vecs; v++)
      sum[r][v] = (Vec){0};
  for (int t = 0; t < taps; t++, rows += row_stride)
    for (gsize i = 0; i < k; i++, at += FMN_LANES) {
      Vec weights[FMN_LANES / VEC_LANES];
#pragma GCC unroll 8
      for (int v = 0; v < vecs; v++)
        weights[v] = load_weights(w, at + (gsize)(v * VEC_LANES), half);
#pragma GCC unroll 12
      for (int r = 0; r < n; r++)
#pragma GCC unroll 8
        for (int v = 0; v < vecs; v++)
          sum[r][v] += rows[r][i] * weights[v];
    }
#pragma GCC unroll 12
  for (int r = 0; r < n; r++, y += stride) {
    if (lanes == vecs * VEC_LANES) {
#pragma GCC unroll 8
      for (int v = 0; v < vecs; v++)
        *(Vec *)(y + v * VEC_LANES) = sum[r][v];
    } else {
      float all[FMN_LANES];
#pragma GCC unroll 8
      for (int v = 0; v < vecs; v++)
        *(Vec *)(all + v * VEC_LANES) = sum[r][v];
      memcpy(y, all, (gsize)lanes * sizeof *y);
    }
  }
}

/* One call for each number of pixels, so that the sums are registers. */
INLINE void product_switch(const float *const *rows, int n, const int vecs, int row_stride, int taps, gsize k, FmnPacked w,
                           gsize at, const gboolean half, float *y, gsize stride, int lanes) {
#define CASE(N)                                                                                                        \
  case N:                                                                                                              \
    product_group(N, vecs, rows, row_stride, taps, k, w, at, half, y, stride, lanes);                                  \
    break
  switch (n) {
    CASE(1);
#if GROUP >= 3
    CASE(2);
    CASE(3);
#endif
#if GROUP >= 12
    CASE(4);
    CASE(5);
    CASE(6);
    CASE(7);
    CASE(8);
    CASE(9);
    CASE(10);
    CASE(11);
    CASE(12);
#endif
  }
#undef CASE
}

static void product(const float *const *rows, int n, int taps, gsize k, FmnPacked w, gsize block, float *y, gsize stride,
                    int lanes) {
  gsize at = block * (gsize)taps * k * FMN_LANES;
  for (int r = 0; r < n; r += GROUP, y += GROUP * stride) {
    int group = MIN(GROUP, n - r);
    if (w.half)
      product_switch(rows + r, group, FMN_LANES / VEC_LANES, n, taps, k, w, at, TRUE, y, stride, lanes);
    else if (lanes <= FMN_LANES / 2)
      product_switch(rows + r, group, FMN_LANES / VEC_LANES / 2, n, taps, k, w, at, FALSE, y, stride, lanes);
    else
      product_switch(rows + r, group, FMN_LANES / VEC_LANES, n, taps, k, w, at, FALSE, y, stride, lanes);
  }
}
