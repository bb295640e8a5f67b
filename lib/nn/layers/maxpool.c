#include "error.h"
#include "kernels/kernels.h"
#include "nn/grad.h"
#include "nn/layers.h"

#include <string.h>

static int kernel(const FmnMaxPool *c) { return c->k ? c->k : 2; }

static int stride(const FmnMaxPool *c) { return c->stride ? c->stride : kernel(c); }

static gboolean setup(FmnNode *node, GError **error) {
  const FmnMaxPool *c = node->config;
  FmnShape in = node->in[0];
  int h = in.h + c->pad_end, w = in.w + c->pad_end;
  if (c->k < 0 || c->stride < 0 || c->pad_end < 0 || c->pad_end >= kernel(c) || h < kernel(c) || w < kernel(c)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "a %d×%d window with stride %d does not fit into %d×%d pixels",
                kernel(c), kernel(c), stride(c), in.w, in.h);
    return FALSE;
  }
  node->out = (FmnShape){1, in.c, (h - kernel(c)) / stride(c) + 1, (w - kernel(c)) / stride(c) + 1};
  return TRUE;
}

static FmnWindow window(const FmnMaxPool *c, FmnShape in, FmnShape out) {
  return (FmnWindow){in.h, in.w, out.h, out.w, kernel(c), stride(c), 0, (gsize)out.c};
}

/* Tasks: rows of output pixels of all images. */
static void forward_rows(gpointer data, int begin, int end, int slot) {
  const FmnForward *f = data;
  FmnWindow w = window(f->config, f->in[0], f->out);
  gsize row = (gsize)f->out.w * w.c;
  for (int i = begin; i < end; i++)
    fmn_kernels()->maxpool(&w, f->x[0] + (gsize)(i / f->out.h) * fmn_shape_image(f->in[0]), i % f->out.h, f->y + (gsize)i * row);
}

static void forward(const FmnForward *f) { fmn_pool_run(f->pool, forward_rows, (gpointer)f, f->out.n * f->out.h); }

const FmnLayerOps fmn_maxpool_ops = {
    .name = "maxpool",
    .config_size = sizeof(FmnMaxPool),
    .n_inputs = 1,
    .setup = setup,
    .forward = forward,
};

static void train_forward(const FmnTrainCall *t) {
  FmnForward f = {.config = t->node->config, .x = {t->x[0]}, .in = {t->in[0]}, .out = t->out, .y = t->y, .pool = t->pool};
  forward(&f);
}

/* Tasks: images. */
static void train_backward_images(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  FmnWindow w = window(t->node->config, t->in[0], t->out);
  gsize in = fmn_shape_image(t->in[0]), out = fmn_shape_image(t->out), row = (gsize)t->out.w * w.c;

  for (int i = begin; i < end; i++) {
    const float *x = t->x[0] + (gsize)i * in, *y = t->y + (gsize)i * out, *dy = t->dy + (gsize)i * out;
    float *dx = t->dx[0] + (gsize)i * in;
    memset(dx, 0, in * sizeof *dx);
    for (int r = 0; r < t->out.h; r++)
      fmn_grad_kernels()->maxpool(&w, x, y + (gsize)r * row, dy + (gsize)r * row, r, dx);
  }
}

static void train_backward(const FmnTrainCall *t) {
  if (t->dx[0])
    fmn_pool_run(t->pool, train_backward_images, (gpointer)t, t->out.n);
}

const FmnLayerGrad fmn_maxpool_grad = {
    .ops = &fmn_maxpool_ops,
    .forward = train_forward,
    .backward = train_backward,
    .samples =
        (const FmnGradSample[]){
            {{2, 3, 6, 4}, 1, &(const FmnMaxPool){0}},
            {{2, 2, 7, 7}, 1, &(const FmnMaxPool){.k = 3, .stride = 2}},
            {{2, 2, 5, 7}, 1, &(const FmnMaxPool){.k = 2}},
            {{2, 2, 4, 5}, 1, &(const FmnMaxPool){.k = 2, .stride = 1, .pad_end = 1}},
            {{2, 18, 4, 5}, 1, &(const FmnMaxPool){.k = 2}},
            {{0}},
        },
};
