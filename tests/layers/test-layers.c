/* Forward results worked out by hand, and what the layers refuse. */
#include <string.h>

#include "error.h"
#include "nn/layers.h"
#include "nn/plan.h"

static void run_once(FmnGraph *g, FmnValue out, const float *input, const float *expected) {
  g_assert_no_error(g->error);
  fmn_graph_output(g, out);
  FmnPlan *plan = fmn_plan_new(g);
  FmnRun *run = fmn_run_new(plan, 1, 1);
  for (gsize i = 0; i < fmn_shape_image(fmn_plan_input(plan)); i++)
    fmn_run_input(run)[i] = input[i];
  fmn_run(run, 1);
  for (gsize i = 0; i < fmn_shape_image(fmn_plan_output(plan, 0)); i++)
    g_assert_cmpfloat_with_epsilon(fmn_run_output(run, 0)[i], expected[i], 1e-5f);
  fmn_run_free(run);
  fmn_plan_unref(plan);
  fmn_graph_free(g);
}

static void test_conv2d(void) {
  FmnGraph *g = fmn_graph_new(1, 3, 3);
  FmnValue x = fmn_conv2d(g, 0, "c", .out = 1, .k = 3, .pad = 1);
  FmnNode *node = fmn_graph_node(g, x);
  for (int i = 0; i < 9; i++)
    node->params[0].data[i] = (float)(i + 1);
  node->params[1].data[0] = .5f;
  /* Cross-correlation, not convolution: a single one in the middle yields the kernel turned by 180°. */
  run_once(g, x, (const float[]){0, 0, 0, 0, 1, 0, 0, 0, 0},
           (const float[]){9.5f, 8.5f, 7.5f, 6.5f, 5.5f, 4.5f, 3.5f, 2.5f, 1.5f});
}

static void test_dense(void) {
  FmnGraph *g = fmn_graph_new(2, 1, 1);
  FmnValue x = fmn_dense(g, 0, "d", .out = 2);
  float w[] = {1, 2, 3, 4};
  for (int i = 0; i < 4; i++)
    fmn_graph_node(g, x)->params[0].data[i] = w[i];
  fmn_graph_node(g, x)->params[1].data[1] = 10.f;
  run_once(g, x, (const float[]){5, 6}, (const float[]){17, 49});
}

static void test_maxpool(void) {
  FmnGraph *g = fmn_graph_new(1, 3, 5);
  run_once(g, fmn_maxpool(g, 0, 0), (const float[]){1, 9, 3, 4, 99, -1, 2, 8, 7, 99, 99, 99, 99, 99, 99}, (const float[]){9, 8});
}

static void test_avgpool(void) {
  FmnGraph *g = fmn_graph_new(2, 1, 2);
  run_once(g, fmn_global_avgpool(g, 0), (const float[]){1, -4, 3, 0}, (const float[]){2, -2});
}

static void test_activations(void) {
  static const struct {
    FmnActivation act;
    float y[3];
  } cases[] = {{FMN_ACT_RELU, {0, 0, 2}}, {FMN_ACT_LEAKY_RELU, {-.1f, 0, 2}}, {FMN_ACT_SIGMOID, {.2689414f, .5f, .8807971f}},
               {FMN_ACT_SWISH, {-.2689414f, 0, 1.7615942f}}};
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    FmnGraph *g = fmn_graph_new(3, 1, 1);
    run_once(g, fmn_activation(g, 0, cases[i].act, .1f), (const float[]){-1, 0, 2}, cases[i].y);
  }
}

static void test_add_and_dropout(void) {
  FmnGraph *g = fmn_graph_new(1, 1, 2);
  FmnValue x = fmn_dropout(g, 0, .5f); /* does nothing at inference */
  run_once(g, fmn_add(g, x, fmn_relu(g, x)), (const float[]){-3, 4}, (const float[]){-3, 8});
}

static void expect_refused(FmnGraph *g, const char *fragment) {
  g_assert_error(g->error, FMN_ERROR, FMN_ERROR_ARGUMENT);
  g_assert_nonnull(strstr(g->error->message, fragment));
  g_assert_cmpint(fmn_relu(g, 0), ==, -1); /* later calls do nothing */
  fmn_graph_free(g);
}

static void test_refused(void) {
  FmnGraph *g = fmn_graph_new(1, 2, 2);
  fmn_conv2d(g, 0, "c", .out = 1, .k = 3);
  expect_refused(g, "no output on 2×2");
  g = fmn_graph_new(1, 2, 2);
  fmn_maxpool(g, 0, .k = 3);
  expect_refused(g, "does not fit");
  g = fmn_graph_new(1, 2, 2);
  fmn_dense(g, 0, "d", .out = 0);
  expect_refused(g, "0 outputs");
  g = fmn_graph_new(1, 2, 2);
  fmn_dropout(g, 0, 1.f);
  expect_refused(g, "from 0 to below 1");
  g = fmn_graph_new(1, 4, 4);
  fmn_add(g, 0, fmn_maxpool(g, 0, 0));
  expect_refused(g, "equal shapes");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/layers/conv2d", test_conv2d);
  g_test_add_func("/layers/dense", test_dense);
  g_test_add_func("/layers/maxpool", test_maxpool);
  g_test_add_func("/layers/avgpool", test_avgpool);
  g_test_add_func("/layers/activations", test_activations);
  g_test_add_func("/layers/add-and-dropout", test_add_and_dropout);
  g_test_add_func("/layers/refused", test_refused);
  return g_test_run();
}
