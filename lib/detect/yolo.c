#include "detect/yolo.h"

#include <math.h>
#include <string.h>

#include "detect/nms.h"
#include "error.h"

#define MAX_ANCHOR 4096
#define MAX_ODDS 14.0f /* one in a million */

const FmnAnchor fmn_anchors_original[FMN_YOLO_ANCHORS] = {{10, 14}, {28, 28},   {37, 58},
                                                          {81, 82}, {135, 169}, {288, 288}};

static gboolean parse_side(const char **text, char end, float *out) {
  char *after;
  double value = g_ascii_strtod(*text, &after);
  if (after == *text || *after != end || !(value > 0 && value <= MAX_ANCHOR))
    return FALSE;
  *out = (float)value;
  *text = after + (end != 0);
  return TRUE;
}

gboolean fmn_anchors_parse(const char *text, FmnAnchor anchors[FMN_YOLO_ANCHORS], GError **error) {
  const char *at = text;
  gboolean ok = TRUE;
  for (int i = 0; ok && i < FMN_YOLO_ANCHORS; i++)
    ok = parse_side(&at, ',', &anchors[i].w) && parse_side(&at, i + 1 < FMN_YOLO_ANCHORS ? ' ' : 0, &anchors[i].h);
  if (!ok)
    fmn_fail(error, FMN_ERROR_FORMAT,
             "anchors is \"%.80s\"; expected %d pairs of pixels, WIDTH,HEIGHT with a space between them, each above 0 "
             "and at most %d",
             text, FMN_YOLO_ANCHORS, MAX_ANCHOR);
  return ok;
}

char *fmn_anchors_format(const FmnAnchor anchors[FMN_YOLO_ANCHORS]) {
  GString *s = g_string_new(NULL);
  char w[G_ASCII_DTOSTR_BUF_SIZE], h[G_ASCII_DTOSTR_BUF_SIZE];
  for (int i = 0; i < FMN_YOLO_ANCHORS; i++)
    g_string_append_printf(s, "%s%s,%s", i ? " " : "", g_ascii_formatd(w, sizeof w, "%.7g", (double)anchors[i].w),
                           g_ascii_formatd(h, sizeof h, "%.7g", (double)anchors[i].h));
  return g_string_free(s, FALSE);
}

gboolean fmn_yolo_fits(const FmnGraph *g, int classes) {
  FmnShape in = fmn_graph_node(g, 0)->out;
  gboolean fits = g->n_outputs == FMN_YOLO_HEADS && in.c == 3;
  for (int i = 0; fits && i < FMN_YOLO_HEADS; i++) {
    FmnShape out = fmn_graph_node(g, g->outputs[i])->out;
    fits = out.c == FMN_YOLO_HEAD_ANCHORS * (classes + FMN_YOLO_BOX_VALUES);
  }
  return fits;
}

static inline double sigmoid(float x) { return 1 / (1 + exp(-(double)x)); }

void fmn_yolo_decode(const FmnYolo *y, int head, const float *values, FmnShape out, int input_w, int input_h,
                     double threshold, GArray *boxes) {
  const FmnAnchor *anchors = fmn_yolo_head_anchors(y, head);
  int n = fmn_yolo_values(y), cells = out.h * out.w;
  /* Most boxes need no more than one comparison. */
  float least = threshold > 0 ? (float)log(threshold / (1 - MIN(threshold, 1 - 1e-9))) : -G_MAXFLOAT;
  for (int i = 0; i < cells * FMN_YOLO_HEAD_ANCHORS; i++) {
    const float *v = values + (gsize)i * (gsize)n;
    int cell = i / FMN_YOLO_HEAD_ANCHORS, a = i % FMN_YOLO_HEAD_ANCHORS;
    if (!(v[4] >= least))
      continue;
    double w = exp((double)v[2]) * (double)anchors[a].w / input_w,
           h = exp((double)v[3]) * (double)anchors[a].h / input_h;
    double x = (cell % out.w + sigmoid(v[0])) / out.w, top = (cell / out.w + sigmoid(v[1])) / out.h;
    FmnYoloBox b = {{x - w / 2, top - h / 2, w, h}, sigmoid(v[4]), v + FMN_YOLO_BOX_VALUES};
    if (isfinite(b.box.x) && isfinite(b.box.y) && isfinite(w) && isfinite(h))
      g_array_append_val(boxes, b);
  }
}

static int surer(gconstpointer a, gconstpointer b) {
  double x = ((const FmnYoloBox *)a)->objectness, y = ((const FmnYoloBox *)b)->objectness;
  return (x < y) - (x > y);
}

/* Log-odds that can be added up; what is no number is never. */
static inline double odds(float value) { return value > -MAX_ODDS ? (double)MIN(value, MAX_ODDS) : (double)-MAX_ODDS; }

/* Each class's confidence for box b, into d: the mean of the log-odds that boxes in nearly its place give the class, as
 * a probability, as a share of those of all classes, times the objectness. */
static void name_box(const FmnYolo *y, const GArray *boxes, const FmnYoloBox *b, FmnDetection *d) {
  double weights = 0, sum = 0;
  for (int l = 0; l < y->classes; l++)
    d[l] = (FmnDetection){b->box, l, 0};
  for (guint i = 0; i < boxes->len; i++) {
    const FmnYoloBox *other = &g_array_index(boxes, FmnYoloBox, i);
    double overlap = other == b ? 1 : fmn_box_iou(&b->box, &other->box), weight = overlap * other->objectness;
    if (overlap < FMN_VOTE_OVERLAP)
      continue;
    for (int l = 0; l < y->classes; l++)
      d[l].confidence += (float)(weight * odds(other->classes[l]));
    weights += weight;
  }
  for (int l = 0; l < y->classes; l++) {
    d[l].confidence = (float)sigmoid(d[l].confidence / (float)weights);
    sum += (double)d[l].confidence;
  }
  for (int l = 0; l < y->classes; l++)
    d[l].confidence = (float)(b->objectness * ((double)d[l].confidence / sum));
}

void fmn_yolo_name(const FmnYolo *y, GArray *boxes, double threshold, GArray *found) {
  if (boxes->len > FMN_YOLO_MAX_BOXES) {
    g_array_sort(boxes, surer); /* stable */
    g_array_set_size(boxes, FMN_YOLO_MAX_BOXES);
  }
  for (guint i = 0; i < boxes->len; i++) {
    guint kept = found->len;
    g_array_set_size(found, kept + (guint)y->classes);
    FmnDetection *d = &g_array_index(found, FmnDetection, kept);
    name_box(y, boxes, &g_array_index(boxes, FmnYoloBox, i), d);
    for (int l = 0; l < y->classes; l++)
      if ((double)d[l].confidence > threshold)
        g_array_index(found, FmnDetection, kept++) = d[l];
    g_array_set_size(found, kept);
  }
}

void fmn_detections_place(GArray *found, const FmnBox *place) {
  guint kept = 0;
  for (guint i = 0; i < found->len; i++) {
    FmnDetection d = g_array_index(found, FmnDetection, i);
    double x0 = MAX((d.box.x - place->x) / place->w, 0), x1 = MIN((d.box.x + d.box.w - place->x) / place->w, 1);
    double y0 = MAX((d.box.y - place->y) / place->h, 0), y1 = MIN((d.box.y + d.box.h - place->y) / place->h, 1);
    d.box = (FmnBox){x0, y0, x1 - x0, y1 - y0};
    if (x1 > x0 && y1 > y0)
      g_array_index(found, FmnDetection, kept++) = d;
  }
  g_array_set_size(found, kept);
}

void fmn_yolo_detect(const FmnYolo *y, const float *const values[FMN_YOLO_HEADS], const FmnShape out[FMN_YOLO_HEADS],
                     int input_w, int input_h, const FmnBox *place, const FmnDetectOptions *options, GArray *boxes,
                     GArray *found) {
  g_array_set_size(boxes, 0);
  g_array_set_size(found, 0);
  for (int head = 0; head < FMN_YOLO_HEADS; head++)
    fmn_yolo_decode(y, head, values[head], out[head], input_w, input_h, options->threshold, boxes);
  fmn_yolo_name(y, boxes, options->threshold, found);
  fmn_detections_place(found, place);
  int n =
      fmn_nms((FmnDetection *)(gpointer)found->data, (int)found->len, options->iou_threshold, options->max_detections);
  g_array_set_size(found, (guint)n);
}
