#include <string.h>

#include "train/scene_parts.h"

#define CELL 8 /* texels */
#define CELLS (FMN_NOISE_SIDE / CELL)
#define MASK (FMN_NOISE_SIDE - 1)

static void normalise(float *t) {
  double sum = 0, squares = 0;
  for (int i = 0; i < FMN_NOISE_SIDE * FMN_NOISE_SIDE; i++) {
    sum += t[i];
    squares += (double)t[i] * t[i];
  }
  double mean = sum / (FMN_NOISE_SIDE * FMN_NOISE_SIDE);
  double scale = 1 / sqrt(squares / (FMN_NOISE_SIDE * FMN_NOISE_SIDE) - mean * mean);
  for (int i = 0; i < FMN_NOISE_SIDE * FMN_NOISE_SIDE; i++)
    t[i] = (float)((t[i] - mean) * scale);
}

/* Cubic B-spline over a lattice of random values. */
static void spline(const float *lattice, float *out) {
  float weights[CELL][4];
  for (int i = 0; i < CELL; i++) {
    float f = (float)i / CELL, g = 1 - f;
    weights[i][0] = g * g * g / 6;
    weights[i][1] = (4 - 6 * f * f + 3 * f * f * f) / 6;
    weights[i][2] = (4 - 6 * g * g + 3 * g * g * g) / 6;
    weights[i][3] = f * f * f / 6;
  }
  for (int y = 0; y < FMN_NOISE_SIDE; y++)
    for (int x = 0; x < FMN_NOISE_SIDE; x++) {
      float sum = 0;
      for (int j = 0; j < 4; j++)
        for (int i = 0; i < 4; i++)
          sum += weights[y % CELL][j] * weights[x % CELL][i] *
                 lattice[(y / CELL + j) % CELLS * CELLS + (x / CELL + i) % CELLS];
      out[y * FMN_NOISE_SIDE + x] = sum;
    }
}

void fmn_noise_init(FmnNoise *noise) {
  FmnRandom r = {0x5ce9e};
  float lattice[CELLS * CELLS];
  for (int i = 0; i < CELLS * CELLS; i++)
    lattice[i] = (float)fmn_random_normal(&r);
  spline(lattice, noise->smooth);
  normalise(noise->smooth);
  for (int i = 0; i < FMN_NOISE_SIDE * FMN_NOISE_SIDE; i++)
    noise->white[i] = (float)fmn_random_normal(&r);
  normalise(noise->white);
}

static inline int floor_int(float x) {
  int i = (int)x;
  return i - (x < (float)i);
}

static inline float fraction(float x) { return x - (float)floor_int(x); }

static inline float smooth_step(float low, float high, float x) {
  float t = CLAMP((x - low) / (high - low), 0, 1);
  return t * t * (3 - 2 * t);
}

/* x, y in cells */
static inline float noise_at(const FmnNoise *noise, float x, float y) {
  x *= CELL;
  y *= CELL;
  int ix = floor_int(x), iy = floor_int(y);
  float fx = x - (float)ix, fy = y - (float)iy;
  const float *top = noise->smooth + (iy & MASK) * FMN_NOISE_SIDE;
  const float *low = noise->smooth + ((iy + 1) & MASK) * FMN_NOISE_SIDE;
  ix &= MASK;
  int next = (ix + 1) & MASK;
  float a = top[ix] + fx * (top[next] - top[ix]), b = low[ix] + fx * (low[next] - low[ix]);
  return a + fy * (b - a);
}

/* How much of a pattern of this period is left in pixels of that size. */
static float resolved(float period, float pixel) { return smooth_step(1.5f, 4, period / pixel); }

void fmn_noise_add(const FmnNoise *noise, const FmnRow *row, float size, float stretch, float amount, int n,
                   float *out) {
  amount *= resolved(2 * size, row->pixel);
  if (amount == 0)
    return;
  float x = row->u / (size * stretch), y = row->v / size, dx = row->du / (size * stretch), dy = row->dv / size;
  /* It is smooth between texels: where a pixel is a small part of one, most are interpolated. */
  int every = CLAMP((int)(0.6f / (CELL * MAX(fabsf(dx), fabsf(dy)) + 1e-6f)), 1, 16);
  float next = amount * noise_at(noise, x, y), part = 1 / (float)every;
  for (int i = 0; i < n; i += every) {
    int m = MIN(every, n - i), to = i + every;
    float from = next;
    next = amount * noise_at(noise, x + (float)to * dx, y + (float)to * dy);
    for (int k = 0; k < m; k++)
      out[i + k] += from + (float)k * part * (next - from);
  }
}

static inline float random_of(guint32 seed, int a, int b) {
  guint32 h = (guint32)a * 374761393u + (guint32)b * 668265263u + seed * 2246822519u;
  h = (h ^ (h >> 13)) * 1274126177u;
  return (float)((h ^ (h >> 16)) & 0xffff) / 65536;
}

/* -1..1, period 1 */
static inline float triangle(float x) { return 4 * fabsf(fraction(x) - 0.5f) - 1; }

/* 1 over `share` of each period of 1, its edges `soft` wide. */
static inline float pulse(float x, float share, float soft) {
  float d = share / 2 - fabsf(fraction(x) - 0.5f);
  return CLAMP(d / soft + 0.5f, 0, 1);
}

static void weave(const FmnMaterial *m, const FmnRow *row, int n, float *light) {
  float amount = 0.07f * m->contrast * resolved(m->period, row->pixel), k = 1 / m->period;
  if (amount == 0)
    return;
  for (int i = 0; i < n; i++)
    light[i] += amount * triangle((row->u + (float)i * row->du) * k) * triangle((row->v + (float)i * row->dv) * k);
}

static void knit(const FmnMaterial *m, const FmnRow *row, int n, float *light) {
  float amount = 0.1f * m->contrast * resolved(m->period, row->pixel), k = 1 / m->period;
  if (amount == 0)
    return;
  for (int i = 0; i < n; i++) {
    float across = triangle((row->u + (float)i * row->du) * k);
    light[i] += amount * (0.6f * triangle((row->v + (float)i * row->dv) * k * 1.4f + 0.3f * across) - 0.4f * across);
  }
}

static void stripes(const FmnMaterial *m, const FmnRow *row, int n, gboolean checks, float *mix) {
  float k = 1 / m->period, soft = MAX(row->pixel * k, 0.01f), share = 0.25f + 0.4f * random_of(m->seed, 1, 1);
  float there = resolved(m->period, row->pixel), mean = share * (1 - there);
  for (int i = 0; i < n; i++) {
    float s = pulse((row->v + (float)i * row->dv) * k, share, soft);
    if (checks)
      s = 0.5f * (s + pulse((row->u + (float)i * row->du) * k, share, soft));
    mix[i] = mean + there * s;
  }
}

static void dots(const FmnMaterial *m, const FmnRow *row, int n, float *mix) {
  float k = 1 / m->period, radius = 0.15f + 0.2f * random_of(m->seed, 1, 1), soft = MAX(row->pixel * k, 0.02f);
  float there = resolved(m->period, row->pixel), mean = (float)G_PI * radius * radius * (1 - there);
  for (int i = 0; i < n; i++) {
    float x = (row->u + (float)i * row->du) * k, y = (row->v + (float)i * row->dv) * k;
    x += 0.5f * (float)(floor_int(y) & 1);
    x = fraction(x) - 0.5f;
    y = fraction(y) - 0.5f;
    mix[i] = mean + there * CLAMP((radius - sqrtf(x * x + y * y)) / soft + 0.5f, 0, 1);
  }
}

static void print(const FmnMaterial *m, const FmnNoise *noise, const FmnRow *row, int n, float *mix) {
  float level = 1.2f * random_of(m->seed, 1, 1) - 0.6f;
  memset(mix, 0, sizeof(float) * (gsize)n);
  fmn_noise_add(noise, row, m->period, 1, 0.8f, n, mix);
  fmn_noise_add(noise, row, m->period * 0.37f, 1, 0.4f, n, mix);
  for (int i = 0; i < n; i++)
    mix[i] = smooth_step(level - 0.12f, level + 0.12f, mix[i]);
}

static void marble(const FmnMaterial *m, const FmnNoise *noise, const FmnRow *row, int n, float *light, float *mix) {
  memset(mix, 0, sizeof(float) * (gsize)n);
  fmn_noise_add(noise, row, m->period, 2.5f, 1, n, mix);
  fmn_noise_add(noise, row, m->period * 0.31f, 1.5f, 0.35f, n, mix);
  for (int i = 0; i < n; i++)
    mix[i] = 0.8f * smooth_step(0.3f, 0, fabsf(mix[i]));
  fmn_noise_add(noise, row, m->period * 0.6f, 1, 0.04f * m->contrast, n, light);
}

/* Planks along u, each with its own tone and grain, joined end to end. */
static void wood(const FmnMaterial *m, const FmnNoise *noise, const FmnRow *row, int n, float *light, float *mix) {
  float k = 1 / m->period, length = m->period * (5 + 5 * random_of(m->seed, 7, 7)), fine = m->period * 0.045f;
  float grain = 0.06f * m->contrast * resolved(2 * fine, row->pixel), coarse = 0.05f * m->contrast;
  float seam = 0.35f * resolved(m->period, row->pixel), soft = MAX(row->pixel * k, 0.02f);
  for (int i = 0; i < n; i++) {
    float u = row->u + (float)i * row->du, v = row->v + (float)i * row->dv;
    int plank = floor_int(v * k);
    float along = u / length + 7 * random_of(m->seed, plank, 3), in = fraction(v * k);
    int piece = floor_int(along);
    float tone = random_of(m->seed, plank, piece), shift = 31 * tone;
    float wave = noise_at(noise, u / (3 * m->period) + shift, v / (0.4f * m->period) + shift);
    light[i] += 0.22f * m->contrast * (tone - 0.5f) + coarse * wave;
    if (grain > 0)
      light[i] += grain * noise_at(noise, u / (14 * fine) + shift, v / fine + 1.2f * wave);
    float end = fraction(along), edge = MIN(MIN(in, 1 - in), MIN(end, 1 - end) * length * k);
    light[i] -= seam * CLAMP((0.012f - edge) / soft + 0.5f, 0, 1);
    mix[i] = 0.5f * tone;
  }
}

static void tiles(const FmnMaterial *m, const FmnNoise *noise, const FmnRow *row, int n, float *light, float *mix) {
  float tall = m->kind == FMN_MATERIAL_BRICKS ? 0.35f + 0.15f * random_of(m->seed, 2, 2) : 1;
  float ku = 1 / m->period, kv = 1 / (m->period * tall), gap = 0.012f + 0.025f * random_of(m->seed, 3, 3);
  float soft = MAX(row->pixel * ku, 0.01f), there = resolved(m->period * tall, row->pixel);
  gboolean chess = m->kind == FMN_MATERIAL_CHESSBOARD;
  for (int i = 0; i < n; i++) {
    float x = (row->u + (float)i * row->du) * ku, y = (row->v + (float)i * row->dv) * kv;
    int iy = floor_int(y);
    if (m->kind == FMN_MATERIAL_BRICKS)
      x += 0.5f * (float)(iy & 1);
    int ix = floor_int(x);
    float fx = x - (float)ix, fy = y - (float)iy, tone = random_of(m->seed, ix, iy);
    float edge = MIN(MIN(fx, 1 - fx), MIN(fy, 1 - fy) * tall);
    float grout = there * CLAMP((gap - edge) / soft + 0.5f, 0, 1);
    light[i] += m->contrast * there * (0.12f * (tone - 0.5f) + 0.05f * (fx + fy - 1));
    mix[i] = chess ? (float)((ix + iy) & 1) * (1 - grout) + 0.5f * grout : grout;
  }
  fmn_noise_add(noise, row, m->period * 0.3f, 1, 0.03f * m->contrast, n, light);
}

void fmn_material_row(const FmnMaterial *m, const FmnNoise *noise, const FmnRow *at, int n, float *light, float *mix) {
  FmnRow row = {at->u + m->u, at->v + m->v, at->du, at->dv, at->pixel};
  memset(light, 0, sizeof(float) * (gsize)n);
  memset(mix, 0, sizeof(float) * (gsize)n);
  switch (m->kind) {
  case FMN_MATERIAL_PLAIN:
  case FMN_MATERIAL_PHOTO:
    break;
  case FMN_MATERIAL_WEAVE:
    weave(m, &row, n, light);
    break;
  case FMN_MATERIAL_KNIT:
    knit(m, &row, n, light);
    break;
  case FMN_MATERIAL_STRIPES:
    stripes(m, &row, n, FALSE, mix);
    break;
  case FMN_MATERIAL_CHECKS:
    stripes(m, &row, n, TRUE, mix);
    break;
  case FMN_MATERIAL_DOTS:
    dots(m, &row, n, mix);
    break;
  case FMN_MATERIAL_PRINT:
    print(m, noise, &row, n, mix);
    break;
  case FMN_MATERIAL_CARPET:
    fmn_noise_add(noise, &row, m->period, 1, 0.09f * m->contrast, n, light);
    fmn_noise_add(noise, &row, m->period * 4.7f, 1, 0.05f * m->contrast, n, light);
    break;
  case FMN_MATERIAL_WOOD:
    wood(m, noise, &row, n, light, mix);
    break;
  case FMN_MATERIAL_TILES:
  case FMN_MATERIAL_CHESSBOARD:
  case FMN_MATERIAL_BRICKS:
    tiles(m, noise, &row, n, light, mix);
    break;
  case FMN_MATERIAL_MARBLE:
    marble(m, noise, &row, n, light, mix);
    break;
  }
  fmn_noise_add(noise, &row, 90, 1, 0.02f, n, light);
  if (m->grain > 0)
    fmn_noise_add(noise, &row, 1.7f, 1.8f, m->grain, n, light);
  if (m->folds > 0) {
    fmn_noise_add(noise, &row, 38, 3.1f, m->folds, n, light);
    fmn_noise_add(noise, &row, 15, 2.2f, 0.4f * m->folds, n, light);
  }
}

void fmn_color_draw(FmnRandom *r, float value_min, float value_max, float saturation_max, float *rgb) {
  float hue = 6 * (float)fmn_random_uniform(r), value = (float)fmn_random_range(r, value_min, value_max);
  float saturation = saturation_max * (float)fmn_random_uniform(r);
  for (int i = 0; i < 3; i++) {
    float pure = CLAMP(fabsf(fmodf(hue + (float)(i * 4 % 6), 6) - 3) - 1, 0, 1);
    rgb[i] = value * (1 - saturation + saturation * pure);
  }
}

FmnMaterial fmn_material_draw(FmnRandom *r, FmnMaterialKind kind, const float *color) {
  static const float periods[][2] = {
      [FMN_MATERIAL_PLAIN] = {1, 2},     [FMN_MATERIAL_WEAVE] = {4, 12},        [FMN_MATERIAL_KNIT] = {6, 16},
      [FMN_MATERIAL_STRIPES] = {8, 60},  [FMN_MATERIAL_CHECKS] = {12, 70},      [FMN_MATERIAL_DOTS] = {14, 60},
      [FMN_MATERIAL_PRINT] = {10, 50},   [FMN_MATERIAL_CARPET] = {2, 6},        [FMN_MATERIAL_WOOD] = {35, 130},
      [FMN_MATERIAL_TILES] = {40, 200},  [FMN_MATERIAL_CHESSBOARD] = {40, 130}, [FMN_MATERIAL_BRICKS] = {50, 120},
      [FMN_MATERIAL_MARBLE] = {40, 120},
  };
  FmnMaterial m = {.kind = kind};
  float mate[3], share = (float)fmn_random_range(r, 0.3, 1);
  memcpy(m.color, color, sizeof m.color);
  fmn_color_draw(r, 0.1f, 0.95f, 0.6f, mate);
  if (kind == FMN_MATERIAL_WOOD || kind == FMN_MATERIAL_MARBLE)
    share *= 0.5f;
  for (int i = 0; i < 3; i++)
    m.other[i] = color[i] + share * (mate[i] - color[i]);
  float spread = (float)fmn_random_uniform(r);
  m.period = periods[kind][0] * powf(periods[kind][1] / periods[kind][0], spread);
  m.contrast = (float)fmn_random_range(r, 0.5, 1.4);
  m.u = (float)fmn_random_range(r, 0, 4000);
  m.v = (float)fmn_random_range(r, 0, 4000);
  m.seed = (guint32)fmn_random_next(r);
  return m;
}

static inline guint8 to_byte(float v) { return (guint8)(CLAMP(v, 0, 1) * 255 + 0.5f); }

void fmn_canvas_row(const FmnCanvas *c, const FmnMaterial *m, const FmnRow *row, int x, int y, int n) {
  fmn_material_row(m, c->noise, row, n, c->light, c->mix);
  guint8 *p = c->pixels + (gsize)y * (gsize)c->stride + 4 * (gsize)x;
  for (int i = 0; i < n; i++, p += 4) {
    float light = 1 + c->light[i], mix = c->mix[i];
    for (int k = 0; k < 3; k++)
      p[2 - k] = to_byte(light * (m->color[k] + mix * (m->other[k] - m->color[k])));
  }
}
