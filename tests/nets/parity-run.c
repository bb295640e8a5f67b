/* For parity.py: makes model files with random weights and runs models on raw float32 input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/model_file.h"
#include "kernels/kernels.h"
#include "nn/plan.h"
#include "train/random.h"
#include "train/trainer.h"

static int fail(GError *error) {
  fprintf(stderr, "parity-run: %s\n", error->message);
  g_error_free(error);
  return 1;
}

/* What starts at 0 or 1 gets values that a mistake would show in. */
static void shake(const char *name, FmnParam *p, gpointer random) {
  gboolean positive = g_str_has_suffix(name, "running_var") || g_str_has_suffix(name, ".weight");
  for (gsize i = 0; p->n_dims == 1 && i < fmn_param_count(p); i++) {
    double u = fmn_random_uniform(random);
    p->data[i] = (float)(positive ? .5 + u : (u * 2 - 1) * .2);
  }
}

static int make(const char *arch, guint64 seed, gboolean half, const char *path) {
  GError *error = NULL;
  char **parts = g_strsplit(arch, ":", 2);
  FmnModelFile *file = fmn_model_file_new(parts[0], parts[1], NULL, &error);
  FmnRandom random = {seed};
  gboolean ok = file != NULL;
  if (ok) {
    fmn_trainer_init_weights(file->graph, seed);
    fmn_graph_foreach_param(file->graph, shake, &random);
    ok = fmn_model_file_save(file, path, half, &error);
  }
  fmn_model_file_free(file);
  g_strfreev(parts);
  return ok ? 0 : fail(error);
}

/* Images of C×H×W, as other programs have them, to ours of H×W×C. */
static void put_images(float *to, const float *from, int n, FmnShape s) {
  for (int i = 0; i < n; i++)
    fmn_transpose(from + (gsize)i * fmn_shape_image(s), s.c, (int)fmn_shape_pixels(s),
                  to + (gsize)i * fmn_shape_image(s));
}

static void take_images(float *to, const float *from, int n, FmnShape s) {
  for (int i = 0; i < n; i++)
    fmn_transpose(from + (gsize)i * fmn_shape_image(s), (int)fmn_shape_pixels(s), s.c,
                  to + (gsize)i * fmn_shape_image(s));
}

/* The outputs one after another, each of all images, as ort_run.js writes them. */
static gboolean run(FmnPlan *plan, const float *x, int images, int batch, const char *path, GError **error) {
  FmnRun *r = fmn_run_new(plan, batch, 1);
  FmnShape in = fmn_plan_input(plan);
  gsize total = 0, at = 0;
  for (int i = 0; i < fmn_plan_n_outputs(plan); i++)
    total += fmn_shape_image(fmn_plan_output(plan, i)) * (gsize)images;
  float *y = g_new(float, total);
  for (int first = 0; first < images; first += batch) {
    int n = MIN(batch, images - first);
    put_images(fmn_run_input(r), x + (gsize)first * fmn_shape_image(in), n, in);
    fmn_run(r, n);
    at = 0;
    for (int i = 0; i < fmn_plan_n_outputs(plan); i++) {
      FmnShape out = fmn_plan_output(plan, i);
      take_images(y + at + (gsize)first * fmn_shape_image(out), fmn_run_output(r, i), n, out);
      at += fmn_shape_image(out) * (gsize)images;
    }
  }
  gboolean ok = g_file_set_contents(path, (const char *)y, (gssize)(total * sizeof(float)), error);
  g_free(y);
  fmn_run_free(r);
  return ok;
}

static int run_file(const char *model, const char *input, const char *output, int batch) {
  GError *error = NULL;
  char *x = NULL;
  gsize size;
  FmnModelFile *file = fmn_model_file_load(model, &error);
  FmnPlan *plan = file ? fmn_plan_new(file->graph) : NULL;
  gboolean ok = plan && g_file_get_contents(input, &x, &size, &error);
  if (ok) {
    gsize image = fmn_shape_image(fmn_plan_input(plan)) * sizeof(float);
    ok = run(plan, (const float *)x, (int)(size / image), batch, output, &error);
  }
  g_free(x);
  fmn_plan_unref(plan);
  fmn_model_file_free(file);
  return ok ? 0 : fail(error);
}

int main(int argc, char **argv) {
  if (argc == 6 && !strcmp(argv[1], "make"))
    return make(argv[2], g_ascii_strtoull(argv[3], NULL, 10), !strcmp(argv[4], "F16"), argv[5]);
  if (argc == 6 && !strcmp(argv[1], "run"))
    return run_file(argv[2], argv[3], argv[4], MAX(1, atoi(argv[5])));
  fputs("parity-run make ARCH SEED F16|F32 FILE\nparity-run run MODEL IN.f32 OUT.f32 BATCH\n", stderr);
  return 2;
}
