/* Part of vector.h: pixels × weights → outputs. The sums of a group of pixels stay in registers over all taps and inputs. */

/* 16 lanes, at any address; two or four registers where the machine's are narrower. */
typedef float Vec __attribute__((vector_size(64), aligned(4), may_alias));

#if defined(__AVX512F__)
#define GROUP FMN_PRODUCT_ROWS /* 24 of 32 registers hold sums */
#elif defined(__AVX2__)
#define GROUP 3 /* 12 of 16 */
#else
#define GROUP 1
#endif

INLINE Vec load_weights(FmnPacked w, gsize at, const gboolean half) {
  if (!half)
    return *(const Vec *)((const float *)w.data + at);
  const guint16 *p = (const guint16 *)w.data + at;
#if defined(__AVX512F__)
  return (Vec)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
#else
  Vec v;
  from_half((float *)&v, p, 16);
  return v;
#endif
}

/* A whole number of vectors is stored as such. */
INLINE void store_lanes(float *y, const Vec *v, const int vecs, int lanes) {
  if (lanes == vecs * 16)
    memcpy(y, v, (gsize)vecs * sizeof *v);
  else
    memcpy(y, v, (gsize)lanes * sizeof *y);
}

INLINE void product_group(const int n, const int vecs, const float *const *rows, int row_stride, int taps, gsize k,
                          FmnPacked w, gsize at, const gboolean half, float *y, gsize stride, int lanes) {
  Vec sum[GROUP][2] = {0};
  for (int t = 0; t < taps; t++, rows += row_stride)
    for (gsize i = 0; i < k; i++, at += FMN_LANES) {
      Vec w0 = load_weights(w, at, half), w1 = vecs > 1 ? load_weights(w, at + 16, half) : w0;
#pragma GCC unroll 12
      for (int r = 0; r < n; r++) {
        sum[r][0] += rows[r][i] * w0;
        if (vecs > 1)
          sum[r][1] += rows[r][i] * w1;
      }
    }
#pragma GCC unroll 12
  for (int r = 0; r < n; r++)
    store_lanes(y + (gsize)r * stride, sum[r], vecs, lanes);
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
      product_switch(rows + r, group, 2, n, taps, k, w, at, TRUE, y, stride, lanes);
    else if (lanes <= 16)
      product_switch(rows + r, group, 1, n, taps, k, w, at, FALSE, y, stride, lanes);
    else
      product_switch(rows + r, group, 2, n, taps, k, w, at, FALSE, y, stride, lanes);
  }
}
