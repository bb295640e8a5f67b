#include "image/work.h"

void fmn_field_init(FmnField *f, int width, int height, FmnScratch *planes) {
  gsize lines = fmn_resize_lines(height);
  f->width = width;
  f->height = height;
  f->stride = width + 2 * FMN_LOOPS_MARGIN;
  gsize n = lines * (gsize)f->stride;
  gint16 *data = fmn_scratch_get(planes, 4 * n * sizeof *data);
  for (gsize i = 0; i < 4 * n; i++)
    data[i] = FMN_RESIDUAL_NONE;
  for (int c = 0; c < 3; c++)
    f->residual[c] = data + c * n + FMN_LOOPS_MARGIN;
  f->cost = (guint16 *)(data + 3 * n + FMN_LOOPS_MARGIN);
}

gsize fmn_barrier_scratch(int lanes, int width, int height) {
  gsize blocks = (height + lanes - 1) / lanes, steps = (width + lanes - 1 + 7) & ~7, ranges = blocks * steps;
  return (6 * (ranges + 2 * steps) + 3 * ranges + steps) * lanes * sizeof(gint16);
}

void fmn_barrier(FmnField *f, int passes, FmnScratch *scratch) {
  const FmnLoops *loops = fmn_loops();
  loops->barrier(f, passes, fmn_scratch_get(scratch, fmn_barrier_scratch(loops->lanes, f->width, f->height)));
}
