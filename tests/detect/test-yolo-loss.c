/* The loss: its gradient against differences, its targets against the decoder, and what it asks of whom. */
#include <math.h>
#include <string.h>

#include "detect/nms.h"
#include "train/random.h"
#include "train/yolo_loss.h"

enum { CLASSES = 4, VALUES = CLASSES + FMN_YOLO_BOX_VALUES, CHANNELS = VALUES * FMN_YOLO_HEAD_ANCHORS, SIDE = 128 };

typedef struct {
  FmnYolo yolo;
  FmnShape out[FMN_YOLO_HEADS];
  int n;
  float *values[FMN_YOLO_HEADS], *gradients[FMN_YOLO_HEADS];
  FmnTruth truth[16];
  int first[4];
} Case;

static Case *case_new(double spread) {
  Case *c = g_new0(Case, 1);
  FmnRandom r = {3};
  const FmnTruth truth[] = {{{.1, .1, .3, .4}, 0},   {{.15, .2, .2, .25}, 1},   {{.6, .5, .39, .5}, 3},
                            {{.4, .4, .06, .08}, 2}, {{.41, .41, .06, .08}, 0}, {{.02, .9, .2, .1}, 1}};
  *c = (Case){.yolo = {CLASSES, {{10, 12}, {20, 26}, {32, 20}, {40, 50}, {64, 60}, {90, 110}}},
              .out = {{1, CHANNELS, SIDE / 32, SIDE / 32}, {1, CHANNELS, SIDE / 16, SIDE / 16}},
              .n = 3,
              .first = {0, 3, 3, 6}}; /* the second image is empty */
  memcpy(c->truth, truth, sizeof truth);
  for (int head = 0; head < FMN_YOLO_HEADS; head++) {
    gsize count = fmn_shape_image(c->out[head]) * (gsize)c->n;
    c->values[head] = fmn_floats_new(count);
    c->gradients[head] = fmn_floats_new(count);
    for (gsize i = 0; i < count; i++) {
      c->values[head][i] = (float)(spread * fmn_random_normal(&r));
      c->gradients[head][i] = NAN; /* to be overwritten */
    }
  }
  return c;
}

static void case_free(Case *c) {
  for (int head = 0; head < FMN_YOLO_HEADS; head++) {
    fmn_floats_free(c->values[head]);
    fmn_floats_free(c->gradients[head]);
  }
  g_free(c);
}

static FmnYoloLoss loss_of(Case *c, const FmnYoloLossOptions *o, FmnPool *pool) {
  return fmn_yolo_loss(&c->yolo, o, c->truth, c->first, c->n, (const float *const *)c->values, c->out, SIDE, SIDE, pool,
                       c->gradients);
}

static void gradient(void) {
  const FmnYoloLossOptions options[] = {FMN_YOLO_LOSS_DEFAULTS, {.3, 1, 2, .5, .1}, {.9, .2, .5, 3, 0}};
  const float shares[CLASSES] = {.1f, .7f, 0, .2f};
  for (gsize k = 0; k < 2 * G_N_ELEMENTS(options); k++) {
    const FmnYoloLossOptions *o = &options[k / 2];
    Case *c = case_new(1);
    for (int t = 0; k % 2 && t < 4; t++)
      c->truth[t].shares = shares;
    loss_of(c, o, NULL);
    double worst = 0;
    for (int head = 0; head < FMN_YOLO_HEADS; head++) {
      gsize count = fmn_shape_image(c->out[head]) * (gsize)c->n;
      g_autofree float *g = g_memdup2(c->gradients[head], count * sizeof(float));
      for (gsize i = 0; i < count; i += 1 + i % 3) {
        float *x = &c->values[head][i], before = *x;
        const float step = 1e-3f;
        *x = before + step;
        double up = (double)*x, high = loss_of(c, o, NULL).loss;
        *x = before - step;
        double down = (double)*x, low = loss_of(c, o, NULL).loss;
        *x = before;
        double difference = (high - low) / (up - down) / c->n;
        worst = fmax(worst, fabs(difference - (double)g[i]) / (1e-3 + fabs(difference)));
        g_assert_cmpfloat_with_epsilon((double)g[i], difference, 2e-5 + 2e-4 * fabs(difference));
      }
    }
    g_test_message("largest relative difference %.2g", worst);
    case_free(c);
  }
}

/* Going down the gradient ends where the decoder gives back the boxes and classes. */
static void targets(void) {
  const FmnYoloLossOptions o = FMN_YOLO_LOSS_DEFAULTS;
  Case *c = case_new(.1);
  c->truth[4].box = (FmnBox){.7, .1, .1, .1}; /* apart from the third, which it would share its cell with */
  FmnYoloLoss before = loss_of(c, &o, NULL), after = before;
  const int steps = 3000;
  for (int step = 0; step < steps; step++) { /* ever smaller ones: where a box fits, its loss has a kink */
    float rate = .3f * (1 - (float)step / steps);
    after = loss_of(c, &o, NULL);
    for (int head = 0; head < FMN_YOLO_HEADS; head++)
      for (gsize i = 0; i < fmn_shape_image(c->out[head]) * (gsize)c->n; i++)
        c->values[head][i] -= rate * c->gradients[head][i];
  }
  g_assert_cmpfloat(after.loss, <, .05 * before.loss);
  g_assert_cmpint(after.right, ==, after.positives);
  for (int image = 0; image < c->n; image++) {
    const FmnBox whole = {0, 0, 1, 1};
    const FmnDetectOptions options = FMN_DETECT_DEFAULTS;
    const float *values[FMN_YOLO_HEADS];
    GArray *boxes = g_array_new(FALSE, FALSE, sizeof(FmnYoloBox));
    GArray *found = g_array_new(FALSE, FALSE, sizeof(FmnDetection));
    for (int head = 0; head < FMN_YOLO_HEADS; head++)
      values[head] = c->values[head] + (gsize)image * fmn_shape_image(c->out[head]);
    fmn_yolo_detect(&c->yolo, values, c->out, SIDE, SIDE, &whole, &options, boxes, found);
    g_assert_cmpuint(found->len, ==, c->first[image + 1] - c->first[image]);
    for (int t = c->first[image]; t < c->first[image + 1]; t++) {
      double best = 0;
      for (guint i = 0; i < found->len; i++) {
        const FmnDetection *d = &g_array_index(found, FmnDetection, i);
        best = fmax(best, d->label == c->truth[t].label ? fmn_box_iou(&d->box, &c->truth[t].box) : 0);
      }
      g_assert_cmpfloat(best, >, .95);
    }
    g_array_unref(boxes);
    g_array_unref(found);
  }
  case_free(c);
}

/* With match 1 each object has one box, less those that would share one; otherwise every anchor of like shape has. */
static void duties(void) {
  FmnYoloLossOptions o = FMN_YOLO_LOSS_DEFAULTS;
  Case *c = case_new(1);
  o.match = 1;
  g_assert_cmpint(loss_of(c, &o, NULL).positives, ==, 5); /* 3 and 4 are in one cell and of one size */
  o.match = 0;
  g_assert_cmpint(loss_of(c, &o, NULL).positives, >, 20);
  /* A box without duty on an object is not told that nothing is there. */
  o = (FmnYoloLossOptions)FMN_YOLO_LOSS_DEFAULTS;
  o.match = 1;
  c->n = 1;
  c->truth[0] = (FmnTruth){{.25 - 20. / SIDE / 2, .25 - 26. / SIDE / 2, 20. / SIDE, 26. / SIDE}, 0};
  c->first[1] = 1;
  for (int head = 0; head < FMN_YOLO_HEADS; head++)
    for (gsize i = 0; i < fmn_shape_image(c->out[head]); i++)
      c->values[head][i] = 0;
  FmnShape s = c->out[1];
  gsize own = (gsize)(((2 * s.w) + 2) * FMN_YOLO_HEAD_ANCHORS + 1) * VALUES,
        beside = own - FMN_YOLO_HEAD_ANCHORS * VALUES;
  c->values[1][beside] = 20; /* to the right end of its cell: where the object is */
  c->values[1][beside + 1] = 0;
  c->truth[0].box.y = (2 + .5) / s.h - c->truth[0].box.h / 2;
  loss_of(c, &o, NULL);
  g_assert_cmpfloat(c->gradients[1][own + 4], <, 0);
  g_assert_cmpfloat(c->gradients[1][beside + 4], ==, 0);
  g_assert_cmpfloat(c->gradients[1][beside + VALUES + 4], >, 0); /* the next anchor has another shape */
  o.ignore = 1;
  loss_of(c, &o, NULL);
  g_assert_cmpfloat(c->gradients[1][beside + 4], >, 0);
  case_free(c);
}

static void threads(void) {
  const FmnYoloLossOptions o = FMN_YOLO_LOSS_DEFAULTS;
  Case *one = case_new(2), *more = case_new(2);
  FmnPool *pool = fmn_pool_new(3);
  FmnYoloLoss a = loss_of(one, &o, NULL), b = loss_of(more, &o, pool);
  g_assert_cmpmem(&a, sizeof a, &b, sizeof b);
  for (int head = 0; head < FMN_YOLO_HEADS; head++) {
    gsize bytes = fmn_shape_image(one->out[head]) * (gsize)one->n * sizeof(float);
    g_assert_cmpmem(one->gradients[head], bytes, more->gradients[head], bytes);
  }
  fmn_pool_free(pool);
  case_free(one);
  case_free(more);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/yolo-loss/gradient", gradient);
  g_test_add_func("/yolo-loss/targets", targets);
  g_test_add_func("/yolo-loss/duties", duties);
  g_test_add_func("/yolo-loss/threads", threads);
  return g_test_run();
}
