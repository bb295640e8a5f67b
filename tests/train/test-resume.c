/* Trainings that stop, or come to a bad end, and what their checkpoints are good for. */
#include <string.h>

#include "error.h"
#include "io/model_file.h"
#include "io/safetensors.h"
#include "session-fixture.h"

static void assert_same(const Fixture *f, const char *a, const char *b) {
  g_autofree char *x = in_folder(f, a), *y = in_folder(f, b);
  synthetic_same_bytes(x, y);
}

/* Stopped after every so many steps and resumed each time: the same bytes. */
static void test_resume(Fixture *f, gconstpointer data) {
  int threads = GPOINTER_TO_INT(data);
  FmnTrainConfig *a = make_config(f, "a.safetensors", threads), *b = make_config(f, "b.safetensors", threads);
  a->recipe.sam = b->recipe.sam = 0.05;
  g_assert_cmpint(run_ok(f, a, NULL), ==, FMN_OUTCOME_FINISHED);
  int total = f->steps, parts = 0;
  f->stop_after = 2;
  FmnOutcome outcome = FMN_OUTCOME_STOPPED;
  for (; outcome == FMN_OUTCOME_STOPPED; parts++) {
    outcome = run_ok(f, b, NULL);
    g_assert_cmpint(exists(f, "b.safetensors.ckpt"), ==, outcome == FMN_OUTCOME_STOPPED);
    b->resume = TRUE;
  }
  g_assert_cmpint(outcome, ==, FMN_OUTCOME_FINISHED);
  g_assert_cmpint(parts, >=, total / 2);
  assert_same(f, "a.safetensors", "b.safetensors");
  fmn_train_config_free(a);
  fmn_train_config_free(b);
}

/* Whether the best or the last weights are wanted may still change, even when the best ones are long gone. */
static void test_other_keep(Fixture *f, gconstpointer data) {
  FmnTrainConfig *a = make_config(f, "a.safetensors", 1), *b = make_config(f, "b.safetensors", 1);
  FmnResult best;
  for (int i = 0; i < 2; i++) { /* what it learns in the end makes it worse */
    FmnRecipe *r = i ? &b->recipe : &a->recipe;
    r->ema = 0;
    r->last_epochs = 2;
    r->last_augment = "negative:1";
    r->epochs = 7;
  }
  g_assert_cmpint(run_ok(f, a, &best), ==, FMN_OUTCOME_FINISHED);
  g_assert_cmpint(best.best_epoch, <, 7);
  b->keep_last = TRUE;
  f->stop_after = best.best_epoch * (f->steps / 7) + 1;
  g_assert_cmpint(run_ok(f, b, NULL), ==, FMN_OUTCOME_STOPPED);
  f->stop_after = 0;
  b->keep_last = FALSE;
  b->resume = TRUE;
  g_assert_cmpint(run_ok(f, b, NULL), ==, FMN_OUTCOME_FINISHED);
  assert_same(f, "a.safetensors", "b.safetensors");
  fmn_train_config_free(a);
  fmn_train_config_free(b);
}

/* Resumed without a checkpoint it starts afresh and says so. */
static void test_resume_nothing(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1);
  c->recipe.epochs = 1;
  c->resume = TRUE;
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_FINISHED);
  g_assert_nonnull(strstr(f->notices->str, "starting afresh"));
  fmn_train_config_free(c);
}

static void test_time_limit(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  FmnTrainConfig *a = make_config(f, "a.safetensors", 1), *b = make_config(f, "b.safetensors", 1);
  g_assert_cmpint(run_ok(f, a, NULL), ==, FMN_OUTCOME_FINISHED);
  b->time_limit = 1e-3;
  FmnResult result;
  g_assert_cmpint(run_ok(f, b, &result), ==, FMN_OUTCOME_TIME_LIMIT);
  g_assert_cmpint(result.epochs_done, <, EPOCHS);
  g_assert_true(exists(f, "b.safetensors.ckpt"));
  FmnModelFile *m = fmn_model_file_load(b->out, &error);
  g_assert_no_error(error);
  g_assert_nonnull(strstr(g_hash_table_lookup(m->metadata, "unfinished"), "of 3 epochs"));
  fmn_model_file_free(m);
  b->time_limit = 0;
  b->resume = TRUE;
  g_assert_cmpint(run_ok(f, b, NULL), ==, FMN_OUTCOME_FINISHED);
  assert_same(f, "a.safetensors", "b.safetensors");
  fmn_train_config_free(a);
  fmn_train_config_free(b);
}

/* Options that would change the result are refused at resume, and named. */
static void test_other_options(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1);
  f->stop_after = 1;
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_STOPPED);
  c->resume = TRUE;
  FmnRecipe recipe = c->recipe;
  for (int i = 0; i < 4; i++) {
    g_autoptr(GError) error = NULL;
    const char *names[] = {"--lr", "--augment", "--threads", "--ema"};
    c->recipe = recipe;
    c->threads = i == 2 ? 2 : 1;
    if (i == 0)
      c->recipe.rate = 0.5;
    if (i == 1)
      c->recipe.augment = "none";
    if (i == 3)
      c->recipe.ema = 0;
    g_assert_cmpint(run(f, c, NULL, &error), ==, FMN_OUTCOME_FAILED);
    g_assert_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT);
    g_assert_nonnull(strstr(error->message, names[i]));
  }
  c->recipe = recipe;
  c->threads = 1;
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_STOPPED);
  fmn_train_config_free(c);
}

/* Nor do other names of the classes: what is learned already would mean something else. */
static void test_other_classes(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1);
  const char *const names = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n", *const swapped = "b\na\nc\nd\ne\nf\ng\nh\ni\nj\n";
  g_autoptr(GError) error = NULL;
  synthetic_name_classes(f->folder, names);
  f->stop_after = 1;
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_STOPPED);
  c->resume = TRUE;
  f->stop_after = 0;
  synthetic_name_classes(f->folder, swapped);
  g_assert_cmpint(run(f, c, NULL, &error), ==, FMN_OUTCOME_FAILED);
  g_assert_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT);
  g_assert_nonnull(strstr(error->message, "the classes"));
  synthetic_name_classes(f->folder, names);
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_FINISHED);
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_ALREADY);
  synthetic_name_classes(f->folder, swapped);
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_FINISHED); /* it is another model */
  fmn_train_config_free(c);
}

/* Nor do other weights of the same data sets, though an epoch be as long. */
static void test_other_weights(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  char *other = synthetic_folder(IMAGES);
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1);
  for (int i = 0; i < 2; i++) {
    g_strfreev(c->data);
    g_autofree char *first = g_strconcat(f->folder, i ? "" : ":2", NULL),
                    *second = g_strconcat(other, i ? ":2" : "", NULL);
    c->data = g_strdupv((char *[]){first, second, NULL});
    f->stop_after = 1;
    if (i == 0)
      g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_STOPPED);
    c->resume = TRUE;
  }
  g_assert_cmpint(run(f, c, NULL, &error), ==, FMN_OUTCOME_FAILED);
  g_assert_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT);
  g_assert_nonnull(strstr(error->message, "images an epoch"));
  fmn_train_config_free(c);
  folder_free(other);
}

static void test_damaged_checkpoint(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1);
  g_autofree char *path = fmn_train_config_checkpoint(c), *whole = NULL;
  gsize size;
  f->stop_after = 1;
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_STOPPED);
  g_assert_true(g_file_get_contents(path, &whole, &size, NULL));
  c->resume = TRUE;
  const gsize lengths[] = {0, 7, 100, size / 2, size - 1};
  for (gsize i = 0; i < G_N_ELEMENTS(lengths); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_true(g_file_set_contents(path, whole, (gssize)lengths[i], NULL));
    g_assert_cmpint(run(f, c, NULL, &error), ==, FMN_OUTCOME_FAILED);
    g_assert_nonnull(strstr(error->message, ".ckpt"));
    g_assert_nonnull(strstr(error->message, "delete it, or train without --resume"));
  }
  char *step = g_strstr_len(whole + 8, (gssize)size - 8, "\\\"step\\\":");
  g_assert_nonnull(step);
  step[strlen("\\\"step\\\":")] = '9'; /* an epoch has three steps */
  g_autoptr(GError) error = NULL;
  g_assert_true(g_file_set_contents(path, whole, (gssize)size, NULL));
  g_assert_cmpint(run(f, c, NULL, &error), ==, FMN_OUTCOME_FAILED);
  g_assert_nonnull(strstr(error->message, "position"));
  fmn_train_config_free(c);
}

/* One whose brackets would take a recursive reader's stack is refused, too. */
static void test_deep_checkpoint(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1);
  g_autofree char *path = fmn_train_config_checkpoint(c), *deep = g_strnfill(900000, '[');
  static const char *const keys[] = {"options", "state"};
  f->stop_after = 1;
  c->resume = TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
    g_autoptr(GError) error = NULL;
    g_unlink(path);
    g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_STOPPED);
    FmnSafetensors *whole = fmn_safetensors_load(path, NULL);
    FmnSafetensorsWriter *w = fmn_safetensors_writer_new();
    for (int k = 0; k < 3; k++) {
      const char *key = ((const char *const[]){"format", "options", "state"})[k];
      fmn_safetensors_writer_metadata(w, key, g_str_equal(key, keys[i]) ? deep : fmn_safetensors_metadata(whole, key));
    }
    g_assert_true(fmn_safetensors_writer_save(w, path, NULL));
    fmn_safetensors_writer_free(w);
    fmn_safetensors_free(whole);
    g_assert_cmpint(run(f, c, NULL, &error), ==, FMN_OUTCOME_FAILED);
    g_assert_nonnull(strstr(error->message, "delete it, or train without --resume"));
  }
  fmn_train_config_free(c);
}

/* Nor does another meaning of the labels of a further data set, whose files are the same. */
static void test_other_meaning(Fixture *f, gconstpointer data) {
  const char *const first = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n", *const swapped = "b\na\nc\nd\ne\nf\ng\nh\ni\nj\n";
  g_autoptr(GError) error = NULL;
  char *other = synthetic_folder(IMAGES);
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1);
  g_strfreev(c->data);
  c->data = g_strdupv((char *[]){f->folder, other, NULL});
  synthetic_name_classes(f->folder, first);
  synthetic_name_classes(other, first);
  f->stop_after = 1;
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_STOPPED);
  c->resume = TRUE;
  f->stop_after = 0;
  synthetic_name_classes(other, swapped);
  g_assert_cmpint(run(f, c, NULL, &error), ==, FMN_OUTCOME_FAILED);
  g_assert_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT);
  g_assert_nonnull(strstr(error->message, "what the data's labels mean"));
  synthetic_name_classes(other, first);
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_FINISHED);
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_ALREADY);
  synthetic_name_classes(other, swapped);
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_FINISHED);
  fmn_train_config_free(c);
  folder_free(other);
}

/* A finished training is begun again where the model that it starts from has become another one. */
static void test_other_start(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1), *d = make_config(f, "b.safetensors", 1);
  c->recipe.epochs = d->recipe.epochs = 2;
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_FINISHED);
  d->init = in_folder(f, "a.safetensors");
  f->stop_after = 1;
  g_assert_cmpint(run_ok(f, d, NULL), ==, FMN_OUTCOME_STOPPED); /* the checkpoint knows, too, where it started */
  f->stop_after = 0;
  d->resume = TRUE;
  g_assert_cmpint(run_ok(f, d, NULL), ==, FMN_OUTCOME_FINISHED);
  g_assert_cmpint(run_ok(f, d, NULL), ==, FMN_OUTCOME_ALREADY);
  c->seed = 8;
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_FINISHED);
  g_assert_cmpint(run_ok(f, d, NULL), ==, FMN_OUTCOME_FINISHED);
  g_autofree char *path = in_folder(f, "a.safetensors");
  g_unlink(path); /* what is not there any more cannot be another one */
  g_assert_cmpint(run_ok(f, d, NULL), ==, FMN_OUTCOME_ALREADY);
  fmn_train_config_free(c);
  fmn_train_config_free(d);
}

/* A training that diverges ends with an error and leaves the checkpoint of better days. */
static void test_diverges(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1);
  c->recipe.optimizer = (FmnOptimizerConfig){FMN_OPTIMIZER_SGD, 0.9, 10, TRUE};
  c->recipe.rate = 1000;
  c->recipe.epochs = 50;
  c->recipe.validation = 0;
  c->recipe.warmup = 0;
  c->recipe.schedule = "constant";
  g_assert_cmpint(run(f, c, NULL, &error), ==, FMN_OUTCOME_FAILED);
  g_assert_nonnull(strstr(error->message, "diverged"));
  g_assert_false(exists(f, "a.safetensors"));
  if (f->epochs > 0) {
    g_assert_true(exists(f, "a.safetensors.ckpt"));
    f->stop_after = 1; /* it can be read, so no weight in it is NaN */
    c->resume = TRUE;
    g_clear_error(&error);
    run(f, c, NULL, &error);
    g_assert_nonnull(strstr(f->notices->str, "going on from"));
  }
  fmn_train_config_free(c);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  ADD("/session/resume-one-thread", GINT_TO_POINTER(1), test_resume);
  ADD("/session/resume-two-threads", GINT_TO_POINTER(2), test_resume);
  ADD("/session/other-keep", NULL, test_other_keep);
  ADD("/session/resume-nothing", NULL, test_resume_nothing);
  ADD("/session/time-limit", NULL, test_time_limit);
  ADD("/session/other-options", NULL, test_other_options);
  ADD("/session/other-classes", NULL, test_other_classes);
  ADD("/session/other-weights", NULL, test_other_weights);
  ADD("/session/damaged-checkpoint", NULL, test_damaged_checkpoint);
  ADD("/session/deep-checkpoint", NULL, test_deep_checkpoint);
  ADD("/session/other-meaning", NULL, test_other_meaning);
  ADD("/session/other-start", NULL, test_other_start);
  ADD("/session/diverges", NULL, test_diverges);
  return g_test_run();
}
