#include <string.h>

#include "train/extent.h"
#include "train/scene_parts.h"

/* Smoothed cover of a layer, with a margin, so that its slope is known at the rim. */
typedef struct {
  int x0, y0, width, height; /* in the canvas; may reach beyond it */
  float *cover;
} Relief;

FmnLayer fmn_layer_begin(const FmnCanvas *c) {
  FmnLayer l = {.surface = cairo_image_surface_create(CAIRO_FORMAT_A8, c->width, c->height)};
  l.cr = cairo_create(l.surface);
  cairo_scale(l.cr, c->sx, c->sy);
  return l;
}

/* Means of 2·radius + 1 values along a line; beyond its ends there is nothing. */
static void box_line(const float *from, float *to, int n, int step, int radius) {
  float sum = 0, share = 1 / (float)(2 * radius + 1);
  for (int i = 0; i < MIN(radius, n); i++)
    sum += from[i * step];
  for (int i = 0; i < n; i++) {
    if (i + radius < n)
      sum += from[(i + radius) * step];
    to[i * step] = sum * share;
    if (i >= radius)
      sum -= from[(i - radius) * step];
  }
}

static Relief smooth(const guint8 *mask, int stride, const FmnExtent *e, int radius) {
  int margin = 2 * radius + 1;
  Relief r = {e->left - margin, e->top - margin, e->right - e->left + 2 * margin, e->bottom - e->top + 2 * margin,
              NULL};
  gsize size = (gsize)r.width * (gsize)r.height;
  r.cover = g_new0(float, size);
  float *other = g_new(float, size);
  for (int y = e->top; y < e->bottom; y++)
    for (int x = e->left; x < e->right; x++)
      r.cover[(y - r.y0) * r.width + x - r.x0] = (float)mask[y * stride + x] / 255;
  for (int pass = 0; pass < 2; pass++) {
    for (int y = 0; y < r.height; y++)
      box_line(r.cover + y * r.width, other + y * r.width, r.width, 1, radius);
    for (int x = 0; x < r.width; x++)
      box_line(other + x, r.cover + x, r.height, r.width, radius);
  }
  g_free(other);
  return r;
}

static float cover_at(const Relief *r, int x, int y) {
  x -= r->x0;
  y -= r->y0;
  return x < 0 || y < 0 || x >= r->width || y >= r->height ? 0 : r->cover[y * r->width + x];
}

static void cast_shadow(const Relief *r, const FmnLayerPaint *p, FmnCanvas *c) {
  int dx = (int)lrintf(p->shadow_x * c->sx), dy = (int)lrintf(p->shadow_y * c->sy);
  for (int y = MAX(0, r->y0 + dy); y < MIN(c->height, r->y0 + r->height + dy); y++)
    for (int x = MAX(0, r->x0 + dx); x < MIN(c->width, r->x0 + r->width + dx); x++) {
      guint8 *to = c->pixels + (gsize)y * (gsize)c->stride + 4 * (gsize)x;
      float keep = 1 - p->shadow * cover_at(r, x - dx, y - dy);
      for (int k = 0; k < 3; k++)
        to[k] = (guint8)((float)to[k] * keep + 0.5f);
    }
}

static void paint_row(const Relief *r, const guint8 *mask, const FmnLayerPaint *p, FmnCanvas *c, int x0, int x1, int y,
                      guint8 *owner) {
  float ca = cosf(p->angle), sa = sinf(p->angle), px = 1 / c->sx, u = ((float)x0 + 0.5f) * px,
        v = ((float)y + 0.5f) / c->sy, steep = p->depth * c->sx;
  FmnRow row = {ca * u + sa * v, ca * v - sa * u, ca * px, -sa * px, px};
  const FmnMaterial *m = p->cloth;
  fmn_material_row(m, c->noise, &row, x1 - x0, c->light, c->mix);
  for (int x = x0; x < x1; x++) {
    float alpha = (float)mask[x] / 255;
    if (alpha <= 0)
      continue;
    if (alpha >= 0.5f)
      owner[y * c->width + x] = p->mark;
    float slope = (cover_at(r, x + 1, y) - cover_at(r, x - 1, y)) * p->light_x +
                  (cover_at(r, x, y + 1) - cover_at(r, x, y - 1)) * p->light_y;
    float rim = 1 - cover_at(r, x, y), mix = c->mix[x - x0];
    float lit = 255 * (1 + c->light[x - x0]) * CLAMP(1 - steep * slope - p->rim * rim, 0.25f, 1.6f);
    guint8 *to = c->pixels + (gsize)y * (gsize)c->stride + 4 * (gsize)x;
    float color[3];
    if (m->kind == FMN_MATERIAL_PHOTO)
      fmn_photo_cloth_at(m, row.u + (float)(x - x0) * row.du, row.v + (float)(x - x0) * row.dv, color);
    else
      for (int k = 0; k < 3; k++)
        color[k] = m->color[k] + mix * (m->other[k] - m->color[k]);
    for (int k = 0; k < 3; k++) {
      float ink = lit * color[k];
      to[2 - k] = (guint8)((float)to[2 - k] + alpha * (CLAMP(ink, 0, 255) - (float)to[2 - k]) + 0.5f);
    }
  }
}

void fmn_layer_paint(FmnLayer *l, const FmnLayerPaint *p, FmnCanvas *c, guint8 *owner) {
  FmnExtent e;
  int stride = cairo_image_surface_get_stride(l->surface);
  cairo_surface_flush(l->surface);
  cairo_surface_flush(c->surface);
  const guint8 *mask = cairo_image_surface_get_data(l->surface);
  if (fmn_extent_find(mask, stride, c->width, c->height, 0, &e)) {
    Relief r = smooth(mask, stride, &e, MAX(1, (int)lrintf(0.5f * p->depth * c->sx)));
    if (p->shadow > 0)
      cast_shadow(&r, p, c);
    for (int y = e.top; y < e.bottom; y++)
      paint_row(&r, mask + y * stride, p, c, e.left, e.right, y, owner);
    g_free(r.cover);
  }
  cairo_surface_mark_dirty(c->surface);
  cairo_destroy(l->cr);
  cairo_surface_destroy(l->surface);
}
