/* A network as a list of layers in the order in which they run, built by a chain of calls (nn/layers.h). */
#ifndef FMN_NN_GRAPH_H
#define FMN_NN_GRAPH_H

#include "nn/layer.h"

typedef int FmnValue; /* what a layer yields: its index in the graph; -1 after a failed call */

typedef struct {
  GPtrArray *nodes; /* of FmnNode; node 0 is the input */
  gboolean bare;    /* weights are not allocated: data is NULL until somebody fills it in */
  GError *error;    /* the first failed builder call; later calls do nothing */
  int n_outputs;
  FmnValue outputs[FMN_MAX_INPUTS];
} FmnGraph;

/* An empty graph with an input of that shape (node 0). Free with fmn_graph_free(). Not thread-safe. */
FmnGraph *fmn_graph_new(int channels, int height, int width);
void fmn_graph_free(FmnGraph *g); /* NULL allowed */

/* Changes the input's shape; only before the first layer. */
void fmn_graph_set_input(FmnGraph *g, int channels, int height, int width);

/* Adds a layer that reads inputs; config (ops->config_size bytes) is copied. name may be NULL for layers
 * without weights. Weights are allocated, filled with zeros, unless
 * the graph is bare. */
FmnValue fmn_graph_add(FmnGraph *g, const FmnLayerOps *ops, const char *name, const FmnValue *inputs, int n_inputs,
                       gconstpointer config);

/* Marks a value as a result; call it once an output, in order. */
void fmn_graph_output(FmnGraph *g, FmnValue value);

static inline FmnNode *fmn_graph_node(const FmnGraph *g, int i) { return (FmnNode *)g_ptr_array_index(g->nodes, i); }
static inline int fmn_graph_size(const FmnGraph *g) { return (int)g->nodes->len; }

/* Visits every weight tensor with its full name ("conv1.weight"), in graph order. */
typedef void (*FmnParamFunc)(const char *full_name, FmnParam *param, gpointer user);
void fmn_graph_foreach_param(FmnGraph *g, FmnParamFunc func, gpointer user);

/* Exchanges all weights with those of a graph of the same layers, built for another size of input: one set of weights for
 * several sizes. */
void fmn_graph_swap_weights(FmnGraph *a, FmnGraph *b);

guint64 fmn_graph_parameters(const FmnGraph *g);    /* trainable ones, as the literature counts */
guint64 fmn_graph_multiply_adds(const FmnGraph *g); /* for one image */

#endif
