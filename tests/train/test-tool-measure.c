#include "io/model_file.h"
#include "tool.h"

/* train, then what test, info and bench say about the model; keys as documented. */
static void test_whole(void) {
  g_autofree char *model = path_of("whole.safetensors"), *plot = path_of("whole.svg"), *log = path_of("whole.jsonl"),
                  *probs = path_of("probs"), *lines = NULL, *raw = NULL;
  gsize size;
  g_auto(Result) trained = RUN(TRAIN(model), "--plot", plot, "--log", log);
  g_assert_cmpint(trained.status, ==, 0);
  g_assert_nonnull(strstr(trained.out, "epoch 3/3"));
  g_assert_null(strstr(trained.out, "\033")); /* no bar where there is no terminal */
  g_assert_true(g_file_test(plot, G_FILE_TEST_EXISTS));
  g_assert_true(g_file_get_contents(log, &lines, NULL, NULL));
  g_auto(GStrv) line = g_strsplit(g_strchomp(lines), "\n", -1);
  g_assert_cmpuint(g_strv_length(line), ==, 4);
  for (int i = 0; line[i]; i++) {
    g_autoptr(JsonNode) node = json_of(line[i]);
    JsonObject *o = json_node_get_object(node);
    g_assert_cmpstr(json_object_get_string_member(o, "event"), ==, i ? "epoch" : "start");
    g_assert_true(json_object_has_member(o, i ? "val_accuracy" : "command"));
  }
  /* Into a pipe every line goes once. */
  g_auto(Result) piped = RUN(TRAIN(model), "--log", "/dev/stderr");
  g_assert_cmpint(piped.status, ==, 0);
  g_auto(GStrv) piped_line = g_strsplit(g_strchomp(piped.err), "\n", -1);
  g_assert_cmpuint(g_strv_length(piped_line), ==, 4);

  g_auto(Result) tested =
      RUN("test", "--model", "whole", "--data", folder, "--format", "json", "--probs", probs, "--threads", "2");
  g_assert_cmpint(tested.status, ==, 0);
  g_autoptr(JsonNode) node = json_of(tested.out);
  JsonObject *o = json_node_get_object(node);
  g_assert_cmpstr(json_object_get_string_member(o, "model"), ==, "whole");
  g_assert_cmpstr(json_object_get_string_member(o, "arch"), ==, "compact");
  g_assert_cmpint(json_object_get_int_member(o, "n"), ==, 50);
  const char *numbers[] = {"ece", "ece_uncalibrated", "nll", "temperature", "threshold"};
  for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
    g_assert_true(json_node_get_value_type(json_object_get_member(o, numbers[i])) == G_TYPE_DOUBLE);
  JsonArray *confusion = json_object_get_array_member(o, "confusion"),
            *classes = json_object_get_array_member(o, "per_class");
  int total = 0, right = 0;
  g_assert_cmpuint(json_array_get_length(classes), ==, 10);
  for (guint i = 0; i < 10; i++) {
    JsonObject *c = json_array_get_object_element(classes, i);
    g_assert_cmpint(json_object_get_int_member(c, "support"), ==, 5);
    g_assert_true(json_object_has_member(c, "label") && json_object_has_member(c, "precision") &&
                  json_object_has_member(c, "recall") && json_object_has_member(c, "f1"));
    for (guint j = 0; j < 10; j++) {
      int n = (int)json_array_get_int_element(json_array_get_array_element(confusion, i), j);
      total += n;
      right += i == j ? n : 0;
    }
  }
  g_assert_cmpint(total, ==, 50);
  double accuracy = json_object_get_double_member(o, "accuracy");
  g_assert_cmpfloat_with_epsilon(accuracy, right / 50.0, 1e-9);

  /* The probabilities are those that the report was made from. */
  FmnDataset *set = fmn_dataset_load(folder, FMN_SPLIT_TEST, NULL);
  g_assert_true(g_file_get_contents(probs, &raw, &size, NULL));
  g_assert_cmpuint(size, ==, 50 * 10 * 4);
  int hits = 0;
  for (int i = 0; i < 50; i++) {
    float p[10], sum = 0;
    memcpy(p, raw + i * 40, 40);
    int best = 0;
    for (int k = 0; k < 10; k++) {
      sum += p[k];
      best = p[k] > p[best] ? k : best;
    }
    g_assert_cmpfloat_with_epsilon(sum, 1, 1e-5);
    hits += best == set->labels[i];
  }
  g_assert_cmpint(hits, ==, right);
  fmn_dataset_free(set);

  g_auto(Result) told = RUN("info", model, "--format", "json");
  g_assert_cmpint(told.status, ==, 0);
  g_autoptr(JsonNode) info = json_of(told.out);
  o = json_node_get_object(info);
  g_assert_cmpstr(json_object_get_string_member(o, "arch"), ==, "compact");
  g_assert_cmpint(json_object_get_int_member(o, "parameters"), <=, 300000);
  g_assert_cmpint(json_object_get_int_member(o, "multiply_adds"), >, 100000);
  g_assert_cmpint(json_object_get_int_member(o, "size"), >, json_object_get_int_member(o, "parameters") * 2);
  g_assert_cmpuint(json_array_get_length(json_object_get_array_member(o, "labels")), ==, 10);
  JsonObject *metadata = json_object_get_object_member(o, "metadata");
  g_assert_cmpfloat_with_epsilon(g_ascii_strtod(json_object_get_string_member(metadata, "test_accuracy"), NULL),
                                 accuracy, 1e-4);

  g_auto(Result) plain = RUN("test", "--model", model, "--data", folder, "--tta");
  g_assert_cmpint(plain.status, ==, 0);
  g_assert_nonnull(strstr(plain.out, "precision"));
  g_assert_nonnull(strstr(plain.out, "Ankle boot"));
  g_auto(Result) text = RUN("info", model);
  g_assert_nonnull(strstr(text.out, "multiply-adds"));
}

static void test_bench(void) {
  const char *modes[] = {"infer", "train"};
  for (int i = 0; i < 2; i++) {
    g_auto(Result) r =
        RUN("bench", "--arch", "base", "--mode", modes[i], "--batch", "2", "--threads", "2", "--format", "json");
    g_assert_cmpint(r.status, ==, 0);
    g_autoptr(JsonNode) node = json_of(r.out);
    JsonObject *o = json_node_get_object(node);
    g_assert_cmpstr(json_object_get_string_member(o, "mode"), ==, modes[i]);
    g_assert_cmpstr(json_object_get_string_member(o, "arch"), ==, "base");
    g_assert_cmpint(json_object_get_int_member(o, "threads"), ==, 2);
    g_assert_cmpint(json_object_get_int_member(o, "batch"), ==, 2);
    double low = json_object_get_double_member(o, "ms_per_image_min"),
           median = json_object_get_double_member(o, "ms_per_image_median");
    g_assert_cmpfloat(low, >, 0);
    g_assert_cmpfloat(median, >=, low);
    g_assert_cmpfloat_with_epsilon(json_object_get_double_member(o, "images_per_s") * median, 1000, 1e-6);
  }
}

/* A picture that can be read, of some size. */
static void assert_png(const char *path) {
  static const char signature[] = "\x89PNG\r\n\x1a\n";
  g_autofree char *data = NULL;
  gsize size;
  g_assert_true(g_file_get_contents(path, &data, &size, NULL));
  g_assert_cmpuint(size, >, 2000);
  g_assert_cmpmem(data, 8, signature, 8);
}

/* Images in an SVG. */
static int count_images(const char *path) {
  g_autofree char *text = NULL;
  int n = 0;
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  g_assert_nonnull(strstr(text, "<svg"));
  for (const char *p = text; (p = strstr(p, "<image")); p++)
    n++;
  return n;
}

/* The pictures: of a training, and of the mistakes that the model makes, of which there is one image each. */
static void test_pictures(void) {
  g_autofree char *model = path_of("pictures.safetensors"), *plot = path_of("plot.png"),
                  *svg = path_of("confusions.svg"), *png = path_of("confusions.PNG");
  g_auto(Result) trained = RUN(TRAIN(model), "--plot", plot);
  g_assert_cmpint(trained.status, ==, 0);
  assert_png(plot);
  g_auto(Result) tested = RUN("test", "--model", model, "--data", folder, "--confusions", svg, "--format", "json");
  g_assert_cmpint(tested.status, ==, 0);
  g_autoptr(JsonNode) node = json_of(tested.out);
  JsonArray *confusion = json_object_get_array_member(json_node_get_object(node), "confusion");
  int mistakes = 0, pairs = 0;
  for (guint i = 0; i < 10; i++)
    for (guint j = 0; j < 10; j++) {
      int n = (int)json_array_get_int_element(json_array_get_array_element(confusion, i), j);
      mistakes += i == j ? 0 : n;
      pairs += i != j && n > 0;
    }
  if (pairs <= 10) /* as many as are drawn, each class having five images */
    g_assert_cmpint(count_images(svg), ==, mistakes);
  else
    g_assert_cmpint(count_images(svg), >=, 10);
  g_auto(Result) again = RUN("test", "--model", model, "--data", folder, "--confusions", png);
  g_assert_cmpint(again.status, ==, 0);
  assert_png(png);
  g_auto(Result) jpeg = RUN("test", "--model", model, "--data", folder, "--confusions", "x.jpg");
  g_assert_cmpint(jpeg.status, ==, 1);
  g_assert_nonnull(strstr(jpeg.err, "ends in .svg or .png"));
  g_auto(Result) nowhere = RUN("test", "--model", model, "--data", folder, "--confusions", "/nowhere/at/all.svg");
  g_assert_cmpint(nowhere.status, ==, 1);
  g_assert_nonnull(strstr(nowhere.err, "/nowhere/at/all.svg"));
}

static char *metadata_of(const char *model, const char *key) {
  g_auto(Result) r = RUN("info", model, "--format", "json");
  g_assert_cmpint(r.status, ==, 0);
  g_autoptr(JsonNode) node = json_of(r.out);
  JsonObject *metadata = json_object_get_object_member(json_node_get_object(node), "metadata");
  return g_strdup(json_object_get_string_member(metadata, key));
}

/* Calibrated again as train did: the very same file. By another share: another threshold, all else as it was. */
static void test_calibrate(void) {
  g_autofree char *model = path_of("calibrate.safetensors"), *same = path_of("same.safetensors"),
                  *other = path_of("other.safetensors"), *bare = path_of("bare.safetensors");
  g_auto(Result) trained = RUN(TRAIN(model));
  g_assert_cmpint(trained.status, ==, 0);
  g_auto(Result) again = RUN("calibrate", "--model", model, "--data", folder, "--out", same);
  g_test_message("%s%s", again.out, again.err);
  g_assert_cmpint(again.status, ==, 0);
  g_assert_null(strstr(again.err, "has learned"));
  synthetic_same_bytes(model, same);
  g_auto(Result) others = RUN("calibrate", "--model", model, "--data", folder, "--out", other, "--seed", "8");
  g_assert_cmpint(others.status, ==, 0);
  g_assert_nonnull(strstr(others.err, "has learned some of these images: it was trained with --seed 7"));
  g_auto(Result) half = RUN("calibrate", "--model", model, "--data", folder, "--out", other, "--share", "0.5");
  g_assert_cmpint(half.status, ==, 0);
  g_autofree char *before = metadata_of(model, "threshold"), *after = metadata_of(other, "threshold"),
                  *temperature = metadata_of(model, "temperature"), *kept = metadata_of(other, "temperature"),
                  *command = metadata_of(model, "command"), *spelt = metadata_of(other, "command");
  g_assert_cmpfloat(g_ascii_strtod(after, NULL), >, g_ascii_strtod(before, NULL));
  g_assert_cmpstr(temperature, ==, kept);
  g_assert_cmpstr(command, ==, spelt);
  /* Not over what it reads. */
  g_autofree char *labels = g_build_filename(folder, "train-labels-idx1-ubyte.gz", NULL);
  g_auto(Result) over = RUN("calibrate", "--model", model, "--data", folder, "--out", labels);
  g_assert_cmpint(over.status, ==, 1);
  g_assert_nonnull(strstr(over.err, "a file of the data set; give --out"));
  /* In place. */
  g_auto(Result) back = RUN("calibrate", "--model", other, "--data", folder);
  g_assert_cmpint(back.status, ==, 0);
  synthetic_same_bytes(model, other);

  /* Weights keep their precision. */
  g_autofree char *whole = path_of("f32.safetensors");
  for (int i = 0; i < 2; i++) {
    FmnModelFile *file = fmn_model_file_load(i ? whole : model, NULL);
    g_assert_cmpint(file->half, ==, i == 0);
    g_assert_true(i || fmn_model_file_save(file, whole, FALSE, NULL));
    fmn_model_file_free(file);
    g_auto(Result) r = RUN("calibrate", "--model", whole, "--data", folder);
    g_assert_cmpint(r.status, ==, 0);
  }

  g_auto(Result) nowhere =
      RUN("calibrate", "--model", model, "--data", folder, "--out", "/no/such/folder/x.safetensors");
  g_assert_cmpint(nowhere.status, ==, 1);
  g_assert_nonnull(strstr(nowhere.err, "--out"));
  g_assert_cmpstr(nowhere.out, ==, ""); /* before it has calibrated anything */

  g_auto(Result) without = RUN(TRAIN(bare), "--validation", "0");
  g_assert_cmpint(without.status, ==, 0);
  g_auto(Result) refused = RUN("calibrate", "--model", bare, "--data", folder);
  g_assert_cmpint(refused.status, ==, 1);
  g_assert_nonnull(strstr(refused.err, "--validation"));
  g_auto(Result) told = RUN("calibrate", "--model", bare, "--data", folder, "--validation", "0.5");
  g_assert_cmpint(told.status, ==, 0);
  g_assert_nonnull(strstr(told.err, "has learned"));
}

/* On other data than that of the training nobody knows what was set aside. */
static void test_calibrate_other_data(void) {
  g_autofree char *model = path_of("known.safetensors");
  char *elsewhere = synthetic_folder(120);
  g_auto(Result) trained = RUN(TRAIN(model));
  g_assert_cmpint(trained.status, ==, 0);
  g_auto(Result) r = RUN("calibrate", "--model", model, "--data", elsewhere);
  g_assert_cmpint(r.status, ==, 1);
  g_assert_nonnull(strstr(r.err, "other data"));
  g_auto(Result) told = RUN("calibrate", "--model", model, "--data", elsewhere, "--validation", "0.5");
  g_assert_cmpint(told.status, ==, 0);
  g_assert_null(strstr(told.err, "has learned"));
  folder_free(elsewhere);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/tool/whole", test_whole);
  g_test_add_func("/tool/bench", test_bench);
  g_test_add_func("/tool/pictures", test_pictures);
  g_test_add_func("/tool/calibrate", test_calibrate);
  g_test_add_func("/tool/calibrate-other-data", test_calibrate_other_data);
  return tool_run();
}
