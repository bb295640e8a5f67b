#include "image/crop.h"
#include "image/sampler.h"

#include <math.h>
#include <string.h>

/* Object and mask are compared on a grid that many times as fine as a small input, so that the edge comes out soft; an
 * input from LARGE pixels on is itself as fine as masks are. */
#define FINE 4
#define LARGE 64
/* Garments spread out are wide and mirror themselves; a shoe from the side is wide too, but does not: it is not
 * squeezed. Symmetry: share of the silhouette and its mirror image that they have in common. */
#define SHOE_SYMMETRY 0.65
#define SHOE_ASPECT 1.8
#define SHOE_SYMMETRY_WIDE 0.75

/* First and last of n values that reach share of the largest, the latter plus one. */
static void reaching(const guint32 *sums, int n, double share, int *first, int *end) {
  guint32 largest = 1;
  for (int i = 0; i < n; i++)
    largest = MAX(largest, sums[i]);
  *first = 0;
  *end = n;
  while (*first < n - 1 && sums[*first] < share * largest)
    ++*first;
  while (*end > *first + 1 && sums[*end - 1] < share * largest)
    --*end;
}

static double symmetry(const FmnMask *mask, int x0, int x1, int y0, int y1) {
  guint64 both = 0, either = 0;
  for (int y = y0; y < y1; y++) {
    const guint8 *left = mask->data + (gsize)y * mask->width + x0, *right = left + (x1 - x0 - 1);
    guint32 smaller = 0, larger = 0;
    for (int i = 0; i < (x1 - x0) / 2; i++) {
      smaller += MIN(left[i], right[-i]);
      larger += MAX(left[i], right[-i]);
    }
    both += smaller;
    either += larger;
  }
  return either ? (double)both / either : 1;
}

/* What of the object is shown, and how symmetrical it is (without a mask nothing is known: 0). */
typedef struct {
  FmnBox box;
  double symmetry;
} Part;

/* The part of the box without the mask's thin ends. */
static Part trimmed(FmnSampler *s, const FmnBox *box, const FmnMask *mask, double trim) {
  int x0, x1, y0, y1, w = mask->width, h = mask->height;
  guint32 *rows = fmn_scratch_get(&s->crop, ((gsize)w + h) * sizeof *rows), *columns = rows + h;
  memset(rows, 0, ((gsize)w + h) * sizeof *rows);
  for (int y = 0; y < h; y++) {
    guint32 sum = 0;
    for (int x = 0; x < w; x++)
      sum += mask->data[(gsize)y * w + x];
    rows[y] = sum;
  }
  reaching(rows, h, trim, &y0, &y1);
  for (int y = y0; y < y1; y++)
    for (int x = 0; x < w; x++)
      columns[x] += mask->data[(gsize)y * w + x];
  reaching(columns, w, trim / 2, &x0, &x1);
  double left = MAX(box->x, mask->box.x + mask->box.w * x0 / w), top = MAX(box->y, mask->box.y + mask->box.h * y0 / h);
  double right = MIN(box->x + box->w, mask->box.x + mask->box.w * x1 / w);
  double bottom = MIN(box->y + box->h, mask->box.y + mask->box.h * y1 / h);
  return (Part){{left, top, right - left, bottom - top}, symmetry(mask, x0, x1, y0, y1)};
}

/* What the part's width is multiplied with. */
static double squeeze(const Part *part, double w, double h, double max_aspect, gboolean masked) {
  double least = w > SHOE_ASPECT * h ? SHOE_SYMMETRY_WIDE : masked ? SHOE_SYMMETRY : 0;
  return max_aspect > 0 && w > h * max_aspect && part->symmetry >= least ? h * max_aspect / w : 1;
}

/* The stretch of the picture that the whole input shows: the part in its middle. Measured in heights of a pixel. */
static FmnBox whole_input(const FmnImageFormat *f, const Part *part, const FmnPreprocess *p, gboolean masked) {
  const FmnBox *box = &part->box;
  double width = f->width * (f->pixel_aspect > 0 ? f->pixel_aspect : 1), height = f->height;
  double w = box->w * width, h = box->h * height, narrow = squeeze(part, w, h, p->max_aspect, masked);
  double margin = CLAMP(p->margin, 0, 0.45) * MAX(p->width, p->height);
  double inner_w = MAX(p->width - 2 * margin, 1), inner_h = MAX(p->height - 2 * margin, 1);
  double pixels = MAX(w * narrow / inner_w, h / inner_h);
  double all_w = pixels / narrow * p->width / width, all_h = pixels * p->height / height;
  return (FmnBox){box->x + (box->w - all_w) / 2, box->y + (box->h - all_h) / 2, all_w, all_h};
}

/* For each of n cells over from … from + size the share, of SHARE_ALL, that lies inside of lo … hi. */
#define SHARE_ALL 65535
static void covered(int n, double from, double size, double lo, double hi, guint16 *out) {
  for (int i = 0; i < n; i++) {
    double inside = MIN(from + size * (i + 1) / n, hi) - MAX(from + size * i / n, lo);
    out[i] = (guint16)(CLAMP(inside * n / size, 0, 1) * SHARE_ALL);
  }
}

/* The mask on the fine grid, at 8.8 bits; its values stand at the centres of its cells, outside of it is nothing. */
static void spread_mask(FmnSampler *s, const FmnMask *mask, const FmnBox *all, int w, int h, guint16 *out) {
  int width = mask->width + 2, height = mask->height + 2;
  guint8 *framed = fmn_scratch_get(&s->crop_mask, (gsize)width * height);
  memset(framed, 0, (gsize)width * height);
  for (int y = 0; y < mask->height; y++)
    memcpy(framed + (y + 1) * width + 1, mask->data + (gsize)y * mask->width, mask->width);
  double x = (all->x - mask->box.x) / mask->box.w * mask->width + 1, xs = all->w / mask->box.w * mask->width;
  double y = (all->y - mask->box.y) / mask->box.h * mask->height + 1, ys = all->h / mask->box.h * mask->height;
  fmn_axis_set(&s->mask_columns, width, x, x + xs, w);
  fmn_axis_set(&s->mask_rows, height, y, y + ys, h);
  fmn_resize(&s->resizer, &(FmnLines){.data = framed, .stride = width}, &s->mask_rows,
             &(FmnPart){0, 1, &s->mask_columns, out}, 1, fmn_resize_stride(w));
}

/* How much of each cell of the fine grid is object, as bytes in place of the means. */
static void fade(guint16 *means, int stride, const guint16 *columns, const guint16 *rows, int w, int h, guint8 *out) {
  for (int y = 0; y < h; y++, means += stride, out += w)
    for (int x = 0; x < w; x++) {
      guint16 share = (guint32)columns[x] * rows[y] >> 16;
      guint16 v = (guint32)means[x] * share >> 16;
      out[x] = (guint16)(v + 128) >> 8;
    }
}

static gboolean usable(const FmnBox *b) {
  return isfinite(b->x) && isfinite(b->y) && isfinite(b->w) && isfinite(b->h) && b->w > 1e-9 && b->h > 1e-9 &&
         fabs(b->x) < 1e3 && fabs(b->y) < 1e3 && b->w < 1e3 && b->h < 1e3;
}

static void weigh(const guint8 *values, const guint8 *alpha, guint8 flip, gsize n, guint8 *restrict out) {
  for (gsize i = 0; i < n; i++)
    out[i] = (guint8)(((values[i] ^ flip) * alpha[i] + 127) / 255);
}

void fmn_crop(FmnSampler *s, const FmnImage *image, const FmnBox *box, const FmnMask *mask, const FmnPreprocess *p,
              guint8 *out) {
  int fine = MIN(p->width, p->height) < LARGE ? FINE : 1, w = p->width * fine, h = p->height * fine,
      channels = p->channels;
  memset(out, 0, (gsize)channels * p->width * p->height);
  if (!usable(box) || (mask && (mask->width < 1 || mask->height < 1 || !usable(&mask->box))))
    return;
  Part part = mask ? trimmed(s, box, mask, p->trim) : (Part){*box, 0};
  if (!usable(&part.box))
    return;
  int stride = fmn_resize_stride(w);
  gsize n = (gsize)w * h, grid = (gsize)stride * fmn_resize_lines(h);
  guint16 *means = fmn_scratch_get(&s->crop, (grid + w + h) * sizeof *means + n * (channels + 1));
  guint16 *columns = means + grid, *rows = columns + w;
  guint8 *alpha = (guint8 *)(rows + h), *pixels = alpha + n;
  FmnBox all = whole_input(&s->format, &part, p, mask != NULL), shown = part.box;
  covered(w, all.x, all.w, MAX(shown.x, 0), MIN(shown.x + shown.w, 1), columns);
  covered(h, all.y, all.h, MAX(shown.y, 0), MIN(shown.y + shown.h, 1), rows);
  if (mask)
    spread_mask(s, mask, &all, w, h, means);
  for (gsize i = 0; i < grid && !mask; i++)
    means[i] = 255 << 8;
  fade(means, stride, columns, rows, w, h, alpha);
  fmn_sampler_read(s, image, &all, channels, w, h, pixels);
  guint8 flip = p->invert ? 255 : 0;
  for (int c = 0; c < channels && fine == 1; c++)
    weigh(pixels + c * n, alpha, flip, n, out + c * n);
  for (int y = 0; y < channels * p->height && fine > 1; y++)
    fmn_loops()->blend(pixels + (gsize)y * FINE * w, alpha + (gsize)(y % p->height) * FINE * w, flip, p->width,
                       out + (gsize)y * p->width);
}
