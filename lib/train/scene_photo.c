#include <string.h>

#include "train/scene_parts.h"

#define SHADOW_HALVINGS 2 /* what the shadow is coarser than the garment */
/* Where a garment is cloth in all likelihood: about its middle, shares of its sides. */
#define CLOTH_WIDTH 0.34f
#define CLOTH_TOP 0.06f
#define CLOTH_BOTTOM 0.95f

/* Of its pixels: R, G, B times cover, and cover; 0..1. */
static FmnSprite whole(const FmnCutout *c) {
  gsize size = (gsize)c->width * (gsize)c->height;
  FmnSprite s = {c->width, c->height, 1, g_new(FmnPixel, size)};
  for (gsize i = 0; i < size; i++) {
    float cover = c->cover[i], share = cover / 255;
    s.pixels[i] = (FmnPixel){c->planes[i] * share, c->planes[size + i] * share, c->planes[2 * size + i] * share, cover};
  }
  return s;
}

/* Means of four pixels; odd sides lose their last line. */
static FmnSprite half(const FmnSprite *from) {
  FmnSprite s = {from->width / 2, from->height / 2, from->zoom / 2, NULL};
  s.pixels = g_new(FmnPixel, (gsize)s.width * (gsize)s.height);
  for (int y = 0; y < s.height; y++)
    for (int x = 0; x < s.width; x++) {
      const FmnPixel *p = from->pixels + (gsize)(2 * y) * (gsize)from->width + 2 * x;
      s.pixels[y * s.width + x] = (p[0] + p[1] + p[from->width] + p[from->width + 1]) * 0.25f;
    }
  return s;
}

/* As coarse as it can be without being coarser than the picture is: `shown` pixels of this for one of the cut-out. */
static FmnSprite shrink(FmnSprite s, float shown) {
  while (shown < 0.6f * s.zoom && MIN(s.width, s.height) >= 8) {
    FmnSprite next = half(&s);
    g_free(s.pixels);
    s = next;
  }
  return s;
}

FmnSprite fmn_photo_sprite(const FmnCutout *c, float shown) { return shrink(whole(c), shown); }

static void mean_color(const FmnCutout *c, const FmnPhotoCloth *part, float *color) {
  gsize size = (gsize)c->width * (gsize)c->height;
  double sum[4] = {0};
  for (int y = (int)part->top; y < (int)part->bottom; y++)
    for (int x = (int)part->left; x < (int)part->right; x++) {
      gsize at = (gsize)y * (gsize)c->width + (gsize)x;
      if (c->cover[at] < 0.5f)
        continue;
      for (gsize k = 0; k < 3; k++)
        sum[k] += c->planes[k * size + at];
      sum[3] += 255;
    }
  for (int k = 0; k < 3; k++)
    color[k] = sum[3] > 0 ? (float)(sum[k] / sum[3]) * part->bright : 0.5f;
}

FmnMaterial fmn_photo_cloth(const FmnCutout *c, float length, float bright) {
  FmnMaterial m = {.kind = FMN_MATERIAL_PHOTO};
  float wide = (c->x1 - c->x0) * CLOTH_WIDTH, middle = (c->x0 + c->x1) / 2, tall = c->y1 - c->y0;
  float shown = tall * (CLOTH_BOTTOM - CLOTH_TOP);
  m.photo = (FmnPhotoCloth){.left = middle - wide / 2,
                            .right = middle + wide / 2,
                            .top = c->y0 + tall * CLOTH_TOP,
                            .bottom = c->y0 + tall * CLOTH_BOTTOM,
                            .scale = MAX(shown, 1) / length,
                            .bright = bright};
  mean_color(c, &m.photo, m.color);
  return m;
}

/* t, reflected into 0..span. */
static float reflect(float t, float span) {
  t = fabsf(fmodf(t, 2 * span));
  return t > span ? 2 * span - t : t;
}

void fmn_photo_cloth_at(const FmnMaterial *m, float u, float v, float *rgb) {
  const FmnPhotoCloth *p = &m->photo;
  float wide = MAX(p->right - p->left, 1), tall = MAX(p->bottom - p->top, 1), zoom = p->sprite->zoom;
  float x = p->left + reflect(wide / 2 - (v + m->v) * p->scale, wide),
        y = p->top + reflect((u + m->u) * p->scale, tall);
  FmnPixel s = fmn_sprite_at(p->sprite, x * zoom - 0.5f, y * zoom - 0.5f);
  for (int k = 0; k < 3; k++)
    rgb[k] = s[3] < 0.5f ? m->color[k] : s[k] / s[3] * p->bright;
}

static FmnSprite soften(const FmnSprite *from) {
  FmnSprite s = half(from);
  for (int i = 1; i < SHADOW_HALVINGS && MIN(s.width, s.height) >= 8; i++) {
    FmnSprite next = half(&s);
    g_free(s.pixels);
    s = next;
  }
  return s;
}

static void draw_shadow(const FmnGarment *g, const FmnSprite *sprite, FmnCanvas *c, int y) {
  const FmnSpan at = fmn_garment_span(g, sprite, c, y, g->shadow_x, g->shadow_y);
  guint8 *p = c->pixels + (gsize)y * (gsize)c->stride + 4 * (gsize)at.first;
  for (int x = at.first; x < at.last; x++, p += 4) {
    float shade = fmn_sprite_at(sprite, at.u + (float)x * at.du, at.v + (float)x * at.dv)[3];
    int keep = (int)(256 * (1 - g->shadow * shade));
    for (int k = 0; k < 3; k++)
      p[k] = (guint8)(p[k] * keep >> 8);
  }
}

static void draw_row(const FmnGarment *g, const FmnSprite *sprite, FmnCanvas *c, int y, guint8 mark, guint8 *owner) {
  const FmnSpan at = fmn_garment_span(g, sprite, c, y, 0, 0);
  guint8 *p = c->pixels + (gsize)y * (gsize)c->stride + 4 * (gsize)at.first;
  owner += (gsize)y * (gsize)c->width;
  for (int x = at.first; x < at.last; x++, p += 4) {
    FmnPixel s = fmn_sprite_at(sprite, at.u + (float)x * at.du, at.v + (float)x * at.dv);
    /* the outermost pixels are partly ground */
    float alpha = CLAMP(2 * s[3] - 0.8f, 0, 1);
    if (alpha <= 0)
      continue;
    if (alpha >= 0.5f)
      owner[x] = mark;
    float light = 255 * g->bright / s[3];
    for (int k = 0; k < 3; k++)
      p[2 - k] = (guint8)((float)p[2 - k] + alpha * (MIN(s[k] * light, 255) - (float)p[2 - k]) + 0.5f);
  }
}

void fmn_photo_render(const FmnGarment *g, const FmnCutout *cutout, FmnCanvas *c, guint8 mark, guint8 *owner) {
  FmnSprite sprite = fmn_photo_sprite(cutout, g->scale * c->sx), soft = soften(&sprite);
  int top = MAX(0, (int)(MIN(g->top, g->top + g->shadow_y) * c->sy)),
      bottom = MIN(c->height - 1, (int)((g->bottom + MAX(0, g->shadow_y)) * c->sy));
  for (int y = top; y <= bottom; y++)
    draw_shadow(g, &soft, c, y);
  for (int y = top; y <= bottom; y++)
    draw_row(g, &sprite, c, y, mark, owner);
  g_free(sprite.pixels);
  g_free(soft.pixels);
}
