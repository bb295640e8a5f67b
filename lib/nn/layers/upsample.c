#include "error.h"
#include "kernels/kernels.h"
#include "nn/grad.h"
#include "nn/layers.h"

#include <string.h>

static int factor(const FmnUpsample *c) { return c->factor ? c->factor : 2; }

static gboolean setup(FmnNode *node, GError **error) {
  const FmnUpsample *c = node->config;
  FmnShape in = node->in[0];
  if (c->factor < 0) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "expected a factor of at least 1, found %d", c->factor);
    return FALSE;
  }
  node->out = (FmnShape){1, in.c, in.h * factor(c), in.w * factor(c)};
  return TRUE;
}

static void repeat_planes(const FmnUpsample *c, const float *x, float *y, FmnShape in, FmnShape out, int begin, int end) {
  int f = factor(c);
  for (int i = begin; i < end; i++)
    for (int r = 0; r < out.h; r++) {
      const float *src = x + (gsize)i * fmn_shape_plane(in) + r / f * in.w;
      float *dst = y + (gsize)i * fmn_shape_plane(out) + r * out.w;
      for (int o = 0; o < in.w; o++)
        for (int k = 0; k < f; k++)
          dst[o * f + k] = src[o];
    }
}

static void forward(const FmnForward *f) {
  repeat_planes(f->config, f->x[0], f->y, f->in[0], f->out, 0, f->out.n * f->out.c);
}

const FmnLayerOps fmn_upsample_ops = {
    .name = "upsample",
    .config_size = sizeof(FmnUpsample),
    .n_inputs = 1,
    .setup = setup,
    .forward = forward,
};

FmnValue fmn_upsample(FmnGraph *g, FmnValue x, int times) {
  return FMN_LAYER_(g, x, NULL, fmn_upsample_ops, FmnUpsample, times);
}

static void train_forward_planes(gpointer data, int begin, int end, int thread) {
  const FmnTrainCall *t = data;
  repeat_planes(t->node->config, t->x[0], t->y, t->in[0], t->out, begin, end);
}

static void train_forward(const FmnTrainCall *t) {
  fmn_pool_run(t->pool, train_forward_planes, (gpointer)t, t->out.n * t->out.c);
}

static void train_backward_planes(gpointer data, int begin, int end, int thread) {
  const FmnTrainCall *t = data;
  int f = factor(t->node->config);
  memset(t->dx[0] + (gsize)begin * fmn_shape_plane(t->in[0]), 0,
         (gsize)(end - begin) * fmn_shape_plane(t->in[0]) * sizeof(float));
  for (int i = begin; i < end; i++)
    for (int r = 0; r < t->out.h; r++) {
      const float *dy = t->dy + (gsize)i * fmn_shape_plane(t->out) + r * t->out.w;
      float *dx = t->dx[0] + (gsize)i * fmn_shape_plane(t->in[0]) + r / f * t->in[0].w;
      for (int o = 0; o < t->out.w; o++)
        dx[o / f] += dy[o];
    }
}

static void train_backward(const FmnTrainCall *t) {
  if (t->dx[0])
    fmn_pool_run(t->pool, train_backward_planes, (gpointer)t, t->out.n * t->out.c);
}

const FmnLayerGrad fmn_upsample_grad = {
    .ops = &fmn_upsample_ops,
    .forward = train_forward,
    .backward = train_backward,
    .samples =
        (const FmnGradSample[]){
            {{2, 3, 3, 4}, 1, &(const FmnUpsample){0}},
            {{2, 2, 2, 3}, 1, &(const FmnUpsample){3}},
            {{0}},
        },
};
