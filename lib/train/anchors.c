#include "train/anchors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/yolo_loss.h"

#define MAX_ROUNDS 100

static int by_area(const void *a, const void *b) {
  const FmnAnchor *x = a, *y = b;
  float p = x->w * x->h, q = y->w * y->h;
  return p != q ? (p > q) - (p < q) : (x->w > y->w) - (x->w < y->w);
}

static int nearest(const FmnAnchor *size, const FmnAnchor *anchors, double *overlap) {
  int best = 0;
  *overlap = -1;
  for (int a = 0; a < FMN_YOLO_ANCHORS; a++) {
    double iou = fmn_shape_iou((double)size->w, (double)size->h, (double)anchors[a].w, (double)anchors[a].h);
    if (iou > *overlap) {
      *overlap = iou;
      best = a;
    }
  }
  return best;
}

double fmn_anchors_mean_iou(const FmnAnchor *sizes, int n, const FmnAnchor anchors[FMN_YOLO_ANCHORS]) {
  double sum = 0, overlap;
  for (int i = 0; i < n; i++) {
    nearest(&sizes[i], anchors, &overlap);
    sum += overlap;
  }
  return sum / n;
}

double fmn_anchors_fit(const FmnAnchor *sizes, int n, FmnAnchor anchors[FMN_YOLO_ANCHORS]) {
  g_autofree FmnAnchor *sorted = g_memdup2(sizes, sizeof *sizes * (gsize)n);
  FmnAnchor before[FMN_YOLO_ANCHORS];
  qsort(sorted, (gsize)n, sizeof *sorted, by_area);
  for (int a = 0; a < FMN_YOLO_ANCHORS; a++)
    anchors[a] = sorted[(gsize)(2 * a + 1) * (gsize)n / (2 * FMN_YOLO_ANCHORS)];
  for (int round = 0; round < MAX_ROUNDS; round++) {
    double w[FMN_YOLO_ANCHORS] = {0}, h[FMN_YOLO_ANCHORS] = {0}, overlap;
    int count[FMN_YOLO_ANCHORS] = {0};
    memcpy(before, anchors, sizeof before);
    for (int i = 0; i < n; i++) {
      int a = nearest(&sorted[i], before, &overlap);
      w[a] += (double)sorted[i].w;
      h[a] += (double)sorted[i].h;
      count[a]++;
    }
    for (int a = 0; a < FMN_YOLO_ANCHORS; a++)
      if (count[a])
        anchors[a] = (FmnAnchor){(float)(w[a] / count[a]), (float)(h[a] / count[a])};
    if (memcmp(before, anchors, sizeof before) == 0)
      break;
  }
  qsort(anchors, FMN_YOLO_ANCHORS, sizeof *anchors, by_area);
  for (int a = 0; a < FMN_YOLO_ANCHORS; a++)
    anchors[a] = (FmnAnchor){roundf(anchors[a].w * 10) / 10, roundf(anchors[a].h * 10) / 10};
  return fmn_anchors_mean_iou(sizes, n, anchors);
}
