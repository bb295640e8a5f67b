#include "image/components.h"

#include <string.h>

struct FmnLabeller {
  int width, height;
  FmnRun *runs;
  int *parent; /* of a run, a run that is not later */
  FmnComponentStats *stats;
};

FmnLabeller *fmn_labeller_new(int width, int height) {
  FmnLabeller *l = g_new0(FmnLabeller, 1);
  gsize runs = (gsize)((width + 1) / 2) * height;
  l->width = width;
  l->height = height;
  l->runs = g_new(FmnRun, runs);
  l->parent = g_new(int, runs);
  l->stats = g_new(FmnComponentStats, runs);
  return l;
}

void fmn_labeller_free(FmnLabeller *l) {
  if (!l)
    return;
  g_free(l->runs);
  g_free(l->parent);
  g_free(l->stats);
  g_free(l);
}

static int root(int *parent, int i) {
  while (parent[i] != i)
    i = parent[i] = parent[parent[i]];
  return i;
}

static void join(int *parent, int a, int b) {
  a = root(parent, a);
  b = root(parent, b);
  parent[MAX(a, b)] = MIN(a, b);
}

/* The first of the values from x on that is not `value`, or n; eight at a time. */
static int skip(const guint8 *line, int x, int n, guint8 value) {
  guint64 all = value * G_GUINT64_CONSTANT(0x0101010101010101), eight;
  for (; x + 8 <= n; x += 8) {
    memcpy(&eight, line + x, 8);
    if (eight != all)
      return x + __builtin_ctzll(GUINT64_FROM_LE(eight ^ all)) / 8;
  }
  while (x < n && line[x] == value)
    x++;
  return x;
}

static int find_runs(FmnLabeller *l, const guint8 *mask, gboolean inside) {
  int n = 0, above = 0, row = 0, reach = inside ? 1 : 0;
  guint8 value = inside ? 255 : 0;
  for (int y = 0; y < l->height; y++, above = row, row = n) {
    const guint8 *line = mask + (gsize)y * l->width;
    int candidate = above;
    for (int x = skip(line, 0, l->width, 255 - value); x < l->width; x = skip(line, x, l->width, 255 - value)) {
      FmnRun *run = &l->runs[n];
      *run = (FmnRun){y, x, skip(line, x, l->width, value), 0};
      x = run->x1;
      l->parent[n] = n;
      while (candidate < row && l->runs[candidate].x1 + reach <= run->x0)
        candidate++;
      for (int k = candidate; k < row && l->runs[k].x0 < run->x1 + reach; k++)
        join(l->parent, k, n);
      n++;
    }
  }
  return n;
}

static void add_run(const FmnLabeller *l, FmnComponentStats *s, const FmnRun *r) {
  int n = r->x1 - r->x0;
  s->area += n;
  s->x0 = MIN(s->x0, r->x0);
  s->x1 = MAX(s->x1, r->x1);
  s->y0 = MIN(s->y0, r->y);
  s->y1 = MAX(s->y1, r->y + 1);
  s->sum_x += n * (r->x0 + r->x1) * 0.5;
  s->sum_y += n * (r->y + 0.5);
  s->border += r->y == 0 || r->y == l->height - 1 ? n : (r->x0 == 0) + (r->x1 == l->width && l->width > 1);
}

FmnComponents fmn_labeller_run(FmnLabeller *l, const guint8 *mask, gboolean inside) {
  FmnComponents c = {0, find_runs(l, mask, inside), l->stats, l->runs};
  for (int i = 0; i < c.n_runs; i++) {
    FmnRun *r = &l->runs[i];
    int first = root(l->parent, i);
    if (first == i) {
      l->stats[c.n] = (FmnComponentStats){0, l->width, l->height, 0, 0, 0, 0, 0};
      r->component = c.n++;
    } else {
      r->component = l->runs[first].component;
    }
    add_run(l, &l->stats[r->component], r);
  }
  return c;
}
