#include "nn/graph.h"

#include <string.h>

#include "error.h"
#include "nn/layers.h"

static void node_free(gpointer data) {
  FmnNode *node = data;
  for (int i = 0; i < node->n_params; i++)
    fmn_floats_free(node->params[i].data);
  g_free(node->config);
  g_free(node->name);
  g_free(node);
}

FmnGraph *fmn_graph_new(int channels, int height, int width) {
  FmnGraph *g = g_new0(FmnGraph, 1);
  FmnNode *input = g_new0(FmnNode, 1);
  input->ops = &fmn_input_ops;
  input->out = (FmnShape){1, channels, height, width};
  g->nodes = g_ptr_array_new_with_free_func(node_free);
  g_ptr_array_add(g->nodes, input);
  return g;
}

void fmn_graph_set_input(FmnGraph *g, int channels, int height, int width) {
  g_return_if_fail(fmn_graph_size(g) == 1);
  fmn_graph_node(g, 0)->out = (FmnShape){1, channels, height, width};
}

void fmn_graph_free(FmnGraph *g) {
  if (!g)
    return;
  g_ptr_array_unref(g->nodes);
  g_clear_error(&g->error);
  g_free(g);
}

FmnValue fmn_graph_add(FmnGraph *g, const FmnLayerOps *ops, const char *name, const FmnValue *inputs, int n_inputs,
                       gconstpointer config) {
  if (g->error)
    return -1;
  if (n_inputs < 1 || n_inputs > FMN_MAX_INPUTS || (ops->n_inputs && n_inputs != ops->n_inputs)) {
    g_set_error(&g->error, FMN_ERROR, FMN_ERROR_ARGUMENT, "layer %s: expected %d inputs, found %d", ops->name,
                ops->n_inputs, n_inputs);
    return -1;
  }
  FmnNode *node = g_new0(FmnNode, 1);
  node->ops = ops;
  node->name = g_strdup(name ? name : "");
  node->config = g_memdup2(config, ops->config_size);
  node->n_inputs = n_inputs;
  for (int i = 0; i < n_inputs; i++) {
    node->inputs[i] = inputs[i];
    node->in[i] = fmn_graph_node(g, inputs[i])->out;
  }
  if (!ops->setup(node, &g->error)) {
    g_prefix_error(&g->error, "layer %s “%s”: ", ops->name, node->name);
    node->n_params = 0;
    node_free(node);
    return -1;
  }
  for (int i = 0; i < node->n_params && !g->bare; i++)
    node->params[i].data = fmn_floats_new0(fmn_param_count(&node->params[i]));
  g_ptr_array_add(g->nodes, node);
  return fmn_graph_size(g) - 1;
}

void fmn_graph_output(FmnGraph *g, FmnValue value) {
  if (g->error)
    return;
  g_return_if_fail(g->n_outputs < FMN_MAX_INPUTS);
  g->outputs[g->n_outputs++] = value;
}

void fmn_graph_foreach_param(FmnGraph *g, FmnParamFunc func, gpointer user) {
  for (int i = 0; i < fmn_graph_size(g); i++) {
    FmnNode *node = fmn_graph_node(g, i);
    for (int j = 0; j < node->n_params; j++) {
      char *full = g_strconcat(node->name, ".", node->params[j].name, NULL);
      func(full, &node->params[j], user);
      g_free(full);
    }
  }
}

void fmn_graph_swap_weights(FmnGraph *a, FmnGraph *b) {
  g_return_if_fail(fmn_graph_size(a) == fmn_graph_size(b));
  for (int i = 0; i < fmn_graph_size(a); i++) {
    FmnNode *x = fmn_graph_node(a, i), *y = fmn_graph_node(b, i);
    for (int j = 0; j < x->n_params; j++) {
      g_return_if_fail(fmn_param_count(&x->params[j]) == fmn_param_count(&y->params[j]));
      float *data = x->params[j].data;
      x->params[j].data = y->params[j].data;
      y->params[j].data = data;
    }
  }
}

guint64 fmn_graph_parameters(const FmnGraph *g) {
  guint64 n = 0;
  for (int i = 0; i < fmn_graph_size(g); i++) {
    const FmnNode *node = fmn_graph_node(g, i);
    for (int j = 0; j < node->n_params; j++)
      if (node->params[j].trainable)
        n += fmn_param_count(&node->params[j]);
  }
  return n;
}

guint64 fmn_graph_multiply_adds(const FmnGraph *g) {
  guint64 n = 0;
  for (int i = 0; i < fmn_graph_size(g); i++) {
    const FmnNode *node = fmn_graph_node(g, i);
    if (node->ops->multiply_adds)
      n += node->ops->multiply_adds(node);
  }
  return n;
}
