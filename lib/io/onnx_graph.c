#include "io/onnx_graph.h"

#include <stdarg.h>
#include <string.h>

gpointer fmn_onnx_new0(FmnOnnxGraph *o, gsize bytes) {
  gpointer memory = g_malloc0(bytes);
  g_ptr_array_add(o->memory, memory);
  return memory;
}

char *fmn_onnx_text(FmnOnnxGraph *o, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = g_strdup_vprintf(format, args);
  va_end(args);
  g_ptr_array_add(o->memory, text);
  return text;
}

FmnOnnxGraph *fmn_onnx_graph_new(const FmnGraph *g) {
  FmnOnnxGraph *o = g_new0(FmnOnnxGraph, 1);
  o->graph = g;
  o->memory = g_ptr_array_new_with_free_func(g_free);
  o->nodes = g_ptr_array_new();
  o->initializers = g_ptr_array_new();
  o->values = fmn_onnx_new0(o, sizeof *o->values * (gsize)fmn_graph_size(g));
  o->vectors = fmn_onnx_new0(o, sizeof *o->vectors * (gsize)fmn_graph_size(g));
  return o;
}

void fmn_onnx_graph_free(FmnOnnxGraph *o) {
  g_ptr_array_unref(o->nodes);
  g_ptr_array_unref(o->initializers);
  g_ptr_array_unref(o->memory);
  g_free(o);
}

static Onnx__NodeProto *new_operator(FmnOnnxGraph *o, const char *type, const char *name, const char *output) {
  Onnx__NodeProto *op = fmn_onnx_new0(o, sizeof *op);
  onnx__node_proto__init(op);
  op->op_type = (char *)type;
  op->name = (char *)name;
  op->input = fmn_onnx_new0(o, FMN_ONNX_MAX_INPUTS * sizeof *op->input);
  op->output = fmn_onnx_new0(o, sizeof *op->output);
  op->output[op->n_output++] = (char *)output;
  op->attribute = fmn_onnx_new0(o, FMN_ONNX_MAX_ATTRIBUTES * sizeof *op->attribute);
  g_ptr_array_add(o->nodes, op);
  return op;
}

static Onnx__TensorProto *new_tensor(const FmnOnnxLayer *l, const char *suffix, int type, int n_dims) {
  Onnx__TensorProto *t = fmn_onnx_new0(l->onnx, sizeof *t);
  onnx__tensor_proto__init(t);
  t->name = fmn_onnx_text(l->onnx, "%s.%s", l->name, suffix);
  t->has_data_type = TRUE;
  t->data_type = type;
  t->n_dims = (gsize)n_dims;
  t->dims = fmn_onnx_new0(l->onnx, (gsize)MAX(n_dims, 1) * sizeof *t->dims);
  g_ptr_array_add(l->onnx->initializers, t);
  return t;
}

const char *fmn_onnx_floats(const FmnOnnxLayer *l, const char *suffix, const int *dims, int n_dims, const float *data) {
  Onnx__TensorProto *t = new_tensor(l, suffix, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, n_dims);
  t->n_float_data = 1;
  for (int i = 0; i < n_dims; i++) {
    t->dims[i] = dims[i];
    t->n_float_data *= (gsize)dims[i];
  }
  t->float_data = (float *)data; /* only read */
  return t->name;
}

const char *fmn_onnx_value(const FmnOnnxLayer *l, int k) { return l->onnx->values[l->node->inputs[k]]; }

const char *fmn_onnx_vector(const FmnOnnxLayer *l, int k) {
  if (fmn_onnx_is_vector(l, k))
    return fmn_onnx_value(l, k);
  const char *suffix = fmn_onnx_text(l->onnx, "flatten%d", k);
  return fmn_onnx_helper(l, "Flatten", suffix, fmn_onnx_value(l, k))->output[0];
}

const char *fmn_onnx_maps(const FmnOnnxLayer *l, int k) {
  if (!fmn_onnx_is_vector(l, k))
    return fmn_onnx_value(l, k);
  Onnx__TensorProto *shape =
      new_tensor(l, fmn_onnx_text(l->onnx, "shape%d", k), ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1);
  shape->dims[0] = 4;
  shape->n_int64_data = 4;
  shape->int64_data = fmn_onnx_new0(l->onnx, 4 * sizeof *shape->int64_data);
  shape->int64_data[2] = shape->int64_data[3] = 1; /* 0: as it was */
  Onnx__NodeProto *op = fmn_onnx_helper(l, "Reshape", fmn_onnx_text(l->onnx, "reshape%d", k), fmn_onnx_value(l, k));
  op->input[op->n_input++] = shape->name;
  return op->output[0];
}

Onnx__NodeProto *fmn_onnx_operator(const FmnOnnxLayer *l, const char *type, const char *const inputs[], int n_inputs) {
  Onnx__NodeProto *op = new_operator(l->onnx, type, l->name, l->onnx->values[l->index]);
  for (int i = 0; i < n_inputs; i++)
    op->input[op->n_input++] = (char *)inputs[i];
  for (int i = 0; i < l->node->n_params; i++) {
    const FmnParam *p = &l->node->params[i];
    op->input[op->n_input++] = (char *)fmn_onnx_floats(l, p->name, p->dims, p->n_dims, p->data);
  }
  return op;
}

Onnx__NodeProto *fmn_onnx_helper(const FmnOnnxLayer *l, const char *type, const char *suffix, const char *input) {
  const char *name = fmn_onnx_text(l->onnx, "%s.%s", l->name, suffix);
  Onnx__NodeProto *op = new_operator(l->onnx, type, name, name);
  op->input[op->n_input++] = (char *)input;
  return op;
}

static Onnx__AttributeProto *new_attribute(const FmnOnnxLayer *l, Onnx__NodeProto *op, const char *name,
                                           Onnx__AttributeProto__AttributeType type) {
  g_assert(op->n_attribute < FMN_ONNX_MAX_ATTRIBUTES);
  Onnx__AttributeProto *a = fmn_onnx_new0(l->onnx, sizeof *a);
  onnx__attribute_proto__init(a);
  a->name = (char *)name;
  a->has_type = TRUE;
  a->type = type;
  op->attribute[op->n_attribute++] = a;
  return a;
}

void fmn_onnx_float(const FmnOnnxLayer *l, Onnx__NodeProto *op, const char *name, float value) {
  Onnx__AttributeProto *a = new_attribute(l, op, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
  a->has_f = TRUE;
  a->f = value;
}

void fmn_onnx_int(const FmnOnnxLayer *l, Onnx__NodeProto *op, const char *name, gint64 value) {
  Onnx__AttributeProto *a = new_attribute(l, op, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
  a->has_i = TRUE;
  a->i = value;
}

void fmn_onnx_string(const FmnOnnxLayer *l, Onnx__NodeProto *op, const char *name, const char *value) {
  Onnx__AttributeProto *a = new_attribute(l, op, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
  a->has_s = TRUE;
  a->s = (ProtobufCBinaryData){strlen(value), (guint8 *)value};
}

void fmn_onnx_ints(const FmnOnnxLayer *l, Onnx__NodeProto *op, const char *name, const gint64 *values, int n) {
  Onnx__AttributeProto *a = new_attribute(l, op, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
  a->n_ints = (gsize)n;
  a->ints = fmn_onnx_new0(l->onnx, (gsize)n * sizeof *a->ints);
  for (int i = 0; i < n; i++)
    a->ints[i] = values[i];
}
