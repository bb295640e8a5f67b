/* Whole trainings: what they end with, and what they are told. */
#include <math.h>
#include <string.h>

#include "error.h"
#include "io/model_file.h"
#include "session-fixture.h"
#include "train/plot.h"

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

/* The class of what is no garment is none of the network's, whichever data set has it. */
static void test_unknown_is_no_class(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1);
  synthetic_name_classes(f->folder, "a\nb\nc\nd\ne\nf\ng\nunknown\nh\ni\n");
  c->recipe.epochs = 1;
  c->recipe.last_epochs = 0;
  c->recipe.last_augment = NULL;
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_FINISHED);
  FmnModelFile *m = fmn_model_file_load(c->out, NULL);
  g_autofree char *labels = g_strjoinv(" ", m->labels);
  g_assert_cmpstr(labels, ==, "a b c d e f g h i");
  fmn_model_file_free(m);
  g_autoptr(GError) error = NULL;
  synthetic_name_classes(f->folder, "a|b\nunknown\nb|c\na|b|c\nd|e\nd|f\ne|f\na|d\na|e\na|f\n");
  g_assert_cmpint(run(f, c, NULL, &error), ==, FMN_OUTCOME_FAILED);
  g_assert_nonnull(strstr(error->message, "names no class"));
  fmn_train_config_free(c);
}

/* What has a name like the model's is somebody else's; of its own it leaves the model alone. */
static void test_files(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1);
  g_autofree char *other = in_folder(f, "a.safetensors.new"), *text = NULL;
  c->recipe.epochs = 1;
  c->recipe.last_epochs = 0;
  c->recipe.last_augment = NULL;
  g_assert_true(g_file_set_contents(other, "mine", -1, NULL));
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_FINISHED);
  g_assert_true(g_file_get_contents(other, &text, NULL, NULL));
  g_assert_cmpstr(text, ==, "mine");
  GDir *dir = g_dir_open(f->folder, 0, NULL);
  for (const char *name; (name = g_dir_read_name(dir));)
    g_assert_true(!g_str_has_prefix(name, "a.safetensors.") || g_str_equal(name, "a.safetensors.new"));
  g_dir_close(dir);
  fmn_train_config_free(c);
}

/* A training is not lost by test images that cannot be measured, and says why they were not. */
static void test_no_test(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1);
  FmnResult result;
  FmnDataset *test = synthetic_new(50, 2);
  const int dims[] = {50, SIDE / 2, SIDE - 1};
  g_autofree char *images = in_folder(f, "t10k-images-idx3-ubyte");
  c->recipe.epochs = 1;
  c->recipe.last_epochs = 0;
  c->recipe.last_augment = NULL;
  g_assert_true(fmn_idx_write(images, test->images, dims, 3, NULL));
  fmn_dataset_free(test);
  g_assert_cmpint(run_ok(f, c, &result), ==, FMN_OUTCOME_FINISHED);
  g_assert_true(isnan(result.test_accuracy));
  g_assert_nonnull(strstr(f->notices->str, "no test accuracy: the test images are of another size"));
  g_string_truncate(f->notices, 0);
  g_assert_cmpint(g_remove(images), ==, 0);
  g_assert_cmpint(run_ok(f, c, &result), ==, FMN_OUTCOME_FINISHED);
  g_assert_true(isnan(result.test_accuracy));
  g_assert_nonnull(strstr(f->notices->str, "no test accuracy: "));
  g_assert_nonnull(strstr(f->notices->str, "t10k-images"));
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
  g_autofree char *weights = synthetic_digest_of_weights(c->out), *last_weights = synthetic_digest_of_weights(d->out);
  g_assert_true(g_str_equal(weights, last_weights) == (best.best_epoch == 7));
  g_assert_true(g_hash_table_contains(a->metadata, "best_epoch") && !g_hash_table_contains(b->metadata, "best_epoch"));
  g_assert_nonnull(strstr(g_hash_table_lookup(b->metadata, "command"), " --keep last"));
  fmn_model_file_free(a);
  fmn_model_file_free(b);
  fmn_train_config_free(c);
  fmn_train_config_free(d);
}

/* Weights and statistics after two epochs, and the loss of the last. */
static char *train_with_sam(Fixture *f, const char *arch, double radius, double *loss) {
  FmnTrainConfig *c = make_config(f, "sam.safetensors", 2);
  g_free(c->arch);
  c->arch = g_strdup(arch);
  c->recipe.epochs = 2;
  c->recipe.last_epochs = 0;
  c->recipe.last_augment = NULL;
  c->recipe.bn_images = 0;
  c->recipe.sam = radius;
  FmnListener listener = {0};
  FmnResult result;
  FmnSession *s = fmn_session_new(c, &listener, NULL);
  g_assert_cmpint(fmn_session_run(s, &result, NULL), ==, FMN_OUTCOME_FINISHED);
  int n;
  *loss = fmn_session_history(s, &n)[1].loss;
  fmn_session_free(s);
  char *digest = synthetic_digest_of_weights(c->out);
  fmn_train_config_free(c);
  return digest;
}

/* A step too short to change a weight is as none: the second pass sees the same images with the same random masks, and
 * leaves nothing behind. */
static void test_sam(Fixture *f, gconstpointer arch) {
  double loss, no_step_loss, uphill_loss;
  g_autofree char *plain = train_with_sam(f, arch, 0, &loss), *no_step = train_with_sam(f, arch, 1e-30, &no_step_loss),
                  *uphill = train_with_sam(f, arch, 0.1, &uphill_loss);
  g_assert_cmpfloat(no_step_loss, ==, loss);
  g_assert_cmpstr(no_step, ==, plain);
  g_assert_cmpstr(uphill, !=, plain);
  g_assert_cmpfloat(uphill_loss, !=, loss);
}

static void mirror_images(const Fixture *f) {
  FmnDataset *d = synthetic_new(IMAGES, 1);
  for (int row = 0; row < d->n * SIDE; row++)
    for (int x = 0; x < SIDE / 2; x++) {
      guint8 *left = &d->images[row * SIDE + x], *right = &d->images[row * SIDE + SIDE - 1 - x], pixel = *left;
      *left = *right;
      *right = pixel;
    }
  synthetic_write_split(f->folder, "train", d);
  fmn_dataset_free(d);
}

static void collect_statistics(const char *name, FmnParam *param, gpointer values) {
  if (strstr(name, ".running_"))
    g_array_append_vals(values, param->data, (guint)fmn_param_count(param));
}

static GArray *statistics_after(Fixture *f, const char *augment) {
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1);
  c->recipe.epochs = 1;
  c->recipe.rate = 1e-9;
  c->recipe.ema = 0;
  c->recipe.bn_images = 48;
  c->recipe.augment = augment;
  c->recipe.last_epochs = 0;
  c->recipe.last_augment = NULL;
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_FINISHED);
  FmnModelFile *m = fmn_model_file_load(c->out, NULL);
  GArray *values = g_array_new(FALSE, FALSE, sizeof(float));
  fmn_graph_foreach_param(m->graph, collect_statistics, values);
  fmn_model_file_free(m);
  fmn_train_config_free(c);
  return values;
}

static double farthest(const GArray *a, const GArray *b) {
  double most = 0;
  g_assert_cmpuint(a->len, ==, b->len);
  for (guint i = 0; i < a->len; i++)
    most = MAX(most, fabs((double)g_array_index(a, float, i) - (double)g_array_index(b, float, i)));
  return most;
}

/* Statistics taken anew are those of mirrored images where training mirrors them. */
static void test_statistics_mirrored(Fixture *f, gconstpointer data) {
  GArray *as_they_are = statistics_after(f, "none"), *mirrored = statistics_after(f, "flip:1,shift:2");
  mirror_images(f);
  GArray *expected = statistics_after(f, "none");
  g_test_message("%u statistics: %g from those of mirrored images, %g without mirroring", expected->len,
                 farthest(expected, mirrored), farthest(expected, as_they_are));
  g_assert_cmpuint(expected->len, >, 0);
  g_assert_cmpfloat(farthest(expected, mirrored), <, 1e-3);
  g_assert_cmpfloat(farthest(expected, as_they_are), >, 1e-2);
  g_array_unref(as_they_are);
  g_array_unref(mirrored);
  g_array_unref(expected);
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

/* The command that a model file records is one that a shell takes apart again. */
static void test_command(void) {
  g_auto(GStrv) words = NULL;
  g_autoptr(GError) error = NULL;
  int n;
  FmnTrainConfig *c = fmn_train_config_new("compact:blocks=1-2-3");
  c->data = g_strsplit("it's here;a b:2", ";", -1);
  c->init = g_strdup("my model.safetensors");
  c->teachers = g_strsplit("compact;$HOME/deep.safetensors", ";", -1);
  g_autofree char *command = fmn_train_config_command(c);
  g_assert_true(g_shell_parse_argv(command, &n, &words, &error));
  g_assert_no_error(error);
  const char *expected[][2] = {{"--arch", "compact:blocks=1-2-3"},
                               {"--augment", "flip:0.5,shift:2,erase:0.5"},
                               {"--init", "my model.safetensors"},
                               {"--teacher", "compact,$HOME/deep.safetensors"},
                               {"--data", "it's here"},
                               {"--data", "a b:2"}};
  gsize found = 0;
  for (int i = 0; i + 1 < n && found < G_N_ELEMENTS(expected); i++)
    if (g_str_equal(words[i], expected[found][0]) && g_str_equal(words[i + 1], expected[found][1]))
      found++;
  g_assert_cmpuint(found, ==, G_N_ELEMENTS(expected));
  g_assert_nonnull(strstr(command, " --augment flip:0.5,shift:2,erase:0.5 ")); /* no quotes where none are needed */
  fmn_train_config_free(c);
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

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/session/config", test_config);
  g_test_add_func("/session/command", test_command);
  ADD("/session/learns", NULL, test_learns);
  ADD("/session/unknown-is-no-class", NULL, test_unknown_is_no_class);
  ADD("/session/files", NULL, test_files);
  ADD("/session/no-validation", NULL, test_no_validation);
  ADD("/session/no-test", NULL, test_no_test);
  ADD("/session/keep-last", NULL, test_keep_last);
  ADD("/session/sam/compact", "compact", test_sam);
  ADD("/session/sam/base", "base", test_sam);
  ADD("/session/statistics/mirrored", NULL, test_statistics_mirrored);
  ADD("/session/out-errors", NULL, test_out_errors);
  ADD("/session/plot", NULL, test_plot);
  return g_test_run();
}
