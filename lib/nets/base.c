#include "nets/nets.h"
#include "nn/layers.h"

/* The original demo's first network. */
static void build(FmnGraph *g, int classes, FmnNetOptions *options) {
  FmnValue x = fmn_graph_input(g);
  x = fmn_conv2d(g, x, "conv1", .out = 32, .k = 3, .pad = 1);
  x = fmn_relu(g, x);
  x = fmn_batchnorm(g, x, "bn1", 0);
  x = fmn_dense(g, x, "fc1", .out = 256);
  x = fmn_relu(g, x);
  x = fmn_batchnorm(g, x, "bn2", 0);
  x = fmn_dropout(g, x, .5f);
  x = fmn_dense(g, x, "fc2", .out = classes);
  fmn_graph_output(g, x);
}

const FmnNet fmn_net_base = {
    .name = "base",
    .summary = "one 3×3 convolution and a dense layer of 256",
    .channels = 1,
    .height = 28,
    .width = 28,
    .build = build,
};
