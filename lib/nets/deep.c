#include "nets/nets.h"
#include "nn/layers.h"

/* The original demo's second network. */
static FmnValue conv_relu_bn(FmnGraph *g, FmnValue x, int index, int out, int k) {
  char conv[16], bn[16];
  g_snprintf(conv, sizeof conv, "conv%d", index);
  g_snprintf(bn, sizeof bn, "bn%d", index);
  x = fmn_relu(g, fmn_conv2d(g, x, conv, .out = out, .k = k, .pad = k / 2));
  return fmn_batchnorm(g, x, bn, 0);
}

static void build(FmnGraph *g, int classes, FmnNetOptions *options) {
  FmnValue x = fmn_graph_input(g);
  x = conv_relu_bn(g, x, 1, 32, 3);
  x = fmn_dropout(g, conv_relu_bn(g, x, 2, 32, 3), .2f);
  x = fmn_dropout(g, conv_relu_bn(g, x, 3, 64, 3), .2f);
  x = fmn_dropout(g, conv_relu_bn(g, x, 4, 64, 3), .2f);
  x = fmn_maxpool(g, conv_relu_bn(g, x, 5, 128, 5), .k = 2);
  x = fmn_maxpool(g, conv_relu_bn(g, x, 6, 256, 5), .k = 2);
  x = fmn_dropout(g, x, .2f);
  x = fmn_relu(g, fmn_dense(g, x, "fc1", .out = 512));
  x = fmn_dropout(g, fmn_batchnorm(g, x, "bn7", 0), .5f);
  fmn_graph_output(g, fmn_dense(g, x, "fc2", .out = classes));
}

const FmnNet fmn_net_deep = {
    .name = "deep",
    .summary = "six convolutions, the last two 5×5, and a dense layer of 512",
    .channels = 1,
    .height = 28,
    .width = 28,
    .build = build,
};
