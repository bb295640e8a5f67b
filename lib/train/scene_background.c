#include <string.h>

#include "train/scene_parts.h"

static const char *const names[] = {"plain", "gradient", "fabric", "wood", "tiles", "clutter", "noise", "room"};
G_STATIC_ASSERT(G_N_ELEMENTS(names) == FMN_N_BACKGROUNDS);

const char *fmn_scene_background_name(FmnBackground background) {
  return (guint)background < FMN_N_BACKGROUNDS ? names[background] : NULL;
}

/* Browns, reds and greys, as woods are. */
static void draw_wood_color(FmnRandom *r, float *rgb) {
  float value = (float)fmn_random_range(r, 0.25, 0.9), depth = (float)fmn_random_range(r, 0.05, 0.6);
  rgb[0] = value;
  rgb[1] = value * (1 - 0.45f * depth);
  rgb[2] = value * (1 - 0.9f * depth);
}

FmnBackdrop fmn_backdrop_draw(FmnRandom *r, FmnBackground kind) {
  FmnBackdrop b = {.kind = kind, .seed = fmn_random_next(r)};
  if (kind == FMN_BACKGROUND_WOOD || (kind == FMN_BACKGROUND_CLUTTER && fmn_random_uniform(r) < 0.5))
    draw_wood_color(r, b.color);
  else
    fmn_color_draw(r, 0.25f, 0.97f, fmn_random_uniform(r) < 0.7 ? 0.25f : 0.8f, b.color);
  return b;
}

void fmn_surface_render(FmnCanvas *c, const FmnMaterial *m, float angle) {
  float ca = cosf(angle), sa = sinf(angle), px = 1 / c->sx, py = 1 / c->sy;
  for (int y = 0; y < c->height; y++) {
    float v = ((float)y + 0.5f) * py;
    FmnRow row = {-sa * v + 0.5f * ca * px, ca * v + 0.5f * sa * px, ca * px, sa * px, MAX(px, py)};
    fmn_canvas_row(c, m, &row, 0, y, c->width);
  }
}

static FmnMaterialKind choose(FmnRandom *r, const FmnMaterialKind *kinds, gsize n) {
  return kinds[fmn_random_below(r, n)];
}

static void render_fabric(FmnRandom *r, const float *color, FmnCanvas *c) {
  static const FmnMaterialKind kinds[] = {FMN_MATERIAL_WEAVE,   FMN_MATERIAL_WEAVE,  FMN_MATERIAL_KNIT,
                                          FMN_MATERIAL_STRIPES, FMN_MATERIAL_CHECKS, FMN_MATERIAL_DOTS,
                                          FMN_MATERIAL_PRINT,   FMN_MATERIAL_CARPET};
  FmnMaterial m = fmn_material_draw(r, choose(r, kinds, G_N_ELEMENTS(kinds)), color);
  m.folds = fmn_random_uniform(r) < 0.7 ? (float)fmn_random_range(r, 0.02, 0.16) : 0;
  fmn_surface_render(c, &m, (float)fmn_random_range(r, -G_PI, G_PI));
}

static float draw_angle(FmnRandom *r) {
  double x = fmn_random_uniform(r);
  float any = (float)fmn_random_range(r, -G_PI, G_PI);
  return x < 0.3 ? 0 : x < 0.6 ? (float)G_PI_2 : any;
}

static void render_wood(FmnRandom *r, const float *color, FmnCanvas *c) {
  FmnMaterial m = fmn_material_draw(r, FMN_MATERIAL_WOOD, color);
  fmn_surface_render(c, &m, draw_angle(r));
}

static void render_tiles(FmnRandom *r, const float *color, FmnCanvas *c) {
  static const FmnMaterialKind kinds[] = {FMN_MATERIAL_TILES, FMN_MATERIAL_TILES, FMN_MATERIAL_CHESSBOARD,
                                          FMN_MATERIAL_BRICKS, FMN_MATERIAL_MARBLE};
  FmnMaterial m = fmn_material_draw(r, choose(r, kinds, G_N_ELEMENTS(kinds)), color);
  fmn_surface_render(c, &m, draw_angle(r));
}

static void render_gradient(FmnRandom *r, const float *color, FmnCanvas *c) {
  float angle = (float)fmn_random_range(r, 0, 2 * G_PI), reach = 0.5f * (c->right + c->below);
  float x = c->right * (float)fmn_random_uniform(r), y = c->below * (float)fmn_random_uniform(r);
  cairo_pattern_t *p =
      fmn_random_uniform(r) < 0.5
          ? cairo_pattern_create_linear(c->right / 2 - reach * cosf(angle) / 2, c->below / 2 - reach * sinf(angle) / 2,
                                        c->right / 2 + reach * cosf(angle) / 2, c->below / 2 + reach * sinf(angle) / 2)
          : cairo_pattern_create_radial(x, y, 0, x, y, reach);
  int stops = 2 + (int)fmn_random_below(r, 3);
  for (int i = 0; i < stops; i++) {
    float mate[3], share = (float)fmn_random_range(r, 0.2, 1);
    fmn_color_draw(r, 0.1f, 1, 0.8f, mate);
    for (int k = 0; k < 3; k++)
      mate[k] = i ? color[k] + share * (mate[k] - color[k]) : color[k];
    cairo_pattern_add_color_stop_rgb(p, (double)i / (stops - 1), mate[0], mate[1], mate[2]);
  }
  cairo_set_source(c->cr, p);
  cairo_paint(c->cr);
  cairo_pattern_destroy(p);
}

/* Noise of all sizes, in each colour for itself; grains, clouds, or rows of a broken television. */
static void render_noise(FmnRandom *r, const float *color, FmnCanvas *c) {
  float *sum = g_new(float, 3 * c->width);
  float amount = (float)fmn_random_range(r, 0.04, 0.17), slope = (float)fmn_random_range(r, -0.5, 0.9);
  float grey = (float)fmn_random_uniform(r),
        stretch = expf((float)fmn_random_range(r, -0.3, 2.2) * (float)fmn_random_uniform(r));
  float u = (float)fmn_random_range(r, 0, 9999), v = (float)fmn_random_range(r, 0, 9999), px = 1 / c->sx;
  for (int y = 0; y < c->height; y++) {
    memset(sum, 0, sizeof(float) * 3 * (gsize)c->width);
    for (int k = 0; k < 3; k++)
      for (int octave = 0; octave < 3; octave++) {
        float size = 5 * powf(5, (float)octave), own = k ? 1 - grey : 1;
        FmnRow row = {u + (float)k * 977, v + (float)y / c->sy + (float)octave * 131, px, 0, px};
        fmn_noise_add(c->noise, &row, size, stretch, own * amount * powf(4, slope * (float)(octave - 1) * 0.7f),
                      c->width, sum + k * c->width);
      }
    guint8 *p = c->pixels + (gsize)y * (gsize)c->stride;
    for (int x = 0; x < c->width; x++)
      for (int k = 0; k < 3; k++) {
        float own = sum[k * c->width + x] + (k ? grey * sum[x] : 0);
        p[4 * x + 2 - k] = (guint8)(255 * CLAMP(color[k] + own, 0, 1) + 0.5f);
      }
  }
  g_free(sum);
}

static void render_clutter(FmnRandom *r, const float *color, FmnCanvas *c) {
  static const FmnMaterialKind kinds[] = {FMN_MATERIAL_WOOD,  FMN_MATERIAL_WOOD,   FMN_MATERIAL_PLAIN,
                                          FMN_MATERIAL_WEAVE, FMN_MATERIAL_MARBLE, FMN_MATERIAL_CARPET};
  FmnMaterial m = fmn_material_draw(r, choose(r, kinds, G_N_ELEMENTS(kinds)), color);
  fmn_surface_render(c, &m, draw_angle(r));
  cairo_surface_mark_dirty(c->surface);
  fmn_things_render(r, 8 + (int)fmn_random_below(r, 22), c);
}

void fmn_backdrop_render(const FmnBackdrop *b, FmnCanvas *c) {
  FmnRandom random = {b->seed}, *r = &random;
  cairo_surface_flush(c->surface);
  switch (b->kind) {
  case FMN_BACKGROUND_GRADIENT:
    render_gradient(r, b->color, c);
    break;
  case FMN_BACKGROUND_FABRIC:
    render_fabric(r, b->color, c);
    break;
  case FMN_BACKGROUND_WOOD:
    render_wood(r, b->color, c);
    break;
  case FMN_BACKGROUND_TILES:
    render_tiles(r, b->color, c);
    break;
  case FMN_BACKGROUND_CLUTTER:
    render_clutter(r, b->color, c);
    break;
  case FMN_BACKGROUND_NOISE:
    render_noise(r, b->color, c);
    break;
  case FMN_BACKGROUND_ROOM:
    fmn_room_render(r, b->color, c);
    break;
  default: {
    FmnMaterial m = fmn_material_draw(r, FMN_MATERIAL_PLAIN, b->color);
    fmn_surface_render(c, &m, 0);
  }
  }
  cairo_surface_mark_dirty(c->surface);
}
