#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "detect/yolo.h"
#include "io/model_file.h"
#include "test_scenes.h"
#include "train/confusions.h"
#include "train/evaluate.h"
#include "train/loss.h"
#include "train/metrics.h"
#include "train/scene_plan.h"
#include "train/picture.h"
#include "train/target.h"

#define COUNT 2000 /* scenes */
#define MAX_COUNT 10000000
#define UNSET G_MININT

typedef struct {
  char *model, *data, *format, *probs, *confusions, *scenes, *seed;
  gboolean tta;
  int threads, count, size;
} Options;

/* What a model says of the images of a test set. */
typedef struct {
  const FmnModelFile *model;
  const FmnImages *images;
  float *probabilities;      /* as an application gets them, or the mean with those of the mirror images */
  FmnMetrics *metrics, *raw; /* of these; and of those without temperature */
  int unknown[2];            /* answers under the model's threshold: wrong ones, right ones */
  int others, named;         /* pictures of none of the classes, and how many of them are not under it */
} Answers;

static void json_doubles(JsonBuilder *b, const char *label, const FmnMetrics *m, int k) {
  json_builder_begin_object(b);
  fmn_json_add_string(b, "label", label);
  fmn_json_add_double(b, "precision", m->precision[k]);
  fmn_json_add_double(b, "recall", m->recall[k]);
  fmn_json_add_double(b, "f1", m->f1[k]);
  fmn_json_add_int(b, "support", m->support[k]);
  json_builder_end_object(b);
}

static void print_json(const Answers *a) {
  const FmnModelFile *model = a->model;
  const FmnMetrics *m = a->metrics;
  g_autoptr(JsonBuilder) b = json_builder_new();
  json_builder_begin_object(b);
  fmn_json_add_string(b, "model", model->name);
  fmn_json_add_string(b, "arch", model->arch);
  fmn_json_add_int(b, "n", m->n);
  fmn_json_add_double(b, "accuracy", m->accuracy);
  fmn_json_add_double(b, "ece", m->ece);
  fmn_json_add_double(b, "ece_uncalibrated", a->raw->ece);
  fmn_json_add_double(b, "nll", m->nll);
  fmn_json_add_double(b, "temperature", model->temperature);
  fmn_json_add_double(b, "threshold", model->threshold);
  json_builder_set_member_name(b, "unknown");
  json_builder_begin_object(b);
  fmn_json_add_int(b, "right", a->unknown[TRUE]);
  fmn_json_add_int(b, "wrong", a->unknown[FALSE]);
  json_builder_end_object(b);
  json_builder_set_member_name(b, "no_class");
  json_builder_begin_object(b);
  fmn_json_add_int(b, "n", a->others);
  fmn_json_add_int(b, "named", a->named);
  json_builder_end_object(b);
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

static void print_text(const Answers *a) {
  const FmnModelFile *model = a->model;
  const FmnMetrics *m = a->metrics;
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
  int right = (int)lrint(m->accuracy * m->n), wrong = m->n - right;
  printf("\n\naccuracy %.4f\nexpected calibration error %.4f (%d bins; %.4f without the temperature of %.3f)\n",
         m->accuracy, m->ece, FMN_ECE_BINS, a->raw->ece, model->temperature);
  printf("unknown, under the threshold of %.4f: %d of %d right answers, %d of %d wrong ones\n", model->threshold,
         a->unknown[TRUE], right, a->unknown[FALSE], wrong);
  if (a->others)
    printf("of %d pictures of no class, named: %d\n", a->others, a->named);
}

static gboolean write_probs(const char *path, const float *p, gsize count, GError **error) {
  g_autofree guint32 *little = g_new(guint32, count);
  for (gsize i = 0; i < count; i++) {
    memcpy(&little[i], &p[i], sizeof *little);
    little[i] = GUINT32_TO_LE(little[i]);
  }
  return g_file_set_contents(path, (const char *)little, (gssize)(count * sizeof *little), error);
}

/* Softmax of the logits, the mean with that of the mirror images' where there are any. */
static float *probabilities(const float *logits, const float *mirrored, int n, int classes, double temperature) {
  gsize count = (gsize)n * (gsize)classes;
  float *p = g_new(float, MAX(1, count));
  fmn_softmax(logits, n, classes, temperature, p);
  if (mirrored) {
    g_autofree float *q = g_new(float, MAX(1, count));
    fmn_softmax(mirrored, n, classes, temperature, q);
    for (gsize i = 0; i < count; i++)
      p[i] = (p[i] + q[i]) / 2;
  }
  return p;
}

/* How many of the pictures of none of the classes get a name. */
static void count_named(Answers *a, const FmnImages *others, gboolean tta, int threads) {
  int classes = (int)g_strv_length(a->model->labels);
  g_autofree float *logits = fmn_model_logits(a->model, others, FALSE, threads);
  g_autofree float *mirrored = tta ? fmn_model_logits(a->model, others, TRUE, threads) : NULL;
  g_autofree float *p = probabilities(logits, mirrored, others->n, classes, a->model->temperature);
  a->others = others->n;
  for (int i = 0; i < others->n; i++) {
    const float *row = p + (gsize)i * (gsize)classes;
    a->named += (double)row[fmn_argmax(row, classes)] >= a->model->threshold;
  }
}

/* Images that may be any of several classes count as the likeliest of these from then on; others: of none. */
static Answers answer(const FmnModelFile *model, const FmnLabels *meaning, const FmnImages *images,
                      const FmnImages *others, gboolean tta, int threads) {
  Answers a = {model, images};
  count_named(&a, others, tta, threads);
  int n = images->n, classes = (int)g_strv_length(model->labels);
  g_autofree float *logits = fmn_model_logits(model, images, FALSE, threads);
  g_autofree float *mirrored = tta ? fmn_model_logits(model, images, TRUE, threads) : NULL;
  g_autofree float *raw = probabilities(logits, mirrored, n, classes, 1);
  a.probabilities = probabilities(logits, mirrored, n, classes, model->temperature);
  fmn_labels_choose(meaning, images->labels, a.probabilities, n, images->labels);
  a.metrics = fmn_metrics_new(a.probabilities, images->labels, n, classes);
  a.raw = fmn_metrics_new(raw, images->labels, n, classes);
  for (int i = 0; i < n; i++) {
    const float *p = a.probabilities + (gsize)i * (gsize)classes;
    int best = fmn_argmax(p, classes);
    if (!((double)p[best] >= model->threshold))
      a.unknown[best == images->labels[i]]++;
  }
  return a;
}

static void answers_clear(Answers *a) {
  g_free(a->probabilities);
  fmn_metrics_free(a->metrics);
  fmn_metrics_free(a->raw);
}

static gboolean report(const Options *o, const Answers *a, gboolean json, GError **error) {
  gsize count = (gsize)a->images->n * (gsize)a->metrics->classes;
  if (o->probs && !write_probs(o->probs, a->probabilities, count, error))
    return FALSE;
  if (o->confusions && !fmn_confusions_write(o->confusions, a->model, a->images, a->probabilities, error))
    return FALSE;
  (json ? print_json : print_text)(a);
  return TRUE;
}

static gboolean check_target(const Options *o, const char *option, const char *path, const char *model,
                             GError **error) {
  return !path || (fmn_target_check_file(option, path, error) &&
                   fmn_target_check_not(option, path, model, "the model itself", error) &&
                   fmn_target_check_not_data(option, path, o->data, error));
}

static gboolean check_targets(const Options *o, const char *model, GError **error) {
  return (!o->confusions || fmn_picture_check_name("--confusions", o->confusions, error)) &&
         check_target(o, "--probs", o->probs, model, error) &&
         check_target(o, "--confusions", o->confusions, model, error);
}

static gboolean check_kind(const FmnModelFile *model, GError **error) {
  if (!fmn_yolo_fits(model->graph, (int)g_strv_length(model->labels)))
    return fmn_check_classifier(model, error);
  g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
              "model “%s” (%s) is a detector, which is no classifier; measure it with --scenes green or --scenes mixed",
              model->name, model->arch);
  return FALSE;
}

static gboolean test(const Options *o, gboolean json, GError **error) {
  g_autofree char *path = fmn_model_find_file(o->model, error);
  FmnModelFile *model = path && check_targets(o, path, error) ? fmn_model_file_load(path, error) : NULL;
  FmnLabels *meaning =
      model && check_kind(model, error) ? fmn_labels_new((const char *const *)model->labels, error) : NULL;
  FmnDataset *data = meaning ? fmn_dataset_load(o->data, FMN_SPLIT_TEST, error) : NULL;
  gboolean fits = data && fmn_dataset_fit(data, model->preprocess.height, model->preprocess.width, error);
  FmnImages *images = fits && fmn_labels_join(meaning, data, error) ? fmn_images_from_dataset(data) : NULL;
  FmnImages *others = images ? fmn_images_take_unknown(images, meaning) : NULL;
  gboolean ok = images && fmn_check_images(model, images, error);
  if (ok) {
    Answers a = answer(model, meaning, images, others, o->tta, o->threads);
    ok = report(o, &a, json, error);
    answers_clear(&a);
  }
  fmn_images_free(images);
  fmn_images_free(others);
  fmn_dataset_free(data);
  fmn_labels_free(meaning);
  fmn_model_file_free(model);
  return ok;
}

static int run(int argc, char **argv) {
  Options o = {.threads = command_threads(), .count = UNSET};
  const GOptionEntry entries[] = {
      {"model", 'm', 0, G_OPTION_ARG_FILENAME, &o.model, "Model: a file, or the name of one in FMNIST_MODEL_PATH or installed",
       "FILE"},
      {"data", 'd', 0, G_OPTION_ARG_FILENAME, &o.data,
       "Folder with the IDX files (default: FMNIST_DATA or " FMN_DATA_DIR ")", "DIR"},
      {"format", 'f', 0, G_OPTION_ARG_STRING, &o.format, "text or json (text)", "NAME"},
      {"probs", 0, 0, G_OPTION_ARG_FILENAME, &o.probs,
       "Write the probabilities, images × classes little-endian float32", "FILE"},
      {"confusions", 0, 0, G_OPTION_ARG_FILENAME, &o.confusions,
       "Draw the worst confusions with their images, as SVG or PNG", "FILE"},
      {"tta", 0, 0, G_OPTION_ARG_NONE, &o.tta, "Average each image's answer with that for its mirror image", NULL},
      {"scenes", 0, 0, G_OPTION_ARG_STRING, &o.scenes,
       "Of a detector: on composed scenes of test items, green, mixed, photos, worn or nothing", "PRESET"},
      {"count", 'n', 0, G_OPTION_ARG_INT, &o.count, "How many scenes (2000)", "N"},
      {"seed", 's', 0, G_OPTION_ARG_STRING, &o.seed, "Of the scenes (1)", "N"},
      {"size", 0, 0, G_OPTION_ARG_INT, &o.size, "Width of the detector's input, a multiple of 32 (the model's)", "N"},
      {"threads", 't', 0, G_OPTION_ARG_INT, &o.threads, "Threads to compute with (all processors)", "N"},
      G_OPTION_ENTRY_NULL};
  GError *error = NULL;
  FmnScenePreset preset = FMN_SCENE_MIXED;
  guint64 seed = 1;
  gboolean ok;
  int status = EXIT_USAGE;
  if (command_parse(&argc, &argv, NULL, "Measures a model on the test set.", NULL, entries, 0)) {
    gboolean json = command_json(o.format, &ok);
    if (!ok)
      status = EXIT_USAGE;
    else if (!o.model)
      command_usage("--model FILE is missing");
    else if (o.count != UNSET && (o.count < 1 || o.count > MAX_COUNT))
      command_usage("--count must be from 1 to %d, not %d", MAX_COUNT, o.count);
    else if (!o.scenes && (o.count != UNSET || o.seed || o.size))
      command_usage("--count, --seed and --size go with --scenes");
    else if (o.size && !fmn_yolo_side_fits(o.size))
      command_usage("--size must be a multiple of %d up to %d, not %d", FMN_YOLO_STRIDE, FMN_YOLO_MAX_SIDE, o.size);
    else if (o.scenes && (o.probs || o.confusions || o.tta))
      command_usage("--probs, --confusions and --tta are for classifiers, --scenes for detectors");
    else if ((o.scenes && !fmn_scene_preset_parse(o.scenes, &preset, &error)) || !command_seed(o.seed, &seed, &error) ||
             !fmn_target_check_distinct(&error, "--probs", o.probs, "--confusions", o.confusions, NULL))
      command_usage_error(error);
    else if (!command_check_threads(o.threads))
      status = EXIT_USAGE;
    else if (o.scenes)
      status = test_scenes(&(TestScenes){o.model, o.data, o.scenes, preset, seed, o.count != UNSET ? o.count : COUNT,
                                         o.size, o.threads},
                           json, &error)
                   ? EXIT_OK
                   : command_fail(error);
    else
      status = test(&o, json, &error) ? EXIT_OK : command_fail(error);
  }
  g_free(o.model);
  g_free(o.data);
  g_free(o.format);
  g_free(o.probs);
  g_free(o.confusions);
  g_free(o.scenes);
  g_free(o.seed);
  return status;
}

const Command command_test = {"test", "measure a model on the test set", run};
