#include <stdio.h>
#include <string.h>

#include "command.h"
#include "error.h"
#include "train/calibrate.h"
#include "train/evaluate.h"
#include "train/loss.h"
#include "train/metrics.h"
#include "train/recipes.h"
#include "train/target.h"

#define UNSET (-G_MAXDOUBLE)

typedef struct {
  char *model, *out, **data, *seed;
  double validation, share;
  int threads;
} Options;

/* The images that were set aside when the model was trained: the same share, drawn by the same seed. */
static FmnTrainData *load_data(const Options *o, const FmnModelFile *model, GError **error) {
  const char *command = g_hash_table_lookup(model->metadata, "command");
  g_autofree char *share = fmn_train_command_option(command, "--validation"),
                  *drawn = fmn_train_command_option(command, "--seed");
  double validation = o->validation != UNSET ? o->validation : share ? g_ascii_strtod(share, NULL) : 0;
  guint64 seed = 1;
  if (!command_seed(o->seed ? o->seed : drawn, &seed, error))
    return NULL;
  if (!(validation > 0 && validation <= 0.9)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                "%s was trained without setting images aside; say with --validation F (0 to 0.9) which share to take, "
                "best of data that it was not trained on",
                model->name);
    return NULL;
  }
  FmnTrainData *data = fmn_train_data_load(o->data, (const char *const *)model->labels, model->preprocess.height,
                                           model->preprocess.width, validation, seed, error);
  const char *trained = g_hash_table_lookup(model->metadata, "dataset_sha256");
  gboolean same = data && g_strcmp0(trained, fmn_train_data_sha256(data)) == 0;
  g_autofree char *options = same ? fmn_train_command_learned(command, seed, validation) : NULL;
  if (options)
    fprintf(stderr,
            "fmnist-train: %s has learned some of these images: it was trained with %s; it is surer of them than of "
            "others, and temperature and threshold come out wrong\n",
            model->name, options);
  if (!data || same || o->validation != UNSET || !trained)
    return data;
  g_set_error(
      error, FMN_ERROR, FMN_ERROR_ARGUMENT,
      "%s was trained on other data (SHA-256 %s, this is %s), so which images were set aside cannot be told; name "
      "that data with --data, or the share to take of this with --validation",
      model->name, trained, fmn_train_data_sha256(data));
  fmn_train_data_free(data);
  return NULL;
}

static double ece(const float *logits, const guint8 *labels, int n, int classes, double temperature) {
  g_autofree float *p = g_new(float, (gsize)n *(gsize)classes);
  fmn_softmax(logits, n, classes, temperature, p);
  FmnMetrics *m = fmn_metrics_new(p, labels, n, classes);
  double value = m->ece;
  fmn_metrics_free(m);
  return value;
}

/* Share of the right answers, of all where there are no labels, that are under the threshold. */
static double under(const float *logits, const guint8 *labels, int n, int classes, const FmnCalibration *c) {
  g_autofree float *p = g_new(float, MAX(1, (gsize)n * (gsize)classes));
  int counted = 0, found = 0;
  fmn_softmax(logits, n, classes, c->temperature, p);
  for (int i = 0; i < n; i++) {
    const float *row = p + (gsize)i * (gsize)classes;
    int best = fmn_argmax(row, classes);
    if (labels && labels[i] != best)
      continue;
    counted++;
    found += !((double)row[best] >= c->threshold);
  }
  return counted ? (double)found / counted : 0;
}

static gboolean calibrate(const Options *o, GError **error) {
  g_autofree char *path = fmn_model_find_file(o->model, error);
  const char *out = o->out ? o->out : path;
  gboolean writable = path && fmn_target_check_file("--out", out, error) &&
                      fmn_target_check_not_train_data("--out", out, o->data, error);
  FmnModelFile *model = writable ? fmn_model_file_load(path, error) : NULL;
  FmnTrainData *data = model && fmn_check_classifier(model, error) ? load_data(o, model, error) : NULL;
  const FmnImages *images = data ? fmn_train_data_validation(data) : NULL;
  gboolean ok = images && fmn_check_images(model, images, error);
  if (ok) {
    int classes = (int)g_strv_length(model->labels);
    g_autofree float *logits = fmn_model_logits(model, images, FALSE, o->threads);
    g_autofree guint8 *labels = g_new(guint8, images->n);
    fmn_labels_choose(fmn_train_data_labels(data), images->labels, logits, images->n, labels);
    const FmnImages *unknown = fmn_train_data_unknown(data);
    g_autofree float *others = fmn_model_logits(model, unknown, FALSE, o->threads);
    FmnCalibration c = fmn_calibrate(data, logits, labels, others, classes, o->share);
    if (images->n < FMN_TEMPERATURE_IMAGES)
      fprintf(stderr, "fmnist-train: %d images are too few to tell how sure the network may be (%d would do)\n",
              images->n, FMN_TEMPERATURE_IMAGES);
    printf("%d images; calibration error %.4f without temperature\n", images->n,
           ece(logits, labels, images->n, classes, 1));
    printf("temperature %.4f -> %.4f, calibration error %.4f -> %.4f\n", model->temperature, c.temperature,
           ece(logits, labels, images->n, classes, model->temperature),
           ece(logits, labels, images->n, classes, c.temperature));
    printf("threshold %.4f -> %.4f: %.2f %% of the right answers are under it", model->threshold, c.threshold,
           100 * under(logits, labels, images->n, classes, &c));
    if (unknown->n)
      printf(", %.2f %% of %d pictures of no class", 100 * under(others, NULL, unknown->n, classes, &c), unknown->n);
    puts("");
    model->temperature = c.temperature;
    model->threshold = c.threshold;
    ok = fmn_model_file_save(model, out, model->half, error);
  }
  fmn_train_data_free(data);
  fmn_model_file_free(model);
  return ok;
}

static int run(int argc, char **argv) {
  Options o = {.validation = UNSET, .share = UNSET, .threads = command_threads()};
  const GOptionEntry entries[] = {
      {"model", 'm', 0, G_OPTION_ARG_FILENAME, &o.model, "Model: a file, or the name of one in FMNIST_MODEL_PATH or installed",
       "FILE"},
      {"out", 'o', 0, G_OPTION_ARG_FILENAME, &o.out, "Model file to write (the same)", "FILE"},
      {"data", 'd', 0, G_OPTION_ARG_FILENAME_ARRAY, &o.data,
       "Folder with the four IDX files; may be given several times (default: FMNIST_DATA or " FMN_DATA_DIR ")", "DIR"},
      {"validation", 0, 0, G_OPTION_ARG_DOUBLE, &o.validation,
       "Share of the training set to use (that which the model's training set aside)", "F"},
      {"seed", 's', 0, G_OPTION_ARG_STRING, &o.seed, "By which it is drawn (the training's)", "N"},
      {"share", 0, 0, G_OPTION_ARG_DOUBLE, &o.share,
       "Share of the right answers that may become unknown (0.005; 0.04 with pictures of no class)", "F"},
      {"threads", 't', 0, G_OPTION_ARG_INT, &o.threads, "Threads to compute with (all processors)", "N"},
      G_OPTION_ENTRY_NULL};
  GError *error = NULL;
  guint64 seed;
  int status = EXIT_USAGE;
  if (command_parse(
          &argc, &argv, NULL,
          "Fits a model's temperature and threshold on images that its training set aside, as train does at its end.",
          NULL, entries, 0)) {
    if (!o.model)
      command_usage("--model FILE is missing");
    else if (o.validation != UNSET && !(o.validation > 0 && o.validation <= 0.9))
      command_usage("--validation must be more than 0 and at most 0.9, not %g", o.validation);
    else if (o.share != UNSET && !(o.share >= 0 && o.share <= 1))
      command_usage("--share must be from 0 to 1, not %g", o.share);
    else if (!command_seed(o.seed, &seed, &error))
      command_usage_error(error);
    else if (command_check_threads(o.threads))
      status = calibrate(&o, &error) ? EXIT_OK : command_fail(error);
  }
  g_free(o.model);
  g_free(o.out);
  g_strfreev(o.data);
  g_free(o.seed);
  return status;
}

const Command command_calibrate = {"calibrate", "fit a model's temperature and threshold", run};
