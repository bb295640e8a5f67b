/* A model file: a network's weights and all that says how to use them. models/NAME.safetensors, docs/model-format.md. */
#ifndef FMN_IO_MODEL_FILE_H
#define FMN_IO_MODEL_FILE_H

#include "fmnist.h"
#include "nn/graph.h"

typedef struct {
  char *name;         /* file name without its ending */
  char *arch;         /* "compact" */
  char *arch_options; /* "strides=original" or "" */
  char **labels;      /* NULL-ended */
  FmnPreprocess preprocess;
  double temperature; /* logits are divided by it; 1 when uncalibrated */
  double threshold;   /* 0..1 */
  gboolean half;      /* read of a file with F16 weights */
  GHashTable *metadata; /* every string of __metadata__; string → string; fields above win when saving */
  FmnGraph *graph;      /* with its weights */
} FmnModelFile;

/* Reads, checks (format, arch, labels, every weight there with its shape and finite, none left over) and builds the network.
 * Errors are of FMN_ERROR, or of G_FILE_ERROR when the file can't be read. Free with fmn_model_file_free(). */
FmnModelFile *fmn_model_file_load(const char *path, GError **error);
FmnModelFile *fmn_model_file_parse(GBytes *bytes, const char *name, GError **error);
void fmn_model_file_free(FmnModelFile *file); /* NULL allowed */

/* A model to be filled by training: builds the network, with these labels (NULL: Fashion-MNIST's), defaults for the rest. */
FmnModelFile *fmn_model_file_new(const char *arch, const char *arch_options, const char *const *labels, GError **error);

/* Writes it through a temporary file: path holds the old or the new content, whole. half: weights of two or more dimensions as F16,
 * the rest as F32. Fails when a value is NaN, infinite or too large for F16. */
gboolean fmn_model_file_save(const FmnModelFile *file, const char *path, gboolean half, GError **error);

/* Where `name_or_path` leads in the search order of fmn_model_open(): a path (g_free), or NULL with an error, or NULL without an
 * error for the embedded default. */
char *fmn_model_find(const char *name_or_path, GError **error);
/* The same, but the embedded default is none either: a path or an error. */
char *fmn_model_find_file(const char *name_or_path, GError **error);
/* SHA-256 of a file's bytes in hex, g_free; errors are of G_FILE_ERROR. */
char *fmn_model_file_sha256(const char *path, GError **error);

/* The ten labels of Fashion-MNIST (Xiao et al. 2017), NULL-ended. */
extern const char *const fmn_fashion_mnist_labels[];
/* Whether these are the same, in the same order. */
gboolean fmn_labels_are_fashion_mnist(const char *const *labels);

#endif
