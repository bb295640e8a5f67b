#include <string.h>

#include "train/scene_parts.h"

#define MAX_ZOOM 10

/* Of its pixels: brightness, cover, relief, shadow. */

/* --- enlarging --- */

/* Mitchell & Netravali's family of cubics. */
static float cubic(float d, float b) {
  float c = (1 - b) / 2, a = fabsf(d);
  if (a < 1)
    return ((12 - 9 * b - 6 * c) * a * a * a + (-18 + 12 * b + 6 * c) * a * a + (6 - 2 * b)) / 6;
  if (a < 2)
    return ((-b - 6 * c) * a * a * a + (6 * b + 30 * c) * a * a + (-12 * b - 48 * c) * a + (8 * b + 24 * c)) / 6;
  return 0;
}

static void box3(const FmnCutout *c, const float *from, float *to) {
  memset(to, 0, sizeof(float) * (gsize)(c->width * c->height));
  for (int y = 1; y < c->height - 1; y++)
    for (int x = 1; x < c->width - 1; x++) {
      const float *p = from + y * c->width + x;
      float sum = 0;
      for (int j = -c->width; j <= c->width; j += c->width)
        sum += p[j - 1] + p[j] + p[j + 1];
      to[y * c->width + x] = sum / 9;
    }
}

/* The cut-out's pixels with what light does to its shape: bulging, it is brighter towards the light. */
static FmnPixel *relief(const FmnCutout *c, float light_x, float light_y) {
  gsize size = (gsize)c->width * (gsize)c->height;
  float *once = g_new(float, 2 * size), *twice = once + size;
  FmnPixel *grid = g_new0(FmnPixel, size);
  box3(c, c->cover, once);
  box3(c, once, twice);
  for (int y = 0; y < c->height; y++)
    for (int x = 0; x < c->width; x++) {
      int i = y * c->width + x;
      float slope = 0;
      if (x > 0 && y > 0 && x < c->width - 1 && y < c->height - 1)
        slope = (twice[i + 1] - twice[i - 1]) * light_x + (twice[i + c->width] - twice[i - c->width]) * light_y;
      grid[i] = (FmnPixel){c->value[i], c->cover[i], -slope, twice[i]};
    }
  g_free(once);
  return grid;
}

static void enlarge(const FmnPixel *from, int width, int height, int zoom, FmnSprite *s) {
  FmnPixel weights[MAX_ZOOM][4];
  for (int i = 0; i < zoom; i++) {
    float f = ((float)i + 0.5f) / (float)zoom;
    for (int k = 0; k < 4; k++) {
      float sharp = cubic(f - (float)(k - 1), 0.4f), soft = cubic(f - (float)(k - 1), 0.85f);
      weights[i][k] = (FmnPixel){sharp, soft, soft, soft};
    }
  }
  /* between the centres of the first and the last pixel */
  s->zoom = (float)zoom;
  s->width = (width - 1) * zoom;
  s->height = (height - 1) * zoom;
  s->pixels = g_new(FmnPixel, (gsize)s->width * (gsize)s->height);
  FmnPixel *column = g_new(FmnPixel, width);
  for (int y = 0; y < s->height; y++) {
    const FmnPixel *w = weights[y % zoom], *row[4];
    for (int k = 0; k < 4; k++)
      row[k] = from + CLAMP(y / zoom + k - 1, 0, height - 1) * width;
    for (int x = 0; x < width; x++)
      column[x] = w[0] * row[0][x] + w[1] * row[1][x] + w[2] * row[2][x] + w[3] * row[3][x];
    FmnPixel *out = s->pixels + (gsize)y * (gsize)s->width;
    for (int x = 0; x < width - 1; x++) {
      FmnPixel a = column[MAX(0, x - 1)], b = column[x], d = column[x + 1], e = column[MIN(width - 1, x + 2)];
      for (int i = 0; i < zoom; i++)
        *out++ = weights[i][0] * a + weights[i][1] * b + weights[i][2] * d + weights[i][3] * e;
    }
  }
  g_free(column);
}

/* --- drawing --- */

/* Where u + i·du stays within 0..limit, for first ≤ i < last. */
static void clip(float u, float du, float limit, int *first, int *last) {
  if (fabsf(du) < 1e-6f) {
    if (u < 0 || u >= limit)
      *last = *first;
    return;
  }
  float a = -u / du, b = (limit - u) / du;
  *first = MAX(*first, (int)CLAMP(ceilf(MIN(a, b) + 1e-3f), -1e6f, 1e6f));
  *last = MIN(*last, (int)CLAMP(ceilf(MAX(a, b) - 1e-3f), -1e6f, 1e6f));
}

FmnSpan fmn_garment_span(const FmnGarment *g, const FmnSprite *sprite, const FmnCanvas *c, int y, float dx, float dy) {
  float x0 = 0.5f / c->sx - dx, y0 = ((float)y + 0.5f) / c->sy - dy;
  FmnSpan s = {.u = (g->xx * x0 + g->xy * y0 + g->x - 0.5f) * sprite->zoom - 0.5f,
               .v = (g->yx * x0 + g->yy * y0 + g->y - 0.5f) * sprite->zoom - 0.5f,
               .du = g->xx * sprite->zoom / c->sx,
               .dv = g->yx * sprite->zoom / c->sx,
               .first = MAX(0, (int)((g->left + dx) * c->sx)),
               .last = MIN(c->width, (int)((g->right + dx) * c->sx) + 1)};
  clip(s.u, s.du, (float)(sprite->width - 1), &s.first, &s.last);
  clip(s.v, s.dv, (float)(sprite->height - 1), &s.first, &s.last);
  return s;
}

typedef struct {
  const FmnGarment *g;
  const FmnSprite *sprite;
  FmnCanvas *c;
} Job;

static void draw_shadow(const Job *j, int y) {
  const FmnGarment *g = j->g;
  FmnSpan s = fmn_garment_span(j->g, j->sprite, j->c, y, g->shadow_x, g->shadow_y);
  guint8 *p = j->c->pixels + (gsize)y * (gsize)j->c->stride + 4 * (gsize)s.first;
  for (int x = s.first; x < s.last; x++, p += 4) {
    float shade = fmn_sprite_at(j->sprite, s.u + (float)x * s.du, s.v + (float)x * s.dv)[3];
    int keep = (int)(256 * (1 - g->shadow * CLAMP(shade, 0, 1)));
    for (int k = 0; k < 3; k++)
      p[k] = (guint8)(p[k] * keep >> 8);
  }
}

static void draw_row(const Job *j, int y, guint8 mark, guint8 *owner) {
  const FmnGarment *g = j->g;
  const FmnSpan at = fmn_garment_span(j->g, j->sprite, j->c, y, 0, 0);
  const int first = at.first, last = at.last;
  float unit = g->scale / j->sprite->zoom, sharp = MAX(1, 1.3f * g->scale * j->c->sx);
  if (first >= last)
    return;
  float *light = j->c->light, *mix = j->c->mix, span = g->bright - g->dark;
  FmnRow row = {(at.u + (float)first * at.du) * unit, (at.v + (float)first * at.dv) * unit, at.du * unit, at.dv * unit,
                1 / j->c->sx};
  fmn_material_row(&g->cloth, j->c->noise, &row, last - first, light, mix);
  guint8 *p = j->c->pixels + (gsize)y * (gsize)j->c->stride + 4 * (gsize)first;
  owner += (gsize)y * (gsize)j->c->width;
  for (int x = first; x < last; x++, p += 4) {
    FmnPixel s = fmn_sprite_at(j->sprite, at.u + (float)x * at.du, at.v + (float)x * at.dv);
    float alpha = CLAMP((s[1] - 0.46f) * sharp + 0.5f, 0, 1);
    if (alpha <= 0)
      continue;
    if (alpha >= 0.5f)
      owner[x] = mark;
    float grey = CLAMP(1 - s[0], 0, 1);
    grey += g->gamma * grey * (1 - grey);
    float lit = (g->dark + span * grey) * (1 + light[x - first] + s[2]) * 255, m = mix[x - first];
    for (int k = 0; k < 3; k++) {
      float ink = lit * (g->cloth.color[k] + m * (g->cloth.other[k] - g->cloth.color[k]));
      p[2 - k] = (guint8)((float)p[2 - k] + alpha * (CLAMP(ink, 0, 255) - (float)p[2 - k]) + 0.5f);
    }
  }
}

void fmn_garment_render(const FmnGarment *g, const FmnCutout *cutout, FmnCanvas *c, guint8 mark, guint8 *owner) {
  int zoom = CLAMP((int)ceilf(0.75f * g->scale * c->sx), 1, MAX_ZOOM);
  /* the light's direction in the cut-out */
  float length = g->scale, lx = (g->xx * g->light_x + g->xy * g->light_y) * length,
        ly = (g->yx * g->light_x + g->yy * g->light_y) * length;
  FmnPixel *grid = relief(cutout, lx, ly);
  FmnSprite sprite;
  enlarge(grid, cutout->width, cutout->height, zoom, &sprite);
  g_free(grid);
  Job job = {g, &sprite, c};
  int top = (int)((MIN(g->top, g->top + g->shadow_y)) * c->sy),
      bottom = (int)((g->bottom + MAX(0, g->shadow_y)) * c->sy);
  for (int y = MAX(0, top); y <= MIN(c->height - 1, bottom); y++)
    draw_shadow(&job, y);
  for (int y = MAX(0, top); y <= MIN(c->height - 1, bottom); y++)
    draw_row(&job, y, mark, owner);
  g_free(sprite.pixels);
}

/* --- placing --- */

void fmn_garment_place(FmnGarment *g, const FmnCutout *c, const FmnTurn *t, FmnPoint from, FmnPoint to) {
  float ca = cosf(t->angle) * t->scale, sa = sinf(t->angle) * t->scale;
  float a = ca * t->stretch, b = ca * t->shear - sa / fabsf(t->stretch), d = sa * t->stretch,
        e = sa * t->shear + ca / fabsf(t->stretch), det = a * e - b * d;
  g->scale = t->scale;
  g->xx = e / det;
  g->xy = -b / det;
  g->yx = -d / det;
  g->yy = a / det;
  g->x = from.x - g->xx * to.x - g->xy * to.y;
  g->y = from.y - g->yx * to.x - g->yy * to.y;
  g->left = g->top = G_MAXFLOAT;
  g->right = g->bottom = -G_MAXFLOAT;
  for (int i = 0; i < 4; i++) {
    float u = (i & 1 ? (float)c->width : 0) - from.x, v = (i & 2 ? (float)c->height : 0) - from.y;
    float x = a * u + b * v + to.x, y = d * u + e * v + to.y;
    g->left = MIN(g->left, x);
    g->right = MAX(g->right, x);
    g->top = MIN(g->top, y);
    g->bottom = MAX(g->bottom, y);
  }
}

/* --- dressing --- */

static FmnMaterialKind draw_cloth(FmnRandom *r) {
  static const struct {
    FmnMaterialKind kind;
    double share;
  } kinds[] = {{FMN_MATERIAL_STRIPES, 0.08}, {FMN_MATERIAL_CHECKS, 0.06}, {FMN_MATERIAL_DOTS, 0.03},
               {FMN_MATERIAL_PRINT, 0.06},   {FMN_MATERIAL_KNIT, 0.12},   {FMN_MATERIAL_WEAVE, 0.3}};
  double x = fmn_random_uniform(r);
  for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
    if ((x -= kinds[i].share) < 0)
      return kinds[i].kind;
  return FMN_MATERIAL_PLAIN;
}

static float distance(const float *a, const float *b, float scale) {
  float sum = 0;
  for (int i = 0; i < 3; i++)
    sum += (a[i] * scale - b[i]) * (a[i] * scale - b[i]);
  return sqrtf(sum);
}

void fmn_garment_dress(FmnGarment *g, FmnRandom *r, const FmnCutout *cutout, const float *background) {
  float color[3];
  if (cutout->planes) {
    g->bright = expf(CLAMP((float)fmn_random_normal(r), -2, 2) * 0.15f);
    return;
  }
  /* Dark garments are frequent in the data set, so half of the time these are lifted. */
  g->dark = (float)(fmn_random_uniform(r) < 0.5 ? fmn_random_range(r, 0.02, 0.12) : fmn_random_range(r, 0.12, 0.5));
  g->bright = (float)fmn_random_range(r, 0.75, 1);
  g->gamma = (float)fmn_random_range(r, -0.4, 0.4);
  float mean = g->dark + (g->bright - g->dark) * (1 - cutout->mean);
  /* Nobody photographs a garment on a ground of its own colour. */
  for (int attempt = 0; attempt < 12; attempt++) {
    float saturation = fmn_random_uniform(r) < 0.35 ? 0.15f : 0.85f;
    fmn_color_draw(r, 0.75f, 1, saturation, color);
    if (distance(color, background, mean) > 0.3f)
      break;
    g->bright = (float)fmn_random_range(r, 0.5, 1);
    mean = g->dark + (g->bright - g->dark) * (1 - cutout->mean);
  }
  g->cloth = fmn_material_draw(r, draw_cloth(r), color);
  g->cloth.period *= 0.6f;
  g->cloth.grain = (float)fmn_random_range(r, 0, 0.05);
  g->cloth.folds = (float)fmn_random_range(r, 0, 0.05);
  /* A pattern is faint more often than not: it must not hide what the garment is. */
  float share = (float)fmn_random_range(r, 0.08, 0.5);
  for (int k = 0; k < 3; k++)
    g->cloth.other[k] = color[k] + share * (g->cloth.other[k] - color[k]);
}
