/* Part of vector.h: the largest value of each window; windows that reach over the right and lower border are cut there. */

INLINE void window_ends(const FmnWindow *s, int row, int ox, int *y1, int *x1) {
  *y1 = s->k < s->in_h - row * s->stride ? s->k : s->in_h - row * s->stride;
  *x1 = s->k < s->in_w - ox * s->stride ? s->k : s->in_w - ox * s->stride;
}

INLINE Vec larger(Vec a, Vec b) { return pick(a > b, a, b); }

INLINE void maxpool_lanes(const FmnWindow *s, const float *x, int row, float *y, gsize lanes) {
  x += (gsize)(row * s->stride * s->in_w) * s->c;
  for (int ox = 0; ox < s->out_w; ox++, x += (gsize)s->stride * s->c, y += s->c) {
    int y1, x1;
    window_ends(s, row, ox, &y1, &x1);
    Vec most = load_lanes(x, lanes);
    for (int ky = 0; ky < y1; ky++)
      for (int kx = 0; kx < x1; kx++)
        most = larger(most, load_lanes(x + (gsize)(ky * s->in_w + kx) * s->c, lanes));
    store_lanes(y, most, lanes);
  }
}

static void maxpool(const FmnWindow *s, const float *x, int row, float *y) {
  gsize c = 0;
  for (; c + VEC_LANES <= s->c; c += VEC_LANES)
    maxpool_lanes(s, x + c, row, y + c, VEC_LANES);
  if (c < s->c)
    maxpool_lanes(s, x + c, row, y + c, s->c - c);
}

/* The gradient goes to the first of the window's values that is the largest. */
INLINE void maxpool_grad_lanes(const FmnWindow *s, const float *x, const float *y, const float *dy, int row, float *dx,
                               gsize lanes) {
  gsize at = (gsize)(row * s->stride * s->in_w) * s->c;
  for (int ox = 0; ox < s->out_w; ox++, at += (gsize)s->stride * s->c, y += s->c, dy += s->c) {
    int y1, x1;
    window_ends(s, row, ox, &y1, &x1);
    Vec most = load_lanes(y, lanes), left = load_lanes(dy, lanes);
    for (int ky = 0; ky < y1; ky++)
      for (int kx = 0; kx < x1; kx++) {
        gsize p = at + (gsize)(ky * s->in_w + kx) * s->c;
        IntVec here = load_lanes(x + p, lanes) == most;
        store_lanes(dx + p, load_lanes(dx + p, lanes) + (Vec)(here & (IntVec)left), lanes);
        left = (Vec)(~here & (IntVec)left);
      }
  }
}

static void maxpool_grad(const FmnWindow *s, const float *x, const float *y, const float *dy, int row, float *dx) {
  gsize c = 0;
  for (; c + VEC_LANES <= s->c; c += VEC_LANES)
    maxpool_grad_lanes(s, x + c, y + c, dy + c, row, dx + c, VEC_LANES);
  if (c < s->c)
    maxpool_grad_lanes(s, x + c, y + c, dy + c, row, dx + c, s->c - c);
}
