#include "io/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "io/half.h"
#include "io/json.h"

#define JSON_DEPTH 3 /* {"conv1.weight": {"shape": [ */
#define CHUNK 4096   /* values converted at a time */
#define MAX_NAME 255 /* bytes */

typedef struct {
  FmnTensorInfo info;
  guint64 begin, end; /* bytes, from the start of the data */
} Tensor;

/* A tensor's data stays where it is until it is read. */
struct FmnSafetensors {
  char *name;
  GBytes *bytes; /* or NULL, and */
  int fd;        /* the open file, else -1 */
  guint64 size, data_start;
  GArray *tensors; /* of Tensor, by position in the file */
  GHashTable *by_name, *metadata;
};

static void tensor_clear(gpointer tensor) { g_free((char *)((Tensor *)tensor)->info.name); }

static gboolean fail(const FmnSafetensors *file, GError **error, int code, const char *format, ...) G_GNUC_PRINTF(4, 5);
static gboolean fail(const FmnSafetensors *file, GError **error, int code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *message = g_strdup_vprintf(format, args);
  va_end(args);
  fmn_fail(error, (FmnError)code, "%s: %s", file->name, message);
  g_free(message);
  return FALSE;
}

static gboolean read_at(const FmnSafetensors *file, guint64 offset, void *out, gsize size, GError **error) {
  if (file->bytes) {
    memcpy(out, (const guint8 *)g_bytes_get_data(file->bytes, NULL) + offset, size);
    return TRUE;
  }
  for (gsize done = 0; done < size;) {
    gssize n = pread(file->fd, (guint8 *)out + done, size - done, (off_t)(offset + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "%s: can't read: %s", file->name,
                  g_strerror(errno));
      return FALSE;
    }
    if (n == 0)
      return fail(file, error, FMN_ERROR_FORMAT, "the file became shorter while it was read");
    done += (gsize)n;
  }
  return TRUE;
}

/* What a file without a safetensors header is, by its first bytes; NULL: unknown. */
static const char *recognise(const guint8 *head, gsize size) {
  static const struct {
    const char *magic;
    gsize offset, size;
    const char *what;
  } kinds[] = {
      {"\x89HDF\r\n\x1a\n", 0, 8, "a Keras/HDF5 file"},
      {"PK\x03\x04", 0, 4, "a zip archive, as PyTorch (.pt), Keras (.keras) and NumPy (.npz) write"},
      {"\x93NUMPY", 0, 6, "a NumPy file"},
      {"TFL3", 4, 4, "a TensorFlow Lite file"},
      {"GGUF", 0, 4, "a GGUF file"},
      {"\x1f\x8b", 0, 2, "a gzip file"},
      {"\x89PNG", 0, 4, "a PNG picture"},
      {"\xff\xd8\xff", 0, 3, "a JPEG picture"},
      {"\x7f"
       "ELF",
       0, 4, "a program"},
      {"version https://git-lfs", 0, 23, "a Git LFS pointer, not the file that it stands for"},
      {"<", 0, 1, "an HTML or XML page"},
      {"{", 0, 1, "JSON text"},
      {"\x80\x02", 0, 2, "a Python pickle (an old PyTorch .pt)"},
      {"\x80\x03", 0, 2, "a Python pickle"},
      {"\x80\x04", 0, 2, "a Python pickle"},
      {"\x80\x05", 0, 2, "a Python pickle"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
    if (size >= kinds[i].offset + kinds[i].size && !memcmp(head + kinds[i].offset, kinds[i].magic, kinds[i].size))
      return kinds[i].what;
  return size >= 3 && head[0] == 8 && head[1] < 32 && head[2] == 0x12 ? "an ONNX file" : NULL;
}

#define WAY_OUT "expected safetensors, format fmnist-1; " FMN_TRAIN_ONE

/* Leaves the header's length in size. */
static gboolean check_start(FmnSafetensors *file, gsize *size, GError **error) {
  guint8 head[32] = {0};
  gsize n = (gsize)MIN(file->size, sizeof head);
  if (file->size == 0)
    return fail(file, error, FMN_ERROR_FORMAT, "the file is empty; " WAY_OUT);
  if (!read_at(file, 0, head, n, error))
    return FALSE;
  guint64 length;
  memcpy(&length, head, sizeof length);
  length = GUINT64_FROM_LE(length);
  if (n > 8 && head[8] == '{' && length >= 2 && length <= FMN_SAFETENSORS_MAX_HEADER && length <= file->size - 8) {
    *size = (gsize)length;
    return TRUE;
  }
  const char *kind = recognise(head, n);
  if (kind)
    return fail(file, error, FMN_ERROR_FORMAT, "this is %s; " WAY_OUT, kind);
  if (file->size < 8)
    return fail(file, error, FMN_ERROR_FORMAT, "the file has only %u bytes; " WAY_OUT, (unsigned)file->size);
  if (length > FMN_SAFETENSORS_MAX_HEADER)
    return fail(file, error, FMN_ERROR_FORMAT,
                "no safetensors file: its header would be %" G_GUINT64_FORMAT
                " bytes long, at most %u are allowed; " WAY_OUT,
                length, FMN_SAFETENSORS_MAX_HEADER);
  if (length > file->size - 8)
    return fail(file, error, FMN_ERROR_FORMAT,
                "the file is truncated: its header needs %" G_GUINT64_FORMAT " bytes, %" G_GUINT64_FORMAT
                " are there; copy it again",
                length, file->size - 8);
  return fail(file, error, FMN_ERROR_FORMAT, "no safetensors file: no JSON object after the first 8 bytes; " WAY_OUT);
}

static gboolean read_metadata(FmnSafetensors *file, JsonNode *node, GError **error) {
  if (!JSON_NODE_HOLDS_OBJECT(node))
    return fail(file, error, FMN_ERROR_FORMAT, "__metadata__ is no JSON object");
  JsonObjectIter iter;
  const char *key;
  json_object_iter_init(&iter, json_node_get_object(node));
  while (json_object_iter_next(&iter, &key, &node)) {
    const char *value = fmn_json_get_string(node);
    if (!g_utf8_validate(key, -1, NULL) || !value)
      return fail(file, error, FMN_ERROR_FORMAT, "\"%.100s\" in __metadata__ is no string", key);
    g_hash_table_insert(file->metadata, g_strdup(key), g_strdup(value));
  }
  return TRUE;
}

static gboolean read_shape(const FmnSafetensors *file, JsonNode *node, FmnTensorInfo *info, GError **error) {
  if (!node || !JSON_NODE_HOLDS_ARRAY(node))
    return fail(file, error, FMN_ERROR_FORMAT, "tensor %s has no list \"shape\"", info->name);
  JsonArray *shape = json_node_get_array(node);
  if (json_array_get_length(shape) > FMN_SAFETENSORS_MAX_DIMS)
    return fail(file, error, FMN_ERROR_FORMAT, "tensor %s has %u dimensions, at most %d are allowed", info->name,
                json_array_get_length(shape), FMN_SAFETENSORS_MAX_DIMS);
  info->n_dims = (int)json_array_get_length(shape);
  info->count = 1;
  for (int i = 0; i < info->n_dims; i++) {
    gint64 dim;
    if (!fmn_json_get_int(json_array_get_element(shape, (guint)i), 0, INT_MAX, &dim))
      return fail(file, error, FMN_ERROR_FORMAT, "dimension %d of tensor %s is no whole number from 0 to %d", i,
                  info->name, INT_MAX);
    info->dims[i] = (int)dim;
    if (!g_size_checked_mul(&info->count, info->count, (gsize)dim) || info->count > G_MAXSIZE / sizeof(float))
      return fail(file, error, FMN_ERROR_FORMAT, "the dimensions of tensor %s multiply to more than memory can hold",
                  info->name);
  }
  return TRUE;
}

static gboolean read_offsets(const FmnSafetensors *file, JsonNode *node, Tensor *t, GError **error) {
  JsonArray *offsets = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
  gint64 begin, end;
  if (!offsets || json_array_get_length(offsets) != 2 ||
      !fmn_json_get_int(json_array_get_element(offsets, 0), 0, G_MAXINT64, &begin) ||
      !fmn_json_get_int(json_array_get_element(offsets, 1), begin, G_MAXINT64, &end))
    return fail(file, error, FMN_ERROR_FORMAT, "\"data_offsets\" of tensor %s are not [begin, end]", t->info.name);
  t->begin = (guint64)begin;
  t->end = (guint64)end;
  guint64 there = file->size - file->data_start, length = t->end - t->begin;
  if (t->end > there)
    return fail(file, error, FMN_ERROR_FORMAT,
                "tensor %s ends at byte %" G_GUINT64_FORMAT " of the data, of which there are %" G_GUINT64_FORMAT
                ": the file is truncated or damaged; copy it again",
                t->info.name, t->end, there);
  if (length != (guint64)t->info.count * (t->info.half ? 2 : 4))
    return fail(file, error, FMN_ERROR_FORMAT,
                "tensor %s has %" G_GSIZE_FORMAT " values of %d bytes by its shape, but %" G_GUINT64_FORMAT
                " bytes by its offsets",
                t->info.name, t->info.count, t->info.half ? 2 : 4, length);
  return TRUE;
}

/* Names end up in messages. */
static gboolean is_name(const char *name) {
  if (!*name || strlen(name) > MAX_NAME || !g_utf8_validate(name, -1, NULL))
    return FALSE;
  for (; *name; name = g_utf8_next_char(name))
    if (!g_unichar_isprint(g_utf8_get_char(name)))
      return FALSE;
  return TRUE;
}

static gboolean read_tensor(FmnSafetensors *file, const char *name, JsonNode *node, GError **error) {
  if (!is_name(name))
    return fail(file, error, FMN_ERROR_FORMAT,
                "a tensor's name is empty, has unprintable characters or more than %d bytes", MAX_NAME);
  Tensor t = {.info.name = name};
  if (!JSON_NODE_HOLDS_OBJECT(node))
    return fail(file, error, FMN_ERROR_FORMAT, "tensor %s is described by no JSON object", name);
  JsonObject *object = json_node_get_object(node);
  const char *type = fmn_json_get_string(json_object_get_member(object, "dtype"));
  if (!type)
    return fail(file, error, FMN_ERROR_FORMAT, "tensor %s has no string \"dtype\"", name);
  t.info.half = !strcmp(type, "F16");
  if (!t.info.half && strcmp(type, "F32"))
    return fail(file, error, FMN_ERROR_UNSUPPORTED, "tensor %s is of type %.20s; expected F32 or F16", name, type);
  if (!read_shape(file, json_object_get_member(object, "shape"), &t.info, error) ||
      !read_offsets(file, json_object_get_member(object, "data_offsets"), &t, error))
    return FALSE;
  t.info.name = g_strdup(name);
  g_array_append_val(file->tensors, t);
  return TRUE;
}

static int by_position(gconstpointer a, gconstpointer b) {
  const Tensor *x = a, *y = b;
  return x->begin != y->begin ? (x->begin < y->begin ? -1 : 1) : (x->end > y->end) - (x->end < y->end);
}

static gboolean check_cover(FmnSafetensors *file, GError **error) {
  guint64 at = 0, there = file->size - file->data_start;
  g_array_sort(file->tensors, by_position);
  for (guint i = 0; i < file->tensors->len; i++) {
    const Tensor *t = &g_array_index(file->tensors, Tensor, i);
    if (t->begin < at)
      return fail(file, error, FMN_ERROR_FORMAT, "tensors %s and %s overlap",
                  g_array_index(file->tensors, Tensor, i - 1).info.name, t->info.name);
    if (t->begin > at)
      return fail(file, error, FMN_ERROR_FORMAT, "a gap of %" G_GUINT64_FORMAT " bytes before tensor %s", t->begin - at,
                  t->info.name);
    at = t->end;
    g_hash_table_insert(file->by_name, (gpointer)t->info.name, (gpointer)t);
  }
  if (at < there)
    return fail(file, error, FMN_ERROR_FORMAT, "%" G_GUINT64_FORMAT " bytes after the last tensor", there - at);
  return TRUE;
}

static gboolean parse(FmnSafetensors *file, GError **error) {
  gsize length = 0;
  if (!check_start(file, &length, error))
    return FALSE;
  file->data_start = 8 + length;
  char *text = g_try_malloc(length), *what = g_strconcat(file->name, ": header", NULL);
  JsonNode *root = NULL;
  if (!text)
    fail(file, error, FMN_ERROR_MEMORY, "no memory for its header of %" G_GSIZE_FORMAT " bytes", length);
  else if (read_at(file, 8, text, length, error))
    root = fmn_json_parse(text, length, JSON_DEPTH, what, error);
  g_free(what);
  g_free(text);
  if (!root)
    return FALSE;
  gboolean ok = TRUE;
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;
  json_object_iter_init(&iter, json_node_get_object(root));
  while (ok && json_object_iter_next(&iter, &key, &node))
    ok = !strcmp(key, "__metadata__") ? read_metadata(file, node, error) : read_tensor(file, key, node, error);
  json_node_unref(root);
  return ok && check_cover(file, error);
}

static FmnSafetensors *file_new(char *name) {
  FmnSafetensors *file = g_new0(FmnSafetensors, 1);
  file->name = name;
  file->fd = -1;
  file->tensors = g_array_new(FALSE, FALSE, sizeof(Tensor));
  g_array_set_clear_func(file->tensors, tensor_clear);
  file->by_name = g_hash_table_new(g_str_hash, g_str_equal);
  file->metadata = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  return file;
}

FmnSafetensors *fmn_safetensors_parse(GBytes *bytes, const char *name, GError **error) {
  FmnSafetensors *file = file_new(g_strdup(name));
  file->bytes = g_bytes_ref(bytes);
  file->size = g_bytes_get_size(bytes);
  if (parse(file, error))
    return file;
  fmn_safetensors_free(file);
  return NULL;
}

static gboolean open_regular(FmnSafetensors *file, const char *path, GError **error) {
  struct stat status;
  file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for a writer */
  if (file->fd < 0 || fstat(file->fd, &status) < 0) {
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno),
                "%s: can't open: %s; expected a model file that can be read", file->name, g_strerror(errno));
    return FALSE;
  }
  if (S_ISDIR(status.st_mode))
    return fail(file, error, FMN_ERROR_FORMAT,
                "this is a folder; expected a model file: safetensors, format fmnist-1; give the path of one in it, "
                "or " FMN_TRAIN_ONE);
  if (!S_ISREG(status.st_mode))
    return fail(file, error, FMN_ERROR_FORMAT,
                "this is a device or a pipe; expected a model file: safetensors, format fmnist-1; " FMN_TRAIN_ONE);
  file->size = (guint64)status.st_size;
  return TRUE;
}

FmnSafetensors *fmn_safetensors_load(const char *path, GError **error) {
  FmnSafetensors *file = file_new(g_filename_display_name(path));
  if (open_regular(file, path, error) && parse(file, error))
    return file;
  fmn_safetensors_free(file);
  return NULL;
}

void fmn_safetensors_free(FmnSafetensors *file) {
  if (!file)
    return;
  if (file->fd >= 0)
    close(file->fd);
  g_clear_pointer(&file->bytes, g_bytes_unref);
  g_hash_table_destroy(file->by_name);
  g_hash_table_destroy(file->metadata);
  g_array_free(file->tensors, TRUE);
  g_free(file->name);
  g_free(file);
}

const char *fmn_safetensors_metadata(const FmnSafetensors *file, const char *key) {
  return g_hash_table_lookup(file->metadata, key);
}

GHashTable *fmn_safetensors_metadata_table(const FmnSafetensors *file) { return file->metadata; }

int fmn_safetensors_n_tensors(const FmnSafetensors *file) { return (int)file->tensors->len; }

const FmnTensorInfo *fmn_safetensors_tensor(const FmnSafetensors *file, int i) {
  return &g_array_index(file->tensors, Tensor, i).info;
}

const FmnTensorInfo *fmn_safetensors_find(const FmnSafetensors *file, const char *name) {
  return g_hash_table_lookup(file->by_name, name);
}

/* Widens n values; returns the index of the first that is NaN or infinite, or n. */
static gsize convert(const guint8 *raw, gboolean half, gsize n, float *out) {
  for (gsize i = 0; i < n; i++) {
    guint16 h;
    guint32 u;
    if (half) {
      memcpy(&h, raw + 2 * i, sizeof h);
      out[i] = fmn_half_to_float(GUINT16_FROM_LE(h));
    } else {
      memcpy(&u, raw + 4 * i, sizeof u);
      out[i] = fmn_float_from_bits(GUINT32_FROM_LE(u));
    }
    if ((fmn_float_bits(out[i]) & 0x7f800000) == 0x7f800000)
      return i;
  }
  return n;
}

gboolean fmn_safetensors_read(const FmnSafetensors *file, const FmnTensorInfo *info, float *out, GError **error) {
  const Tensor *t = (const Tensor *)(const void *)((const char *)info - G_STRUCT_OFFSET(Tensor, info));
  gsize width = info->half ? 2 : 4;
  guint8 raw[CHUNK * 4];
  for (gsize done = 0; done < info->count;) {
    gsize n = MIN(info->count - done, CHUNK);
    if (!read_at(file, file->data_start + t->begin + done * width, raw, n * width, error))
      return FALSE;
    gsize good = convert(raw, info->half, n, out + done);
    if (good < n)
      return fail(file, error, FMN_ERROR_FORMAT,
                  "value %" G_GSIZE_FORMAT " of tensor %s is %s: training has diverged or the file is damaged",
                  done + good, info->name, (fmn_float_bits(out[done + good]) & 0x7fffff) ? "NaN" : "infinite");
    done += n;
  }
  return TRUE;
}
