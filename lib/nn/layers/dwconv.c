#include "error.h"
#include "kernels/kernels.h"
#include "nn/grad.h"
#include "nn/layers.h"
#include "nn/layers/init.h"

#include <string.h>

static int stride(const FmnDwConv *c) { return MAX(c->stride, 1); }

static gboolean setup(FmnNode *node, GError **error) {
  const FmnDwConv *c = node->config;
  FmnShape in = node->in[0];
  if (c->k < 1 || c->pad < 0 || c->stride < 0 || in.h + 2 * c->pad < c->k || in.w + 2 * c->pad < c->k) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                "a %d×%d kernel with padding %d and stride %d has no output on %d×%d pixels", c->k, c->k, c->pad, stride(c),
                in.w, in.h);
    return FALSE;
  }
  node->out =
      (FmnShape){1, in.c, (in.h + 2 * c->pad - c->k) / stride(c) + 1, (in.w + 2 * c->pad - c->k) / stride(c) + 1};
  node->params[0] = (FmnParam){"weight", 4, {in.c, 1, c->k, c->k}, TRUE, TRUE, NULL};
  node->params[1] = (FmnParam){"bias", 1, {in.c}, TRUE, FALSE, NULL};
  node->n_params = c->no_bias ? 1 : 2;
  return TRUE;
}

static FmnWindow window(const FmnDwConv *c, FmnShape in, FmnShape out) {
  return (FmnWindow){1, in.h, in.w, c->k, stride(c), c->pad, out.h, out.w};
}

static void forward_planes(gpointer data, int begin, int end, int thread) {
  const FmnForward *f = data;
  const FmnDwConv *c = f->config;
  const FmnEpilogue *e = &f->epilogue;
  FmnWindow win = window(c, f->in[0], f->out);
  gsize plane = fmn_shape_plane(f->out);

  for (int i = begin; i < end; i++) {
    int channel = i % f->out.c;
    float *y = f->y + (gsize)i * plane;
    fmn_window_correlate(&win, f->x[0] + (gsize)i * fmn_shape_plane(f->in[0]), f->w[0] + channel * c->k * c->k, y);
    fmn_kernels()->epilogue(y, plane, e->act, e->slope, e->bias ? e->bias[channel] : 0.f, e->scale ? e->scale[channel] : 1.f,
                            e->scale ? e->shift[channel] : 0.f);
  }
}

static void forward(const FmnForward *f) { fmn_pool_run(f->pool, forward_planes, (gpointer)f, f->out.n * f->out.c); }

static guint64 multiply_adds(const FmnNode *node) {
  return (guint64)fmn_param_count(&node->params[0]) * fmn_shape_plane(node->out);
}

const FmnLayerOps fmn_dwconv_ops = {
    .name = "dwconv",
    .config_size = sizeof(FmnDwConv),
    .n_inputs = 1,
    .has_epilogue = TRUE,
    .setup = setup,
    .forward = forward,
    .multiply_adds = multiply_adds,
};

static void init(FmnNode *node, guint64 seed) { fmn_init_he(&node->params[0], seed); }

static void train_forward_planes(gpointer data, int begin, int end, int thread) {
  const FmnTrainCall *t = data;
  const FmnDwConv *c = t->node->config;
  FmnWindow win = window(c, t->in[0], t->out);
  gsize plane = fmn_shape_plane(t->out);

  for (int i = begin; i < end; i++) {
    int channel = i % t->out.c;
    float *y = t->y + (gsize)i * plane;
    fmn_window_correlate(&win, t->x[0] + (gsize)i * fmn_shape_plane(t->in[0]), t->w[0] + channel * c->k * c->k, y);
    if (!c->no_bias)
      fmn_kernels()->affine(y, y, plane, 1.f, t->w[1][channel]);
  }
}

static void train_forward(const FmnTrainCall *t) {
  fmn_pool_run(t->pool, train_forward_planes, (gpointer)t, t->out.n * t->out.c);
}

/* Tasks are channels: each sums its own weights' gradient over the batch. */
static void train_backward_channels(gpointer data, int begin, int end, int thread) {
  const FmnTrainCall *t = data;
  const FmnDwConv *c = t->node->config;
  FmnWindow win = window(c, t->in[0], t->out);
  gsize in = fmn_shape_plane(t->in[0]), out = fmn_shape_plane(t->out);

  for (int channel = begin; channel < end; channel++) {
    float *dw = t->dw[0] + channel * c->k * c->k;
    double db = 0.0;
    memset(dw, 0, sizeof *dw * (gsize)(c->k * c->k));
    for (int i = 0; i < t->out.n; i++) {
      gsize at = (gsize)i * (gsize)t->out.c + (gsize)channel;
      const float *dy = t->dy + at * out;
      fmn_window_weight_grad(&win, t->x[0] + at * in, dy, dw);
      if (!c->no_bias)
        db += fmn_kernels()->sum(dy, out);
      if (t->dx[0])
        fmn_window_input_grad(&win, dy, t->w[0] + channel * c->k * c->k, t->dx[0] + at * in);
    }
    if (!c->no_bias)
      t->dw[1][channel] = (float)db;
  }
}

static void train_backward(const FmnTrainCall *t) {
  fmn_pool_run(t->pool, train_backward_channels, (gpointer)t, t->out.c);
}

const FmnLayerGrad fmn_dwconv_grad = {
    .ops = &fmn_dwconv_ops,
    .init = init,
    .forward = train_forward,
    .backward = train_backward,
    .samples =
        (const FmnGradSample[]){
            {{2, 3, 6, 5}, 1, &(const FmnDwConv){.k = 3, .pad = 1}},
            {{3, 2, 7, 8}, 1, &(const FmnDwConv){.k = 5, .stride = 2, .pad = 2, .no_bias = TRUE}},
            {{2, 2, 1, 1}, 1, &(const FmnDwConv){.k = 5, .pad = 2, .no_bias = TRUE}},
            {{0}},
        },
};
