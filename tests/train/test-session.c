#include <math.h>

#include "error.h"
#include "io/model_file.h"
#include "synthetic.h"
#include "train/plot.h"
#include "train/session.h"

#define IMAGES 80
#define EPOCHS 3

typedef struct {
  char *folder;
  int stop_after; /* steps; 0: never */
  int steps, epochs;
  GString *notices;
} Fixture;

static gboolean on_stop(gpointer user) {
  const Fixture *f = user;
  return f->stop_after > 0 && f->steps >= f->stop_after;
}

static void on_step(const FmnProgress *p, gpointer user) {
  Fixture *f = user;
  f->steps++;
  g_assert_cmpint(p->step, <=, p->steps);
  g_assert_true(isfinite(p->loss) && p->images_per_s > 0 && p->seconds_left >= 0);
}

static void on_epoch(const FmnEpoch *e, gpointer user) { ((Fixture *)user)->epochs++; }

static void on_notice(const char *text, gpointer user) { g_string_append(((Fixture *)user)->notices, text); }

static void set_up(Fixture *f, gconstpointer data) {
  f->folder = synthetic_folder(IMAGES);
  f->notices = g_string_new(NULL);
}

static void tear_down(Fixture *f, gconstpointer data) {
  synthetic_folder_free(f->folder);
  g_string_free(f->notices, TRUE);
}

static char *in_folder(const Fixture *f, const char *name) { return g_build_filename(f->folder, name, NULL); }

/* Everything that has a state is on. */
static FmnTrainConfig *make_config(const Fixture *f, const char *out, int threads) {
  FmnTrainConfig *c = fmn_train_config_new("compact");
  c->out = in_folder(f, out);
  c->data = g_strdupv((char *[]){f->folder, NULL});
  c->threads = threads;
  c->seed = 7;
  c->recipe = (FmnRecipe){.epochs = EPOCHS,
                          .batch = 16,
                          .optimizer = {FMN_OPTIMIZER_ADAM, 0.9, 0.01, FALSE},
                          .rate = 3e-3,
                          .schedule = "plateau:0.5:1",
                          .augment = "shift:1,erase:0.2,cutmix:0.2",
                          .label_smoothing = 0.1,
                          .ema = 0.9,
                          .validation = 0.25};
  return c;
}

static FmnOutcome run(Fixture *f, const FmnTrainConfig *c, FmnResult *result, GError **error) {
  FmnListener listener = {on_step, on_epoch, on_notice, on_stop, f};
  FmnResult ignored;
  f->steps = f->epochs = 0;
  FmnSession *s = fmn_session_new(c, &listener, error);
  FmnOutcome outcome = s ? fmn_session_run(s, result ? result : &ignored, error) : FMN_OUTCOME_FAILED;
  fmn_session_free(s);
  return outcome;
}

static FmnOutcome run_ok(Fixture *f, const FmnTrainConfig *c, FmnResult *result) {
  g_autoptr(GError) error = NULL;
  FmnOutcome outcome = run(f, c, result, &error);
  g_assert_no_error(error);
  return outcome;
}

static gboolean exists(const Fixture *f, const char *name) {
  g_autofree char *path = in_folder(f, name);
  return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void assert_same(const Fixture *f, const char *a, const char *b) {
  g_autofree char *x = in_folder(f, a), *y = in_folder(f, b);
  synthetic_same_bytes(x, y);
}

/* It learns, and the file says what it is. */
static void test_learns(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  FmnTrainConfig *c = make_config(f, "a.safetensors", 2);
  FmnResult result;
  c->recipe.epochs = 12;
  c->recipe.augment = "none";
  c->recipe.ema = 0;
  g_assert_cmpint(run_ok(f, c, &result), ==, FMN_OUTCOME_FINISHED);
  g_assert_cmpfloat(result.validation_accuracy, >=, 0.9);
  g_assert_cmpfloat(result.test_accuracy, >=, 0.9);
  g_assert_cmpint(f->epochs, ==, 12);
  g_assert_false(exists(f, "a.safetensors.ckpt"));
  g_assert_false(exists(f, "a.safetensors.new"));
  FmnModelFile *m = fmn_model_file_load(c->out, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(m->arch, ==, "compact");
  g_assert_cmpstr(g_hash_table_lookup(m->metadata, "epochs"), ==, "12");
  g_assert_cmpstr(g_hash_table_lookup(m->metadata, "seed"), ==, "7");
  g_assert_cmpfloat_with_epsilon(g_ascii_strtod(g_hash_table_lookup(m->metadata, "test_accuracy"), NULL),
                                 result.test_accuracy, 1e-4);
  g_assert_nonnull(strstr(g_hash_table_lookup(m->metadata, "command"), "--label-smoothing 0.1"));
  g_assert_cmpuint(strlen(g_hash_table_lookup(m->metadata, "dataset_sha256")), ==, 64);
  g_assert_cmpfloat_with_epsilon(m->temperature, result.calibration.temperature, 1e-3);
  g_assert_cmpfloat_with_epsilon(m->threshold, result.calibration.threshold, 1e-9);
  g_assert_cmpfloat(m->threshold, >, 0.1);
  g_assert_false(g_hash_table_contains(m->metadata, "unfinished"));
  fmn_model_file_free(m);
  c->resume = TRUE;
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_ALREADY);
  fmn_train_config_free(c);
}

/* Stopped after every so many steps and resumed each time: the same bytes. */
static void test_resume(Fixture *f, gconstpointer data) {
  int threads = GPOINTER_TO_INT(data);
  FmnTrainConfig *a = make_config(f, "a.safetensors", threads), *b = make_config(f, "b.safetensors", threads);
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

static void test_no_validation(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1);
  FmnResult result;
  c->recipe.validation = 0;
  c->recipe.epochs = 1;
  c->recipe.batch = 1000; /* more than there are images */
  g_assert_cmpint(run_ok(f, c, &result), ==, FMN_OUTCOME_FINISHED);
  g_assert_true(isnan(result.validation_accuracy));
  g_assert_cmpfloat(result.calibration.temperature, ==, 1);
  g_assert_cmpfloat(result.calibration.threshold, ==, 0);
  g_assert_cmpint(result.best_epoch, ==, 0);
  fmn_train_config_free(c);
}

static void add_param(const char *name, FmnParam *param, gpointer sum) {
  g_checksum_update(sum, (const guchar *)param->data, (gssize)(fmn_param_count(param) * sizeof(float)));
}

static char *digest_of_weights(FmnModelFile *m) {
  GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
  fmn_graph_foreach_param(m->graph, add_param, sum);
  char *digest = g_strdup(g_checksum_get_string(sum));
  g_checksum_free(sum);
  return digest;
}

/* The last epoch's weights, where these are wanted, whichever epoch was the best. */
static void test_keep_last(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1), *d = make_config(f, "b.safetensors", 1);
  FmnResult best, last;
  for (int i = 0; i < 2; i++) { /* some epochs are worse than those before */
    FmnRecipe *r = i ? &d->recipe : &c->recipe;
    r->rate = 0.3;
    r->schedule = "constant";
    r->ema = 0;
    r->epochs = 7;
  }
  d->keep_last = TRUE;
  g_assert_cmpint(run_ok(f, c, &best), ==, FMN_OUTCOME_FINISHED);
  g_assert_cmpint(run_ok(f, d, &last), ==, FMN_OUTCOME_FINISHED);
  g_test_message("the best was epoch %d of 7", best.best_epoch);
  g_assert_cmpint(last.best_epoch, ==, 0);
  FmnModelFile *a = fmn_model_file_load(c->out, NULL), *b = fmn_model_file_load(d->out, NULL);
  g_autofree char *weights = digest_of_weights(a), *last_weights = digest_of_weights(b);
  g_assert_true(g_str_equal(weights, last_weights) == (best.best_epoch == 7));
  g_assert_true(g_hash_table_contains(a->metadata, "best_epoch") && !g_hash_table_contains(b->metadata, "best_epoch"));
  g_assert_nonnull(strstr(g_hash_table_lookup(b->metadata, "command"), " --keep last"));
  fmn_model_file_free(a);
  fmn_model_file_free(b);
  fmn_train_config_free(c);
  fmn_train_config_free(d);
}

/* Starts from another model's weights; a model of another network has none to give. */
static void test_init(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1);
  FmnResult result;
  c->recipe.epochs = 10;
  c->recipe.augment = "none";
  g_assert_cmpint(run_ok(f, c, &result), ==, FMN_OUTCOME_FINISHED);
  double before = result.validation_accuracy;
  FmnTrainConfig *d = make_config(f, "b.safetensors", 1);
  d->init = in_folder(f, "a.safetensors");
  d->recipe.epochs = 1;
  d->recipe.rate = 1e-6;
  d->recipe.augment = "none";
  d->recipe.ema = 0;
  g_assert_cmpint(run_ok(f, d, &result), ==, FMN_OUTCOME_FINISHED);
  g_assert_cmpfloat(result.validation_accuracy, >=, before - 0.21);
  g_assert_nonnull(strstr(f->notices->str, "start from"));
  g_free(d->arch);
  d->arch = g_strdup("base");
  g_assert_cmpint(run(f, d, NULL, &error), ==, FMN_OUTCOME_FAILED);
  g_assert_nonnull(strstr(error->message, "in common"));
  fmn_train_config_free(c);
  fmn_train_config_free(d);
}

static void test_out_errors(Fixture *f, gconstpointer data) {
  g_autoptr(GError) error = NULL;
  FmnTrainConfig *c = make_config(f, "none/a.safetensors", 1);
  g_assert_cmpint(run(f, c, NULL, &error), ==, FMN_OUTCOME_FAILED);
  g_assert_nonnull(strstr(error->message, "no folder"));
  g_clear_error(&error);
  g_free(c->out);
  c->out = g_strdup(f->folder);
  g_assert_cmpint(run(f, c, NULL, &error), ==, FMN_OUTCOME_FAILED);
  g_assert_nonnull(strstr(error->message, "is a folder"));
  fmn_train_config_free(c);
}

/* Every range is guarded, recipes are within them, and the command line says all. */
static void test_config(void) {
  const char *nets[] = {"base", "compact"};
  for (gsize i = 0; i < G_N_ELEMENTS(nets); i++) {
    g_autoptr(GError) error = NULL;
    FmnTrainConfig *c = fmn_train_config_new(nets[i]);
    g_autofree char *command = fmn_train_config_command(c);
    fmn_train_config_check(c, &error);
    g_assert_no_error(error);
    g_assert_nonnull(strstr(command, nets[i]));
    double *values[] = {&c->recipe.rate,      &c->recipe.optimizer.momentum, &c->recipe.optimizer.weight_decay,
                        &c->recipe.warmup,    &c->recipe.label_smoothing,    &c->recipe.ema,
                        &c->recipe.validation};
    const double wrong[] = {-1, NAN, 1e9, HUGE_VAL};
    for (gsize k = 0; k < G_N_ELEMENTS(values); k++)
      for (gsize j = 0; j < G_N_ELEMENTS(wrong); j++) {
        double before = *values[k];
        *values[k] = wrong[j];
        g_assert_false(fmn_train_config_check(c, &error));
        g_assert_nonnull(strstr(error->message, "must be from"));
        g_clear_error(&error);
        *values[k] = before;
      }
    fmn_train_config_free(c);
  }
}

static void count_paths(GMarkupParseContext *context, const char *element, const char **names, const char **values,
                        gpointer user, GError **error) {
  *(int *)user += strcmp(element, "path") == 0;
}

/* Histories of any length and content give a well-formed picture with its curves in it. */
static void test_plot(Fixture *f, gconstpointer data) {
  const GMarkupParser parser = {.start_element = count_paths};
  g_autofree char *path = in_folder(f, "plot.svg");
  for (int n = 0; n <= 200; n = n * 3 + 1) {
    g_autoptr(GError) error = NULL;
    g_autofree FmnEpoch *history = g_new0(FmnEpoch, n + 1);
    for (int i = 0; i < n; i++)
      history[i] = (FmnEpoch){i + 1, 2.0 / (i + 1), 1 - 0.5 / (i + 1), i % 7 == 3 ? NAN : 1.0,
                              NAN,   .1 * (i % 3),  i < 5 ? 0 : 1e-3,  1,
                              1,     FALSE};
    fmn_plot_write(path, "a <title> & more", n % 2, history, n, &error);
    g_assert_no_error(error);
    g_autofree char *text = NULL;
    gsize size;
    int paths = 0;
    g_assert_true(g_file_get_contents(path, &text, &size, NULL));
    GMarkupParseContext *context = g_markup_parse_context_new(&parser, 0, &paths, NULL);
    g_markup_parse_context_parse(context, text, (gssize)size, &error);
    g_assert_no_error(error);
    g_markup_parse_context_free(context);
    g_assert_cmpint(paths, >, 10);
    g_assert_null(strstr(text, "nan"));
  }
}

#define ADD(path, data, func) g_test_add(path, Fixture, data, set_up, func, tear_down)

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/session/config", test_config);
  ADD("/session/learns", NULL, test_learns);
  ADD("/session/resume-one-thread", GINT_TO_POINTER(1), test_resume);
  ADD("/session/resume-two-threads", GINT_TO_POINTER(2), test_resume);
  ADD("/session/resume-nothing", NULL, test_resume_nothing);
  ADD("/session/time-limit", NULL, test_time_limit);
  ADD("/session/other-options", NULL, test_other_options);
  ADD("/session/damaged-checkpoint", NULL, test_damaged_checkpoint);
  ADD("/session/diverges", NULL, test_diverges);
  ADD("/session/no-validation", NULL, test_no_validation);
  ADD("/session/keep-last", NULL, test_keep_last);
  ADD("/session/init", NULL, test_init);
  ADD("/session/out-errors", NULL, test_out_errors);
  ADD("/session/plot", NULL, test_plot);
  return g_test_run();
}
