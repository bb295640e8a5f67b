/* The safetensors format (https://github.com/huggingface/safetensors): 8 bytes of little-endian header length, a JSON
 * header, raw tensors. Tensors of type F32 and F16 are read (as float32) and written. */
#ifndef FMN_IO_SAFETENSORS_H
#define FMN_IO_SAFETENSORS_H

#include <gio/gio.h>

#define FMN_SAFETENSORS_MAX_HEADER (16u << 20) /* bytes; a longer header is refused unread */
#define FMN_SAFETENSORS_MAX_DIMS 8

typedef struct FmnSafetensors FmnSafetensors;

/* Reads and checks a whole file: header length, JSON, types, shapes, and that the tensors lie inside the file, overlap nowhere
 * and leave no gap. Errors (FMN_ERROR_FORMAT, G_FILE_ERROR / G_IO_ERROR when it can't be read) name the file, what was expected
 * and what was found. Never allocates by an unchecked number. Not thread-safe; free with fmn_safetensors_free(). */
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

int fmn_safetensors_n_tensors(const FmnSafetensors *file);
const FmnTensorInfo *fmn_safetensors_tensor(const FmnSafetensors *file, int i);
const FmnTensorInfo *fmn_safetensors_find(const FmnSafetensors *file, const char *name); /* NULL: none */

/* Copies a tensor as float32 into out (info->count floats). FMN_ERROR_FORMAT when a value is NaN or infinite. */
gboolean fmn_safetensors_read(const FmnSafetensors *file, const FmnTensorInfo *info, float *out, GError **error);

/* Collects tensors and strings, then writes them in one go. The bytes written depend on the content alone. */
typedef struct FmnSafetensorsWriter FmnSafetensorsWriter;
FmnSafetensorsWriter *fmn_safetensors_writer_new(void);
void fmn_safetensors_writer_free(FmnSafetensorsWriter *w); /* NULL allowed */
void fmn_safetensors_writer_metadata(FmnSafetensorsWriter *w, const char *key, const char *value); /* copied */
/* data is not copied and must live until the file is written; half: stored as F16, rounded to nearest even. */
void fmn_safetensors_writer_tensor(FmnSafetensorsWriter *w, const char *name, const int *dims, int n_dims, const float *data,
                                   gboolean half);
/* Writes to a temporary file beside path, syncs it and renames it: path holds the old or the new content, whole. */
gboolean fmn_safetensors_writer_save(FmnSafetensorsWriter *w, const char *path, GError **error);

#endif
