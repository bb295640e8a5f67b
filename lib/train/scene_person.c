#include "train/scene_parts.h"

/* Proportions after the artists' canon of seven to eight heads. */
#define UPPER_ARM 1.42f
#define FOREARM 1.18f
#define HIPS_AT 2.15f
#define CROTCH_AT 2.75f
#define KNEES_AT 4.6f
#define ANKLES_AT 6.4f
#define GARMENT_HEADS 2.6f /* longer side of an upper garment */

static gboolean chance(FmnRandom *r, double share) { return fmn_random_uniform(r) < share; }

static float range(FmnRandom *r, double a, double b) { return (float)fmn_random_range(r, a, b); }

/* --- drawing lots --- */

static FmnMaterial draw_skin(FmnRandom *r) {
  float value = range(r, 0.28, 0.98), red = range(r, 0.8, 1.2);
  float color[3] = {value, value * (1 - 0.3f * red * (1.15f - 0.5f * value)),
                    value * (1 - 0.52f * red * (1.15f - 0.5f * value))};
  FmnMaterial m = fmn_material_draw(r, FMN_MATERIAL_PLAIN, color);
  m.grain = 0.01f;
  return m;
}

static FmnMaterial draw_hair(FmnRandom *r) {
  float value = powf(range(r, 0.15, 0.9), 2), warm = range(r, 0, 0.5);
  float color[3] = {value, value * (1 - 0.4f * warm), value * (1 - warm)};
  FmnMaterial m = fmn_material_draw(r, FMN_MATERIAL_PLAIN, color);
  m.grain = 0.12f;
  m.folds = 0.1f;
  return m;
}

static FmnPoint reach(FmnPoint from, float length, float angle) {
  return (FmnPoint){from.x + length * sinf(angle), from.y + length * cosf(angle)};
}

/* What people do with an arm, as shares of 1 up to which a pose goes. */
#define HANGS 0.38
#define BEFORE 0.68
#define AT_FACE 0.8
#define ON_HIP 0.87

/* side: -1 left, 1 right. Angles from straight down, positive to the right. */
static FmnArm draw_arm(FmnRandom *r, const FmnPerson *p, float side, double pose) {
  FmnArm a = {.shoulder = {side * (p->shoulders - 0.16f), 0.36f}};
  float out = range(r, 0.02, 0.3), bend = range(r, -0.3, 0.12);
  if (pose > HANGS && pose <= BEFORE) { /* hands before the belly or the chest */
    out = range(r, 0, 0.5);
    bend = -range(r, 1.4, 2.5) - out;
  } else if (pose > BEFORE && pose <= AT_FACE) { /* a hand at the face */
    out = range(r, 0.1, 0.7);
    bend = -range(r, 2.5, 2.85) - 0.7f * out;
  } else if (pose > AT_FACE && pose <= ON_HIP) { /* on the hip */
    out = range(r, 0.5, 0.8);
    bend = -range(r, 1.2, 1.6);
  } else if (pose > ON_HIP) { /* lifted, pointing, waving */
    out = range(r, 0.4, 1.6);
    bend = range(r, -2.2, 1.2);
  }
  a.elbow = reach(a.shoulder, UPPER_ARM * range(r, 0.88, 1), side * out);
  a.wrist = reach(a.elbow, FOREARM * range(r, 0.8, 1), side * (out + bend));
  a.beside = pose <= HANGS ? chance(r, 0.75) : pose > AT_FACE && chance(r, 0.5);
  a.holds = pose > HANGS && chance(r, 0.25);
  return a;
}

void fmn_person_spread_arms(FmnPerson *p, FmnRandom *r) {
  for (int i = 0; i < 2; i++) {
    FmnArm *a = &p->arm[i];
    float side = i ? 1 : -1, out = range(r, 0.3, 0.8), bend = range(r, -1, 0.1);
    a->elbow = reach(a->shoulder, UPPER_ARM * range(r, 0.88, 1), side * out);
    a->wrist = reach(a->elbow, FOREARM * range(r, 0.8, 1), side * (out + bend));
    a->beside = TRUE;
    a->holds = FALSE;
  }
}

int fmn_worn_label(FmnWorn kind) {
  static const int labels[FMN_N_WORN] = {0, 2, 6, 4, 3};
  return labels[kind];
}

static FmnMaterial draw_trousers(FmnRandom *r) {
  float color[3] = {0.1f, 0.13f, 0.2f}, share = range(r, 0, 1);
  float mate[3];
  fmn_color_draw(r, 0.06f, 0.75f, 0.4f, mate);
  for (int k = 0; k < 3; k++)
    color[k] += share * (mate[k] - color[k]);
  FmnMaterial m = fmn_material_draw(r, chance(r, 0.4) ? FMN_MATERIAL_WEAVE : FMN_MATERIAL_PLAIN, color);
  m.folds = range(r, 0.02, 0.12);
  return m;
}

void fmn_person_draw(FmnPerson *p, FmnRandom *r, float size, float right, float below, const float *background) {
  *p = (FmnPerson){.seed = fmn_random_next(r)};
  float angle = range(r, -G_PI, 0), relief = 0.05f + 0.85f * powf(range(r, 0, 1), 2);
  p->head = size / GARMENT_HEADS;
  p->x = right * range(r, 0.15, 0.85);
  /* from the head at the upper edge, or above it, to the head in the middle of the frame */
  p->y = chance(r, 0.15) ? range(r, -0.1, 1) * p->head : p->head * 1.15f + range(r, 0, 0.45) * below;
  p->y = MIN(p->y, below - 1.1f * p->head);
  p->lean = range(r, -0.09, 0.09);
  p->shoulders = range(r, 0.86, 1.12);
  p->waist = p->shoulders * range(r, 0.62, 0.86);
  p->hips = range(r, 0.66, 0.86);
  p->rim = range(r, 0.03, 0.25);
  p->light_x = relief * cosf(angle);
  p->light_y = relief * sinf(angle);
  double pose[2] = {fmn_random_uniform(r), fmn_random_uniform(r)};
  if (chance(r, 0.5))
    pose[1] = pose[0];
  p->arm[0] = draw_arm(r, p, -1, pose[0]);
  p->arm[1] = draw_arm(r, p, 1, pose[1]);
  p->skin = draw_skin(r);
  p->hair = draw_hair(r);
  p->trousers = draw_trousers(r);
  p->long_hair = chance(r, 0.4);
  p->beard = !p->long_hair && chance(r, 0.3);
  p->glasses = chance(r, 0.2);
  p->lanyard = chance(r, 0.25);
  p->strap = chance(r, 0.1);
  fmn_clothes_draw(&p->upper, fmn_worn_kind_draw(r), r, background);
}

/* --- rendering --- */

void fmn_person_transform(const FmnPerson *p, cairo_t *cr) {
  cairo_translate(cr, p->x, p->y);
  cairo_rotate(cr, p->lean);
  cairo_scale(cr, p->head, p->head);
}

void fmn_person_limb(cairo_t *cr, FmnPoint a, FmnPoint b, float at_a, float at_b) {
  double angle = atan2(b.y - a.y, b.x - a.x);
  cairo_new_sub_path(cr);
  cairo_arc(cr, a.x, a.y, at_a, angle + G_PI_2, angle - G_PI_2);
  cairo_arc(cr, b.x, b.y, at_b, angle - G_PI_2, angle + G_PI_2);
  cairo_close_path(cr);
  cairo_fill(cr);
}

FmnLayerPaint fmn_person_paint(const FmnPerson *p, const FmnMaterial *m, float depth, guint8 mark) {
  return (FmnLayerPaint){.cloth = m,
                         .angle = p->lean,
                         .depth = depth * p->head,
                         .light_x = p->light_x,
                         .light_y = p->light_y,
                         .rim = p->rim,
                         .shadow = 0.3f,
                         .shadow_x = -0.06f * p->head * p->light_x,
                         .shadow_y = -0.06f * p->head * p->light_y,
                         .mark = mark};
}

static FmnLayer begin(const FmnPerson *p, const FmnCanvas *c) {
  FmnLayer l = fmn_layer_begin(c);
  fmn_person_transform(p, l.cr);
  return l;
}

static void render_legs(const FmnPerson *p, FmnCanvas *c, guint8 mark, guint8 *owner) {
  gboolean bare = p->upper.kind == FMN_WORN_DRESS;
  FmnLayer l = begin(p, c);
  float thick = bare ? 0.26f : 0.36f;
  for (int side = -1; side <= 1; side += 2) {
    FmnPoint hip = {0.42f * (float)side, HIPS_AT + 0.3f}, knee = {0.4f * (float)side, KNEES_AT},
             ankle = {0.38f * (float)side, ANKLES_AT};
    fmn_person_limb(l.cr, hip, knee, p->hips - 0.38f, thick * 0.85f);
    fmn_person_limb(l.cr, knee, ankle, thick * 0.85f, bare ? 0.14f : 0.28f);
  }
  if (!bare) {
    cairo_rectangle(l.cr, -p->hips, HIPS_AT - 0.3f, 2 * p->hips, CROTCH_AT - HIPS_AT + 0.2f);
    cairo_fill(l.cr);
  }
  FmnLayerPaint paint = fmn_person_paint(p, bare ? &p->skin : &p->trousers, 0.35f, bare ? 0 : mark);
  paint.angle += (float)G_PI_2;
  fmn_layer_paint(&l, &paint, c, owner);
}

static void ellipse(cairo_t *cr, double x, double y, double rx, double ry) {
  cairo_save(cr);
  cairo_translate(cr, x, y);
  cairo_scale(cr, rx, ry);
  cairo_new_sub_path(cr);
  cairo_arc(cr, 0, 0, 1, 0, 2 * G_PI);
  cairo_restore(cr);
  cairo_fill(cr);
}

/* What of the hair is behind head and shoulders, or above them. */
static void render_hair(const FmnPerson *p, FmnCanvas *c, gboolean behind, guint8 *owner) {
  FmnRandom random = {fmn_random_derive(p->seed, 1)}, *r = &random;
  FmnLayer l = begin(p, c);
  float length = range(r, 0, 1.1), parting = range(r, -0.2, 0.2), line = range(r, -0.98, -0.8);
  if (behind && p->long_hair) {
    ellipse(l.cr, 0, -0.62, 0.46, 0.56);
    cairo_rectangle(l.cr, -0.44, -0.62, 0.88, 0.62 + 0.3 * length);
    cairo_fill(l.cr);
  } else if (behind) {
    ellipse(l.cr, 0, -0.7, 0.41, 0.49);
  } else {
    cairo_move_to(l.cr, -0.4, -0.6);
    cairo_curve_to(l.cr, -0.46, -1.3, 0.46, -1.3, 0.4, -0.6);
    cairo_curve_to(l.cr, 0.34, -0.8, 0.2 + parting, line, parting, line);
    cairo_curve_to(l.cr, -0.2 + parting, line, -0.34, -0.8, -0.4, -0.6);
    cairo_fill(l.cr);
    for (int side = -1; p->long_hair && side <= 1; side += 2)
      fmn_person_limb(l.cr, (FmnPoint){0.38f * (float)side, -0.7f}, (FmnPoint){0.42f * (float)side, 0.1f + length},
                      0.08f, 0.1f + 0.1f * length);
  }
  FmnLayerPaint paint = fmn_person_paint(p, &p->hair, 0.2f, 0);
  paint.angle += (float)G_PI_2;
  fmn_layer_paint(&l, &paint, c, owner);
}

static void render_face(const FmnPerson *p, FmnCanvas *c) {
  FmnRandom random = {fmn_random_derive(p->seed, 2)}, *r = &random;
  cairo_t *cr = c->cr;
  float turn = range(r, -0.1, 0.1);
  cairo_save(cr);
  fmn_person_transform(p, cr);
  for (int side = -1; side <= 1; side += 2) {
    double x = 0.14 * side + turn;
    cairo_set_source_rgba(cr, 0.95, 0.95, 0.95, 0.6);
    ellipse(cr, x, -0.66, 0.055, 0.025);
    cairo_set_source_rgba(cr, 0.08, 0.06, 0.05, 0.8);
    ellipse(cr, x, -0.66, 0.027, 0.027);
    ellipse(cr, x, -0.74, 0.08, 0.014);
    if (p->glasses) {
      cairo_set_line_width(cr, 0.025);
      cairo_rectangle(cr, x - 0.1, -0.73, 0.2, 0.14);
      cairo_stroke(cr);
    }
  }
  cairo_set_source_rgba(cr, 0.25, 0.1, 0.08, 0.3);
  ellipse(cr, turn + 0.02, -0.5, 0.05, 0.03);
  cairo_set_source_rgba(cr, 0.5, 0.15, 0.15, 0.7);
  ellipse(cr, turn, -0.38, 0.1, 0.02);
  if (p->beard) {
    cairo_set_source_rgba(cr, p->hair.color[0], p->hair.color[1], p->hair.color[2], 0.6);
    cairo_arc(cr, turn, -0.5, 0.33, 0.1 * G_PI, 0.9 * G_PI);
    cairo_arc_negative(cr, turn, -0.5, 0.22, 0.8 * G_PI, 0.2 * G_PI);
    cairo_fill(cr);
  }
  cairo_restore(cr);
}

static void render_head(const FmnPerson *p, FmnCanvas *c, guint8 *owner) {
  FmnLayer l = begin(p, c);
  fmn_person_limb(l.cr, (FmnPoint){0, -0.3f}, (FmnPoint){0, 0.1f}, 0.2f, 0.24f);
  FmnLayerPaint neck = fmn_person_paint(p, &p->skin, 0.2f, 0);
  fmn_layer_paint(&l, &neck, c, owner);
  l = begin(p, c);
  ellipse(l.cr, 0, -0.62, 0.36, 0.48);
  ellipse(l.cr, -0.37, -0.6, 0.05, 0.1);
  ellipse(l.cr, 0.37, -0.6, 0.05, 0.1);
  FmnLayerPaint head = fmn_person_paint(p, &p->skin, 0.3f, 0);
  fmn_layer_paint(&l, &head, c, owner);
  render_face(p, c);
}

static void render_arm(const FmnPerson *p, const FmnArm *a, FmnCanvas *c, guint8 *owner) {
  FmnLayer l = begin(p, c);
  float dx = a->wrist.x - a->elbow.x, dy = a->wrist.y - a->elbow.y, length = hypotf(dx, dy) + 1e-3f;
  FmnPoint knuckles = {a->wrist.x + 0.3f * dx / length, a->wrist.y + 0.3f * dy / length};
  FmnPoint thumb = {a->wrist.x + 0.2f * dx / length + 0.12f * dy / length,
                    a->wrist.y + 0.2f * dy / length - 0.12f * dx / length};
  fmn_person_limb(l.cr, a->shoulder, a->elbow, 0.18f, 0.14f);
  fmn_person_limb(l.cr, a->elbow, a->wrist, 0.14f, 0.09f);
  fmn_person_limb(l.cr, a->wrist, knuckles, 0.1f, 0.13f);
  fmn_person_limb(l.cr, a->wrist, thumb, 0.07f, 0.05f);
  FmnLayerPaint paint = fmn_person_paint(p, &p->skin, 0.15f, 0);
  fmn_layer_paint(&l, &paint, c, owner);
}

/* A book, a bottle or a telephone. */
static void render_held(const FmnPerson *p, const FmnArm *a, FmnCanvas *c, guint8 *owner) {
  FmnRandom random = {fmn_random_derive(p->seed, 3)}, *r = &random;
  float sizes[][2] = {{0.9f, 0.65f}, {0.26f, 0.8f}, {0.24f, 0.44f}}, color[3];
  gsize i = fmn_random_below(r, G_N_ELEMENTS(sizes));
  fmn_color_draw(r, 0.1f, 1, 0.9f, color);
  FmnMaterial m = fmn_material_draw(r, FMN_MATERIAL_PLAIN, color);
  FmnLayer l = begin(p, c);
  cairo_translate(l.cr, a->wrist.x, a->wrist.y);
  cairo_rotate(l.cr, range(r, -0.6, 0.6));
  cairo_rectangle(l.cr, -sizes[i][0] / 2, -sizes[i][1] * 0.8f, sizes[i][0], sizes[i][1]);
  cairo_fill(l.cr);
  FmnLayerPaint paint = fmn_person_paint(p, &m, 0.06f, 0);
  fmn_layer_paint(&l, &paint, c, owner);
}

/* A badge on a ribbon round the neck; the strap of a bag. */
static void render_straps(const FmnPerson *p, FmnCanvas *c) {
  FmnRandom random = {fmn_random_derive(p->seed, 4)}, *r = &random;
  cairo_t *cr = c->cr;
  float color[3], length = range(r, 0.9, 1.9), side = chance(r, 0.5) ? 1 : -1;
  fmn_color_draw(r, 0.05f, 0.9f, 0.9f, color);
  cairo_save(cr);
  fmn_person_transform(p, cr);
  cairo_set_source_rgb(cr, color[0], color[1], color[2]);
  if (p->lanyard) {
    cairo_set_line_width(cr, range(r, 0.04, 0.09));
    cairo_move_to(cr, -0.26, 0.02);
    cairo_curve_to(cr, -0.2, 0.5, -0.05, length - 0.3, 0, length);
    cairo_curve_to(cr, 0.05, length - 0.3, 0.2, 0.5, 0.26, 0.02);
    cairo_stroke(cr);
    cairo_rectangle(cr, -0.16, length, 0.32, 0.46);
    cairo_set_source_rgb(cr, 0.92, 0.92, 0.9);
    cairo_fill(cr);
    cairo_rectangle(cr, -0.11, length + 0.1, 0.1, 0.14);
    cairo_set_source_rgb(cr, color[2], color[0], color[1]);
    cairo_fill(cr);
  }
  if (p->strap) {
    cairo_set_source_rgb(cr, color[1] * 0.6, color[1] * 0.5, color[1] * 0.4);
    cairo_set_line_width(cr, range(r, 0.08, 0.2));
    cairo_move_to(cr, side * (p->shoulders - 0.35f), 0.12);
    cairo_line_to(cr, -side * p->hips, HIPS_AT);
    cairo_stroke(cr);
  }
  cairo_restore(cr);
}

static void render_arms(const FmnPerson *p, gboolean beside, FmnCanvas *c, guint8 mark, guint8 *owner) {
  for (int i = 0; i < 2; i++) {
    const FmnArm *a = &p->arm[i];
    if (a->beside != beside)
      continue;
    render_arm(p, a, c, owner);
    if (!beside)
      fmn_clothes_sleeve_render(p, a, c, mark, owner);
    if (a->holds)
      render_held(p, a, c, owner);
  }
}

void fmn_person_render(const FmnPerson *p, FmnCanvas *c, guint8 upper, guint8 trousers, guint8 *owner) {
  render_hair(p, c, TRUE, owner);
  render_legs(p, c, trousers, owner);
  render_arms(p, TRUE, c, upper, owner);
  fmn_clothes_torso_render(p, c, upper, owner);
  fmn_clothes_details_render(p, c);
  render_straps(p, c);
  render_head(p, c, owner);
  render_hair(p, c, FALSE, owner);
  render_arms(p, FALSE, c, upper, owner);
  cairo_surface_flush(c->surface);
}

void fmn_person_render_photo(const FmnPerson *p, const FmnGarment *g, const FmnCutout *cutout, FmnCanvas *c,
                             guint8 upper, guint8 trousers, guint8 *owner) {
  render_hair(p, c, TRUE, owner);
  render_legs(p, c, trousers, owner);
  for (int i = 0; i < 2 && p->upper.sleeve < 1; i++)
    render_arm(p, &p->arm[i], c, owner);
  cairo_surface_flush(c->surface);
  fmn_photo_render(g, cutout, c, upper, owner);
  cairo_surface_mark_dirty(c->surface);
  render_straps(p, c);
  render_head(p, c, owner);
  render_hair(p, c, FALSE, owner);
  cairo_surface_flush(c->surface);
}
