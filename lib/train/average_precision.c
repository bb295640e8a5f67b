#include "train/average_precision.h"

#include <math.h>
#include <string.h>

#include "detect/nms.h"

#define RECALLS 101
#define SAME_PLACE .45 /* overlap */

/* A detection and at which overlaps it is right. */
typedef struct {
  float confidence;
  guint order; /* as added */
  guint16 right;
} Found;

typedef struct {
  GArray *found; /* of Found */
  int support;
} Class;

struct FmnAp {
  int n, classes;
  Class *of;      /* classes of them, then one for all objects as one class */
  GArray *picked; /* of const FmnDetection *; room */
};

FmnAp *fmn_ap_new(int classes) {
  FmnAp *ap = g_new0(FmnAp, 1);
  ap->classes = classes;
  ap->of = g_new0(Class, classes + 1);
  ap->picked = g_array_new(FALSE, FALSE, sizeof(FmnDetection *));
  for (int c = 0; c <= classes; c++)
    ap->of[c].found = g_array_new(FALSE, FALSE, sizeof(Found));
  return ap;
}

void fmn_ap_free(FmnAp *ap) {
  if (!ap)
    return;
  for (int c = 0; c <= ap->classes; c++)
    g_array_unref(ap->of[c].found);
  g_array_unref(ap->picked);
  g_free(ap->of);
  g_free(ap);
}

/* Pointers into one array: equal confidences keep its order. */
static int surer(gconstpointer a, gconstpointer b) {
  const FmnDetection *x = *(const FmnDetection *const *)a, *y = *(const FmnDetection *const *)b;
  if (x->confidence != y->confidence)
    return x->confidence > y->confidence ? -1 : 1;
  return (x > y) - (x < y);
}

/* As numpy.linspace() gives them: what falls onto a step counts as it does there. */
static double overlap_of(int i) {
  return i + 1 < FMN_AP_OVERLAPS ? .5 + i * ((.95 - .5) / (FMN_AP_OVERLAPS - 1)) : .95;
}
static double recall_of(int i) { return i * .01; }

/* Each detection, the surest first, gets the object not yet taken that it overlaps most, if it overlaps that enough. */
static void match(Class *c, const GArray *picked, const FmnTruth *truth, int n_truth, int label) {
  g_autofree guint16 *taken = g_new0(guint16, MAX(1, n_truth));
  for (int t = 0; t < n_truth; t++)
    c->support += label < 0 || truth[t].label == label;
  for (guint i = 0; i < MIN(picked->len, FMN_AP_MAX_DETECTIONS); i++) {
    const FmnDetection *d = g_array_index(picked, const FmnDetection *, i);
    Found f = {d->confidence, c->found->len, 0};
    for (int k = 0; k < FMN_AP_OVERLAPS; k++) {
      double best = overlap_of(k);
      int own = -1;
      for (int t = 0; t < n_truth; t++) {
        if ((label >= 0 && truth[t].label != label) || taken[t] >> k & 1)
          continue;
        double overlap = fmn_box_iou(&d->box, &truth[t].box);
        if (overlap < best)
          continue;
        best = overlap;
        own = t;
      }
      if (own >= 0) {
        taken[own] |= (guint16)(1 << k);
        f.right |= (guint16)(1 << k);
      }
    }
    g_array_append_val(c->found, f);
  }
}

/* Of boxes at one place the surest alone, whatever their classes. */
static void thin_out(GArray *picked) {
  guint kept = 0;
  for (guint i = 0; i < picked->len; i++) {
    const FmnDetection *d = g_array_index(picked, const FmnDetection *, i);
    gboolean alone = TRUE;
    for (guint k = 0; k < kept && alone; k++)
      alone = fmn_box_iou(&d->box, &g_array_index(picked, const FmnDetection *, k)->box) <= SAME_PLACE;
    if (alone)
      g_array_index(picked, const FmnDetection *, kept++) = d;
  }
  g_array_set_size(picked, kept);
}

void fmn_ap_add(FmnAp *ap, const FmnDetection *found, int n_found, const FmnTruth *truth, int n_truth) {
  for (int c = 0; c <= ap->classes; c++) {
    int label = c < ap->classes ? c : -1;
    g_array_set_size(ap->picked, 0);
    for (int i = 0; i < n_found; i++) {
      const FmnDetection *d = &found[i];
      if (label < 0 || d->label == label)
        g_array_append_val(ap->picked, d);
    }
    g_array_sort(ap->picked, surer);
    if (label < 0)
      thin_out(ap->picked);
    match(&ap->of[c], ap->picked, truth, n_truth, label);
  }
  ap->n++;
}

static int by_confidence(gconstpointer a, gconstpointer b) {
  const Found *x = a, *y = b;
  if (x->confidence != y->confidence)
    return x->confidence > y->confidence ? -1 : 1;
  return (x->order > y->order) - (x->order < y->order);
}

/* found is sorted. */
static double precision(const Class *c, int overlap, double *envelope) {
  const Found *f = (const Found *)(gconstpointer)c->found->data;
  int n = (int)c->found->len, right = 0, at = 0;
  double sum = 0;
  for (int i = 0; i < n; i++) {
    right += f[i].right >> overlap & 1;
    envelope[i] = (double)right / (i + 1);
  }
  for (int i = n - 2; i >= 0; i--)
    envelope[i] = fmax(envelope[i], envelope[i + 1]);
  right = n ? f[0].right >> overlap & 1 : 0;
  for (int r = 0; r < RECALLS; r++) {
    while (at < n && (double)right / c->support < recall_of(r))
      right += ++at < n ? f[at].right >> overlap & 1 : 0;
    sum += at < n ? envelope[at] : 0;
  }
  return sum / RECALLS;
}

static void measure(Class *c, double *ap50, double *ap50_95) {
  *ap50 = *ap50_95 = NAN;
  if (c->support == 0)
    return;
  g_autofree double *envelope = g_new(double, MAX(1, c->found->len));
  g_array_sort(c->found, by_confidence);
  *ap50 = precision(c, 0, envelope);
  *ap50_95 = 0;
  for (int k = 0; k < FMN_AP_OVERLAPS; k++)
    *ap50_95 += precision(c, k, envelope) / FMN_AP_OVERLAPS;
}

FmnDetectionMetrics *fmn_ap_metrics(FmnAp *ap) {
  FmnDetectionMetrics *m = g_new0(FmnDetectionMetrics, 1);
  double unused;
  int there = 0;
  m->classes = ap->classes;
  m->n = ap->n;
  m->ap50 = g_new(double, ap->classes);
  m->ap50_95 = g_new(double, ap->classes);
  m->support = g_new(int, ap->classes);
  for (int c = 0; c < ap->classes; c++) {
    measure(&ap->of[c], &m->ap50[c], &m->ap50_95[c]);
    m->support[c] = ap->of[c].support;
    if (!m->support[c])
      continue;
    m->map50 += m->ap50[c];
    m->map50_95 += m->ap50_95[c];
    there++;
  }
  m->map50 = there ? m->map50 / there : NAN;
  m->map50_95 = there ? m->map50_95 / there : NAN;
  measure(&ap->of[ap->classes], &m->found50, &unused);
  return m;
}

void fmn_detection_metrics_free(FmnDetectionMetrics *m) {
  if (!m)
    return;
  g_free(m->ap50);
  g_free(m->ap50_95);
  g_free(m->support);
  g_free(m);
}
