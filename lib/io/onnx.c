#include "io/onnx.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "io/model_meta.h"
#include "io/onnx_graph.h"

#define IR_VERSION 7 /* the one that opset 13 came with */

static void add_dimension(FmnOnnxGraph *o, Onnx__TensorShapeProto *shape, const char *name, gint64 value) {
  Onnx__TensorShapeProto__Dimension *d = fmn_onnx_new0(o, sizeof *d);
  onnx__tensor_shape_proto__dimension__init(d);
  d->value_case = name ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM
                       : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
  if (name)
    d->dim_param = (char *)name;
  else
    d->dim_value = value;
  shape->dim[shape->n_dim++] = d;
}

/* A float tensor of any number of images. */
static Onnx__ValueInfoProto *describe(FmnOnnxGraph *o, const char *name, FmnShape s, gboolean vector) {
  Onnx__ValueInfoProto *info = fmn_onnx_new0(o, sizeof *info);
  Onnx__TypeProto *type = fmn_onnx_new0(o, sizeof *type);
  Onnx__TypeProto__Tensor *tensor = fmn_onnx_new0(o, sizeof *tensor);
  Onnx__TensorShapeProto *shape = fmn_onnx_new0(o, sizeof *shape);
  onnx__value_info_proto__init(info);
  onnx__type_proto__init(type);
  onnx__type_proto__tensor__init(tensor);
  onnx__tensor_shape_proto__init(shape);
  info->name = (char *)name;
  info->type = type;
  type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
  type->tensor_type = tensor;
  tensor->has_elem_type = TRUE;
  tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
  tensor->shape = shape;
  shape->dim = fmn_onnx_new0(o, 4 * sizeof *shape->dim);
  add_dimension(o, shape, "N", 0);
  add_dimension(o, shape, NULL, s.c);
  if (!vector) {
    add_dimension(o, shape, NULL, s.h);
    add_dimension(o, shape, NULL, s.w);
  }
  return info;
}

/* Weighted layers have names of their own, the others get one from what they are and where. */
static const char *layer_name(FmnOnnxGraph *o, int i) {
  const FmnNode *node = fmn_graph_node(o->graph, i);
  return *node->name ? node->name : fmn_onnx_text(o, "%s_%d", node->ops->name, i);
}

static void name_values(FmnOnnxGraph *o) {
  const FmnGraph *g = o->graph;
  o->values[0] = "input";
  for (int i = 1; i < fmn_graph_size(g); i++)
    o->values[i] = g->n_outputs == 1 && g->outputs[0] == i ? "logits" : layer_name(o, i);
}

static gboolean emit_layers(FmnOnnxGraph *o, GError **error) {
  for (int i = 1; i < fmn_graph_size(o->graph); i++) {
    FmnOnnxLayer layer = {o, i, fmn_graph_node(o->graph, i), layer_name(o, i)};
    FmnOnnxEmit emit = fmn_onnx_emitter(layer.node->ops);
    if (!emit) {
      g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED, "layer %s “%s” has no counterpart in ONNX",
                  layer.node->ops->name, layer.name);
      return FALSE;
    }
    emit(&layer);
  }
  return TRUE;
}

static void fill_graph(FmnOnnxGraph *o, Onnx__GraphProto *graph, const char *name) {
  const FmnGraph *g = o->graph;
  onnx__graph_proto__init(graph);
  graph->name = (char *)name;
  graph->input = fmn_onnx_new0(o, sizeof *graph->input);
  graph->input[graph->n_input++] = describe(o, o->values[0], fmn_graph_node(g, 0)->out, FALSE);
  graph->output = fmn_onnx_new0(o, FMN_MAX_INPUTS * sizeof *graph->output);
  for (int i = 0; i < g->n_outputs; i++) {
    int k = g->outputs[i];
    graph->output[graph->n_output++] = describe(o, o->values[k], fmn_graph_node(g, k)->out, o->vectors[k]);
  }
  graph->node = (Onnx__NodeProto **)o->nodes->pdata;
  graph->n_node = o->nodes->len;
  graph->initializer = (Onnx__TensorProto **)o->initializers->pdata;
  graph->n_initializer = o->initializers->len;
}

static void add_property(FmnOnnxGraph *o, Onnx__ModelProto *model, const char *key, const char *value) {
  Onnx__StringStringEntryProto *entry = fmn_onnx_new0(o, sizeof *entry);
  onnx__string_string_entry_proto__init(entry);
  entry->key = (char *)key;
  entry->value = (char *)value;
  model->metadata_props[model->n_metadata_props++] = entry;
}

static int by_key(const void *a, const void *b) {
  return strcmp((*(Onnx__StringStringEntryProto *const *)a)->key, (*(Onnx__StringStringEntryProto *const *)b)->key);
}

/* GStreamer's onnxinference wants to know by which id decoders find each output; a classifier's has one in GStreamer.
 */
static const char *tensor_id(FmnOnnxGraph *o, int output, GHashTable *metadata) {
  const char *arch = g_hash_table_lookup(metadata, "arch");
  return o->vectors[output] ? "classification-generic-out"
                            : fmn_onnx_text(o, "%s-%s", arch ? arch : "fmnist", o->values[output]);
}

static void fill_metadata(FmnOnnxGraph *o, Onnx__ModelProto *model, GHashTable *metadata) {
  gsize room = g_hash_table_size(metadata) + (gsize)o->graph->n_outputs;
  GHashTableIter iter;
  gpointer key, value;
  model->metadata_props = fmn_onnx_new0(o, room * sizeof *model->metadata_props);
  g_hash_table_iter_init(&iter, metadata);
  while (g_hash_table_iter_next(&iter, &key, &value))
    add_property(o, model, key, value);
  for (int i = 0; i < o->graph->n_outputs; i++) {
    int output = o->graph->outputs[i];
    if (!g_hash_table_contains(metadata, o->values[output]))
      add_property(o, model, o->values[output], tensor_id(o, output, metadata));
  }
  qsort(model->metadata_props, model->n_metadata_props, sizeof *model->metadata_props, by_key);
}

static GBytes *pack(const Onnx__ModelProto *model, GError **error) {
  gsize size = onnx__model_proto__get_packed_size(model);
  if (size > G_MAXINT32) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "the network would take %" G_GSIZE_FORMAT " bytes; an ONNX file holds at most %d", size, G_MAXINT32);
    return NULL;
  }
  guint8 *content = g_try_malloc(size);
  if (!content) {
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOMEM, "no memory for %" G_GSIZE_FORMAT " bytes", size);
    return NULL;
  }
  onnx__model_proto__pack(model, content);
  return g_bytes_new_take(content, size);
}

GBytes *fmn_onnx_bytes(const FmnGraph *g, const char *name, GHashTable *metadata, GError **error) {
  FmnOnnxGraph *o = fmn_onnx_graph_new(g);
  GBytes *bytes = NULL;
  name_values(o);
  if (emit_layers(o, error)) {
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets[] = {&opset};
    fill_graph(o, &graph, name);
    opset.domain = fmn_onnx_text(o, "%s", "");
    opset.has_version = TRUE;
    opset.version = FMN_ONNX_OPSET;
    model.has_ir_version = TRUE;
    model.ir_version = IR_VERSION;
    model.n_opset_import = 1;
    model.opset_import = opsets;
    model.producer_name = fmn_onnx_text(o, "gst-fmnist");
    model.producer_version = fmn_onnx_text(o, FMN_VERSION);
    model.graph = &graph;
    if (metadata)
      fill_metadata(o, &model, metadata);
    bytes = pack(&model, error);
  }
  fmn_onnx_graph_free(o);
  return bytes;
}

gboolean fmn_onnx_save(const FmnModelFile *file, const char *path, GError **error) {
  GHashTable *metadata = fmn_model_meta_format(file);
  GBytes *bytes = fmn_onnx_bytes(file->graph, file->name, metadata, error);
  g_hash_table_unref(metadata);
  if (!bytes) {
    char *shown = g_filename_display_name(path);
    g_prefix_error(error, "%s: ", shown);
    g_free(shown);
    return FALSE;
  }
  gsize size;
  const char *content = g_bytes_get_data(bytes, &size);
  gboolean ok = g_file_set_contents_full(path, content, (gssize)size,
                                         G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0666, error);
  g_bytes_unref(bytes);
  return ok;
}
