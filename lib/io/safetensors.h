/* The safetensors format (https://github.com/huggingface/safetensors): 8 bytes of little-endian header length, a JSON
 * header, raw tensors. Tensors of type F32 and F16 are read (as float32) and written. */
#ifndef FMN_IO_SAFETENSORS_H
#define FMN_IO_SAFETENSORS_H

#include <gio/gio.h>

/* What messages tell whoever has no model, or a file that is none. */
#define FMN_TRAIN_ONE                                                                                                  \
  "train one with fmnist-train train --out FILE.safetensors --arch compact (names garments) or yolov3-tiny (finds "    \
  "them)"

#define FMN_SAFETENSORS_MAX_HEADER (1u << 20) /* bytes; a longer header is refused unread */
#define FMN_SAFETENSORS_MAX_DIMS 8

typedef struct FmnSafetensors FmnSafetensors;

/* Opens a file and checks it: header length, JSON, types, shapes, and that the tensors lie inside the file, overlap
 * nowhere and leave no gap. Tensors stay in the file, which is held open, until they are read. Errors
 * (FMN_ERROR_FORMAT, FMN_ERROR_UNSUPPORTED for other types than F32 and F16, G_FILE_ERROR when it can't be read) name
 * the file, what was expected and what was found. Never allocates by an unchecked number. What is open may be read by
 * several threads at once. Free with fmn_safetensors_free(). */
FmnSafetensors *fmn_safetensors_load(const char *path, GError **error);
/* The same from memory, kept referenced; name stands for the file in messages. */
FmnSafetensors *fmn_safetensors_parse(GBytes *bytes, const char *name, GError **error);
void fmn_safetensors_free(FmnSafetensors *file); /* NULL allowed */

/* A string of __metadata__, or NULL. Owned by file. */
const char *fmn_safetensors_metadata(const FmnSafetensors *file, const char *key);
/* All of it, string → string; owned by file. */
GHashTable *fmn_safetensors_metadata_table(const FmnSafetensors *file);

typedef struct {
  const char *name; /* owned by file */
  gboolean half;    /* stored as F16 */
  int n_dims;
  int dims[FMN_SAFETENSORS_MAX_DIMS];
  gsize count; /* elements */
} FmnTensorInfo;

/* In the order of their data. Owned by file. */
int fmn_safetensors_n_tensors(const FmnSafetensors *file);
const FmnTensorInfo *fmn_safetensors_tensor(const FmnSafetensors *file, int i);
const FmnTensorInfo *fmn_safetensors_find(const FmnSafetensors *file, const char *name); /* NULL: none */

/* Copies a tensor, which must be of this file, as float32 into out (info->count floats). FMN_ERROR_FORMAT when a value
 * is NaN or infinite. */
gboolean fmn_safetensors_read(const FmnSafetensors *file, const FmnTensorInfo *info, float *out, GError **error);

/* Collects tensors and strings, then writes them in one go. The bytes written depend on the content alone, not on the
 * order of the calls: F32 before F16, each by name. */
typedef struct FmnSafetensorsWriter FmnSafetensorsWriter;
FmnSafetensorsWriter *fmn_safetensors_writer_new(void);
void fmn_safetensors_writer_free(FmnSafetensorsWriter *w);                                         /* NULL allowed */
void fmn_safetensors_writer_metadata(FmnSafetensorsWriter *w, const char *key, const char *value); /* copied */
/* data is not copied and must live until the file is written; name is copied; half: stored as F16, rounded to nearest
 * even. */
void fmn_safetensors_writer_tensor(FmnSafetensorsWriter *w, const char *name, const int *dims, int n_dims,
                                   const float *data, gboolean half);
/* The file in memory (g_bytes_unref). FMN_ERROR_ARGUMENT: a name twice, or a value that is NaN, infinite or too large
 * for F16. */
GBytes *fmn_safetensors_writer_bytes(FmnSafetensorsWriter *w, GError **error);
/* Writes to a temporary file beside path, syncs it and renames it: path holds the old or the new content, whole. */
gboolean fmn_safetensors_writer_save(FmnSafetensorsWriter *w, const char *path, GError **error);

#endif
