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

/* Rows of output pixels begin ≤ r < end, counted over all images. */
static void repeat_rows(const FmnUpsample *c, const float *x, float *y, FmnShape in, FmnShape out, int begin, int end) {
  int f = factor(c);
  gsize channels = (gsize)in.c;
  for (int r = begin; r < end; r++) {
    const float *src = x + ((gsize)(r / out.h) * (gsize)in.h + (gsize)(r % out.h / f)) * (gsize)in.w * channels;
    float *dst = y + (gsize)r * (gsize)out.w * channels;
    for (int o = 0; o < out.w; o++)
      memcpy(dst + (gsize)o * channels, src + (gsize)(o / f) * channels, channels * sizeof *dst);
  }
}

static void forward(const FmnForward *f) {
  repeat_rows(f->config, f->x[0], f->y, f->in[0], f->out, 0, f->out.n * f->out.h);
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

static void train_forward_rows(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  repeat_rows(t->node->config, t->x[0], t->y, t->in[0], t->out, begin, end);
}

static void train_forward(const FmnTrainCall *t) {
  fmn_pool_run(t->pool, train_forward_rows, (gpointer)t, t->out.n * t->out.h);
}

static void train_backward_images(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  int f = factor(t->node->config);
  gsize channels = (gsize)t->out.c, in = fmn_shape_image(t->in[0]);
  memset(t->dx[0] + (gsize)begin * in, 0, (gsize)(end - begin) * in * sizeof(float));
  for (int i = begin; i < end; i++)
    for (int o = 0; o < t->out.h * t->out.w; o++) {
      int pixel = o / t->out.w / f * t->in[0].w + o % t->out.w / f;
      fmn_kernels()->add(t->dx[0] + (gsize)i * in + (gsize)pixel * channels,
                         t->dy + (gsize)i * fmn_shape_image(t->out) + (gsize)o * channels, channels);
    }
}

static void train_backward(const FmnTrainCall *t) {
  if (t->dx[0])
    fmn_pool_run(t->pool, train_backward_images, (gpointer)t, t->out.n);
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
