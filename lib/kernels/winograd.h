/* Part of vector.h: the transforms of Winograd's minimal filtering (Lavin & Gray 2016), on 16 channels at a time.
 *
 * All evaluate at 0, 1, −1, 2, −2 (seven points: and ½; eight: and −½, too) and infinity; the matrices are those of Cook and Toom for these
 * points, scaled so that only the weights' matrix G has fractions of its own. */

#define WINOGRAD_MAX 8
#define WINOGRAD_OUTPUTS 5

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

/* y = Bᵀ·x for seven points: those of six are roots with x − ½ split off. */
INLINE void input_7(const Vec x[], Vec y[]) {
  Vec z[6];
  for (int i = 0; i < 6; i++)
    z[i] = x[i + 1] - .5f * x[i];
  input_6(z, y);
  y[6] = y[5];
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

/* y = Aᵀ·x: five outputs of seven points. */
INLINE void output_7(const Vec x[], Vec y[]) {
  Vec a = x[1] + x[2], b = x[1] - x[2], c = x[3] + x[4], d = x[3] - x[4], e = x[5];
  y[0] = x[0] + a + c + e;
  y[1] = b + 2.f * d + .5f * e;
  y[2] = a + 4.f * c + .25f * e;
  y[3] = b + 8.f * d + .125f * e;
  y[4] = a + 16.f * c + .0625f * e + x[6];
}

/* y = Aᵀ·x: four outputs of eight points. */
INLINE void output_8(const Vec x[], Vec y[]) {
  Vec a = x[1] + x[2], b = x[1] - x[2], c = x[3] + x[4], d = x[3] - x[4], e = x[5] + x[6], f = x[5] - x[6];
  y[0] = x[0] + a + c + e;
  y[1] = b + 2.f * d + .5f * f;
  y[2] = a + 4.f * c + .25f * e;
  y[3] = b + 8.f * d + .125f * f + x[7];
}

/* y = A·x, the transposes of those of six and of eight. */
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

/* y = G·w: three weights at seven points. */
INLINE void weights_7(const Vec w[], Vec y[]) {
  Vec a = w[0] + w[2], b = w[0] + 4.f * w[2];
  y[0] = -.5f * w[0];
  y[1] = (-1.f / 3) * (a + w[1]);
  y[2] = (1.f / 9) * (a - w[1]);
  y[3] = (1.f / 36) * (b + 2.f * w[1]);
  y[4] = (-1.f / 60) * (b - 2.f * w[1]);
  y[5] = (32.f / 45) * (w[0] + .5f * w[1] + .25f * w[2]);
  y[6] = w[2];
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

/* y = Gᵀ·u, the transposes of those at six and at eight. */
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

INLINE void input_of(const int points, const Vec x[], Vec y[]) {
  points == 6 ? input_6(x, y) : points == 7 ? input_7(x, y) : input_8(x, y);
}

INLINE void output_of(const int points, const Vec x[], Vec y[]) {
  points == 6 ? output_6(x, y) : points == 7 ? output_7(x, y) : output_8(x, y);
}

INLINE void weights_of(const int points, const Vec w[], Vec y[]) {
  points == 6 ? weights_6(w, y) : points == 7 ? weights_7(w, y) : weights_8(w, y);
}

INLINE void weights_tile(const int points, const int k, FmnPacked w, gsize at, gsize tap, const gboolean half, float *u,
                         gsize stride) {
  Vec t[WINOGRAD_MAX][5], in[5], out[WINOGRAD_MAX];
  for (int kx = 0; kx < k; kx++) {
    for (int ky = 0; ky < k; ky++)
      in[ky] = load_weights(w, at + (gsize)(ky * k + kx) * tap, half);
    weights_of(points, in, out);
    for (int row = 0; row < points; row++)
      t[row][kx] = out[row];
  }
  for (int row = 0; row < points; row++) {
    weights_of(points, t[row], out);
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

/* Lines first ≤ row < end of the result. */
INLINE void input_lines(const int points, const int first, const int end, const float *const *x, gsize lane, float *v,
                        gsize stride) {
  Vec t[WINOGRAD_MAX][WINOGRAD_MAX], in[WINOGRAD_MAX], out[WINOGRAD_MAX];
  for (int col = 0; col < points; col++) {
    for (int row = 0; row < points; row++)
      in[row] = load(x[row * points + col] + lane);
    input_of(points, in, out);
    for (int row = first; row < end; row++)
      t[row][col] = out[row];
  }
  v += (gsize)(first * points) * stride + lane;
  for (int row = first; row < end; row++) {
    input_of(points, t[row], out);
    for (int col = 0; col < points; col++, v += stride)
      store(v, out[col]);
  }
}

/* Wide registers are many, and storing them is slow: so many lines at a time that all that is between stays in them, though
 * the inputs are read again. Lines 1 and 2, 3 and 4 share sums. */
INLINE void input_tile(const int points, const float *const *x, gsize lane, float *v, gsize stride) {
  if (VEC_LANES < 16 || points == 8) {
    input_lines(points, 0, points, x, lane, v, stride);
  } else {
    input_lines(points, 0, 3, x, lane, v, stride);
    input_lines(points, 3, points == 6 ? 6 : 5, x, lane, v, stride);
    if (points == 7)
      input_lines(points, 5, 7, x, lane, v, stride);
  }
}

/* Where a tile's pixels go. */
typedef struct {
  float *y;
  gsize row, column;
  int rows, columns;
} TilePixels;

INLINE void output_tile(const int points, const int size, const float *m, gsize stride, EpilogueVec e,
                        const FmnActivation kind, TilePixels to) {
  Vec t[WINOGRAD_OUTPUTS][WINOGRAD_MAX], in[WINOGRAD_MAX], out[WINOGRAD_OUTPUTS] = {0};
  for (int col = 0; col < points; col++) {
    for (int row = 0; row < points; row++)
      in[row] = load(m + (gsize)(row * points + col) * stride);
    output_of(points, in, out);
    for (int row = 0; row < size; row++)
      t[row][col] = out[row];
  }
  for (int row = 0; row < to.rows; row++, to.y += to.row) {
    output_of(points, t[row], out);
    for (int col = 0; col < to.columns; col++)
      store(to.y + (gsize)col * to.column, apply_epilogue(out[col], e, kind));
  }
}

/* Most tiles are whole: for them the loops' ends are constants. */
INLINE void output_lanes(const int points, const int size, const float *m, gsize stride, EpilogueVec e,
                         const FmnActivation kind, TilePixels to) {
  if (to.rows == size && to.columns == size)
    output_tile(points, size, m, stride, e, kind, (TilePixels){to.y, to.row, to.column, size, size});
  else
    output_tile(points, size, m, stride, e, kind, to);
}

INLINE void output_as(const int points, const int size, const float *m, gsize stride, const FmnEpilogue *e,
                      TilePixels to) {
  for (gsize lane = 0; lane < 16; lane += VEC_LANES, m += VEC_LANES, to.y += VEC_LANES) {
    EpilogueVec v = load_epilogue(e, lane, VEC_LANES);
    FOR_ACT(e->act, output_lanes(points, size, m, stride, v, (FmnActivation)KIND, to))
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
    else if (f == FMN_WINOGRAD_5_3)
      input_tile(7, x, lane, v, stride);
    else
      input_tile(8, x, lane, v, stride);
}

static void winograd_output(FmnWinograd f, const float *m, gsize stride, const FmnEpilogue *e, float *y, gsize row,
                            gsize column, int rows, int columns) {
  TilePixels to = {y, row, column, rows, columns};
  if (f == FMN_WINOGRAD_4_3)
    output_as(6, 4, m, stride, e, to);
  else if (f == FMN_WINOGRAD_5_3)
    output_as(7, 5, m, stride, e, to);
  else
    output_as(8, 4, m, stride, e, to);
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
    else if (f == FMN_WINOGRAD_5_3 && w.half)
      weights_tile(7, 3, w, at + lane, tap, TRUE, u + lane, stride);
    else if (f == FMN_WINOGRAD_5_3)
      weights_tile(7, 3, w, at + lane, tap, FALSE, u + lane, stride);
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
