/* F16 against arithmetic: all 65536 values, and rounding on all neighbours. */
#include <math.h>

#include "io/half.h"

static double reference(guint16 half) {
  int exponent = (half >> 10) & 31;
  double fraction = half & 0x3ff, magnitude = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
  return half & 0x8000 ? -magnitude : magnitude;
}

static void widen(void) {
  for (guint i = 0; i < 65536; i++) {
    guint16 half = (guint16)i;
    float f = fmn_half_to_float(half);
    if (!FMN_HALF_IS_FINITE(half)) {
      g_assert_true((half & 0x3ff) ? isnan(f) : isinf(f));
      continue;
    }
    g_assert_cmpfloat((double)f, ==, reference(half));
    g_assert_cmpint(signbit(f) != 0, ==, half >> 15);
    g_assert_cmpuint(fmn_float_to_half(f), ==, half);
  }
  g_assert_cmpuint(fmn_float_to_half(INFINITY), ==, 0x7c00);
  g_assert_cmpuint(fmn_float_to_half(-INFINITY), ==, 0xfc00);
  g_assert_cmpuint(fmn_float_to_half(NAN) & 0x7e00, ==, 0x7e00);
}

/* The middle of two neighbours goes to the even one, a hair beside it to the nearer one. */
static void narrow(void) {
  for (guint i = 0; i < 0x7bff; i++) {
    float middle = (float)((reference((guint16)i) + reference((guint16)(i + 1))) / 2);
    g_assert_cmpuint(fmn_float_to_half(middle), ==, i + (i & 1));
    g_assert_cmpuint(fmn_float_to_half(nextafterf(middle, 0)), ==, i);
    g_assert_cmpuint(fmn_float_to_half(nextafterf(middle, INFINITY)), ==, i + 1);
    g_assert_cmpuint(fmn_float_to_half(-middle), ==, (i + (i & 1)) | 0x8000);
  }
  g_assert_cmpuint(fmn_float_to_half(nextafterf(65520, 0)), ==, 0x7bff);
  g_assert_cmpuint(fmn_float_to_half(65520), ==, 0x7c00);
  g_assert_cmpuint(fmn_float_to_half(1e30f), ==, 0x7c00);
  g_assert_cmpuint(fmn_float_to_half(1e-40f), ==, 0);
  g_assert_cmpuint(fmn_float_to_half_finite(1), ==, 0x3c00);
  g_assert_cmpuint(fmn_float_to_half_finite(65520), ==, 0x7bff);
  g_assert_cmpuint(fmn_float_to_half_finite(-3e38f), ==, 0xfbff);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/half/widen", widen);
  g_test_add_func("/half/narrow", narrow);
  return g_test_run();
}
