#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "error.h"
#include "io/model_file.h"
#include "train/evaluate.h"
#include "train/loss.h"
#include "train/metrics.h"

typedef struct {
  char *model, *data, *format, *probs;
  gboolean tta;
  int threads;
} Options;

static void json_doubles(JsonBuilder *b, const char *label, const FmnMetrics *m, int k) {
  json_builder_begin_object(b);
  fmn_json_add_string(b, "label", label);
  fmn_json_add_double(b, "precision", m->precision[k]);
  fmn_json_add_double(b, "recall", m->recall[k]);
  fmn_json_add_double(b, "f1", m->f1[k]);
  fmn_json_add_int(b, "support", m->support[k]);
  json_builder_end_object(b);
}

static void print_json(const FmnModelFile *model, const FmnMetrics *m) {
  g_autoptr(JsonBuilder) b = json_builder_new();
  json_builder_begin_object(b);
  fmn_json_add_string(b, "model", model->name);
  fmn_json_add_string(b, "arch", model->arch);
  fmn_json_add_int(b, "n", m->n);
  fmn_json_add_double(b, "accuracy", m->accuracy);
  fmn_json_add_double(b, "ece", m->ece);
  json_builder_set_member_name(b, "per_class");
  json_builder_begin_array(b);
  for (int k = 0; k < m->classes; k++)
    json_doubles(b, model->labels[k], m, k);
  json_builder_end_array(b);
  json_builder_set_member_name(b, "confusion");
  json_builder_begin_array(b);
  for (int k = 0; k < m->classes; k++) {
    json_builder_begin_array(b);
    for (int j = 0; j < m->classes; j++)
      json_builder_add_int_value(b, m->confusion[k * m->classes + j]);
    json_builder_end_array(b);
  }
  json_builder_end_array(b);
  json_builder_end_object(b);
  command_print_json(b);
}

static void print_text(const FmnModelFile *model, const FmnMetrics *m) {
  double mean[3] = {0};
  printf("%s (%s), %d images\n\n%-12s  precision  recall      f1  support\n", model->name, model->arch, m->n, "");
  for (int k = 0; k < m->classes; k++) {
    printf("%-12s  %9.4f  %6.4f  %6.4f  %7d\n", model->labels[k], m->precision[k], m->recall[k], m->f1[k],
           m->support[k]);
    mean[0] += m->precision[k] / m->classes;
    mean[1] += m->recall[k] / m->classes;
    mean[2] += m->f1[k] / m->classes;
  }
  printf("%-12s  %9.4f  %6.4f  %6.4f  %7d\n\n", "mean", mean[0], mean[1], mean[2], m->n);
  printf("confusion (rows: what it is, columns: the answer)\n%-12s", "");
  for (int k = 0; k < m->classes; k++)
    printf(" %5.*s",
           (int)(g_utf8_offset_to_pointer(model->labels[k], MIN(5, g_utf8_strlen(model->labels[k], -1))) -
                 model->labels[k]),
           model->labels[k]);
  for (int k = 0; k < m->classes; k++) {
    printf("\n%-12s", model->labels[k]);
    for (int j = 0; j < m->classes; j++)
      printf(" %5d", m->confusion[k * m->classes + j]);
  }
  printf("\n\naccuracy %.4f\nexpected calibration error %.4f (%d bins)\n", m->accuracy, m->ece, FMN_ECE_BINS);
}

static gboolean write_probs(const char *path, const float *p, gsize count, GError **error) {
  g_autofree guint32 *little = g_new(guint32, count);
  for (gsize i = 0; i < count; i++) {
    memcpy(&little[i], &p[i], sizeof *little);
    little[i] = GUINT32_TO_LE(little[i]);
  }
  return g_file_set_contents(path, (const char *)little, (gssize)(count * sizeof *little), error);
}

/* Probabilities of all images; with tta the mean of those of the image and of its mirror image. */
static float *answer(const FmnModelFile *model, const FmnImages *images, gboolean tta, int threads) {
  int classes = (int)g_strv_length(model->labels);
  gsize count = (gsize)images->n * (gsize)classes;
  float *p = g_new(float, MAX(1, count));
  FmnPlan *plan = fmn_plan_new(model->graph);
  fmn_evaluate(plan, &model->preprocess, images, FALSE, threads, p);
  fmn_softmax(p, images->n, classes, model->temperature, p);
  if (tta) {
    g_autofree float *mirrored = g_new(float, MAX(1, count));
    fmn_evaluate(plan, &model->preprocess, images, TRUE, threads, mirrored);
    fmn_softmax(mirrored, images->n, classes, model->temperature, mirrored);
    for (gsize i = 0; i < count; i++)
      p[i] = (p[i] + mirrored[i]) / 2;
  }
  fmn_plan_unref(plan);
  return p;
}

/* Also that it is a classifier. */
static gboolean fits(const FmnModelFile *model, const FmnDataset *data, GError **error) {
  const FmnPreprocess *p = &model->preprocess;
  const FmnGraph *g = model->graph;
  FmnImages *images = fmn_images_from_dataset(data);
  gboolean fit = images->n > 0 && fmn_images_fit(images, p->channels, p->height, p->width);
  fmn_images_free(images);
  if (g->n_outputs != 1 ||
      fmn_shape_image(fmn_graph_node(g, g->outputs[0])->out) != (gsize)g_strv_length(model->labels)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "model “%s” (%s) is no classifier: it does not end in one value a class", model->name, model->arch);
    return FALSE;
  }
  if (!fit)
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "model “%s” takes images of %d×%d×%d (width, height, channels); the test set has %d of %d×%d×%d",
                model->name, p->width, p->height, p->channels, data->n, data->width, data->height, data->channels);
  return fit;
}

static gboolean test(const Options *o, gboolean json, GError **error) {
  g_autofree char *path = command_model_path(o->model, error);
  FmnModelFile *model = path ? fmn_model_file_load(path, error) : NULL;
  FmnDataset *data = model ? fmn_dataset_load(o->data, FMN_SPLIT_TEST, (int)g_strv_length(model->labels), error) : NULL;
  gboolean ok = data && fits(model, data, error);
  if (ok) {
    int classes = (int)g_strv_length(model->labels);
    FmnImages *images = fmn_images_from_dataset(data);
    g_autofree float *p = answer(model, images, o->tta, o->threads);
    FmnMetrics *m = fmn_metrics_new(p, images->labels, images->n, classes);
    ok = !o->probs || write_probs(o->probs, p, (gsize)images->n * (gsize)classes, error);
    if (ok && json)
      print_json(model, m);
    else if (ok)
      print_text(model, m);
    fmn_metrics_free(m);
    fmn_images_free(images);
  }
  fmn_dataset_free(data);
  fmn_model_file_free(model);
  return ok;
}

static int run(int argc, char **argv) {
  Options o = {.threads = (int)g_get_num_processors()};
  const GOptionEntry entries[] = {
      {"model", 'm', 0, G_OPTION_ARG_FILENAME, &o.model, "Model: a file, or the name of one in FMNIST_MODEL_PATH",
       "FILE"},
      {"data", 'd', 0, G_OPTION_ARG_FILENAME, &o.data,
       "Folder with the IDX files (default: FMNIST_DATA or " FMN_DATA_DIR ")", "DIR"},
      {"format", 'f', 0, G_OPTION_ARG_STRING, &o.format, "text or json (text)", "NAME"},
      {"probs", 0, 0, G_OPTION_ARG_FILENAME, &o.probs,
       "Write the probabilities, images × classes little-endian float32", "FILE"},
      {"tta", 0, 0, G_OPTION_ARG_NONE, &o.tta, "Average each image's answer with that for its mirror image", NULL},
      {"threads", 't', 0, G_OPTION_ARG_INT, &o.threads, "Threads to compute with (all processors)", "N"},
      G_OPTION_ENTRY_NULL};
  GError *error = NULL;
  gboolean ok;
  int status = EXIT_USAGE;
  if (command_parse(&argc, &argv, NULL, "Measures a model on the test set.", NULL, entries, 0)) {
    gboolean json = command_json(o.format, &ok);
    if (!ok)
      status = EXIT_USAGE;
    else if (!o.model)
      command_usage("--model FILE is missing");
    else if (o.threads < 1 || o.threads > 1024)
      command_usage("--threads must be from 1 to 1024, not %d", o.threads);
    else
      status = test(&o, json, &error) ? EXIT_OK : command_fail(error);
  }
  g_free(o.model);
  g_free(o.data);
  g_free(o.format);
  g_free(o.probs);
  return status;
}

const Command command_test = {"test", "measure a model on the test set", run};
