/* Trainings that start from another model's weights. */
#include <string.h>

#include "io/model_file.h"
#include "session-fixture.h"

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

typedef struct {
  const char *name;
  FmnParam *param;
} Search;

static void compare_name(const char *name, FmnParam *param, gpointer search) {
  Search *s = search;
  if (g_str_equal(name, s->name))
    s->param = param;
}

static FmnParam *find_param(const FmnModelFile *m, const char *name) {
  Search search = {name, NULL};
  fmn_graph_foreach_param(m->graph, compare_name, &search);
  g_assert_nonnull(search.param);
  return search.param;
}

/* Of a network with more channels it takes the leading ones. */
static void test_init_channels(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1), *d = make_config(f, "b.safetensors", 1);
  c->recipe.epochs = d->recipe.epochs = 1;
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_FINISHED);
  d->init = in_folder(f, "a.safetensors");
  d->recipe.rate = 1e-6;
  g_free(d->arch_options);
  d->arch_options = g_strdup("last=32");
  g_assert_cmpint(run_ok(f, d, NULL), ==, FMN_OUTCOME_FINISHED);
  g_assert_nonnull(strstr(f->notices->str, "the leading channels of larger ones"));
  FmnModelFile *a = fmn_model_file_load(c->out, NULL), *b = fmn_model_file_load(d->out, NULL);
  const FmnParam *wide = find_param(a, "fc.weight"), *narrow = find_param(b, "fc.weight");
  g_assert_cmpint(wide->dims[1], ==, 64);
  g_assert_cmpint(narrow->dims[1], ==, 32);
  for (int o = 0; o < 10; o++)
    for (int i = 0; i < 32; i++)
      g_assert_cmpfloat_with_epsilon(narrow->data[32 * o + i], wide->data[64 * o + i], 1e-3);
  fmn_model_file_free(a);
  fmn_model_file_free(b);
  fmn_train_config_free(c);
  fmn_train_config_free(d);
}

/* Of a network with fewer channels, blocks that do not fit begin as the seed has them: they are not lacking. */
static void test_init_narrower(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1), *d = make_config(f, "b.safetensors", 1);
  c->recipe.epochs = d->recipe.epochs = 1;
  d->recipe.rate = 1e-6;
  g_free(c->arch_options);
  c->arch_options = g_strdup("last=32");
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_FINISHED);
  d->init = in_folder(f, "a.safetensors");
  g_assert_cmpint(run_ok(f, d, NULL), ==, FMN_OUTCOME_FINISHED);
  g_assert_nonnull(strstr(f->notices->str, "start from"));
  g_assert_null(strstr(f->notices->str, "as the identity"));
  FmnModelFile *b = fmn_model_file_load(d->out, NULL);
  g_assert_cmpfloat_with_epsilon(find_param(b, "stage3.1.bn2.weight")->data[0], 1, 1e-2);
  fmn_model_file_free(b);
  fmn_train_config_free(c);
  fmn_train_config_free(d);
}

/* What tells classes is not taken where these are others, be they as many. */
static void test_init_other_classes(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1), *d = make_config(f, "b.safetensors", 1);
  c->recipe.epochs = 6;
  d->recipe.epochs = 1;
  d->recipe.rate = 1e-6;
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_FINISHED);
  synthetic_name_classes(f->folder, "b\na\nc\nd\ne\nf\ng\nh\ni\nj\n");
  d->init = in_folder(f, "a.safetensors");
  g_assert_cmpint(run_ok(f, d, NULL), ==, FMN_OUTCOME_FINISHED);
  g_assert_nonnull(strstr(f->notices->str, "; not those that tell its classes, which are others"));
  FmnModelFile *a = fmn_model_file_load(c->out, NULL), *b = fmn_model_file_load(d->out, NULL);
  static const struct {
    const char *name;
    gboolean taken;
  } cases[] = {{"conv1.weight", TRUE}, {"fc.weight", FALSE}};
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    const FmnParam *from = find_param(a, cases[i].name), *to = find_param(b, cases[i].name);
    double difference = 0;
    for (gsize k = 0; k < fmn_param_count(from); k++)
      difference = MAX(difference, fabs((double)from->data[k] - (double)to->data[k]));
    g_assert_true((difference < 1e-3) == cases[i].taken);
  }
  fmn_model_file_free(a);
  fmn_model_file_free(b);
  fmn_train_config_free(c);
  fmn_train_config_free(d);
}

/* A deeper network begins as good as the one that it starts from. */
static void test_init_deeper(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1), *d = make_config(f, "b.safetensors", 1);
  FmnResult shallow, deep;
  g_free(c->arch_options);
  c->arch_options = g_strdup("blocks=1-2-3");
  c->recipe.epochs = 10;
  d->recipe.epochs = 1;
  d->recipe.rate = 1e-6;
  d->recipe.ema = 0;
  c->recipe.augment = d->recipe.augment = "none";
  g_assert_cmpint(run_ok(f, c, &shallow), ==, FMN_OUTCOME_FINISHED);
  d->init = in_folder(f, "a.safetensors");
  g_free(d->arch_options);
  d->arch_options = g_strdup("blocks=2-4-3");
  g_assert_cmpint(run_ok(f, d, &deep), ==, FMN_OUTCOME_FINISHED);
  g_assert_nonnull(strstr(f->notices->str, ", 3 residual blocks that it lacks as the identity"));
  g_test_message("validation accuracy of the shallow one %g, of the deep one %g", shallow.validation_accuracy,
                 deep.validation_accuracy);
  g_assert_cmpfloat(shallow.validation_accuracy, >=, 0.8);
  g_assert_cmpfloat(deep.validation_accuracy, >=, shallow.validation_accuracy - 0.05);
  FmnModelFile *b = fmn_model_file_load(d->out, NULL);
  const FmnParam *gain = find_param(b, "stage1.1.bn2.weight");
  for (gsize i = 0; i < fmn_param_count(gain); i++)
    g_assert_cmpfloat_with_epsilon(gain->data[i], 0, 1e-3);
  fmn_model_file_free(b);
  fmn_train_config_free(c);
  fmn_train_config_free(d);
}

/* Which images are set aside hangs on the seed: another one sets aside what the first training has learned, as does a
 * larger share. */
static void test_init_other_seed(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "a.safetensors", 1), *d = make_config(f, "b.safetensors", 1);
  c->recipe.epochs = d->recipe.epochs = 1;
  c->recipe.last_epochs = d->recipe.last_epochs = 0;
  c->recipe.last_augment = d->recipe.last_augment = NULL;
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_FINISHED);
  d->init = in_folder(f, "a.safetensors");
  g_assert_cmpint(run_ok(f, d, NULL), ==, FMN_OUTCOME_FINISHED);
  g_assert_null(strstr(f->notices->str, "has learned images that are set aside here"));
  d->seed = 8;
  g_assert_cmpint(run_ok(f, d, NULL), ==, FMN_OUTCOME_FINISHED);
  g_assert_nonnull(strstr(f->notices->str, "has learned images that are set aside here"));
  g_assert_nonnull(strstr(f->notices->str, "with --seed 7 --validation 0.25;"));
  g_string_truncate(f->notices, 0);
  d->recipe.validation = 0;
  g_assert_cmpint(run_ok(f, d, NULL), ==, FMN_OUTCOME_FINISHED);
  g_assert_null(strstr(f->notices->str, "has learned"));
  d->recipe.validation = 0.2;
  d->seed = 7;
  g_assert_cmpint(run_ok(f, d, NULL), ==, FMN_OUTCOME_FINISHED);
  g_assert_null(strstr(f->notices->str, "has learned"));
  d->recipe.validation = 0.3;
  g_assert_cmpint(run_ok(f, d, NULL), ==, FMN_OUTCOME_FINISHED);
  g_assert_nonnull(strstr(f->notices->str, "has learned"));
  g_string_truncate(f->notices, 0);
  FmnDataset *other = synthetic_new(IMAGES, 2); /* of other data nothing was learned */
  synthetic_write_split(f->folder, "train", other);
  fmn_dataset_free(other);
  g_assert_cmpint(run_ok(f, d, NULL), ==, FMN_OUTCOME_FINISHED);
  g_assert_null(strstr(f->notices->str, "has learned"));
  fmn_train_config_free(c);
  fmn_train_config_free(d);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  ADD("/init/same", NULL, test_init);
  ADD("/init/channels", NULL, test_init_channels);
  ADD("/init/narrower", NULL, test_init_narrower);
  ADD("/init/other-classes", NULL, test_init_other_classes);
  ADD("/init/deeper", NULL, test_init_deeper);
  ADD("/init/other-seed", NULL, test_init_other_seed);
  return g_test_run();
}
