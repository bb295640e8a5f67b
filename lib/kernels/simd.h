/* Part of vector.h: one register of floats, as wide as the instruction set's, and what loops need of it. The operators
 * are those of GCC's and Clang's vector extension; a vector wider than a register would live in memory. */

#define INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__)
#define VEC_LANES 16
#elif defined(__AVX2__)
#define VEC_LANES 8
#else
#define VEC_LANES 4
#endif

typedef float Vec __attribute__((vector_size(4 * VEC_LANES), aligned(4), may_alias)); /* at any address */
typedef gint32 IntVec __attribute__((vector_size(4 * VEC_LANES), may_alias));

INLINE Vec load(const float *p) { return *(const Vec *)p; }
INLINE void store(float *p, Vec v) { *(Vec *)p = v; }
INLINE Vec broadcast(float x) { return x - (Vec){0}; }

/* The first n ≤ VEC_LANES lanes, the others zero. */
INLINE Vec load_part(const float *p, gsize n) {
#if defined(__AVX512F__)
  return (Vec)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
  float lanes[VEC_LANES] = {0};
  for (gsize i = 0; i < n; i++)
    lanes[i] = p[i];
  return load(lanes);
#endif
}

INLINE void store_part(float *p, Vec v, gsize n) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#else
  float lanes[VEC_LANES];
  store(lanes, v);
  for (gsize i = 0; i < n; i++)
    p[i] = lanes[i];
#endif
}

/* A whole register or the first lanes of it; `lanes` a constant where it is whole. */
INLINE Vec load_lanes(const float *p, gsize lanes) { return lanes == VEC_LANES ? load(p) : load_part(p, lanes); }

INLINE void store_lanes(float *p, Vec v, gsize lanes) {
  if (lanes == VEC_LANES)
    store(p, v);
  else
    store_part(p, v, lanes);
}

INLINE IntVec pick_bits(IntVec which, IntVec a, IntVec b) { return (which & a) | (~which & b); }
INLINE Vec pick(IntVec which, Vec a, Vec b) { return (Vec)pick_bits(which, (IntVec)a, (IntVec)b); }

/* VEC_LANES numbers of IEEE half precision, exactly. */
INLINE Vec load_half(const guint16 *p) {
#if defined(__AVX512F__)
  return (Vec)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
#elif defined(__F16C__)
  return (Vec)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
#else
  guint16 half __attribute__((vector_size(2 * VEC_LANES)));
  memcpy(&half, p, sizeof half);
  IntVec bits = __builtin_convertvector(half, IntVec), magnitude = bits & 0x7fff;
  IntVec scaled = (IntVec)((Vec)(magnitude << 13) * 0x1p112f); /* moves the exponent's bias, normalises subnormals */
  IntVec special = (magnitude << 13) | 0x7f800000;
  return (Vec)((pick_bits(magnitude >= 0x7c00, special, scaled)) | ((bits & 0x8000) << 16));
#endif
}

/* Where a lane of v is NaN, it stays. */
INLINE Vec at_least(Vec v, float low) {
#if defined(__AVX512F__)
  return (Vec)_mm512_max_ps(_mm512_set1_ps(low), (__m512)v);
#elif defined(__AVX2__)
  return (Vec)_mm256_max_ps(_mm256_set1_ps(low), (__m256)v);
#else
  return pick(v < low, broadcast(low), v);
#endif
}

INLINE Vec at_most(Vec v, float high) {
#if defined(__AVX512F__)
  return (Vec)_mm512_min_ps(_mm512_set1_ps(high), (__m512)v);
#elif defined(__AVX2__)
  return (Vec)_mm256_min_ps(_mm256_set1_ps(high), (__m256)v);
#else
  return pick(v > high, broadcast(high), v);
#endif
}

/* The nearest whole number; |v| < 2³¹. */
INLINE Vec nearest(Vec v) {
#if defined(__AVX512F__)
  return (Vec)_mm512_roundscale_ps((__m512)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#elif defined(__AVX2__)
  return (Vec)_mm256_round_ps((__m256)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
  Vec half = pick(v < 0.f, broadcast(-.5f), broadcast(.5f));
  return __builtin_convertvector(__builtin_convertvector(v + half, IntVec), Vec);
#endif
}

/* v·2ⁿ for whole numbers n from −160 to 160: in two steps, as one factor might not be a float. */
INLINE Vec scale_by_power(Vec v, Vec n) {
#if defined(__AVX512F__)
  return (Vec)_mm512_scalef_ps((__m512)v, (__m512)n);
#else
  IntVec whole = __builtin_convertvector(n, IntVec), half = whole >> 1;
  return v * (Vec)((half + 127) << 23) * (Vec)((whole - half + 127) << 23);
#endif
}
