#include <string.h>

#include "error.h"
#include "io/idx.h"
#include "io/label_file.h"
#include "io/model_file.h"

const char *fmn_data_dir(const char *dir) {
  if (dir && *dir)
    return dir;
  dir = g_getenv("FMNIST_DATA");
  return dir && *dir ? dir : FMN_DATA_DIR;
}

/* dir/prefix-kind, with .gz or without (g_free); NULL where there is neither. */
static char *find_optional(const char *dir, const char *prefix, const char *kind) {
  static const char *const endings[] = {"", ".gz"};
  for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
    char *name = g_strconcat(prefix, "-", kind, endings[i], NULL), *path = g_build_filename(dir, name, NULL);
    g_free(name);
    if (g_file_test(path, G_FILE_TEST_EXISTS))
      return path;
    g_free(path);
  }
  return NULL;
}

/* The same, with an error. */
static char *find_file(const char *dir, const char *prefix, const char *kind, GError **error) {
  char *path = find_optional(dir, prefix, kind);
  if (path)
    return path;
  char *shown = g_filename_display_name(dir);
  g_set_error(error, FMN_ERROR, FMN_ERROR_NOT_FOUND,
              "%s: %s; expected a folder with %s-%s.gz. Fashion-MNIST is Debian's package dataset-fashion-mnist; "
              "elsewhere get the "
              "four .gz files of https://github.com/zalandoresearch/fashion-mnist and name their folder with --data "
              "DIR or FMNIST_DATA",
              shown, g_file_test(dir, G_FILE_TEST_IS_DIR) ? "no data set in this folder" : "no such folder", prefix,
              kind);
  g_free(shown);
  return NULL;
}

static gboolean check_labels(const FmnDataset *d, const char *path, int n, GError **error) {
  int n_names = (int)g_strv_length(d->names);
  if (n != d->n) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT, "%s: %d labels for %d images", path, n, d->n);
    return FALSE;
  }
  for (int i = 0; i < n; i++) {
    if (d->labels[i] >= n_names) {
      g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT, "%s: label %d is %d; expected 0 to %d", path, i, d->labels[i],
                  n_names - 1);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean load_views(FmnDataset *d, const char *dir, const char *prefix, GError **error) {
  g_autofree char *path = find_optional(dir, prefix, "views-idx4-ubyte");
  int dims[4];
  if (!path)
    return TRUE;
  if (d->channels > 1) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "%s: views are for pictures of one channel; there are pictures of %d. Remove the file", path,
                d->channels);
    return FALSE;
  }
  if (!(d->views = fmn_idx_read(path, 4, dims, error)))
    return FALSE;
  d->n_views = dims[1];
  if (dims[0] == d->n && dims[2] == d->height && dims[3] == d->width)
    return TRUE;
  g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT,
              "%s: views of %d pictures of %d×%d; there are %d pictures of %d×%d. Remove the file or extract again",
              path, dims[0], dims[3], dims[2], d->n, d->width, d->height);
  return FALSE;
}

char **fmn_dataset_names(const char *dir, GError **error) {
  g_autofree char *path = g_build_filename(fmn_data_dir(dir), FMN_LABELS_FILE, NULL);
  if (!g_file_test(path, G_FILE_TEST_EXISTS))
    return g_strdupv((char **)fmn_fashion_mnist_labels);
  g_autoptr(GPtrArray) lines = fmn_label_file_read(path, error);
  if (!lines)
    return NULL;
  if (lines->len < 1 || lines->len > FMN_MAX_NAMES) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT, "%s: %u labels; expected 1 to %d", path, lines->len, FMN_MAX_NAMES);
    return NULL;
  }
  for (guint i = 0; i < lines->len; i++)
    for (guint k = 0; k < i; k++)
      if (strcmp(lines->pdata[i], lines->pdata[k]) == 0) {
        g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT, "%s: lines %u and %u are both “%s”", path, k + 1, i + 1,
                    (char *)lines->pdata[i]);
        return NULL;
      }
  g_ptr_array_add(lines, NULL);
  return g_strdupv((char **)lines->pdata);
}

FmnDataset *fmn_dataset_load(const char *dir, FmnSplit split, GError **error) {
  const char *prefix = split == FMN_SPLIT_TRAIN ? "train" : "t10k";
  dir = fmn_data_dir(dir);
  g_autofree char *colored = find_optional(dir, prefix, "images-idx4-ubyte");
  g_autofree char *gray = find_optional(dir, prefix, "images-idx3-ubyte");
  gboolean four = colored && !gray;
  g_autofree char *images = four ? g_steal_pointer(&colored) : find_file(dir, prefix, "images-idx3-ubyte", error);
  g_autofree char *labels = images ? find_file(dir, prefix, "labels-idx1-ubyte", error) : NULL;
  FmnDataset *d = g_new0(FmnDataset, 1);
  int dims[4], n = 0;
  if (labels && (d->names = fmn_dataset_names(dir, error)) &&
      (d->images = fmn_idx_read(images, four ? 4 : 3, dims, error)) &&
      (d->labels = fmn_idx_read(labels, 1, &n, error))) {
    d->n = dims[0];
    d->channels = four ? dims[1] : 1;
    d->height = dims[four ? 2 : 1];
    d->width = dims[four ? 3 : 2];
    if (check_labels(d, labels, n, error) && load_views(d, dir, prefix, error))
      return d;
  }
  fmn_dataset_free(d);
  return NULL;
}

void fmn_dataset_free(FmnDataset *data) {
  if (!data)
    return;
  g_free(data->images);
  g_free(data->labels);
  g_free(data->views);
  g_strfreev(data->names);
  g_free(data->sha256);
  g_free(data);
}

char *fmn_dataset_sha256(const FmnDataset *data) {
  if (data->sha256)
    return g_strdup(data->sha256);
  GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
  gsize image = (gsize)data->channels * (gsize)data->height * (gsize)data->width;
  for (int i = 0; i < data->n; i++) /* one by one: a length is a signed type there */
    g_checksum_update(sum, data->images + (gsize)i * image, (gssize)image);
  g_checksum_update(sum, data->labels, data->n);
  for (gsize i = 0; i < (gsize)data->n * (gsize)data->n_views; i++)
    g_checksum_update(sum, data->views + i * image, (gssize)image);
  char *hex = g_strdup(g_checksum_get_string(sum));
  g_checksum_free(sum);
  return hex;
}
