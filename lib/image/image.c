#include "image/sampler.h"

void fmn_image_format_rgb(FmnImageFormat *format, int width, int height) {
  *format = (FmnImageFormat){width, height, FMN_COLOR_RGB, .full_range = TRUE, .kr = 0.299f, .kb = 0.114f};
  for (int c = 0; c < 3; c++)
    format->component[c] = (FmnComponent){0, c, 3, 8, 0, 1, FALSE, 0, 0};
}

void fmn_image_format_gray(FmnImageFormat *format, int width, int height) {
  *format = (FmnImageFormat){width, height, FMN_COLOR_GRAY, .full_range = TRUE, .kr = 0.299f, .kb = 0.114f};
  format->component[0] = (FmnComponent){0, 0, 1, 8, 0, 1, FALSE, 0, 0};
}

static int subsampled(int size, int sub) { return (int)(((gint64)size + (1 << sub) - 1) >> sub); }

/* width: of the picture. */
static gboolean component_is_valid(const FmnComponent *c, int width) {
  return c->plane >= 0 && c->plane < 4 && c->depth >= 1 && c->depth <= 16 && c->shift >= 0 && c->offset >= 0 &&
         (c->word == 1 || c->word == 2 || c->word == 4) && c->shift + c->depth <= 8 * c->word && c->sub_x >= 0 &&
         c->sub_x <= 4 && c->sub_y >= 0 && c->sub_y <= 4 && c->pixel_stride >= 1 &&
         (gint64)width * c->pixel_stride + c->offset <= G_MAXINT;
}

gboolean fmn_image_format_is_valid(const FmnImageFormat *format) {
  gboolean ok = format->width >= 1 && format->height >= 1 && format->width <= FMN_IMAGE_MAX &&
                format->height <= FMN_IMAGE_MAX && (guint)format->color <= FMN_COLOR_RGB &&
                (format->pixel_aspect == 0 ||
                 (format->pixel_aspect >= 1.0f / FMN_ASPECT_MAX && format->pixel_aspect <= FMN_ASPECT_MAX));
  for (int i = 0; i < (format->color == FMN_COLOR_GRAY ? 1 : 3); i++)
    ok = ok && component_is_valid(&format->component[i], format->width);
  return ok;
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
  g_return_val_if_fail(fmn_image_format_is_valid(format), NULL);
  FmnSampler *s = g_new0(FmnSampler, 1);
  s->format = *format;
  for (int i = 0; i < n; i++)
    add_component(s, i);
  return s;
}

void fmn_sampler_free(FmnSampler *s) {
  if (!s)
    return;
  for (int i = 0; i < s->n_groups; i++) {
    fmn_axis_clear(&s->groups[i].rows);
    for (int c = 0; c < 3; c++)
      fmn_axis_clear(&s->groups[i].columns[c]);
  }
  fmn_axis_clear(&s->mask_rows);
  fmn_axis_clear(&s->mask_columns);
  fmn_resizer_clear(&s->resizer);
  fmn_scratch_clear(&s->means);
  fmn_scratch_clear(&s->crop);
  fmn_scratch_clear(&s->crop_mask);
  g_free(s);
}

const FmnImageFormat *fmn_sampler_format(const FmnSampler *s) { return &s->format; }

/* Components of the same subsampling share an axis. */
static const FmnAxis *column_axis(FmnSampleGroup *g, int part, const FmnImageFormat *f, const FmnBox *box, int width) {
  int i = 0;
  while (g->sub_x[i] != g->sub_x[part])
    i++;
  double columns = (double)f->width / (1 << g->sub_x[i]);
  fmn_axis_set(&g->columns[i], subsampled(f->width, g->sub_x[i]), box->x * columns, (box->x + box->w) * columns, width);
  return &g->columns[i];
}

static void read_group(FmnSampler *s, FmnSampleGroup *g, const FmnImage *image, const FmnBox *box, int components,
                       int width, int height, guint16 *const means[3], int stride) {
  const FmnImageFormat *f = &s->format;
  double rows = (double)f->height / (1 << g->sub_y);
  FmnLines lines = {image->plane[g->plane], image->stride[g->plane], g->unpack, &f->component[g->component[0]],
                    g->table};
  FmnPart parts[3];
  fmn_axis_set(&g->rows, subsampled(f->height, g->sub_y), box->y * rows, (box->y + box->h) * rows, height);
  for (int i = 0; i < components; i++)
    parts[i] = (FmnPart){g->offset[i], g->pixel_stride[i], column_axis(g, i, f, box, width), means[g->component[i]]};
  fmn_resize(&s->resizer, &lines, &g->rows, parts, components, stride);
}

void fmn_sampler_read(FmnSampler *s, const FmnImage *image, const FmnBox *box, int channels, int width, int height,
                      guint8 *out) {
  g_return_if_fail(width >= 1 && height >= 1 && (channels == 1 || channels == 3));
  int stride = fmn_resize_stride(width);
  gsize n = (gsize)stride * fmn_resize_lines(height);
  guint16 *data = fmn_scratch_get(&s->means, 3 * n * sizeof *data), *const means[3] = {data, data + n, data + 2 * n};
  for (int i = 0; i < s->n_groups; i++) {
    gboolean all = channels == 3 || s->format.color == FMN_COLOR_RGB;
    if (all || s->groups[i].component[0] == 0)
      read_group(s, &s->groups[i], image, box, all ? s->groups[i].n : 1, width, height, means, stride);
  }
  fmn_color_convert(&s->format, (const guint16 *const *)means, stride, channels, width, height, out);
}
