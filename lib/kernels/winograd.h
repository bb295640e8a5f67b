/* Part of vector.h: the transforms of Winograd's minimal filtering (Lavin & Gray 2016), on 16 channels at a time.
 *
 * Both algorithms evaluate at 0, 1, −1, 2, −2 (and ½, −½) and infinity; the matrices are those of Cook and Toom for these
 * points, scaled so that only the weights' matrix G has fractions of its own. */

#define WINOGRAD_MAX 8

/* y = Bᵀ·x for six points. */
INLINE void input_6(const Vec x[], Vec y[]) {
  Vec a = x[4] - 4.f * x[2], b = x[3] - 4.f * x[1], c = x[4] - x[2], d = 2.f * (x[3] - x[1]);
  y[0] = 4.f * x[0] - 5.f * x[2] + x[4];
  y[1] = a + b;
  y[2] = a - b;
  y[3] = c + d;
  y[4] = c - d;
  y[5] = 4.f * x[1] - 5.f * x[3] + x[5];
}

/* y = Bᵀ·x for eight points. */
INLINE void input_8(const Vec x[], Vec y[]) {
  Vec a = x[2] + x[6] - 4.25f * x[4], b = x[1] + x[5] - 4.25f * x[3];
  Vec c = x[6] + .25f * x[2] - 1.25f * x[4], d = .5f * x[1] - 2.5f * x[3] + 2.f * x[5];
  Vec e = x[6] + 4.f * x[2] - 5.f * x[4], f = 2.f * x[1] - 2.5f * x[3] + .5f * x[5];
  y[0] = x[0] - x[6] + 5.25f * (x[4] - x[2]);
  y[1] = a + b;
  y[2] = a - b;
  y[3] = c + d;
  y[4] = c - d;
  y[5] = e + f;
  y[6] = e - f;
  y[7] = x[7] - x[1] + 5.25f * (x[3] - x[5]);
}

/* y = Aᵀ·x: four outputs of six points. */
INLINE void output_6(const Vec x[], Vec y[]) {
  Vec a = x[1] + x[2], b = x[1] - x[2], c = x[3] + x[4], d = x[3] - x[4];
  y[0] = x[0] + a + c;
  y[1] = b + 2.f * d;
  y[2] = a + 4.f * c;
  y[3] = b + 8.f * d + x[5];
}

/* y = Aᵀ·x: four outputs of eight points. */
INLINE void output_8(const Vec x[], Vec y[]) {
  Vec a = x[1] + x[2], b = x[1] - x[2], c = x[3] + x[4], d = x[3] - x[4], e = x[5] + x[6], f = x[5] - x[6];
  y[0] = x[0] + a + c + e;
  y[1] = b + 2.f * d + .5f * f;
  y[2] = a + 4.f * c + .25f * e;
  y[3] = b + 8.f * d + .125f * f + x[7];
}

/* y = A·x, the transposes of the two above. */
INLINE void output_gradient_6(const Vec x[], Vec y[]) {
  Vec a = x[0] + x[2], b = x[1] + x[3], c = x[0] + 4.f * x[2], d = 2.f * x[1] + 8.f * x[3];
  y[0] = x[0];
  y[1] = a + b;
  y[2] = a - b;
  y[3] = c + d;
  y[4] = c - d;
  y[5] = x[3];
}

INLINE void output_gradient_8(const Vec x[], Vec y[]) {
  Vec e = x[0] + .25f * x[2], f = .5f * x[1] + .125f * x[3];
  output_gradient_6(x, y);
  y[5] = e + f;
  y[6] = e - f;
  y[7] = x[3];
}

/* y = G·w: three weights at six points. */
INLINE void weights_6(const Vec w[], Vec y[]) {
  Vec a = (w[0] + w[2]) * (-1.f / 6), b = w[1] * (-1.f / 6), c = w[0] * (1.f / 24) + w[2] * (1.f / 6), d = w[1] * (1.f / 12);
  y[0] = .25f * w[0];
  y[1] = a + b;
  y[2] = a - b;
  y[3] = c + d;
  y[4] = c - d;
  y[5] = w[2];
}

/* y = G·w: five weights at eight points. */
INLINE void weights_8(const Vec w[], Vec y[]) {
  Vec a = (w[0] + w[2] + w[4]) * (-2.f / 9), b = (w[1] + w[3]) * (-2.f / 9);
  Vec c = (w[0] + 4.f * w[2] + 16.f * w[4]) * (1.f / 90), d = (2.f * w[1] + 8.f * w[3]) * (1.f / 90);
  Vec e = (w[0] + .25f * w[2] + .0625f * w[4]) * (32.f / 45), f = (.5f * w[1] + .125f * w[3]) * (32.f / 45);
  y[0] = w[0];
  y[1] = a + b;
  y[2] = a - b;
  y[3] = c + d;
  y[4] = c - d;
  y[5] = e + f;
  y[6] = e - f;
  y[7] = w[4];
}

/* y = Gᵀ·u, the transposes of the two above. */
INLINE void weights_gradient_6(const Vec u[], Vec y[]) {
  Vec a = u[1] + u[2], b = u[1] - u[2], c = u[3] + u[4], d = u[3] - u[4];
  y[0] = .25f * u[0] - (1.f / 6) * a + (1.f / 24) * c;
  y[1] = (1.f / 12) * d - (1.f / 6) * b;
  y[2] = (1.f / 6) * (c - a) + u[5];
}

INLINE void weights_gradient_8(const Vec u[], Vec y[]) {
  Vec a = (-2.f / 9) * (u[1] + u[2]), b = (-2.f / 9) * (u[1] - u[2]), c = (1.f / 90) * (u[3] + u[4]);
  Vec d = (1.f / 90) * (u[3] - u[4]), e = (32.f / 45) * (u[5] + u[6]), f = (32.f / 45) * (u[5] - u[6]);
  y[0] = u[0] + a + c + e;
  y[1] = b + 2.f * d + .5f * f;
  y[2] = a + 4.f * c + .25f * e;
  y[3] = b + 8.f * d + .125f * f;
  y[4] = a + 16.f * c + .0625f * e + u[7];
}

INLINE void weights_tile(const int points, const int k, FmnPacked w, gsize at, gsize tap, const gboolean half, float *u,
                         gsize stride) {
  Vec t[WINOGRAD_MAX][5], in[5], out[WINOGRAD_MAX];
  for (int kx = 0; kx < k; kx++) {
    for (int ky = 0; ky < k; ky++)
      in[ky] = load_weights(w, at + (gsize)(ky * k + kx) * tap, half);
    points == 6 ? weights_6(in, out) : weights_8(in, out);
    for (int row = 0; row < points; row++)
      t[row][kx] = out[row];
  }
  for (int row = 0; row < points; row++) {
    points == 6 ? weights_6(t[row], out) : weights_8(t[row], out);
    for (int col = 0; col < points; col++, u += stride)
      store(u, out[col]);
  }
}

INLINE void weights_gradient_tile(const int points, const int k, const float *u, gsize stride, int lane, float dw[25][16]) {
  Vec t[5][WINOGRAD_MAX], in[WINOGRAD_MAX], out[5];
  for (int col = 0; col < points; col++) {
    for (int row = 0; row < points; row++)
      in[row] = load(u + (gsize)(row * points + col) * stride + lane);
    points == 6 ? weights_gradient_6(in, out) : weights_gradient_8(in, out);
    for (int ky = 0; ky < k; ky++)
      t[ky][col] = out[ky];
  }
  for (int ky = 0; ky < k; ky++) {
    points == 6 ? weights_gradient_6(t[ky], out) : weights_gradient_8(t[ky], out);
    for (int kx = 0; kx < k; kx++)
      store(dw[ky * k + kx] + lane, out[kx]);
  }
}

INLINE void input_tile(const int points, const float *const *x, gsize lane, float *v, gsize stride) {
  Vec t[WINOGRAD_MAX][WINOGRAD_MAX], in[WINOGRAD_MAX], out[WINOGRAD_MAX];
  for (int col = 0; col < points; col++) {
    for (int row = 0; row < points; row++)
      in[row] = *(const Vec *)(x[row * points + col] + lane);
    points == 6 ? input_6(in, out) : input_8(in, out);
    for (int row = 0; row < points; row++)
      t[row][col] = out[row];
  }
  for (int row = 0; row < points; row++) {
    points == 6 ? input_6(t[row], out) : input_8(t[row], out);
    for (int col = 0; col < points; col++, v += stride)
      *(Vec *)(v + lane) = out[col];
  }
}

INLINE void output_tile(const int points, const float *m, gsize stride, int lane, float y[16][16]) {
  Vec t[4][WINOGRAD_MAX], in[WINOGRAD_MAX], out[4];
  for (int col = 0; col < points; col++) {
    for (int row = 0; row < points; row++)
      in[row] = *(const Vec *)(m + (gsize)(row * points + col) * stride + lane);
    points == 6 ? output_6(in, out) : output_8(in, out);
    for (int row = 0; row < 4; row++)
      t[row][col] = out[row];
  }
  for (int row = 0; row < 4; row++) {
    points == 6 ? output_6(t[row], out) : output_8(t[row], out);
    for (int col = 0; col < 4; col++)
      *(Vec *)(y[row * 4 + col] + lane) = out[col];
  }
}

INLINE void output_gradient_tile(const int points, float y[16][16], int lane, float *m, gsize stride) {
  Vec t[WINOGRAD_MAX][4], in[4], out[WINOGRAD_MAX];
  for (int col = 0; col < 4; col++) {
    for (int row = 0; row < 4; row++)
      in[row] = *(const Vec *)(y[row * 4 + col] + lane);
    points == 6 ? output_gradient_6(in, out) : output_gradient_8(in, out);
    for (int row = 0; row < points; row++)
      t[row][col] = out[row];
  }
  for (int row = 0; row < points; row++) {
    points == 6 ? output_gradient_6(t[row], out) : output_gradient_8(t[row], out);
    for (int col = 0; col < points; col++, m += stride)
      *(Vec *)(m + lane) = out[col];
  }
}

static void winograd_input(FmnWinograd f, const float *const *x, gsize c, float *v, gsize stride) {
  for (gsize lane = 0; lane < c; lane += VEC_LANES)
    if (f == FMN_WINOGRAD_4_3)
      input_tile(6, x, lane, v, stride);
    else
      input_tile(8, x, lane, v, stride);
}

static void winograd_output(FmnWinograd f, const float *m, gsize stride, float y[16][16]) {
  for (int lane = 0; lane < 16; lane += VEC_LANES)
    if (f == FMN_WINOGRAD_4_3)
      output_tile(6, m, stride, lane, y);
    else
      output_tile(8, m, stride, lane, y);
}

static void winograd_output_gradient(FmnWinograd f, float y[16][16], float *m, gsize stride) {
  for (int lane = 0; lane < 16; lane += VEC_LANES)
    if (f == FMN_WINOGRAD_4_3)
      output_gradient_tile(6, y, lane, m, stride);
    else
      output_gradient_tile(8, y, lane, m, stride);
}

static void winograd_weights(FmnWinograd f, FmnPacked w, gsize at, gsize tap, float *u, gsize stride) {
  for (gsize lane = 0; lane < 16; lane += VEC_LANES)
    if (f == FMN_WINOGRAD_4_5)
      weights_tile(8, 5, w, at + lane, tap, FALSE, u + lane, stride);
    else if (w.half)
      weights_tile(6, 3, w, at + lane, tap, TRUE, u + lane, stride);
    else
      weights_tile(6, 3, w, at + lane, tap, FALSE, u + lane, stride);
}

static void winograd_weights_gradient(FmnWinograd f, const float *u, gsize stride, float dw[25][16]) {
  for (int lane = 0; lane < 16; lane += VEC_LANES)
    if (f == FMN_WINOGRAD_4_3)
      weights_gradient_tile(6, 3, u, stride, lane, dw);
    else
      weights_gradient_tile(8, 5, u, stride, lane, dw);
}
