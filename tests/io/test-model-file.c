/* Model files: written and read again, and every way in which one may be wrong. */
#include "../folder.h"
#include "error.h"
#include "model-fixture.h"

static void good(void) {
  GError *error = NULL;
  GBytes *bytes = model_bytes(NULL);
  FmnModelFile *file = fmn_model_file_parse(bytes, "good", &error);
  g_assert_no_error(error);
  g_assert_cmpstr(file->name, ==, "good");
  g_assert_cmpstr(file->arch, ==, "compact");
  g_assert_cmpstr(file->arch_options, ==, "");
  g_assert_cmpuint(g_strv_length(file->labels), ==, 3);
  g_assert_cmpstr(file->labels[1], ==, "größer");
  g_assert_cmpint(file->preprocess.width, ==, 28);
  g_assert_cmpint(file->preprocess.height, ==, 28);
  g_assert_cmpint(file->preprocess.channels, ==, 1);
  g_assert_cmpfloat(file->preprocess.mean[0], ==, 0.5f);
  g_assert_cmpfloat(file->preprocess.std[0], ==, 0.25f);
  g_assert_cmpfloat(file->preprocess.margin, ==, 0.1f);
  g_assert_cmpfloat(file->preprocess.trim, ==, 0.25f); /* left out: the default */
  g_assert_cmpfloat(file->preprocess.max_aspect, ==, 0.85f);
  g_assert_false(file->preprocess.invert);
  g_assert_cmpfloat(file->temperature, ==, 2);
  g_assert_cmpfloat(file->threshold, ==, 0.4);
  g_assert_cmpstr(g_hash_table_lookup(file->metadata, "epochs"), ==, "3");
  fmn_model_file_free(file);
  g_bytes_unref(bytes);
}

typedef struct {
  GHashTable *values; /* name → float array, owned by the other graph */
  gboolean half;
} Compare;

static void remember(const char *full_name, FmnParam *param, gpointer user) {
  g_hash_table_insert(user, g_strdup(full_name), param);
}

static void same_param(const char *full_name, FmnParam *param, gpointer user) {
  Compare *c = user;
  const FmnParam *other = g_hash_table_lookup(c->values, full_name);
  g_assert_nonnull(other);
  for (gsize i = 0; i < fmn_param_count(param); i++) {
    if (c->half && param->n_dims > 1)
      g_assert_cmpfloat_with_epsilon(param->data[i], other->data[i], 1.3e-4);
    else
      g_assert_cmpfloat(param->data[i], ==, other->data[i]);
  }
}

static void round_trip(void) {
  char *folder = folder_new(), *path = g_build_filename(folder, "mine.safetensors", NULL), *content[2];
  gsize size[2];
  for (int half = 0; half < 2; half++) {
    GError *error = NULL;
    FmnModelFile *file = fmn_model_file_new("compact", NULL, NULL, &error);
    g_assert_no_error(error);
    fmn_graph_foreach_param(file->graph, fill_param, NULL);
    file->temperature = 1.37;
    file->threshold = 0.55;
    file->preprocess.margin = 0.07f;
    file->preprocess.trim = 0.3f;
    file->preprocess.max_aspect = 1.1f;
    g_hash_table_insert(file->metadata, g_strdup("command"), g_strdup("fmnist-train train --arch compact"));
    g_hash_table_insert(file->metadata, g_strdup("temperature"), g_strdup("old"));
    g_assert_true(fmn_model_file_save(file, path, half, &error));
    g_assert_no_error(error);
    FmnModelFile *read = fmn_model_file_load(path, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(read->name, ==, "mine");
    g_assert_cmpfloat(read->temperature, ==, 1.37);
    g_assert_cmpfloat(read->threshold, ==, 0.55);
    g_assert_true(g_strv_equal((const char *const *)read->labels, fmn_fashion_mnist_labels));
    g_assert_cmpmem(&read->preprocess.mean[0], 4, &file->preprocess.mean[0], 4);
    g_assert_cmpfloat(read->preprocess.std[0], ==, file->preprocess.std[0]);
    g_assert_cmpfloat(read->preprocess.margin, ==, 0.07f);
    g_assert_cmpfloat(read->preprocess.trim, ==, 0.3f);
    g_assert_cmpfloat(read->preprocess.max_aspect, ==, 1.1f);
    g_assert_true(read->preprocess.invert);
    g_assert_cmpstr(g_hash_table_lookup(read->metadata, "command"), ==, "fmnist-train train --arch compact");
    g_assert_cmpstr(g_hash_table_lookup(read->metadata, "temperature"), ==, "1.37");
    Compare compare = {g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL), half};
    fmn_graph_foreach_param(file->graph, remember, compare.values);
    fmn_graph_foreach_param(read->graph, same_param, &compare);
    g_hash_table_destroy(compare.values);

    /* What was read is written as the same bytes. */
    g_assert_true(g_file_get_contents(path, &content[0], &size[0], NULL));
    g_assert_true(fmn_model_file_save(read, path, half, &error));
    g_assert_true(g_file_get_contents(path, &content[1], &size[1], NULL));
    g_assert_cmpmem(content[0], size[0], content[1], size[1]);
    g_free(content[0]);
    g_free(content[1]);
    fmn_model_file_free(read);
    fmn_model_file_free(file);
  }
  g_free(path);
  folder_free(folder);
}

typedef struct {
  const char *name;
  Change change;
  const char *message;
} Case;

#define INPUT(text)                                                                                                    \
  { .key = "input", .value = text }
#define STEPS(text)                                                                                                    \
  { .key = "preprocess", .value = text }
#define LABELS(text)                                                                                                   \
  { .key = "labels", .value = text }

static const Case cases[] = {
    {"no-format", {"format"}, "not one of fmnist-train: the metadata has no \"format\"; expected format fmnist-1"},
    {"format-2", {"format", "fmnist-2"}, "the format is \"fmnist-2\"; expected fmnist-1: a newer version"},
    {"format-pt", {"format", "pt"}, "the format is \"pt\"; expected fmnist-1"},
    {"checkpoint",
     {"format", "fmnist-checkpoint-1"},
     "this is a checkpoint, go on from it with fmnist-train train --resume"},
    {"no-arch", {"arch"}, "the metadata has no \"arch\""},
    {"unknown-arch", {"arch", "resnet50"}, "no network is called"},
    {"empty-arch", {"arch", ""}, "is no name of 1 to 100 printable bytes"},
    {"arch-escape-sequence", {"arch", "\x1b[2J"}, "is no name of 1 to 100 printable bytes"},
    {"other-arch", {"arch", "base"}, "tensor conv1.weight is 16x1x3x3; expected 32x1x3x3 for network base"},
    {"arch-option", {"arch_options", "strides=original"}, "has no option"},
    {"arch-option-form", {"arch_options", "strides"}, "KEY=VALUE"},
    {"no-labels", {"labels"}, "the metadata has no \"labels\""},
    {"labels-empty", LABELS("[]"), "labels: expected a JSON list of 1 to 1000 strings"},
    {"labels-object", LABELS("{\"a\":\"b\"}"), "labels: expected a JSON list"},
    {"labels-number", LABELS("[\"a\",1,\"b\"]"), "labels: label 1 is no string"},
    {"labels-nested", LABELS("[[[\"a\"]]]"), "labels: not proper JSON at byte 1: brackets nested too deeply"},
    {"labels-text", LABELS("a,b,c"), "labels: not proper JSON at byte 0"},
    {"labels-twice", LABELS("[\"a\",\"b\",\"a\"]"), "labels: \"a\" stands twice"},
    {"labels-blank", LABELS("[\"a\",\"\",\"b\"]"), "label 1 is no string"},
    {"labels-newline", LABELS("[\"a\",\"x\\ny\",\"b\"]"), "label 1 is no string of 1 to 100 printable"},
    {"labels-too-few", LABELS("[\"a\",\"b\"]"), "tensor fc.weight is 3x64; expected 2x64 for network compact"},
    {"no-input", {"input"}, "the metadata has no \"input\""},
    {"input-list", INPUT("[28,28,1]"), "input: expected a JSON object"},
    {"input-text", INPUT("28x28"), "input: not proper JSON"},
    {"input-no-width", INPUT("{\"height\":28,\"channels\":1,\"mean\":[0],\"std\":[1]}"),
     "input: expected \"width\" to be a whole number"},
    {"input-width-0", INPUT("{\"width\":0,\"height\":28,\"channels\":1,\"mean\":[0],\"std\":[1]}"),
     "expected \"width\""},
    {"input-width-huge", INPUT("{\"width\":999999999999,\"height\":28,\"channels\":1,\"mean\":[0],\"std\":[1]}"),
     "from 1 to 4096"},
    {"input-width-float", INPUT("{\"width\":28.5,\"height\":28,\"channels\":1,\"mean\":[0],\"std\":[1]}"),
     "expected \"width\""},
    {"input-height", INPUT("{\"width\":28,\"height\":\"28\",\"channels\":1,\"mean\":[0],\"std\":[1]}"),
     "expected \"height\""},
    {"input-channels-2", INPUT("{\"width\":28,\"height\":28,\"channels\":2,\"mean\":[0,0],\"std\":[1,1]}"),
     "2 channels; expected 1"},
    {"input-channels-4", INPUT("{\"width\":28,\"height\":28,\"channels\":4,\"mean\":[0],\"std\":[1]}"),
     "expected \"channels\""},
    {"input-mean-two", INPUT("{\"width\":28,\"height\":28,\"channels\":1,\"mean\":[0,0],\"std\":[1]}"),
     "\"mean\" to be a list of 1 numbers"},
    {"input-std-0", INPUT("{\"width\":28,\"height\":28,\"channels\":1,\"mean\":[0],\"std\":[0]}"),
     "\"std\" to be a list of 1 numbers from 1e-06"},
    {"input-std-infinite", INPUT("{\"width\":28,\"height\":28,\"channels\":1,\"mean\":[0],\"std\":[1e999]}"),
     "\"std\" to be a list"},
    {"input-std-number", INPUT("{\"width\":28,\"height\":28,\"channels\":1,\"mean\":[0],\"std\":1}"),
     "\"std\" to be a list"},
    {"input-unknown", INPUT("{\"width\":28,\"height\":28,\"channels\":1,\"mean\":[0],\"std\":[1],\"order\":\"BGR\"}"),
     "input: \"order\" is unknown"},
    {"input-size", INPUT("{\"width\":32,\"height\":28,\"channels\":1,\"mean\":[0],\"std\":[1]}"),
     "input is 32x28 pixels of 1 channels; network compact takes 28x28 of 1"},
    {"input-colour", INPUT("{\"width\":28,\"height\":28,\"channels\":3,\"mean\":[0,0,0],\"std\":[1,1,1]}"),
     "of 3 channels; network compact takes"},
    {"no-preprocess", {"preprocess"}, "the metadata has no \"preprocess\""},
    {"preprocess-unknown", STEPS("{\"margin\":0,\"blur\":3}"), "preprocess: \"blur\" is unknown to this version"},
    {"preprocess-margin", STEPS("{\"margin\":0.5}"), "preprocess: expected \"margin\" to be a number from 0 to 0.45"},
    {"preprocess-margin-negative", STEPS("{\"margin\":-0.1}"), "expected \"margin\""},
    {"preprocess-trim", STEPS("{\"trim\":1}"), "preprocess: expected \"trim\" to be a number from 0 to 0.9"},
    {"preprocess-max-aspect", STEPS("{\"max_aspect\":\"0.8\"}"), "preprocess: expected \"max_aspect\" to be a number"},
    {"preprocess-invert", STEPS("{\"invert\":1}"), "preprocess: expected \"invert\" to be true or false"},
    {"preprocess-twice", STEPS("{\"invert\":true,\"invert\":false}"), "preprocess: the name \"invert\" stands twice"},
    {"preprocess-list", STEPS("[]"), "preprocess: expected a JSON object"},
    {"temperature-0", {"temperature", "0"}, "temperature is \"0\"; expected a number from 0.001 to 1000"},
    {"temperature-nan", {"temperature", "nan"}, "temperature is \"nan\""},
    {"temperature-text", {"temperature", "1.5x"}, "temperature is \"1.5x\""},
    {"temperature-empty", {"temperature", ""}, "temperature is \"\""},
    {"threshold-2", {"threshold", "2"}, "threshold is \"2\"; expected a number from 0 to 1"},
    {"threshold-infinite", {"threshold", "inf"}, "threshold is \"inf\""},
    {"tensor-missing",
     {.tensor = "fc.weight", .change = DROP},
     "tensor fc.weight, which network compact needs, is missing"},
    {"tensor-renamed",
     {.tensor = "fc.weight", .change = RENAME},
     "tensor fc.weight, which network compact needs, is missing"},
    {"tensor-flat",
     {.tensor = "fc.weight", .change = FLATTEN},
     "tensor fc.weight is 192; expected 3x64 for network compact"},
    {"variance-negative", {.tensor = "bn1.running_var", .change = NEGATE}, "a variance is never negative"},
};

static void hostile(gconstpointer data) {
  const Case *c = data;
  GError *error = NULL;
  GBytes *bytes = model_bytes(&c->change);
  g_assert_null(fmn_model_file_parse(bytes, "bad.safetensors", &error));
  g_assert_nonnull(error);
  g_test_message("%s", error->message);
  g_assert_cmpuint(error->domain, ==, FMN_ERROR);
  g_assert_true(g_str_has_prefix(error->message, "bad.safetensors: "));
  if (!strstr(error->message, c->message))
    g_error("expected \"%s\" in \"%s\"", c->message, error->message);
  g_error_free(error);
  g_bytes_unref(bytes);
}

static void left_over(void) {
  GError *error = NULL;
  float extra[2] = {0};
  FmnGraph *graph = fmn_net_build("compact", "", 3, &error);
  Fixture f = {fmn_safetensors_writer_new(), NULL};
  for (gsize i = 0; i < G_N_ELEMENTS(good_metadata); i++)
    fmn_safetensors_writer_metadata(f.writer, good_metadata[i][0], good_metadata[i][1]);
  fmn_graph_foreach_param(graph, add_param, &f);
  fmn_safetensors_writer_tensor(f.writer, "fc2.weight", (const int[]){2}, 1, extra, FALSE);
  GBytes *bytes = fmn_safetensors_writer_bytes(f.writer, &error);
  g_assert_null(fmn_model_file_parse(bytes, "bad", &error));
  g_assert_error(error, FMN_ERROR, FMN_ERROR_FORMAT);
  g_assert_nonnull(strstr(error->message, "tensor fc2.weight belongs to no layer of network compact"));
  g_error_free(error);
  g_bytes_unref(bytes);
  fmn_safetensors_writer_free(f.writer);
  fmn_graph_free(graph);
}

static void not_a_number(void) {
  GError *error = NULL;
  GByteArray *array = g_bytes_unref_to_array(model_bytes(NULL));
  guint32 nan_bits = GUINT32_TO_LE(0x7fc00000);
  memcpy(array->data + array->len - 4, &nan_bits, 4);
  GBytes *bytes = g_byte_array_free_to_bytes(array);
  g_assert_null(fmn_model_file_parse(bytes, "bad", &error));
  g_assert_error(error, FMN_ERROR, FMN_ERROR_FORMAT);
  g_assert_nonnull(strstr(error->message, "is NaN: training has diverged or the file is damaged"));
  g_error_free(error);
  g_bytes_unref(bytes);
}

/* Random damage to the header: an error that names the file, or a model that can be freed. */
static void damaged(void) {
  GBytes *bytes = model_bytes(NULL);
  gsize size;
  const guint8 *content = g_bytes_get_data(bytes, &size);
  guint64 header;
  memcpy(&header, content, 8);
  header = GUINT64_FROM_LE(header);
  GRand *rand = g_rand_new_with_seed(7);
  guint refused = 0;
  for (int i = 0; i < 300; i++) {
    GError *error = NULL;
    guint8 *copy = g_memdup2(content, size);
    for (int k = g_rand_int_range(rand, 1, 4); k > 0; k--)
      copy[g_rand_int_range(rand, 0, (gint32)header + 8)] =
          (guint8) "09afe{}[]\",:\\-. \xff\n"[g_rand_int_range(rand, 0, 19)];
    GBytes *bad = g_bytes_new_take(copy, size);
    FmnModelFile *file = fmn_model_file_parse(bad, "damaged", &error);
    g_assert_true((file == NULL) == (error != NULL));
    g_assert_true(!error || g_str_has_prefix(error->message, "damaged: "));
    refused += !file;
    g_clear_error(&error);
    fmn_model_file_free(file);
    g_bytes_unref(bad);
  }
  g_assert_cmpuint(refused, >, 200);
  g_rand_free(rand);
  g_bytes_unref(bytes);
}

static void unknown_network(void) {
  GError *error = NULL;
  g_assert_null(fmn_model_file_new("bse", NULL, NULL, &error));
  g_assert_error(error, FMN_ERROR, FMN_ERROR_NOT_FOUND);
  g_assert_nonnull(strstr(error->message, "compact"));
  g_error_free(error);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/model-file/good", good);
  g_test_add_func("/model-file/round-trip", round_trip);
  g_test_add_func("/model-file/left-over", left_over);
  g_test_add_func("/model-file/not-a-number", not_a_number);
  g_test_add_func("/model-file/damaged", damaged);
  g_test_add_func("/model-file/unknown-network", unknown_network);
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    char *name = g_strconcat("/model-file/hostile/", cases[i].name, NULL);
    g_test_add_data_func(name, &cases[i], hostile);
    g_free(name);
  }
  return g_test_run();
}
