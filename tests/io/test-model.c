/* Opening models by name and path, and running them. */
#include <glib/gstdio.h>
#include <math.h>

#include "../folder.h"
#include "error.h"
#include "image/image.h"
#include "io/idx.h"
#include "model-fixture.h"
#include "nn/plan.h"

static void put(const char *path, const Change *change) {
  gsize size;
  GBytes *bytes = model_bytes(change);
  const char *content = g_bytes_get_data(bytes, &size);
  g_assert_true(g_file_set_contents(path, content, (gssize)size, NULL));
  g_bytes_unref(bytes);
}

static void expect_none(const char *name, const char *message) {
  GError *error = NULL;
  g_assert_null(fmn_model_open(name, &error));
  g_assert_error(error, FMN_ERROR, FMN_ERROR_NOT_FOUND);
  if (!strstr(error->message, message))
    g_error("expected \"%s\" in \"%s\"", message, error->message);
  g_error_free(error);
}

static void search(void) {
  GError *error = NULL;
  char *first = folder_new(), *second = folder_new(), *back = g_get_current_dir();
  char *both = g_strjoin(G_SEARCHPATH_SEPARATOR_S, first, "", second, NULL);
  char *a = g_build_filename(first, "mine.safetensors", NULL), *b = g_build_filename(second, "mine.safetensors", NULL);
  char *other = g_build_filename(second, "other.safetensors", NULL), *keras = g_build_filename(first, "model.h5", NULL);
  put(b, NULL);
  put(other, NULL);
  g_setenv("FMNIST_MODEL_PATH", both, TRUE);

  char *found = fmn_model_find("mine", &error);
  g_assert_no_error(error);
  g_assert_cmpstr(found, ==, b);
  g_free(found);
  put(a, NULL);
  found = fmn_model_find("mine", &error);
  g_assert_cmpstr(found, ==, a);
  g_free(found);
  found = fmn_model_find(b, &error);
  g_assert_cmpstr(found, ==, b);
  g_free(found);
  FmnModel *model = fmn_model_open("other", &error);
  g_assert_no_error(error);
  g_assert_cmpstr(fmn_model_name(model), ==, "other");
  fmn_model_unref(model);

  expect_none("nothing", "no model is called \"nothing\" in ");
  expect_none("nothing", second);
  expect_none("nothing", "mine, other"); /* what is installed may be named before them */
  expect_none("/none/x.safetensors", "/none/x.safetensors: no such file");
  expect_none("x.safetensors", "x.safetensors: no such file");

  g_assert_true(g_file_set_contents(keras, "\x89HDF\r\n\x1a\n\0\0\0\0", 12, NULL));
  g_assert_cmpint(g_chdir(first), ==, 0);
  g_assert_null(fmn_model_open("model.h5", &error));
  g_assert_error(error, FMN_ERROR, FMN_ERROR_FORMAT);
  g_assert_nonnull(
      strstr(error->message, "model.h5: this is a Keras/HDF5 file; expected safetensors, format fmnist-1; train one"));
  g_clear_error(&error);
  g_assert_cmpint(g_chdir(back), ==, 0);

  /* The default's name gives a file of that name, if there is one; no name gives what is embedded. */
  char *mine = g_build_filename(first, FMN_DEFAULT_MODEL ".safetensors", NULL);
  put(mine, NULL);
  found = fmn_model_find(FMN_DEFAULT_MODEL, &error);
  g_assert_cmpstr(found, ==, mine);
  g_assert_null(fmn_model_find("", &error));
  g_assert_null(fmn_model_find(NULL, &error));
  g_assert_no_error(error);
  g_free(found);
  g_free(mine);
  g_unsetenv("FMNIST_MODEL_PATH");
  g_free(a);
  g_free(b);
  g_free(other);
  g_free(keras);
  g_free(both);
  g_free(back);
  folder_free(first);
  folder_free(second);
}

static FmnModel *fixture(const Change *change) {
  GError *error = NULL;
  GBytes *bytes = model_bytes(change);
  FmnModel *model = fmn_model_new_from_bytes(bytes, "fixture", &error);
  g_assert_no_error(error);
  g_bytes_unref(bytes);
  return model;
}

enum { PIXELS = 28 * 28 };

static void fill_pixels(guint8 *pixels, guint seed) {
  for (guint i = 0; i < PIXELS; i++)
    pixels[i] = (guint8)((i * 31 + seed * 97) * 2654435761u >> 24);
}

/* The same through the plan: what is calibrated are the network's logits on (v / 255 - mean) / std. */
static void expected_probabilities(const guint8 *pixels, double temperature, float *out) {
  GError *error = NULL;
  GBytes *bytes = model_bytes(NULL);
  FmnModelFile *file = fmn_model_file_parse(bytes, "fixture", &error);
  FmnPlan *plan = fmn_plan_new(file->graph);
  FmnRun *run = fmn_run_new(plan, 1, 1);
  for (int i = 0; i < PIXELS; i++)
    fmn_run_input(run)[i] = ((float)pixels[i] / 255.0f - 0.5f) / 0.25f;
  fmn_run(run, 1);
  const float *logits = fmn_run_output(run, 0);
  double sum = 0;
  for (int i = 0; i < 3; i++)
    sum += exp((double)logits[i] / temperature);
  for (int i = 0; i < 3; i++)
    out[i] = (float)(exp((double)logits[i] / temperature) / sum);
  fmn_run_free(run);
  fmn_plan_unref(plan);
  fmn_model_file_free(file);
  g_bytes_unref(bytes);
}

static void classify(void) {
  static const Change warm = {"temperature", "10"};
  float found[4] = {0, 0, 0, 42}, expected[3];
  guint8 pixels[PIXELS];
  fill_pixels(pixels, 1);
  for (int k = 0; k < 2; k++) {
    FmnModel *model = fixture(k ? &warm : NULL);
    g_assert_cmpstr(fmn_model_name(model), ==, "fixture");
    g_assert_cmpstr(fmn_model_arch(model), ==, "compact");
    g_assert_cmpint(fmn_model_n_labels(model), ==, 3);
    g_assert_cmpstr(fmn_model_label(model, 2), ==, "blue");
    g_assert_cmpfloat(fmn_model_threshold(model), ==, 0.4);
    g_assert_cmpfloat(fmn_model_preprocess(model)->margin, ==, 0.1f);
    FmnClassifier *c = fmn_classifier_new(model, 1);
    fmn_model_unref(model);
    fmn_classifier_run(c, pixels, found);
    expected_probabilities(pixels, k ? 10 : 2, expected);
    for (int i = 0; i < 3; i++) {
      g_assert_cmpfloat_with_epsilon(found[i], expected[i], 1e-5);
      g_assert_cmpfloat(found[i], >, 0);
    }
    g_assert_cmpfloat_with_epsilon(found[0] + found[1] + found[2], 1, 1e-5);
    g_assert_cmpfloat(found[3], ==, 42);
    fmn_classifier_free(c);
  }
}

/* Finite weights whose products are not: nothing is asserted, no NaN leaves the library. */
static void beyond_float(void) {
  static const Change huge = {.tensor = "fc.weight", .change = HUGE_VALUES};
  float found[3];
  guint8 pixels[PIXELS];
  fill_pixels(pixels, 1);
  FmnModel *model = fixture(&huge);
  FmnClassifier *c = fmn_classifier_new(model, 1);
  fmn_classifier_run(c, pixels, found);
  for (int i = 0; i < 3; i++)
    g_assert_cmpfloat_with_epsilon(found[i], 1.0 / 3, 1e-6);
  fmn_classifier_free(c);
  fmn_model_unref(model);
}

typedef struct {
  FmnModel *model;
  float expected[8][3];
} Shared;

static gpointer worker(gpointer data) {
  Shared *s = data;
  FmnClassifier *c = fmn_classifier_new(s->model, 1);
  for (guint i = 0; i < 40; i++) {
    float found[3];
    guint8 pixels[PIXELS];
    fill_pixels(pixels, i % 8);
    fmn_classifier_run(c, pixels, found);
    g_assert_cmpmem(found, sizeof found, s->expected[i % 8], sizeof found);
  }
  fmn_classifier_free(c);
  return NULL;
}

static void threads(void) {
  Shared s = {fixture(NULL), {{0}}};
  GThread *thread[4];
  FmnClassifier *c = fmn_classifier_new(s.model, 1);
  for (guint i = 0; i < 8; i++) {
    guint8 pixels[PIXELS];
    fill_pixels(pixels, i);
    fmn_classifier_run(c, pixels, s.expected[i]);
  }
  fmn_classifier_free(c);
  for (int i = 0; i < 4; i++)
    thread[i] = g_thread_new("worker", worker, &s);
  for (int i = 0; i < 4; i++)
    g_thread_join(thread[i]);
  fmn_model_unref(s.model);
}

/* How many of the first n images, of 28×28, the model names right. */
static int count_right(FmnModel *model, const FmnDataset *data, int n) {
  static const FmnBox whole = {0, 0, 1, 1};
  FmnImageFormat format;
  int right = 0, side = fmn_model_preprocess(model)->width;
  g_autofree guint8 *picture = g_malloc((gsize)side * (gsize)side);
  fmn_image_format_gray(&format, 28, 28);
  FmnSampler *sampler = fmn_sampler_new(&format);
  FmnClassifier *c = fmn_classifier_new(model, 1);
  for (int i = 0; i < n; i++) {
    float p[10];
    FmnImage image = {&format, {data->images + (gsize)i * PIXELS}, {28}};
    fmn_sampler_read(sampler, &image, &whole, 1, side, side, picture);
    fmn_classifier_run(c, picture, p);
    gboolean best = TRUE;
    for (int k = 0; k < 10; k++)
      best &= p[k] <= p[data->labels[i]];
    right += best;
  }
  fmn_classifier_free(c);
  fmn_sampler_free(sampler);
  return right;
}

/* With no property and no file: the default network, which knows Fashion-MNIST's images. */
static void embedded(void) {
  GError *error = NULL;
  FmnModel *model = fmn_model_open(NULL, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(fmn_model_name(model), ==, FMN_DEFAULT_MODEL);
  g_assert_cmpint(fmn_model_n_labels(model), ==, 10);
  FmnDataset *test =
      g_file_test(fmn_data_dir(NULL), G_FILE_TEST_IS_DIR) ? fmn_dataset_load(NULL, FMN_SPLIT_TEST, &error) : NULL;
  g_assert_no_error(error);
  if (test) {
    const int n = 500;
    int right = count_right(model, test, n);
    g_test_message("%d of %d test images right", right, n);
    g_assert_cmpint(right, >, n * 9 / 10);
    fmn_dataset_free(test);
  } else {
    g_test_message("Fashion-MNIST is not installed (dataset-fashion-mnist): the embedded model is opened only");
  }
  fmn_model_unref(model);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/model/embedded", embedded);
  g_test_add_func("/model/search", search);
  g_test_add_func("/model/classify", classify);
  g_test_add_func("/model/beyond-float", beyond_float);
  g_test_add_func("/model/threads", threads);
  return g_test_run();
}
