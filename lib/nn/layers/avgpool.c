#include "kernels/kernels.h"
#include "nn/grad.h"
#include "nn/layers.h"

#include <string.h>

static gboolean setup(FmnNode *node, GError **error) {
  node->out = (FmnShape){1, node->in[0].c, 1, 1};
  return TRUE;
}

/* Images begin ≤ i < end. */
static void mean_pixels(const float *x, float *y, FmnShape in, int begin, int end) {
  gsize pixels = fmn_shape_pixels(in), c = (gsize)in.c;
  for (int i = begin; i < end; i++) {
    const float *image = x + (gsize)i * pixels * c;
    float *mean = y + (gsize)i * c;
    memcpy(mean, image, c * sizeof *mean);
    for (gsize p = 1; p < pixels; p++)
      fmn_kernels()->add(mean, image + p * c, c);
    for (gsize k = 0; pixels > 1 && k < c; k++)
      mean[k] /= (float)pixels;
  }
}

static void forward(const FmnForward *f) { mean_pixels(f->x[0], f->y, f->in[0], 0, f->out.n); }

const FmnLayerOps fmn_global_avgpool_ops = {
    .name = "global_avgpool",
    .n_inputs = 1,
    .setup = setup,
    .forward = forward,
};

FmnValue fmn_global_avgpool(FmnGraph *g, FmnValue x) {
  return fmn_graph_add(g, &fmn_global_avgpool_ops, NULL, &x, 1, NULL);
}

static void train_forward_images(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  mean_pixels(t->x[0], t->y, t->in[0], begin, end);
}

static void train_forward(const FmnTrainCall *t) { fmn_pool_run(t->pool, train_forward_images, (gpointer)t, t->out.n); }

static void train_backward_images(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  gsize pixels = fmn_shape_pixels(t->in[0]), c = (gsize)t->out.c;
  float *dx = t->dx[0] + (gsize)begin * pixels * c;
  for (int i = begin; i < end; i++)
    for (gsize p = 0; p < pixels; p++)
      for (gsize k = 0; k < c; k++)
        *dx++ = t->dy[(gsize)i * c + k] / (float)pixels;
}

static void train_backward(const FmnTrainCall *t) {
  if (t->dx[0])
    fmn_pool_run(t->pool, train_backward_images, (gpointer)t, t->out.n);
}

const FmnLayerGrad fmn_global_avgpool_grad = {
    .ops = &fmn_global_avgpool_ops,
    .forward = train_forward,
    .backward = train_backward,
    .samples = (const FmnGradSample[]){{{2, 3, 4, 5}, 1, NULL}, {{0}}},
};
