/* segment-sheet [--otsu] [--objects N] [--crops FILE] OUT.ppm IN.ppm...
 *
 * A sheet to look at: each picture with its objects' outlines and boxes, the cut-out, and the 28×28 picture that a
 * network would see. Pictures are binary PPM, as `convert photo.jpg photo.ppm` (ImageMagick) writes them. --crops: the
 * 28×28 pictures, 784 bytes each, one a picture (black where nothing was found). */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "image/crop.h"

#define CELL 224
#define COLUMNS 4
#define SMALL 28

typedef struct {
  int width, height;
  guint8 *data;
} Canvas;

static gboolean read_ppm(const char *name, int *width, int *height, guint8 **data) {
  g_autofree char *contents = NULL;
  gsize size;
  int at = 0, max;
  if (!g_file_get_contents(name, &contents, &size, NULL) ||
      sscanf(contents, "P6 %d %d %d%n", width, height, &max, &at) != 3 || max != 255 || *width < 1 || *height < 1 ||
      size < at + 1 + 3 * (gsize)*width * *height) {
    g_printerr("%s: not a binary PPM of 8 bits; write one with: convert photo.jpg photo.ppm\n", name);
    return FALSE;
  }
  *data = g_memdup2(contents + at + 1, 3 * (gsize)*width * *height);
  return TRUE;
}

static void put(Canvas *c, int x, int y, guint8 r, guint8 g, guint8 b) {
  if (x < 0 || y < 0 || x >= c->width || y >= c->height)
    return;
  guint8 *p = c->data + 3 * ((gsize)y * c->width + x);
  p[0] = r, p[1] = g, p[2] = b;
}

static int mask_at(const FmnMask *m, double x, double y) {
  int mx = (int)((x - m->box.x) / m->box.w * m->width), my = (int)((y - m->box.y) / m->box.h * m->height);
  if (x < m->box.x || y < m->box.y || mx < 0 || my < 0 || mx >= m->width || my >= m->height)
    return 0;
  return m->data[my * m->width + mx];
}

static void draw(Canvas *sheet, int left, int top, FmnSampler *sampler, const FmnImage *image, const FmnObject *objects,
                 int n, const guint8 *crop) {
  static const FmnBox everything = {0, 0, 1, 1};
  const FmnImageFormat *f = image->format;
  double scale = (double)CELL / MAX(f->width, f->height);
  int w = MAX(1, (int)(f->width * scale)), h = MAX(1, (int)(f->height * scale)), step = w * h;
  g_autofree guint8 *small = g_malloc(3 * (gsize)step);
  fmn_sampler_read(sampler, image, &everything, 3, w, h, small);
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      const guint8 *p = small + y * w + x;
      int in = 0, edge = 0;
      for (int i = 0; i < n; i++) {
        int here = mask_at(&objects[i].mask, (x + 0.5) / w, (y + 0.5) / h) > 127;
        int right = mask_at(&objects[i].mask, (x + 1.5) / w, (y + 0.5) / h) > 127;
        int below = mask_at(&objects[i].mask, (x + 0.5) / w, (y + 1.5) / h) > 127;
        in |= here;
        edge |= here != right || here != below;
      }
      put(sheet, left + x, top + y, edge ? 255 : p[0], edge ? 0 : p[step], edge ? 255 : p[2 * step]);
      if (in)
        put(sheet, left + CELL + x, top + y, p[0], p[step], p[2 * step]);
      else
        put(sheet, left + CELL + x, top + y, 0, 0, 128);
    }
  for (int i = 0; i < n; i++) {
    const FmnBox *b = &objects[i].box;
    int x0 = (int)(b->x * w), x1 = (int)((b->x + b->w) * w) - 1, y0 = (int)(b->y * h),
        y1 = (int)((b->y + b->h) * h) - 1;
    for (int x = x0; x <= x1; x++)
      put(sheet, left + x, top + y0, 0, 255, 0), put(sheet, left + x, top + y1, 0, 255, 0);
    for (int y = y0; y <= y1; y++)
      put(sheet, left + x0, top + y, 0, 255, 0), put(sheet, left + x1, top + y, 0, 255, 0);
  }
  for (int y = 0; y < CELL / 2; y++)
    for (int x = 0; x < CELL / 2; x++) {
      guint8 v = crop[y * SMALL / (CELL / 2) * SMALL + x * SMALL / (CELL / 2)];
      put(sheet, left + 2 * CELL + x, top + y, v, v, v);
    }
}

int main(int argc, char **argv) {
  gboolean otsu = FALSE;
  int n_objects = 1;
  g_autofree char *crops = NULL;
  g_auto(GStrv) names = NULL;
  GOptionEntry entries[] = {{"otsu", 0, 0, G_OPTION_ARG_NONE, &otsu, "The method of the original demo", NULL},
                            {"objects", 0, 0, G_OPTION_ARG_INT, &n_objects, "At most so many objects", "N"},
                            {"crops", 0, 0, G_OPTION_ARG_FILENAME, &crops, "Write the 28×28 pictures there", "FILE"},
                            {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &names, NULL, "OUT.ppm IN.ppm…"},
                            {NULL}};
  g_autoptr(GOptionContext) context = g_option_context_new(NULL);
  g_autoptr(GError) error = NULL;
  g_option_context_add_main_entries(context, entries, NULL);
  if (!g_option_context_parse(context, &argc, &argv, &error) || !names || !names[0] || !names[1]) {
    g_printerr("%s\n",
               error ? error->message : "usage: segment-sheet [--otsu] [--objects N] [--crops FILE] OUT.ppm IN.ppm…");
    return 2;
  }
  int n = (int)g_strv_length(names) - 1, columns = MIN(n, COLUMNS), failed = 0;
  Canvas sheet = {columns * (CELL * 5 / 2), (n + columns - 1) / columns * CELL, NULL};
  sheet.data = g_malloc0(3 * (gsize)sheet.width * sheet.height);
  g_autofree guint8 *all = g_malloc0((gsize)n * SMALL * SMALL);
  FmnSegmentOptions options = FMN_SEGMENT_DEFAULTS;
  options.method = otsu ? FMN_SEGMENT_OTSU : FMN_SEGMENT_BACKGROUND;
  options.max_objects = n_objects;
  FmnPreprocess preprocess = {
      .width = SMALL, .height = SMALL, .channels = 1, .trim = 0.25f, .max_aspect = 0.85f, .invert = TRUE};
  clock_t time = 0;
  for (int i = 0; i < n; i++) {
    FmnImageFormat format;
    int width, height;
    g_autofree guint8 *data = NULL;
    if (!read_ppm(names[i + 1], &width, &height, &data)) {
      failed = 1;
      continue;
    }
    fmn_image_format_rgb(&format, width, height);
    FmnImage image = {&format, {data}, {3 * width}};
    FmnSegmenter *segmenter = fmn_segmenter_new(&format);
    FmnSampler *sampler = fmn_sampler_new(&format);
    const FmnObject *objects;
    fmn_segmenter_run(segmenter, &image, &options, &objects);
    clock_t start = clock();
    int found = fmn_segmenter_run(segmenter, &image, &options, &objects);
    time += clock() - start;
    guint8 *crop = all + (gsize)i * SMALL * SMALL;
    if (found > 0)
      fmn_crop(sampler, &image, &objects[0].box, &objects[0].mask, &preprocess, crop);
    draw(&sheet, i % columns * (CELL * 5 / 2), i / columns * CELL, sampler, &image, objects, found, crop);
    fmn_sampler_free(sampler);
    fmn_segmenter_free(segmenter);
  }
  g_autofree char *header = g_strdup_printf("P6 %d %d 255\n", sheet.width, sheet.height);
  FILE *out = fopen(names[0], "wb");
  if (!out || fputs(header, out) < 0 ||
      fwrite(sheet.data, 3 * (gsize)sheet.width, sheet.height, out) != (gsize)sheet.height || fclose(out) != 0) {
    g_printerr("%s: cannot be written\n", names[0]);
    failed = 1;
  }
  if (crops && !g_file_set_contents(crops, (const char *)all, (gssize)n * SMALL * SMALL, &error)) {
    g_printerr("%s\n", error->message);
    failed = 1;
  }
  g_print("%d pictures, %.3f ms of processor time each\n", n, time * 1000.0 / CLOCKS_PER_SEC / n);
  g_free(sheet.data);
  return failed;
}
