#include <string.h>
#include <turbojpeg.h>

#include "train/scene_parts.h"

#define MAX_TAPS 31
#define SHOULDER 0.75f /* light above it is held back more and more, as cameras do, before it is white */

typedef struct {
  float weights[MAX_TAPS];
  int radius;
} Blur;

typedef struct {
  Blur across, down;
  float gain[3], curve;                                 /* exposure and colour of the light; contrast */
  float slope_x, slope_y, vignette, middle_x, middle_y; /* light over the frame */
  float dapple, dapple_size, dapple_u, dapple_v;
  float grain, stain; /* deviation of noise: the same in all colours, in each; 0..255 */
  guint64 seed;
  int quality; /* of JPEG; 0: none */
} Shot;

struct FmnCamera {
  float *rows, *line, *light, *out;
  gsize n_rows, n_line;
  unsigned char *jpeg;
  unsigned long n_jpeg;
  tjhandle compress, decompress;
};

FmnCamera *fmn_camera_new(void) { return g_new0(FmnCamera, 1); }

void fmn_camera_free(FmnCamera *camera) {
  if (!camera)
    return;
  g_free(camera->rows);
  g_free(camera->line);
  tjFree(camera->jpeg);
  if (camera->compress)
    tjDestroy(camera->compress);
  if (camera->decompress)
    tjDestroy(camera->decompress);
  g_free(camera);
}

/* sigma in pixels */
static Blur gaussian(float sigma) {
  Blur b = {{1}, 0};
  if (sigma < 0.25f)
    return b;
  b.radius = CLAMP((int)ceilf(2.2f * sigma), 1, MAX_TAPS / 2);
  float sum = 0;
  for (int i = -b.radius; i <= b.radius; i++)
    sum += b.weights[i + b.radius] = expf(-(float)(i * i) / (2 * sigma * sigma));
  for (int i = 0; i <= 2 * b.radius; i++)
    b.weights[i] /= sum;
  return b;
}

static float chance(FmnRandom *r, double share, double from, double to) {
  gboolean yes = fmn_random_uniform(r) < share;
  float x = (float)fmn_random_range(r, from, to);
  return yes ? x : 0;
}

static Shot draw_shot(guint64 seed, const FmnCanvas *c) {
  FmnRandom r = {seed};
  Shot s = {0};
  float soft = chance(&r, 0.4, 0.3, 2), moved = chance(&r, 0.08, 1, 3);
  gboolean sideways = fmn_random_uniform(&r) < 0.6;
  s.across = gaussian(MAX(soft, sideways ? moved : 0) * c->sx);
  s.down = gaussian(MAX(soft, sideways ? 0 : moved) * c->sy);
  float exposure = expf(0.12f + (float)fmn_random_normal(&r) * 0.18f), warmth = (float)fmn_random_normal(&r) * 0.06f;
  float green = (float)fmn_random_normal(&r) * 0.025f;
  s.gain[0] = exposure * (1 + warmth);
  s.gain[1] = exposure * (1 + green);
  s.gain[2] = exposure * (1 - warmth);
  s.curve = (float)fmn_random_range(&r, -0.35, 0.5);
  s.slope_x = chance(&r, 0.6, -0.3, 0.3);
  s.slope_y = chance(&r, 0.6, -0.3, 0.3);
  s.vignette = chance(&r, 0.5, 0, 0.4);
  s.middle_x = (float)fmn_random_range(&r, 0.25, 0.75);
  s.middle_y = (float)fmn_random_range(&r, 0.25, 0.75);
  s.dapple = chance(&r, 0.3, 0.03, 0.14);
  s.dapple_size = (float)fmn_random_range(&r, 60, 300);
  s.dapple_u = (float)fmn_random_range(&r, 0, 9999);
  s.dapple_v = (float)fmn_random_range(&r, 0, 9999);
  float noise = (float)fmn_random_uniform(&r), shrink = MIN(1, c->sx);
  s.grain = 14 * noise * noise * noise * shrink + 0.6f;
  s.stain = s.grain * (float)fmn_random_range(&r, 0.1, 0.8);
  s.seed = fmn_random_next(&r);
  float quality = (float)fmn_random_range(&r, 20, 95);
  if (fmn_random_uniform(&r) < 0.6)
    s.quality = (int)(100 - (100 - quality) * MIN(1, 0.4f + 0.6f * shrink));
  return s;
}

/* A row is three, of R, G and B. */
static void reserve(FmnCamera *k, const FmnCanvas *c, int rows) {
  gsize row = 3 * (gsize)c->width, n_rows = row * (gsize)rows, n_line = row + 2 * MAX_TAPS + (gsize)c->width;
  if (k->n_rows < n_rows) {
    g_free(k->rows);
    k->rows = g_new(float, k->n_rows = n_rows);
  }
  if (k->n_line < n_line) {
    g_free(k->line);
    k->line = g_new(float, k->n_line = n_line);
  }
  k->light = k->line + row + 2 * MAX_TAPS;
  k->out = k->line; /* when a row is being exposed, none is being taken */
}

static void blur_line(const Blur *b, float *line, int n, float *out) {
  int pad = b->radius;
  for (int x = 0; x < pad; x++) {
    line[x] = line[pad];
    line[pad + n + x] = line[pad + n - 1];
  }
  for (int x = 0; x < n; x++)
    out[x] = b->weights[0] * line[x];
  for (int i = 1; i <= 2 * pad; i++)
    for (int x = 0; x < n; x++)
      out[x] += b->weights[i] * line[x + i];
}

/* A row's bytes, blurred along it. */
static void take_row(FmnCamera *k, const FmnCanvas *c, const Blur *b, int y, float *out) {
  const guint8 *p = c->pixels + (gsize)CLAMP(y, 0, c->height - 1) * (gsize)c->stride;
  for (int i = 0; i < 3; i++, out += c->width) {
    float *line = b->radius ? k->line + b->radius : out;
    for (int x = 0; x < c->width; x++)
      line[x] = p[4 * x + 2 - i];
    if (b->radius)
      blur_line(b, k->line, c->width, out);
  }
}

static const float *blur_down(FmnCamera *k, const Blur *b, int y, int n) {
  int rows = 2 * b->radius + 1;
  if (rows == 1)
    return k->rows;
  for (int i = 0; i < rows; i++) {
    const float *row = k->rows + (gsize)((y - b->radius + i + rows) % rows) * (gsize)n;
    float w = b->weights[i];
    if (i == 0)
      for (int x = 0; x < n; x++)
        k->out[x] = w * row[x];
    else
      for (int x = 0; x < n; x++)
        k->out[x] += w * row[x];
  }
  return k->out;
}

static void light_row(const Shot *s, const FmnCanvas *c, int y, float *light) {
  float v = ((float)y + 0.5f) / (float)c->height, dy = v - s->middle_y;
  float start = 1 + s->slope_y * (v - 0.5f) - s->vignette * dy * dy;
  for (int x = 0; x < c->width; x++) {
    float u = ((float)x + 0.5f) / (float)c->width, dx = u - s->middle_x;
    light[x] = start + s->slope_x * (u - 0.5f) - s->vignette * dx * dx;
  }
  FmnRow row = {s->dapple_u, s->dapple_v + ((float)y + 0.5f) / c->sy, 1 / c->sx, 0, 1 / c->sx};
  if (s->dapple > 0)
    fmn_noise_add(c->noise, &row, s->dapple_size, 1, s->dapple, c->width, light);
}

static void expose_row(const Shot *s, const FmnCanvas *c, const float *in, const float *light, int y, guint8 *rgb) {
  FmnRandom r = {fmn_random_derive(s->seed, (guint64)y)};
  guint64 places = FMN_NOISE_SIDE * FMN_NOISE_SIDE - (guint64)c->width + 1;
  const float *grain = c->noise->white + fmn_random_below(&r, places);
  float curve = s->curve;
  for (int i = 0; i < 3; i++, in += c->width) {
    const float *stain = c->noise->white + fmn_random_below(&r, places);
    float gain = s->gain[i] / 255;
    for (int x = 0; x < c->width; x++) {
      float t = in[x] * gain * light[x];
      float over = t > SHOULDER ? (t - SHOULDER) / (1 - SHOULDER) : 0;
      t = (t < SHOULDER ? t : SHOULDER) + (1 - SHOULDER) * over / (1 + over);
      t += curve * t * (1 - t) * (2 * t - 1);
      t = t * 255 + s->grain * grain[x] + s->stain * stain[x] + 0.5f;
      t = t > 0 ? t : 0;
      t = t < 255 ? t : 255;
      rgb[3 * x + i] = (guint8)(int)t;
    }
  }
}

/* There and back. A picture that the library refuses stays as it is. */
static void compress(FmnCamera *k, int quality, const FmnCanvas *c, guint8 *rgb, int stride) {
  if (!k->compress)
    k->compress = tjInitCompress();
  if (!k->decompress)
    k->decompress = tjInitDecompress();
  if (k->compress && k->decompress &&
      tjCompress2(k->compress, rgb, c->width, stride, c->height, TJPF_RGB, &k->jpeg, &k->n_jpeg, TJSAMP_420, quality,
                  TJFLAG_FASTDCT) == 0)
    tjDecompress2(k->decompress, k->jpeg, k->n_jpeg, rgb, c->width, stride, c->height, TJPF_RGB, TJFLAG_FASTDCT);
}

void fmn_camera_take(FmnCamera *k, guint64 seed, const FmnCanvas *c, guint8 *rgb, int stride) {
  Shot s = draw_shot(seed, c);
  int rows = 2 * s.down.radius + 1, n = 3 * c->width, next = -s.down.radius;
  reserve(k, c, rows);
  for (int y = 0; y < c->height; y++) {
    for (; next <= y + s.down.radius; next++)
      take_row(k, c, &s.across, next, k->rows + (gsize)((next + rows) % rows) * (gsize)n);
    const float *in = blur_down(k, &s.down, y, n);
    light_row(&s, c, y, k->light);
    expose_row(&s, c, in, k->light, y, rgb + (gsize)y * (gsize)stride);
  }
  if (s.quality > 0)
    compress(k, s.quality, c, rgb, stride);
}
