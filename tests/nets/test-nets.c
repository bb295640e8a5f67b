/* The networks against PyTorch (golden.py), and what a plan promises. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../malloc-hook.h"
#include "error.h"
#include "filling.h"
#include "nets/nets.h"
#include "nn/layers.h"
#include "nn/plan.h"

#define TOLERANCE 2e-4 /* of an output, relative where it is above 1: what Winograd's transforms cost */

static FmnPlan *plan_of(const char *name, const char *options, guint64 *parameters) {
  GError *error = NULL;
  guint64 seed = 0;
  FmnGraph *g = fmn_net_build(name, options, 10, &error);
  g_assert_no_error(error);
  fmn_graph_foreach_param(g, filling_fill_param, &seed);
  if (parameters)
    *parameters = fmn_graph_parameters(g);
  FmnPlan *plan = fmn_plan_new(g);
  fmn_graph_free(g);
  return plan;
}

/* The numbers from offset on, as golden.py has them: images of C×H×W. */
static void fill_input(FmnRun *run, FmnShape in, int images, guint64 offset) {
  float *x = fmn_run_input(run);
  for (int i = 0; i < images; i++)
    for (gsize p = 0; p < fmn_shape_pixels(in); p++)
      for (int c = 0; c < in.c; c++)
        *x++ =
            (float)(filling_sample(0, offset + (gsize)i * fmn_shape_image(in) + (gsize)c * fmn_shape_pixels(in) + p) *
                        2 -
                    1);
}

/* All outputs of all images in a row, each output's images together, as N×C×H×W. */
static GArray *all_outputs(const FmnPlan *plan, const FmnRun *run, int images) {
  GArray *all = g_array_new(FALSE, FALSE, sizeof(float));
  for (int i = 0; i < fmn_plan_n_outputs(plan); i++) {
    FmnShape s = fmn_plan_output(plan, i);
    gsize pixels = fmn_shape_pixels(s);
    for (gsize k = 0; k < (gsize)images * fmn_shape_image(s); k++) {
      gsize image = k / fmn_shape_image(s), c = k % fmn_shape_image(s) / pixels, p = k % pixels;
      g_array_append_val(all, fmn_run_output(run, i)[(image * pixels + p) * (gsize)s.c + c]);
    }
  }
  return all;
}

/* A line of golden.txt: network, options or "-", images, parameters, every n-th number of the outputs. */
static void test_golden(gconstpointer line) {
  char **words = g_strsplit(line, " ", -1);
  int images = atoi(words[2]), n_words = (int)g_strv_length(words) - 4;
  guint64 parameters;
  FmnPlan *plan = plan_of(words[0], g_str_equal(words[1], "-") ? NULL : words[1], &parameters);
  FmnRun *run = fmn_run_new(plan, images, 1);

  g_assert_cmpuint(parameters, ==, g_ascii_strtoull(words[3], NULL, 10));
  fill_input(run, fmn_plan_input(plan), images, 0);
  fmn_run(run, images);
  GArray *all = all_outputs(plan, run, images);
  guint every = MAX(1, all->len / 30);
  g_assert_cmpint((all->len + every - 1) / every, ==, n_words);
  for (int i = 0; i < n_words; i++) {
    double want = g_ascii_strtod(words[4 + i], NULL);
    g_assert_cmpfloat_with_epsilon(g_array_index(all, float, (guint)i *every), want, TOLERANCE * MAX(1.0, fabs(want)));
  }
  g_array_unref(all);
  fmn_run_free(run);
  fmn_plan_unref(plan);
  g_strfreev(words);
}

/* One image at a time, in batches, on any number of threads. */
static void test_threads_and_batches(gconstpointer name) {
  const char *options = g_str_equal(name, "yolov3-tiny") ? "size=64" : NULL;
  FmnPlan *plan = plan_of(name, options, NULL);
  FmnShape in = fmn_plan_input(plan);
  GArray *want = NULL, *single = NULL;

  for (int threads = 1; threads <= 3; threads++) {
    FmnRun *run = fmn_run_new(plan, 3, threads);
    fill_input(run, in, 3, 0);
    fmn_run(run, 3);
    GArray *got = all_outputs(plan, run, 3);
    fill_input(run, in, 1, 2 * fmn_shape_image(in));
    fmn_run(run, 1);
    GArray *one = all_outputs(plan, run, 1);
    if (want) {
      g_assert_cmpmem(want->data, want->len * sizeof(float), got->data, got->len * sizeof(float));
      g_assert_cmpmem(single->data, single->len * sizeof(float), one->data, one->len * sizeof(float));
      g_array_unref(got);
      g_array_unref(one);
    } else {
      gsize last = fmn_shape_image(fmn_plan_output(plan, 0));
      want = got;
      single = one;
      for (gsize j = 0; j < last; j++) {
        float a = g_array_index(single, float, j), b = g_array_index(want, float, 2 * last + j);
        g_assert_cmpfloat_with_epsilon(a, b, 1e-4f * MAX(1.f, fabsf(b)));
      }
    }
    fmn_run_free(run);
  }
  g_array_unref(want);
  g_array_unref(single);
  fmn_plan_unref(plan);
}

static gpointer run_many(gpointer data) {
  FmnRun *run = fmn_run_new(data, 1, 1);
  float first[10];
  for (int i = 0; i < 50; i++) {
    fill_input(run, (FmnShape){1, 1, 28, 28}, 1, 0);
    fmn_run(run, 1);
    if (i == 0)
      memcpy(first, fmn_run_output(run, 0), sizeof first);
    g_assert_cmpmem(first, sizeof first, fmn_run_output(run, 0), sizeof first);
  }
  fmn_run_free(run);
  return g_memdup2(first, sizeof first);
}

static void test_shared_plan(void) {
  FmnPlan *plan = plan_of("compact", NULL, NULL);
  GThread *threads[4];
  float *results[4];
  for (int i = 0; i < 4; i++)
    threads[i] = g_thread_new("run", run_many, plan);
  for (int i = 0; i < 4; i++)
    results[i] = g_thread_join(threads[i]);
  for (int i = 1; i < 4; i++)
    g_assert_cmpmem(results[0], 10 * sizeof(float), results[i], 10 * sizeof(float));
  for (int i = 0; i < 4; i++)
    g_free(results[i]);
  fmn_plan_unref(plan);
}

/* Folding changes the work, not the result: a network whose layers can't all be fused against the numbers worked out
 * here. */
static void test_unfusable(void) {
  FmnGraph *g = fmn_graph_new(1, 2, 2);
  FmnValue bn = fmn_batchnorm(g, 0, "bn", .eps = 1e-12f); /* on the input: nothing to fuse into */
  FmnValue conv = fmn_conv2d(g, bn, "conv", .out = 1, .k = 1, .no_bias = TRUE);
  FmnValue relu = fmn_relu(g, conv);
  FmnValue sum = fmn_add(g, relu, conv);                        /* conv is read twice: the ReLU must stay */
  FmnValue after = fmn_batchnorm(g, sum, "bn2", .eps = 1e-12f); /* a sum has no weights to scale */
  fmn_graph_output(g, fmn_dropout(g, after, .5f));
  g_assert_no_error(g->error);
  FmnParam *p = fmn_graph_node(g, bn)->params;
  p[0].data[0] = 2.f, p[1].data[0] = 1.f, p[2].data[0] = .5f, p[3].data[0] = 4.f; /* 2·(x − .5)/2 + 1 = x + .5 */
  fmn_graph_node(g, conv)->params[0].data[0] = -3.f;
  p = fmn_graph_node(g, after)->params;
  p[0].data[0] = 1.f, p[3].data[0] = .25f, p[1].data[0] = -1.f; /* 2·x − 1 */

  FmnPlan *plan = fmn_plan_new(g);
  FmnRun *run = fmn_run_new(plan, 1, 2);
  float x[] = {-2.f, 0.f, 1.f, 3.f};
  memcpy(fmn_run_input(run), x, sizeof x);
  fmn_run(run, 1);
  for (int i = 0; i < 4; i++) {
    float y = -3.f * (x[i] + .5f);
    g_assert_cmpfloat_with_epsilon(fmn_run_output(run, 0)[i], 2.f * (MAX(y, 0.f) + y) - 1.f, 1e-4f);
  }
  fmn_run_free(run);
  fmn_plan_unref(plan);
  fmn_graph_free(g);
}

/* The arena holds less than all values together. */
static void test_arena(void) {
  GError *error = NULL;
  FmnGraph *g = fmn_net_build("compact", NULL, 10, &error);
  gsize all = 0;
  FmnPlan *plan = fmn_plan_new(g);
  for (int i = 0; i < fmn_graph_size(g); i++)
    all += fmn_shape_image(fmn_graph_node(g, i)->out) * sizeof(float);
  g_test_message("arena %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " bytes", fmn_plan_arena_bytes(plan), all);
  g_assert_cmpuint(fmn_plan_arena_bytes(plan), <, all / 5);
  fmn_plan_unref(plan);
  fmn_graph_free(g);
}

#ifdef MALLOC_HOOK
static int allocations; /* of the whole process */

static gboolean allocation_allowed(gsize size) {
  g_atomic_int_inc(&allocations);
  return TRUE;
}

static void test_no_allocation(gconstpointer name) {
  FmnPlan *plan = plan_of(name, g_str_equal(name, "yolov3-tiny") ? "size=64" : NULL, NULL);
  FmnRun *run = fmn_run_new(plan, 2, 2);
  fmn_run(run, 2);
  fmn_run(run, 1);
  int before = g_atomic_int_get(&allocations);
  fmn_floats_free(fmn_floats_new(1));
  fmn_floats_free(fmn_floats_try_new(1));
  g_assert_cmpint(g_atomic_int_get(&allocations), ==, before + 2); /* none goes unseen */
  before += 2;
  for (int i = 0; i < 10; i++)
    fmn_run(run, 1 + i % 2);
  g_assert_cmpint(g_atomic_int_get(&allocations), ==, before);
  fmn_run_free(run);
  fmn_plan_unref(plan);
  g_assert_cmpint(g_atomic_int_get(&allocations), >, 0);
}
#else
static void test_no_allocation(gconstpointer name) { g_test_skip("needs glibc's malloc, without a sanitizer"); }
#endif

static void expect_refused(const char *name, const char *options, int code, const char *fragment) {
  GError *error = NULL;
  g_assert_null(fmn_net_build(name, options, 10, &error));
  g_assert_error(error, FMN_ERROR, code);
  if (!strstr(error->message, fragment))
    g_error("“%s” does not say “%s”", error->message, fragment);
  g_error_free(error);
}

static void test_refused(void) {
  expect_refused("resnet", NULL, FMN_ERROR_NOT_FOUND, "there are: base, ");
  expect_refused("base", "strides=2", FMN_ERROR_ARGUMENT, "no option “strides”");
  expect_refused("base", "nonsense", FMN_ERROR_ARGUMENT, "KEY=VALUE");
  expect_refused("efficientnet-b0", "strides=odd", FMN_ERROR_ARGUMENT, "fine|original");
  expect_refused("yolov3-tiny", "size=100", FMN_ERROR_ARGUMENT, "multiple of 32");
  expect_refused("yolov3-tiny", "size=1e3", FMN_ERROR_ARGUMENT, "whole number");
  expect_refused("compact", "size=30", FMN_ERROR_ARGUMENT, "28|56|112");
  expect_refused("wide", "width=99", FMN_ERROR_ARGUMENT, "from 1 to 16");
  expect_refused("base", "=1", FMN_ERROR_ARGUMENT, "KEY=VALUE");
}

int main(int argc, char **argv) {
  char *path, *text, **lines;
  g_test_init(&argc, &argv, NULL);
  path = g_test_build_filename(G_TEST_DIST, "golden.txt", NULL);
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  lines = g_strsplit(g_strchomp(text), "\n", -1);
  for (char **line = lines; *line; line++) {
    char **words = g_strsplit(*line, " ", 3);
    char *name = g_strdup_printf("/nets/golden/%s:%s", words[0], words[1]);
    g_strfreev(words);
    g_test_add_data_func(name, *line, test_golden);
    g_free(name);
  }
  for (const FmnNet *const *net = fmn_nets; *net; net++) {
    char *name = g_strdup_printf("/nets/threads-and-batches/%s", (*net)->name);
    g_test_add_data_func(name, (*net)->name, test_threads_and_batches);
    g_free(name);
    name = g_strdup_printf("/nets/no-allocation/%s", (*net)->name);
    g_test_add_data_func(name, (*net)->name, test_no_allocation);
    g_free(name);
  }
  g_test_add_func("/nets/shared-plan", test_shared_plan);
  g_test_add_func("/nets/unfusable", test_unfusable);
  g_test_add_func("/nets/arena", test_arena);
  g_test_add_func("/nets/refused", test_refused);
  int result = g_test_run();
  g_strfreev(lines);
  g_free(text);
  g_free(path);
  return result;
}
