#include <string.h>

#include "error.h"
#include "nn/layers.h"
#include "train/session_state.h"

/* Copies a weight tensor, or of one with more output or input channels the leading ones; FALSE where kernels differ or
 * channels lack. */
static gboolean take_channels(FmnParam *to, const FmnParam *from) {
  if (from->n_dims != to->n_dims)
    return FALSE;
  int out = to->dims[0], in = to->n_dims > 1 ? to->dims[1] : 1, from_in = to->n_dims > 1 ? from->dims[1] : 1;
  gsize kernel = 1;
  for (int i = 2; i < to->n_dims; i++) {
    if (from->dims[i] != to->dims[i])
      return FALSE;
    kernel *= (gsize)to->dims[i];
  }
  if (from->dims[0] < out || from_in < in)
    return FALSE;
  for (int o = 0; o < out; o++)
    memcpy(to->data + (gsize)o * (gsize)in * kernel, from->data + (gsize)o * (gsize)from_in * kernel,
           (gsize)in * kernel * sizeof(float));
  return TRUE;
}

/* Residual blocks of which the model started from (its weight tensors by name) has nothing begin as the identity: what
 * their branch ends with yields zeros, as in Goyal et al. 2017 (arXiv:1706.02677). So a deeper network begins as good
 * as the one that it starts from. */
static int start_as_identity(FmnGraph *g, GHashTable *by_name) {
  int blocks = 0;
  for (int i = 0; i < fmn_graph_size(g); i++) {
    FmnNode *node = fmn_graph_node(g, i);
    if (node->ops != &fmn_add_ops)
      continue;
    FmnNode *last = fmn_graph_node(g, node->inputs[0]);
    if (!last->n_params)
      continue;
    g_autofree char *weight = g_strconcat(last->name, ".", last->params[0].name, NULL);
    if (g_hash_table_contains(by_name, weight))
      continue;
    for (int k = 0; k < 2 && k < last->n_params; k++) /* the weight and, where there is one, the bias */
      memset(last->params[k].data, 0, fmn_param_count(&last->params[k]) * sizeof(float));
    blocks++;
  }
  return blocks;
}

/* Whether a weight tensor is of a layer that puts out classes. */
static gboolean is_of_output(const FmnGraph *g, const char *name) {
  for (int i = 0; i < g->n_outputs; i++) {
    const char *layer = fmn_graph_node(g, g->outputs[i])->name;
    if (layer && g_str_has_prefix(name, layer) && name[strlen(layer)] == '.')
      return TRUE;
  }
  return FALSE;
}

/* Of the same data, images that are set aside here and were not when the model was trained. */
static void warn_of_learned(const FmnSession *s, const char *path, const FmnModelFile *file) {
  const char *command = g_hash_table_lookup(file->metadata, "command");
  const char *sha256 = g_hash_table_lookup(file->metadata, "dataset_sha256");
  if (g_strcmp0(sha256, fmn_train_data_sha256(s->data)) != 0)
    return;
  g_autofree char *options = fmn_train_command_learned(command, s->config->seed, s->config->recipe.validation);
  if (options)
    fmn_session_notice(s,
                       "%s has learned images that are set aside here: it was trained with %s; with other ones the "
                       "accuracy on these images, temperature and threshold look better than they are",
                       path, options);
}

gboolean fmn_session_start_from(FmnSession *s, const char *path, GError **error) {
  char *sha256 = fmn_model_file_sha256(path, NULL); /* of what cannot be read, the next line says why */
  FmnModelFile *file = fmn_model_file_load(path, error);
  fmn_session_describe(s, "init_sha256", sha256);
  if (!file)
    return FALSE;
  warn_of_learned(s, path, file);
  /* What is a trouser for one is no coat for the other; a detector's heads would even have coordinates for classes. */
  gboolean alike = g_strv_equal((const char *const *)file->labels, (const char *const *)s->model->labels);
  int taken = 0, parts = 0;
  g_autoptr(GHashTable) by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (int i = 0; i < fmn_graph_size(file->graph); i++) {
    FmnNode *node = fmn_graph_node(file->graph, i);
    for (int k = 0; k < node->n_params; k++)
      g_hash_table_insert(by_name, g_strconcat(node->name, ".", node->params[k].name, NULL), &node->params[k]);
  }
  for (int i = 0; i < s->n_params; i++) {
    FmnParam *to = s->params[i].param;
    const FmnParam *from = g_hash_table_lookup(by_name, s->params[i].name);
    if (!from || (!alike && is_of_output(s->model->graph, s->params[i].name)) || !take_channels(to, from))
      continue;
    taken++;
    parts += fmn_param_count(from) > fmn_param_count(to);
  }
  g_autofree char *of_larger =
      parts ? g_strdup_printf(", %d of them the leading channels of larger ones", parts) : g_strdup("");
  int blocks = taken ? start_as_identity(s->model->graph, by_name) : 0;
  g_autofree char *added =
      blocks ? g_strdup_printf(", %d residual blocks that it lacks as the identity", blocks) : g_strdup("");
  if (taken)
    fmn_session_notice(s, "%d of %d weight tensors start from %s%s%s%s", taken, s->n_params, path, of_larger, added,
                       alike ? "" : "; not those that tell its classes, which are others");
  else
    g_set_error(
        error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
        "--init %s: network “%s” has no weight tensor in common with “%s”; start from a model of a kindred network",
        path, file->arch, s->config->arch);
  fmn_model_file_free(file);
  return taken > 0;
}
