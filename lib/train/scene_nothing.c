#include <string.h>

#include "train/scene_letters.h"
#include "train/scene_parts.h"

/* Pictures without a garment, as far as they are no empty rooms: what cameras are pointed at, and what is sent in place
 * of a camera's picture. */

typedef struct {
  FmnCanvas *c;
  cairo_t *cr;
  FmnRandom *r;
} Sheet;

static double range(const Sheet *s, double a, double b) { return fmn_random_range(s->r, a, b); }

static gboolean chance(const Sheet *s, double share) { return fmn_random_uniform(s->r) < share; }

static void color(const Sheet *s, double value_min, double value_max, double saturation) {
  float rgb[3];
  fmn_color_draw(s->r, (float)value_min, (float)value_max, (float)saturation, rgb);
  cairo_set_source_rgb(s->cr, rgb[0], rgb[1], rgb[2]);
}

static void backdrop(const Sheet *s) {
  FmnBackdrop b = fmn_backdrop_draw(s->r, (FmnBackground)fmn_random_below(s->r, FMN_N_BACKGROUNDS));
  cairo_surface_flush(s->c->surface);
  fmn_backdrop_render(&b, s->c);
}

/* Either light on dark or dark on light; returns whether the ground is light. */
static gboolean ground(const Sheet *s) {
  gboolean light = chance(s, 0.6);
  color(s, light ? 0.75 : 0, light ? 1 : 0.3, 0.5);
  return light;
}

static void ink(const Sheet *s, gboolean light_ground) {
  color(s, light_ground ? 0 : 0.7, light_ground ? 0.35 : 1, 0.8);
}

static void writing_line(const Sheet *s, double x, double y, double width, double height) {
  cairo_set_line_width(s->cr, height * range(s, 0.08, 0.22));
  for (double at = x; at + height * FMN_LETTER_WIDTH < x + width; at += height * FMN_LETTER_STEP)
    if (!chance(s, 0.15))
      fmn_letter_path(s->cr, s->r, at, y, height);
  cairo_stroke(s->cr);
}

/* A page, or a few words in the middle of whatever is there. */
static void writing(const Sheet *s) {
  double right = s->c->right, below = s->c->below, height = exp(range(s, log(9), log(150)));
  gboolean light = chance(s, 0.5), page = chance(s, 0.5);
  if (chance(s, 0.6)) {
    light = ground(s);
    cairo_paint(s->cr);
  } else {
    backdrop(s);
  }
  cairo_translate(s->cr, right / 2, below / 2);
  cairo_rotate(s->cr, chance(s, 0.5) ? 0 : range(s, -0.4, 0.4));
  double width = right * (page ? range(s, 0.6, 1.1) : range(s, 0.2, 0.8));
  double lines = page ? below * range(s, 0.5, 1.1) / (1.6 * height) : range(s, 1, 4);
  ink(s, light);
  for (int i = 0; i < (int)MAX(1, lines); i++)
    writing_line(s, -width / 2, (i - lines / 2) * 1.6 * height, width * (chance(s, 0.8) ? 1 : range(s, 0.3, 1)),
                 height);
}

static void hand(const Sheet *s, double angle, double length, double width) {
  cairo_set_line_width(s->cr, width);
  cairo_move_to(s->cr, -0.15 * length * sin(angle), 0.15 * length * cos(angle));
  cairo_line_to(s->cr, length * sin(angle), -length * cos(angle));
  cairo_stroke(s->cr);
}

static void dial(const Sheet *s, double radius, gboolean light) {
  gboolean digits = chance(s, 0.6);
  int ticks = chance(s, 0.5) ? 60 : 12;
  ink(s, light);
  for (int i = 0; i < ticks; i++) {
    double a = 2 * G_PI * i / ticks, from = i % (ticks / 12) ? 0.95 : 0.88;
    cairo_set_line_width(s->cr, radius * (i % (ticks / 12) ? 0.01 : 0.03));
    cairo_move_to(s->cr, from * radius * sin(a), -from * radius * cos(a));
    cairo_line_to(s->cr, radius * sin(a), -radius * cos(a));
    cairo_stroke(s->cr);
  }
  cairo_set_line_width(s->cr, radius * 0.03);
  for (int hour = 1; hour <= 12 && digits; hour++) {
    double a = G_PI * hour / 6, h = 0.16 * radius,
           wide = h * (hour > 9 ? FMN_LETTER_STEP + FMN_LETTER_WIDTH : FMN_LETTER_WIDTH);
    double x = 0.72 * radius * sin(a) - wide / 2, y = -0.72 * radius * cos(a) - h / 2;
    if (hour > 9)
      fmn_digit_path(s->cr, 1, x, y, h);
    fmn_digit_path(s->cr, hour % 10, hour > 9 ? x + h * FMN_LETTER_STEP : x, y, h);
    cairo_stroke(s->cr);
  }
  hand(s, range(s, 0, 2 * G_PI), radius * 0.5, radius * range(s, 0.03, 0.09));
  hand(s, range(s, 0, 2 * G_PI), radius * 0.78, radius * range(s, 0.02, 0.07));
  if (chance(s, 0.5)) {
    color(s, 0.3, 1, 1);
    hand(s, range(s, 0, 2 * G_PI), radius * 0.85, radius * 0.015);
  }
}

static void clock_face(const Sheet *s) {
  double radius = range(s, 70, 225);
  if (chance(s, 0.7)) {
    backdrop(s);
  } else {
    color(s, 0, 1, 0.4);
    cairo_paint(s->cr);
  }
  cairo_translate(s->cr, s->c->right * range(s, 0.35, 0.65), s->c->below * range(s, 0.4, 0.6));
  cairo_arc(s->cr, 0, 0, radius * range(s, 1.04, 1.2), 0, 2 * G_PI);
  color(s, 0, 1, 0.7);
  cairo_fill(s->cr);
  gboolean light = ground(s);
  cairo_arc(s->cr, 0, 0, radius * 1.03, 0, 2 * G_PI);
  cairo_fill(s->cr);
  dial(s, radius, light);
}

static void bars(const Sheet *s) {
  int n = 2 + (int)fmn_random_below(s->r, 10);
  gboolean across = chance(s, 0.3), grey = chance(s, 0.3);
  double size = across ? s->c->below : s->c->right;
  for (int i = 0; i < n; i++) {
    if (grey)
      cairo_set_source_rgb(s->cr, (double)i / n, (double)i / n, (double)i / n);
    else
      color(s, 0, 1, 1);
    if (across)
      cairo_rectangle(s->cr, 0, size * i / n, s->c->right, size / n + 1);
    else
      cairo_rectangle(s->cr, size * i / n, 0, size / n + 1, s->c->below);
    cairo_fill(s->cr);
  }
  if (chance(s, 0.5)) { /* a second row of blocks, as test cards have */
    double top = s->c->below * range(s, 0.6, 0.85);
    for (int i = 0; i < 6; i++) {
      color(s, 0, 1, 1);
      cairo_rectangle(s->cr, s->c->right * i / 6, top, s->c->right / 6 + 1, s->c->below - top);
      cairo_fill(s->cr);
    }
  }
}

static void grid(const Sheet *s) {
  double step = exp(range(s, log(10), log(160)));
  gboolean chess = chance(s, 0.5), light = ground(s);
  cairo_paint(s->cr);
  ink(s, light);
  cairo_set_line_width(s->cr, range(s, 1, step / 4));
  int row = 0;
  for (double y = 0; y < s->c->below + step; y += step, row++)
    for (double x = chess && row % 2 ? step : 0; x < s->c->right + step; x += chess ? 2 * step : step) {
      cairo_rectangle(s->cr, x, y, step, step);
      if (chess)
        cairo_fill(s->cr);
      else
        cairo_stroke(s->cr);
    }
}

/* Stripes in any direction, of two colours or of many. */
static void stripes(const Sheet *s) {
  double reach = s->c->right + s->c->below, step = exp(range(s, log(12), log(150))), share = range(s, 0.25, 0.75);
  gboolean many = chance(s, 0.25);
  color(s, 0, 1, 1);
  cairo_paint(s->cr);
  color(s, 0, 1, 1);
  cairo_translate(s->cr, s->c->right / 2, s->c->below / 2);
  cairo_rotate(s->cr, range(s, 0, G_PI));
  for (double x = -reach; x < reach; x += step) {
    if (many)
      color(s, 0, 1, 1);
    cairo_rectangle(s->cr, x, -reach, step * share, 2 * reach);
    cairo_fill(s->cr);
  }
}

/* Lines or wedges out of one point. */
static void spokes(const Sheet *s) {
  int n = 4 + (int)fmn_random_below(s->r, 40);
  double reach = s->c->right + s->c->below, share = range(s, 0.1, 0.6), turned = range(s, 0, G_PI);
  gboolean light = ground(s);
  cairo_paint(s->cr);
  ink(s, light);
  cairo_translate(s->cr, s->c->right * range(s, 0.3, 0.7), s->c->below * range(s, 0.3, 0.7));
  for (int i = 0; i < n; i++) {
    double a = turned + 2 * G_PI * i / n;
    cairo_move_to(s->cr, 0, 0);
    cairo_arc(s->cr, 0, 0, reach, a, a + 2 * G_PI * share / n);
    cairo_fill(s->cr);
  }
}

/* Discs, rings, boxes and polygons, one in the middle or many. */
static void shapes(const Sheet *s) {
  int n = chance(s, 0.5) ? 1 : 2 + (int)fmn_random_below(s->r, 12);
  if (chance(s, 0.5)) {
    backdrop(s);
  } else {
    color(s, 0, 1, 0.6);
    cairo_paint(s->cr);
  }
  for (int i = 0; i < n; i++) {
    double size = n == 1 ? range(s, 40, 200) : range(s, 15, 110), sides = 3 + (double)fmn_random_below(s->r, 6);
    cairo_save(s->cr);
    cairo_translate(s->cr, s->c->right * (n == 1 ? range(s, 0.4, 0.6) : range(s, 0, 1)),
                    s->c->below * (n == 1 ? range(s, 0.4, 0.6) : range(s, 0, 1)));
    cairo_rotate(s->cr, chance(s, 0.5) ? 0 : range(s, 0, G_PI));
    cairo_scale(s->cr, range(s, 0.4, 1.2), 1);
    if (chance(s, 0.5))
      cairo_arc(s->cr, 0, 0, size, 0, 2 * G_PI);
    else
      for (double k = 0; k < sides; k++)
        cairo_line_to(s->cr, size * sin(2 * G_PI * (k + 0.5) / sides), size * cos(2 * G_PI * (k + 0.5) / sides));
    cairo_close_path(s->cr);
    color(s, 0, 1, 1);
    cairo_set_line_width(s->cr, size * range(s, 0.05, 0.4));
    if (chance(s, 0.75))
      cairo_fill(s->cr);
    else
      cairo_stroke(s->cr);
    cairo_restore(s->cr);
  }
}

/* Rings that become finer outwards, as test pictures have them. */
static void zone_plate(const Sheet *s) {
  double strength = exp(range(s, log(1e-3), log(3e-2))), x = s->c->right * range(s, 0.2, 0.8),
         y = s->c->below * range(s, 0.2, 0.8);
  cairo_surface_flush(s->c->surface);
  for (int row = 0; row < s->c->height; row++)
    for (int column = 0; column < s->c->width; column++) {
      double dx = column / (double)s->c->sx - x, dy = row / (double)s->c->sy - y;
      guint8 v = (guint8)(127.5 + 127 * cos(strength * (dx * dx + dy * dy)));
      memset(s->c->pixels + (gsize)row * (gsize)s->c->stride + 4 * column, v, 4);
    }
  cairo_surface_mark_dirty(s->c->surface);
}

/* One or a few things of a household, large, before whatever is there. */
static void things(const Sheet *s) {
  int n = chance(s, 0.6) ? 1 : 2 + (int)fmn_random_below(s->r, 4);
  backdrop(s);
  for (int i = 0; i < n; i++)
    fmn_thing_render(s->r, s->c->right * (n == 1 ? range(s, 0.35, 0.65) : range(s, 0.1, 0.9)),
                     s->c->below * (n == 1 ? range(s, 0.35, 0.65) : range(s, 0.1, 0.9)),
                     range(s, 120, n == 1 ? 420 : 260),
                     chance(s, 0.5) ? (double)fmn_random_below(s->r, 4) * G_PI_2 : range(s, 0, 2 * G_PI), s->c);
}

/* What stands upright and is round: bottles, vases, jars, glasses. Half of the outline, from the base up, in heights.
 */
typedef struct {
  double base, body, neck, shoulder, collar; /* radii; where the body ends and the neck begins */
} Vessel;

/* From height `from` to height `to`; the right side is the left one, mirrored and backwards. */
static void vessel_path(const Sheet *s, const Vessel *v, double height, double from, double to) {
  double shoulder = MIN(to, v->shoulder), neck = MIN(to, v->collar), middle = (shoulder + neck) / 2;
  double top = to > shoulder ? v->neck : v->body;
  double at[][2] = {{from > 0 ? v->body : v->base, from},
                    {v->body, MAX(from, MIN(0.08, shoulder))},
                    {v->body, shoulder},
                    {v->body, middle},
                    {top, middle},
                    {top, neck},
                    {top, to}};
  for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
    at[i][0] *= height;
    at[i][1] *= -height;
  }
  cairo_new_path(s->cr);
  cairo_move_to(s->cr, -at[0][0], at[0][1]);
  cairo_line_to(s->cr, -at[1][0], at[1][1]);
  cairo_line_to(s->cr, -at[2][0], at[2][1]);
  cairo_curve_to(s->cr, -at[3][0], at[3][1], -at[4][0], at[4][1], -at[5][0], at[5][1]);
  cairo_line_to(s->cr, -at[6][0], at[6][1]);
  cairo_line_to(s->cr, at[6][0], at[6][1]);
  cairo_line_to(s->cr, at[5][0], at[5][1]);
  cairo_curve_to(s->cr, at[4][0], at[4][1], at[3][0], at[3][1], at[2][0], at[2][1]);
  cairo_line_to(s->cr, at[1][0], at[1][1]);
  cairo_line_to(s->cr, at[0][0], at[0][1]);
  cairo_close_path(s->cr);
}

/* Bright along a line off its middle, dark at its sides. */
static void fill_round(const Sheet *s, double radius, double value_min, double saturation, double alpha) {
  float rgb[3];
  double at = range(s, 0.2, 0.8), dark = range(s, 0.4, 0.8), bright = range(s, 1, 1.4);
  fmn_color_draw(s->r, (float)value_min, 0.95f, (float)saturation, rgb);
  cairo_pattern_t *p = cairo_pattern_create_linear(-radius, 0, radius, 0);
  const double stops[3][2] = {{0, dark}, {at, bright}, {1, dark}};
  for (int i = 0; i < 3; i++)
    cairo_pattern_add_color_stop_rgba(p, stops[i][0], MIN(1, rgb[0] * stops[i][1]), MIN(1, rgb[1] * stops[i][1]),
                                      MIN(1, rgb[2] * stops[i][1]), i == 1 ? alpha : MIN(1, alpha + 0.25));
  cairo_set_source(s->cr, p);
  cairo_fill(s->cr);
  cairo_pattern_destroy(p);
}

static void draw_vessel(const Sheet *s, const Vessel *v, double h, gboolean glass) {
  double alpha = glass ? range(s, 0.15, 0.6) : 1, collar = v->collar;
  cairo_set_source_rgba(s->cr, 0, 0, 0, range(s, 0.05, 0.2));
  cairo_translate(s->cr, h * 0.06, -h * 0.03);
  vessel_path(s, v, h, 0, 1);
  cairo_fill(s->cr);
  cairo_translate(s->cr, -h * 0.06, h * 0.03);
  vessel_path(s, v, h, 0, 1);
  fill_round(s, v->body * h, 0.1, chance(s, 0.5) ? 0.3 : 1, alpha);
  if (glass) { /* filled up to there */
    vessel_path(s, v, h, 0.01, range(s, 0.2, 0.9) * collar);
    fill_round(s, v->body * h, 0.1, 0.8, range(s, 0.2, 0.9));
  }
  if (chance(s, 0.4)) {
    double low = range(s, 0.1, 0.4) * v->shoulder;
    vessel_path(s, v, h, low, range(s, low + 0.1, MAX(low + 0.11, v->shoulder)));
    fill_round(s, v->body * h, 0.2, 1, 1);
  }
  if (chance(s, 0.6)) { /* a cap */
    double wide = v->neck * range(s, 1, 1.25), low = range(s, MAX(collar, 0.85), 0.98);
    cairo_rectangle(s->cr, -wide * h, -1.01 * h, 2 * wide * h, (1.01 - low) * h);
    fill_round(s, wide * h, 0.1, 1, 1);
  }
  for (int i = chance(s, 0.7); i >= 0; i--) {
    cairo_rectangle(s->cr, range(s, -0.8, 0.7) * v->body * h, -range(s, 0.5, 0.9) * v->shoulder * h, 0.06 * v->body * h,
                    range(s, 0.1, 0.4) * h);
    cairo_set_source_rgba(s->cr, 1, 1, 1, range(s, 0.1, 0.6));
    cairo_fill(s->cr);
  }
}

/* On a table or a shelf before a wall; often several of one kind. */
static void vessels(const Sheet *s) {
  int n = 1 + (int)fmn_random_below(s->r, 6);
  double right = s->c->right, below = s->c->below, table = below * range(s, 0.55, 0.95), h = 0;
  gboolean glass = FALSE;
  Vessel v = {0};
  backdrop(s);
  if (chance(s, 0.8)) {
    color(s, 0.1, 1, 0.4);
    cairo_rectangle(s->cr, 0, table - range(s, 0, 0.15) * below, right, below);
    cairo_fill(s->cr);
  }
  for (int i = 0; i < n; i++) {
    if (i == 0 || chance(s, 0.4)) {
      v.body = range(s, 0.08, 0.3);
      v.base = v.body * range(s, 0.7, 1);
      v.neck = v.body * (chance(s, 0.7) ? range(s, 0.25, 0.6) : range(s, 0.6, 1.3));
      v.shoulder = range(s, 0.4, 0.85);
      v.collar = range(s, v.shoulder + 0.05, 0.97);
      h = below * range(s, 0.2, 0.75);
      glass = chance(s, 0.6);
    }
    cairo_save(s->cr);
    cairo_translate(s->cr, right * ((i + range(s, 0.2, 0.8)) / n), table + range(s, -0.02, 0.05) * below);
    draw_vessel(s, &v, h, glass);
    cairo_restore(s->cr);
  }
}

void fmn_nothing_render(FmnRandom *r, FmnCanvas *c) {
  static void (*const kinds[])(const Sheet *s) = {writing, writing,    clock_face, bars,   grid,    shapes, stripes,
                                                  spokes,  zone_plate, things,     things, vessels, vessels};
  Sheet s = {c, c->cr, r};
  kinds[fmn_random_below(r, G_N_ELEMENTS(kinds))](&s);
  cairo_identity_matrix(c->cr);
  cairo_surface_flush(c->surface);
}
