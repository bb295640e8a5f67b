#include "kernels/kernels.h"
#include "nn/grad.h"
#include "nn/layers.h"

static gboolean setup(FmnNode *node, GError **error) {
  node->out = (FmnShape){1, node->in[0].c, 1, 1};
  return TRUE;
}

static void mean_planes(const float *x, float *y, FmnShape in) {
  gsize plane = fmn_shape_plane(in);
  for (int i = 0; i < in.n * in.c; i++)
    y[i] = (float)(fmn_kernels()->sum(x + (gsize)i * plane, plane) / (double)plane);
}

static void forward(const FmnForward *f) { mean_planes(f->x[0], f->y, f->in[0]); }

const FmnLayerOps fmn_global_avgpool_ops = {
    .name = "global_avgpool",
    .n_inputs = 1,
    .setup = setup,
    .forward = forward,
};

FmnValue fmn_global_avgpool(FmnGraph *g, FmnValue x) {
  return fmn_graph_add(g, &fmn_global_avgpool_ops, NULL, &x, 1, NULL);
}

static void train_forward(const FmnTrainCall *t) { mean_planes(t->x[0], t->y, t->in[0]); }

static void train_backward(const FmnTrainCall *t) {
  gsize plane = fmn_shape_plane(t->in[0]);
  if (!t->dx[0])
    return;
  for (int i = 0; i < t->out.n * t->out.c; i++)
    for (gsize j = 0; j < plane; j++)
      t->dx[0][(gsize)i * plane + j] = t->dy[i] / (float)plane;
}

const FmnLayerGrad fmn_global_avgpool_grad = {
    .ops = &fmn_global_avgpool_ops,
    .forward = train_forward,
    .backward = train_backward,
    .samples = (const FmnGradSample[]){{{2, 3, 4, 5}, 1, NULL}, {{0}}},
};
