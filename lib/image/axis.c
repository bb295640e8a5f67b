#include "image/axis.h"

#include <math.h>

/* Shares are rounded as a running sum, so that a cell's weights always add up to FMN_AXIS_TOTAL. */
typedef struct {
  FmnAxis *axis;
  FmnTap *tap;
  double sum;
  int given, used;
} Cell;

static void cell_add(Cell *cell, int sample, double share) {
  FmnTap *tap = cell->tap;
  if (tap->count == 0)
    tap->first = sample;
  if (sample == tap->first + tap->count) {
    if (cell->used == cell->axis->weights_size) {
      cell->axis->weights_size = MAX(256, 2 * cell->axis->weights_size);
      cell->axis->weights = g_renew(guint16, cell->axis->weights, cell->axis->weights_size);
    }
    cell->axis->weights[cell->used++] = 0;
    tap->count++;
  }
  cell->sum += share;
  int until = CLAMP((int)lrint(cell->sum * FMN_AXIS_TOTAL), cell->given, FMN_AXIS_TOTAL);
  cell->axis->weights[cell->used - 1] += until - cell->given;
  cell->given = until;
}

static void cell_mean(Cell *cell, int samples, double a, double b) {
  double scale = 1 / (b - a);
  int first = CLAMP((int)floor(a), 0, samples - 1), last = CLAMP((int)ceil(b) - 1, first, samples - 1);
  for (int i = first; i <= last; i++) {
    double from = i == first ? a : i, to = i == last ? b : i + 1;
    cell_add(cell, i, (to - from) * scale);
  }
}

static void cell_linear(Cell *cell, int samples, double centre) {
  centre = CLAMP(centre - 0.5, 0, samples - 1);
  int i = MIN((int)centre, MAX(samples - 2, 0));
  double t = centre - i;
  if (t < 1)
    cell_add(cell, i, 1 - t);
  if (t > 0)
    cell_add(cell, i + 1, t);
}

/* Sizes of which the mean of that many lines and columns is exact in 8.8 bits. */
static int even_cells(double from, double to, double step, int samples) {
  gboolean whole = step == 2 || step == 4 || step == 8;
  return whole && from == floor(from) && from >= 0 && to <= samples ? (int)step : 0;
}

void fmn_axis_set(FmnAxis *axis, int samples, double from, double to, int cells) {
  from = isfinite(from) ? CLAMP(from, -1e6, 1e6) : 0;
  to = isfinite(to) ? CLAMP(to, -1e6, 1e6) : 0;
  if (axis->samples == samples && axis->cells == cells && axis->from == from && axis->to == to)
    return;
  if (axis->taps_size < cells) {
    axis->taps_size = cells;
    axis->taps = g_renew(FmnTap, axis->taps, cells);
  }
  axis->samples = samples;
  axis->cells = cells;
  axis->from = from;
  axis->to = to;
  double step = MAX(to - from, 1e-6) / cells;
  int used = 0;
  axis->even = even_cells(from, to, step, samples);
  axis->lo = samples;
  axis->hi = axis->longest = 0;
  for (int i = 0; i < cells; i++) {
    FmnTap *tap = &axis->taps[i];
    *tap = (FmnTap){0, 0, used};
    Cell cell = {axis, tap, 0, 0, used};
    if (step >= 1)
      cell_mean(&cell, samples, from + i * step, from + (i + 1) * step);
    else
      cell_linear(&cell, samples, from + (i + 0.5) * step);
    axis->weights[cell.used - 1] += FMN_AXIS_TOTAL - cell.given;
    used = cell.used;
    axis->lo = MIN(axis->lo, tap->first);
    axis->hi = MAX(axis->hi, tap->first + tap->count);
    axis->longest = MAX(axis->longest, tap->count);
  }
}

void fmn_axis_clear(FmnAxis *axis) {
  g_free(axis->taps);
  g_free(axis->weights);
  *axis = (FmnAxis){0};
}
