#include "nets/nets.h"
#include "nn/layers.h"

#include <string.h>

/* Tan & Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", table 1. The published strides are
 * for 224 pixels; on 28 they leave one pixel for the last stages. `strides=original` keeps those of the original demo, with its
 * three gray channels; by default the stem's and the fourth stage's are 1, which leaves 4×4 pixels. */
typedef struct {
  int expand, out, repeats, k, original_stride, stride;
} Stage;

static const Stage stages[] = {
    {1, 16, 1, 3, 1, 1},  {6, 24, 2, 3, 2, 2},  {6, 40, 2, 5, 2, 2}, {6, 80, 3, 3, 2, 1},
    {6, 112, 3, 5, 1, 1}, {6, 192, 4, 5, 2, 2}, {6, 320, 1, 3, 1, 1},
};

/* The layers' names below one prefix, as "blocks.3.conv_dw". */
static const char *name(char buffer[48], const char *prefix, const char *layer) {
  g_snprintf(buffer, 48, "%s%s", prefix, layer);
  return buffer;
}

static FmnValue swish(FmnGraph *g, FmnValue x) { return fmn_activation(g, x, FMN_ACT_SWISH, 0.f); }

static FmnValue squeeze_excite(FmnGraph *g, FmnValue x, const char *prefix, int channels, int reduced) {
  char n[48];
  FmnValue s = fmn_global_avgpool(g, x);
  s = swish(g, fmn_conv2d(g, s, name(n, prefix, "se.reduce"), .out = reduced, .k = 1));
  s = fmn_activation(g, fmn_conv2d(g, s, name(n, prefix, "se.expand"), .out = channels, .k = 1), FMN_ACT_SIGMOID, 0.f);
  return fmn_scale(g, x, s);
}

static FmnValue mbconv(FmnGraph *g, FmnValue x, const char *prefix, const Stage *s, int in, int stride) {
  char n[48];
  int middle = in * s->expand;
  FmnValue y = x;

  if (s->expand > 1) {
    y = fmn_conv2d(g, y, name(n, prefix, "conv_expand"), .out = middle, .k = 1, .no_bias = TRUE);
    y = swish(g, fmn_batchnorm(g, y, name(n, prefix, "bn_expand"), 0));
  }
  y = fmn_dwconv(g, y, name(n, prefix, "conv_dw"), .k = s->k, .stride = stride, .pad = s->k / 2, .no_bias = TRUE);
  y = swish(g, fmn_batchnorm(g, y, name(n, prefix, "bn_dw"), 0));
  y = squeeze_excite(g, y, prefix, middle, MAX(1, in / 4));
  y = fmn_conv2d(g, y, name(n, prefix, "conv_project"), .out = s->out, .k = 1, .no_bias = TRUE);
  y = fmn_batchnorm(g, y, name(n, prefix, "bn_project"), 0);
  return stride == 1 && in == s->out ? fmn_add(g, y, x) : y;
}

static void build(FmnGraph *g, int classes, FmnNetOptions *options) {
  const char *strides = fmn_net_option_choice(options, "strides", (const char *const[]){"fine", "original", NULL});
  gboolean original = g_str_equal(strides, "original");
  int in = 32, block = 0;

  if (original)
    fmn_graph_set_input(g, 3, 28, 28);
  FmnValue x = fmn_graph_input(g);
  x = fmn_conv2d(g, x, "conv_stem", .out = in, .k = 3, .stride = original ? 2 : 1, .pad = 1, .no_bias = TRUE);
  x = swish(g, fmn_batchnorm(g, x, "bn_stem", 0));
  for (const Stage *s = stages; s < stages + G_N_ELEMENTS(stages); s++)
    for (int i = 0; i < s->repeats; i++, in = s->out) {
      char prefix[32];
      int stride = i > 0 ? 1 : original ? s->original_stride : s->stride;
      g_snprintf(prefix, sizeof prefix, "blocks.%d.", block++);
      x = mbconv(g, x, prefix, s, in, stride);
    }
  x = fmn_conv2d(g, x, "conv_head", .out = 1280, .k = 1, .no_bias = TRUE);
  x = fmn_global_avgpool(g, swish(g, fmn_batchnorm(g, x, "bn_head", 0)));
  x = fmn_dropout(g, fmn_relu(g, fmn_dense(g, x, "fc1", .out = 1024)), .5f);
  fmn_graph_output(g, fmn_dense(g, x, "fc2", .out = classes));
}

const FmnNet fmn_net_efficientnet_b0 = {
    .name = "efficientnet-b0",
    .summary = "the published stages; strides=original: the original demo's, on three channels",
    .channels = 1,
    .height = 28,
    .width = 28,
    .build = build,
};
