#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "error.h"
#include "io/model_file.h"
#include "nets/nets.h"
#include "nn/plan.h"
#include "train/loss.h"
#include "train/optimizer.h"
#include "train/random.h"
#include "train/recipes.h"

#define MIN_SECONDS 2.0
#define MIN_ROUNDS 10
#define MAX_ROUNDS 20000
#define WARM_UP 3

typedef struct {
  char *model, *arch, *mode, *format;
  int size, threads, batch;
} Options;

/* What is timed: one batch. */
typedef struct {
  FmnGraph *graph;
  int batch, classes;
  FmnPool *pool;
  FmnPlan *plan;
  FmnRun *run;
  FmnTrainer *trainer;
  FmnOptimizer *optimizer;
  float *x, *targets;
  gsize input;
} Bench;

static void infer(Bench *b, guint64 step) {
  memcpy(fmn_run_input(b->run), b->x, b->input * sizeof(float));
  fmn_run(b->run, b->batch);
}

static void train(Bench *b, guint64 step) {
  memcpy(fmn_trainer_input(b->trainer), b->x, b->input * sizeof(float));
  fmn_trainer_forward(b->trainer, b->batch, step);
  fmn_loss_cross_entropy(fmn_trainer_output(b->trainer, 0), b->targets, b->batch, b->classes, 0,
                         fmn_trainer_output_gradient(b->trainer, 0));
  fmn_trainer_backward(b->trainer);
  fmn_optimizer_step(b->optimizer, 1e-6);
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Milliseconds a batch, sorted. */
static GArray *measure(Bench *b, void (*func)(Bench *, guint64)) {
  GArray *times = g_array_new(FALSE, FALSE, sizeof(double));
  gint64 begin = g_get_monotonic_time();
  for (int i = -WARM_UP; i < MAX_ROUNDS; i++) {
    gint64 start = g_get_monotonic_time();
    if (i == 0)
      begin = start;
    func(b, (guint64)(i + WARM_UP));
    gint64 end = g_get_monotonic_time();
    double ms = (double)(end - start) / 1e3;
    if (i >= 0)
      g_array_append_val(times, ms);
    if (i + 1 >= MIN_ROUNDS && (double)(end - begin) / G_USEC_PER_SEC >= MIN_SECONDS)
      break;
  }
  g_array_sort(times, by_value);
  return times;
}

static gboolean prepare(Bench *b, const char *arch, gboolean training, int threads, GError **error) {
  FmnShape in = fmn_graph_node(b->graph, 0)->out;
  FmnRandom r = {1};
  b->input = fmn_shape_image(in) * (gsize)b->batch;
  if (!(b->x = fmn_floats_try_new(b->input))) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_MEMORY, "no memory for %d images of %d×%d pixels; try a smaller --batch",
                b->batch, in.w, in.h);
    return FALSE;
  }
  for (gsize i = 0; i < b->input; i++)
    b->x[i] = (float)fmn_random_normal(&r);
  if (!training) {
    b->plan = fmn_plan_new(b->graph);
    return (b->run = fmn_run_try_new(b->plan, b->batch, threads, error)) != NULL;
  }
  int n_params;
  b->pool = fmn_pool_new(threads);
  if (!(b->trainer = fmn_trainer_new(b->graph, b->batch, b->pool, error)))
    return FALSE;
  const FmnTrainParam *params = fmn_trainer_params(b->trainer, &n_params);
  b->optimizer = fmn_optimizer_new(&fmn_recipe_find(arch)->optimizer, params, n_params, b->pool);
  b->classes = (int)fmn_shape_image(fmn_trainer_output_shape(b->trainer, 0));
  b->targets = fmn_floats_new0((gsize)(b->batch * b->classes));
  for (int i = 0; i < b->batch; i++)
    b->targets[i * b->classes + i % b->classes] = 1;
  return TRUE;
}

static void print(const Options *o, const Bench *b, const char *arch, gboolean json, const GArray *times) {
  double low = g_array_index(times, double, 0) / b->batch;
  double median = g_array_index(times, double, times->len / 2) / b->batch;
  const char *mode = o->mode ? o->mode : "infer";
  if (!json) {
    printf("%s, %s, %d threads, batch %d: %.4f ms an image at best, %.4f at the median, %.0f images/s\n", arch, mode,
           o->threads, b->batch, low, median, 1e3 / median);
    return;
  }
  g_autoptr(JsonBuilder) builder = json_builder_new();
  json_builder_begin_object(builder);
  fmn_json_add_string(builder, "arch", arch);
  fmn_json_add_string(builder, "mode", mode);
  fmn_json_add_int(builder, "threads", o->threads);
  fmn_json_add_int(builder, "batch", b->batch);
  fmn_json_add_double(builder, "ms_per_image_min", low);
  fmn_json_add_double(builder, "ms_per_image_median", median);
  fmn_json_add_double(builder, "images_per_s", 1e3 / median);
  fmn_json_add_int(builder, "multiply_adds", (gint64)fmn_graph_multiply_adds(b->graph));
  json_builder_end_object(builder);
  command_print_json(builder);
}

/* A network by name with the weights that a training starts from. */
static FmnGraph *build(const Options *o, const char *arch, const char *options, GError **error) {
  g_autofree char *all = g_strdup(options);
  if (o->size) { /* an option only of networks whose size is not the one asked for anyway */
    FmnGraph *bare = fmn_net_build_bare(arch, options, 10, error);
    if (!bare)
      return NULL;
    FmnShape in = fmn_graph_node(bare, 0)->out;
    fmn_graph_free(bare);
    if (o->size != in.w || o->size != in.h) {
      g_autofree char *size = g_strdup_printf("%d", o->size);
      g_free(all);
      all = fmn_net_options_set(options, "size", size);
    }
  }
  FmnGraph *g = fmn_net_build(arch, all, 10, error);
  if (g)
    fmn_trainer_init_weights(g, 1);
  return g;
}

static gboolean bench(const Options *o, FmnGraph *graph, const char *arch, gboolean training, gboolean json,
                      GError **error) {
  Bench b = {.batch = o->batch, .graph = graph};
  gboolean ok = prepare(&b, arch, training, o->threads, error);
  if (ok) {
    GArray *times = measure(&b, training ? train : infer);
    print(o, &b, arch, json, times);
    g_array_free(times, TRUE);
  }
  fmn_run_free(b.run);
  fmn_plan_unref(b.plan);
  fmn_optimizer_free(b.optimizer);
  fmn_trainer_free(b.trainer);
  fmn_pool_free(b.pool);
  fmn_floats_free(b.x);
  fmn_floats_free(b.targets);
  return ok;
}

static int bench_model(const Options *o, gboolean training, gboolean json) {
  GError *error = NULL;
  g_autofree char *path = fmn_model_find_file(o->model, &error);
  FmnModelFile *file = path ? fmn_model_file_load(path, &error) : NULL;
  gboolean ok = file && bench(o, file->graph, file->arch, training, json, &error);
  fmn_model_file_free(file);
  return ok ? EXIT_OK : command_fail(error);
}

static int bench_arch(const Options *o, gboolean training, gboolean json) {
  GError *error = NULL;
  g_auto(GStrv) parts = g_strsplit(o->arch, ":", 2);
  const char *arch = parts[0] ? parts[0] : "";
  FmnGraph *graph = build(o, arch, parts[0] && parts[1] ? parts[1] : "", &error);
  if (!graph)
    return command_usage_error(error);
  gboolean ok = bench(o, graph, arch, training, json, &error);
  fmn_graph_free(graph);
  return ok ? EXIT_OK : command_fail(error);
}

static gboolean check(const Options *o) {
  if (!o->model == !o->arch)
    command_usage("give either --model FILE or --arch NAME");
  else if (o->batch < 1 || o->batch > 4096)
    command_usage("--batch must be from 1 to 4096, not %d", o->batch);
  else if (o->size < 0 || o->size > 4096 || (o->size && o->model))
    command_usage("--size goes with --arch and must be from 1 to 4096");
  else if (o->mode && strcmp(o->mode, "infer") != 0 && strcmp(o->mode, "train") != 0)
    command_usage("--mode must be infer or train, not “%s”", o->mode);
  else
    return command_check_threads(o->threads);
  return FALSE;
}

static int run(int argc, char **argv) {
  Options o = {.threads = 1, .batch = 1};
  const GOptionEntry entries[] = {
      {"model", 'm', 0, G_OPTION_ARG_FILENAME, &o.model, "Model: a file, or the name of one in FMNIST_MODEL_PATH or installed",
       "FILE"},
      {"arch", 'a', 0, G_OPTION_ARG_STRING, &o.arch, "A network with random weights: NAME[:KEY=VALUE,...]", "A"},
      {"size", 0, 0, G_OPTION_ARG_INT, &o.size, "Width and height of the input (the network's)", "N"},
      {"threads", 't', 0, G_OPTION_ARG_INT, &o.threads, "Threads that work on one batch (1)", "N"},
      {"batch", 'b', 0, G_OPTION_ARG_INT, &o.batch, "Images at a time (1)", "N"},
      {"mode", 0, 0, G_OPTION_ARG_STRING, &o.mode, "infer or train (infer)", "NAME"},
      {"format", 'f', 0, G_OPTION_ARG_STRING, &o.format, "text or json (text)", "NAME"},
      G_OPTION_ENTRY_NULL};
  gboolean ok;
  int status = EXIT_USAGE;
  if (command_parse(&argc, &argv, NULL, "Measures how fast a network runs or trains.", NULL, entries, 0)) {
    gboolean json = command_json(o.format, &ok);
    if (ok && check(&o))
      status = (o.model ? bench_model : bench_arch)(&o, g_strcmp0(o.mode, "train") == 0, json);
  }
  g_free(o.model);
  g_free(o.arch);
  g_free(o.mode);
  g_free(o.format);
  return status;
}

const Command command_bench = {"bench", "measure how fast a network runs or trains", run};
