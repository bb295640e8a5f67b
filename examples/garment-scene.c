#include "garment-scene.h"

#include <math.h>
#include <string.h>

#include "garment-floor.h"

#define PAD 3
#define GRID (GARMENT_ITEM_SIZE + 2 * PAD)
#define ZOOM 12
#define TEXTURE (GRID * ZOOM)
#define FLOOR_MARGIN 32

struct GarmentScene {
  int width, height;
  int floor_width, floor_height;
  float *floor;   /* floor_height × floor_width × 3 */
  float *garment; /* TEXTURE × TEXTURE × 3: luminance, coverage, shadow */
  float tint[3];
  float scale, angle, turn, x, y, drift_x, drift_y, growth;
  float light_x, light_y, light_move, light_depth, sigma;
  guint64 random;
};

double garment_random(guint64 *state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return (double)((*state * G_GUINT64_CONSTANT(2685821657736338717)) >> 11) / 9007199254740992.0;
}

static float between(guint64 *state, double low, double high) { return (float)(low + (high - low) * garment_random(state)); }

/* What is black and reaches the border is not the garment; black inside of it is. */
static void find_outside(const float *value, gboolean *outside) {
  int stack[GRID * GRID], n = 0;
  memset(outside, 0, sizeof(gboolean) * GRID * GRID);
  stack[n++] = 0;
  outside[0] = TRUE;
  while (n > 0) {
    int at = stack[--n], x = at % GRID, y = at / GRID;
    const int next[4][2] = {{x - 1, y}, {x + 1, y}, {x, y - 1}, {x, y + 1}};
    for (int i = 0; i < 4; i++) {
      int nx = next[i][0], ny = next[i][1];
      if (nx < 0 || ny < 0 || nx >= GRID || ny >= GRID || outside[ny * GRID + nx] || value[ny * GRID + nx] > 6 / 255.f)
        continue;
      outside[ny * GRID + nx] = TRUE;
      stack[n++] = ny * GRID + nx;
    }
  }
}

/* Mean of the neighbours that are known; FALSE without any. */
static gboolean neighbours(const float *value, const gboolean *known, int at, float *mean) {
  float sum = 0;
  int n = 0;
  for (int dy = -1; dy <= 1; dy++)
    for (int dx = -1; dx <= 1; dx++) {
      int x = at % GRID + dx, y = at / GRID + dy;
      if (x < 0 || y < 0 || x >= GRID || y >= GRID || !known[y * GRID + x])
        continue;
      sum += value[y * GRID + x];
      n++;
    }
  *mean = n > 0 ? sum / n : 0;
  return n > 0;
}

/* Rim pixels are partly garment and partly black: takes them apart into the garment's value and how much it covers, and goes on
 * with the garment's value beyond its rim, so that enlarging mixes no black in. */
static void cut_out(const guint8 *item, float *value, float *cover) {
  gboolean outside[GRID * GRID], core[GRID * GRID], known[GRID * GRID];
  memset(value, 0, sizeof(float) * GRID * GRID);
  for (int y = 0; y < GARMENT_ITEM_SIZE; y++)
    for (int x = 0; x < GARMENT_ITEM_SIZE; x++)
      value[(y + PAD) * GRID + x + PAD] = item[y * GARMENT_ITEM_SIZE + x] / 255.f;
  find_outside(value, outside);
  for (int i = 0; i < GRID * GRID; i++) {
    float unused;
    known[i] = !outside[i];
    core[i] = known[i] && !neighbours(value, outside, i, &unused);
  }
  for (int i = 0; i < GRID * GRID; i++) {
    float inner;
    cover[i] = outside[i] ? 0 : 1;
    if (known[i] && !core[i] && (neighbours(value, core, i, &inner) || neighbours(value, known, i, &inner)) && value[i] < inner) {
      cover[i] = MAX(value[i] / inner, 0.25f);
      value[i] = inner;
    }
  }
  for (int round = 0; round < GRID; round++) {
    gboolean before[GRID * GRID];
    memcpy(before, known, sizeof before);
    for (int i = 0; i < GRID * GRID; i++)
      if (!before[i])
        known[i] = neighbours(value, before, i, &value[i]);
  }
}

/* Cubic B-spline (sharpness 0) to Catmull-Rom (sharpness 1). */
static float cubic(float d, float sharpness) {
  float b = 1 - sharpness, c = sharpness / 2, a = fabsf(d);
  if (a < 1)
    return ((12 - 9 * b - 6 * c) * a * a * a + (-18 + 12 * b + 6 * c) * a * a + (6 - 2 * b)) / 6;
  if (a < 2)
    return ((-b - 6 * c) * a * a * a + (6 * b + 30 * c) * a * a + (-12 * b - 48 * c) * a + (8 * b + 24 * c)) / 6;
  return 0;
}

static float enlarged(const float *grid, float x, float y, float sharpness) {
  int ix = (int)floorf(x), iy = (int)floorf(y);
  float sum = 0;
  for (int dy = -1; dy <= 2; dy++)
    for (int dx = -1; dx <= 2; dx++) {
      int gx = CLAMP(ix + dx, 0, GRID - 1), gy = CLAMP(iy + dy, 0, GRID - 1);
      sum += grid[gy * GRID + gx] * cubic(x - ix - dx, sharpness) * cubic(y - iy - dy, sharpness);
    }
  return sum;
}

static float smooth_step(float low, float high, float v) {
  v = CLAMP((v - low) / (high - low), 0, 1);
  return v * v * (3 - 2 * v);
}

/* A sum over a square, twice, is soft enough for a shadow. */
static void blur_channel(float *texture, int channel, int radius, gboolean across) {
  float *line = g_new(float, TEXTURE);
  int step = across ? 3 : 3 * TEXTURE;
  for (int i = 0; i < TEXTURE; i++) {
    float *p = texture + channel + (gsize)i * (across ? 3 * TEXTURE : 3), sum = 0;
    for (int j = 0; j < TEXTURE; j++)
      line[j] = p[(gsize)j * step];
    for (int j = -radius; j < TEXTURE; j++) {
      sum += j + radius < TEXTURE ? line[j + radius] : 0;
      sum -= j - radius - 1 >= 0 ? line[j - radius - 1] : 0;
      if (j >= 0)
        p[(gsize)j * step] = sum / (2 * radius + 1);
    }
  }
  g_free(line);
}

/* The data set's makers inverted luminance; here it is turned back. */
static float *garment_texture(const guint8 *item, guint64 *random) {
  float value[GRID * GRID], cover[GRID * GRID];
  cut_out(item, value, cover);
  float *texture = g_new(float, TEXTURE *TEXTURE * 3);
  for (int y = 0; y < TEXTURE; y++)
    for (int x = 0; x < TEXTURE; x++) {
      float gx = (x + 0.5f) / ZOOM - 0.5f, gy = (y + 0.5f) / ZOOM - 0.5f, *p = texture + 3 * ((gsize)y * TEXTURE + x);
      p[0] = CLAMP(1 - enlarged(value, gx, gy, 0.6f) + between(random, -0.015, 0.015), 0.03f, 0.97f);
      p[1] = smooth_step(0.3f, 0.6f, enlarged(cover, gx, gy, 0));
      p[2] = p[1];
    }
  for (int pass = 0; pass < 4; pass++)
    blur_channel(texture, 2, ZOOM / 2, pass & 1);
  return texture;
}

static void hue_color(float hue, float *rgb) {
  for (int i = 0; i < 3; i++)
    rgb[i] = CLAMP(fabsf(fmodf(6 * hue + (i == 0 ? 0 : i == 1 ? 4 : 2), 6) - 3) - 1, 0, 1);
}

static float luminance(const float *rgb) { return 0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2]; }

/* A colour of luminance 1, which a garment's luminance is multiplied with. */
static void choose_tint(guint64 *random, float *tint) {
  float hue[3];
  hue_color(between(random, 0, 1), hue);
  float amount = between(random, 0, 0.7), peak = 0, y = luminance(hue);
  for (int i = 0; i < 3; i++)
    peak = MAX(peak, hue[i] / y);
  amount = MIN(amount, 0.6f / (peak - 1));
  for (int i = 0; i < 3; i++)
    tint[i] = 1 + amount * (hue[i] / y - 1);
}

static void mean_color(const GarmentScene *s, float *rgb) {
  float sum = 0, weight = 0;
  for (gsize i = 0; i < TEXTURE * TEXTURE; i++) {
    sum += s->garment[3 * i] * s->garment[3 * i + 1];
    weight += s->garment[3 * i + 1];
  }
  for (int i = 0; i < 3; i++)
    rgb[i] = s->tint[i] * sum / MAX(weight, 1);
}

/* Nobody photographs a garment on a floor of its own colour. */
static void choose_floor(const float *garment, guint64 *random, float *base) {
  float best = -1;
  for (int attempt = 0; attempt < 40 && best < 0.5f; attempt++) {
    float hue[3], c[3], v = between(random, 0.22, 0.86), s = between(random, 0, 0.32), far = 0;
    hue_color(between(random, 0, 1), hue);
    for (int i = 0; i < 3; i++) {
      c[i] = v * (1 - s + s * hue[i]);
      far += (c[i] - garment[i]) * (c[i] - garment[i]);
    }
    if (sqrtf(far) > best) {
      best = sqrtf(far);
      memcpy(base, c, sizeof c);
    }
  }
}

GarmentScene *garment_scene_new(const guint8 *item, guint64 seed, int width, int height) {
  GarmentScene *s = g_new0(GarmentScene, 1);
  float garment[3], base[3] = {0.5f, 0.5f, 0.5f};
  s->random = seed * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15) + 1;
  for (int i = 0; i < 8; i++)
    garment_random(&s->random);
  s->width = width;
  s->height = height;
  s->floor_width = width + 2 * FLOOR_MARGIN;
  s->floor_height = height + 2 * FLOOR_MARGIN;
  s->garment = garment_texture(item, &s->random);
  choose_tint(&s->random, s->tint);
  mean_color(s, garment);
  choose_floor(garment, &s->random, base);
  s->floor = g_new(float, (gsize)s->floor_width *s->floor_height * 3);
  garment_floor_fill((GarmentFloor)(garment_random(&s->random) * GARMENT_N_FLOORS), base, &s->random, s->floor, s->floor_width,
                     s->floor_height);
  s->scale = between(&s->random, 0.68, 0.8) * height / (GARMENT_ITEM_SIZE * ZOOM);
  s->angle = between(&s->random, -0.08, 0.08);
  s->turn = between(&s->random, -0.05, 0.05);
  s->growth = between(&s->random, -0.04, 0.04);
  s->x = between(&s->random, -0.09, 0.09) * width;
  s->y = between(&s->random, -0.03, 0.03) * height;
  s->drift_x = between(&s->random, -24, 24);
  s->drift_y = between(&s->random, -10, 10);
  s->light_x = between(&s->random, 0.1, 0.9);
  s->light_y = between(&s->random, -0.2, 0.6);
  s->light_move = between(&s->random, -0.3, 0.3);
  s->light_depth = between(&s->random, 0.08, 0.24);
  s->sigma = between(&s->random, 0.006, 0.022);
  return s;
}

void garment_scene_free(GarmentScene *s) {
  if (!s)
    return;
  g_free(s->floor);
  g_free(s->garment);
  g_free(s);
}

static void sample(const float *image, int width, int height, float x, float y, int first, int n, float *out) {
  x = CLAMP(x, 0, width - 1.001f);
  y = CLAMP(y, 0, height - 1.001f);
  int ix = (int)x, iy = (int)y;
  float fx = x - ix, fy = y - iy;
  const float *p = image + 3 * ((gsize)iy * width + ix) + first, *q = p + 3 * (gsize)width;
  for (int i = 0; i < n; i++)
    out[i] = (p[i] * (1 - fx) + p[i + 3] * fx) * (1 - fy) + (q[i] * (1 - fx) + q[i + 3] * fx) * fy;
}

static gboolean inside(float u, float v) { return u >= 0 && v >= 0 && u < TEXTURE - 1 && v < TEXTURE - 1; }

/* Four bytes of one draw, summed, are near enough to a normal distribution. */
static float grain(guint64 *random) {
  *random ^= *random << 13;
  *random ^= *random >> 7;
  *random ^= *random << 17;
  guint32 r = (guint32)(*random >> 32);
  return ((float)((r & 255) + (r >> 8 & 255) + (r >> 16 & 255) + (r >> 24)) - 510) / 147.8f;
}

void garment_scene_draw(GarmentScene *s, double t, guint8 *pixels, int stride) {
  float along = (float)t - 0.5f, angle = s->angle + s->turn * along, scale = s->scale * (1 + s->growth * along);
  float a = cosf(angle) / scale, b = sinf(angle) / scale;
  float cx = s->width / 2.f + s->x + s->drift_x * along, cy = s->height / 2.f + s->y + s->drift_y * along;
  float fx = FLOOR_MARGIN - 0.5f * s->drift_x * along, fy = FLOOR_MARGIN - 0.5f * s->drift_y * along;
  float lx = s->light_x + s->light_move * along, ly = s->light_y;
  guint64 *random = &s->random;
  for (int y = 0; y < s->height; y++) {
    guint8 *out = pixels + (gsize)y * stride;
    for (int x = 0; x < s->width; x++, out += 4) {
      float c[3], item[2], shade = 0, dx = x - cx, dy = y - cy;
      float u = a * dx + b * dy + TEXTURE / 2, v = -b * dx + a * dy + TEXTURE / 2;
      sample(s->floor, s->floor_width, s->floor_height, x + fx, y + fy, 0, 3, c);
      if (inside(u - 5, v - 8))
        sample(s->garment, TEXTURE, TEXTURE, u - 5, v - 8, 2, 1, &shade);
      for (int i = 0; i < 3; i++)
        c[i] *= 1 - 0.3f * shade;
      if (inside(u, v)) {
        sample(s->garment, TEXTURE, TEXTURE, u, v, 0, 2, item);
        for (int i = 0; i < 3; i++)
          c[i] = item[1] * item[0] * s->tint[i] + (1 - item[1]) * c[i];
      }
      float rx = (float)x / s->width - lx, ry = (float)y / s->height - ly;
      float light = 1 + s->light_depth * (0.45f - rx * rx - ry * ry), dust = s->sigma * grain(random);
      for (int i = 0; i < 3; i++) {
        float level = 255 * (c[i] * light + dust + 0.5f * s->sigma * grain(random));
        out[2 - i] = (guint8)(CLAMP(level, 0, 254.4f) + 0.5f);
      }
      out[3] = 255;
    }
  }
}
