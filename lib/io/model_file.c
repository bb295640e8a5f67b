#include "io/model_file.h"

#include <string.h>

#include "error.h"
#include "io/model_meta.h"
#include "io/safetensors.h"
#include "nets/nets.h"

const char *const fmn_fashion_mnist_labels[] = {"T-shirt/top", "Trouser", "Pullover", "Dress",      "Coat", "Sandal",
                                                "Shirt",       "Sneaker", "Bag",      "Ankle boot", NULL};

gboolean fmn_labels_are_fashion_mnist(const char *const *labels) {
  return g_strv_equal(labels, fmn_fashion_mnist_labels);
}

static char *shape_text(const int *dims, int n_dims) {
  GString *text = g_string_new(n_dims ? NULL : "a single value");
  for (int i = 0; i < n_dims; i++)
    g_string_append_printf(text, "%s%d", i ? "x" : "", dims[i]);
  return g_string_free(text, FALSE);
}

typedef struct {
  const FmnSafetensors *tensors;
  const char *arch;
  GHashTable *used; /* names, owned by tensors */
  GError *error;    /* the first */
  gboolean half;
} Reading;

static gboolean check_shape(Reading *r, const FmnTensorInfo *info, const FmnParam *param) {
  if (info->n_dims == param->n_dims && !memcmp(info->dims, param->dims, sizeof(int) * (gsize)param->n_dims))
    return TRUE;
  char *found = shape_text(info->dims, info->n_dims), *expected = shape_text(param->dims, param->n_dims);
  g_set_error(&r->error, FMN_ERROR, FMN_ERROR_FORMAT, "tensor %s is %s; expected %s for network %s", info->name, found,
              expected, r->arch);
  g_free(found);
  g_free(expected);
  return FALSE;
}

static void read_param(const char *full_name, FmnParam *param, gpointer user) {
  Reading *r = user;
  if (r->error)
    return;
  const FmnTensorInfo *info = fmn_safetensors_find(r->tensors, full_name);
  if (!info) {
    g_set_error(&r->error, FMN_ERROR, FMN_ERROR_FORMAT, "tensor %s, which network %s needs, is missing", full_name,
                r->arch);
    return;
  }
  if (!check_shape(r, info, param))
    return;
  if (!(param->data = fmn_floats_try_new(info->count))) {
    g_set_error(&r->error, FMN_ERROR, FMN_ERROR_MEMORY, "no memory for the %" G_GSIZE_FORMAT " values of tensor %s",
                info->count, info->name);
    return;
  }
  if (!fmn_safetensors_read(r->tensors, info, param->data, &r->error))
    return;
  g_hash_table_add(r->used, (gpointer)info->name);
  r->half |= info->half;
  gboolean variance = g_str_equal(param->name, "running_var");
  for (gsize i = 0; variance && i < info->count; i++) {
    if (param->data[i] < 0) {
      g_set_error(&r->error, FMN_ERROR, FMN_ERROR_FORMAT,
                  "value %" G_GSIZE_FORMAT " of tensor %s is %g; a variance is never negative", i, info->name,
                  (double)param->data[i]);
      return;
    }
  }
}

static gboolean read_weights(FmnModelFile *file, const FmnSafetensors *tensors, GError **error) {
  Reading r = {tensors, file->arch, g_hash_table_new(g_str_hash, g_str_equal), NULL, FALSE};
  fmn_graph_foreach_param(file->graph, read_param, &r);
  for (int i = 0; !r.error && i < fmn_safetensors_n_tensors(tensors); i++) {
    const char *name = fmn_safetensors_tensor(tensors, i)->name;
    if (!g_hash_table_contains(r.used, name))
      g_set_error(&r.error, FMN_ERROR, FMN_ERROR_FORMAT, "tensor %s belongs to no layer of network %s", name,
                  file->arch);
  }
  g_hash_table_destroy(r.used);
  file->half = r.half;
  if (!r.error)
    return TRUE;
  g_propagate_error(error, r.error);
  return FALSE;
}

static gboolean check_input(const FmnModelFile *file, GError **error) {
  const FmnPreprocess *p = &file->preprocess;
  FmnShape in = fmn_graph_node(file->graph, 0)->out;
  if (p->width == in.w && p->height == in.h && p->channels == in.c)
    return TRUE;
  g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT, "input is %dx%d pixels of %d channels; network %s takes %dx%d of %d",
              p->width, p->height, p->channels, file->arch, in.w, in.h, in.c);
  return FALSE;
}

static FmnModelFile *file_new(const char *name) {
  FmnModelFile *file = g_new0(FmnModelFile, 1);
  file->name = g_strdup(name);
  file->metadata = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  return file;
}

static gboolean fill(FmnModelFile *file, const FmnSafetensors *tensors, GError **error) {
  GHashTableIter iter;
  gpointer key, value;
  g_hash_table_iter_init(&iter, fmn_safetensors_metadata_table(tensors));
  while (g_hash_table_iter_next(&iter, &key, &value))
    g_hash_table_insert(file->metadata, g_strdup(key), g_strdup(value));
  return fmn_model_meta_parse(file, error) &&
         (file->graph = fmn_net_build_bare(file->arch, file->arch_options, (int)g_strv_length(file->labels), error)) &&
         check_input(file, error) && read_weights(file, tensors, error);
}

/* Takes tensors, which may be NULL with the error set. shown: the file in messages. */
static FmnModelFile *from_tensors(FmnSafetensors *tensors, const char *name, const char *shown, GError **error) {
  if (!tensors)
    return NULL;
  FmnModelFile *file = file_new(name);
  GError *reason = NULL;
  if (!fill(file, tensors, &reason)) {
    gboolean named = g_str_has_prefix(reason->message, shown);
    g_propagate_prefixed_error(error, reason, "%s%s", named ? "" : shown, named ? "" : ": ");
    g_clear_pointer(&file, fmn_model_file_free);
  }
  fmn_safetensors_free(tensors);
  return file;
}

FmnModelFile *fmn_model_file_load(const char *path, GError **error) {
  char *base = g_path_get_basename(path), *name = g_filename_display_name(base), *shown = g_filename_display_name(path);
  if (g_str_has_suffix(name, ".safetensors"))
    name[strlen(name) - strlen(".safetensors")] = 0;
  FmnModelFile *file = from_tensors(fmn_safetensors_load(path, error), name, shown, error);
  g_free(base);
  g_free(name);
  g_free(shown);
  return file;
}

FmnModelFile *fmn_model_file_parse(GBytes *bytes, const char *name, GError **error) {
  return from_tensors(fmn_safetensors_parse(bytes, name, error), name, name, error);
}

void fmn_model_file_free(FmnModelFile *file) {
  if (!file)
    return;
  fmn_graph_free(file->graph);
  g_hash_table_destroy(file->metadata);
  g_strfreev(file->labels);
  g_free(file->arch_options);
  g_free(file->arch);
  g_free(file->name);
  g_free(file);
}

FmnModelFile *fmn_model_file_new(const char *arch, const char *arch_options, const char *const *labels, GError **error) {
  FmnModelFile *file = file_new(arch);
  file->arch = g_strdup(arch);
  file->arch_options = g_strdup(arch_options ? arch_options : "");
  file->labels = g_strdupv((char **)(labels ? labels : fmn_fashion_mnist_labels));
  file->temperature = 1;
  file->graph = fmn_net_build(arch, file->arch_options, (int)g_strv_length(file->labels), error);
  if (!file->graph) {
    fmn_model_file_free(file);
    return NULL;
  }
  FmnShape in = fmn_graph_node(file->graph, 0)->out;
  file->preprocess = (FmnPreprocess){.width = in.w,
                                     .height = in.h,
                                     .channels = in.c,
                                     .mean = {.2860f, .2860f, .2860f}, /* of Fashion-MNIST's training set */
                                     .std = {.3530f, .3530f, .3530f}};
  fmn_model_meta_preprocess_init(&file->preprocess);
  return file;
}

typedef struct {
  FmnSafetensorsWriter *writer;
  gboolean half;
} Writing;

/* Biases and statistics are few, and batch norm's are divided by: they stay F32. */
static void write_param(const char *full_name, FmnParam *param, gpointer user) {
  Writing *w = user;
  fmn_safetensors_writer_tensor(w->writer, full_name, param->dims, param->n_dims, param->data,
                                w->half && param->n_dims > 1);
}

gboolean fmn_model_file_save(const FmnModelFile *file, const char *path, gboolean half, GError **error) {
  Writing w = {fmn_safetensors_writer_new(), half};
  GHashTable *metadata = fmn_model_meta_format(file);
  GHashTableIter iter;
  gpointer key, value;
  g_hash_table_iter_init(&iter, metadata);
  while (g_hash_table_iter_next(&iter, &key, &value))
    fmn_safetensors_writer_metadata(w.writer, key, value);
  fmn_graph_foreach_param(file->graph, write_param, &w);
  gboolean ok = fmn_safetensors_writer_save(w.writer, path, error);
  g_hash_table_destroy(metadata);
  fmn_safetensors_writer_free(w.writer);
  return ok;
}
