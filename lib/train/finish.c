#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "io/model_meta.h"
#include "train/session_state.h"

void fmn_session_describe(FmnSession *s, const char *key, char *value) {
  g_hash_table_replace(s->model->metadata, g_strdup(key), value);
}

void fmn_session_describe_number(FmnSession *s, const char *key, double value) {
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  if (isnan(value))
    g_hash_table_remove(s->model->metadata, key);
  else
    fmn_session_describe(s, key, g_strdup(g_ascii_formatd(text, sizeof text, "%.4f", value)));
}

/* What the labels of the data mean; NULL: the model's classes, all of them, in one data set. */
static const char *data_labels(const FmnSession *s) {
  g_autofree char *classes = fmn_labels_format(s->model->labels);
  const char *meaning = fmn_train_data_meaning(s->data);
  return g_str_equal(meaning, classes) ? NULL : meaning;
}

static void describe(FmnSession *s, gboolean complete) {
  const FmnTrainConfig *c = s->config;
  const char *labels = data_labels(s);
  if (labels)
    fmn_session_describe(s, "data_labels", g_strdup(labels));
  fmn_session_describe(s, "command", fmn_train_config_command(c));
  fmn_session_describe(s, "seed", g_strdup_printf("%" G_GUINT64_FORMAT, c->seed));
  fmn_session_describe(s, "dataset_sha256", g_strdup(fmn_train_data_sha256(s->data)));
  fmn_session_describe(s, "epochs", g_strdup_printf("%d", s->epoch));
  fmn_session_describe(s, "version", g_strdup(FMN_VERSION));
  if (s->best_epoch && !c->keep_last)
    fmn_session_describe(s, "best_epoch", g_strdup_printf("%d", s->best_epoch));
  if (s->teacher)
    fmn_session_describe(s, "teacher_sha256", g_strdup(fmn_teacher_sha256(s->teacher)));
  if (!complete)
    fmn_session_describe(s, "unfinished", g_strdup_printf("stopped after %d of %d epochs", s->epoch, c->recipe.epochs));
}

/* Writes the model beside its place, under a name that no other file has, reads it back and measures what was read. */
static gboolean measure_written(FmnSession *s, gboolean complete, FmnResult *result, GError **error) {
  g_autofree char *path = g_strconcat(s->config->out, ".XXXXXX", NULL);
  int fd = g_mkstemp(path);
  if (fd < 0) {
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno), "cannot write %s: %s", path,
                g_strerror(errno));
    return FALSE;
  }
  close(fd);
  FmnModelFile *read = fmn_model_file_save(s->model, path, TRUE, error) ? fmn_model_file_load(path, error) : NULL;
  g_unlink(path);
  gboolean ok = read && s->task->measure(s, read, complete, result, error);
  fmn_model_file_free(read);
  return ok;
}

gboolean fmn_session_finish(FmnSession *s, gboolean complete, FmnResult *result, GError **error) {
  gboolean kept = s->best && !s->config->keep_last;
  g_autofree float **weights = kept ? g_memdup2(s->best, sizeof(float *) * (gsize)s->n_params) : fmn_session_watched(s);
  g_autofree char *checkpoint = fmn_train_config_checkpoint(s->config);
  describe(s, complete);
  *result = (FmnResult){.validation_accuracy = NAN,
                        .test_accuracy = NAN,
                        .validation_map = NAN,
                        .map50 = NAN,
                        .map50_95 = NAN,
                        .calibration = {1, 0}};
  result->best_epoch = kept ? s->best_epoch : 0;
  result->epochs_done = s->epoch;
  fmn_trainer_swap_weights(s->trainer, weights);
  gboolean ok =
      measure_written(s, complete, result, error) && fmn_model_file_save(s->model, s->config->out, TRUE, error);
  fmn_trainer_swap_weights(s->trainer, weights);
  if (ok && complete)
    g_unlink(checkpoint);
  return ok;
}

/* Whether the file that the training starts from is, as far as one can tell, what it was when this model was trained.
 */
static gboolean starts_alike(const FmnSession *s, const FmnModelFile *file) {
  const char *then = g_hash_table_lookup(file->metadata, "init_sha256");
  g_autofree char *now = s->config->init ? fmn_model_file_sha256(s->config->init, NULL) : NULL;
  return !then || !now || strcmp(then, now) == 0;
}

gboolean fmn_session_is_finished(const FmnSession *s) {
  FmnModelFile *file = fmn_model_file_load(s->config->out, NULL);
  g_autofree char *command = fmn_train_config_command(s->config);
  gboolean same =
      file && !g_hash_table_contains(file->metadata, "unfinished") &&
      g_strv_equal((const char *const *)file->labels, (const char *const *)s->model->labels) &&
      g_strcmp0(g_hash_table_lookup(file->metadata, "command"), command) == 0 && starts_alike(s, file) &&
      g_strcmp0(g_hash_table_lookup(file->metadata, "data_labels"), data_labels(s)) == 0 &&
      g_strcmp0(g_hash_table_lookup(file->metadata, "dataset_sha256"), fmn_train_data_sha256(s->data)) == 0 &&
      g_strcmp0(g_hash_table_lookup(file->metadata, "cutouts_sha256"),
                g_hash_table_lookup(s->model->metadata, "cutouts_sha256")) == 0 &&
      g_strcmp0(g_hash_table_lookup(file->metadata, "teacher_sha256"),
                s->teacher ? fmn_teacher_sha256(s->teacher) : NULL) == 0;
  fmn_model_file_free(file);
  return same;
}
