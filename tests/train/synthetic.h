/* A small data set made on the spot: ten classes of noisy bars, and a folder for it. */
#ifndef TESTS_TRAIN_SYNTHETIC_H
#define TESTS_TRAIN_SYNTHETIC_H

#include <glib/gstdio.h>
#include <string.h>

#include "../folder.h"
#include "io/idx.h"
#include "io/model_file.h"
#include "train/random.h"

#define SIDE 28

/* Image i has class i mod 10: a bar whose place and direction are the class's. */
static inline FmnDataset *synthetic_new(int n, guint64 seed) {
  FmnDataset *d = g_new0(FmnDataset, 1);
  *d = (FmnDataset){n, 1, SIDE, SIDE, g_new(guint8, (gsize)n * SIDE * SIDE), g_new(guint8, n)};
  FmnRandom r = {seed};
  for (int i = 0; i < n; i++) {
    d->labels[i] = (guint8)(i % 10);
    for (int y = 0; y < SIDE; y++)
      for (int x = 0; x < SIDE; x++) {
        int place = (i % 10 < 5 ? x : y) / 6;
        d->images[(i * SIDE + y) * SIDE + x] = (guint8)((place == i % 5 ? 180 : 20) + (int)fmn_random_below(&r, 50));
      }
  }
  return d;
}

static inline void synthetic_write_split(const char *folder, const char *split, const FmnDataset *d) {
  g_autoptr(GError) error = NULL;
  const int dims[] = {d->n, SIDE, SIDE};
  g_autofree char *images = g_strdup_printf("%s/%s-images-idx3-ubyte", folder, split);
  g_autofree char *labels = g_strdup_printf("%s/%s-labels-idx1-ubyte.gz", folder, split);
  fmn_idx_write(images, d->images, dims, 3, &error);
  g_assert_no_error(error);
  fmn_idx_write(labels, d->labels, dims, 1, &error);
  g_assert_no_error(error);
}

/* Names the classes of the data in a folder, one a line. */
static inline void synthetic_name_classes(const char *folder, const char *lines) {
  g_autofree char *path = g_build_filename(folder, "labels.txt", NULL);
  g_assert_true(g_file_set_contents(path, lines, -1, NULL));
}

/* A temporary folder with a training split of n and a test split of 50 images; folder_free() removes it. */
static inline char *synthetic_folder(int n) {
  char *folder = folder_new();
  FmnDataset *train = synthetic_new(n, 1), *test = synthetic_new(50, 2);
  synthetic_write_split(folder, "train", train);
  synthetic_write_split(folder, "t10k", test);
  fmn_dataset_free(train);
  fmn_dataset_free(test);
  return folder;
}

static inline void synthetic_add_weights(const char *name, FmnParam *param, gpointer sum) {
  g_checksum_update(sum, (const guchar *)param->data, (gssize)(fmn_param_count(param) * sizeof(float)));
}

/* Of the weights of a model file, whatever else it says. (g_free) */
static inline char *synthetic_digest_of_weights(const char *path) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  FmnModelFile *m = fmn_model_file_load(path, &error);
  g_assert_no_error(error);
  fmn_graph_foreach_param(m->graph, synthetic_add_weights, sum);
  fmn_model_file_free(m);
  return g_strdup(g_checksum_get_string(sum));
}

static inline void synthetic_same_bytes(const char *a, const char *b) {
  g_autoptr(GError) error = NULL;
  g_autofree char *x = NULL, *y = NULL;
  gsize n = 0, m = 0;
  g_file_get_contents(a, &x, &n, &error);
  g_assert_no_error(error);
  g_file_get_contents(b, &y, &m, &error);
  g_assert_no_error(error);
  g_assert_cmpmem(x, n, y, m);
}

#endif
