/* A small valid model, as a table of strings that a test may change before it is written. */
#ifndef TESTS_IO_MODEL_FIXTURE_H
#define TESTS_IO_MODEL_FIXTURE_H

#include <string.h>

#include "io/model_file.h"
#include "io/safetensors.h"
#include "nets/nets.h"

static const char *const good_metadata[][2] = {
    {"format", "fmnist-1"},
    {"arch", "compact"},
    {"arch_options", ""},
    {"labels", "[\"red\",\"größer\",\"blue\"]"},
    {"input", "{\"width\":28,\"height\":28,\"channels\":1,\"mean\":[0.5],\"std\":[0.25]}"},
    {"preprocess", "{\"margin\":0.1,\"invert\":false}"},
    {"temperature", "2"},
    {"threshold", "0.4"},
    {"epochs", "3"},
};

/* Waves that differ from tensor to tensor; variances stay positive. */
static inline void fill_param(const char *full_name, FmnParam *param, gpointer user) {
  guint hash = g_str_hash(full_name) % 1000;
  for (gsize i = 0; i < fmn_param_count(param); i++) {
    float wave = (float)((i * 37 + hash) % 101) / 101.0f - 0.5f;
    param->data[i] = g_str_equal(param->name, "running_var") ? 1 + wave : param->n_dims > 1 ? wave * 0.3f : wave;
  }
}

typedef struct {
  const char *key, *value; /* replaces a string of the metadata; value NULL: leaves it out */
  const char *tensor;      /* the tensor that is changed: */
  enum { KEEP, DROP, RENAME, FLATTEN, NEGATE, HUGE_VALUES } change;
} Change;

typedef struct {
  FmnSafetensorsWriter *writer;
  const Change *change;
} Fixture;

static inline void add_param(const char *full_name, FmnParam *param, gpointer user) {
  Fixture *f = user;
  int dims[4], n_dims = param->n_dims;
  memcpy(dims, param->dims, sizeof dims);
  gboolean hit = f->change && f->change->tensor && g_str_equal(full_name, f->change->tensor);
  if (hit && f->change->change == DROP)
    return;
  if (hit && f->change->change == FLATTEN) {
    dims[0] = (int)fmn_param_count(param);
    n_dims = 1;
  }
  for (gsize i = 0; hit && i < fmn_param_count(param); i++)
    param->data[i] = f->change->change == NEGATE        ? -param->data[i]
                     : f->change->change == HUGE_VALUES ? 3e38f
                                                        : param->data[i];
  fmn_safetensors_writer_tensor(f->writer, hit && f->change->change == RENAME ? "other.weight" : full_name, dims,
                                n_dims, param->data, FALSE);
}

static inline GBytes *model_bytes(const Change *change) {
  GError *error = NULL;
  FmnGraph *graph = fmn_net_build("compact", "", 3, &error);
  g_assert_no_error(error);
  fmn_graph_foreach_param(graph, fill_param, NULL);
  Fixture f = {fmn_safetensors_writer_new(), change};
  for (gsize i = 0; i < G_N_ELEMENTS(good_metadata); i++) {
    gboolean hit = change && change->key && g_str_equal(change->key, good_metadata[i][0]);
    const char *value = hit ? change->value : good_metadata[i][1];
    if (value)
      fmn_safetensors_writer_metadata(f.writer, good_metadata[i][0], value);
  }
  fmn_graph_foreach_param(graph, add_param, &f);
  GBytes *bytes = fmn_safetensors_writer_bytes(f.writer, &error);
  g_assert_no_error(error);
  fmn_safetensors_writer_free(f.writer);
  fmn_graph_free(graph);
  return bytes;
}

#endif
