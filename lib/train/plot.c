#include "train/plot.h"

#include <math.h>

#include "train/picture.h"

#define WIDTH 760
#define PANEL 230
#define LEFT 70
#define RIGHT 20
#define TOP 34
#define BOTTOM 36
#define TICKS 5

typedef double (*ValueFunc)(const FmnEpoch *e);

typedef struct {
  const char *name;
  ValueFunc value;
  double red, green, blue;
} Curve;

typedef struct {
  const char *title;
  Curve curves[2];
} Panel;

static double loss(const FmnEpoch *e) { return e->loss; }
static double validation_loss(const FmnEpoch *e) { return e->validation_loss; }
static double accuracy(const FmnEpoch *e) { return e->accuracy * 100; }
static double validation_accuracy(const FmnEpoch *e) { return e->validation_accuracy * 100; }
static double validation_map(const FmnEpoch *e) { return e->validation_map * 100; }
static double rate(const FmnEpoch *e) { return e->rate; }

#define PANELS 3

static const Panel classifier_panels[PANELS] = {
    {"loss", {{"training", loss, .12, .47, .71}, {"validation", validation_loss, .84, .15, .16}}},
    {"accuracy, %", {{"training", accuracy, .12, .47, .71}, {"validation", validation_accuracy, .84, .15, .16}}},
    {"learning rate", {{"", rate, .17, .63, .17}}},
};

static const Panel detector_panels[PANELS] = {
    {"loss", {{"training", loss, .12, .47, .71}}},
    {"mAP on validation scenes, %",
     {{"50:95", validation_map, .12, .47, .71}, {"50", validation_accuracy, .84, .15, .16}}},
    {"learning rate", {{"", rate, .17, .63, .17}}},
};

/* 1, 2 or 5 times a power of ten, about range / TICKS. */
static double tick_step(double range) {
  double power = pow(10, floor(log10(range / TICKS))), part = range / TICKS / power;
  return power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
}

static void range_of(const Panel *p, const FmnEpoch *history, int n, double *low, double *high) {
  *low = HUGE_VAL, *high = -HUGE_VAL;
  for (gsize c = 0; c < G_N_ELEMENTS(p->curves) && p->curves[c].value; c++)
    for (int i = 0; i < n; i++) {
      double v = p->curves[c].value(&history[i]);
      if (!isfinite(v))
        continue;
      *low = fmin(*low, v);
      *high = fmax(*high, v);
    }
  if (!(*high >= *low))
    *low = 0, *high = 1;
  double margin = fmax((*high - *low) * 0.06, fmax(fabs(*high) * 1e-3, 1e-9));
  *low -= margin;
  *high += margin;
}

static void grid(cairo_t *cr, double x, double y, gboolean vertical, const char *label) {
  cairo_set_source_rgb(cr, .88, .88, .88);
  cairo_move_to(cr, vertical ? x : LEFT, vertical ? TOP : y);
  cairo_line_to(cr, vertical ? x : WIDTH - RIGHT, vertical ? PANEL - BOTTOM : y);
  cairo_stroke(cr);
  cairo_set_source_rgb(cr, .25, .25, .25);
  if (vertical)
    fmn_picture_text(cr, x, PANEL - BOTTOM + 16, .5, label);
  else
    fmn_picture_text(cr, LEFT - 8, y + 4, 1, label);
}

static void curve(cairo_t *cr, const Curve *c, const FmnEpoch *history, int n, double low, double high) {
  double width = WIDTH - LEFT - RIGHT, height = PANEL - TOP - BOTTOM;
  cairo_set_source_rgb(cr, c->red, c->green, c->blue);
  gboolean pen_down = FALSE;
  for (int i = 0; i < n; i++) {
    double v = c->value(&history[i]);
    double x = LEFT + width * (n > 1 ? (double)i / (n - 1) : .5), y = TOP + height * (high - v) / (high - low);
    if (!isfinite(v)) {
      pen_down = FALSE;
      continue;
    }
    if (pen_down)
      cairo_line_to(cr, x, y);
    else
      cairo_move_to(cr, x, y);
    pen_down = TRUE;
  }
  cairo_set_line_width(cr, 1.8);
  cairo_stroke(cr);
  for (int i = 0; n <= 60 && i < n; i++) {
    double v = c->value(&history[i]);
    if (!isfinite(v))
      continue;
    cairo_arc(cr, LEFT + width * (n > 1 ? (double)i / (n - 1) : .5), TOP + height * (high - v) / (high - low), 2.2, 0,
              2 * G_PI);
    cairo_fill(cr);
  }
}

static void panel(cairo_t *cr, const Panel *p, const FmnEpoch *history, int n) {
  double low, high, width = WIDTH - LEFT - RIGHT, height = PANEL - TOP - BOTTOM;
  char label[32];
  range_of(p, history, n, &low, &high);
  cairo_set_line_width(cr, 1);
  double step = tick_step(high - low);
  for (double v = ceil(low / step) * step; v <= high; v += step) {
    g_snprintf(label, sizeof label, "%.4g", fabs(v) < step / 1e3 ? 0 : v);
    grid(cr, 0, TOP + height * (high - v) / (high - low), FALSE, label);
  }
  step = MAX(1, tick_step(MAX(1, n - 1)));
  for (double epoch = 1; epoch <= n; epoch = epoch == 1 && step > 1 ? step : epoch + step) {
    g_snprintf(label, sizeof label, "%.0f", epoch);
    grid(cr, LEFT + width * (n > 1 ? (epoch - 1) / (n - 1) : .5), 0, TRUE, label);
  }
  fmn_picture_text(cr, LEFT, TOP - 10, 0, p->title);
  double x = WIDTH - RIGHT;
  for (int c = G_N_ELEMENTS(p->curves) - 1; c >= 0; c--) {
    if (!p->curves[c].value)
      continue;
    cairo_set_source_rgb(cr, p->curves[c].red, p->curves[c].green, p->curves[c].blue);
    fmn_picture_text(cr, x, TOP - 10, 1, p->curves[c].name);
    x -= 80;
    curve(cr, &p->curves[c], history, n, low, high);
    cairo_set_line_width(cr, 1);
  }
}

gboolean fmn_plot_write(const char *path, const char *title, gboolean detector, const FmnEpoch *history, int n,
                        GError **error) {
  const Panel *panels = detector ? detector_panels : classifier_panels;
  cairo_t *cr = fmn_picture_begin(path, WIDTH, 24 + PANEL * PANELS + 14);
  cairo_set_font_size(cr, 15);
  fmn_picture_text(cr, WIDTH / 2.0, 20, .5, title);
  cairo_set_font_size(cr, 11.5);
  cairo_translate(cr, 0, 24);
  for (gsize i = 0; i < PANELS; i++) {
    panel(cr, &panels[i], history, n);
    cairo_translate(cr, 0, PANEL);
  }
  cairo_set_source_rgb(cr, .25, .25, .25);
  fmn_picture_text(cr, LEFT + (WIDTH - LEFT - RIGHT) / 2.0, 0, .5, "epoch");
  return fmn_picture_save(cr, path, error);
}
