/* The strings of a model file's __metadata__ to and from the fields of FmnModelFile. */
#ifndef FMN_IO_MODEL_META_H
#define FMN_IO_MODEL_META_H

#include "io/model_file.h"

#define FMN_MODEL_FORMAT "fmnist-1"
#define FMN_MAX_LABELS 1000
#define FMN_MAX_LABEL_BYTES 100

/* Whether it can be a label: valid UTF-8 of 1 to FMN_MAX_LABEL_BYTES printable bytes, for it ends up in messages and pictures.
 * NULL: no. */
gboolean fmn_model_is_label(const char *label);

/* Fills arch, arch_options, labels, preprocess, temperature and threshold from file->metadata. Messages name the key.
 */
gboolean fmn_model_meta_parse(FmnModelFile *file, GError **error);

/* The defaults of what the JSON object `preprocess` holds; the other fields stay. */
void fmn_model_meta_preprocess_init(FmnPreprocess *preprocess);

/* A JSON list of strings; g_free. */
char *fmn_labels_format(char *const *labels);

/* What is to be written: a copy of file->metadata with the fields above in it (g_hash_table_unref). */
GHashTable *fmn_model_meta_format(const FmnModelFile *file);

#endif
