#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "train/calibrate.h"
#include "train/evaluate.h"
#include "train/loss.h"
#include "train/metrics.h"
#include "train/session_state.h"

static void set(FmnModelFile *m, const char *key, char *value) {
  g_hash_table_replace(m->metadata, g_strdup(key), value);
}

static void set_accuracy(FmnModelFile *m, const char *key, double value) {
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  if (isnan(value))
    g_hash_table_remove(m->metadata, key);
  else
    set(m, key, g_strdup(g_ascii_formatd(text, sizeof text, "%.4f", value)));
}

static void describe(FmnSession *s, gboolean complete) {
  const FmnTrainConfig *c = s->config;
  set(s->model, "command", fmn_train_config_command(c));
  set(s->model, "seed", g_strdup_printf("%" G_GUINT64_FORMAT, c->seed));
  set(s->model, "dataset_sha256", g_strdup(fmn_train_data_sha256(s->data)));
  set(s->model, "epochs", g_strdup_printf("%d", s->epoch));
  set(s->model, "version", g_strdup(FMN_VERSION));
  if (s->best_epoch)
    set(s->model, "best_epoch", g_strdup_printf("%d", s->best_epoch));
  if (s->teacher)
    set(s->model, "teacher_sha256", g_strdup(fmn_teacher_sha256(s->teacher)));
  if (!complete)
    set(s->model, "unfinished", g_strdup_printf("stopped after %d of %d epochs", s->epoch, c->recipe.epochs));
}

/* Accuracy of the model on images (NAN: there are none); calibrates it by them when asked to. */
static double measure(FmnModelFile *model, FmnPlan *plan, const FmnImages *images, int threads,
                      FmnCalibration *calibration) {
  int classes = (int)g_strv_length(model->labels);
  if (images->n == 0)
    return NAN;
  g_autofree float *p = g_new(float, (gsize)images->n *(gsize)classes);
  fmn_evaluate(plan, &model->preprocess, images, FALSE, threads, p);
  if (calibration)
    *calibration = fmn_calibrate(p, images->labels, images->n, classes, FMN_THRESHOLD_SHARE);
  FmnMetrics *m = fmn_metrics_new(p, images->labels, images->n, classes);
  double accuracy = m->accuracy;
  fmn_metrics_free(m);
  return accuracy;
}

/* The test split beside the first data set, where there is one. */
static double measure_test(FmnSession *s, FmnModelFile *model, FmnPlan *plan) {
  g_autofree char *dir = s->config->data ? fmn_train_data_dir(s->config->data[0]) : NULL;
  g_autoptr(GError) error = NULL;
  FmnDataset *test = fmn_dataset_load(dir, FMN_SPLIT_TEST, s->classes, &error);
  if (!test) {
    fmn_session_notice(s, "no test accuracy: %s", error->message);
    return NAN;
  }
  double accuracy = NAN;
  const FmnPreprocess *p = &model->preprocess;
  FmnImages *images = fmn_images_from_dataset(test);
  if (fmn_images_fit(images, p->channels, p->height, p->width))
    accuracy = measure(model, plan, images, s->config->threads, NULL);
  else
    fmn_session_notice(s, "no test accuracy: the test images are of another size than those for training");
  fmn_images_free(images);
  fmn_dataset_free(test);
  return accuracy;
}

/* Writes the model beside its place, reads it back and measures what was read. */
static gboolean measure_written(FmnSession *s, FmnResult *result, GError **error) {
  g_autofree char *path = g_strconcat(s->config->out, ".new", NULL);
  if (!fmn_model_file_save(s->model, path, TRUE, error))
    return FALSE;
  FmnModelFile *read = fmn_model_file_load(path, error);
  g_unlink(path);
  if (!read)
    return FALSE;
  FmnPlan *plan = fmn_plan_new(read->graph);
  result->calibration = (FmnCalibration){1, 0};
  result->validation_accuracy =
      measure(read, plan, fmn_train_data_validation(s->data), s->config->threads, &result->calibration);
  result->test_accuracy = measure_test(s, read, plan);
  fmn_plan_unref(plan);
  fmn_model_file_free(read);
  return TRUE;
}

gboolean fmn_session_finish(FmnSession *s, gboolean complete, FmnResult *result, GError **error) {
  g_autofree float **weights =
      s->best ? g_memdup2(s->best, sizeof(float *) * (gsize)s->n_params) : fmn_session_watched(s);
  g_autofree char *checkpoint = fmn_train_config_checkpoint(s->config);
  describe(s, complete);
  result->best_epoch = s->best_epoch;
  result->epochs_done = s->epoch;
  fmn_session_swap_weights(s, weights);
  gboolean ok = measure_written(s, result, error);
  if (ok) {
    s->model->temperature = result->calibration.temperature;
    s->model->threshold = result->calibration.threshold;
    set_accuracy(s->model, "validation_accuracy", result->validation_accuracy);
    set_accuracy(s->model, "test_accuracy", result->test_accuracy);
    ok = fmn_model_file_save(s->model, s->config->out, TRUE, error);
  }
  fmn_session_swap_weights(s, weights);
  if (ok && complete)
    g_unlink(checkpoint);
  return ok;
}

gboolean fmn_session_is_finished(const FmnSession *s) {
  FmnModelFile *file = fmn_model_file_load(s->config->out, NULL);
  g_autofree char *command = fmn_train_config_command(s->config);
  gboolean same = file && !g_hash_table_contains(file->metadata, "unfinished") &&
                  g_strcmp0(g_hash_table_lookup(file->metadata, "command"), command) == 0 &&
                  g_strcmp0(g_hash_table_lookup(file->metadata, "dataset_sha256"), fmn_train_data_sha256(s->data)) == 0 &&
                  g_strcmp0(g_hash_table_lookup(file->metadata, "teacher_sha256"),
                            s->teacher ? fmn_teacher_sha256(s->teacher) : NULL) == 0;
  fmn_model_file_free(file);
  return same;
}
