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

#define LEFT_OUT (-G_MAXINT - 1) /* a label that no suppressed one has */

/* Of a sorted list the first free ones, at most max, are kept. Others are marked by their label: suppressed ones by its
 * complement, those for which there is no room by LEFT_OUT. Returns how many are kept. */
static int suppress(FmnDetection *d, int n, double iou_threshold, int max) {
  int kept = 0;
  for (int i = 0; i < n; i++) {
    gboolean free = TRUE;
    for (int k = 0, left = kept; left > 0 && free; k++) {
      if (d[k].label < 0)
        continue;
      free = d[k].label != d[i].label || fmn_box_iou(&d[k].box, &d[i].box) <= iou_threshold;
      left--;
    }
    if (!free)
      d[i].label = ~d[i].label;
    else if (kept < max)
      kept++;
    else
      d[i].label = LEFT_OUT;
  }
  return kept;
}

/* The mean of a kept box and those suppressed ones of its class that lie in nearly the same place. */
static FmnBox vote(const FmnDetection *d, int n, const FmnDetection *kept) {
  double weight = (double)kept->confidence;
  FmnBox b = kept->box, sum = {weight * b.x, weight * b.y, weight * b.w, weight * b.h};
  for (int i = 0; i < n; i++) {
    double iou = d[i].label == ~kept->label ? fmn_box_iou(&d[i].box, &b) : 0;
    if (iou < FMN_VOTE_OVERLAP)
      continue;
    double w = (double)d[i].confidence * iou;
    sum = (FmnBox){sum.x + w * d[i].box.x, sum.y + w * d[i].box.y, sum.w + w * d[i].box.w, sum.h + w * d[i].box.h};
    weight += w;
  }
  return weight > 0 ? (FmnBox){sum.x / weight, sum.y / weight, sum.w / weight, sum.h / weight} : b;
}

int fmn_nms(FmnDetection *d, int n, double iou_threshold, int max) {
  int next = 0;
  if (n > 1)
    qsort(d, (gsize)n, sizeof *d, order);
  int kept = suppress(d, n, iou_threshold, max);
  for (int i = 0; i < n; i++)
    if (d[i].label >= 0)
      d[i].box = vote(d, n, &d[i]);
  for (int i = 0; i < n; i++)
    if (d[i].label >= 0)
      d[next++] = d[i];
  return kept;
}
