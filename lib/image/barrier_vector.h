/* Part of loops_vector.h: the minimum barrier distance. A pixel needs the ones above it and to its left; so LANES
 * lines are swept at a time, each a pixel behind the one above it: lane l is at column step - l, its neighbours are the
 * lanes l and l - 1 of the step before. */

/* Of the best path from the frame's border to each pixel how far up and how far down the channels went: their largest
 * values, and their smallest ones negated. One vector a channel and a direction. */
#define ENDS 6
typedef struct {
  Signed end[ENDS];
} Range;

typedef struct {
  const FmnField *field;
  int blocks, steps; /* of LANES lines; in each */
  Signed *pixels;    /* [block][step][channel] */
  Range *best;       /* [block][step], with a block of nowhere() before and behind */
  Signed *cost;      /* [step] */
} Sweep;

INLINE Signed everywhere(gint16 v) { return v - (Signed){0}; }

/* Of paths that there are not: their sum is more than that of any path. */
INLINE Range nowhere(void) {
  Range r;
  for (int k = 0; k < ENDS; k++)
    r.end[k] = everywhere(FMN_RESIDUAL_NONE);
  return r;
}

INLINE Range grow(Range path, const Signed pixel[3]) {
  for (int c = 0; c < 3; c++) {
    path.end[c] = larger(path.end[c], pixel[c]);
    path.end[3 + c] = larger(path.end[3 + c], -pixel[c]);
  }
  return path;
}

INLINE Signed size_of(const Range *r) {
  return ((r->end[0] + r->end[1]) + (r->end[2] + r->end[3])) + (r->end[4] + r->end[5]);
}

/* What a path has that begins here: on the frame's border that is 0 and the pixel itself. */
INLINE Range beginning(const FmnField *f, int block, int step, const Signed pixel[3]) {
  Range r = nowhere();
  Signed lane;
  for (int l = 0; l < LANES; l++)
    lane[l] = (gint16)l;
  Signed column = everywhere((gint16)step) - lane, line = everywhere((gint16)(block * LANES)) + lane;
  Signed last_column = everywhere((gint16)(f->width - 1)), last_line = everywhere((gint16)(f->height - 1));
  Signed border = (column == 0) | (column == last_column) | (line == 0) | (line == last_line);
  for (int k = 0; k < ENDS; k++)
    r.end[k] &= ~border;
  return grow(r, pixel);
}

INLINE void choose(Range *own, Signed *size, const Range *other) {
  Signed s = size_of(other);
  Which better = less(s, *size);
  for (int k = 0; k < ENDS; k++)
    own->end[k] = pick(better, other->end[k], own->end[k]);
  *size = pick(better, s, *size);
}

/* One block of lines, from its first step to the last and from the upper to the lower line, or the other way. */
INLINE void sweep_block(const Sweep *s, int block, const gboolean down, const gboolean first) {
  const Signed *pixels = s->pixels + (gsize)block * s->steps * 3;
  Range *best = s->best + (gsize)(block + 1) * s->steps, *before = down ? best - s->steps : best + s->steps;
  Range last = nowhere();
  for (int i = 0; i < s->steps; i++) {
    int step = down ? i : s->steps - 1 - i, other = down ? step + LANES - 1 : step - LANES + 1;
    const Signed *pixel = pixels + 3 * step;
    const Range *edge = before + CLAMP(other, 0, s->steps - 1);
    Range own = first ? beginning(s->field, block, step, pixel) : best[step], above, left = grow(last, pixel);
    Signed size = size_of(&own);
    for (int k = 0; k < ENDS; k++)
      above.end[k] = down ? shift_up(edge->end[k], last.end[k]) : shift_down(last.end[k], edge->end[k]);
    above = grow(above, pixel);
    choose(&own, &size, &above);
    choose(&own, &size, &left);
    best[step] = last = own;
    s->cost[step] = size;
  }
}

static Sweep sweep_new(const FmnField *f, gpointer scratch) {
  Sweep s = {f, (f->height + LANES - 1) / LANES, (f->width + LANES - 1 + 7) & ~7, NULL, NULL, NULL};
  gsize cells = (gsize)s.blocks * s.steps;
  s.best = scratch;
  s.pixels = (Signed *)(s.best + cells + 2 * s.steps);
  s.cost = s.pixels + 3 * cells;
  for (int i = 0; i < s.steps; i++)
    s.best[i] = s.best[cells + s.steps + i] = nowhere();
  return s;
}

static void barrier(const FmnField *f, int passes, gpointer scratch) {
  Sweep s = sweep_new(f, scratch);
  for (int b = 0; b < s.blocks; b++)
    for (int c = 0; c < 3; c++)
      turn((const guint16 *)f->residual[c] + b * LANES * f->stride, f->stride - 1, LANES, s.steps,
           (guint16 *)(s.pixels + ((gsize)b * s.steps * 3 + c)), 3 * LANES);
  for (int k = 0; k < passes; k++)
    for (int i = 0; i < s.blocks; i++) {
      int b = k % 2 ? s.blocks - 1 - i : i;
      if (k == 0)
        sweep_block(&s, b, TRUE, TRUE);
      else if (k % 2)
        sweep_block(&s, b, FALSE, FALSE);
      else
        sweep_block(&s, b, TRUE, FALSE);
      if (k == passes - 1)
        turn((const guint16 *)s.cost, LANES, s.steps, LANES, f->cost + b * LANES * f->stride, f->stride - 1);
    }
}
