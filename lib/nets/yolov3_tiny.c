#include "error.h"
#include "nets/nets.h"
#include "nn/layers.h"

/* Redmon & Farhadi 2018, "YOLOv3: An Incremental Improvement", in the small form of its authors' configuration yolov3-tiny.
 * Outputs: the raw heads, 3·(classes + 5) channels each, of stride 32 (larger anchors) and of stride 16 (smaller). */
#define ANCHORS_A_HEAD 3

static FmnValue conv_bn_leaky(FmnGraph *g, FmnValue x, const char *suffix, int out, int k) {
  char conv[24], bn[24];
  g_snprintf(conv, sizeof conv, "conv%s", suffix);
  g_snprintf(bn, sizeof bn, "bn%s", suffix);
  x = fmn_conv2d(g, x, conv, .out = out, .k = k, .pad = k / 2, .no_bias = TRUE);
  return fmn_activation(g, fmn_batchnorm(g, x, bn, 0), FMN_ACT_LEAKY_RELU, .1f);
}

static void build(FmnGraph *g, int classes, FmnNetOptions *options) {
  static const char *const names[] = {"1", "2", "3", "4", "5"}, *const anchors[] = {"fitted", "original", NULL};
  int size = fmn_net_option_int(options, "size", 416, 32, 2048), head = ANCHORS_A_HEAD * (classes + 5);
  int last = fmn_net_option_int(options, "last", 1024, 64, 1024);

  fmn_net_option_choice(options, "anchors", anchors); /* of the training: the layers are the same */
  if (size % 32 != 0 && !g->error)
    g_set_error(&g->error, FMN_ERROR, FMN_ERROR_ARGUMENT, "option size: expected a multiple of 32, found %d", size);
  fmn_graph_set_input(g, 3, size, size);
  FmnValue x = fmn_graph_input(g), fine = x;
  for (int i = 0; i < 5; i++) {
    fine = conv_bn_leaky(g, x, names[i], 16 << i, 3);
    x = fmn_maxpool(g, fine, .k = 2);
  }
  x = conv_bn_leaky(g, x, "6", 512, 3);
  x = fmn_maxpool(g, x, .k = 2, .stride = 1, .pad_end = 1);
  x = conv_bn_leaky(g, x, "7", last, 3);
  x = conv_bn_leaky(g, x, "8", 256, 1);

  FmnValue coarse = conv_bn_leaky(g, x, "9", 512, 3);
  fmn_graph_output(g, fmn_conv2d(g, coarse, "head32", .out = head, .k = 1));

  x = fmn_upsample(g, conv_bn_leaky(g, x, "_lateral", 128, 1), 2);
  x = conv_bn_leaky(g, fmn_concat(g, x, fine), "10", 256, 3);
  fmn_graph_output(g, fmn_conv2d(g, x, "head16", .out = head, .k = 1));
}

const FmnNet fmn_net_yolov3_tiny = {
    .name = "yolov3-tiny",
    .summary = "detector: boxes of garments; size=N: input of N×N pixels; last=N: channels of the backbone's last layer; "
               "anchors=original: the published ones",
    .channels = 3,
    .height = 416,
    .width = 416,
    .build = build,
};
