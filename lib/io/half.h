/* IEEE 754 binary16 ("F16") to and from float32, in plain integer arithmetic. */
#ifndef FMN_IO_HALF_H
#define FMN_IO_HALF_H

#include <glib.h>
#include <string.h>

#define FMN_HALF_MAX 65504.0f
#define FMN_HALF_IS_FINITE(h) (((h)&0x7c00) != 0x7c00)

static inline guint32 fmn_float_bits(float f) {
  guint32 u;
  memcpy(&u, &f, sizeof u);
  return u;
}

static inline float fmn_float_from_bits(guint32 u) {
  float f;
  memcpy(&f, &u, sizeof f);
  return f;
}

/* Exact, subnormals included. */
static inline float fmn_half_to_float(guint16 half) {
  guint32 sign = (guint32)(half & 0x8000) << 16, exponent = (half >> 10) & 0x1f, fraction = half & 0x3ff;
  if (exponent == 31)
    return fmn_float_from_bits(sign | 0x7f800000 | fraction << 13);
  if (exponent == 0) {
    float magnitude = (float)fraction * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  return fmn_float_from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* Rounds to nearest, ties to even; beyond 65520 to infinity; NaN stays NaN. */
static inline guint16 fmn_float_to_half(float value) {
  guint32 u = fmn_float_bits(value), sign = (u >> 16) & 0x8000, magnitude = u & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return (guint16)(sign | 0x7e00);
  if (magnitude >= 0x477ff000)
    return (guint16)(sign | 0x7c00);
  guint32 shift = 13, fraction = magnitude - (112u << 23);
  if (magnitude < 0x38800000) { /* below 2^-14: a subnormal or zero */
    guint32 exponent = magnitude >> 23;
    if (exponent < 102)
      return (guint16)sign;
    shift = 126 - exponent;
    fraction = (magnitude & 0x7fffff) | 0x800000;
  }
  guint32 kept = fraction >> shift, rest = fraction & ((1u << shift) - 1), tie = 1u << (shift - 1);
  if (rest > tie || (rest == tie && (kept & 1)))
    kept++; /* may carry into the exponent, which is right */
  return (guint16)(sign | kept);
}

/* The same of what is to stay finite: beyond the largest number of half precision it is that one. */
static inline guint16 fmn_float_to_half_finite(float value) {
  return fmn_float_to_half(CLAMP(value, -FMN_HALF_MAX, FMN_HALF_MAX));
}

#endif
