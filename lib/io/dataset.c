#include "error.h"
#include "io/idx.h"

const char *fmn_data_dir(const char *dir) {
  if (dir && *dir)
    return dir;
  dir = g_getenv("FMNIST_DATA");
  return dir && *dir ? dir : FMN_DATA_DIR;
}

/* dir/prefix-kind, with .gz or without (g_free); NULL where there is neither. */
static char *find_file(const char *dir, const char *prefix, const char *kind, GError **error) {
  static const char *const endings[] = {"", ".gz"};
  for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
    char *name = g_strconcat(prefix, "-", kind, endings[i], NULL), *path = g_build_filename(dir, name, NULL);
    g_free(name);
    if (g_file_test(path, G_FILE_TEST_EXISTS))
      return path;
    g_free(path);
  }
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

static gboolean check_labels(const FmnDataset *d, const char *path, int n, int n_labels, GError **error) {
  if (n != d->n) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT, "%s: %d labels for %d images", path, n, d->n);
    return FALSE;
  }
  for (int i = 0; i < n; i++) {
    if (d->labels[i] >= n_labels) {
      g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT, "%s: label %d is %d; expected 0 to %d", path, i, d->labels[i],
                  n_labels - 1);
      return FALSE;
    }
  }
  return TRUE;
}

FmnDataset *fmn_dataset_load(const char *dir, FmnSplit split, int n_labels, GError **error) {
  const char *prefix = split == FMN_SPLIT_TRAIN ? "train" : "t10k";
  dir = fmn_data_dir(dir);
  char *images = find_file(dir, prefix, "images-idx3-ubyte", error);
  char *labels = images ? find_file(dir, prefix, "labels-idx1-ubyte", error) : NULL;
  FmnDataset *d = g_new0(FmnDataset, 1);
  int dims[3], n = 0;
  gboolean ok =
      labels && (d->images = fmn_idx_read(images, 3, dims, error)) && (d->labels = fmn_idx_read(labels, 1, &n, error));
  if (ok) {
    d->n = dims[0];
    d->channels = 1;
    d->height = dims[1];
    d->width = dims[2];
    ok = check_labels(d, labels, n, n_labels, error);
  }
  g_free(images);
  g_free(labels);
  if (ok)
    return d;
  fmn_dataset_free(d);
  return NULL;
}

void fmn_dataset_free(FmnDataset *data) {
  if (!data)
    return;
  g_free(data->images);
  g_free(data->labels);
  g_free(data);
}

char *fmn_dataset_sha256(const FmnDataset *data) {
  GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
  gsize image = (gsize)data->channels * (gsize)data->height * (gsize)data->width;
  for (int i = 0; i < data->n; i++) /* one by one: a length is a signed type there */
    g_checksum_update(sum, data->images + (gsize)i * image, (gssize)image);
  g_checksum_update(sum, data->labels, data->n);
  char *hex = g_strdup(g_checksum_get_string(sum));
  g_checksum_free(sum);
  return hex;
}
