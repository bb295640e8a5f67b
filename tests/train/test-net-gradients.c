/* One training step of each network against PyTorch's gradients: golden/nets.txt, which make_net_golden.py writes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../nets/filling.h"
#include "kernels/kernels.h"
#include "nets/nets.h"
#include "nn/layers.h"
#include "train/loss.h"
#include "train/trainer.h"

#define CLASSES 10
#define TOLERANCE 1e-3
#define VALUE_TOLERANCE 1e-2 /* of the sum with signs and of single values: rounding still moves one maximum or kink or another */
#define SIGNS (1 << 20) /* seeds: of signs; the first of pictures */
#define PICTURES (1 << 21)

enum { NORM, PROJECTION, SAMPLES, N_NUMBERS = SAMPLES + 2 };

/* make_net_golden.py's pictures(). */
static void fill_input(FmnTrainer *t, FmnShape in, int images, guint64 seed) {
  float *image = fmn_floats_new(fmn_shape_image(in));
  for (int i = 0; i < images; i++) {
    gsize first = (gsize)i * fmn_shape_image(in);
    for (gsize k = 0; k < fmn_shape_image(in); k++) {
      gsize width = (gsize)in.w, x = k % width, y = k / width % (gsize)in.h, corner = first + k - y % 7 * width - x % 7;
      image[k] = (float)((filling_sample(seed, corner) + filling_sample(seed, first + k) / 2) * 4 / 3 - 1);
    }
    fmn_transpose(image, in.c, (int)fmn_shape_pixels(in), fmn_trainer_input(t) + first);
  }
  fmn_floats_free(image);
}

/* Dropping with probability 0 is leaving as it is. */
static void stop_dropping(FmnGraph *g) {
  for (int i = 0; i < fmn_graph_size(g); i++)
    if (fmn_graph_node(g, i)->ops == &fmn_dropout_ops)
      ((FmnDropout *)fmn_graph_node(g, i)->config)->rate = 0.f;
}

/* Swish where there was a kink. */
static void smooth_activations(FmnGraph *g) {
  for (int i = 0; i < fmn_graph_size(g); i++) {
    FmnActivationConfig *c = fmn_graph_node(g, i)->config;
    if (fmn_graph_node(g, i)->ops == &fmn_activation_ops && (c->act == FMN_ACT_RELU || c->act == FMN_ACT_LEAKY_RELU))
      c->act = FMN_ACT_SWISH;
  }
}

/* Mean cross-entropy; image i is of class i % 10. */
static double classifier_loss(FmnTrainer *t, int images) {
  float *targets = fmn_floats_new0((gsize)images * CLASSES);
  for (int i = 0; i < images; i++)
    targets[i * CLASSES + i % CLASSES] = 1.f;
  FmnLoss l =
      fmn_loss_cross_entropy(fmn_trainer_output(t, 0), targets, images, CLASSES, 0, fmn_trainer_output_gradient(t, 0));
  fmn_floats_free(targets);
  return l.loss / images;
}

/* Mean of the squares of all heads' values. */
static double detector_loss(FmnTrainer *t, int images, int n_outputs) {
  gsize all = 0;
  double loss = 0;
  for (int o = 0; o < n_outputs; o++)
    all += (gsize)images * fmn_shape_image(fmn_trainer_output_shape(t, o));
  for (int o = 0; o < n_outputs; o++)
    for (gsize i = 0; i < (gsize)images * fmn_shape_image(fmn_trainer_output_shape(t, o)); i++) {
      double y = fmn_trainer_output(t, o)[i];
      fmn_trainer_output_gradient(t, o)[i] = (float)(2 * y / (double)all);
      loss += y * y / (double)all;
    }
  return loss;
}

static void fingerprint(const float *data, gsize n, double numbers[N_NUMBERS]) {
  double squares = 0, sum = 0;
  for (gsize i = 0; i < n; i++) {
    squares += (double)data[i] * data[i];
    sum += filling_sample(SIGNS, i) < .5 ? -data[i] : data[i];
  }
  numbers[NORM] = sqrt(squares);
  numbers[PROJECTION] = sum;
  for (gsize k = 0; k < 2; k++)
    numbers[SAMPLES + k] = data[(n - 1) / (k + 2)];
}

/* The largest of the relative differences, in units of what is tolerated: a single value's to the root mean square or to
 * itself, the others' to the norm that PyTorch has, or where that is 0 to that of the tensor before it. */
static double difference(const char *line, const float *data, gsize n, double *norm) {
  char **words = g_strsplit(line, " ", -1);
  double ours[N_NUMBERS], worst = 0;
  fingerprint(data, n, ours);
  if (g_str_equal(words[1], "0")) {
    worst = ours[NORM] / *norm / TOLERANCE;
  } else {
    g_assert_cmpuint(g_strv_length(words), ==, 1 + N_NUMBERS);
    *norm = g_ascii_strtod(words[1 + NORM], NULL);
    for (int k = 0; k < N_NUMBERS; k++) {
      double want = g_ascii_strtod(words[1 + k], NULL), scale = k < SAMPLES ? *norm : *norm / sqrt((double)n);
      worst = fmax(worst, fabs(ours[k] - want) / fmax(scale, fabs(want)) / (k == NORM ? TOLERANCE : VALUE_TOLERANCE));
    }
  }
  g_strfreev(words);
  return worst;
}

static void check(FmnTrainer *t, char **lines) {
  int n;
  double norm = 1, worst = 0;
  const FmnTrainParam *params = fmn_trainer_params(t, &n);
  for (int i = 0; i < n; i++) {
    const FmnTrainParam *p = &params[i];
    double d = difference(lines[i], p->gradient ? p->gradient : p->param->data, fmn_param_count(p->param), &norm);
    if (!(d < 1))
      g_error("%s differs from PyTorch's “%s” by %g times the tolerance", p->name, lines[i], d);
    worst = fmax(worst, d);
  }
  g_test_message("%d tensors, the worst differs by %.2f of the tolerance", n, worst);
  g_assert_true(lines[n] == NULL);
}

/* Lines of the file: "net", name, options or "-", kind, images, their draw, loss; then one a tensor. */
static void test_step(gconstpointer text) {
  char **lines = g_strsplit(text, "\n", -1), **words = g_strsplit(lines[0], " ", -1);
  GError *error = NULL;
  guint64 seed = 0;
  int images = atoi(words[4]);
  FmnGraph *g = fmn_net_build(words[1], g_str_equal(words[2], "-") ? NULL : words[2], CLASSES, &error);
  g_assert_no_error(error);
  fmn_graph_foreach_param(g, filling_fill_param, &seed);
  stop_dropping(g);
  if (g_str_equal(words[3], "smooth"))
    smooth_activations(g);
  FmnTrainer *t = fmn_trainer_new(g, images, NULL, &error);
  g_assert_no_error(error);
  fill_input(t, fmn_graph_node(g, 0)->out, images, PICTURES + g_ascii_strtoull(words[5], NULL, 10));
  fmn_trainer_forward(t, images, 1);
  double loss = g->n_outputs > 1 ? detector_loss(t, images, g->n_outputs) : classifier_loss(t, images),
         want = g_ascii_strtod(words[6], NULL);
  g_assert_cmpfloat_with_epsilon(loss, want, TOLERANCE * want);
  fmn_trainer_backward(t);
  check(t, lines + 1);
  fmn_trainer_free(t);
  fmn_graph_free(g);
  g_strfreev(words);
  g_strfreev(lines);
}

int main(int argc, char **argv) {
  char *path, *text;
  g_test_init(&argc, &argv, NULL);
  path = g_test_build_filename(G_TEST_DIST, "golden", "nets.txt", NULL);
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  char **blocks = g_strsplit(g_strchomp(text), "\nnet ", -1);
  for (int i = 0; blocks[i]; i++) {
    if (i > 0) {
      char *whole = g_strconcat("net ", blocks[i], NULL);
      g_free(blocks[i]);
      blocks[i] = whole;
    }
    char **words = g_strsplit(blocks[i], " ", 5),
         *name = g_strdup_printf("/net-gradients/%s:%s/%s", words[1], words[2], words[3]);
    g_test_add_data_func(name, blocks[i], test_step);
    g_free(name);
    g_strfreev(words);
  }
  int result = g_test_run();
  g_strfreev(blocks);
  g_free(text);
  g_free(path);
  return result;
}
