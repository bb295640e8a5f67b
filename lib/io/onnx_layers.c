#include "io/onnx_graph.h"
#include "nn/layers.h"

/* How each layer is said in ONNX's operators (https://onnx.ai/onnx/operators). A new layer is a function and a line in
 * the table. */

/* The same size of window, step and so on in both directions. */
static void square(const FmnOnnxLayer *l, Onnx__NodeProto *op, const char *name, int value) {
  fmn_onnx_ints(l, op, name, (const gint64[]){value, value}, 2);
}

static void convolution(const FmnOnnxLayer *l, int k, int stride, int pad, int group) {
  Onnx__NodeProto *op = fmn_onnx_operator(l, "Conv", (const char *[]){fmn_onnx_maps(l, 0)}, 1);
  square(l, op, "kernel_shape", k);
  square(l, op, "strides", MAX(stride, 1));
  fmn_onnx_ints(l, op, "pads", (const gint64[]){pad, pad, pad, pad}, 4);
  fmn_onnx_int(l, op, "group", group);
}

static void conv2d(const FmnOnnxLayer *l) {
  const FmnConv2d *c = l->node->config;
  convolution(l, c->k, c->stride, c->pad, 1);
}

static void dwconv(const FmnOnnxLayer *l) {
  const FmnDwConv *c = l->node->config;
  convolution(l, c->k, c->stride, c->pad, l->node->out.c);
}

static void dense(const FmnOnnxLayer *l) {
  Onnx__NodeProto *op = fmn_onnx_operator(l, "Gemm", (const char *[]){fmn_onnx_vector(l, 0)}, 1);
  fmn_onnx_int(l, op, "transB", 1); /* weights are out × in */
  l->onnx->vectors[l->index] = TRUE;
}

/* What works on vectors as on maps. */
static Onnx__NodeProto *elementwise(const FmnOnnxLayer *l, const char *type) {
  l->onnx->vectors[l->index] = fmn_onnx_is_vector(l, 0);
  return fmn_onnx_operator(l, type, (const char *[]){fmn_onnx_value(l, 0)}, 1);
}

static void batchnorm(const FmnOnnxLayer *l) {
  const FmnBatchNorm *c = l->node->config;
  fmn_onnx_float(l, elementwise(l, "BatchNormalization"), "epsilon", c->eps > 0.f ? c->eps : 1e-5f);
}

static void dropout(const FmnOnnxLayer *l) {
  const FmnDropout *c = l->node->config;
  Onnx__NodeProto *op = elementwise(l, "Dropout");
  op->input[op->n_input++] = (char *)fmn_onnx_floats(l, "ratio", NULL, 0, &c->rate);
}

static void identity(const FmnOnnxLayer *l) { elementwise(l, "Identity"); }
static void relu(const FmnOnnxLayer *l) { elementwise(l, "Relu"); }
static void sigmoid(const FmnOnnxLayer *l) { elementwise(l, "Sigmoid"); }

static void leaky_relu(const FmnOnnxLayer *l) {
  const FmnActivationConfig *c = l->node->config;
  fmn_onnx_float(l, elementwise(l, "LeakyRelu"), "alpha", c->slope);
}

static void swish(const FmnOnnxLayer *l) {
  const char *gate = fmn_onnx_helper(l, "Sigmoid", "sigmoid", fmn_onnx_value(l, 0))->output[0];
  Onnx__NodeProto *op = elementwise(l, "Mul");
  op->input[op->n_input++] = (char *)gate;
}

static void activation(const FmnOnnxLayer *l) {
  static const FmnOnnxEmit kinds[] = {[FMN_ACT_NONE] = identity,
                                      [FMN_ACT_RELU] = relu,
                                      [FMN_ACT_LEAKY_RELU] = leaky_relu,
                                      [FMN_ACT_SIGMOID] = sigmoid,
                                      [FMN_ACT_SWISH] = swish};
  const FmnActivationConfig *c = l->node->config;
  kinds[c->act](l);
}

static void maxpool(const FmnOnnxLayer *l) {
  const FmnMaxPool *c = l->node->config;
  int k = c->k ? c->k : 2;
  Onnx__NodeProto *op = fmn_onnx_operator(l, "MaxPool", (const char *[]){fmn_onnx_maps(l, 0)}, 1);
  square(l, op, "kernel_shape", k);
  square(l, op, "strides", c->stride ? c->stride : k);
  fmn_onnx_ints(l, op, "pads", (const gint64[]){0, 0, c->pad_end, c->pad_end}, 4);
}

static void global_avgpool(const FmnOnnxLayer *l) {
  fmn_onnx_operator(l, "GlobalAveragePool", (const char *[]){fmn_onnx_maps(l, 0)}, 1);
}

static void add(const FmnOnnxLayer *l) {
  gboolean vectors = fmn_onnx_is_vector(l, 0) && fmn_onnx_is_vector(l, 1);
  const char *(*input)(const FmnOnnxLayer *, int) = vectors ? fmn_onnx_value : fmn_onnx_maps;
  fmn_onnx_operator(l, "Add", (const char *[]){input(l, 0), input(l, 1)}, 2);
  l->onnx->vectors[l->index] = vectors;
}

static void scale(const FmnOnnxLayer *l) {
  fmn_onnx_operator(l, "Mul", (const char *[]){fmn_onnx_maps(l, 0), fmn_onnx_maps(l, 1)}, 2);
}

static void concat(const FmnOnnxLayer *l) {
  Onnx__NodeProto *op = fmn_onnx_operator(l, "Concat", (const char *[]){fmn_onnx_maps(l, 0), fmn_onnx_maps(l, 1)}, 2);
  fmn_onnx_int(l, op, "axis", 1);
}

static void upsample(const FmnOnnxLayer *l) {
  const FmnUpsample *c = l->node->config;
  float *factors = fmn_onnx_new0(l->onnx, 4 * sizeof *factors);
  factors[0] = factors[1] = 1.f;
  factors[2] = factors[3] = (float)(c->factor ? c->factor : 2);
  const char *scales = fmn_onnx_floats(l, "scales", (const int[]){4}, 1, factors);
  Onnx__NodeProto *op = fmn_onnx_operator(l, "Resize", (const char *[]){fmn_onnx_maps(l, 0), "", scales}, 3);
  fmn_onnx_string(l, op, "mode", "nearest");
  fmn_onnx_string(l, op, "coordinate_transformation_mode", "asymmetric");
  fmn_onnx_string(l, op, "nearest_mode", "floor");
}

static const struct {
  const FmnLayerOps *ops;
  FmnOnnxEmit emit;
} emitters[] = {
    {&fmn_conv2d_ops, conv2d},
    {&fmn_dwconv_ops, dwconv},
    {&fmn_dense_ops, dense},
    {&fmn_batchnorm_ops, batchnorm},
    {&fmn_activation_ops, activation},
    {&fmn_dropout_ops, dropout},
    {&fmn_maxpool_ops, maxpool},
    {&fmn_add_ops, add},
    {&fmn_global_avgpool_ops, global_avgpool},
    {&fmn_scale_ops, scale},
    {&fmn_concat_ops, concat},
    {&fmn_upsample_ops, upsample},
};

FmnOnnxEmit fmn_onnx_emitter(const FmnLayerOps *ops) {
  for (gsize i = 0; i < G_N_ELEMENTS(emitters); i++)
    if (emitters[i].ops == ops)
      return emitters[i].emit;
  return NULL;
}
