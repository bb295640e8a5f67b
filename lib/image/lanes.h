/* Part of loops_vector.h: one register of 16-bit values, as wide as the instruction set's, and what loops need of it
 * that the operators of GCC's and Clang's vector extension are not, or not in one instruction. */
#include <string.h>

#if defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

#if defined(__AVX512BW__)
#define LANES 32
#elif defined(__AVX2__)
#define LANES 16
#else
#define LANES 8
#endif

typedef guint16 Lanes __attribute__((vector_size(2 * LANES), aligned(1), may_alias)); /* at any address */
typedef gint16 Signed __attribute__((vector_size(2 * LANES), aligned(2), may_alias));
typedef guint8 Bytes __attribute__((vector_size(LANES), aligned(1), may_alias));
typedef guint16 Eight __attribute__((vector_size(16), aligned(2), may_alias));

INLINE Lanes broadcast(guint16 v) { return v - (Lanes){0}; }

/* LANES bytes, each times 256. */
INLINE Lanes load_bytes(const guint8 *p) {
#if defined(__AVX512BW__)
  return (Lanes)_mm512_slli_epi16(_mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)p)), 8);
#elif defined(__AVX2__)
  return (Lanes)_mm256_slli_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)p)), 8);
#elif defined(__SSE2__)
  return (Lanes)_mm_unpacklo_epi8(_mm_setzero_si128(), _mm_loadl_epi64((const __m128i *)p));
#else
  return __builtin_convertvector(*(const Bytes *)p, Lanes) << 8;
#endif
}

/* a · b / 65536 */
INLINE Lanes high_product(Lanes a, Lanes b) {
#if defined(__AVX512BW__)
  return (Lanes)_mm512_mulhi_epu16((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  return (Lanes)_mm256_mulhi_epu16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
  return (Lanes)_mm_mulhi_epu16((__m128i)a, (__m128i)b);
#else
  typedef guint32 Wide __attribute__((vector_size(4 * LANES)));
  return __builtin_convertvector(__builtin_convertvector(a, Wide) * __builtin_convertvector(b, Wide) >> 16, Lanes);
#endif
}

INLINE Signed larger(Signed a, Signed b) {
#if defined(__AVX512BW__)
  return (Signed)_mm512_max_epi16((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  return (Signed)_mm256_max_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
  return (Signed)_mm_max_epi16((__m128i)a, (__m128i)b);
#else
  Signed which = a > b;
  return (a & which) | (b & ~which);
#endif
}

/* Which lanes of a are less than b's, and a there, b elsewhere. */
#if defined(__AVX512BW__)
typedef __mmask32 Which;
INLINE Which less(Signed a, Signed b) { return _mm512_cmplt_epi16_mask((__m512i)a, (__m512i)b); }
INLINE Signed pick(Which which, Signed a, Signed b) {
  return (Signed)_mm512_mask_blend_epi16(which, (__m512i)b, (__m512i)a);
}
#else
typedef Signed Which;
INLINE Which less(Signed a, Signed b) { return a < b; }
INLINE Signed pick(Which which, Signed a, Signed b) {
#if defined(__AVX2__)
  return (Signed)_mm256_blendv_epi8((__m256i)b, (__m256i)a, (__m256i)which);
#else
  return (a & which) | (b & ~which);
#endif
}
#endif

/* The lanes of v one further up, the last lane of before in lane 0; or one further down, the first of after at the end.
 */
#if LANES == 32
#define UP                                                                                                             \
  31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59,  \
      60, 61, 62
#define DOWN                                                                                                           \
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32
#elif LANES == 16
#define UP 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
#define DOWN 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
#else
#define UP 7, 8, 9, 10, 11, 12, 13, 14
#define DOWN 1, 2, 3, 4, 5, 6, 7, 8
#endif
INLINE Signed shift_up(Signed before, Signed v) { return __builtin_shufflevector(before, v, UP); }
INLINE Signed shift_down(Signed v, Signed after) { return __builtin_shufflevector(v, after, DOWN); }

/* Eight lines of eight values become eight columns. Steps are from line to line. */
INLINE void turn_eight(const guint16 *in, gssize in_step, guint16 *out, gssize out_step) {
  Eight a[8], b[8];
  for (int i = 0; i < 8; i++)
    a[i] = *(const Eight *)(in + i * in_step);
  for (int i = 0; i < 4; i++) { /* lines i and i + 4 interleaved; after three rounds all are */
    b[2 * i] = __builtin_shufflevector(a[i], a[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
    b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
  }
  for (int i = 0; i < 4; i++) {
    a[2 * i] = __builtin_shufflevector(b[i], b[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
    a[2 * i + 1] = __builtin_shufflevector(b[i], b[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
  }
  for (int i = 0; i < 4; i++) {
    *(Eight *)(out + 2 * i * out_step) = __builtin_shufflevector(a[i], a[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
    *(Eight *)(out + (2 * i + 1) * out_step) = __builtin_shufflevector(a[i], a[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
  }
}
