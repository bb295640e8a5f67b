#include "error.h"
#include "golden.h"
#include "nets/nets.h"
#include "nn/layers.h"
#include "train/loss.h"
#include "train/optimizer.h"
#include "train/random.h"
#include "train/trainer.h"

#define BATCH 6
#define CLASSES 10

/* make_golden.py builds the same. */
static FmnGraph *small_net(void) {
  FmnGraph *g = fmn_graph_new(1, 8, 8);
  FmnValue x = fmn_conv2d(g, fmn_graph_input(g), "conv1", .out = 4, .k = 3, .pad = 1);
  x = fmn_maxpool(g, fmn_batchnorm(g, fmn_relu(g, x), "bn1", 0), 0);
  FmnValue y = fmn_batchnorm(g, fmn_conv2d(g, x, "conv2", .out = 4, .k = 3, .pad = 1, .no_bias = TRUE), "bn2", 0);
  x = fmn_relu(g, fmn_add(g, x, y));
  fmn_graph_output(g, fmn_dense(g, fmn_global_avgpool(g, x), "fc", .out = CLASSES));
  g_assert_no_error(g->error);
  return g;
}

static void load(const FmnSafetensors *file, const char *prefix, const FmnTrainParam *p, float *to) {
  gsize n = fmn_param_count(p->param);
  g_autofree char *name = g_strconcat(prefix, p->name, NULL);
  g_autofree float *data = golden_read(file, name, n);
  memcpy(to, data, n * sizeof(float));
}

static void compare(const FmnSafetensors *file, const char *prefix, const FmnTrainParam *p, const float *ours) {
  gsize n = fmn_param_count(p->param);
  g_autofree float *expected = g_new(float, n);
  load(file, prefix, p, expected);
  double difference = golden_difference(ours, expected, n);
  g_test_message("%s%s: %g", prefix, p->name, difference);
  g_assert_cmpfloat(difference, <, 1e-3);
}

static double pass(FmnTrainer *t, const FmnSafetensors *file) {
  g_autofree float *x = golden_read(file, "x", BATCH * 64), *targets = golden_read(file, "targets", BATCH * CLASSES);
  memcpy(fmn_trainer_input(t), x, BATCH * 64 * sizeof(float));
  fmn_trainer_forward(t, BATCH, 1);
  FmnLoss l =
      fmn_loss_cross_entropy(fmn_trainer_output(t, 0), targets, BATCH, CLASSES, 0.1, fmn_trainer_output_gradient(t, 0));
  fmn_trainer_backward(t);
  return l.loss / BATCH;
}

static void compare_gradients(const FmnSafetensors *file, const FmnTrainParam *params, int n) {
  for (int i = 0; i < n; i++)
    if (params[i].gradient)
      compare(file, "grad.", &params[i], params[i].gradient);
}

/* One step; sam: by the gradient of the weights uphill. */
static void golden_step(FmnPool *pool, gboolean sam) {
  FmnSafetensors *file = golden_open("step.safetensors"), *sam_file = golden_open("sam.safetensors");
  FmnGraph *g = small_net();
  FmnTrainer *t = fmn_trainer_new(g, BATCH, pool, NULL);
  int n;
  const FmnTrainParam *params = fmn_trainer_params(t, &n);
  for (int i = 0; i < n; i++)
    load(file, "init.", &params[i], params[i].param->data);
  g_autofree float *logits = golden_read(file, "logits", BATCH * CLASSES), *loss = golden_read(file, "loss", 1);
  g_assert_cmpfloat_with_epsilon(pass(t, file), loss[0], 1e-4);
  g_assert_cmpfloat(golden_difference(fmn_trainer_output(t, 0), logits, BATCH * CLASSES), <, 1e-4);
  compare_gradients(file, params, n);
  FmnSam *s = fmn_sam_new(0.5, params, n, pool);
  if (sam) {
    float **uphill = fmn_sam_climb(s);
    for (int i = 0; i < n; i++)
      compare(sam_file, "uphill.", &params[i], uphill[i]);
    fmn_trainer_swap_weights(t, uphill);
    g_assert_cmpfloat(pass(t, file), >, (double)loss[0] + 0.1);
    fmn_trainer_swap_weights(t, uphill);
    compare_gradients(sam_file, params, n);
  }
  FmnOptimizerConfig config = {FMN_OPTIMIZER_SGD, 0.9, 5e-4, TRUE};
  FmnOptimizer *o = fmn_optimizer_new(&config, params, n, pool);
  fmn_optimizer_step(o, 0.1);
  for (int i = 0; i < n; i++)
    compare(sam ? sam_file : file, "after.", &params[i], params[i].param->data);
  fmn_optimizer_free(o);
  fmn_sam_free(s);
  fmn_trainer_free(t);
  fmn_graph_free(g);
  fmn_safetensors_free(file);
  fmn_safetensors_free(sam_file);
}

static void test_golden_step(gconstpointer sam) {
  FmnPool *pool = fmn_pool_new(2);
  golden_step(NULL, sam != NULL);
  golden_step(pool, sam != NULL);
  fmn_pool_free(pool);
}

static double run_loss(FmnTrainer *t, const float *x, const float *targets, gboolean backward) {
  memcpy(fmn_trainer_input(t), x, 3 * 36 * sizeof(float));
  fmn_trainer_forward(t, 3, 5);
  FmnLoss l = fmn_loss_cross_entropy(fmn_trainer_output(t, 0), targets, 3, 4, 0, fmn_trainer_output_gradient(t, 0));
  if (backward)
    fmn_trainer_backward(t);
  return l.loss / 3;
}

/* One value read by three nodes, one of them twice, and a value that leads nowhere. */
static FmnValue shared_values(FmnGraph *g, FmnValue x) {
  FmnValue b = fmn_conv2d(g, x, "b", .out = 3, .k = 3, .pad = 1), twice = fmn_add(g, x, x);
  fmn_conv2d(g, x, "unused", .out = 2, .k = 1);
  return fmn_add(g, fmn_add(g, b, x), twice);
}

static FmnValue norm_swish(FmnGraph *g, FmnValue x, const char *name) {
  return fmn_activation(g, fmn_batchnorm(g, x, name, 0), FMN_ACT_SWISH, 0);
}

/* Both gradients of each sum lie where that of the sum does; the second block's shortcut starts after the activation.
 */
static FmnValue residual_blocks(FmnGraph *g, FmnValue x) {
  x = fmn_add(g, fmn_conv2d(g, norm_swish(g, x, "bn1"), "b", .out = 3, .k = 3, .pad = 1), x);
  FmnValue y = norm_swish(g, x, "bn2"), shortcut = fmn_conv2d(g, y, "shortcut", .out = 5, .k = 1);
  return fmn_add(g, fmn_conv2d(g, y, "c", .out = 5, .k = 3, .pad = 1), shortcut);
}

/* What is added has been made of the other by one layer, or by two that are done as one. */
static FmnValue sums_with_own_input(FmnGraph *g, FmnValue x) {
  x = fmn_add(g, fmn_batchnorm(g, x, "bn1", 0), x);
  return fmn_add(g, x, norm_swish(g, x, "bn2"));
}

/* A value that a sum reads is read again between the other one and the sum. */
static FmnValue sum_read_between(FmnGraph *g, FmnValue x) {
  FmnValue y = norm_swish(g, x, "bn1"), z = norm_swish(g, y, "bn2"), w = fmn_batchnorm(g, z, "bn3", 0);
  return fmn_add(g, fmn_add(g, y, z), fmn_add(g, w, z));
}

/* The gradient of the early branch lies where that of the inner sum does, whose first term is added to before that of
 * the branch is read. */
static FmnValue early_branch(FmnGraph *g, FmnValue x) {
  FmnValue branch = fmn_conv2d(g, x, "branch", .out = 3, .k = 3, .pad = 1), y = norm_swish(g, x, "bn1");
  FmnValue z = fmn_conv2d(g, fmn_conv2d(g, y, "b", .out = 3, .k = 1), "c", .out = 3, .k = 3, .pad = 1);
  return fmn_add(g, fmn_add(g, y, z), branch);
}

/* The normalised value is read by others than the activation. */
static FmnValue activation_apart(FmnGraph *g, FmnValue x) {
  FmnValue y = fmn_batchnorm(g, x, "bn1", 0);
  return fmn_add(g, fmn_activation(g, y, FMN_ACT_SWISH, 0), y);
}

typedef FmnValue (*BodyFunc)(FmnGraph *g, FmnValue x);

/* Gradients against differences, of what x is turned into probabilities by. */
static void check_gradients(FmnGraph *g, FmnValue x, FmnPool *pool) {
  fmn_graph_output(g, fmn_dense(g, fmn_global_avgpool(g, fmn_activation(g, x, FMN_ACT_SIGMOID, 0)), "fc", .out = 4));
  g_assert_no_error(g->error);
  FmnTrainer *t = fmn_trainer_new(g, 5, pool, NULL);
  float data[3 * 36], targets[3 * 4] = {1, 0, 0, 0, 0, 0.5f, 0.5f, 0, 0, 0, 0, 1};
  FmnRandom r = {4};
  int n;
  const FmnTrainParam *params = fmn_trainer_params(t, &n);
  for (gsize i = 0; i < G_N_ELEMENTS(data); i++)
    data[i] = (float)fmn_random_normal(&r);
  for (int i = 0; i < n; i++)
    for (gsize k = 0; k < fmn_param_count(params[i].param); k++)
      params[i].param->data[k] = (float)fmn_random_normal(&r) * 0.5f;
  run_loss(t, data, targets, TRUE);
  for (int i = 0; i < n; i++)
    for (gsize k = 0; params[i].gradient && k < fmn_param_count(params[i].param); k += 3) {
      const float step = 1e-3f;
      float *w = &params[i].param->data[k], before = *w, gradient = params[i].gradient[k];
      *w = before + step;
      double high = run_loss(t, data, targets, FALSE);
      *w = before - step;
      double low = run_loss(t, data, targets, FALSE);
      *w = before;
      g_assert_cmpfloat_with_epsilon(gradient, (high - low) / (2 * (double)step), 2e-4);
    }
  fmn_trainer_free(t);
}

static void test_values(gconstpointer body) {
  FmnGraph *g = fmn_graph_new(1, 6, 6);
  FmnValue x = fmn_conv2d(g, fmn_graph_input(g), "a", .out = 3, .k = 3, .pad = 1);
  check_gradients(g, ((BodyFunc)body)(g, x), NULL);
  fmn_graph_free(g);
}

#define GRAPHS 100
#define VALUES 8

/* Sums of what comes before, at random, as often as not normalised and activated: whatever places gradients share. */
static void test_random_values(void) {
  FmnPool *pool = fmn_pool_new(2);
  for (guint64 seed = 1; seed <= GRAPHS; seed++) {
    FmnGraph *g = fmn_graph_new(1, 6, 6);
    FmnRandom r = {seed};
    FmnValue v[VALUES] = {fmn_conv2d(g, fmn_graph_input(g), "a", .out = 2, .k = 3, .pad = 1)};
    for (int i = 1; i < VALUES; i++) {
      FmnValue a = v[fmn_random_below(&r, (guint64)i)], b = v[fmn_random_below(&r, (guint64)i)];
      char name[] = {(char)('a' + i), 0};
      switch (fmn_random_below(&r, 5)) {
      case 0:
        v[i] = fmn_conv2d(g, a, name, .out = 2, .k = 1);
        break;
      case 1:
        v[i] = fmn_batchnorm(g, a, name, 0);
        break;
      case 2:
        v[i] = norm_swish(g, a, name);
        break;
      default:
        v[i] = fmn_add(g, a, b);
      }
    }
    FmnValue all = v[VALUES - 1];
    for (int i = VALUES - 2; i > 0; i -= 2)
      all = fmn_add(g, all, v[i]);
    g_test_message("seed %" G_GUINT64_FORMAT, seed);
    check_gradients(g, fmn_batchnorm(g, all, "all", 0), seed % 2 ? pool : NULL);
    fmn_graph_free(g);
  }
  fmn_pool_free(pool);
}

/* What an image gets does not depend on how many others the memory has room for. */
static void test_partial_batch(void) {
  FmnGraph *g = small_net();
  fmn_trainer_init_weights(g, 3);
  float first[BATCH * CLASSES];
  for (int batch = BATCH; batch <= 4 * BATCH; batch += 3 * BATCH) {
    FmnTrainer *t = fmn_trainer_new(g, batch, NULL, NULL);
    FmnRandom r = {8};
    for (int i = 0; i < BATCH * 64; i++)
      fmn_trainer_input(t)[i] = (float)fmn_random_normal(&r);
    fmn_trainer_forward(t, BATCH, 1);
    if (batch == BATCH)
      memcpy(first, fmn_trainer_output(t, 0), sizeof first);
    else
      g_assert_cmpmem(first, sizeof first, fmn_trainer_output(t, 0), sizeof first);
    fmn_trainer_free(t);
  }
  fmn_graph_free(g);
}

static void fill_input(FmnTrainer *t, int n, guint64 seed) {
  FmnRandom r = {seed};
  for (int i = 0; i < n * 784; i++)
    fmn_trainer_input(t)[i] = (float)fmn_random_normal(&r) * (float)seed;
}

/* Batches that count 1, 1/2, 1/3 leave the mean of their statistics, whatever was there before. */
static void test_statistics(void) {
  enum { IMAGES = 4, BATCHES = 3 };
  FmnGraph *g = fmn_net_build("compact", "blocks=1-2-3", 10, NULL);
  fmn_trainer_init_weights(g, 3);
  FmnTrainer *t = fmn_trainer_new(g, IMAGES, NULL, NULL);
  int n_params, checked = 0;
  const FmnTrainParam *params = fmn_trainer_params(t, &n_params);
  double *mean[2][100] = {{NULL}};
  g_assert_cmpint(n_params, <=, 100);
  for (int round = 0; round < 2; round++) { /* each by itself, then all */
    for (int i = 0; i < n_params; i++)
      mean[round][i] = g_new0(double, fmn_param_count(params[i].param));
    for (int b = 0; b < BATCHES; b++) {
      fill_input(t, IMAGES, (guint64)b + 1);
      fmn_trainer_forward_statistics(t, IMAGES, 1, round == 0 ? 1 : 1 / (float)(b + 1));
      for (int i = 0; i < n_params; i++)
        for (gsize k = 0; k < fmn_param_count(params[i].param); k++)
          mean[round][i][k] = round == 0 ? mean[round][i][k] + (double)params[i].param->data[k] / BATCHES
                                         : (double)params[i].param->data[k];
    }
  }
  for (int i = 0; i < n_params; i++) {
    for (gsize k = 0; k < fmn_param_count(params[i].param); k++)
      g_assert_cmpfloat_with_epsilon(mean[0][i][k], mean[1][i][k], 1e-4 * MAX(1, fabs(mean[0][i][k])));
    checked += g_str_has_suffix(params[i].name, "running_var");
    g_free(mean[0][i]);
    g_free(mean[1][i]);
  }
  g_assert_cmpint(checked, >, 10);
  fmn_trainer_free(t);
  fmn_graph_free(g);
}

static void test_init(void) {
  FmnGraph *a = small_net(), *b = small_net(), *c = small_net();
  fmn_trainer_init_weights(a, 3);
  fmn_trainer_init_weights(b, 3);
  fmn_trainer_init_weights(c, 4);
  const float *wa = fmn_graph_node(a, 1)->params[0].data, *wb = fmn_graph_node(b, 1)->params[0].data,
              *wc = fmn_graph_node(c, 1)->params[0].data;
  g_assert_cmpmem(wa, 36 * sizeof(float), wb, 36 * sizeof(float));
  g_assert_cmpint(memcmp(wa, wc, 36 * sizeof(float)), !=, 0);
  fmn_graph_free(a);
  fmn_graph_free(b);
  fmn_graph_free(c);
}

/* In every network the weights of convolutions and dense layers decay, biases and batch norms do not. */
static void test_decay(void) {
  for (int n = 0; fmn_nets[n]; n++) {
    FmnGraph *g = fmn_net_build(fmn_nets[n]->name, NULL, 10, NULL);
    int decaying = 0, others = 0;
    for (int i = 0; i < fmn_graph_size(g); i++) {
      const FmnNode *node = fmn_graph_node(g, i);
      for (int k = 0; k < node->n_params; k++) {
        const FmnParam *p = &node->params[k];
        g_assert_cmpint(p->decay, ==, p->n_dims > 1);
        g_assert_cmpint(p->trainable, ==, !g_str_has_prefix(p->name, "running_"));
        p->decay ? decaying++ : others++;
      }
    }
    g_assert_cmpint(decaying, >, 0);
    g_assert_cmpint(others, >, 0);
    fmn_graph_free(g);
  }
}

/* More images a step than there is memory for are an error. */
static void test_huge_batch(void) {
  g_autoptr(GError) error = NULL;
  FmnGraph *g = fmn_net_build("yolov3-tiny", "size=2048", CLASSES, NULL);
  g_assert_null(fmn_trainer_new(g, 65536, NULL, &error));
  g_assert_error(error, FMN_ERROR, FMN_ERROR_MEMORY);
  g_assert_nonnull(strstr(error->message, "smaller --batch"));
  fmn_graph_free(g);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_data_func("/trainer/golden-step", NULL, test_golden_step);
  g_test_add_data_func("/trainer/golden-step/sam", GINT_TO_POINTER(TRUE), test_golden_step);
  g_test_add_data_func("/trainer/values/shared", (gconstpointer)shared_values, test_values);
  g_test_add_data_func("/trainer/values/residual", (gconstpointer)residual_blocks, test_values);
  g_test_add_data_func("/trainer/values/own-input", (gconstpointer)sums_with_own_input, test_values);
  g_test_add_data_func("/trainer/values/read-between", (gconstpointer)sum_read_between, test_values);
  g_test_add_data_func("/trainer/values/early-branch", (gconstpointer)early_branch, test_values);
  g_test_add_func("/trainer/values/random", test_random_values);
  g_test_add_data_func("/trainer/values/activation-apart", (gconstpointer)activation_apart, test_values);
  g_test_add_func("/trainer/partial-batch", test_partial_batch);
  g_test_add_func("/trainer/statistics", test_statistics);
  g_test_add_func("/trainer/init", test_init);
  g_test_add_func("/trainer/decay", test_decay);
  g_test_add_func("/trainer/huge-batch", test_huge_batch);
  return g_test_run();
}
