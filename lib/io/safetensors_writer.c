#include <json-glib/json-glib.h>
#include <string.h>

#include "error.h"
#include "io/half.h"
#include "io/safetensors.h"

typedef struct {
  char *name;
  int n_dims, dims[FMN_SAFETENSORS_MAX_DIMS];
  gsize count;
  const float *data;
  gboolean half;
} Tensor;

struct FmnSafetensorsWriter {
  GArray *tensors; /* of Tensor */
  GTree *metadata; /* string → string, sorted */
};

static void tensor_clear(gpointer tensor) { g_free(((Tensor *)tensor)->name); }

static int compare_keys(gconstpointer a, gconstpointer b, gpointer user) { return strcmp(a, b); }

FmnSafetensorsWriter *fmn_safetensors_writer_new(void) {
  FmnSafetensorsWriter *w = g_new0(FmnSafetensorsWriter, 1);
  w->tensors = g_array_new(FALSE, FALSE, sizeof(Tensor));
  g_array_set_clear_func(w->tensors, tensor_clear);
  w->metadata = g_tree_new_full(compare_keys, NULL, g_free, g_free);
  return w;
}

void fmn_safetensors_writer_free(FmnSafetensorsWriter *w) {
  if (!w)
    return;
  g_array_free(w->tensors, TRUE);
  g_tree_unref(w->metadata);
  g_free(w);
}

void fmn_safetensors_writer_metadata(FmnSafetensorsWriter *w, const char *key, const char *value) {
  g_tree_replace(w->metadata, g_utf8_make_valid(key, -1), g_utf8_make_valid(value, -1));
}

void fmn_safetensors_writer_tensor(FmnSafetensorsWriter *w, const char *name, const int *dims, int n_dims,
                                   const float *data, gboolean half) {
  g_return_if_fail(n_dims >= 0 && n_dims <= FMN_SAFETENSORS_MAX_DIMS);
  Tensor t = {.name = g_strdup(name), .n_dims = n_dims, .count = 1, .data = data, .half = half};
  for (int i = 0; i < n_dims; i++) {
    t.dims[i] = dims[i];
    t.count *= (gsize)dims[i];
  }
  g_array_append_val(w->tensors, t);
}

/* Wider types first, so that all are aligned, then by name: as the format's own library does it. */
static int by_type_and_name(gconstpointer a, gconstpointer b) {
  const Tensor *x = a, *y = b;
  return x->half != y->half ? (x->half ? 1 : -1) : strcmp(x->name, y->name);
}

static gsize tensor_bytes(const Tensor *t) { return t->count * (t->half ? 2 : 4); }

static gboolean add_string(gpointer key, gpointer value, gpointer object) {
  json_object_set_string_member(object, key, value);
  return FALSE;
}

static JsonObject *describe(const Tensor *t, gsize begin) {
  JsonObject *object = json_object_new();
  JsonArray *shape = json_array_new(), *offsets = json_array_new();
  for (int i = 0; i < t->n_dims; i++)
    json_array_add_int_element(shape, t->dims[i]);
  json_array_add_int_element(offsets, (gint64)begin);
  json_array_add_int_element(offsets, (gint64)(begin + tensor_bytes(t)));
  json_object_set_string_member(object, "dtype", t->half ? "F16" : "F32");
  json_object_set_array_member(object, "shape", shape);
  json_object_set_array_member(object, "data_offsets", offsets);
  return object;
}

/* The header, padded with spaces to a multiple of 8 bytes (g_string_free). NULL: a name twice. */
static GString *header(FmnSafetensorsWriter *w, gsize *data_bytes, GError **error) {
  JsonObject *root = json_object_new();
  GString *text = NULL;
  if (g_tree_nnodes(w->metadata)) {
    JsonObject *metadata = json_object_new();
    g_tree_foreach(w->metadata, add_string, metadata);
    json_object_set_object_member(root, "__metadata__", metadata);
  }
  *data_bytes = 0;
  for (guint i = 0; i < w->tensors->len; i++) {
    const Tensor *t = &g_array_index(w->tensors, Tensor, i);
    if (json_object_has_member(root, t->name)) {
      g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "two tensors are named %s", t->name);
      goto out;
    }
    json_object_set_object_member(root, t->name, describe(t, *data_bytes));
    *data_bytes += tensor_bytes(t);
  }
  JsonNode *node = json_node_new(JSON_NODE_OBJECT);
  json_node_set_object(node, root);
  char *json = json_to_string(node, FALSE);
  text = g_string_new(json);
  while (text->len % 8)
    g_string_append_c(text, ' ');
  g_free(json);
  json_node_unref(node);
out:
  json_object_unref(root);
  return text;
}

/* Little-endian values to out; a value that can't be read back is an error. */
static gboolean store(const Tensor *t, guint8 *out, GError **error) {
  for (gsize i = 0; i < t->count; i++) {
    guint16 h = t->half ? GUINT16_TO_LE(fmn_float_to_half(t->data[i])) : 0;
    guint32 u = fmn_float_bits(t->data[i]);
    if ((u & 0x7f800000) == 0x7f800000 || (t->half && !FMN_HALF_IS_FINITE(GUINT16_FROM_LE(h)))) {
      g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                  "value %" G_GSIZE_FORMAT " of tensor %s is %g, which %s can't hold", i, t->name, (double)t->data[i],
                  t->half ? "F16" : "a model");
      return FALSE;
    }
    u = GUINT32_TO_LE(u);
    memcpy(out, t->half ? (const void *)&h : &u, t->half ? 2 : 4);
    out += t->half ? 2 : 4;
  }
  return TRUE;
}

GBytes *fmn_safetensors_writer_bytes(FmnSafetensorsWriter *w, GError **error) {
  gsize data_bytes;
  g_array_sort(w->tensors, by_type_and_name);
  GString *text = header(w, &data_bytes, error);
  if (!text)
    return NULL;
  gsize size = 8 + text->len + data_bytes;
  guint8 *content = NULL;
  if (text->len > FMN_SAFETENSORS_MAX_HEADER) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                "the header would be %" G_GSIZE_FORMAT " bytes long, at most %u can be read again", text->len,
                FMN_SAFETENSORS_MAX_HEADER);
  } else if (!(content = g_try_malloc(size))) {
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOMEM, "no memory for %" G_GSIZE_FORMAT " bytes of tensors", size);
  } else {
    guint64 length = GUINT64_TO_LE((guint64)text->len);
    memcpy(content, &length, 8);
    memcpy(content + 8, text->str, text->len);
    guint8 *at = content + 8 + text->len;
    for (guint i = 0; i < w->tensors->len && content; i++) {
      const Tensor *t = &g_array_index(w->tensors, Tensor, i);
      if (store(t, at, error))
        at += tensor_bytes(t);
      else
        g_clear_pointer(&content, g_free);
    }
  }
  g_string_free(text, TRUE);
  return content ? g_bytes_new_take(content, size) : NULL;
}

gboolean fmn_safetensors_writer_save(FmnSafetensorsWriter *w, const char *path, GError **error) {
  GBytes *bytes = fmn_safetensors_writer_bytes(w, error);
  if (!bytes) {
    g_prefix_error(error, "%s: ", path);
    return FALSE;
  }
  gsize size;
  const char *content = g_bytes_get_data(bytes, &size);
  gboolean ok = g_file_set_contents_full(path, content, (gssize)size,
                                         G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0666, error);
  g_bytes_unref(bytes);
  return ok;
}
