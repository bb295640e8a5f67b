#ifndef FMN_KERNELS_WINDOW_H
#define FMN_KERNELS_WINDOW_H

#include <glib.h>

/* The outputs 0 ≤ o < out whose input o·stride + shift lies in 0 ≤ i < size: first inclusive, last exclusive. */
static inline void fmn_window_range(int shift, int stride, int size, int out, int *first, int *last) {
  int lo = shift < 0 ? (-shift + stride - 1) / stride : 0;
  int hi = size - shift > 0 ? (size - shift + stride - 1) / stride : 0;
  *first = MIN(lo, out);
  *last = CLAMP(hi, *first, out);
}

#endif
