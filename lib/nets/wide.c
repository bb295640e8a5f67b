#include "nets/nets.h"
#include "nn/layers.h"

/* Zagoruyko & Komodakis 2016, "Wide Residual Networks": blocks of batch norm, ReLU, convolution (the pre-activation order of He
 * et al. 2016). depth = 6·blocks + 4; the published WRN-28-10 is depth=28,width=10. */
static FmnValue bn_relu(FmnGraph *g, FmnValue x, const char *prefix, const char *layer) {
  char name[48];
  g_snprintf(name, sizeof name, "%s%s", prefix, layer);
  return fmn_relu(g, fmn_batchnorm(g, x, name, 0));
}

static FmnValue conv(FmnGraph *g, FmnValue x, const char *prefix, const char *layer, int out, int k, int stride) {
  char name[48];
  g_snprintf(name, sizeof name, "%s%s", prefix, layer);
  return fmn_conv2d(g, x, name, .out = out, .k = k, .stride = stride, .pad = k / 2, .no_bias = TRUE);
}

static FmnValue block(FmnGraph *g, FmnValue x, const char *prefix, int out, int stride, gboolean project) {
  FmnValue y = bn_relu(g, x, prefix, "bn1");
  /* Where the shape changes, the shortcut starts after the first activation too. */
  FmnValue shortcut = project ? conv(g, y, prefix, "conv_shortcut", out, 1, stride) : x;
  y = conv(g, y, prefix, "conv1", out, 3, stride);
  y = conv(g, bn_relu(g, y, prefix, "bn2"), prefix, "conv2", out, 3, 1);
  return fmn_add(g, y, shortcut);
}

static void build(FmnGraph *g, int classes, FmnNetOptions *options) {
  int depth = fmn_net_option_int(options, "depth", 22, 10, 100), width = fmn_net_option_int(options, "width", 2, 1, 16);
  FmnValue x = conv(g, fmn_graph_input(g), "", "conv1", 16, 3, 1);
  if ((depth - 4) % 6)
    fmn_net_option_refuse(options, "depth", "6·blocks + 4: 10, 16, 22, 28, ...", depth);

  for (int stage = 0; stage < 3; stage++)
    for (int i = 0; i < (depth - 4) / 6; i++) {
      char prefix[32];
      g_snprintf(prefix, sizeof prefix, "stage%d.%d.", stage + 1, i);
      x = block(g, x, prefix, (16 << stage) * width, i == 0 && stage > 0 ? 2 : 1, i == 0);
    }
  x = fmn_global_avgpool(g, bn_relu(g, x, "", "bn"));
  fmn_graph_output(g, fmn_dense(g, x, "fc", .out = classes));
}

const FmnNet fmn_net_wide = {
    .name = "wide",
    .summary = "a wide residual network; depth=N (6·blocks + 4), width=N times 16 channels",
    .channels = 1,
    .height = 28,
    .width = 28,
    .build = build,
};
