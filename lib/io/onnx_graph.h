/* An ONNX graph while it is put together. Everything made here lives until fmn_onnx_graph_free(); weights are not
 * copied. */
#ifndef FMN_IO_ONNX_GRAPH_H
#define FMN_IO_ONNX_GRAPH_H

#include "nn/graph.h"
#include "onnx.pb-c.h"

#define FMN_ONNX_MAX_ATTRIBUTES 6
#define FMN_ONNX_MAX_INPUTS (FMN_MAX_INPUTS + FMN_MAX_PARAMS)

typedef struct {
  const FmnGraph *graph;
  GPtrArray *memory;       /* of all that follows */
  GPtrArray *nodes;        /* of Onnx__NodeProto */
  GPtrArray *initializers; /* of Onnx__TensorProto */
  const char **values;     /* the name of what each node of graph yields */
  gboolean *vectors;       /* it is N×C, not N×C×H×W */
} FmnOnnxGraph;

/* A layer that is being written. */
typedef struct {
  FmnOnnxGraph *onnx;
  int index; /* of its node in the graph */
  const FmnNode *node;
  const char *name; /* of its operator and, but for outputs, of its value; unique */
} FmnOnnxLayer;

typedef void (*FmnOnnxEmit)(const FmnOnnxLayer *l);
/* How a layer is written; NULL: not known. */
FmnOnnxEmit fmn_onnx_emitter(const FmnLayerOps *ops);

FmnOnnxGraph *fmn_onnx_graph_new(const FmnGraph *g);
void fmn_onnx_graph_free(FmnOnnxGraph *o);
gpointer fmn_onnx_new0(FmnOnnxGraph *o, gsize bytes);
char *fmn_onnx_text(FmnOnnxGraph *o, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Input k of the layer: as it is, as N×C×H×W, and as N×C. */
const char *fmn_onnx_value(const FmnOnnxLayer *l, int k);
const char *fmn_onnx_maps(const FmnOnnxLayer *l, int k);
const char *fmn_onnx_vector(const FmnOnnxLayer *l, int k);
static inline gboolean fmn_onnx_is_vector(const FmnOnnxLayer *l, int k) { return l->onnx->vectors[l->node->inputs[k]]; }

/* An operator that yields the layer's value from inputs and the layer's weights. */
Onnx__NodeProto *fmn_onnx_operator(const FmnOnnxLayer *l, const char *type, const char *const inputs[], int n_inputs);
/* A helper before it; the name of its value is the layer's name and suffix. */
Onnx__NodeProto *fmn_onnx_helper(const FmnOnnxLayer *l, const char *type, const char *suffix, const char *input);

void fmn_onnx_float(const FmnOnnxLayer *l, Onnx__NodeProto *op, const char *name, float value);
void fmn_onnx_int(const FmnOnnxLayer *l, Onnx__NodeProto *op, const char *name, gint64 value);
void fmn_onnx_string(const FmnOnnxLayer *l, Onnx__NodeProto *op, const char *name, const char *value);
void fmn_onnx_ints(const FmnOnnxLayer *l, Onnx__NodeProto *op, const char *name, const gint64 *values, int n);

/* A constant; its name is the layer's and suffix. Floats are not copied. n_dims 0: a single value. */
const char *fmn_onnx_floats(const FmnOnnxLayer *l, const char *suffix, const int *dims, int n_dims, const float *data);

#endif
