#include "detect/nms.h"

#include <stdlib.h>

double fmn_box_iou(const FmnBox *a, const FmnBox *b) {
  double w = MIN(a->x + a->w, b->x + b->w) - MAX(a->x, b->x);
  double h = MIN(a->y + a->h, b->y + b->h) - MAX(a->y, b->y);
  double both = w > 0 && h > 0 ? w * h : 0, all = a->w * a->h + b->w * b->h - both;
  return all > 0 ? both / all : 0;
}

static int order(const void *a, const void *b) {
  const FmnDetection *x = a, *y = b;
  const double keys[][2] = {{(double)y->confidence, (double)x->confidence},
                            {x->label, y->label},
                            {x->box.y, y->box.y},
                            {x->box.x, y->box.x},
                            {x->box.h, y->box.h},
                            {x->box.w, y->box.w}};
  for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
    if (keys[i][0] != keys[i][1])
      return keys[i][0] < keys[i][1] ? -1 : 1;
  return 0;
}

int fmn_nms(FmnDetection *d, int n, double iou_threshold, int max) {
  int kept = 0;
  if (n > 1)
    qsort(d, (gsize)n, sizeof *d, order);
  for (int i = 0; i < n && kept < max; i++) {
    gboolean free = TRUE;
    for (int k = 0; k < kept && free; k++)
      free = d[k].label != d[i].label || fmn_box_iou(&d[k].box, &d[i].box) <= iou_threshold;
    if (free)
      d[kept++] = d[i];
  }
  return kept;
}
