/* The IDX format of the MNIST family (http://yann.lecun.com/exdb/mnist, file format at the end of the page), plain or
 * gzipped. */
#ifndef FMN_IO_IDX_H
#define FMN_IO_IDX_H

#include <gio/gio.h>

/* Pictures with their labels. */
typedef struct {
  int n, channels, height, width;
  guint8 *images; /* n × channels × height × width; owned */
  guint8 *labels; /* n; owned */
  char **names;   /* what each label means, NULL-ended; owned; NULL: whatever the network has */
  int n_views;    /* further views of each picture, of one channel; 0 where it has several */
  guint8 *views;  /* n × n_views × height × width; owned; NULL where there are none */
  char *sha256;   /* of the pictures as they were read, where their size has been changed since; owned; NULL: they have
                     not */
} FmnDataset;

#define FMN_LABELS_FILE "labels.txt"
#define FMN_MAX_NAMES 256

typedef enum { FMN_SPLIT_TRAIN, FMN_SPLIT_TEST } FmnSplit;

#define FMN_DATA_DIR "/usr/share/datasets/fashion-mnist" /* where Debian's dataset-fashion-mnist puts it */

/* The folder with the four files: dir, else the environment's FMNIST_DATA, else FMN_DATA_DIR. */
const char *fmn_data_dir(const char *dir);

/* Reads {train,t10k}-images-idx3-ubyte[.gz] (of one channel; or, where there is none, -images-idx4-ubyte: pictures ×
 * channels × height × width) and {train,t10k}-labels-idx1-ubyte[.gz] of a folder, and where there is one
 * {train,t10k}-views-idx4-ubyte[.gz], further views of the same pictures, which then have one channel (pictures × views ×
 * height × width). Errors
 * name the file, what was expected and what was found, and for a missing folder the way to get the data. names come
 * from labels.txt in the folder, a line each; without such a file they are Fashion-MNIST's. Free with
 * fmn_dataset_free(). */
FmnDataset *fmn_dataset_load(const char *dir, FmnSplit split, GError **error);
/* The names alone, NULL-ended; g_strfreev. A line “A|B” stands for any of several that stand before it. */
char **fmn_dataset_names(const char *dir, GError **error);
void fmn_dataset_free(FmnDataset *data); /* NULL allowed */

/* One IDX file of unsigned bytes with n_dims (1..4) dimensions; dims is filled in, the bytes are the caller's (g_free).
 */
guint8 *fmn_idx_read(const char *path, int n_dims, int *dims, GError **error);
/* Writes one; gzipped when path ends in .gz. Through a temporary file, renamed. */
gboolean fmn_idx_write(const char *path, const guint8 *data, const int *dims, int n_dims, GError **error);

/* SHA-256 (hex, g_free) over the decompressed image and label bytes of the split: what dataset_sha256 in a model says.
 */
char *fmn_dataset_sha256(const FmnDataset *data);

#endif
