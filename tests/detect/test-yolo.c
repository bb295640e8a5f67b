/* Heads to boxes, overlap, suppression. */
#include <math.h>
#include <string.h>

#include "detect/nms.h"
#include "detect/yolo.h"
#include "error.h"

#define ANCHORS "10,14 28,28 37,58 81,82 135,169 288,288"

static void iou(void) {
  const FmnBox a = {0, 0, 2, 2}, half = {1, 0, 2, 2}, inside = {.5, .5, 1, 1}, beside = {2, 0, 1, 1},
               empty = {1, 1, 0, 0};
  g_assert_cmpfloat_with_epsilon(fmn_box_iou(&a, &a), 1, 1e-12);
  g_assert_cmpfloat_with_epsilon(fmn_box_iou(&a, &half), 1. / 3, 1e-12);
  g_assert_cmpfloat_with_epsilon(fmn_box_iou(&half, &a), 1. / 3, 1e-12);
  g_assert_cmpfloat_with_epsilon(fmn_box_iou(&a, &inside), .25, 1e-12);
  g_assert_cmpfloat(fmn_box_iou(&a, &beside), ==, 0);
  g_assert_cmpfloat(fmn_box_iou(&a, &empty), ==, 0);
  g_assert_cmpfloat(fmn_box_iou(&empty, &empty), ==, 0);
}

static void nms(void) {
  const FmnDetection given[] = {
      {{.5, .5, .2, .2}, 1, .3f},                               /* alone */
      {{.1, .1, .2, .2}, 0, .6f},                               /* overlaps the next, which is surer */
      {{.12, .1, .2, .2}, 0, .9f}, {{.12, .1, .2, .2}, 2, .8f}, /* the same place, another class */
      {{.25, .1, .2, .2}, 0, .5f},                              /* overlaps the surest a little */
  };
  int order[] = {0, 1, 2, 3, 4};
  const float kept[] = {.9f, .8f, .5f, .3f};
  const double weight = .6 * .036 / .044, voted = (.9 * .12 + weight * .1) / (.9 + weight);
  for (int turn = 0; turn < 5; turn++) {
    FmnDetection d[5];
    for (int i = 0; i < 5; i++)
      d[i] = given[order[(i + turn) % 5]];
    g_assert_cmpint(fmn_nms(d, 5, .45, 50), ==, 4);
    for (int i = 0; i < 4; i++)
      g_assert_cmpfloat(d[i].confidence, ==, kept[i]);
    g_assert_cmpfloat_with_epsilon(d[0].box.x, voted, 1e-7);
    g_assert_cmpfloat(d[1].box.x, ==, .12);
    for (int i = 0; i < 5; i++)
      d[i] = given[order[(i + turn) % 5]];
    g_assert_cmpint(fmn_nms(d, 5, .1, 50), ==, 3); /* now .5 goes too, too far away to have a vote */
    g_assert_cmpfloat_with_epsilon(d[0].box.x, voted, 1e-7);
    memcpy(d, given, sizeof d);
    g_assert_cmpint(fmn_nms(d, 5, .45, 2), ==, 2); /* what there is no room for has its vote all the same */
    g_assert_cmpfloat_with_epsilon(d[0].box.x, voted, 1e-7);
    g_assert_cmpfloat(d[1].box.x, ==, .12);
    memcpy(d, given, sizeof d);
    g_assert_cmpint(fmn_nms(d, 5, .45, 1), ==, 1);
    g_assert_cmpfloat_with_epsilon(d[0].box.x, voted, 1e-7);
    memcpy(d, given, sizeof d);
    g_assert_cmpint(fmn_nms(d, 5, 1, 50), ==, 5);
    g_assert_cmpint(fmn_nms(d, 5, .45, 0), ==, 0);
    g_assert_cmpint(fmn_nms(d, 0, .45, 50), ==, 0);
  }
}

static void anchors(void) {
  GError *error = NULL;
  FmnAnchor a[FMN_YOLO_ANCHORS];
  g_assert_true(fmn_anchors_parse(ANCHORS, a, &error));
  g_assert_cmpmem(a, sizeof a, fmn_anchors_original, sizeof fmn_anchors_original);
  char *text = fmn_anchors_format(a);
  g_assert_cmpstr(text, ==, ANCHORS);
  g_free(text);
  a[2] = (FmnAnchor){33.25f, 41.0625f};
  text = fmn_anchors_format(a);
  FmnAnchor b[FMN_YOLO_ANCHORS];
  g_assert_true(fmn_anchors_parse(text, b, NULL));
  g_assert_cmpmem(a, sizeof a, b, sizeof b);
  g_free(text);
  const char *const bad[] = {"",
                             "10,14",
                             ANCHORS " ",
                             ANCHORS " 1,2",
                             "0,14 28,28 37,58 81,82 135,169 288,288",
                             "nan,14 28,28 37,58 81,82 135,169 288,288",
                             "10 14 28,28 37,58 81,82 135,169 288,288",
                             "10,14 28,28 37,58 81,82 135,169 1e9,288",
                             "-1,14 28,28 37,58 81,82 135,169 288,288"};
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_assert_false(fmn_anchors_parse(bad[i], a, &error));
    g_assert_error(error, FMN_ERROR, FMN_ERROR_FORMAT);
    g_assert_nonnull(strstr(error->message, "6 pairs"));
    g_clear_error(&error);
  }
}

enum { CLASSES = 2, VALUES = CLASSES + FMN_YOLO_BOX_VALUES, CHANNELS = VALUES * FMN_YOLO_HEAD_ANCHORS };

static float *quiet(FmnShape shape) {
  float *v = fmn_floats_new0(fmn_shape_count(shape));
  for (gsize i = 4; i < fmn_shape_count(shape); i += VALUES)
    v[i] = -20;
  return v;
}

static float logit(double p) { return (float)log(p / (1 - p)); }

static void set(float *head, FmnShape shape, int row, int column, int anchor, const double *v) {
  for (int i = 0; i < VALUES; i++)
    head[((row * shape.w + column) * FMN_YOLO_HEAD_ANCHORS + anchor) * VALUES + i] = (float)v[i];
}

/* Boxes put into the heads come out where they were meant, also behind a letterbox. */
static void decode(void) {
  FmnYolo y = {.classes = CLASSES};
  memcpy(y.anchors, fmn_anchors_original, sizeof y.anchors);
  FmnShape out[] = {{1, CHANNELS, 2, 3}, {1, CHANNELS, 4, 6}};
  float *heads[] = {quiet(out[0]), quiet(out[1])};
  /* Input 96×64, stride 32: cell (1, 2), the second of the larger anchors, 135×169, is shrunk to 24×16. */
  set(heads[0], out[0], 1, 2, 1,
      (double[]){logit(.25), logit(.5), log(24. / 135), log(16. / 169), logit(.9), logit(.8), logit(.1)});
  /* Stride 16: cell (0, 1), the first anchor, 10×14. */
  set(heads[1], out[1], 0, 1, 0, (double[]){0, logit(.75), 0, 0, logit(.6), logit(.5), logit(.9)});
  GArray *boxes = g_array_new(FALSE, FALSE, sizeof(FmnYoloBox));
  GArray *found = g_array_new(FALSE, FALSE, sizeof(FmnDetection));
  fmn_yolo_decode(&y, 0, heads[0], out[0], 96, 64, .05, boxes);
  fmn_yolo_decode(&y, 1, heads[1], out[1], 96, 64, .05, boxes);
  g_assert_cmpuint(boxes->len, ==, 2);
  fmn_yolo_name(&y, boxes, .05, found);
  const FmnDetection expected[] = {
      {{(72 - 12) / 96., (48 - 8) / 64., 24 / 96., 16 / 64.}, 0, .8f},
      {{(72 - 12) / 96., (48 - 8) / 64., 24 / 96., 16 / 64.}, 1, .1f},
      {{(24 - 5) / 96., (12 - 7) / 64., 10 / 96., 14 / 64.}, 0, .6f * .5f / 1.4f},
      {{(24 - 5) / 96., (12 - 7) / 64., 10 / 96., 14 / 64.}, 1, .6f * .9f / 1.4f},
  };
  g_assert_cmpuint(found->len, ==, 4);
  for (int i = 0; i < 4; i++) {
    const FmnDetection *d = &g_array_index(found, FmnDetection, i);
    g_assert_cmpint(d->label, ==, expected[i].label);
    g_assert_cmpfloat_with_epsilon(d->confidence, expected[i].confidence, 1e-5);
    g_assert_cmpfloat_with_epsilon(d->box.x, expected[i].box.x, 1e-6);
    g_assert_cmpfloat_with_epsilon(d->box.y, expected[i].box.y, 1e-6);
    g_assert_cmpfloat_with_epsilon(d->box.w, expected[i].box.w, 1e-6);
    g_assert_cmpfloat_with_epsilon(d->box.h, expected[i].box.h, 1e-6);
  }
  /* The picture is the lower half of the input: the second box is outside of it, the first keeps its place. */
  const FmnBox place = {0, .5, 1, .5};
  const FmnDetectOptions options = FMN_DETECT_DEFAULTS;
  fmn_yolo_detect(&y, (const float *const *)heads, out, 96, 64, &place, &options, boxes, found);
  g_assert_cmpuint(found->len, ==, 1);
  const FmnDetection *d = &g_array_index(found, FmnDetection, 0);
  g_assert_cmpint(d->label, ==, 0);
  g_assert_cmpfloat_with_epsilon(d->box.y, .25, 1e-6);
  g_assert_cmpfloat_with_epsilon(d->box.h, .5, 1e-6);
  g_array_unref(boxes);
  g_array_unref(found);
  fmn_floats_free(heads[0]);
  fmn_floats_free(heads[1]);
}

/* Boxes in one place have a say in each other's class, by objectness and overlap; others have none. */
static void votes(void) {
  FmnYolo y = {.classes = CLASSES};
  const float first[] = {logit(.6), logit(.4)}, second[] = {logit(.1), logit(.9)}, apart[] = {logit(.9), logit(.1)};
  const FmnYoloBox given[] = {{{0, 0, .4, .4}, .8, first}, {{0, 0, .4, .3}, .5, second}, {{.6, .6, .3, .3}, .5, apart}};
  GArray *boxes = g_array_new(FALSE, FALSE, sizeof(FmnYoloBox));
  GArray *found = g_array_new(FALSE, FALSE, sizeof(FmnDetection));
  g_array_append_vals(boxes, given, 3);
  fmn_yolo_name(&y, boxes, 0, found);
  g_assert_cmpuint(found->len, ==, 6);
  const double overlap = .75, own = .8, other = .5 * overlap;
  double expected[CLASSES], sum = 0;
  for (int l = 0; l < CLASSES; l++)
    sum += expected[l] = 1 / (1 + exp(-(own * (double)first[l] + other * (double)second[l]) / (own + other)));
  for (int l = 0; l < CLASSES; l++) {
    const FmnDetection *d = &g_array_index(found, FmnDetection, l);
    g_assert_cmpint(d->label, ==, l);
    g_assert_cmpfloat_with_epsilon(d->confidence, .8 * expected[l] / sum, 1e-5);
  }
  g_assert_cmpfloat_with_epsilon(g_array_index(found, FmnDetection, 4).confidence, .5 * .9, 1e-5);
  g_assert_cmpfloat_with_epsilon(g_array_index(found, FmnDetection, 5).confidence, .5 * .1, 1e-5);
  g_array_unref(boxes);
  g_array_unref(found);
}

/* Of very many boxes the surest are named. */
static void many(void) {
  FmnYolo y = {.classes = CLASSES};
  const float classes[] = {logit(.9), logit(.1)};
  GArray *boxes = g_array_new(FALSE, FALSE, sizeof(FmnYoloBox));
  GArray *found = g_array_new(FALSE, FALSE, sizeof(FmnDetection));
  const int n = 2 * FMN_YOLO_MAX_BOXES;
  for (int i = 0; i < n; i++) {
    FmnYoloBox b = {{(double)i / n, 0, .5 / n, 1}, (double)(1 + i * 7 % n) / n, classes};
    g_array_append_val(boxes, b);
  }
  fmn_yolo_name(&y, boxes, .4, found);
  g_assert_cmpuint(boxes->len, ==, FMN_YOLO_MAX_BOXES);
  g_assert_cmpuint(found->len, ==, FMN_YOLO_MAX_BOXES);
  for (guint i = 0; i < found->len; i++)
    g_assert_cmpfloat(g_array_index(found, FmnDetection, i).confidence, >, .5 * .9 - 1e-6);
  g_array_unref(boxes);
  g_array_unref(found);
}

/* Values that no number can express, and boxes of any size, give boxes inside of the picture or none. */
static void strange(void) {
  FmnYolo y = {.classes = CLASSES};
  memcpy(y.anchors, fmn_anchors_original, sizeof y.anchors);
  FmnShape out[] = {{1, CHANNELS, 2, 3}, {1, CHANNELS, 4, 6}};
  float *heads[] = {quiet(out[0]), quiet(out[1])};
  const double bad[][VALUES] = {{NAN, 0, 0, 0, 9, 9, 9},
                                {0, 0, NAN, 0, 9, 9, 9},
                                {0, 0, 1000, 0, 9, 9, 9},
                                {0, 0, 0, 0, NAN, 9, 9},
                                {0, 0, 0, 0, 9, NAN, 9},
                                {0, 0, 12, 12, 9, 9, 9},
                                {0, 0, -999, 0, 9, 9, 9},
                                {INFINITY, -INFINITY, 1, 1, 9, 9, -9},
                                {0, 0, 0, 0, INFINITY, INFINITY, -INFINITY}};
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
    set(heads[1], out[1], (int)i / 3, (int)i % 3, 1, bad[i]);
  const FmnBox whole = {0, 0, 1, 1};
  for (double threshold = 0; threshold <= 1; threshold += .5) {
    FmnDetectOptions options = {threshold, .45, 1000};
    GArray *boxes = g_array_new(FALSE, FALSE, sizeof(FmnYoloBox));
    GArray *found = g_array_new(FALSE, FALSE, sizeof(FmnDetection));
    fmn_yolo_detect(&y, (const float *const *)heads, out, 96, 64, &whole, &options, boxes, found);
    g_assert_true((found->len > 0) == (threshold < .9));
    for (guint i = 0; i < found->len; i++) {
      const FmnDetection *d = &g_array_index(found, FmnDetection, i);
      g_assert_true(d->box.x >= 0 && d->box.y >= 0 && d->box.w > 0 && d->box.h > 0);
      g_assert_true(d->box.x + d->box.w <= 1 + 1e-12 && d->box.y + d->box.h <= 1 + 1e-12);
      g_assert_true(d->confidence > threshold && d->confidence <= 1);
    }
    g_array_unref(boxes);
    g_array_unref(found);
  }
  fmn_floats_free(heads[0]);
  fmn_floats_free(heads[1]);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/yolo/iou", iou);
  g_test_add_func("/yolo/nms", nms);
  g_test_add_func("/yolo/anchors", anchors);
  g_test_add_func("/yolo/decode", decode);
  g_test_add_func("/yolo/votes", votes);
  g_test_add_func("/yolo/many", many);
  g_test_add_func("/yolo/strange", strange);
  return g_test_run();
}
