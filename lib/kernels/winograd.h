/* Part of vector.h: the transforms of Winograd's minimal filtering (Lavin & Gray 2016), on 16 channels at a time.
 *
 * Both algorithms evaluate at 0, 1, −1, 2, −2 (and ½, −½) and infinity; the matrices are those of Cook and Toom for these
 * points. The kernels' side of the transform is in conv_winograd.c. */

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

INLINE void input_tile(const int points, const float *const *x, int lane, float *v, gsize stride) {
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

static void winograd_input(FmnWinograd f, const float *const *x, float *v, gsize stride) {
  for (int lane = 0; lane < 16; lane += VEC_LANES)
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
