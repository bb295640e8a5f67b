#include "train/scene_parts.h"

#define ELBOW 0.53f /* where it is along the arm */

static gboolean chance(FmnRandom *r, double share) { return fmn_random_uniform(r) < share; }

static float range(FmnRandom *r, double a, double b) { return (float)fmn_random_range(r, a, b); }

static float distance(const float *a, const float *b) { return hypotf(hypotf(a[0] - b[0], a[1] - b[1]), a[2] - b[2]); }

static FmnMaterial draw_cloth(FmnRandom *r, FmnWorn kind, const float *background) {
  static const FmnMaterialKind kinds[FMN_N_WORN][6] = {
      [FMN_WORN_T_SHIRT] = {FMN_MATERIAL_PLAIN, FMN_MATERIAL_PLAIN, FMN_MATERIAL_PLAIN, FMN_MATERIAL_PLAIN,
                            FMN_MATERIAL_PRINT, FMN_MATERIAL_STRIPES},
      [FMN_WORN_PULLOVER] = {FMN_MATERIAL_PLAIN, FMN_MATERIAL_PLAIN, FMN_MATERIAL_PLAIN, FMN_MATERIAL_KNIT,
                             FMN_MATERIAL_KNIT, FMN_MATERIAL_STRIPES},
      [FMN_WORN_SHIRT] = {FMN_MATERIAL_PLAIN, FMN_MATERIAL_WEAVE, FMN_MATERIAL_CHECKS, FMN_MATERIAL_CHECKS,
                          FMN_MATERIAL_STRIPES, FMN_MATERIAL_DOTS},
      [FMN_WORN_COAT] = {FMN_MATERIAL_PLAIN, FMN_MATERIAL_PLAIN, FMN_MATERIAL_PLAIN, FMN_MATERIAL_WEAVE,
                         FMN_MATERIAL_WEAVE, FMN_MATERIAL_CHECKS},
      [FMN_WORN_DRESS] = {FMN_MATERIAL_PLAIN, FMN_MATERIAL_PLAIN, FMN_MATERIAL_PRINT, FMN_MATERIAL_PRINT,
                          FMN_MATERIAL_DOTS, FMN_MATERIAL_STRIPES}};
  float color[3];
  for (int attempt = 0; attempt < 8; attempt++) {
    fmn_color_draw(r, 0.04f, 0.97f, chance(r, 0.45) ? 0.2f : 1, color);
    if (distance(color, background) > 0.25f)
      break;
  }
  FmnMaterial m = fmn_material_draw(r, kinds[kind][fmn_random_below(r, 6)], color);
  m.period *= 0.4f;
  m.folds = range(r, 0.02, kind == FMN_WORN_COAT ? 0.08 : 0.16);
  m.grain = range(r, 0, 0.05);
  return m;
}

FmnWorn fmn_worn_kind_draw(FmnRandom *r) {
  static const double shares[FMN_N_WORN] = {0.32, 0.32, 0.14, 0.13, 0.09};
  double x = fmn_random_uniform(r);
  int k = 0;
  while (k < FMN_N_WORN - 1 && x >= shares[k])
    x -= shares[k++];
  return (FmnWorn)k;
}

/* Its cut; what it is made of is left out. */
static void draw_cut(FmnClothes *w, FmnWorn k, FmnRandom *r) {
  static const struct {
    double sleeve[2], loose[2], hem[2];
  } kinds[FMN_N_WORN] = {{{0.24, 0.46}, {1.02, 1.3}, {2.1, 2.75}},
                         {{0.9, 1}, {1.1, 1.45}, {2.1, 2.7}},
                         {{0.92, 1}, {1.02, 1.3}, {2.2, 2.9}},
                         {{0.93, 1}, {1.2, 1.5}, {2.5, 4.6}},
                         {{0, 0.5}, {0.98, 1.12}, {3.4, 5.2}}};
  *w = (FmnClothes){.kind = k, .seed = fmn_random_next(r)};
  w->sleeve = range(r, kinds[k].sleeve[0], kinds[k].sleeve[1]);
  w->loose = range(r, kinds[k].loose[0], kinds[k].loose[1]);
  w->hem = range(r, kinds[k].hem[0], kinds[k].hem[1]);
  if (k == FMN_WORN_SHIRT && chance(r, 0.35))
    w->sleeve = range(r, 0.3, 0.48);
  if (k == FMN_WORN_PULLOVER && chance(r, 0.12)) /* pushed up */
    w->sleeve = range(r, 0.68, 0.85);
  w->hood = (k == FMN_WORN_PULLOVER && chance(r, 0.45)) || (k == FMN_WORN_COAT && chance(r, 0.3));
  w->open = k == FMN_WORN_COAT && chance(r, 0.6);
  w->short_collar = chance(r, 0.3);
}

void fmn_clothes_draw(FmnClothes *w, FmnWorn k, FmnRandom *r, const float *background) {
  draw_cut(w, k, r);
  w->cloth = draw_cloth(r, k, background);
  w->inner = draw_cloth(r, FMN_WORN_T_SHIRT, w->cloth.color);
  w->print = (k == FMN_WORN_T_SHIRT && chance(r, 0.45)) || (k == FMN_WORN_PULLOVER && chance(r, 0.25));
}

void fmn_clothes_tailor(FmnPerson *p, FmnWorn kind, FmnRandom *r, const FmnCutout *cutout, float bright) {
  FmnClothes *w = &p->upper;
  draw_cut(w, kind, r);
  w->cloth = fmn_photo_cloth(cutout, w->hem * p->head, bright);
  w->cloth.folds = range(r, 0, 0.08);
  w->inner = draw_cloth(r, FMN_WORN_T_SHIRT, w->cloth.color);
  /* the torso's rows run down it: see fmn_clothes_torso_render() */
  float down = p->lean + (float)G_PI_2;
  w->cloth.u = -cosf(down) * p->x - sinf(down) * p->y;
  w->cloth.v = sinf(down) * p->x - cosf(down) * p->y;
}

/* --- sleeves --- */

static FmnPoint between(FmnPoint a, FmnPoint b, float share) {
  return (FmnPoint){a.x + share * (b.x - a.x), a.y + share * (b.y - a.y)};
}

static void draw_sleeve(const FmnClothes *w, const FmnArm *a, cairo_t *cr) {
  float upper = MIN(w->sleeve / ELBOW, 1), lower = (w->sleeve - ELBOW) / (1 - ELBOW), wide = w->loose;
  if (w->sleeve < 0.1f)
    return;
  FmnPoint end = between(a->shoulder, a->elbow, upper);
  fmn_person_limb(cr, a->shoulder, end, 0.25f * wide, (lower > 0 ? 0.19f : 0.26f - 0.05f * upper) * wide);
  if (lower > 0)
    fmn_person_limb(cr, a->elbow, between(a->elbow, a->wrist, MIN(lower, 1)), 0.19f * wide, 0.14f * wide);
}

void fmn_clothes_sleeve_render(const FmnPerson *p, const FmnArm *a, FmnCanvas *c, guint8 mark, guint8 *owner) {
  FmnLayer l = fmn_layer_begin(c);
  fmn_person_transform(p, l.cr);
  draw_sleeve(&p->upper, a, l.cr);
  FmnLayerPaint paint = fmn_person_paint(p, &p->upper.cloth, 0.2f, mark);
  paint.angle += atan2f(a->elbow.y - a->shoulder.y, a->elbow.x - a->shoulder.x);
  fmn_layer_paint(&l, &paint, c, owner);
}

/* --- torso --- */

static void torso_path(const FmnPerson *p, cairo_t *cr) {
  const FmnClothes *w = &p->upper;
  double sh = p->shoulders, waist = p->waist * w->loose, hips = p->hips * w->loose, hem = w->hem;
  gboolean dress = w->kind == FMN_WORN_DRESS;
  double below = dress ? hips + 0.28 * (hem - 2.1) : hips + 0.05 * (hem - 2.1), neck = 0.27;
  double shoulder = dress && w->sleeve < 0.15f ? 0.6 * sh : sh;
  for (int side = -1; side <= 1; side += 2) { /* the second time from below to above: one closed path */
    if (side < 0) {
      cairo_move_to(cr, 0, 0.16);
      cairo_line_to(cr, -neck, 0.03);
      cairo_curve_to(cr, -neck - 0.2, 0.1, -shoulder + 0.1, 0.12, -shoulder, 0.4);
      cairo_line_to(cr, -sh * 0.86, 0.95);
      cairo_curve_to(cr, -waist - 0.05, 1.3, -waist, 1.45, -waist, 1.6);
      cairo_curve_to(cr, -waist, 1.85, -hips, 1.9, -hips, 2.1);
      cairo_line_to(cr, -below, hem);
      cairo_curve_to(cr, -below / 2, hem + 0.08, below / 2, hem + 0.08, below, hem);
    } else {
      cairo_line_to(cr, hips, 2.1);
      cairo_curve_to(cr, hips, 1.9, waist, 1.85, waist, 1.6);
      cairo_curve_to(cr, waist, 1.45, waist + 0.05, 1.3, sh * 0.86, 0.95);
      cairo_line_to(cr, shoulder, 0.4);
      cairo_curve_to(cr, shoulder - 0.1, 0.12, neck + 0.2, 0.1, neck, 0.03);
      cairo_close_path(cr);
    }
  }
  cairo_fill(cr);
}

static void render_hood(const FmnPerson *p, FmnCanvas *c, guint8 mark, guint8 *owner) {
  FmnLayer l = fmn_layer_begin(c);
  fmn_person_transform(p, l.cr);
  fmn_person_limb(l.cr, (FmnPoint){-0.42f, 0.02f}, (FmnPoint){0.42f, 0.02f}, 0.24f, 0.24f);
  FmnLayerPaint paint = fmn_person_paint(p, &p->upper.cloth, 0.2f, mark);
  fmn_layer_paint(&l, &paint, c, owner);
}

void fmn_clothes_torso_render(const FmnPerson *p, FmnCanvas *c, guint8 mark, guint8 *owner) {
  if (p->upper.hood)
    render_hood(p, c, mark, owner);
  FmnLayer l = fmn_layer_begin(c);
  fmn_person_transform(p, l.cr);
  torso_path(p, l.cr);
  for (int i = 0; i < 2; i++)
    if (p->arm[i].beside)
      draw_sleeve(&p->upper, &p->arm[i], l.cr);
  FmnLayerPaint paint = fmn_person_paint(p, &p->upper.cloth, 0.4f, mark);
  paint.angle += (float)G_PI_2;
  fmn_layer_paint(&l, &paint, c, owner);
}

/* --- details --- */

static void tone(cairo_t *cr, const FmnMaterial *m, float by, double alpha) {
  cairo_set_source_rgba(cr, CLAMP(m->color[0] * by, 0, 1), CLAMP(m->color[1] * by, 0, 1), CLAMP(m->color[2] * by, 0, 1),
                        alpha);
}

/* What is not covered at the neck: skin, or in an open coat what is under it. */
static void draw_opening(const FmnPerson *p, cairo_t *cr, FmnRandom *r) {
  const FmnClothes *w = &p->upper;
  double depth = w->kind == FMN_WORN_DRESS ? fmn_random_range(r, 0.3, 0.7) : fmn_random_range(r, 0.14, 0.34);
  gboolean pointed = w->kind == FMN_WORN_SHIRT || w->kind == FMN_WORN_COAT || chance(r, 0.25);
  if (w->open) {
    double wide = fmn_random_range(r, 0.12, 0.45);
    cairo_move_to(cr, -0.24, 0.02);
    cairo_line_to(cr, -wide, MIN(1.1, w->hem));
    cairo_line_to(cr, -wide * fmn_random_range(r, 0.4, 1.2), w->hem + 0.05);
    cairo_line_to(cr, wide * fmn_random_range(r, 0.4, 1.2), w->hem + 0.05);
    cairo_line_to(cr, wide, MIN(1.1, w->hem));
    cairo_line_to(cr, 0.24, 0.02);
    cairo_close_path(cr);
    tone(cr, &w->inner, 0.85f, 1);
    cairo_fill(cr);
  }
  if (w->kind == FMN_WORN_PULLOVER && chance(r, 0.15)) /* up to the chin */
    return;
  cairo_move_to(cr, -0.25, 0.0);
  if (pointed) {
    cairo_line_to(cr, 0, depth + 0.1);
    cairo_line_to(cr, 0.25, 0.0);
  } else {
    cairo_curve_to(cr, -0.2, depth * 1.3, 0.2, depth * 1.3, 0.25, 0.0);
  }
  tone(cr, &p->skin, 0.85f, 1);
  cairo_fill_preserve(cr);
  tone(cr, &w->cloth, 0.65f, 0.8);
  cairo_set_line_width(cr, fmn_random_range(r, 0.03, 0.08));
  cairo_stroke(cr);
}

static void draw_front(const FmnPerson *p, cairo_t *cr, FmnRandom *r) {
  const FmnClothes *w = &p->upper;
  double wide = fmn_random_range(r, 0.02, 0.05), step = fmn_random_range(r, 0.3, 0.45);
  gboolean zip = w->kind == FMN_WORN_COAT && chance(r, 0.5);
  tone(cr, &w->cloth, 0.6f, 0.9);
  cairo_set_line_width(cr, zip ? 0.06 : wide);
  cairo_move_to(cr, 0, 0.28);
  cairo_line_to(cr, 0, w->hem);
  cairo_stroke(cr);
  tone(cr, &w->cloth, chance(r, 0.5) ? 0.35f : 1.7f, 1);
  for (double y = 0.4; !zip && y < w->hem - 0.1; y += step) {
    cairo_new_sub_path(cr);
    cairo_arc(cr, 0.05, y, 0.035, 0, 2 * G_PI);
  }
  cairo_fill(cr);
}

static void draw_collar(const FmnPerson *p, cairo_t *cr, FmnRandom *r) {
  const FmnClothes *w = &p->upper;
  double low = w->kind == FMN_WORN_COAT ? fmn_random_range(r, 0.6, 1.2) : fmn_random_range(r, 0.28, 0.42);
  for (int side = -1; side <= 1; side += 2) {
    cairo_move_to(cr, 0.22 * side, -0.1);
    cairo_line_to(cr, 0.42 * side, 0.12);
    cairo_line_to(cr, (w->kind == FMN_WORN_COAT ? 0.36 : 0.3) * side, low * 0.75);
    cairo_line_to(cr, (w->open ? 0.2 : 0.03) * side, low);
    cairo_close_path(cr);
    tone(cr, &w->cloth, 1.12f, 1);
    cairo_fill_preserve(cr);
    tone(cr, &w->cloth, 0.6f, 0.8);
    cairo_set_line_width(cr, 0.025);
    cairo_stroke(cr);
  }
}

static void draw_print(const FmnPerson *p, cairo_t *cr, FmnRandom *r) {
  float color[3];
  double w = fmn_random_range(r, 0.3, 0.9) * p->waist, h = w * fmn_random_range(r, 0.3, 1.1),
         y = fmn_random_range(r, 0.75, 1.1);
  int n = 1 + (int)fmn_random_below(r, 7);
  for (int i = 0; i < n; i++) {
    double x = fmn_random_range(r, -w, w) * 0.6, at = y + fmn_random_range(r, -h, h) * 0.5;
    fmn_color_draw(r, 0.05f, 1, 0.9f, color);
    cairo_set_source_rgba(cr, color[0], color[1], color[2], fmn_random_range(r, 0.3, 0.95));
    if (chance(r, 0.4)) {
      cairo_rectangle(cr, x - w * 0.3, at, w * 0.6, h * fmn_random_range(r, 0.05, 0.4));
    } else {
      cairo_new_sub_path(cr);
      cairo_arc(cr, x, at, fmn_random_range(r, 0.05, 0.3) * w, 0, fmn_random_range(r, 3, 2 * G_PI));
    }
    cairo_fill(cr);
  }
}

/* A pocket across the belly, cords from the hood, a seam above the hem. */
static void draw_pullover(const FmnPerson *p, cairo_t *cr, FmnRandom *r) {
  const FmnClothes *w = &p->upper;
  double hips = p->hips * w->loose;
  tone(cr, &w->cloth, 0.7f, 0.7);
  cairo_set_line_width(cr, 0.03);
  if (w->hood && chance(r, 0.7)) {
    cairo_move_to(cr, -0.35 * hips, w->hem - 0.95);
    cairo_line_to(cr, -0.65 * hips, w->hem - 0.35);
    cairo_line_to(cr, 0.65 * hips, w->hem - 0.35);
    cairo_line_to(cr, 0.35 * hips, w->hem - 0.95);
    cairo_close_path(cr);
    cairo_stroke(cr);
  }
  cairo_move_to(cr, -hips, w->hem - 0.22);
  cairo_line_to(cr, hips, w->hem - 0.22);
  cairo_stroke(cr);
  if (!w->hood)
    return;
  tone(cr, &w->cloth, chance(r, 0.5) ? 1.6f : 0.5f, 1);
  for (int side = -1; side <= 1; side += 2) {
    cairo_move_to(cr, 0.14 * side, 0.2);
    cairo_rel_line_to(cr, fmn_random_range(r, -0.06, 0.06), fmn_random_range(r, 0.3, 0.9));
  }
  cairo_stroke(cr);
}

void fmn_clothes_details_render(const FmnPerson *p, FmnCanvas *c) {
  const FmnClothes *w = &p->upper;
  gboolean drawn = w->cloth.kind != FMN_MATERIAL_PHOTO; /* a photo's cloth shows its own seams and buttons */
  FmnRandom random = {w->seed}, *r = &random;
  cairo_save(c->cr);
  fmn_person_transform(p, c->cr);
  if (w->print)
    draw_print(p, c->cr, r);
  draw_opening(p, c->cr, r);
  if (drawn && (w->kind == FMN_WORN_SHIRT || (w->kind == FMN_WORN_COAT && !w->open)))
    draw_front(p, c->cr, r);
  if (drawn && (w->kind == FMN_WORN_SHIRT || (w->kind == FMN_WORN_COAT && !w->hood)))
    draw_collar(p, c->cr, r);
  if (drawn && w->kind == FMN_WORN_PULLOVER)
    draw_pullover(p, c->cr, r);
  cairo_restore(c->cr);
}
