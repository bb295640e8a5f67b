/* Part of vector.h: weights × images, one output at a time; uses load_weights() of product.h. Four sums at a time hide the
 * latency of the additions: one an image, or of one image in turn. */

INLINE float weight_at(FmnPacked w, gsize at) {
  return w.half ? fmn_half_to_float(((const guint16 *)w.data)[at]) : ((const float *)w.data)[at];
}

INLINE float lane_sum(Vec v) {
  float s = 0.f;
  for (int i = 0; i < VEC_LANES; i++)
    s += v[i];
  return s;
}

INLINE void dot_as(FmnPacked w, const gboolean half, gsize at, gsize k, const float *x, const int n, gsize x_stride, float *y,
                   gsize y_stride) {
  enum { STEP = VEC_LANES * FMN_DOT_ROWS };
  Vec sum[FMN_DOT_ROWS] = {0};
  gsize i = 0;
  if (n == 1)
    for (; i + STEP <= k; i += STEP)
#pragma GCC unroll 4
      for (int v = 0; v < FMN_DOT_ROWS; v++)
        sum[v] += load_weights(w, at + i + (gsize)(VEC_LANES * v), half) * *(const Vec *)(x + i + VEC_LANES * v);
  else
    for (; i + VEC_LANES <= k; i += VEC_LANES) {
      Vec weights = load_weights(w, at + i, half);
#pragma GCC unroll 4
      for (int r = 0; r < n; r++)
        sum[r] += weights * *(const Vec *)(x + (gsize)r * x_stride + i);
    }
  if (n == 1)
    sum[0] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  for (int r = 0; r < n; r++) {
    float total = lane_sum(sum[r]);
    for (gsize j = i; j < k; j++)
      total += weight_at(w, at + j) * x[(gsize)r * x_stride + j];
    y[(gsize)r * y_stride] = total;
  }
}

static void dot(FmnPacked w, gsize at, gsize k, const float *x, int n, gsize x_stride, float *y, gsize y_stride) {
  if (n == 1 && w.half)
    dot_as(w, TRUE, at, k, x, 1, x_stride, y, y_stride);
  else if (n == 1)
    dot_as(w, FALSE, at, k, x, 1, x_stride, y, y_stride);
  else if (w.half)
    dot_as(w, TRUE, at, k, x, n, x_stride, y, y_stride);
  else
    dot_as(w, FALSE, at, k, x, n, x_stride, y, y_stride);
}

/* Two sums an output. */
INLINE void dot_outputs_as(FmnPacked w, const gboolean half, gsize at, gsize k, const float *x, float *y) {
  Vec sum[2][FMN_DOT_OUTPUTS] = {{{0}}};
  gsize i = 0;
  for (; i + 2 * VEC_LANES <= k; i += 2 * VEC_LANES)
#pragma GCC unroll 2
    for (int v = 0; v < 2; v++) {
      Vec values = load(x + i + (gsize)(v * VEC_LANES));
#pragma GCC unroll 4
      for (int o = 0; o < FMN_DOT_OUTPUTS; o++)
        sum[v][o] += load_weights(w, at + (gsize)o * k + i + (gsize)(v * VEC_LANES), half) * values;
    }
  for (int o = 0; o < FMN_DOT_OUTPUTS; o++) {
    y[o] = lane_sum(sum[0][o] + sum[1][o]);
    for (gsize j = i; j < k; j++)
      y[o] += weight_at(w, at + (gsize)o * k + j) * x[j];
  }
}

static void dot_outputs(FmnPacked w, gsize at, gsize k, const float *x, float *y) {
  if (w.half)
    dot_outputs_as(w, TRUE, at, k, x, y);
  else
    dot_outputs_as(w, FALSE, at, k, x, y);
}
