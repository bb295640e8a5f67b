#include "image/sampler.h"

#include <string.h>

/* Rows are averaged in sums of 16 bits, of which 8 are fraction: fast, and each row costs up to 1/256 of a level. From
 * MANY_ROWS rows a cell on the sums have 32 bits. */
#define ROW_TOTAL 65535
#define MANY_ROWS 48
#define COLUMN_SHIFT 15

void fmn_image_format_rgb(FmnImageFormat *format, int width, int height) {
  *format = (FmnImageFormat){width, height, FMN_COLOR_RGB, .full_range = TRUE, .kr = 0.299f, .kb = 0.114f};
  for (int c = 0; c < 3; c++)
    format->component[c] = (FmnComponent){0, c, 3, 8, 0, 1, FALSE, 0, 0};
}

void fmn_image_format_gray(FmnImageFormat *format, int width, int height) {
  *format = (FmnImageFormat){width, height, FMN_COLOR_GRAY, .full_range = TRUE, .kr = 0.299f, .kb = 0.114f};
  format->component[0] = (FmnComponent){0, 0, 1, 8, 0, 1, FALSE, 0, 0};
}

gpointer fmn_scratch_get(FmnScratch *scratch, gsize size) {
  if (scratch->size < size) {
    g_free(scratch->data);
    scratch->data = g_malloc(size);
    scratch->size = size;
  }
  return scratch->data;
}

static int subsampled(int size, int sub) { return (int)(((gint64)size + (1 << sub) - 1) >> sub); }

static gboolean component_is_valid(const FmnComponent *c) {
  return c->plane >= 0 && c->plane < 4 && c->depth >= 1 && c->depth <= 16 && c->shift >= 0 && c->offset >= 0 &&
         (c->word == 1 || c->word == 2 || c->word == 4) && c->shift + c->depth <= 8 * c->word && c->sub_x >= 0 &&
         c->sub_x <= 4 && c->sub_y >= 0 && c->sub_y <= 4 && c->pixel_stride >= 1;
}

static void add_component(FmnSampler *s, int index) {
  const FmnComponent *c = &s->format.component[index];
  FmnSampleGroup *group = &s->groups[s->n_groups];
  FmnUnpack unpack = fmn_unpack_choose(c, group->table);
  for (int g = 0; g < s->n_groups && !unpack; g++)
    if (!s->groups[g].unpack && s->groups[g].plane == c->plane && s->groups[g].sub_y == c->sub_y)
      group = &s->groups[g];
  if (group == &s->groups[s->n_groups]) {
    group->plane = c->plane;
    group->sub_y = c->sub_y;
    group->unpack = unpack;
    s->n_groups++;
  }
  int i = group->n++;
  group->component[i] = index;
  group->sub_x[i] = c->sub_x;
  group->offset[i] = unpack ? 0 : c->offset;
  group->pixel_stride[i] = unpack ? 1 : c->pixel_stride;
}

FmnSampler *fmn_sampler_new(const FmnImageFormat *format) {
  int n = format->color == FMN_COLOR_GRAY ? 1 : 3;
  g_return_val_if_fail(format->width >= 1 && format->height >= 1, NULL);
  for (int i = 0; i < n; i++)
    g_return_val_if_fail(component_is_valid(&format->component[i]), NULL);
  FmnSampler *s = g_new0(FmnSampler, 1);
  s->format = *format;
  for (int i = 0; i < n; i++)
    add_component(s, i);
  return s;
}

void fmn_sampler_free(FmnSampler *s) {
  if (!s)
    return;
  fmn_axis_clear(&s->rows);
  for (int c = 0; c < 3; c++)
    fmn_axis_clear(&s->columns[c]);
  g_free(s->sums.data);
  g_free(s->sums_32.data);
  g_free(s->line.data);
  g_free(s->means.data);
  g_free(s->crop.data);
  g_free(s);
}

const FmnImageFormat *fmn_sampler_format(const FmnSampler *s) { return &s->format; }

static void add_line(guint16 *restrict sums, const guint8 *restrict line, int n, guint16 weight) {
  for (int i = 0; i < n; i++)
    sums[i] += ((guint32)(guint16)(line[i] << 8) * weight) >> 16;
}

static void add_line_32(guint32 *restrict sums, const guint8 *restrict line, int n, guint16 weight) {
  for (int i = 0; i < n; i++)
    sums[i] += (guint32)line[i] * weight;
}

static void round_sums(guint16 *restrict sums, const guint32 *restrict sums_32, int n) {
  for (int i = 0; i < n; i++)
    sums[i] = (sums_32[i] + 128) >> 8;
}

/* Mean of one cell's rows, of n bytes from byte lo on (unpacked: samples), as 8.8 bits. */
static void average_rows(FmnSampler *s, const FmnSampleGroup *g, const FmnImage *image, const FmnTap *tap, int lo,
                         int n, guint16 *sums) {
  gboolean many = tap->count >= MANY_ROWS;
  guint32 *sums_32 = many ? fmn_scratch_get(&s->sums_32, n * sizeof *sums_32) : NULL;
  guint8 *unpacked = g->unpack ? fmn_scratch_get(&s->line, n) : NULL;
  if (many)
    memset(sums_32, 0, n * sizeof *sums_32);
  for (int i = 0; i < n && !many; i++)
    sums[i] = tap->count / 2;
  for (int k = 0; k < tap->count; k++) {
    const guint8 *line = image->plane[g->plane] + (gssize)(tap->first + k) * image->stride[g->plane];
    if (g->unpack)
      g->unpack(&s->format.component[g->component[0]], g->table, line, lo, n, unpacked);
    line = g->unpack ? unpacked : line + lo;
    if (many)
      add_line_32(sums_32, line, n, s->rows.weights[tap->weights + k]);
    else
      add_line(sums, line, n, s->rows.weights[tap->weights + k]);
  }
  if (many)
    round_sums(sums, sums_32, n);
}

static inline void shrink_line(const FmnAxis *axis, const guint16 *sums, int step, int cells, guint16 *restrict out) {
  const FmnTap *tap = axis->taps;
  for (int i = 0; i < cells; i++, tap++) {
    const guint16 *p = sums + (tap->first - axis->lo) * step, *w = axis->weights + tap->weights;
    guint32 sum = 1u << (COLUMN_SHIFT - 1);
    for (int k = 0; k < tap->count; k++)
      sum += (guint32)p[k * step] * w[k];
    out[i] = sum >> COLUMN_SHIFT;
  }
}

static void shrink_columns(const FmnAxis *axis, const guint16 *sums, int step, int cells, guint16 *out) {
  switch (step) {
  case 1:
    shrink_line(axis, sums, 1, cells, out);
    break;
  case 2:
    shrink_line(axis, sums, 2, cells, out);
    break;
  case 4:
    shrink_line(axis, sums, 4, cells, out);
    break;
  default:
    shrink_line(axis, sums, step, cells, out);
  }
}

static void read_group(FmnSampler *s, FmnSampleGroup *g, const FmnImage *image, const FmnBox *box, int components,
                       int width, int height, guint16 **means) {
  const FmnImageFormat *f = &s->format;
  double rows = (double)f->height / (1 << g->sub_y);
  fmn_axis_set(&s->rows, subsampled(f->height, g->sub_y), box->y * rows, (box->y + box->h) * rows, height, ROW_TOTAL);
  int lo = G_MAXINT, hi = 0;
  for (int i = 0; i < components; i++) {
    FmnAxis *axis = &s->columns[i];
    double columns = (double)f->width / (1 << g->sub_x[i]);
    fmn_axis_set(axis, subsampled(f->width, g->sub_x[i]), box->x * columns, (box->x + box->w) * columns, width,
                 1 << COLUMN_SHIFT);
    lo = MIN(lo, g->offset[i] + axis->lo * g->pixel_stride[i]);
    hi = MAX(hi, g->offset[i] + (axis->hi - 1) * g->pixel_stride[i] + 1);
  }
  int n = hi - lo;
  guint16 *sums = fmn_scratch_get(&s->sums, n * sizeof *sums);
  for (int y = 0; y < height; y++) {
    average_rows(s, g, image, &s->rows.taps[y], lo, n, sums);
    for (int i = 0; i < components; i++) {
      const FmnAxis *axis = &s->columns[i];
      const guint16 *first = sums + (g->offset[i] + axis->lo * g->pixel_stride[i] - lo);
      shrink_columns(axis, first, g->pixel_stride[i], width, means[g->component[i]] + (gsize)y * width);
    }
  }
}

void fmn_sampler_read(FmnSampler *s, const FmnImage *image, const FmnBox *box, int channels, int width, int height,
                      guint8 *out) {
  g_return_if_fail(width >= 1 && height >= 1 && (channels == 1 || channels == 3));
  gsize n = (gsize)width * height;
  guint16 *data = fmn_scratch_get(&s->means, 3 * n * sizeof *data), *means[3] = {data, data + n, data + 2 * n};
  for (int i = 0; i < s->n_groups; i++) {
    gboolean all = channels == 3 || s->format.color == FMN_COLOR_RGB;
    if (all || s->groups[i].component[0] == 0)
      read_group(s, &s->groups[i], image, box, all ? s->groups[i].n : 1, width, height, means);
  }
  fmn_color_convert(&s->format, (const guint16 *const *)means, channels, (int)n, out);
}
