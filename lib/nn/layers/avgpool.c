#include "kernels/kernels.h"
#include "nn/grad.h"
#include "nn/layers.h"

static gboolean setup(FmnNode *node, GError **error) {
  node->out = (FmnShape){1, node->in[0].c, 1, 1};
  return TRUE;
}

static void mean_pixels(const float *x, float *y, FmnShape in) {
  for (int i = 0; i < in.n; i++)
    fmn_channel_total(y + (gsize)i * (gsize)in.c, x + (gsize)i * fmn_shape_image(in), fmn_shape_pixels(in), in.c);
  for (gsize i = 0; i < (gsize)in.n * (gsize)in.c; i++)
    y[i] /= (float)fmn_shape_pixels(in);
}

static void forward(const FmnForward *f) { mean_pixels(f->x[0], f->y, f->in[0]); }

const FmnLayerOps fmn_global_avgpool_ops = {
    .name = "global_avgpool",
    .n_inputs = 1,
    .setup = setup,
    .forward = forward,
};

FmnValue fmn_global_avgpool(FmnGraph *g, FmnValue x) {
  return fmn_graph_add(g, &fmn_global_avgpool_ops, NULL, &x, 1, NULL);
}

static void train_forward(const FmnTrainCall *t) { mean_pixels(t->x[0], t->y, t->in[0]); }

static void train_backward(const FmnTrainCall *t) {
  gsize pixels = fmn_shape_pixels(t->in[0]), c = (gsize)t->out.c;
  float *dx = t->dx[0];
  for (int i = 0; dx && i < t->out.n; i++)
    for (gsize p = 0; p < pixels; p++)
      for (gsize k = 0; k < c; k++)
        *dx++ = t->dy[(gsize)i * c + k] / (float)pixels;
}

const FmnLayerGrad fmn_global_avgpool_grad = {
    .ops = &fmn_global_avgpool_ops,
    .forward = train_forward,
    .backward = train_backward,
    .samples = (const FmnGradSample[]){{{2, 3, 4, 5}, 1, NULL}, {{0}}},
};
