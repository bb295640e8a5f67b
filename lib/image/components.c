#include "image/components.h"

#include <string.h>

typedef struct {
  int y, x0, x1;
  guint32 label;
} Run;

struct FmnLabeller {
  int width, height;
  Run *runs;
  guint32 *parent; /* of a run, a run that is not later */
  guint32 *labels;
  FmnComponentStats *stats;
};

FmnLabeller *fmn_labeller_new(int width, int height) {
  FmnLabeller *l = g_new0(FmnLabeller, 1);
  gsize runs = (gsize)((width + 1) / 2) * height;
  l->width = width;
  l->height = height;
  l->runs = g_new(Run, runs);
  l->parent = g_new(guint32, runs);
  l->stats = g_new(FmnComponentStats, runs);
  l->labels = g_new(guint32, (gsize)width * height);
  return l;
}

void fmn_labeller_free(FmnLabeller *l) {
  if (!l)
    return;
  g_free(l->runs);
  g_free(l->parent);
  g_free(l->stats);
  g_free(l->labels);
  g_free(l);
}

static guint32 root(guint32 *parent, guint32 i) {
  while (parent[i] != i)
    i = parent[i] = parent[parent[i]];
  return i;
}

static void join(guint32 *parent, guint32 a, guint32 b) {
  a = root(parent, a);
  b = root(parent, b);
  parent[MAX(a, b)] = MIN(a, b);
}

static guint32 find_runs(FmnLabeller *l, const guint8 *mask, gboolean inside) {
  guint32 n = 0, above = 0, row = 0;
  int reach = inside ? 1 : 0;
  for (int y = 0; y < l->height; y++, above = row, row = n) {
    const guint8 *line = mask + (gsize)y * l->width;
    guint32 candidate = above;
    for (int x = 0; x < l->width;) {
      while (x < l->width && (line[x] != 0) != inside)
        x++;
      if (x == l->width)
        break;
      Run *run = &l->runs[n];
      run->y = y;
      run->x0 = x;
      while (x < l->width && (line[x] != 0) == inside)
        x++;
      run->x1 = x;
      l->parent[n] = n;
      while (candidate < row && l->runs[candidate].x1 + reach <= run->x0)
        candidate++;
      for (guint32 k = candidate; k < row && l->runs[k].x0 < run->x1 + reach; k++)
        join(l->parent, k, n);
      n++;
    }
  }
  return n;
}

static void add_run(const FmnLabeller *l, FmnComponentStats *s, const Run *r) {
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

int fmn_labeller_run(FmnLabeller *l, const guint8 *mask, gboolean inside, const guint32 **labels,
                     const FmnComponentStats **stats) {
  guint32 n_runs = find_runs(l, mask, inside), n = 0;
  memset(l->labels, 0, (gsize)l->width * l->height * sizeof *l->labels);
  for (guint32 i = 0; i < n_runs; i++) {
    Run *r = &l->runs[i];
    guint32 first = root(l->parent, i);
    if (first == i) {
      l->stats[n] = (FmnComponentStats){0, l->width, l->height, 0, 0, 0, 0, 0};
      r->label = ++n;
    } else {
      r->label = l->runs[first].label;
    }
    add_run(l, &l->stats[r->label - 1], r);
    guint32 *line = l->labels + (gsize)r->y * l->width;
    for (int x = r->x0; x < r->x1; x++)
      line[x] = r->label;
  }
  *labels = l->labels;
  *stats = l->stats;
  return (int)n;
}
