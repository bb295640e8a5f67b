#include "train/augment.h"

#include <string.h>

#include "error.h"
#include "train/camera.h"
#include "train/extent.h"

static const struct {
  const char *name;
  gsize offset;
  double strength, max; /* default and largest */
  const char *summary;
  gboolean whole; /* no fractions */
} kinds[] = {
    {"pair", G_STRUCT_OFFSET(FmnAugment, pair), 0.5, 1, "probability of a pair of what is low and wide"},
    {"flip", G_STRUCT_OFFSET(FmnAugment, flip), 0.5, 1, "probability of a mirror image"},
    {"shift", G_STRUCT_OFFSET(FmnAugment, shift), 2, 1000, "whole pixels to move at most", TRUE},
    {"rotate", G_STRUCT_OFFSET(FmnAugment, rotate), 10, 180, "degrees to turn at most"},
    {"zoom", G_STRUCT_OFFSET(FmnAugment, zoom), 0.1, 0.9, "share to grow or shrink at most"},
    {"stretch", G_STRUCT_OFFSET(FmnAugment, stretch), 0.2, 0.9, "share to become wider or narrower at most"},
    {"perspective", G_STRUCT_OFFSET(FmnAugment, perspective), 0.2, 0.5,
     "share a side is longer than the other at most"},
    {"edge", G_STRUCT_OFFSET(FmnAugment, edge), 0.3, 1, "probability of errors of the mask"},
    {"tone", G_STRUCT_OFFSET(FmnAugment, tone), 0.5, 1, "exposure, contrast, light from a side"},
    {"negative", G_STRUCT_OFFSET(FmnAugment, negative), 0.2, 1, "probability of light for dark"},
    {"texture", G_STRUCT_OFFSET(FmnAugment, texture), 0.3, 1, "amplitude of stripes, folds and noise"},
    {"blur", G_STRUCT_OFFSET(FmnAugment, blur), 1, 10, "pixels to blur by at most"},
    {"erase", G_STRUCT_OFFSET(FmnAugment, erase), 0.5, 1, "probability of a rectangle of noise"},
    {"cutmix", G_STRUCT_OFFSET(FmnAugment, cutmix), 0.5, 1, "probability of a rectangle from another image"},
    {"mixup", G_STRUCT_OFFSET(FmnAugment, mixup), 0.2, 1, "alpha of the blend with another image"},
};

/* The kind that was set, an index; -1: it is none, or its strength is out of range. */
static int parse_one(const char *text, FmnAugment *a) {
  g_auto(GStrv) parts = g_strsplit(text, ":", 2);
  for (gsize i = 0; parts[0] && i < G_N_ELEMENTS(kinds); i++) {
    if (strcmp(g_strstrip(parts[0]), kinds[i].name) != 0)
      continue;
    double strength = kinds[i].strength;
    if (parts[1]) {
      char *end;
      strength = g_ascii_strtod(parts[1], &end);
      if (!*parts[1] || *end || !(strength >= 0 && strength <= kinds[i].max) ||
          (kinds[i].whole && strength != floor(strength)))
        return -1;
    }
    G_STRUCT_MEMBER(double, a, kinds[i].offset) = strength;
    return (int)i;
  }
  return -1;
}

gboolean fmn_augment_parse(const char *text, FmnAugment *a, GError **error) {
  memset(a, 0, sizeof *a);
  if (!*text || strcmp(text, "none") == 0)
    return TRUE;
  g_auto(GStrv) list = g_strsplit(text, ",", -1);
  gboolean given[G_N_ELEMENTS(kinds)] = {FALSE};
  for (int i = 0; list[i]; i++) {
    int kind = parse_one(list[i], a);
    if (kind >= 0 && given[kind]) {
      g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "augmentation “%s”: %s is given twice; give it once", text,
                  kinds[kind].name);
      return FALSE;
    }
    if (kind >= 0) {
      given[kind] = TRUE;
      continue;
    }
    g_autofree char *help = fmn_augment_help();
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                "augmentation “%s”: expected “none” or a list of NAME[:STRENGTH] of:\n%s", list[i], help);
    return FALSE;
  }
  return TRUE;
}

char *fmn_augment_to_string(const FmnAugment *a) {
  GString *s = g_string_new(NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
    double strength = G_STRUCT_MEMBER(double, a, kinds[i].offset);
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    if (strength > 0)
      g_string_append_printf(s, "%s%s:%s", s->len ? "," : "", kinds[i].name,
                             g_ascii_formatd(number, sizeof number, "%g", strength));
  }
  return g_string_free(s->len ? s : g_string_append(s, "none"), FALSE);
}

char *fmn_augment_help(void) {
  GString *s = g_string_new(NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
    g_string_append_printf(s, "  %-11s %s (0 to %g, default %g)\n", kinds[i].name, kinds[i].summary, kinds[i].max,
                           kinds[i].strength);
  return g_string_free(s, FALSE);
}

/* How the image is moved: where the pixel (x, y) of the result comes from. */
typedef struct {
  double xx, xy, yx, yy; /* about the centre */
  double px, py;         /* and farther from it towards one side */
  int dx, dy;
  gboolean flip, turns;
} Move;

static Move draw_move(const FmnAugment *a, FmnRandom *r) {
  Move m = {1, 0, 0, 1, 0, 0, 0, 0, FALSE, a->rotate > 0 || a->zoom > 0 || a->stretch > 0 || a->perspective > 0};
  if (a->flip > 0)
    m.flip = fmn_random_uniform(r) < a->flip;
  if (a->shift > 0) {
    guint64 reach = 2 * (guint64)a->shift + 1;
    m.dx = (int)fmn_random_below(r, reach) - (int)a->shift;
    m.dy = (int)fmn_random_below(r, reach) - (int)a->shift;
  }
  if (m.turns) {
    double angle = fmn_random_range(r, -a->rotate, a->rotate) * G_PI / 180;
    double scale = 1 / fmn_random_range(r, 1 - a->zoom, 1 + a->zoom);
    m.xx = m.yy = cos(angle) * scale;
    m.xy = sin(angle) * scale;
    m.yx = -m.xy;
    if (a->stretch > 0) {
      double narrower = 1 / fmn_random_range(r, 1 - a->stretch, 1 + a->stretch);
      m.xx *= narrower;
      m.xy *= narrower;
    }
    if (a->perspective > 0) {
      m.px = fmn_random_range(r, -a->perspective, a->perspective);
      m.py = fmn_random_range(r, -a->perspective, a->perspective);
    }
  }
  return m;
}

static float pixel(const guint8 *image, int height, int width, int x, int y) {
  return x < 0 || y < 0 || x >= width || y >= height ? 0 : (float)image[y * width + x];
}

static float bilinear(const guint8 *image, int height, int width, double x, double y) {
  double fx = floor(x), fy = floor(y);
  if (fx < -1 || fy < -1 || fx >= width || fy >= height)
    return 0;
  int x0 = (int)fx, y0 = (int)fy;
  float ax = (float)(x - fx), ay = (float)(y - fy);
  float top = pixel(image, height, width, x0, y0) * (1 - ax) + pixel(image, height, width, x0 + 1, y0) * ax;
  float low = pixel(image, height, width, x0, y0 + 1) * (1 - ax) + pixel(image, height, width, x0 + 1, y0 + 1) * ax;
  return top * (1 - ay) + low * ay;
}

static void move_plane(const Move *m, const guint8 *image, int height, int width, float *out) {
  double cx = (width - 1) / 2.0, cy = (height - 1) / 2.0;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      int mx = (m->flip ? width - 1 - x : x) - m->dx, my = y - m->dy;
      if (m->turns) {
        double away = 1 + m->px * (mx - cx) / width + m->py * (my - cy) / height;
        double rx = (mx - cx) / away, ry = (my - cy) / away;
        *out++ = bilinear(image, height, width, cx + m->xx * rx + m->xy * ry, cy + m->yx * rx + m->yy * ry) / 255;
      } else {
        *out++ = pixel(image, height, width, mx, my) / 255;
      }
    }
}

#define SEEN 24  /* as bright is what is not ground */
#define LOW 0.62 /* of their width shoes are high at most, but for boots */

/* As two shoes stand or lie: touching, side by side, toes up or down, or one above the other; filling the image, cut
 * off where they do not fit. Bags that are as low become pairs, too. */
static void make_pair(FmnRandom *r, const FmnExtent *e, const guint8 *image, int channels, int height, int width,
                      guint8 *out) {
  gboolean upright = fmn_random_uniform(r) < 0.7, mirrored = fmn_random_uniform(r) < 0.8;
  double way = fmn_random_uniform(r) < 0.5 ? 1 : -1, grown = fmn_random_range(r, 0.75, 0.95), map[2][6];
  double apart = grown * (e->bottom - e->top) * fmn_random_range(r, 0.38, 0.55);
  double from_x = (e->left + e->right - 1) / 2.0, from_y = (e->top + e->bottom - 1) / 2.0;
  for (int i = 0; i < 2; i++) {
    double side = i ? apart : -apart, flip = i && mirrored ? -1 : 1, along = fmn_random_range(r, -0.07, 0.07) * width;
    double angle = (upright ? way * G_PI_2 * flip : 0) + fmn_random_range(r, -0.25, 0.25);
    double x = (width - 1) / 2.0 + (upright ? side : along), y = (height - 1) / 2.0 + (upright ? along : side);
    double c = cos(angle) / grown, s = sin(angle) / grown;
    double m[6] = {flip * c, flip * s, from_x - flip * (c * x + s * y), -s, c, from_y + s * x - c * y};
    memcpy(map[i], m, sizeof m);
  }
  for (int k = 0; k < channels; k++, image += height * width)
    for (int y = 0; y < height; y++)
      for (int x = 0; x < width; x++) {
        float best = 0;
        for (int i = 0; i < 2; i++)
          best = MAX(best, bilinear(image, height, width, map[i][0] * x + map[i][1] * y + map[i][2],
                                    map[i][3] * x + map[i][4] * y + map[i][5]));
        *out++ = (guint8)lrintf(best);
      }
}

/* Zhong et al. 2017: area 2 % to 40 % of the image, aspect 0.3 to 1/0.3; drawn again when it does not fit. */
static void erase(FmnRandom *r, float *image, int channels, int height, int width) {
  for (int attempt = 0; attempt < 100; attempt++) {
    double area = fmn_random_range(r, 0.02, 0.4) * height * width;
    double aspect = exp(fmn_random_range(r, log(0.3), log(1 / 0.3)));
    int h = (int)lrint(sqrt(area * aspect)), w = (int)lrint(sqrt(area / aspect));
    if (h < 1 || w < 1 || h >= height || w >= width)
      continue;
    int x0 = (int)fmn_random_below(r, (guint64)(width - w + 1)),
        y0 = (int)fmn_random_below(r, (guint64)(height - h + 1));
    for (int c = 0; c < channels; c++)
      for (int y = y0; y < y0 + h; y++)
        for (int x = x0; x < x0 + w; x++)
          image[(c * height + y) * width + x] = (float)fmn_random_uniform(r);
    return;
  }
}

void fmn_augment_image(const FmnAugment *a, FmnRandom *r, const guint8 *image, int channels, int height, int width,
                       float *out) {
  g_autofree guint8 *pair = NULL;
  if (a->pair > 0 && fmn_random_uniform(r) < a->pair) {
    FmnExtent e;
    if (fmn_extent_find(image, width, width, height, SEEN, &e) && e.bottom - e.top < LOW * (e.right - e.left)) {
      pair = g_malloc((gsize)channels * (gsize)height * (gsize)width);
      make_pair(r, &e, image, channels, height, width, pair);
      image = pair;
    }
  }
  Move m = draw_move(a, r);
  for (int c = 0; c < channels; c++)
    move_plane(&m, image + c * height * width, height, width, out + c * height * width);
  fmn_camera_change(a, r, out, channels, height, width);
  if (a->erase > 0 && fmn_random_uniform(r) < a->erase)
    erase(r, out, channels, height, width);
}

/* Beta(alpha, alpha) for 0 < alpha ≤ 1 (Jöhnk 1964). */
static double draw_beta(FmnRandom *r, double alpha) {
  for (;;) {
    double u = 1 - fmn_random_uniform(r), v = 1 - fmn_random_uniform(r), x = pow(u, 1 / alpha), y = pow(v, 1 / alpha);
    if (x + y == 0) /* both too small for a number; their ratio may not be */
      return 1 / (1 + exp((log(v) - log(u)) / alpha));
    if (x + y <= 1)
      return x / (x + y);
  }
}

static FmnMix draw_cut(FmnRandom *r, int height, int width) {
  double side = sqrt(1 - fmn_random_uniform(r));
  int w = (int)lrint(side * width), h = (int)lrint(side * height);
  int x = (int)fmn_random_below(r, (guint64)width), y = (int)fmn_random_below(r, (guint64)height);
  FmnMix mix = {
      FMN_MIX_CUT, 1, MAX(0, x - w / 2), MAX(0, y - h / 2), MIN(width, x + (w + 1) / 2), MIN(height, y + (h + 1) / 2)};
  mix.own = 1 - (double)(mix.x1 - mix.x0) * (mix.y1 - mix.y0) / ((double)width * height);
  return mix;
}

FmnMix fmn_augment_draw_mix(const FmnAugment *a, FmnRandom *r, int height, int width) {
  if (a->cutmix > 0 && fmn_random_uniform(r) < a->cutmix)
    return draw_cut(r, height, width);
  if (a->mixup > 0)
    return (FmnMix){FMN_MIX_BLEND, draw_beta(r, a->mixup), 0, 0, 0, 0};
  return (FmnMix){FMN_MIX_NONE, 1, 0, 0, 0, 0};
}

void fmn_augment_mix(const FmnMix *mix, float *image, const float *other, int channels, int height, int width) {
  if (mix->kind == FMN_MIX_BLEND) {
    float own = (float)mix->own;
    for (int i = 0; i < channels * height * width; i++)
      image[i] = own * image[i] + (1 - own) * other[i];
  } else if (mix->kind == FMN_MIX_CUT) {
    for (int c = 0; c < channels; c++)
      for (int y = mix->y0; y < mix->y1; y++)
        for (int x = mix->x0; x < mix->x1; x++)
          image[(c * height + y) * width + x] = other[(c * height + y) * width + x];
  }
}
