#include "train/scene_parts.h"

/* A room seen straight on: a wall that ends at y = floor, a floor in perspective before it, furniture along the wall.
 */
typedef struct {
  FmnCanvas *c;
  cairo_t *cr;
  FmnRandom *r;
  double floor, horizon;
} Room;

static double range(const Room *m, double a, double b) { return fmn_random_range(m->r, a, b); }

static gboolean chance(const Room *m, double share) { return fmn_random_uniform(m->r) < share; }

/* Fills and keeps nothing of the path; brighter above, as with light from the ceiling. */
static void fill(const Room *m, const float *rgb, double top, double bottom) {
  cairo_pattern_t *p = cairo_pattern_create_linear(0, top, 0, bottom);
  cairo_pattern_add_color_stop_rgb(p, 0, MIN(1, rgb[0] * 1.1), MIN(1, rgb[1] * 1.1), MIN(1, rgb[2] * 1.1));
  cairo_pattern_add_color_stop_rgb(p, 1, rgb[0] * 0.78, rgb[1] * 0.78, rgb[2] * 0.78);
  cairo_set_source(m->cr, p);
  cairo_fill(m->cr);
  cairo_pattern_destroy(p);
}

static void draw_color(const Room *m, float *rgb) {
  float most = chance(m, 0.7) ? 0.3f : 0.85f;
  fmn_color_draw(m->r, 0.12f, 0.95f, most, rgb);
}

static void panel(const Room *m, double x, double y, double w, double h, const float *rgb) {
  cairo_rectangle(m->cr, x, y, w, h);
  fill(m, rgb, y, y + h);
}

static void shadow(const Room *m, double x, double y, double w, double h, double alpha) {
  cairo_rectangle(m->cr, x, y, w, h);
  cairo_set_source_rgba(m->cr, 0, 0, 0, alpha);
  cairo_fill(m->cr);
}

/* --- what stands or hangs in it: x is its left side, w its width --- */

static void window(const Room *m, double x, double w) {
  double h = w * range(m, 0.8, 1.5), y = m->floor - h - range(m, 60, 160), bar = w * range(m, 0.03, 0.06);
  float frame[3], sky[3], cloth[3];
  fmn_color_draw(m->r, 0.3f, 1, 0.3f, frame);
  fmn_color_draw(m->r, 0.7f, 1, 0.35f, sky);
  panel(m, x, y, w, h, frame);
  int across = 1 + (int)fmn_random_below(m->r, 3), down = 1 + (int)fmn_random_below(m->r, 2);
  for (int i = 0; i < across * down; i++) {
    double pw = (w - bar * (across + 1)) / across, ph = (h - bar * (down + 1)) / down;
    panel(m, x + bar + (i % across) * (pw + bar), y + bar + (double)(i / across) * (ph + bar), pw, ph, sky);
  }
  if (!chance(m, 0.6))
    return;
  draw_color(m, cloth);
  double length = m->floor - y - range(m, 0, 60), wide = w * range(m, 0.25, 0.45);
  for (int side = 0; side < 2; side++)
    for (int fold = 0; fold < 6; fold++) {
      double light = range(m, 0.7, 1.1), left = (side ? x + w - wide * 0.7 : x - wide * 0.3) + wide * fold / 6;
      float lit[3] = {(float)(cloth[0] * light), (float)(cloth[1] * light), (float)(cloth[2] * light)};
      panel(m, left, y - 12, wide / 6 + 1, length, lit);
    }
}

static void picture(const Room *m, double x, double w) {
  double h = w * range(m, 0.6, 1.4), y = m->floor - h - range(m, 120, 280), rim = w * range(m, 0.04, 0.1);
  float frame[3], rgb[3];
  draw_color(m, frame);
  shadow(m, x + 4, y + 5, w, h, 0.25);
  panel(m, x, y, w, h, frame);
  fmn_color_draw(m->r, 0.3f, 1, 0.7f, rgb);
  panel(m, x + rim, y + rim, w - 2 * rim, h - 2 * rim, rgb);
  cairo_save(m->cr);
  cairo_rectangle(m->cr, x + rim, y + rim, w - 2 * rim, h - 2 * rim);
  cairo_clip(m->cr);
  for (int i = 0; i < 5; i++) {
    double px = x + range(m, 0, w), py = y + range(m, 0, h);
    fmn_color_draw(m->r, 0.1f, 1, 0.9f, rgb);
    cairo_arc(m->cr, px, py, range(m, 0.08, 0.35) * w, 0, 2 * G_PI);
    fill(m, rgb, y, y + h);
  }
  cairo_restore(m->cr);
}

static void door(const Room *m, double x, double w) {
  double h = w * range(m, 1.9, 2.3), y = m->floor - h, rim = w * 0.07;
  float frame[3], leaf[3];
  draw_color(m, leaf);
  for (int k = 0; k < 3; k++)
    frame[k] = MIN(1, leaf[k] * 1.2f);
  panel(m, x, y, w, h, frame);
  panel(m, x + rim, y + rim, w - 2 * rim, h - rim, leaf);
  for (int i = 0; i < 2; i++)
    shadow(m, x + 3 * rim, y + h * (0.1 + 0.45 * i), w - 6 * rim, h * 0.35, 0.12);
  cairo_arc(m->cr, x + w - 2 * rim, y + h * 0.53, w * 0.035, 0, 2 * G_PI);
  cairo_set_source_rgb(m->cr, 0.75, 0.72, 0.6);
  cairo_fill(m->cr);
}

static void books(const Room *m, double x, double y, double w, double h) {
  float rgb[3];
  for (double right = x + w * range(m, 0.5, 1); x < right;) {
    double thick = range(m, 4, 13), tall = h * range(m, 0.6, 0.92);
    fmn_color_draw(m->r, 0.15f, 0.95f, 0.9f, rgb);
    panel(m, x, y + h - tall, thick, tall, rgb);
    x += thick + (chance(m, 0.1) ? range(m, 5, 30) : 0.5);
  }
}

static void shelf(const Room *m, double x, double w) {
  double h = range(m, 150, 380), y = m->floor - h, board = 6;
  int n = 2 + (int)fmn_random_below(m->r, 4);
  float rgb[3], back[3];
  draw_color(m, rgb);
  for (int k = 0; k < 3; k++)
    back[k] = rgb[k] * 0.6f;
  panel(m, x, y, w, h, rgb);
  for (int i = 0; i < n; i++) {
    double top = y + board + (h - board) * i / n, tall = (h - board) / n - board;
    panel(m, x + board, top, w - 2 * board, tall, back);
    if (chance(m, 0.85))
      books(m, x + board, top, w - 2 * board, tall);
  }
}

static void cushion(const Room *m, double x, double y, double w, double h, double radius, const float *rgb) {
  radius = MIN(radius, MIN(w, h) / 2);
  cairo_new_sub_path(m->cr);
  cairo_arc(m->cr, x + w - radius, y + radius, radius, -G_PI_2, 0);
  cairo_arc(m->cr, x + w - radius, y + h - radius, radius, 0, G_PI_2);
  cairo_arc(m->cr, x + radius, y + h - radius, radius, G_PI_2, G_PI);
  cairo_arc(m->cr, x + radius, y + radius, radius, G_PI, 1.5 * G_PI);
  cairo_close_path(m->cr);
  fill(m, rgb, y, y + h);
}

static void sofa(const Room *m, double x, double w) {
  double h = w * range(m, 0.35, 0.5), low = m->floor + range(m, 10, 40), y = low - h, arm = w * range(m, 0.08, 0.14);
  int n = 1 + (int)fmn_random_below(m->r, 3);
  float rgb[3], other[3];
  draw_color(m, rgb);
  shadow(m, x - 6, low - 8, w + 16, 16, 0.3);
  cushion(m, x, y, w, h * 0.8, 18, rgb);
  for (int i = 0; i < n; i++)
    cushion(m, x + arm + (w - 2 * arm) * i / n, y + h * 0.45, (w - 2 * arm) / n - 2, h * 0.3, 9, rgb);
  shadow(m, x + arm, y + h * 0.72, w - 2 * arm, 3, 0.35);
  cushion(m, x, y + h * 0.3, arm, h * 0.7, 12, rgb);
  cushion(m, x + w - arm, y + h * 0.3, arm, h * 0.7, 12, rgb);
  panel(m, x + arm, y + h * 0.75, w - 2 * arm, h * 0.2, rgb);
  if (chance(m, 0.6)) {
    draw_color(m, other);
    cushion(m, x + arm + range(m, 0, w * 0.5), y + h * 0.2, h * 0.4, h * 0.35, 8, other);
  }
}

static void table(const Room *m, double x, double w) {
  double h = range(m, 90, 170), low = m->floor + range(m, 5, 70), y = low - h, leg = w * 0.04;
  float rgb[3], dark[3];
  draw_color(m, rgb);
  for (int k = 0; k < 3; k++)
    dark[k] = rgb[k] * 0.7f;
  shadow(m, x, low - 5, w, 10, 0.2);
  panel(m, x + leg, y, leg, h, dark);
  panel(m, x + w - 2 * leg, y, leg, h, dark);
  cairo_move_to(m->cr, x, y + 10);
  cairo_line_to(m->cr, x + w * 0.06, y - 12);
  cairo_line_to(m->cr, x + w * 0.94, y - 12);
  cairo_line_to(m->cr, x + w, y + 10);
  cairo_close_path(m->cr);
  fill(m, rgb, y - 12, y + 10);
  panel(m, x, y + 10, w, 8, dark);
  if (chance(m, 0.5)) { /* a screen */
    double sw = w * range(m, 0.25, 0.5), sx = x + range(m, 0.1, 0.4) * w;
    const float black[3] = {0.08f, 0.08f, 0.09f};
    panel(m, sx + sw * 0.45, y - 30, sw * 0.1, 30, black);
    panel(m, sx, y - 20 - sw * 0.6, sw, sw * 0.6, black);
    fmn_color_draw(m->r, 0.1f, 0.95f, 0.8f, rgb);
    panel(m, sx + 4, y - 16 - sw * 0.6, sw - 8, sw * 0.6 - 8, rgb);
  }
}

static void lamp(const Room *m, double x, double w) {
  double h = range(m, 150, 300), low = m->floor + range(m, 0, 30), shade = MIN(w, 80);
  float rgb[3];
  cairo_pattern_t *p = cairo_pattern_create_radial(x + shade / 2, low - h, 0, x + shade / 2, low - h, 160);
  cairo_pattern_add_color_stop_rgba(p, 0, 1, 0.95, 0.8, 0.55);
  cairo_pattern_add_color_stop_rgba(p, 1, 1, 0.95, 0.8, 0);
  cairo_set_source(m->cr, p);
  cairo_rectangle(m->cr, x - 160, low - h - 160, 320 + shade, 320);
  cairo_fill(m->cr);
  cairo_pattern_destroy(p);
  draw_color(m, rgb);
  panel(m, x + shade / 2 - 2, low - h, 4, h, rgb);
  panel(m, x + shade * 0.25, low - 5, shade * 0.5, 5, rgb);
  cairo_move_to(m->cr, x, low - h + shade * 0.6);
  cairo_line_to(m->cr, x + shade * 0.25, low - h);
  cairo_line_to(m->cr, x + shade * 0.75, low - h);
  cairo_line_to(m->cr, x + shade, low - h + shade * 0.6);
  cairo_close_path(m->cr);
  fmn_color_draw(m->r, 0.8f, 1, 0.4f, rgb);
  fill(m, rgb, low - h, low - h + shade * 0.6);
}

static void plant(const Room *m, double x, double w) {
  double pot = MIN(w * 0.4, 60), low = m->floor + range(m, 0, 40), cx = x + w / 2, green = range(m, 0.3, 0.65);
  float rgb[3];
  int n = 8 + (int)fmn_random_below(m->r, 10);
  for (int i = 0; i < n; i++) {
    double angle = range(m, -G_PI, 0), length = pot * range(m, 1, 2.4), red = green * range(m, 0.3, 0.7);
    cairo_save(m->cr);
    cairo_translate(m->cr, cx, low - pot);
    cairo_rotate(m->cr, angle);
    cairo_move_to(m->cr, 0, 0);
    cairo_curve_to(m->cr, length * 0.4, -pot * 0.25, length * 0.8, -pot * 0.2, length, pot * 0.1);
    cairo_curve_to(m->cr, length * 0.7, pot * 0.2, length * 0.4, pot * 0.15, 0, 0);
    cairo_set_source_rgb(m->cr, red, green * range(m, 0.7, 1.3), green * 0.4);
    cairo_fill(m->cr);
    cairo_restore(m->cr);
  }
  draw_color(m, rgb);
  cairo_move_to(m->cr, cx - pot / 2, low - pot);
  cairo_line_to(m->cr, cx + pot / 2, low - pot);
  cairo_line_to(m->cr, cx + pot * 0.36, low);
  cairo_line_to(m->cr, cx - pot * 0.36, low);
  cairo_close_path(m->cr);
  fill(m, rgb, low - pot, low);
}

static void cupboard(const Room *m, double x, double w) {
  double h = range(m, 120, 420), y = m->floor + 8 - h;
  int across = 1 + (int)fmn_random_below(m->r, 3), down = 1 + (int)fmn_random_below(m->r, 4);
  float rgb[3];
  draw_color(m, rgb);
  shadow(m, x - 4, m->floor, w + 12, 14, 0.25);
  panel(m, x, y, w, h, rgb);
  cairo_set_line_width(m->cr, 2);
  for (int i = 0; i < across * down; i++) {
    double pw = w / across, ph = h / down, px = x + pw * (i % across), py = y + ph * (double)(i / across);
    cairo_rectangle(m->cr, px + 3, py + 3, pw - 6, ph - 6);
    cairo_set_source_rgba(m->cr, 0, 0, 0, 0.3);
    cairo_stroke(m->cr);
    shadow(m, px + pw * 0.44, py + ph * 0.12, pw * 0.12, 4, 0.5);
  }
}

/* --- the room itself --- */

static FmnMaterial wall_material(const Room *m, const float *color) {
  static const FmnMaterialKind kinds[] = {FMN_MATERIAL_PLAIN, FMN_MATERIAL_PLAIN,  FMN_MATERIAL_PLAIN,
                                          FMN_MATERIAL_PLAIN, FMN_MATERIAL_BRICKS, FMN_MATERIAL_STRIPES,
                                          FMN_MATERIAL_PRINT, FMN_MATERIAL_TILES};
  FmnMaterial w = fmn_material_draw(m->r, kinds[fmn_random_below(m->r, G_N_ELEMENTS(kinds))], color);
  for (int k = 0; k < 3; k++)
    w.other[k] = color[k] + 0.4f * (w.other[k] - color[k]);
  return w;
}

static FmnMaterial floor_material(const Room *m) {
  static const FmnMaterialKind kinds[] = {FMN_MATERIAL_WOOD,   FMN_MATERIAL_WOOD,  FMN_MATERIAL_TILES,
                                          FMN_MATERIAL_CARPET, FMN_MATERIAL_PLAIN, FMN_MATERIAL_CHESSBOARD,
                                          FMN_MATERIAL_MARBLE};
  FmnMaterialKind kind = kinds[fmn_random_below(m->r, G_N_ELEMENTS(kinds))];
  float value = (float)range(m, 0.2, 0.8), red = (float)range(m, 0, 0.25);
  float color[3] = {value, value * (1 - red), value * (1 - 2 * red)};
  return fmn_material_draw(m->r, kind, color);
}

static void surfaces(const Room *m, const float *color) {
  FmnCanvas *c = m->c;
  FmnMaterial wall = wall_material(m, color), ground = floor_material(m);
  float px = 1 / c->sx, py = 1 / c->sy;
  gboolean turned = wall.kind == FMN_MATERIAL_STRIPES; /* wallpaper's run down */
  int end = CLAMP((int)lrint(m->floor * c->sy), 0, c->height);
  for (int y = 0; y < end; y++) {
    float v = ((float)y + 0.5f) * py;
    FmnRow row = {turned ? v : 0, turned ? 0 : v, turned ? 0 : px, turned ? px : 0, MAX(px, py)};
    fmn_canvas_row(c, &wall, &row, 0, y, c->width);
  }
  float depth = (float)(m->floor - m->horizon);
  for (int y = end; y < c->height; y++) {
    float below = ((float)y + 0.5f) * py - (float)m->horizon, z = depth / below;
    FmnRow row = {-0.5f * c->right * z, 500 * z, px * z, 0, 500 * z * py / below};
    fmn_canvas_row(c, &ground, &row, 0, y, c->width);
  }
  cairo_surface_mark_dirty(c->surface);
}

static void edges(const Room *m) {
  float skirting[3];
  double h = range(m, 5, 16);
  fmn_color_draw(m->r, 0.4f, 1, 0.2f, skirting);
  panel(m, 0, m->floor - h, m->c->right, h, skirting);
  cairo_pattern_t *p = cairo_pattern_create_linear(0, m->floor, 0, m->floor + 50);
  cairo_pattern_add_color_stop_rgba(p, 0, 0, 0, 0, 0.3);
  cairo_pattern_add_color_stop_rgba(p, 1, 0, 0, 0, 0);
  cairo_rectangle(m->cr, 0, m->floor, m->c->right, 50);
  cairo_set_source(m->cr, p);
  cairo_fill(m->cr);
  cairo_pattern_destroy(p);
}

/* The wall at the side, in the shade. */
static void corner(const Room *m) {
  double x = range(m, 0.1, 0.35) * m->c->right, far = m->c->below;
  gboolean right = chance(m, 0.5);
  double out = x * (m->floor - m->horizon > 1 ? (far - m->floor) / (m->floor - m->horizon) : 0);
  double sign = right ? -1 : 1, edge = right ? m->c->right - x : x, side = right ? m->c->right : 0;
  cairo_move_to(m->cr, edge, 0);
  cairo_line_to(m->cr, edge, m->floor);
  cairo_line_to(m->cr, edge - sign * out, far);
  cairo_line_to(m->cr, side, far);
  cairo_line_to(m->cr, side, 0);
  cairo_close_path(m->cr);
  cairo_set_source_rgba(m->cr, 0.05, 0.05, 0.08, range(m, 0.1, 0.4));
  cairo_fill(m->cr);
}

static void rug(const Room *m) {
  double near = m->c->below * range(m, 0.9, 1.1), top = m->floor + range(m, 15, 60),
         cx = range(m, 0.3, 0.7) * m->c->right;
  double w = range(m, 150, 320), shrink = (top - m->horizon) / (near - m->horizon), inset = 1;
  float rgb[3];
  for (int i = 0; i < 3; i++, inset -= 0.18) {
    double a = cx - w * inset, b = cx + w * inset, middle = (top + near) / 2;
    double y0 = middle - (middle - top) * inset, y1 = middle + (near - middle) * inset;
    draw_color(m, rgb);
    cairo_move_to(m->cr, cx + (a - cx) * shrink, y0);
    cairo_line_to(m->cr, cx + (b - cx) * shrink, y0);
    cairo_line_to(m->cr, b, y1);
    cairo_line_to(m->cr, a, y1);
    cairo_close_path(m->cr);
    fill(m, rgb, y0, y1);
  }
}

void fmn_room_render(FmnRandom *r, const float *color, FmnCanvas *c) {
  static void (*const hung[])(const Room *, double, double) = {window, picture, picture};
  static void (*const standing[])(const Room *, double, double) = {door, shelf, sofa, table, lamp, plant, cupboard};
  Room room = {c, c->cr, r, fmn_random_range(r, 0.5, 0.85) * c->below, 0}, *m = &room;
  room.horizon = room.floor - range(m, 0.15, 0.4) * c->below;
  surfaces(m, color);
  if (chance(m, 0.4))
    corner(m);
  edges(m);
  if (chance(m, 0.3))
    rug(m);
  int n = (int)fmn_random_below(r, 4);
  for (int i = 0; i < n; i++) {
    double x = range(m, -60, c->right - 60), w = range(m, 60, 200);
    hung[fmn_random_below(r, G_N_ELEMENTS(hung))](m, x, w);
  }
  n = 1 + (int)fmn_random_below(r, 4);
  for (int i = 0; i < n; i++) {
    double x = range(m, -80, c->right - 60), w = range(m, 90, 300);
    standing[fmn_random_below(r, G_N_ELEMENTS(standing))](m, x, w);
  }
}
