/* Reading what NumPy wrote, reading what the writer wrote, and saves that are cut short. */
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../folder.h"
#include "error.h"
#include "io/half.h"
#include "io/safetensors.h"

static float *read_tensor(const FmnSafetensors *file, const char *name, gsize count) {
  GError *error = NULL;
  const FmnTensorInfo *info = fmn_safetensors_find(file, name);
  g_assert_nonnull(info);
  g_assert_cmpstr(info->name, ==, name);
  g_assert_cmpuint(info->count, ==, count);
  float *out = g_new(float, count + 1);
  out[count] = 12345;
  g_assert_true(fmn_safetensors_read(file, info, out, &error));
  g_assert_no_error(error);
  g_assert_cmpfloat(out[count], ==, 12345);
  return out;
}

static void golden(void) {
  GError *error = NULL;
  char *path = g_test_build_filename(G_TEST_DIST, "golden", "numpy.safetensors", NULL);
  FmnSafetensors *file = fmn_safetensors_load(path, &error);
  g_assert_no_error(error);
  g_assert_cmpint(fmn_safetensors_n_tensors(file), ==, 7);
  g_assert_cmpstr(fmn_safetensors_metadata(file, "format"), ==, "golden");
  g_assert_cmpstr(fmn_safetensors_metadata(file, "text"), ==, "quote \" backslash \\ line\nümlaut 服 👟");
  g_assert_null(fmn_safetensors_metadata(file, "none"));
  g_assert_null(fmn_safetensors_find(file, "none"));

  float *ramp = read_tensor(file, "ramp", 24), *scalar = read_tensor(file, "scalar", 1);
  const FmnTensorInfo *info = fmn_safetensors_find(file, "ramp");
  g_assert_cmpint(info->n_dims, ==, 3);
  g_assert_cmpint(info->dims[0], ==, 2);
  g_assert_cmpint(info->dims[1], ==, 3);
  g_assert_cmpint(info->dims[2], ==, 4);
  g_assert_false(info->half);
  for (int i = 0; i < 24; i++)
    g_assert_cmpfloat(ramp[i], ==, (float)i * 0.25f - 1);
  g_assert_cmpint(fmn_safetensors_find(file, "scalar")->n_dims, ==, 0);
  g_assert_cmpfloat(scalar[0], ==, -2.5f);

  float *half = read_tensor(file, "half", 500), *as_float = read_tensor(file, "half.as_float", 500);
  g_assert_true(fmn_safetensors_find(file, "half")->half);
  for (int i = 0; i < 500; i++)
    g_assert_cmphex(fmn_float_bits(half[i]), ==, fmn_float_bits(as_float[i]));
  float *values = read_tensor(file, "values", 2025), *as_half = read_tensor(file, "values.as_half", 2025);
  for (int i = 0; i < 2025; i++)
    g_assert_cmphex(fmn_float_bits(fmn_half_to_float(fmn_float_to_half(values[i]))), ==, fmn_float_bits(as_half[i]));
  g_free(read_tensor(file, "empty", 0));
  g_free(ramp);
  g_free(scalar);
  g_free(half);
  g_free(as_float);
  g_free(values);
  g_free(as_half);
  fmn_safetensors_free(file);
  g_free(path);
}

static const int conv_dims[] = {10, 5, 3, 2}, dense_dims[] = {3, 100}, bias_dims[] = {7};

/* check_written.py knows the same formulas. */
static FmnSafetensorsWriter *example(const float *wave, gboolean backwards) {
  static const float scalar = -2.5f;
  FmnSafetensorsWriter *w = fmn_safetensors_writer_new();
  for (int i = 0; i < 4; i++) {
    switch (backwards ? 3 - i : i) {
    case 0:
      fmn_safetensors_writer_metadata(w, "quoted", "a \"b\" \\ c\n\tü 👟");
      fmn_safetensors_writer_tensor(w, "conv1.weight", conv_dims, 4, wave, FALSE);
      break;
    case 1:
      fmn_safetensors_writer_metadata(w, "z", "");
      fmn_safetensors_writer_tensor(w, "conv1.bias", bias_dims, 1, wave, TRUE);
      break;
    case 2:
      fmn_safetensors_writer_metadata(w, "format", "fmnist-1");
      fmn_safetensors_writer_tensor(w, "dense.weight", dense_dims, 2, wave, TRUE);
      break;
    default:
      fmn_safetensors_writer_tensor(w, "scalar", NULL, 0, &scalar, FALSE);
    }
  }
  return w;
}

static void fill_wave(float *wave) {
  for (int i = 0; i < 300; i++)
    wave[i] = (float)(i - 150) * 0.37f;
}

static void round_trip(void) {
  GError *error = NULL;
  float wave[300];
  fill_wave(wave);
  FmnSafetensorsWriter *w = example(wave, FALSE), *other = example(wave, TRUE);
  GBytes *bytes = fmn_safetensors_writer_bytes(w, &error), *same = fmn_safetensors_writer_bytes(other, NULL);
  g_assert_no_error(error);
  g_assert_true(g_bytes_equal(bytes, same));

  FmnSafetensors *file = fmn_safetensors_parse(bytes, "example", &error);
  g_assert_no_error(error);
  g_assert_cmpuint(g_hash_table_size(fmn_safetensors_metadata_table(file)), ==, 3);
  g_assert_cmpstr(fmn_safetensors_metadata(file, "quoted"), ==, "a \"b\" \\ c\n\tü 👟");
  g_assert_cmpstr(fmn_safetensors_tensor(file, 0)->name, ==, "conv1.weight");
  g_assert_cmpstr(fmn_safetensors_tensor(file, 3)->name, ==, "dense.weight");
  float *conv = read_tensor(file, "conv1.weight", 300), *dense = read_tensor(file, "dense.weight", 300);
  g_assert_cmpmem(conv, sizeof wave, wave, sizeof wave);
  for (int i = 0; i < 300; i++)
    g_assert_cmpfloat(dense[i], ==, fmn_half_to_float(fmn_float_to_half(wave[i])));
  g_free(conv);
  g_free(dense);
  fmn_safetensors_free(file);
  g_bytes_unref(bytes);
  g_bytes_unref(same);
  fmn_safetensors_writer_free(w);
  fmn_safetensors_writer_free(other);
}

/* What can't be read back is not written, and what was there stays. */
static void refuses(void) {
  static const struct {
    float value;
    gboolean half, twice;
    const char *message;
  } cases[] = {{NAN, FALSE, FALSE, "value 1 of tensor t is nan"},
               {-INFINITY, FALSE, FALSE, "-inf"},
               {70000, TRUE, FALSE, "70000, which F16 can't hold"},
               {1, FALSE, TRUE, "two tensors are named t"}};
  char *folder = folder_new(), *path = g_build_filename(folder, "kept.safetensors", NULL);
  g_assert_true(g_file_set_contents(path, "old", -1, NULL));
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    GError *error = NULL;
    float data[] = {0, cases[i].value};
    FmnSafetensorsWriter *w = fmn_safetensors_writer_new();
    fmn_safetensors_writer_tensor(w, "t", (const int[]){2}, 1, data, cases[i].half);
    if (cases[i].twice)
      fmn_safetensors_writer_tensor(w, "t", (const int[]){2}, 1, data, FALSE);
    g_assert_false(fmn_safetensors_writer_save(w, path, &error));
    g_assert_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT);
    g_assert_nonnull(strstr(error->message, cases[i].message));
    g_assert_nonnull(strstr(error->message, "kept.safetensors"));
    g_error_free(error);
    fmn_safetensors_writer_free(w);
  }
  char *content;
  g_assert_true(g_file_get_contents(path, &content, NULL, NULL));
  g_assert_cmpstr(content, ==, "old");
  g_free(content);
  g_free(path);
  g_assert_cmpuint(folder_free(folder), ==, 1);
}

static void unwritable(void) {
  GError *error = NULL;
  char *folder = folder_new(), *path = g_build_filename(folder, "none", "x.safetensors", NULL);
  FmnSafetensorsWriter *w = fmn_safetensors_writer_new();
  g_assert_false(fmn_safetensors_writer_save(w, path, &error));
  g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  g_assert_nonnull(strstr(error->message, "x.safetensors"));
  g_clear_error(&error);
  g_assert_false(fmn_safetensors_writer_save(w, folder, &error));
  g_assert_nonnull(error);
  g_error_free(error);
  fmn_safetensors_writer_free(w);
  g_free(path);
  folder_free(folder);
}

enum { BIG = 200000 };

static void save_forever(const char *path, int first) {
  float *data = g_new(float, BIG);
  for (int round = first;; round++) {
    for (int i = 0; i < BIG; i++)
      data[i] = (float)round;
    FmnSafetensorsWriter *w = fmn_safetensors_writer_new();
    fmn_safetensors_writer_tensor(w, "t", (const int[]){BIG}, 1, data, FALSE);
    if (!fmn_safetensors_writer_save(w, path, NULL))
      _exit(1);
    fmn_safetensors_writer_free(w);
  }
}

/* Killed at any moment, the file is one whole save. */
static void killed(void) {
  char *folder = folder_new(), *path = g_build_filename(folder, "model.safetensors", NULL);
  float last = -1;
  int changes = 0;
  double wait = 2000; /* microseconds; longer and longer, for slow machines */
  for (int i = 0; i < 12 || (changes < 3 && i < 40); i++, wait *= 1.2) {
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0)
      save_forever(path, i * 1000);
    while (!g_file_test(path, G_FILE_TEST_EXISTS))
      g_usleep(1000);
    g_usleep((gulong)wait);
    kill(child, SIGKILL);
    int status;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFSIGNALED(status));

    GError *error = NULL;
    FmnSafetensors *file = fmn_safetensors_load(path, &error);
    g_assert_no_error(error);
    float *data = read_tensor(file, "t", BIG);
    for (int k = 1; k < BIG; k++)
      g_assert_cmpfloat(data[k], ==, data[0]);
    changes += data[0] != last;
    last = data[0];
    g_free(data);
    fmn_safetensors_free(file);
  }
  g_assert_cmpint(changes, >=, 3);
  g_free(path);
  folder_free(folder);
}

/* The open file goes on giving the content that it was opened with. */
static void replaced(void) {
  GError *error = NULL;
  float wave[300], other[300] = {0};
  fill_wave(wave);
  char *folder = folder_new(), *path = g_build_filename(folder, "x.safetensors", NULL);
  FmnSafetensorsWriter *w = example(wave, FALSE), *v = example(other, FALSE);
  g_assert_true(fmn_safetensors_writer_save(w, path, &error));
  FmnSafetensors *file = fmn_safetensors_load(path, &error);
  g_assert_no_error(error);
  g_assert_true(fmn_safetensors_writer_save(v, path, &error));
  float *conv = read_tensor(file, "conv1.weight", 300);
  g_assert_cmpmem(conv, sizeof wave, wave, sizeof wave);
  g_free(conv);
  fmn_safetensors_free(file);

  /* Cut short under the reader's hands: an error, no crash. */
  file = fmn_safetensors_load(path, &error);
  g_assert_no_error(error);
  g_assert_cmpint(truncate(path, 600), ==, 0);
  float out[300];
  g_assert_false(fmn_safetensors_read(file, fmn_safetensors_find(file, "dense.weight"), out, &error));
  g_assert_error(error, FMN_ERROR, FMN_ERROR_FORMAT);
  g_assert_nonnull(strstr(error->message, "became shorter"));
  g_error_free(error);
  fmn_safetensors_free(file);
  fmn_safetensors_writer_free(w);
  fmn_safetensors_writer_free(v);
  g_free(path);
  g_assert_cmpuint(folder_free(folder), ==, 1);
}

static int write_example(const char *path) {
  float wave[300];
  fill_wave(wave);
  FmnSafetensorsWriter *w = example(wave, FALSE);
  gboolean ok = fmn_safetensors_writer_save(w, path, NULL);
  fmn_safetensors_writer_free(w);
  return !ok;
}

int main(int argc, char **argv) {
  if (argc == 3 && !strcmp(argv[1], "--write"))
    return write_example(argv[2]);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/safetensors/golden", golden);
  g_test_add_func("/safetensors/round-trip", round_trip);
  g_test_add_func("/safetensors/refuses", refuses);
  g_test_add_func("/safetensors/unwritable", unwritable);
  g_test_add_func("/safetensors/replaced", replaced);
  g_test_add_func("/safetensors/killed", killed);
  return g_test_run();
}
