#include "image/work.h"

/* Evenly spread over all pixels that are less than width from the frame. */
static void choose_border(FmnWork *w, int width, int most) {
  g_autofree int *all = g_new(int, (gsize)w->width * w->height);
  FmnBorder *b = &w->border;
  int n = 0;
  for (int y = 0; y < w->height; y++)
    for (int x = 0; x < w->width; x++)
      if (x < width || y < width || x >= w->width - width || y >= w->height - width)
        all[n++] = y * w->width + x;
  b->n = n / MAX(1, n / most) & ~7;
  w->border_pixel = g_new(int, b->n);
  w->border_rgb = g_new(guint8, 3 * b->n);
  b->x = g_new(float, 6 * b->n);
  b->y = b->x + b->n;
  b->weight = b->y + b->n;
  for (int c = 0; c < 3; c++)
    b->color[c] = b->weight + (c + 1) * b->n;
  for (int i = 0; i < b->n; i++) {
    int pixel = w->border_pixel[i] = all[(gint64)i * n / b->n];
    b->x[i] = (2 * (pixel % w->width) + 1) / (float)w->width - 1;
    b->y[i] = (2 * (pixel / w->width) + 1) / (float)w->height - 1;
  }
}

void fmn_work_init(FmnWork *w, int width, int height, int border_width, int border_most) {
  gsize n = (gsize)width * height;
  w->width = width;
  w->height = height;
  w->rgb = g_new(guint8, 3 * n);
  w->mask = g_new(guint8, n);
  w->scratch = g_new(guint8, n);
  w->distance = g_new(guint8, n);
  w->labeller = fmn_labeller_new(width, height);
  if (border_most == 0)
    return;
  fmn_field_init(&w->field, width, height, &w->planes);
  choose_border(w, border_width, border_most);
}

void fmn_work_clear(FmnWork *w) {
  g_free(w->rgb);
  g_free(w->mask);
  g_free(w->scratch);
  g_free(w->distance);
  fmn_labeller_free(w->labeller);
  fmn_scratch_clear(&w->planes);
  fmn_scratch_clear(&w->sweep);
  g_free(w->border_pixel);
  g_free(w->border_rgb);
  g_free(w->border.x);
}
