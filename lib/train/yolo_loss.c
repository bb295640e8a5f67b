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

static double box_loss(const FmnAnchor *anchor, const FmnBox *b, const float *v, int row, int column, FmnShape s,
                       const Job *j, float *gradient) {
  double scale = j->options->box_weight * (2 - b->w * b->h), loss = 0; /* errors count more where the object is small */
  double x = (b->x + b->w / 2) * s.w - column, y = (b->y + b->h / 2) * s.h - row;
  double size[2] = {log(b->w * j->input_w / (double)anchor->w), log(b->h * j->input_h / (double)anchor->h)};
  loss += cross_entropy(v[0], CLAMP(x, 0, 1), scale, &gradient[0]);
  loss += cross_entropy(v[1], CLAMP(y, 0, 1), scale, &gradient[1]);
  for (int i = 0; i < 2; i++) {
    double error = (double)v[2 + i] - size[i];
    loss += scale * error * error / 2;
    gradient[2 + i] += (float)(scale * error);
  }
  return loss;
}

static void class_loss(const Job *j, const float *v, int label, FmnYoloLoss *loss, float *gradient) {
  double smoothing = j->options->label_smoothing;
  int classes = j->yolo->classes, best = 0;
  for (int c = 0; c < classes; c++) {
    double target = (c == label ? 1 - smoothing : 0) + smoothing / classes;
    loss->classes += cross_entropy(v[c], target, j->options->class_weight, &gradient[c]);
    best = v[c] > v[best] ? c : best;
  }
  loss->right += best == label;
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
    class_loss(j, v + FMN_YOLO_BOX_VALUES, t->label, loss, gradient + FMN_YOLO_BOX_VALUES);
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
