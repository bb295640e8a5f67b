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
                "a %d×%d kernel with padding %d and stride %d has no output on %d×%d pixels", c->k, c->k, c->pad,
                stride(c), in.w, in.h);
    return FALSE;
  }
  node->out =
      (FmnShape){1, in.c, (in.h + 2 * c->pad - c->k) / stride(c) + 1, (in.w + 2 * c->pad - c->k) / stride(c) + 1};
  node->params[0] = (FmnParam){"weight", 4, {in.c, 1, c->k, c->k}, TRUE, TRUE, NULL};
  node->params[1] = (FmnParam){"bias", 1, {in.c}, TRUE, FALSE, NULL};
  node->n_params = c->no_bias ? 1 : 2;
  return TRUE;
}

/* Weights as tap × channel, the order in which they are used. */
static void pack(const float *w, int taps, int channels, float *packed) {
  for (int t = 0; t < taps; t++)
    for (int c = 0; c < channels; c++)
      packed[t * channels + c] = w[c * taps + t];
}

static float *prepare(const void *config, FmnShape in, FmnShape out, float *w) {
  const FmnDwConv *c = config;
  float *packed = fmn_floats_try_new((gsize)(c->k * c->k * in.c));
  if (packed)
    pack(w, c->k * c->k, in.c, packed);
  fmn_floats_free(w);
  return packed;
}

static FmnWindow window(const FmnDwConv *c, FmnShape in, FmnShape out) {
  return (FmnWindow){in.h, in.w, out.h, out.w, c->k, stride(c), c->pad, (gsize)in.c};
}

/* Tasks: rows of all images. */
static void forward_rows(gpointer data, int begin, int end, int slot) {
  const FmnForward *f = data;
  FmnWindow win = window(f->config, f->in[0], f->out);
  gsize row = (gsize)f->out.w * win.c;
  for (int i = begin; i < end; i++)
    fmn_kernels()->depthwise(&win, f->x[0] + (gsize)(i / f->out.h) * fmn_shape_image(f->in[0]), f->w[0], &f->epilogue,
                             i % f->out.h, f->y + (gsize)i * row);
}

static void forward(const FmnForward *f) { fmn_pool_run(f->pool, forward_rows, (gpointer)f, f->out.n * f->out.h); }

static guint64 multiply_adds(const FmnNode *node) {
  return (guint64)fmn_param_count(&node->params[0]) * fmn_shape_pixels(node->out);
}

const FmnLayerOps fmn_dwconv_ops = {
    .name = "dwconv",
    .config_size = sizeof(FmnDwConv),
    .n_inputs = 1,
    .has_epilogue = TRUE,
    .setup = setup,
    .prepare = prepare,
    .forward = forward,
    .multiply_adds = multiply_adds,
};

static void init(FmnNode *node, guint64 seed) { fmn_init_he(&node->params[0], seed); }

/* The weights packed for this step. */
static gsize state(const FmnNode *node, int batch) { return fmn_param_count(&node->params[0]) * sizeof(float); }

/* A share's gradient of the packed weights. */
static gsize scratch(const FmnNode *node, int batch, int threads) { return fmn_param_count(&node->params[0]); }

static void train_forward_rows(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  const FmnDwConv *c = t->node->config;
  FmnWindow win = window(c, t->in[0], t->out);
  FmnEpilogue e = {.bias = c->no_bias ? NULL : t->w[1]};
  gsize row = (gsize)t->out.w * win.c;
  for (int i = begin; i < end; i++)
    fmn_kernels()->depthwise(&win, t->x[0] + (gsize)(i / t->out.h) * fmn_shape_image(t->in[0]), t->state, &e,
                             i % t->out.h, t->y + (gsize)i * row);
}

static void train_forward(const FmnTrainCall *t) {
  const FmnDwConv *c = t->node->config;
  pack(t->w[0], c->k * c->k, t->out.c, t->state);
  fmn_pool_run(t->pool, train_forward_rows, (gpointer)t, t->out.n * t->out.h);
}

/* Tasks: images. */
static void backward_images(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  FmnWindow win = window(t->node->config, t->in[0], t->out);
  float *dw = t->scratch + (gsize)slot * t->scratch_size;

  memset(dw, 0, fmn_param_count(&t->node->params[0]) * sizeof *dw);
  for (int i = begin; i < end; i++)
    fmn_grad_kernels()->depthwise(&win, t->x[0] + (gsize)i * fmn_shape_image(t->in[0]),
                                  t->dy + (gsize)i * fmn_shape_image(t->out), t->state, dw,
                                  t->dx[0] ? t->dx[0] + (gsize)i * fmn_shape_image(t->in[0]) : NULL);
}

static void train_backward(const FmnTrainCall *t) {
  const FmnDwConv *c = t->node->config;
  int taps = c->k * c->k;

  fmn_pool_share(t->pool, backward_images, (gpointer)t, t->out.n);
  for (int i = 0; i < fmn_pool_shares(t->pool, t->out.n); i++) {
    const float *dw = t->scratch + (gsize)i * t->scratch_size;
    for (int channel = 0; channel < t->out.c; channel++)
      for (int tap = 0; tap < taps; tap++) {
        float *to = &t->dw[0][channel * taps + tap];
        *to = (i == 0 ? 0.f : *to) + dw[tap * t->out.c + channel];
      }
  }
  if (t->dw[1])
    fmn_channel_total(t->dw[1], t->dy, fmn_shape_rows(t->out), t->out.c);
}

const FmnLayerGrad fmn_dwconv_grad = {
    .ops = &fmn_dwconv_ops,
    .init = init,
    .state = state,
    .scratch = scratch,
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
