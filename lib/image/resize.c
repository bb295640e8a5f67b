#include "image/resize.h"

#include <string.h>

/* Means are made in sums of 16 bits, of which 8 are fraction: fast, and each sample costs up to 1/256 of a level. From
 * MANY samples a cell on the sums have 32 bits. */
#define MANY 48

gpointer fmn_scratch_get(FmnScratch *scratch, gsize size) {
  enum { ALIGN = 64 };
  if (scratch->size < size) {
    g_free(scratch->data);
    scratch->data = g_malloc(size + ALIGN);
    scratch->size = size;
  }
  return (gpointer)(((guintptr)scratch->data + ALIGN - 1) / ALIGN * ALIGN);
}

void fmn_scratch_clear(FmnScratch *scratch) {
  g_free(scratch->data);
  *scratch = (FmnScratch){0};
}

void fmn_resizer_clear(FmnResizer *r) {
  fmn_scratch_clear(&r->means);
  fmn_scratch_clear(&r->turned);
  fmn_scratch_clear(&r->cells);
  fmn_scratch_clear(&r->lines);
}

/* What of the lines is needed: n bytes (unpacked: samples) from lo on. */
typedef struct {
  int lo, n;
} Stretch;

static Stretch needed(const FmnPart *parts, int n_parts) {
  int lo = G_MAXINT, hi = 0;
  for (int i = 0; i < n_parts; i++) {
    lo = MIN(lo, parts[i].offset + parts[i].columns->lo * parts[i].step);
    hi = MAX(hi, parts[i].offset + (parts[i].columns->hi - 1) * parts[i].step + 1);
  }
  return (Stretch){lo, hi - lo};
}

static const guint8 *line_at(const FmnLines *l, int y, Stretch s, guint8 *unpacked) {
  const guint8 *line = l->data + y * l->stride;
  if (!l->unpack)
    return line + s.lo;
  l->unpack(l->component, l->table, line, s.lo, s.n, unpacked);
  return unpacked;
}

static void mean_of_many(FmnResizer *r, const FmnLines *l, const FmnAxis *rows, const FmnTap *tap, Stretch s,
                         guint16 *means) {
  guint32 *sums = fmn_scratch_get(&r->lines, s.n * (sizeof *sums + 1));
  memset(sums, 0, s.n * sizeof *sums);
  for (int k = 0; k < tap->count; k++) {
    const guint8 *restrict line = line_at(l, tap->first + k, s, (guint8 *)(sums + s.n));
    guint32 weight = rows->weights[tap->weights + k];
    for (int i = 0; i < s.n; i++)
      sums[i] += line[i] * weight;
  }
  for (int i = 0; i < s.n; i++)
    means[i] = (sums[i] + 128) >> 8;
}

/* One cell's lines, as 8.8 bits. */
static void mean_of_lines(FmnResizer *r, const FmnLines *l, const FmnAxis *rows, const FmnTap *tap, Stretch s,
                          guint16 *means) {
  const guint8 *lines[MANY];
  guint8 *unpacked = l->unpack ? fmn_scratch_get(&r->lines, (gsize)tap->count * s.n) : NULL;
  for (int k = 0; k < tap->count; k++)
    lines[k] = line_at(l, tap->first + k, s, unpacked ? unpacked + (gsize)k * s.n : NULL);
  fmn_loops()->mean_lines(means, lines, rows->weights + tap->weights, tap->count, s.n);
}

static void mean_of_many_columns(const guint16 *columns, int lanes, int step, const FmnAxis *axis, guint16 *out) {
  for (int i = 0; i < axis->cells; i++, out += lanes) {
    const FmnTap *tap = &axis->taps[i];
    guint32 sums[FMN_LOOPS_LANES] = {0};
    for (int k = 0; k < tap->count; k++)
      for (int l = 0; l < lanes; l++)
        sums[l] +=
            (guint32)columns[(gsize)(tap->first - axis->lo + k) * step * lanes + l] * axis->weights[tap->weights + k];
    for (int l = 0; l < lanes; l++)
      out[l] = (sums[l] + 32768) >> 16;
  }
}

/* Whether the cells are whole samples that lie one behind the other: frames of the usual sizes. */
static gboolean is_even(const FmnLines *l, const FmnAxis *rows, const FmnPart *parts, int n_parts) {
  gboolean even = rows->even && !l->unpack;
  for (int i = 0; i < n_parts; i++)
    even = even && parts[i].columns->even && parts[i].step == 1;
  return even;
}

static void resize_even(const FmnLines *l, const FmnAxis *rows, const FmnPart *p, int stride) {
  for (int y = 0; y < rows->cells; y++) {
    const guint8 *lines[8];
    for (int k = 0; k < rows->even; k++)
      lines[k] = l->data + (rows->lo + y * rows->even + k) * l->stride + p->offset + p->columns->lo;
    fmn_loops()->mean_cells(p->means + (gsize)y * stride, lines, rows->even, p->columns->even, p->columns->cells);
  }
}

void fmn_resize(FmnResizer *r, const FmnLines *l, const FmnAxis *rows, const FmnPart *parts, int n_parts, int stride) {
  if (is_even(l, rows, parts, n_parts)) {
    for (int i = 0; i < n_parts; i++)
      resize_even(l, rows, &parts[i], stride);
    return;
  }
  const FmnLoops *loops = fmn_loops();
  Stretch s = needed(parts, n_parts);
  int lanes = loops->lanes, line = fmn_resize_stride(s.n);
  guint16 *means = fmn_scratch_get(&r->means, (gsize)line * lanes * sizeof *means);
  guint16 *turned = fmn_scratch_get(&r->turned, (gsize)line * lanes * sizeof *turned);
  guint16 *cells = fmn_scratch_get(&r->cells, (gsize)stride * lanes * sizeof *cells);
  for (int y = 0; y < rows->cells; y += lanes) {
    for (int i = 0; i < lanes && y + i < rows->cells; i++)
      (rows->longest < MANY ? mean_of_lines : mean_of_many)(r, l, rows, &rows->taps[y + i], s, means + (gsize)i * line);
    loops->turn(means, line, lanes, line, turned, lanes);
    for (int i = 0; i < n_parts; i++) {
      const FmnPart *p = &parts[i];
      const guint16 *first = turned + (gsize)(p->offset + p->columns->lo * p->step - s.lo) * lanes;
      if (p->columns->longest < MANY)
        loops->mean_columns(first, p->step, p->columns, cells);
      else
        mean_of_many_columns(first, lanes, p->step, p->columns, cells);
      loops->turn(cells, lanes, stride, lanes, p->means + (gsize)y * stride, stride);
    }
  }
}
