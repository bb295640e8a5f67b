#include <stdlib.h>

#include "nets/nets.h"
#include "nn/layers.h"

enum { LAST = 64 };

/* A residual network after He et al. 2015, "Deep Residual Learning for Image Recognition" (the CIFAR kind,
 * section 4.2), with fewer blocks where the maps are large and costly. */
static const struct { int channels, stride; } stages[] = {{16, 1}, {32, 2}, {LAST, 2}};

static FmnValue conv_bn(FmnGraph *g, FmnValue x, const char *prefix, const char *suffix, int out, int k, int stride) {
  char conv[48], bn[48];
  g_snprintf(conv, sizeof conv, "%sconv%s", prefix, suffix);
  g_snprintf(bn, sizeof bn, "%sbn%s", prefix, suffix);
  x = fmn_conv2d(g, x, conv, .out = out, .k = k, .stride = stride, .pad = k / 2, .no_bias = TRUE);
  return fmn_batchnorm(g, x, bn, 0);
}

static FmnValue residual(FmnGraph *g, FmnValue x, const char *prefix, int out, int stride, gboolean project) {
  FmnValue y = fmn_relu(g, conv_bn(g, x, prefix, "1", out, 3, stride));
  y = conv_bn(g, y, prefix, "2", out, 3, 1);
  return fmn_relu(g, fmn_add(g, y, project ? conv_bn(g, x, prefix, "_shortcut", out, 1, stride) : x));
}

static void build(FmnGraph *g, int classes, FmnNetOptions *options) {
  int size = atoi(fmn_net_option_choice(options, "size", (const char *const[]){"28", "56", "112", NULL}));
  int last = fmn_net_option_int(options, "last", LAST, 16, 512);
  const char *blocks = fmn_net_option_choice(options, "blocks", (const char *const[]){"2-4-3", "1-2-3", NULL});
  fmn_graph_set_input(g, 1, size, size);
  /* Larger pictures come down to 28 × 28 places by convolutions of stride 2. */
  FmnValue x = fmn_graph_input(g);
  if (size == 112)
    x = fmn_relu(g, conv_bn(g, x, "", "0", stages[0].channels, 3, 2));
  x = fmn_relu(g, conv_bn(g, x, "", "1", stages[0].channels, 3, size == 28 ? 1 : 2));
  for (gsize s = 0; s < G_N_ELEMENTS(stages); s++)
    for (int b = 0; b < blocks[2 * s] - '0'; b++) {
      char prefix[32];
      gboolean first = s > 0 && b == 0;
      g_snprintf(prefix, sizeof prefix, "stage%d.%d.", (int)s + 1, b);
      x = residual(g, x, prefix, s + 1 < G_N_ELEMENTS(stages) ? stages[s].channels : last, first ? stages[s].stride : 1,
                   first);
    }
  x = fmn_global_avgpool(g, x);
  fmn_graph_output(g, fmn_dense(g, x, "fc", .out = classes));
}

const FmnNet fmn_net_compact = {
    .name = "compact",
    .summary = "a small residual network; size=28|56|112: pixels of its input; last=N: channels of the last stage; "
               "blocks=2-4-3|1-2-3: in each stage",
    .channels = 1,
    .height = 28,
    .width = 28,
    .build = build,
};
