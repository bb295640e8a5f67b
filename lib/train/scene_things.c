#include "train/scene_parts.h"

/* A thing lies at the origin, turned; its size is the longer side, in units. */
typedef struct {
  cairo_t *cr;
  FmnRandom *r;
  double size;
} Thing;

static double range(const Thing *t, double a, double b) { return fmn_random_range(t->r, a, b); }

static void color(const Thing *t, double value_min, double value_max, double saturation) {
  float rgb[3];
  fmn_color_draw(t->r, (float)value_min, (float)value_max, (float)saturation, rgb);
  cairo_set_source_rgb(t->cr, rgb[0], rgb[1], rgb[2]);
}

static void round_box(cairo_t *cr, double w, double h, double radius) {
  radius = MIN(radius, MIN(w, h) / 2);
  cairo_new_sub_path(cr);
  cairo_arc(cr, w / 2 - radius, -h / 2 + radius, radius, -G_PI_2, 0);
  cairo_arc(cr, w / 2 - radius, h / 2 - radius, radius, 0, G_PI_2);
  cairo_arc(cr, -w / 2 + radius, h / 2 - radius, radius, G_PI_2, G_PI);
  cairo_arc(cr, -w / 2 + radius, -h / 2 + radius, radius, G_PI, 1.5 * G_PI);
  cairo_close_path(cr);
}

static void disc(cairo_t *cr, double x, double y, double radius) {
  cairo_new_sub_path(cr);
  cairo_arc(cr, x, y, radius, 0, 2 * G_PI);
}

/* The shadow of the current path, which stays. */
static void shade(const Thing *t) {
  cairo_path_t *path = cairo_copy_path(t->cr);
  double off = 0.03 * t->size + 1;
  cairo_set_source_rgba(t->cr, 0, 0, 0, 0.16);
  for (int i = 1; i <= 2; i++) {
    cairo_save(t->cr);
    cairo_translate(t->cr, off * i * 0.7, off * i);
    cairo_new_path(t->cr);
    cairo_append_path(t->cr, path);
    cairo_fill(t->cr);
    cairo_restore(t->cr);
  }
  cairo_new_path(t->cr);
  cairo_append_path(t->cr, path);
  cairo_path_destroy(path);
}

/* Fills the current path, brighter at one side. */
static void fill_lit(const Thing *t, double value_min, double value_max, double saturation) {
  float rgb[3];
  double s = t->size / 2;
  fmn_color_draw(t->r, (float)value_min, (float)value_max, (float)saturation, rgb);
  cairo_pattern_t *p = cairo_pattern_create_linear(-s, -s, s, s);
  cairo_pattern_add_color_stop_rgb(p, 0, MIN(1, rgb[0] * 1.15), MIN(1, rgb[1] * 1.15), MIN(1, rgb[2] * 1.15));
  cairo_pattern_add_color_stop_rgb(p, 1, rgb[0] * 0.8, rgb[1] * 0.8, rgb[2] * 0.8);
  cairo_set_source(t->cr, p);
  cairo_fill(t->cr);
  cairo_pattern_destroy(p);
}

static void lines(const Thing *t, double w, double h, double step, double value) {
  cairo_set_source_rgba(t->cr, value, value, value, 0.6);
  cairo_set_line_width(t->cr, step * 0.3);
  for (double y = -h / 2; y < h / 2; y += step) {
    cairo_move_to(t->cr, -w / 2, y);
    cairo_line_to(t->cr, range(t, 0, w / 2), y);
  }
  cairo_stroke(t->cr);
}

static void book(const Thing *t) {
  double w = t->size, h = t->size * range(t, 0.6, 0.8);
  round_box(t->cr, w, h, 2);
  shade(t);
  fill_lit(t, 0.2, 0.9, 0.9);
  cairo_rectangle(t->cr, -w / 2, -h / 2, w * 0.06, h);
  cairo_set_source_rgba(t->cr, 0, 0, 0, 0.25);
  cairo_fill(t->cr);
  double x = -w * range(t, 0.2, 0.3), y = -h * range(t, 0.1, 0.35), wide = w * range(t, 0.3, 0.6);
  cairo_rectangle(t->cr, x, y, wide, h * range(t, 0.1, 0.3));
  color(t, 0.3, 1, 0.6);
  cairo_fill(t->cr);
}

static void paper(const Thing *t) {
  double w = t->size * 0.72, h = t->size;
  round_box(t->cr, w, h, 0.5);
  shade(t);
  fill_lit(t, 0.85, 1, 0.08);
  lines(t, w * 0.8, h * 0.85, t->size * range(t, 0.035, 0.07), 0.2);
}

static void telephone(const Thing *t) {
  double w = t->size * 0.48, h = t->size;
  round_box(t->cr, w, h, t->size * 0.08);
  shade(t);
  fill_lit(t, 0.08, 0.9, 0.2);
  round_box(t->cr, w * 0.9, h * range(t, 0.8, 0.92), t->size * 0.05);
  fill_lit(t, 0.05, 0.7, 0.8);
}

static void laptop(const Thing *t) {
  double w = t->size, h = t->size * 0.68;
  round_box(t->cr, w, h, t->size * 0.03);
  shade(t);
  fill_lit(t, 0.2, 0.8, 0.1);
  round_box(t->cr, w * 0.9, h * 0.55, 1);
  cairo_set_source_rgb(t->cr, 0.12, 0.12, 0.13);
  cairo_fill(t->cr);
  lines(t, w * 0.86, h * 0.5, h * 0.09, 0.4);
}

static void cup(const Thing *t) {
  double radius = t->size * 0.4;
  cairo_set_line_width(t->cr, t->size * 0.08);
  disc(t->cr, radius * 1.05, 0, radius * 0.4);
  color(t, 0.3, 1, 0.7);
  cairo_stroke(t->cr);
  disc(t->cr, 0, 0, radius);
  shade(t);
  fill_lit(t, 0.3, 1, 0.7);
  disc(t->cr, 0, 0, radius * 0.86);
  color(t, 0.05, 0.5, 0.7);
  cairo_fill(t->cr);
}

static void plate(const Thing *t) {
  double radius = t->size / 2;
  disc(t->cr, 0, 0, radius);
  shade(t);
  fill_lit(t, 0.6, 1, 0.3);
  disc(t->cr, 0, 0, radius * 0.68);
  fill_lit(t, 0.5, 1, 0.3);
}

static void fruit(const Thing *t) {
  double radius = t->size * 0.3;
  float rgb[3];
  disc(t->cr, 0, 0, radius);
  shade(t);
  fmn_color_draw(t->r, 0.5f, 0.95f, 1, rgb);
  cairo_pattern_t *p = cairo_pattern_create_radial(-radius * 0.3, -radius * 0.4, 0, 0, 0, radius * 1.1);
  cairo_pattern_add_color_stop_rgb(p, 0, MIN(1, rgb[0] + 0.3), MIN(1, rgb[1] + 0.3), MIN(1, rgb[2] + 0.3));
  cairo_pattern_add_color_stop_rgb(p, 0.4, rgb[0], rgb[1], rgb[2]);
  cairo_pattern_add_color_stop_rgb(p, 1, rgb[0] * 0.4, rgb[1] * 0.4, rgb[2] * 0.4);
  cairo_set_source(t->cr, p);
  cairo_fill(t->cr);
  cairo_pattern_destroy(p);
}

static void pencil(const Thing *t) {
  double h = t->size * range(t, 0.03, 0.06);
  round_box(t->cr, t->size, h, h / 2);
  shade(t);
  fill_lit(t, 0.1, 1, 1);
  cairo_rectangle(t->cr, t->size * 0.38, -h / 2, t->size * 0.1, h);
  color(t, 0.1, 1, 0.6);
  cairo_fill(t->cr);
}

static void cable(const Thing *t) {
  double s = t->size;
  cairo_move_to(t->cr, -s, range(t, -s, s) / 2);
  for (int i = 0; i < 3; i++) {
    double at[6];
    for (int k = 0; k < 6; k++)
      at[k] = range(t, -s, s);
    cairo_curve_to(t->cr, at[0], at[1], at[2], at[3], at[4], at[5]);
  }
  color(t, 0.05, 0.95, 0.3);
  cairo_set_line_width(t->cr, range(t, 2, 5));
  cairo_stroke(t->cr);
}

static void bottle(const Thing *t) {
  double s = t->size, w = s * range(t, 0.24, 0.36);
  cairo_move_to(t->cr, -s / 2, -w / 2);
  cairo_line_to(t->cr, s * 0.12, -w / 2);
  cairo_curve_to(t->cr, s * 0.25, -w / 2, s * 0.25, -w / 6, s * 0.34, -w / 6);
  cairo_line_to(t->cr, s / 2, -w / 6);
  cairo_line_to(t->cr, s / 2, w / 6);
  cairo_line_to(t->cr, s * 0.34, w / 6);
  cairo_curve_to(t->cr, s * 0.25, w / 6, s * 0.25, w / 2, s * 0.12, w / 2);
  cairo_line_to(t->cr, -s / 2, w / 2);
  cairo_close_path(t->cr);
  shade(t);
  fill_lit(t, 0.1, 0.9, 0.8);
  cairo_rectangle(t->cr, -s * 0.3, -w / 2, s * 0.3, w);
  color(t, 0.3, 1, 0.7);
  cairo_fill(t->cr);
  cairo_rectangle(t->cr, -s * 0.48, -w * 0.32, s * 0.6, w * 0.1);
  cairo_set_source_rgba(t->cr, 1, 1, 1, 0.4);
  cairo_fill(t->cr);
}

static void box(const Thing *t) {
  double w = t->size, h = t->size * range(t, 0.5, 1), d = t->size * range(t, 0.1, 0.3);
  cairo_move_to(t->cr, -w / 2, -h / 2);
  cairo_line_to(t->cr, -w / 2 + d, -h / 2 - d);
  cairo_line_to(t->cr, w / 2 + d, -h / 2 - d);
  cairo_line_to(t->cr, w / 2 + d, h / 2 - d);
  cairo_line_to(t->cr, w / 2, h / 2);
  cairo_line_to(t->cr, -w / 2, h / 2);
  cairo_close_path(t->cr);
  shade(t);
  fill_lit(t, 0.2, 0.7, 0.6);
  cairo_rectangle(t->cr, -w / 2, -h / 2, w, h);
  fill_lit(t, 0.3, 0.95, 0.6);
  cairo_rectangle(t->cr, -w * 0.05, -h / 2, w * 0.1, h);
  color(t, 0.4, 1, 0.5);
  cairo_fill(t->cr);
}

/* Whatever else: a smooth closed outline. */
static void lump(const Thing *t) {
  double radii[9], s = t->size / 2;
  int n = 5 + (int)fmn_random_below(t->r, 5);
  for (int i = 0; i < n; i++)
    radii[i] = range(t, 0.45, 1) * s;
  for (int i = 0; i <= n; i++) {
    double a = 2 * G_PI * i / n, b = 2 * G_PI * (i - 0.5) / n, c = 2 * G_PI * (i - 1) / n, ra = radii[i % n];
    double rc = radii[(i + n - 1) % n], rb = (ra + rc) * 0.55;
    if (i == 0)
      cairo_move_to(t->cr, ra * cos(a), ra * sin(a));
    else
      cairo_curve_to(t->cr, rb * cos((b + c) / 2), rb * sin((b + c) / 2), rb * cos((a + b) / 2), rb * sin((a + b) / 2),
                     ra * cos(a), ra * sin(a));
  }
  shade(t);
  fill_lit(t, 0.1, 0.95, 0.9);
}

static void leaves(const Thing *t) {
  double s = t->size / 2, green = range(t, 0.35, 0.7);
  int n = 4 + (int)fmn_random_below(t->r, 6);
  for (int i = 0; i < n; i++) {
    cairo_save(t->cr);
    cairo_rotate(t->cr, 2 * G_PI * i / n + range(t, -0.3, 0.3));
    double length = s * range(t, 0.6, 1.1), wide = s * range(t, 0.12, 0.3);
    cairo_move_to(t->cr, 0, 0);
    cairo_curve_to(t->cr, length * 0.4, -wide, length * 0.8, -wide, length, 0);
    cairo_curve_to(t->cr, length * 0.8, wide, length * 0.4, wide, 0, 0);
    double red = green * range(t, 0.3, 0.7);
    cairo_set_source_rgb(t->cr, red, green * range(t, 0.8, 1.2), green * 0.35);
    cairo_fill(t->cr);
    cairo_restore(t->cr);
  }
}

/* Writing. Strokes, not a font: which fonts there are differs from one machine to the next. */
static void word(const Thing *t) {
  int n = 2 + (int)fmn_random_below(t->r, 9);
  double step = t->size / n;
  color(t, 0, 1, 0.9);
  cairo_set_line_width(t->cr, step * 0.16);
  for (int i = 0; i < n; i++) {
    double x = -t->size / 2 + step * i;
    cairo_move_to(t->cr, x, range(t, -step, step) * 0.7);
    for (int k = 0; k < 3; k++) {
      double right = x + step * range(t, 0, 0.8);
      cairo_line_to(t->cr, right, range(t, -step, step) * 0.7);
    }
  }
  cairo_stroke(t->cr);
}

static void (*const things[])(const Thing *t) = {book,  paper,  telephone, laptop, cup,  plate,  fruit, pencil,
                                                 cable, bottle, box,       lump,   lump, leaves, word};

void fmn_thing_render(FmnRandom *r, double x, double y, double size, double angle, FmnCanvas *c) {
  Thing t = {c->cr, r, size};
  cairo_save(c->cr);
  cairo_translate(c->cr, x, y);
  cairo_rotate(c->cr, angle);
  things[fmn_random_below(r, G_N_ELEMENTS(things))](&t);
  cairo_restore(c->cr);
}

void fmn_things_render(FmnRandom *r, int n, FmnCanvas *c) {
  for (int i = 0; i < n; i++) {
    double u = fmn_random_uniform(r), x = fmn_random_range(r, 0, c->right), y = fmn_random_range(r, 0, c->below);
    fmn_thing_render(r, x, y, 24 + 190 * u * u, fmn_random_range(r, 0, 2 * G_PI), c);
  }
}
