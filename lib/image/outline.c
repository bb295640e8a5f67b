#include "image/outline.h"

#include <string.h>

/* Two pixels on each side are compared with two on the other; the one next to the outline, which may be mixed or belong
 * to either side, is left out. */
#define NEAR 1
#define FAR 2
/* Levels by which some channel's means have to differ: more than noise and compression make of an even wall, less than
 * the faintest outlines of garments on photos. */
#define LEAST_CHANGE 5

/* From the object's last pixel, `step` leading out of it. */
static gboolean changes(const guint8 *rgb, gsize plane, gsize at, gssize step) {
  for (int c = 0; c < 3; c++, rgb += plane) {
    const guint8 *p = rgb + at;
    int change = p[-NEAR * step] + p[-FAR * step] - p[(NEAR + 1) * step] - p[(FAR + 1) * step];
    if (ABS(change) > 2 * LEAST_CHANGE)
      return TRUE;
  }
  return FALSE;
}

/* Of n pixels from `at` on those whose neighbour on the next line, `step` on, is no object's. */
static void across(const guint8 *rgb, gsize plane, gsize at, const guint8 *neighbours, int n, gssize step,
                   FmnOutlineCount *o) {
  const guint8 *end = neighbours + n, *next = neighbours;
  while (next < end && (next = memchr(next, 0, (gsize)(end - next)))) {
    o->all++;
    o->seen += changes(rgb, plane, at + (gsize)(next - neighbours), step);
    next++;
  }
}

void fmn_outline_measure(const guint8 *rgb, const guint8 *mask, int width, int height, const FmnComponents *components,
                         FmnOutlineCount *outlines) {
  const gsize plane = (gsize)width * (gsize)height;
  const gssize line = width;
  memset(outlines, 0, sizeof *outlines * (gsize)components->n);
  for (int i = 0; i < components->n_runs; i++) {
    const FmnRun *r = &components->runs[i];
    FmnOutlineCount *o = &outlines[r->component];
    const gsize start = (gsize)r->y * (gsize)width;
    const int first = r->x0, last = r->x1 - 1;
    if (first > FAR && first + FAR < width) {
      o->all++;
      o->seen += changes(rgb, plane, start + (gsize)first, -1);
    }
    if (last >= FAR && last + FAR + 1 < width) {
      o->all++;
      o->seen += changes(rgb, plane, start + (gsize)last, 1);
    }
    if (r->y > FAR && r->y + FAR < height)
      across(rgb, plane, start + (gsize)first, mask + start - line + first, last + 1 - first, -line, o);
    if (r->y >= FAR && r->y + FAR + 1 < height)
      across(rgb, plane, start + (gsize)first, mask + start + line + first, last + 1 - first, line, o);
  }
}
