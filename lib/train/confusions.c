#include "train/confusions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/loss.h"
#include "train/metrics.h"
#include "train/picture.h"

#define MARGIN 16
#define NAMES 92 /* room for a label */
#define CELL 46  /* of the matrix */
#define HEAD 84  /* above the matrix */
#define TILE 62  /* an image and its confidence */
#define IMAGE 56 /* its longer side */
#define ROW 92   /* a pair and its images */
#define MAX_ROWS 10
#define MAX_IMAGES 12
#define MAX_MATRIX 20 /* classes; more are too many to read */

static int by_count(const void *a, const void *b) {
  const FmnConfusion *x = a, *y = b;
  if (x->count != y->count)
    return y->count - x->count;
  return x->truth != y->truth ? x->truth - y->truth : x->answer - y->answer;
}

int fmn_confusions_worst(const int *confusion, int classes, FmnConfusion *worst, int max) {
  g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(FmnConfusion));
  for (int i = 0; i < classes; i++)
    for (int j = 0; j < classes; j++) {
      FmnConfusion c = {i, j, confusion[i * classes + j]};
      if (i != j && c.count > 0)
        g_array_append_val(all, c);
    }
  g_array_sort(all, by_count);
  int n = MIN(max, (int)all->len);
  for (int i = 0; i < n; i++)
    worst[i] = g_array_index(all, FmnConfusion, i);
  return n;
}

static void matrix(cairo_t *cr, const FmnMetrics *m, char **labels) {
  double x0 = MARGIN + NAMES, y0 = HEAD;
  char text[16];
  cairo_set_font_size(cr, 11.5);
  for (int i = 0; i < m->classes; i++) {
    cairo_set_source_rgb(cr, 0, 0, 0);
    fmn_picture_text(cr, x0 - 8, y0 + i * CELL + CELL / 2 + 4, 1, labels[i]);
    cairo_save(cr);
    cairo_translate(cr, x0 + i * CELL + CELL / 2 + 4, y0 - 6);
    cairo_rotate(cr, -G_PI / 5);
    fmn_picture_text(cr, 0, 0, 0, labels[i]);
    cairo_restore(cr);
    for (int j = 0; j < m->classes; j++) {
      int n = m->confusion[i * m->classes + j];
      double share = m->support[i] > 0 ? (double)n / m->support[i] : 0;
      double depth = i == j ? share : fmin(1, sqrt(share) * 1.6); /* small mistakes are to be seen as well */
      cairo_rectangle(cr, x0 + j * CELL, y0 + i * CELL, CELL - 1, CELL - 1);
      if (i == j)
        cairo_set_source_rgb(cr, 1 - .75 * depth, 1 - .45 * depth, 1 - .25 * depth);
      else
        cairo_set_source_rgb(cr, 1 - .1 * depth, 1 - .7 * depth, 1 - .8 * depth);
      cairo_fill(cr);
      cairo_set_source_rgb(cr, n ? 0 : .6, n ? 0 : .6, n ? 0 : .6);
      g_snprintf(text, sizeof text, "%d", n);
      fmn_picture_text(cr, x0 + j * CELL + CELL / 2, y0 + i * CELL + CELL / 2 + 4, .5, text);
    }
  }
}

static void draw_image(cairo_t *cr, const FmnImages *images, int index, double x, double y) {
  int w = images->width, h = images->height, plane = w * h;
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w, h);
  if (cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS) {
    cairo_surface_destroy(surface);
    return;
  }
  guint8 *data = cairo_image_surface_get_data(surface);
  int stride = cairo_image_surface_get_stride(surface);
  for (int row = 0; row < h; row++)
    for (int column = 0; column < w; column++) {
      const guint8 *p = images->images[index] + row * w + column;
      int r = p[0], g = images->channels > 1 ? p[plane] : r, b = images->channels > 2 ? p[2 * plane] : r;
      guint32 pixel = (guint32)(r << 16 | g << 8 | b);
      memcpy(data + row * stride + column * 4, &pixel, sizeof pixel);
    }
  cairo_surface_mark_dirty(surface);
  double scale = (double)IMAGE / MAX(w, h);
  cairo_save(cr);
  cairo_translate(cr, x, y);
  cairo_scale(cr, scale, scale);
  cairo_set_source_surface(cr, surface, 0, 0);
  cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_NEAREST);
  cairo_rectangle(cr, 0, 0, w, h);
  cairo_fill(cr);
  cairo_restore(cr);
  cairo_surface_destroy(surface);
}

typedef struct {
  int index;
  float confidence;
} Mistake;

static int by_confidence(const void *a, const void *b) {
  const Mistake *x = a, *y = b;
  if (x->confidence != y->confidence)
    return x->confidence < y->confidence ? 1 : -1;
  return x->index - y->index;
}

/* The images of one kind of mistake, the surest first. */
static void pair(cairo_t *cr, const FmnConfusion *c, const FmnMetrics *m, char **labels, const FmnImages *images,
                 const float *probabilities, double y) {
  g_autoptr(GArray) mistakes = g_array_new(FALSE, FALSE, sizeof(Mistake));
  for (int i = 0; i < images->n; i++) {
    const float *p = probabilities + (gsize)i * (gsize)m->classes;
    if (images->labels[i] != c->truth || fmn_argmax(p, m->classes) != c->answer)
      continue;
    Mistake mistake = {i, isnan(p[c->answer]) ? 0 : p[c->answer]};
    g_array_append_val(mistakes, mistake);
  }
  g_array_sort(mistakes, by_confidence);
  g_autofree char *title =
      g_strdup_printf("%s taken for %s: %d of %d", labels[c->truth], labels[c->answer], c->count, m->support[c->truth]);
  cairo_set_source_rgb(cr, 0, 0, 0);
  cairo_set_font_size(cr, 12);
  fmn_picture_text(cr, MARGIN, y + 12, 0, title);
  cairo_set_font_size(cr, 10);
  for (guint i = 0; i < mistakes->len && i < MAX_IMAGES; i++) {
    const Mistake *mistake = &g_array_index(mistakes, Mistake, i);
    double x = MARGIN + i * TILE;
    char text[16];
    g_snprintf(text, sizeof text, "%.2f", (double)mistake->confidence);
    draw_image(cr, images, mistake->index, x, y + 18);
    cairo_set_source_rgb(cr, .25, .25, .25);
    fmn_picture_text(cr, x + IMAGE / 2, y + 18 + IMAGE + 11, .5, text);
  }
}

gboolean fmn_confusions_write(const char *path, const FmnModelFile *model, const FmnImages *images,
                              const float *probabilities, GError **error) {
  int classes = (int)g_strv_length(model->labels);
  FmnMetrics *m = fmn_metrics_new(probabilities, images->labels, images->n, classes);
  FmnConfusion worst[MAX_ROWS];
  int n = fmn_confusions_worst(m->confusion, classes, worst, MAX_ROWS);
  double side = classes <= MAX_MATRIX ? HEAD + classes * CELL : 0, top = side + 34;
  double width = fmax(2 * MARGIN + TILE * MAX_IMAGES, classes <= MAX_MATRIX ? MARGIN + NAMES + classes * CELL + 70 : 0);
  cairo_t *cr = fmn_picture_begin(path, width, top + 24 + MAX(1, n) * ROW);
  g_autofree char *title = g_strdup_printf("%s: %.2f %% of %d images right; rows: what it is, columns: the answer",
                                           model->name, m->accuracy * 100, m->n);
  cairo_set_font_size(cr, 13);
  fmn_picture_text(cr, MARGIN, 18, 0, title);
  if (classes <= MAX_MATRIX)
    matrix(cr, m, model->labels);
  cairo_set_source_rgb(cr, 0, 0, 0);
  cairo_set_font_size(cr, 13);
  fmn_picture_text(cr, MARGIN, top, 0,
                   n ? "The most frequent mistakes, those made with the greatest confidence first" : "No mistake.");
  for (int i = 0; i < n; i++)
    pair(cr, &worst[i], m, model->labels, images, probabilities, top + 16 + i * ROW);
  fmn_metrics_free(m);
  return fmn_picture_save(cr, path, error);
}
