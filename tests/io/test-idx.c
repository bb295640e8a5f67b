/* IDX files: written and read again, plain and gzipped; files that are none; the data set itself where it is installed.
 */
#include <string.h>

#include "../folder.h"
#include "error.h"
#include "io/idx.h"

static void put(const char *folder, const char *name, const void *content, gsize size, gboolean gzip) {
  GError *error = NULL;
  char *path = g_build_filename(folder, name, NULL);
  GFile *file = g_file_new_for_path(path);
  GOutputStream *out = G_OUTPUT_STREAM(g_file_replace(file, NULL, FALSE, 0, NULL, &error));
  g_assert_no_error(error);
  if (gzip) {
    GConverter *converter = G_CONVERTER(g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9));
    GOutputStream *packed = g_converter_output_stream_new(out, converter);
    g_object_unref(converter);
    g_object_unref(out);
    out = packed;
  }
  g_assert_true(g_output_stream_write_all(out, content, size, NULL, NULL, &error));
  g_assert_true(g_output_stream_close(out, NULL, &error));
  g_object_unref(out);
  g_object_unref(file);
  g_free(path);
}

static void round_trip(void) {
  static const char *const names[] = {"a-idx", "a-idx.gz"};
  char *folder = folder_new();
  int dims[4] = {5, 3, 28, 27}, got[4] = {0}, count = 5 * 3 * 28 * 27;
  guint8 *data = g_malloc((gsize)count);
  for (int i = 0; i < count; i++)
    data[i] = (guint8)(i * 7 + i / 256);
  for (int n_dims = 1; n_dims <= 4; n_dims++) {
    gsize size = 1;
    for (int i = 0; i < n_dims; i++)
      size *= (gsize)dims[i];
    for (gsize k = 0; k < G_N_ELEMENTS(names); k++) {
      GError *error = NULL;
      char *path = g_build_filename(folder, names[k], NULL), *raw;
      gsize length;
      g_assert_true(fmn_idx_write(path, data, dims, n_dims, &error));
      g_assert_no_error(error);
      g_assert_true(g_file_get_contents(path, &raw, &length, NULL));
      g_assert_cmphex((guint8)raw[0], ==, k ? 0x1f : 0);
      guint8 *read = fmn_idx_read(path, n_dims, got, &error);
      g_assert_no_error(error);
      g_assert_cmpmem(got, sizeof(int) * (gsize)n_dims, dims, sizeof(int) * (gsize)n_dims);
      g_assert_cmpmem(read, size, data, size);
      if (!k)
        g_assert_cmpuint(length, ==, 4 + 4 * (gsize)n_dims + size);
      g_free(read);
      g_free(raw);
      g_free(path);
    }
  }
  g_free(data);
  g_assert_cmpuint(folder_free(folder), ==, 2);
}

typedef struct {
  const char *name, *content;
  gsize size;
  int n_dims;
  const char *message;
} Case;

#define C(name, content, n_dims, message)                                                                              \
  { name, content, sizeof content - 1, n_dims, message }
static const Case cases[] = {
    C("empty", "", 1, "the file is empty"),
    C("one-byte", "\0", 1, "this is no IDX file"),
    C("three-bytes", "\0\0\x08", 1, "this is no IDX file"),
    C("text", "label,pixel1,pixel2\n", 1, "this is no IDX file"),
    C("numpy", "\x93NUMPY\1\0v\0{'descr'", 1, "this is no IDX file"),
    C("little-endian", "\1\x08\0\0\2\0\0\0ab", 1, "this is no IDX file"),
    C("signed", "\0\0\x09\1\0\0\0\2ab", 1, "are signed bytes (type 0x09); expected unsigned bytes"),
    C("floats", "\0\0\x0d\1\0\0\0\1abcd", 1, "are 32-bit floats (type 0x0d)"),
    C("unknown-type", "\0\0\x07\1\0\0\0\1a", 1, "of an unknown type (type 0x07)"),
    C("type-255", "\0\0\xff\1\0\0\0\1a", 1, "of an unknown type (type 0xff)"),
    C("no-dims", "\0\0\x08\0", 1, "it has 0 dimensions; expected 1"),
    C("dims-255", "\0\0\x08\xff", 3, "it has 255 dimensions; expected 3"),
    C("labels-for-images", "\0\0\x08\1\0\0\0\2ab", 3, "are these labels in the place of images?"),
    C("images-for-labels", "\0\0\x08\3\0\0\0\1\0\0\0\1\0\0\0\1a", 1, "are these images in the place of labels?"),
    C("header-cut", "\0\0\x08\3\0\0\0\1\0\0", 3, "it ends in the header"),
    C("header-cut-early", "\0\0\x08\1", 1, "it ends in the header"),
    C("dim-0", "\0\0\x08\1\0\0\0\0", 1, "dimension 0 is 0; expected 1"),
    C("dim-2-0", "\0\0\x08\3\0\0\0\1\0\0\0\1\0\0\0\0", 3, "dimension 2 is 0"),
    C("dim-2^31", "\0\0\x08\1\x80\0\0\0a", 1, "dimension 0 is 2147483648"),
    C("dim-max",
      "\0\0\x08\1\xff\xff\xff\xff"
      "a",
      1, "dimension 0 is 4294967295"),
    C("overflow",
      "\0\0\x08\4\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff"
      "a",
      4, "more than memory can hold"),
    C("overflow-to-0", "\0\0\x08\4\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0a", 4, "more than memory can hold"),
    C("promises-2^62",
      "\0\0\x08\2\x7f\xff\xff\xff\x7f\xff\xff\xff"
      "abcdefgh",
      2, "promises 4611686014132420609 values"),
    C("promises-2^31",
      "\0\0\x08\1\x7f\xff\xff\xff"
      "abcdefgh",
      1, "promises 2147483647 values"),
    C("truncated", "\0\0\x08\1\0\0\0\4abc", 1, "promises 4 values"),
    C("no-values", "\0\0\x08\1\0\0\0\4", 1, "promises 4 values"),
    C("extra", "\0\0\x08\1\0\0\0\2abc", 1, "more data than the 2 values"),
};

static void expect_error(const char *path, int n_dims, const char *message) {
  GError *error = NULL;
  int dims[4];
  g_assert_null(fmn_idx_read(path, n_dims, dims, &error));
  g_assert_nonnull(error);
  g_test_message("%s", error->message);
  if (!strstr(error->message, message))
    g_error("expected \"%s\" in \"%s\"", message, error->message);
  g_error_free(error);
}

/* The same complaint about the plain and the gzipped file. */
static void hostile(gconstpointer data) {
  const Case *c = data;
  char *folder = folder_new(), *path = g_build_filename(folder, "bad", NULL);
  for (int gzip = 0; gzip < 2; gzip++) {
    put(folder, "bad", c->content, c->size, gzip);
    expect_error(path, c->n_dims, c->message);
  }
  g_free(path);
  folder_free(folder);
}

/* Damage to the gzip layer itself: cut at every byte, one bit flipped in every byte. */
static void damaged_gzip(void) {
  char *folder = folder_new(), *path = g_build_filename(folder, "bad", NULL), *content;
  gsize size;
  put(folder, "bad", "\0\0\x08\1\0\0\0\x1ahello, hello, hello, hello", 34, TRUE);
  g_assert_true(g_file_get_contents(path, &content, &size, NULL));
  guint8 *good = fmn_idx_read(path, 1, (int[4]){0}, NULL);
  g_assert_cmpmem(good, 26, "hello, hello, hello, hello", 26);
  for (gsize i = 0; i < size; i++) {
    put(folder, "bad", content, i, FALSE);
    expect_error(path, 1, i == 0 ? "empty" : i == 1 ? "no IDX file" : "truncated");
    char keep = content[i];
    content[i] ^= 0x10;
    put(folder, "bad", content, size, FALSE);
    GError *error = NULL;
    guint8 *read = fmn_idx_read(path, 1, (int[4]){0}, &error);
    g_assert_true((read != NULL) == (error == NULL));
    if (read) /* time stamp, operating system and the like are not covered by the checksum */
      g_assert_cmpmem(read, 26, good, 26);
    g_free(read);
    g_clear_error(&error);
    content[i] = keep;
  }
  g_free(good);
  g_free(content);
  g_free(path);
  folder_free(folder);
}

/* A small gzip of a gigabyte of zeros costs no gigabyte: reading ends one byte after what the header promises. */
static void bomb(void) {
  GError *error = NULL;
  char *folder = folder_new(), *path = g_build_filename(folder, "bomb", NULL);
  guint8 *zeros = g_malloc0(64 << 20);
  memcpy(zeros, "\0\0\x08\1\0\0\0\2", 8);
  put(folder, "bomb", zeros, 64 << 20, TRUE);
  g_free(zeros);
  expect_error(path, 1, "more data than the 2 values");
  put(folder, "bomb",
      "\0\0\x08\1\x7f\xff\xff\xff"
      "a",
      9, TRUE);
  expect_error(path, 1, "can't hold them");
  g_assert_no_error(error);
  g_free(path);
  folder_free(folder);
}

static void no_files(void) {
  char *folder = folder_new(), *path = g_build_filename(folder, "none", NULL);
  expect_error(path, 1, "No such file");
  expect_error(folder, 1, "this is a folder");
  expect_error("/dev/zero", 1, "no regular file");
  g_free(path);
  folder_free(folder);
}

static void expect_no_dataset(const char *dir, FmnSplit split, const char *message) {
  GError *error = NULL;
  g_assert_null(fmn_dataset_load(dir, split, &error));
  g_assert_nonnull(error);
  if (!strstr(error->message, message))
    g_error("expected \"%s\" in \"%s\"", message, error->message);
  g_error_free(error);
}

static void dataset(void) {
  GError *error = NULL;
  char *folder = folder_new(), *none = g_build_filename(folder, "none", NULL);
  expect_no_dataset(none, FMN_SPLIT_TRAIN, "no such folder");
  expect_no_dataset(folder, FMN_SPLIT_TRAIN, "Debian's package dataset-fashion-mnist");
  put(folder, "t10k-images-idx3-ubyte", "\0\0\x08\3\0\0\0\2\0\0\0\1\0\0\0\3abcdef", 22, FALSE);
  expect_no_dataset(folder, FMN_SPLIT_TEST, "t10k-labels-idx1-ubyte.gz");
  put(folder, "t10k-labels-idx1-ubyte.gz", "\0\0\x08\1\0\0\0\3\0\1\2", 11, TRUE);
  expect_no_dataset(folder, FMN_SPLIT_TEST, "3 labels for 2 images");
  put(folder, "t10k-labels-idx1-ubyte.gz", "\0\0\x08\1\0\0\0\2\0\x0a", 10, TRUE);
  expect_no_dataset(folder, FMN_SPLIT_TEST, "label 1 is 10; expected 0 to 9");
  expect_no_dataset(folder, FMN_SPLIT_TRAIN, "train-images-idx3-ubyte.gz");
  put(folder, "t10k-labels-idx1-ubyte.gz", "\0\0\x08\1\0\0\0\2\0\x09", 10, TRUE);
  put(folder, "labels.txt", "Hat\nScarf\n", 10, FALSE);
  expect_no_dataset(folder, FMN_SPLIT_TEST, "label 1 is 9; expected 0 to 1");
  put(folder, "labels.txt", "Hat\nScarf\nHat\n", 14, FALSE);
  expect_no_dataset(folder, FMN_SPLIT_TEST, "lines 1 and 3 are both");
  put(folder, "labels.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nSandal|Boot\n", 30, FALSE);
  g_setenv("FMNIST_DATA", folder, TRUE);
  g_assert_cmpstr(fmn_data_dir(NULL), ==, folder);
  g_assert_cmpstr(fmn_data_dir("x"), ==, "x");
  FmnDataset *d = fmn_dataset_load(NULL, FMN_SPLIT_TEST, &error);
  g_assert_no_error(error);
  g_unsetenv("FMNIST_DATA");
  g_assert_cmpstr(fmn_data_dir(NULL), ==, FMN_DATA_DIR);
  g_assert_cmpint(d->n, ==, 2);
  g_assert_cmpint((int)g_strv_length(d->names), ==, 10);
  g_assert_cmpstr(d->names[9], ==, "Sandal|Boot");
  g_assert_cmpint(d->channels, ==, 1);
  g_assert_cmpint(d->height, ==, 1);
  g_assert_cmpint(d->width, ==, 3);
  g_assert_cmpmem(d->images, 6, "abcdef", 6);
  g_assert_cmpmem(d->labels, 2, "\0\x09", 2);
  char *sum = fmn_dataset_sha256(d),
       *expected = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)"abcdef\0\x09", 8);
  g_assert_cmpstr(sum, ==, expected);
  g_free(sum);
  g_free(expected);
  fmn_dataset_free(d);
  /* One of the two pictures has views for one, and pictures of several channels have none. */
  put(folder, "t10k-views-idx4-ubyte", "\0\0\x08\4\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\3ghi", 23, FALSE);
  expect_no_dataset(folder, FMN_SPLIT_TEST, "views of 1 pictures of 3×1; there are 2");
  put(folder, "train-images-idx4-ubyte", "\0\0\x08\4\0\0\0\1\0\0\0\2\0\0\0\1\0\0\0\2abcd", 24, FALSE);
  put(folder, "train-labels-idx1-ubyte", "\0\0\x08\1\0\0\0\1\0", 9, FALSE);
  put(folder, "train-views-idx4-ubyte", "\0\0\x08\4\0\0\0\1\0\0\0\3\0\0\0\1\0\0\0\2abcdef", 26, FALSE);
  expect_no_dataset(folder, FMN_SPLIT_TRAIN, "views are for pictures of one channel; there are pictures of 2");
  g_free(none);
  folder_free(folder);
}

static void fashion_mnist(void) {
  GError *error = NULL;
  if (!g_file_test(fmn_data_dir(NULL), G_FILE_TEST_IS_DIR)) {
    g_test_skip("Fashion-MNIST is not installed (dataset-fashion-mnist)");
    return;
  }
  FmnDataset *d = fmn_dataset_load(NULL, FMN_SPLIT_TEST, &error);
  g_assert_no_error(error);
  g_assert_cmpint(d->n, ==, 10000);
  g_assert_cmpint(d->height, ==, 28);
  g_assert_cmpint(d->width, ==, 28);
  int count[10] = {0};
  for (int i = 0; i < d->n; i++)
    count[d->labels[i]]++;
  for (int i = 0; i < 10; i++)
    g_assert_cmpint(count[i], ==, 1000);
  g_assert_cmpint(d->labels[0], ==, 9);
  fmn_dataset_free(d);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/idx/fashion-mnist", fashion_mnist);
  g_test_add_func("/idx/round-trip", round_trip);
  g_test_add_func("/idx/damaged-gzip", damaged_gzip);
  g_test_add_func("/idx/bomb", bomb);
  g_test_add_func("/idx/no-files", no_files);
  g_test_add_func("/idx/dataset", dataset);
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    char *name = g_strconcat("/idx/hostile/", cases[i].name, NULL);
    g_test_add_data_func(name, &cases[i], hostile);
    g_free(name);
  }
  return g_test_run();
}
