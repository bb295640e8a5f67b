/* The ONNX files, read back with protobuf-c. That runtimes compute the same from them is checked by
 * tests/nets/parity.py. */
#include "error.h"
#include "../folder.h"
#include "io/onnx.h"
#include "model-fixture.h"
#include "nn/grad.h"
#include "nn/layers.h"
#include "onnx.pb-c.h"

static Onnx__ModelProto *model_of(const FmnGraph *g, GHashTable *metadata) {
  GError *error = NULL;
  GBytes *bytes = fmn_onnx_bytes(g, "net", metadata, &error), *again = fmn_onnx_bytes(g, "net", metadata, NULL);
  g_assert_no_error(error);
  g_assert_true(g_bytes_equal(bytes, again));
  Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, g_bytes_get_size(bytes), g_bytes_get_data(bytes, NULL));
  g_assert_nonnull(model);
  g_bytes_unref(bytes);
  g_bytes_unref(again);
  return model;
}

static char *shape_text(const Onnx__ValueInfoProto *info) {
  GString *s = g_string_new(info->name);
  const Onnx__TypeProto__Tensor *tensor = info->type->tensor_type;
  g_assert_cmpint(tensor->elem_type, ==, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
  for (gsize i = 0; i < tensor->shape->n_dim; i++) {
    const Onnx__TensorShapeProto__Dimension *d = tensor->shape->dim[i];
    if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM)
      g_string_append_printf(s, " %s", d->dim_param);
    else
      g_string_append_printf(s, " %" G_GINT64_FORMAT, (gint64)d->dim_value);
  }
  return g_string_free(s, FALSE);
}

static void append_attribute(GString *s, const Onnx__AttributeProto *a) {
  g_string_append_printf(s, " %s=", a->name);
  switch (a->type) {
  case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
    g_string_append_printf(s, "%g", (double)a->f);
    break;
  case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
    g_string_append_printf(s, "%" G_GINT64_FORMAT, (gint64)a->i);
    break;
  case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
    g_string_append_len(s, (const char *)a->s.data, (gssize)a->s.len);
    break;
  case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
    for (gsize i = 0; i < a->n_ints; i++)
      g_string_append_printf(s, "%s%" G_GINT64_FORMAT, i ? "," : "", (gint64)a->ints[i]);
    break;
  default:
    g_assert_not_reached();
  }
}

/* A line an operator, "conv1 = Conv(input, conv1.weight) kernel_shape=3,3 ...". */
static char *graph_text(const Onnx__GraphProto *graph) {
  GString *s = g_string_new(NULL);
  for (gsize i = 0; i < graph->n_node; i++) {
    const Onnx__NodeProto *op = graph->node[i];
    g_assert_cmpuint(op->n_output, ==, 1);
    g_string_append_printf(s, "%s = %s(", op->output[0], op->op_type);
    for (gsize k = 0; k < op->n_input; k++)
      g_string_append_printf(s, "%s%s", k ? ", " : "", op->input[k]);
    g_string_append_c(s, ')');
    for (gsize k = 0; k < op->n_attribute; k++)
      append_attribute(s, op->attribute[k]);
    g_string_append_c(s, '\n');
  }
  return g_string_free(s, FALSE);
}

static const Onnx__TensorProto *initializer(const Onnx__GraphProto *graph, const char *name) {
  for (gsize i = 0; i < graph->n_initializer; i++)
    if (g_str_equal(graph->initializer[i]->name, name))
      return graph->initializer[i];
  return NULL;
}

static void check_param(const char *full_name, FmnParam *param, gpointer graph) {
  const Onnx__TensorProto *t = initializer(graph, full_name);
  g_assert_nonnull(t);
  g_assert_cmpint(t->data_type, ==, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
  g_assert_cmpuint(t->n_dims, ==, param->n_dims);
  for (int i = 0; i < param->n_dims; i++)
    g_assert_cmpint(t->dims[i], ==, param->dims[i]);
  g_assert_cmpmem(t->float_data, t->n_float_data * sizeof(float), param->data, fmn_param_count(param) * sizeof(float));
}

/* Every value is made once, before it is read, and read by something or a result. */
static void check_values(const Onnx__GraphProto *graph) {
  GHashTable *made = g_hash_table_new(g_str_hash, g_str_equal), *names = g_hash_table_new(g_str_hash, g_str_equal),
             *read = g_hash_table_new(g_str_hash, g_str_equal);
  GHashTableIter iter;
  gpointer name;
  g_hash_table_add(made, graph->input[0]->name);
  for (gsize i = 0; i < graph->n_initializer; i++)
    g_assert_true(g_hash_table_add(made, graph->initializer[i]->name));
  for (gsize i = 0; i < graph->n_node; i++) {
    const Onnx__NodeProto *op = graph->node[i];
    g_assert_true(g_hash_table_add(names, op->name));
    for (gsize k = 0; k < op->n_input; k++) {
      g_assert_true(!*op->input[k] || g_hash_table_contains(made, op->input[k]));
      g_hash_table_add(read, op->input[k]);
    }
    g_assert_true(g_hash_table_add(made, op->output[0]));
  }
  for (gsize i = 0; i < graph->n_output; i++) {
    g_assert_true(g_hash_table_contains(made, graph->output[i]->name));
    g_hash_table_add(read, graph->output[i]->name);
  }
  g_hash_table_iter_init(&iter, made);
  while (g_hash_table_iter_next(&iter, &name, NULL))
    g_assert_true(g_hash_table_contains(read, name));
  g_hash_table_unref(made);
  g_hash_table_unref(names);
  g_hash_table_unref(read);
}

static Onnx__ModelProto *checked_model(FmnGraph *g) {
  Onnx__ModelProto *model = model_of(g, NULL);
  g_assert_cmpint(model->ir_version, ==, 7);
  g_assert_cmpuint(model->n_opset_import, ==, 1);
  g_assert_cmpstr(model->opset_import[0]->domain, ==, "");
  g_assert_cmpint(model->opset_import[0]->version, ==, 13);
  g_assert_cmpstr(model->producer_name, ==, "gst-fmnist");
  g_assert_cmpstr(model->graph->name, ==, "net");
  g_assert_cmpuint(model->graph->n_input, ==, 1);
  g_assert_cmpuint(model->graph->n_output, ==, g->n_outputs);
  check_values(model->graph);
  fmn_graph_foreach_param(g, check_param, model->graph);
  return model;
}

static void expect_lines(const Onnx__GraphProto *graph, const char *expected) {
  char *text = graph_text(graph);
  g_assert_cmpstr(text, ==, expected);
  g_free(text);
}

static int count(const Onnx__GraphProto *graph, const char *type) {
  int n = 0;
  for (gsize i = 0; i < graph->n_node; i++)
    n += g_str_equal(graph->node[i]->op_type, type);
  return n;
}

static FmnGraph *net(const char *name, const char *options) {
  GError *error = NULL;
  FmnGraph *g = fmn_net_build(name, options, 10, &error);
  g_assert_no_error(error);
  fmn_graph_foreach_param(g, fill_param, NULL);
  return g;
}

typedef struct {
  const char *name, *options, *input, *outputs[2];
  int convolutions, depthwise, normalizations, products;
} Net;

static const Net nets[] = {
    {"base", NULL, "input N 1 28 28", {"logits N 10"}, 1, 0, 2, 2},
    {"compact", NULL, "input N 1 28 28", {"logits N 10"}, 21, 0, 21, 1},
    {"deep", NULL, "input N 1 28 28", {"logits N 10"}, 6, 0, 7, 2},
    {"efficientnet-b0", NULL, "input N 1 28 28", {"logits N 10"}, 81, 16, 49, 2},
    {"efficientnet-b0", "strides=original", "input N 3 28 28", {"logits N 10"}, 81, 16, 49, 2},
    {"wide", "depth=10,width=1", "input N 1 28 28", {"logits N 10"}, 10, 0, 7, 1},
    {"yolov3-tiny", "size=96", "input N 3 96 96", {"head32 N 45 3 3", "head16 N 45 6 6"}, 13, 0, 11, 0},
};

static void test_net(gconstpointer data) {
  const Net *n = data;
  FmnGraph *g = net(n->name, n->options);
  Onnx__ModelProto *model = checked_model(g);
  char *input = shape_text(model->graph->input[0]);
  int depthwise = 0;
  g_assert_cmpstr(input, ==, n->input);
  for (gsize i = 0; i < model->graph->n_output; i++) {
    char *output = shape_text(model->graph->output[i]);
    g_assert_cmpstr(output, ==, n->outputs[i]);
    g_free(output);
  }
  for (gsize i = 0; i < model->graph->n_node; i++)
    for (gsize k = 0; k < model->graph->node[i]->n_attribute; k++)
      depthwise +=
          g_str_equal(model->graph->node[i]->attribute[k]->name, "group") && model->graph->node[i]->attribute[k]->i > 1;
  g_assert_cmpint(count(model->graph, "Conv"), ==, n->convolutions);
  g_assert_cmpint(depthwise, ==, n->depthwise);
  g_assert_cmpint(count(model->graph, "BatchNormalization"), ==, n->normalizations);
  g_assert_cmpint(count(model->graph, "Gemm"), ==, n->products);
  g_free(input);
  onnx__model_proto__free_unpacked(model, NULL);
  fmn_graph_free(g);
}

/* No network goes unexported. */
static void test_all_nets(void) {
  for (const FmnNet *const *n = fmn_nets; *n; n++) {
    gboolean found = FALSE;
    for (gsize i = 0; i < G_N_ELEMENTS(nets); i++)
      found |= g_str_equal((*n)->name, nets[i].name);
    g_assert_true(found);
  }
}

static void test_base(void) {
  FmnGraph *g = net("base", NULL);
  Onnx__ModelProto *model = checked_model(g);
  expect_lines(model->graph,
               "conv1 = Conv(input, conv1.weight, conv1.bias) kernel_shape=3,3 strides=1,1 pads=1,1,1,1 group=1\n"
               "activation_2 = Relu(conv1)\n"
               "bn1 = BatchNormalization(activation_2, bn1.weight, bn1.bias, bn1.running_mean, bn1.running_var) "
               "epsilon=1e-05\n"
               "fc1.flatten0 = Flatten(bn1)\n"
               "fc1 = Gemm(fc1.flatten0, fc1.weight, fc1.bias) transB=1\n"
               "activation_5 = Relu(fc1)\n"
               "bn2 = BatchNormalization(activation_5, bn2.weight, bn2.bias, bn2.running_mean, bn2.running_var) "
               "epsilon=1e-05\n"
               "dropout_7 = Dropout(bn2, dropout_7.ratio)\n"
               "logits = Gemm(dropout_7, fc2.weight, fc2.bias) transB=1\n");
  const Onnx__TensorProto *ratio = initializer(model->graph, "dropout_7.ratio");
  g_assert_cmpuint(ratio->n_dims, ==, 0);
  g_assert_cmpuint(ratio->n_float_data, ==, 1);
  g_assert_cmpfloat(ratio->float_data[0], ==, .5f);
  onnx__model_proto__free_unpacked(model, NULL);
  fmn_graph_free(g);
}

/* What layers can be set to beyond what base needs, and vectors where maps are wanted. */
static void test_layers(void) {
  FmnGraph *g = fmn_graph_new(2, 8, 8);
  FmnValue x = fmn_conv2d(g, 0, "a", .out = 4, .k = 3, .stride = 2, .pad = 1, .no_bias = TRUE);
  x = fmn_activation(g, x, FMN_ACT_LEAKY_RELU, .25f);
  x = fmn_dwconv(g, x, "b", .k = 5, .pad = 2);
  x = fmn_activation(g, x, FMN_ACT_SWISH, 0.f);
  x = fmn_maxpool(g, x, .k = 3, .stride = 1, .pad_end = 2);
  FmnValue v = fmn_dense(g, x, "c", .out = 4, .no_bias = TRUE);
  v = fmn_batchnorm(g, v, "d", .eps = .5f);
  v = fmn_activation(g, fmn_add(g, v, v), FMN_ACT_SIGMOID, 0.f);
  x = fmn_upsample(g, fmn_concat(g, fmn_scale(g, x, v), x), 3);
  FmnValue mean = fmn_global_avgpool(g, x);
  v = fmn_add(g, mean, fmn_dense(g, v, "e", .out = 8));
  fmn_graph_output(g, fmn_activation(g, v, FMN_ACT_NONE, 0.f));
  fmn_graph_output(g, x);
  g_assert_no_error(g->error);
  fmn_graph_foreach_param(g, fill_param, NULL);
  Onnx__ModelProto *model = checked_model(g);
  expect_lines(model->graph,
               "a = Conv(input, a.weight) kernel_shape=3,3 strides=2,2 pads=1,1,1,1 group=1\n"
               "activation_2 = LeakyRelu(a) alpha=0.25\n"
               "b = Conv(activation_2, b.weight, b.bias) kernel_shape=5,5 strides=1,1 pads=2,2,2,2 group=4\n"
               "activation_4.sigmoid = Sigmoid(b)\n"
               "activation_4 = Mul(b, activation_4.sigmoid)\n"
               "maxpool_5 = MaxPool(activation_4) kernel_shape=3,3 strides=1,1 pads=0,0,2,2\n"
               "c.flatten0 = Flatten(maxpool_5)\n"
               "c = Gemm(c.flatten0, c.weight) transB=1\n"
               "d = BatchNormalization(c, d.weight, d.bias, d.running_mean, d.running_var) epsilon=0.5\n"
               "add_8 = Add(d, d)\n"
               "activation_9 = Sigmoid(add_8)\n"
               "scale_10.reshape1 = Reshape(activation_9, scale_10.shape1)\n"
               "scale_10 = Mul(maxpool_5, scale_10.reshape1)\n"
               "concat_11 = Concat(scale_10, maxpool_5) axis=1\n"
               "upsample_12 = Resize(concat_11, , upsample_12.scales) mode=nearest "
               "coordinate_transformation_mode=asymmetric nearest_mode=floor\n"
               "global_avgpool_13 = GlobalAveragePool(upsample_12)\n"
               "e = Gemm(activation_9, e.weight, e.bias) transB=1\n"
               "add_15.reshape1 = Reshape(e, add_15.shape1)\n"
               "add_15 = Add(global_avgpool_13, add_15.reshape1)\n"
               "activation_16 = Identity(add_15)\n");
  const Onnx__TensorProto *scales = initializer(model->graph, "upsample_12.scales"),
                          *shape = initializer(model->graph, "scale_10.shape1");
  g_assert_cmpmem(scales->float_data, scales->n_float_data * sizeof(float), ((const float[]){1, 1, 3, 3}), 16);
  g_assert_cmpint(shape->data_type, ==, ONNX__TENSOR_PROTO__DATA_TYPE__INT64);
  g_assert_cmpmem(shape->int64_data, shape->n_int64_data * sizeof(gint64), ((const gint64[]){0, 0, 1, 1}), 32);
  char *first = shape_text(model->graph->output[0]), *second = shape_text(model->graph->output[1]);
  g_assert_cmpstr(first, ==, "activation_16 N 8 1 1");
  g_assert_cmpstr(second, ==, "upsample_12 N 8 12 12");
  g_free(first);
  g_free(second);
  onnx__model_proto__free_unpacked(model, NULL);
  fmn_graph_free(g);
}

/* No layer is forgotten: each that can be trained is exported with every configuration of its gradient check. */
static void test_all_layers(void) {
  for (const FmnLayerGrad *const *grad = fmn_layer_grads; *grad; grad++)
    for (const FmnGradSample *s = (*grad)->samples; s->in.n; s++) {
      FmnGraph *g = fmn_graph_new(s->in.c, s->in.h, s->in.w);
      FmnShape second = s->second.n ? s->second : s->in;
      FmnValue inputs[2] = {0, 0};
      if (s->n_inputs == 2 && s->second.n && second.h == 1)
        inputs[1] = fmn_global_avgpool(g, 0);
      else if (s->n_inputs == 2)
        inputs[1] = fmn_conv2d(g, 0, "second", .out = second.c, .k = 1);
      fmn_graph_output(g, fmn_graph_add(g, (*grad)->ops, "layer", inputs, MAX(s->n_inputs, 1), s->config));
      g_assert_no_error(g->error);
      fmn_graph_foreach_param(g, fill_param, NULL);
      onnx__model_proto__free_unpacked(checked_model(g), NULL);
      fmn_graph_free(g);
    }
}

static void test_metadata(void) {
  FmnGraph *g = net("compact", NULL);
  GHashTable *metadata = g_hash_table_new(g_str_hash, g_str_equal);
  for (gsize i = 0; i < G_N_ELEMENTS(good_metadata); i++)
    g_hash_table_insert(metadata, (gpointer)good_metadata[i][0], (gpointer)good_metadata[i][1]);
  Onnx__ModelProto *model = model_of(g, metadata);
  g_assert_cmpuint(model->n_metadata_props, ==, G_N_ELEMENTS(good_metadata) + 1);
  for (gsize i = 0; i < model->n_metadata_props; i++) {
    const Onnx__StringStringEntryProto *e = model->metadata_props[i];
    const char *expected = g_hash_table_lookup(metadata, e->key);
    g_assert_cmpstr(e->value, ==, expected ? expected : "classification-generic-out");
    g_assert_true(expected || g_str_equal(e->key, "logits"));
    g_assert_true(i == 0 || strcmp(model->metadata_props[i - 1]->key, e->key) < 0);
  }
  onnx__model_proto__free_unpacked(model, NULL);
  g_hash_table_unref(metadata);
  fmn_graph_free(g);
}

/* GStreamer's onnxinference finds an entry for each output; one that is there stays. */
static void test_tensor_ids(void) {
  static const char *expected[][2] = {{"arch", "yolov3-tiny"}, {"head16", "mine"}, {"head32", "yolov3-tiny-head32"}};
  FmnGraph *g = net("yolov3-tiny", "size=32");
  GHashTable *metadata = g_hash_table_new(g_str_hash, g_str_equal);
  g_hash_table_insert(metadata, (gpointer) "arch", (gpointer) "yolov3-tiny");
  g_hash_table_insert(metadata, (gpointer) "head16", (gpointer) "mine");
  Onnx__ModelProto *model = model_of(g, metadata);
  g_assert_cmpuint(model->n_metadata_props, ==, G_N_ELEMENTS(expected));
  for (gsize i = 0; i < model->n_metadata_props; i++) {
    g_assert_cmpstr(model->metadata_props[i]->key, ==, expected[i][0]);
    g_assert_cmpstr(model->metadata_props[i]->value, ==, expected[i][1]);
  }
  g_assert_cmpuint(g_hash_table_size(metadata), ==, 2);
  onnx__model_proto__free_unpacked(model, NULL);
  g_hash_table_unref(metadata);
  fmn_graph_free(g);
}

static gboolean same_shape(FmnNode *node, GError **error) {
  node->out = node->in[0];
  return TRUE;
}

static void test_errors(void) {
  static const FmnLayerOps unknown = {.name = "softsign", .n_inputs = 1, .setup = same_shape};
  GError *error = NULL;
  FmnValue x = 0;
  FmnGraph *g = fmn_graph_new(1, 2, 2);
  fmn_graph_output(g, fmn_graph_add(g, &unknown, NULL, &x, 1, NULL));
  g_assert_null(fmn_onnx_bytes(g, "net", NULL, &error));
  g_assert_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED);
  g_assert_nonnull(strstr(error->message, "layer softsign"));
  g_clear_error(&error);
  fmn_graph_free(g);

  /* Weights of 4 GiB, of which none is read. */
  g = fmn_graph_new(1, 1, 1);
  fmn_graph_output(g, fmn_dense(g, 0, "fc", .out = 1));
  fmn_graph_node(g, 1)->params[0].dims[0] = fmn_graph_node(g, 1)->params[0].dims[1] = 1 << 15;
  g_assert_null(fmn_onnx_bytes(g, "net", NULL, &error));
  g_assert_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED);
  g_assert_nonnull(strstr(error->message, "at most 2147483647"));
  g_clear_error(&error);
  fmn_graph_free(g);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(nets); i++) {
    char *name = g_strdup_printf("/onnx/net/%s:%s", nets[i].name, nets[i].options ? nets[i].options : "-");
    g_test_add_data_func(name, &nets[i], test_net);
    g_free(name);
  }
  g_test_add_func("/onnx/all-nets", test_all_nets);
  g_test_add_func("/onnx/base", test_base);
  g_test_add_func("/onnx/layers", test_layers);
  g_test_add_func("/onnx/all-layers", test_all_layers);
  g_test_add_func("/onnx/metadata", test_metadata);
  g_test_add_func("/onnx/tensor-ids", test_tensor_ids);
  g_test_add_func("/onnx/errors", test_errors);
  return g_test_run();
}
