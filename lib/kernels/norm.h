/* Part of vector.h: batch norm in training, together with the activation that follows it. */

/* The gradient by what is normalised, of the gradient by what the activation makes of it. */
INLINE Vec norm_back(Vec dy, Vec x, Vec scale, Vec shift, const FmnActivation kind, float slope) {
  if (kind == FMN_ACT_NONE)
    return dy;
  return dy * act_grad(x * scale + shift, kind, slope);
}

INLINE void norm_lanes(float *y, const float *x, const FmnNorm *n, gsize i, gsize lanes, const FmnActivation kind) {
  Vec z = load_lanes(x + i, lanes) * load_lanes(n->scale + i, lanes) + load_lanes(n->shift + i, lanes);
  store_lanes(y + i, act(z, kind, n->slope), lanes);
}

INLINE void norm_as(float *y, const float *x, gsize rows, gsize c, const FmnNorm *n, const FmnActivation kind) {
  for (gsize r = 0; r < rows; r++, x += c, y += c) {
    gsize i = 0;
    for (; i + VEC_LANES <= c; i += VEC_LANES)
      norm_lanes(y, x, n, i, VEC_LANES, kind);
    if (i < c)
      norm_lanes(y, x, n, i, c % VEC_LANES, kind);
  }
}

static void norm(float *y, const float *x, gsize rows, gsize c, const FmnNorm *n) {
  FOR_ACT(n->act, norm_as(y, x, rows, c, n, (FmnActivation)KIND))
}

/* Of `vecs` registers of channels, from channel i on. */
INLINE void norm_sum_vectors(double *sum, double *products, const float *dy, const float *x, gsize rows, gsize c,
                             const FmnNorm *n, gsize i, gsize lanes, const int vecs, const FmnActivation kind) {
  Vec mean[2], scale[2], shift[2], s[2], p[2];
#pragma GCC unroll 2
  for (int v = 0; v < vecs; v++) {
    s[v] = p[v] = (Vec){0};
    mean[v] = load_lanes(n->mean + i + v * VEC_LANES, lanes);
    scale[v] = load_lanes(n->scale + i + v * VEC_LANES, lanes);
    shift[v] = load_lanes(n->shift + i + v * VEC_LANES, lanes);
  }
  for (gsize r = 0; r < rows; r++)
#pragma GCC unroll 2
    for (int v = 0; v < vecs; v++) {
      gsize at = r * c + i + (gsize)v * VEC_LANES;
      Vec value = load_lanes(x + at, lanes);
      Vec g = norm_back(load_lanes(dy + at, lanes), value, scale[v], shift[v], kind, n->slope);
      s[v] += g;
      p[v] += g * (value - mean[v]);
    }
#pragma GCC unroll 2
  for (int v = 0; v < vecs; v++)
    for (gsize k = 0, at = i + (gsize)v * VEC_LANES; k < lanes; k++, at++) {
      sum[at] += (double)s[v][k];
      products[at] += (double)p[v][k];
    }
}

INLINE void norm_sums_as(double *sum, double *products, const float *dy, const float *x, gsize rows, gsize c,
                         const FmnNorm *n, const FmnActivation kind) {
  for (gsize r = 0; r < rows; r += SUM_ROWS, x += SUM_ROWS * c, dy += SUM_ROWS * c) {
    gsize some = MIN(SUM_ROWS, rows - r), i = 0;
    for (; i + 2 * VEC_LANES <= c; i += 2 * VEC_LANES)
      norm_sum_vectors(sum, products, dy, x, some, c, n, i, VEC_LANES, 2, kind);
    for (; i + VEC_LANES <= c; i += VEC_LANES)
      norm_sum_vectors(sum, products, dy, x, some, c, n, i, VEC_LANES, 1, kind);
    if (i < c)
      norm_sum_vectors(sum, products, dy, x, some, c, n, i, c % VEC_LANES, 1, kind);
  }
}

static void norm_sums(double *sum, double *products, const float *dy, const float *x, gsize rows, gsize c,
                      const FmnNorm *n) {
  FOR_ACT(n->act, norm_sums_as(sum, products, dy, x, rows, c, n, (FmnActivation)KIND))
}

INLINE void norm_gradient_lanes(float *dx, const float *dy, const float *x, const FmnNorm *n, gboolean add, gsize i,
                                gsize lanes, const FmnActivation kind) {
  Vec value = load_lanes(x + i, lanes);
  Vec g = norm_back(load_lanes(dy + i, lanes), value, load_lanes(n->scale + i, lanes), load_lanes(n->shift + i, lanes),
                    kind, n->slope);
  g = g * load_lanes(n->a + i, lanes) + (value * load_lanes(n->b + i, lanes) + load_lanes(n->d + i, lanes));
  if (add)
    g += load_lanes(dx + i, lanes);
  store_lanes(dx + i, g, lanes);
}

INLINE void norm_gradient_as(float *dx, const float *dy, const float *x, gsize rows, gsize c, const FmnNorm *n,
                             const gboolean add, const FmnActivation kind) {
  for (gsize r = 0; r < rows; r++, dx += c, dy += c, x += c) {
    gsize i = 0;
    for (; i + VEC_LANES <= c; i += VEC_LANES)
      norm_gradient_lanes(dx, dy, x, n, add, i, VEC_LANES, kind);
    if (i < c)
      norm_gradient_lanes(dx, dy, x, n, add, i, c % VEC_LANES, kind);
  }
}

static void norm_gradient(float *dx, const float *dy, const float *x, gsize rows, gsize c, const FmnNorm *n,
                          gboolean add) {
  if (add)
    FOR_ACT(n->act, norm_gradient_as(dx, dy, x, rows, c, n, TRUE, (FmnActivation)KIND))
  else
    FOR_ACT(n->act, norm_gradient_as(dx, dy, x, rows, c, n, FALSE, (FmnActivation)KIND))
}
