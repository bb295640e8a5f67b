/* Part of vector.h: depthwise convolution, some registers of channels at a time. */

#define MOST_VECS 4 /* registers of channels worked on together: their sums hide each other's latency */

/* The taps first ≤ t < last of an output whose first tap is at `at` lie inside of 0 ≤ i < size. */
INLINE void taps_inside(int at, int k, int size, int *first, int *last) {
  *first = at < 0 ? -at : 0;
  *last = size - at < k ? size - at : k;
}

INLINE void depthwise_row_as(const FmnWindow *s, const float *x, const float *w, const FmnEpilogue *e,
                             const FmnActivation kind, int row, float *y, gsize c, const int vecs, gsize lanes) {
  EpilogueVec ev[MOST_VECS];
  int y0 = row * s->stride - s->pad, ky0, ky1;
  taps_inside(y0, s->k, s->in_h, &ky0, &ky1);
#pragma GCC unroll 4
  for (int v = 0; v < vecs; v++)
    ev[v] = load_epilogue(e, c + (gsize)v * VEC_LANES, lanes);
  for (int ox = 0; ox < s->out_w; ox++) {
    Vec sum[MOST_VECS] = {0};
    int x0 = ox * s->stride - s->pad, kx0, kx1;
    taps_inside(x0, s->k, s->in_w, &kx0, &kx1);
    for (int ky = ky0; ky < ky1; ky++)
      for (int kx = kx0; kx < kx1; kx++) {
        const float *px = x + (gsize)((y0 + ky) * s->in_w + x0 + kx) * s->c + c;
        const float *pw = w + (gsize)(ky * s->k + kx) * s->c + c;
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++)
          sum[v] += load_lanes(px + v * VEC_LANES, lanes) * load_lanes(pw + v * VEC_LANES, lanes);
      }
    float *out = y + (gsize)ox * s->c + c;
#pragma GCC unroll 4
    for (int v = 0; v < vecs; v++)
      store_lanes(out + v * VEC_LANES, apply_epilogue(sum[v], ev[v], kind), lanes);
  }
}

INLINE void depthwise_as(const FmnWindow *s, const float *x, const float *w, const FmnEpilogue *e,
                         const FmnActivation kind, int row, float *y) {
  gsize c = 0;
  for (; c + MOST_VECS * VEC_LANES <= s->c; c += MOST_VECS * VEC_LANES)
    depthwise_row_as(s, x, w, e, kind, row, y, c, MOST_VECS, VEC_LANES);
  for (; c + VEC_LANES <= s->c; c += VEC_LANES)
    depthwise_row_as(s, x, w, e, kind, row, y, c, 1, VEC_LANES);
  if (c < s->c)
    depthwise_row_as(s, x, w, e, kind, row, y, c, 1, s->c - c);
}

static void depthwise(const FmnWindow *s, const float *x, const float *w, const FmnEpilogue *e, int row,
                      float *y){FOR_ACT(e->act, depthwise_as(s, x, w, e, (FmnActivation)KIND, row, y))}

/* dw(tap) += Σ over outputs of dy·x; a tap's sums stay in registers for one image. */
INLINE void depthwise_weights_as(const FmnWindow *s, const float *x, const float *dy, float *dw, gsize c,
                                 const int vecs, gsize lanes) {
  for (int ky = 0; ky < s->k; ky++)
    for (int kx = 0; kx < s->k; kx++) {
      Vec sum[MOST_VECS] = {0};
      for (int oy = 0; oy < s->out_h; oy++) {
        int iy = oy * s->stride - s->pad + ky;
        if (iy < 0 || iy >= s->in_h)
          continue;
        for (int ox = 0; ox < s->out_w; ox++) {
          int ix = ox * s->stride - s->pad + kx;
          if (ix < 0 || ix >= s->in_w)
            continue;
          const float *px = x + (gsize)(iy * s->in_w + ix) * s->c + c,
                      *pd = dy + (gsize)(oy * s->out_w + ox) * s->c + c;
#pragma GCC unroll 4
          for (int v = 0; v < vecs; v++)
            sum[v] += load_lanes(px + v * VEC_LANES, lanes) * load_lanes(pd + v * VEC_LANES, lanes);
        }
      }
      float *to = dw + (gsize)(ky * s->k + kx) * s->c + c;
#pragma GCC unroll 4
      for (int v = 0; v < vecs; v++)
        store_lanes(to + v * VEC_LANES, load_lanes(to + v * VEC_LANES, lanes) + sum[v], lanes);
    }
}

/* dx = Σ over the taps by which an output reads the pixel of dy·w. */
INLINE void depthwise_inputs_as(const FmnWindow *s, const float *dy, const float *w, float *dx, gsize c, const int vecs,
                                gsize lanes) {
  for (int iy = 0; iy < s->in_h; iy++)
    for (int ix = 0; ix < s->in_w; ix++) {
      Vec sum[MOST_VECS] = {0};
      for (int ky = 0; ky < s->k; ky++) {
        int oy = iy + s->pad - ky;
        if (oy < 0 || oy % s->stride || oy / s->stride >= s->out_h)
          continue;
        for (int kx = 0; kx < s->k; kx++) {
          int ox = ix + s->pad - kx;
          if (ox < 0 || ox % s->stride || ox / s->stride >= s->out_w)
            continue;
          const float *pd = dy + (gsize)(oy / s->stride * s->out_w + ox / s->stride) * s->c + c;
          const float *pw = w + (gsize)(ky * s->k + kx) * s->c + c;
#pragma GCC unroll 4
          for (int v = 0; v < vecs; v++)
            sum[v] += load_lanes(pd + v * VEC_LANES, lanes) * load_lanes(pw + v * VEC_LANES, lanes);
        }
      }
      float *to = dx + (gsize)(iy * s->in_w + ix) * s->c + c;
#pragma GCC unroll 4
      for (int v = 0; v < vecs; v++)
        store_lanes(to + v * VEC_LANES, sum[v], lanes);
    }
}

INLINE void depthwise_grad_as(const FmnWindow *s, const float *x, const float *dy, const float *w, float *dw, float *dx,
                              gsize c, const int vecs, gsize lanes) {
  depthwise_weights_as(s, x, dy, dw, c, vecs, lanes);
  if (dx)
    depthwise_inputs_as(s, dy, w, dx, c, vecs, lanes);
}

static void depthwise_grad(const FmnWindow *s, const float *x, const float *dy, const float *w, float *dw, float *dx) {
  gsize c = 0;
  for (; c + MOST_VECS * VEC_LANES <= s->c; c += MOST_VECS * VEC_LANES)
    depthwise_grad_as(s, x, dy, w, dw, dx, c, MOST_VECS, VEC_LANES);
  for (; c + VEC_LANES <= s->c; c += VEC_LANES)
    depthwise_grad_as(s, x, dy, w, dw, dx, c, 1, VEC_LANES);
  if (c < s->c)
    depthwise_grad_as(s, x, dy, w, dw, dx, c, 1, s->c - c);
}
