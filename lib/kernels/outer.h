/* Part of vector.h: the gradient of weights as a sum over pixels of outer products. The sums of a group of inputs stay in registers
 * over all pixels. */

/* Each register has `lanes` outputs: fewer than it holds only where there is one. */
INLINE void outer_group(const FmnPixels *x, const FmnPixels *dy, int rows, int columns, const int inputs, const int vecs,
                        gsize lanes, float *y, gsize stride, gboolean add) {
  Vec sum[MOST_SUMS];
#pragma GCC unroll 32
  for (int s = 0; s < inputs * vecs; s++)
    sum[s] = (Vec){0};
  for (int r = 0; r < rows; r++) {
    const float *px = x->data + (gsize)r * x->row, *pd = dy->data + (gsize)r * dy->row;
    for (int c = 0; c < columns; c++, px += x->column, pd += dy->column) {
      Vec d[FMN_LANES / VEC_LANES];
#pragma GCC unroll 8
      for (int v = 0; v < vecs; v++)
        d[v] = load_lanes(pd + v * VEC_LANES, lanes);
#pragma GCC unroll 12
      for (int i = 0; i < inputs; i++)
#pragma GCC unroll 8
        for (int v = 0; v < vecs; v++)
          sum[i * vecs + v] += px[i] * d[v];
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < inputs; i++, y += stride)
#pragma GCC unroll 8
    for (int v = 0; v < vecs; v++)
      store_sum(y + v * VEC_LANES, sum[i * vecs + v], (int)lanes, add);
}

INLINE void outer_switch(const FmnPixels *x, const FmnPixels *dy, int rows, int columns, int inputs, const int vecs, gsize lanes,
                         float *y, gsize stride, gboolean add) {
#define CASE(N)                                                                                                        \
  case N:                                                                                                              \
    outer_group(x, dy, rows, columns, N, vecs, lanes, y, stride, add);                                                 \
    break;
  switch (inputs) {
    GROUP_CASES(CASE)
  }
#undef CASE
}

/* All lanes together, or register by register; the last one may be cut. */
static void outer(const FmnPixels *x, const FmnPixels *dy, int rows, int columns, int inputs, int lanes, float *y, gsize stride,
                  gboolean add) {
  for (int i = 0; i < inputs; i += GROUP) {
    int group = MIN(GROUP, inputs - i);
    FmnPixels from = {x->data + i, x->row, x->column};
    float *to = y + (gsize)i * stride;
    if (lanes == FMN_LANES) {
      outer_switch(&from, dy, rows, columns, group, FMN_LANES / VEC_LANES, VEC_LANES, to, stride, add);
      continue;
    }
    for (int lane = 0; lane < lanes; lane += VEC_LANES) {
      FmnPixels some = {dy->data + lane, dy->row, dy->column};
      if (lanes - lane >= VEC_LANES)
        outer_switch(&from, &some, rows, columns, group, 1, VEC_LANES, to + lane, stride, add);
      else
        outer_switch(&from, &some, rows, columns, group, 1, (gsize)(lanes - lane), to + lane, stride, add);
    }
  }
}
