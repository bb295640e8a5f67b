#include "image/crop.h"
#include "image/sampler.h"

#include <math.h>
#include <string.h>

/* Object and mask are compared on a grid that many times as fine as the input, so that the edge comes out soft. */
#define FINE 4
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
    const guint8 *line = mask->data + (gsize)y * mask->width;
    for (int l = x0, r = x1 - 1; l < r; l++, r--) {
      both += MIN(line[l], line[r]);
      either += MAX(line[l], line[r]);
    }
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
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++)
      rows[y] += mask->data[(gsize)y * w + x];
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

/* The stretch of the picture that the whole input shows: the part in its middle. */
static FmnBox whole_input(const FmnImageFormat *f, const Part *part, const FmnPreprocess *p, gboolean masked) {
  const FmnBox *box = &part->box;
  double w = box->w * f->width, h = box->h * f->height, narrow = squeeze(part, w, h, p->max_aspect, masked);
  double margin = CLAMP(p->margin, 0, 0.45) * MAX(p->width, p->height);
  double inner_w = MAX(p->width - 2 * margin, 1), inner_h = MAX(p->height - 2 * margin, 1);
  double pixels = MAX(w * narrow / inner_w, h / inner_h);
  double all_w = pixels / narrow * p->width / f->width, all_h = pixels * p->height / f->height;
  return (FmnBox){box->x + (box->w - all_w) / 2, box->y + (box->h - all_h) / 2, all_w, all_h};
}

/* Share of cell i of n over from … from + size that lies inside of lo … hi. */
static float covered(int i, int n, double from, double size, double lo, double hi) {
  double a = from + size * i / n, b = from + size * (i + 1) / n;
  double inside = MIN(b, hi) - MAX(a, lo);
  return inside > 0 ? (float)(inside / (b - a)) : 0;
}

/* 0..1 on the fine grid; the mask's values stand at the centres of its cells. */
static void spread_mask(const FmnMask *mask, const FmnBox *all, int w, int h, float *alpha) {
  for (int y = 0; y < h; y++) {
    double v = ((all->y + all->h * (y + 0.5) / h) - mask->box.y) / mask->box.h * mask->height - 0.5;
    int y0 = (int)floor(CLAMP(v, -2, mask->height + 1));
    float ty = (float)(v - y0);
    for (int x = 0; x < w; x++) {
      float *a = &alpha[y * w + x];
      double u = ((all->x + all->w * (x + 0.5) / w) - mask->box.x) / mask->box.w * mask->width - 0.5;
      int x0 = (int)floor(CLAMP(u, -2, mask->width + 1));
      float tx = (float)(u - x0), sum = 0;
      if (y0 < -1 || x0 < -1 || y0 >= mask->height || x0 >= mask->width) {
        *a = 0;
        continue;
      }
      for (int k = 0; k < 4; k++) {
        int my = y0 + k / 2, mx = x0 + k % 2;
        if (my >= 0 && mx >= 0 && my < mask->height && mx < mask->width)
          sum += mask->data[my * mask->width + mx] * (k / 2 ? ty : 1 - ty) * (k % 2 ? tx : 1 - tx);
      }
      *a *= sum / 255;
    }
  }
}

static void mean_down(const guint8 *pixels, const float *alpha, gboolean invert, int w, int h, guint8 *out) {
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      float sum = 0;
      for (int k = 0; k < FINE * FINE; k++) {
        int i = (y * FINE + k / FINE) * w * FINE + x * FINE + k % FINE;
        sum += alpha[i] * (invert ? 255 - pixels[i] : pixels[i]);
      }
      out[y * w + x] = (guint8)(sum / (FINE * FINE) + 0.5f);
    }
}

static gboolean usable(const FmnBox *b) {
  return isfinite(b->x) && isfinite(b->y) && isfinite(b->w) && isfinite(b->h) && b->w > 1e-9 && b->h > 1e-9 &&
         fabs(b->x) < 1e3 && fabs(b->y) < 1e3 && b->w < 1e3 && b->h < 1e3;
}

void fmn_crop(FmnSampler *s, const FmnImage *image, const FmnBox *box, const FmnMask *mask, const FmnPreprocess *p,
              guint8 *out) {
  int w = p->width * FINE, h = p->height * FINE, channels = p->channels;
  memset(out, 0, (gsize)channels * p->width * p->height);
  if (!usable(box) || (mask && (mask->width < 1 || mask->height < 1 || !usable(&mask->box))))
    return;
  Part part = mask ? trimmed(s, box, mask, p->trim) : (Part){*box, 0};
  if (!usable(&part.box))
    return;
  gsize n = (gsize)w * h;
  float *alpha = fmn_scratch_get(&s->crop, n * (sizeof *alpha + channels));
  guint8 *pixels = (guint8 *)(alpha + n);
  FmnBox all = whole_input(&s->format, &part, p, mask != NULL), shown = part.box;
  for (int y = 0; y < h; y++) {
    float inside = covered(y, h, all.y, all.h, MAX(shown.y, 0), MIN(shown.y + shown.h, 1));
    for (int x = 0; x < w; x++)
      alpha[y * w + x] = inside * covered(x, w, all.x, all.w, MAX(shown.x, 0), MIN(shown.x + shown.w, 1));
  }
  if (mask)
    spread_mask(mask, &all, w, h, alpha);
  fmn_sampler_read(s, image, &all, channels, w, h, pixels);
  for (int c = 0; c < channels; c++)
    mean_down(pixels + c * n, alpha, p->invert, p->width, p->height, out + (gsize)c * p->width * p->height);
}
