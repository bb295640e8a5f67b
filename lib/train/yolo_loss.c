#include "train/yolo_loss.h"

#include <math.h>
#include <string.h>

#include "detect/nms.h"

typedef struct {
  const FmnYolo *yolo;
  const FmnYoloLossOptions *options;
  const FmnTruth *truth;
  const int *first;
  int n, input_w, input_h;
  const float *const *values;
  const FmnShape *out;
  float *const *gradients;
  FmnYoloLoss *losses; /* one an image */
} Job;

/* Which object a box of a head is to tell. */
typedef struct {
  int truth; /* -1: none */
  double rank;
} Duty;

double fmn_shape_iou(double w, double h, double other_w, double other_h) {
  double both = MIN(w, other_w) * MIN(h, other_h);
  return both / (w * h + other_w * other_h - both);
}

static inline double sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* Binary cross-entropy of sigmoid(x); adds weight times its gradient to *gradient. */
static double cross_entropy(float x, double target, double weight, float *gradient) {
  double z = (double)x;
  *gradient += (float)(weight * (sigmoid(z) - target));
  return weight * (fmax(z, 0) - z * target + log1p(exp(-fabs(z))));
}

static void assign(const Job *j, int image, Duty *const duties[FMN_YOLO_HEADS]) {
  const FmnYolo *y = j->yolo;
  for (int t = j->first[image]; t < j->first[image + 1]; t++) {
    const FmnBox *b = &j->truth[t].box;
    double overlap[FMN_YOLO_ANCHORS], most = -1;
    for (int a = 0; a < FMN_YOLO_ANCHORS; a++) {
      overlap[a] =
          fmn_shape_iou(b->w * j->input_w, b->h * j->input_h, (double)y->anchors[a].w, (double)y->anchors[a].h);
      most = fmax(most, overlap[a]);
    }
    for (int a = 0; a < FMN_YOLO_ANCHORS; a++) {
      if (overlap[a] < most && overlap[a] <= j->options->match)
        continue;
      int head = FMN_YOLO_HEADS - 1 - a / FMN_YOLO_HEAD_ANCHORS;
      FmnShape s = j->out[head];
      int column = CLAMP((int)floor((b->x + b->w / 2) * s.w), 0, s.w - 1);
      int row = CLAMP((int)floor((b->y + b->h / 2) * s.h), 0, s.h - 1);
      Duty *duty = &duties[head][(row * s.w + column) * FMN_YOLO_HEAD_ANCHORS + a % FMN_YOLO_HEAD_ANCHORS];
      double rank =
          overlap[a] + (overlap[a] == most); /* an object's best anchor is not taken from it by another's second */
      if (rank > duty->rank)
        *duty = (Duty){t, rank};
    }
  }
}

/* What the box with values v says, in shares of the input. */
static FmnBox said(const FmnAnchor *anchor, const float *v, int row, int column, FmnShape s, const Job *j) {
  double w = exp((double)v[2]) * (double)anchor->w / j->input_w, h = exp((double)v[3]) * (double)anchor->h / j->input_h;
  return (FmnBox){(column + sigmoid((double)v[0])) / s.w - w / 2, (row + sigmoid((double)v[1])) / s.h - h / 2, w, h};
}

static gboolean overlaps_any(const Job *j, int image, const FmnBox *box) {
  for (int t = j->first[image]; t < j->first[image + 1]; t++)
    if (fmn_box_iou(box, &j->truth[t].box) > j->options->ignore)
      return TRUE;
  return FALSE;
}

/* Along one axis: of a box from its centre and size, and of the object, what they share and what holds both, and how
 * these change with the box's two ends. */
typedef struct {
  double shared, whole;
  double shared_from, shared_to, whole_from, whole_to;
} Span;

static Span span(double centre, double size, double other_from, double other_size) {
  double from = centre - size / 2, to = centre + size / 2, other_to = other_from + other_size;
  Span s = {MIN(to, other_to) - MAX(from, other_from), MAX(to, other_to) - MIN(from, other_from), -(from > other_from),
            to<other_to, -(from < other_from), to> other_to};
  if (s.shared <= 0)
    s.shared = s.shared_from = s.shared_to = 0;
  return s;
}

/* A side in anchors; bounded, so that one wild box leaves the loss finite, with a gradient that brings it back. */
static double growth(float x) { return exp(fmin((double)x, 10)); }

/* Distance-IoU (Zheng et al. 2020): 1 − IoU + squared distance of the centres / squared diagonal of what holds both. */
static double box_loss(const FmnAnchor *anchor, const FmnBox *b, const float *v, int row, int column, FmnShape s,
                       const Job *j, float *gradient) {
  double iw = j->input_w, ih = j->input_h, sx = sigmoid((double)v[0]), sy = sigmoid((double)v[1]);
  double x = (column + sx) / s.w * iw, y = (row + sy) / s.h * ih;
  double w = growth(v[2]) * (double)anchor->w, h = growth(v[3]) * (double)anchor->h;
  double ow = b->w * iw, oh = b->h * ih, dx = x - (b->x * iw + ow / 2), dy = y - (b->y * ih + oh / 2);
  Span across = span(x, w, b->x * iw, ow), down = span(y, h, b->y * ih, oh);
  double both = across.shared * down.shared, either = w * h + ow * oh - both, iou = both / either;
  double diagonal = across.whole * across.whole + down.whole * down.whole, distance = dx * dx + dy * dy;
  double scale = j->options->box_weight;
  /* by x, y, w, h */
  double shared[4] = {(across.shared_from + across.shared_to) * down.shared,
                      (down.shared_from + down.shared_to) * across.shared,
                      (across.shared_to - across.shared_from) / 2 * down.shared,
                      (down.shared_to - down.shared_from) / 2 * across.shared};
  double area[4] = {0, 0, h, w}, apart[4] = {2 * dx, 2 * dy, 0, 0};
  double whole[4] = {
      2 * across.whole * (across.whole_from + across.whole_to), 2 * down.whole * (down.whole_from + down.whole_to),
      across.whole * (across.whole_to - across.whole_from), down.whole * (down.whole_to - down.whole_from)};
  double by_value[4] = {sx * (1 - sx) / s.w * iw, sy * (1 - sy) / s.h * ih, w, h};
  for (int i = 0; i < 4; i++) {
    double overlap = (shared[i] * either - both * (area[i] - shared[i])) / (either * either);
    double away = apart[i] / diagonal - distance * whole[i] / (diagonal * diagonal);
    gradient[i] += (float)(scale * (away - overlap) * by_value[i]);
  }
  return scale * (1 - iou + distance / diagonal);
}

static void class_loss(const Job *j, const float *v, const FmnTruth *t, FmnYoloLoss *loss, float *gradient) {
  double smoothing = j->options->label_smoothing;
  int classes = j->yolo->classes, best = 0;
  for (int c = 0; c < classes; c++) {
    double share = t->shares ? (double)t->shares[c] : c == t->label;
    double target = (1 - smoothing) * share + smoothing / classes;
    loss->classes += cross_entropy(v[c], target, j->options->class_weight, &gradient[c]);
    best = v[c] > v[best] ? c : best;
  }
  loss->right += best == t->label;
}

static void head_loss(const Job *j, int image, int head, const Duty *duties, FmnYoloLoss *loss) {
  FmnShape s = j->out[head];
  int n = fmn_yolo_values(j->yolo);
  gsize start = (gsize)image * fmn_shape_image(s);
  const FmnAnchor *anchors = fmn_yolo_head_anchors(j->yolo, head);
  for (int i = 0; i < s.h * s.w * FMN_YOLO_HEAD_ANCHORS; i++) {
    const float *v = j->values[head] + start + (gsize)i * (gsize)n;
    float *gradient = j->gradients[head] + start + (gsize)i * (gsize)n;
    const FmnAnchor *anchor = &anchors[i % FMN_YOLO_HEAD_ANCHORS];
    int cell = i / FMN_YOLO_HEAD_ANCHORS, row = cell / s.w, column = cell % s.w;
    memset(gradient, 0, sizeof(float) * (gsize)n);
    if (duties[i].truth < 0) {
      FmnBox box = said(anchor, v, row, column, s, j);
      if (!overlaps_any(j, image, &box))
        loss->objectness += cross_entropy(v[4], 0, 1, &gradient[4]);
      continue;
    }
    const FmnTruth *t = &j->truth[duties[i].truth];
    loss->positives++;
    loss->objectness += cross_entropy(v[4], 1, 1, &gradient[4]);
    loss->box += box_loss(anchor, &t->box, v, row, column, s, j, gradient);
    class_loss(j, v + FMN_YOLO_BOX_VALUES, t, loss, gradient + FMN_YOLO_BOX_VALUES);
  }
  for (gsize i = 0; i < fmn_shape_image(s); i++)
    j->gradients[head][start + i] /= (float)j->n;
}

static void image_task(gpointer data, int begin, int end, int slot) {
  const Job *j = data;
  Duty *duties[FMN_YOLO_HEADS];
  gsize sizes[FMN_YOLO_HEADS];
  for (int head = 0; head < FMN_YOLO_HEADS; head++) {
    sizes[head] = fmn_shape_pixels(j->out[head]) * FMN_YOLO_HEAD_ANCHORS;
    duties[head] = g_new(Duty, sizes[head]);
  }
  for (int image = begin; image < end; image++) {
    for (int head = 0; head < FMN_YOLO_HEADS; head++)
      for (gsize i = 0; i < sizes[head]; i++)
        duties[head][i] = (Duty){-1, 0};
    assign(j, image, duties);
    for (int head = 0; head < FMN_YOLO_HEADS; head++)
      head_loss(j, image, head, duties[head], &j->losses[image]);
  }
  for (int head = 0; head < FMN_YOLO_HEADS; head++)
    g_free(duties[head]);
}

FmnYoloLoss fmn_yolo_loss(const FmnYolo *y, const FmnYoloLossOptions *options, const FmnTruth *truth, const int *first,
                          int n, const float *const values[FMN_YOLO_HEADS], const FmnShape out[FMN_YOLO_HEADS],
                          int input_w, int input_h, FmnPool *pool, float *const gradients[FMN_YOLO_HEADS]) {
  FmnYoloLoss sum = {0};
  g_autofree FmnYoloLoss *losses = g_new0(FmnYoloLoss, MAX(1, n));
  Job job = {y, options, truth, first, n, input_w, input_h, values, out, gradients, losses};
  fmn_pool_run(pool, image_task, &job, n);
  for (int i = 0; i < n; i++) {
    sum.box += losses[i].box;
    sum.objectness += losses[i].objectness;
    sum.classes += losses[i].classes;
    sum.positives += losses[i].positives;
    sum.right += losses[i].right;
  }
  sum.loss = sum.box + sum.objectness + sum.classes;
  return sum;
}
