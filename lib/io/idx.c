#include "io/idx.h"

#include <limits.h>
#include <string.h>

#include "error.h"

#define MAX_DEFLATE_RATIO 1032 /* no deflate stream grows by more */
#define TYPE_UNSIGNED_BYTE 8

/* A file and what it is read through. */
typedef struct {
  char *name; /* for messages */
  GInputStream *stream;
  guint64 compressed, limit; /* bytes of the file, bytes that it can hold at most */
  gboolean gzipped;
} Source;

static void source_clear(Source *s) {
  g_clear_object(&s->stream);
  g_clear_pointer(&s->name, g_free);
}

static gboolean fail(const Source *s, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);
static gboolean fail(const Source *s, GError **error, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *message = g_strdup_vprintf(format, args);
  va_end(args);
  g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT, "%s: %s", s->name, message);
  g_free(message);
  return FALSE;
}

/* Gzip is known by its first bytes, whatever the file is called. */
static gboolean source_open(Source *s, const char *path, GError **error) {
  *s = (Source){.name = g_filename_display_name(path)};
  GFile *file = g_file_new_for_path(path);
  GFileInputStream *raw = NULL;
  GFileInfo *info =
      g_file_query_info(file, G_FILE_ATTRIBUTE_STANDARD_TYPE "," G_FILE_ATTRIBUTE_STANDARD_SIZE, 0, NULL, error);
  gboolean ok = FALSE;
  if (!info)
    goto out;
  if (g_file_info_get_file_type(info) != G_FILE_TYPE_REGULAR) {
    fail(s, error, "this is %s; expected an IDX file",
         g_file_info_get_file_type(info) == G_FILE_TYPE_DIRECTORY ? "a folder" : "no regular file");
    goto out;
  }
  s->compressed = s->limit = (guint64)g_file_info_get_size(info);
  raw = g_file_read(file, NULL, error);
  guint8 magic[2] = {0};
  if (!raw || !g_input_stream_read_all(G_INPUT_STREAM(raw), magic, 2, NULL, NULL, error) ||
      !g_seekable_seek(G_SEEKABLE(raw), 0, G_SEEK_SET, NULL, error))
    goto out;
  s->gzipped = magic[0] == 0x1f && magic[1] == 0x8b;
  if (s->gzipped) {
    GZlibDecompressor *gzip = g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP);
    s->stream = g_converter_input_stream_new(G_INPUT_STREAM(raw), G_CONVERTER(gzip));
    s->limit = s->compressed > G_MAXUINT64 / MAX_DEFLATE_RATIO ? G_MAXUINT64 : s->compressed * MAX_DEFLATE_RATIO;
    g_object_unref(gzip);
  } else {
    s->stream = g_object_ref(G_INPUT_STREAM(raw));
  }
  ok = TRUE;
out:
  if (!ok)
    source_clear(s);
  g_clear_object(&raw);
  g_clear_object(&info);
  g_object_unref(file);
  return ok;
}

/* Reads size bytes or fewer at the end of the file, which is told apart by *done. */
static gboolean source_read(Source *s, void *out, gsize size, gsize *done, GError **error) {
  GError *reason = NULL;
  if (g_input_stream_read_all(s->stream, out, size, done, NULL, &reason))
    return TRUE;
  if (s->gzipped && g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT))
    fail(s, error, "the gzip file is truncated; copy it again");
  else if (s->gzipped && g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_INVALID_DATA))
    fail(s, error, "the gzip file is damaged; copy it again");
  else
    g_set_error(error, reason->domain, reason->code, "%s: can't read: %s", s->name, reason->message);
  g_error_free(reason);
  return FALSE;
}

static const char *type_name(int type) {
  static const char *const names[] = {[8] = "unsigned bytes",    [9] = "signed bytes",    [0xb] = "16-bit integers",
                                      [0xc] = "32-bit integers", [0xd] = "32-bit floats", [0xe] = "64-bit floats"};
  return type >= 0 && type < (int)G_N_ELEMENTS(names) && names[type] ? names[type] : "of an unknown type";
}

static gboolean read_header(Source *s, int n_dims, int *dims, gsize *count, GError **error) {
  guint8 head[4 + 4 * 4];
  gsize size = 4 + 4 * (gsize)n_dims, got;
  if (!source_read(s, head, size, &got, error))
    return FALSE;
  if (got == 0)
    return fail(s, error, "the file is empty; expected IDX");
  if (got < 4 || head[0] || head[1])
    return fail(s, error,
                "this is no IDX file: it must begin with two zero bytes, the type and the number of dimensions");
  if (head[2] != TYPE_UNSIGNED_BYTE)
    return fail(s, error, "its values are %s (type 0x%02x); expected unsigned bytes (0x08)", type_name(head[2]),
                head[2]);
  if (head[3] != n_dims)
    return fail(s, error, "it has %d dimensions; expected %d%s", head[3], n_dims,
                n_dims == 3 && head[3] == 1   ? " (are these labels in the place of images?)"
                : n_dims == 1 && head[3] == 3 ? " (are these images in the place of labels?)"
                                              : "");
  if (got < size)
    return fail(s, error, "the file is truncated: it ends in the header");
  *count = 1;
  for (int i = 0; i < n_dims; i++) {
    guint32 dim;
    memcpy(&dim, head + 4 + 4 * i, 4);
    dim = GUINT32_FROM_BE(dim);
    if (dim == 0 || dim > INT_MAX)
      return fail(s, error, "dimension %d is %u; expected 1 to %d", i, dim, INT_MAX);
    dims[i] = (int)dim;
    if (!g_size_checked_mul(count, *count, dim))
      return fail(s, error, "its dimensions multiply to more than memory can hold");
  }
  if (*count > s->limit || (!s->gzipped && *count > s->limit - size))
    return fail(s, error,
                "the file is truncated: its header promises %" G_GSIZE_FORMAT " values, its %" G_GUINT64_FORMAT
                " bytes can't hold them; copy it again",
                *count, s->compressed);
  return TRUE;
}

guint8 *fmn_idx_read(const char *path, int n_dims, int *dims, GError **error) {
  g_return_val_if_fail(n_dims >= 1 && n_dims <= 4, NULL);
  Source s;
  if (!source_open(&s, path, error))
    return NULL;
  guint8 *data = NULL, extra;
  gsize count = 0, got = 0;
  gboolean ok = read_header(&s, n_dims, dims, &count, error);
  if (ok && !(data = g_try_malloc(count)))
    ok = fail(&s, error, "no memory for %" G_GSIZE_FORMAT " bytes", count);
  ok = ok && source_read(&s, data, count, &got, error);
  if (ok && got < count)
    ok = fail(&s, error,
              "the file is truncated: its header promises %" G_GSIZE_FORMAT " values, %" G_GSIZE_FORMAT
              " are there; copy it again",
              count, got);
  ok = ok && source_read(&s, &extra, 1, &got, error); /* to the end, where gzip has its checksum */
  if (ok && got)
    ok = fail(&s, error, "there is more data than the %" G_GSIZE_FORMAT " values that its header promises", count);
  if (!ok)
    g_clear_pointer(&data, g_free);
  source_clear(&s);
  return data;
}

static GBytes *compress(const guint8 *content, gsize size, GError **error) {
  GConverter *gzip = G_CONVERTER(g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9));
  GOutputStream *memory = g_memory_output_stream_new_resizable(), *out = g_converter_output_stream_new(memory, gzip);
  GBytes *bytes = NULL;
  if (g_output_stream_write_all(out, content, size, NULL, NULL, error) && g_output_stream_close(out, NULL, error))
    bytes = g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(memory));
  g_object_unref(out);
  g_object_unref(memory);
  g_object_unref(gzip);
  return bytes;
}

gboolean fmn_idx_write(const char *path, const guint8 *data, const int *dims, int n_dims, GError **error) {
  g_return_val_if_fail(n_dims >= 1 && n_dims <= 4, FALSE);
  gsize head = 4 + 4 * (gsize)n_dims, count = 1;
  for (int i = 0; i < n_dims; i++)
    count *= (gsize)dims[i];
  guint8 *content = g_malloc(head + count);
  memcpy(content, (const guint8[]){0, 0, TYPE_UNSIGNED_BYTE, (guint8)n_dims}, 4);
  for (int i = 0; i < n_dims; i++) {
    guint32 dim = GUINT32_TO_BE((guint32)dims[i]);
    memcpy(content + 4 + 4 * i, &dim, 4);
  }
  memcpy(content + head, data, count);
  GBytes *bytes = g_bytes_new_take(content, head + count);
  if (g_str_has_suffix(path, ".gz")) {
    GBytes *small = compress(content, head + count, error);
    g_bytes_unref(bytes);
    bytes = small;
  }
  gsize size = 0;
  const char *out = bytes ? g_bytes_get_data(bytes, &size) : NULL;
  gboolean ok = out && g_file_set_contents_full(path, out, (gssize)size, G_FILE_SET_CONTENTS_CONSISTENT, 0666, error);
  g_clear_pointer(&bytes, g_bytes_unref);
  return ok;
}
