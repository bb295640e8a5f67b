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

/* Where the window of an output pixel lies; it is never empty. */
typedef struct {
  int y0, y1, x0, x1;
} Window;

static Window window(const FmnMaxPool *c, FmnShape in, int oy, int ox) {
  int y = oy * stride(c), x = ox * stride(c);
  return (Window){y, MIN(y + kernel(c), in.h), x, MIN(x + kernel(c), in.w)};
}

/* Tasks: rows of output pixels of all images. */
static void forward_rows(gpointer data, int begin, int end, int slot) {
  const FmnForward *f = data;
  gsize c = (gsize)f->out.c;
  for (int i = begin; i < end; i++) {
    const float *x = f->x[0] + (gsize)(i / f->out.h) * fmn_shape_image(f->in[0]);
    float *y = f->y + (gsize)i * (gsize)f->out.w * c;
    for (int ox = 0; ox < f->out.w; ox++, y += c) {
      Window w = window(f->config, f->in[0], i % f->out.h, ox);
      memcpy(y, x + (gsize)(w.y0 * f->in[0].w + w.x0) * c, c * sizeof *y);
      for (int iy = w.y0; iy < w.y1; iy++)
        for (int ix = w.x0; ix < w.x1; ix++)
          fmn_kernels()->maximum(y, x + (gsize)(iy * f->in[0].w + ix) * c, c);
    }
  }
}

static void forward(const FmnForward *f) { fmn_pool_run(f->pool, forward_rows, (gpointer)f, f->out.n * f->out.h); }

const FmnLayerOps fmn_maxpool_ops = {
    .name = "maxpool",
    .config_size = sizeof(FmnMaxPool),
    .n_inputs = 1,
    .setup = setup,
    .forward = forward,
};

/* The input pixel of each maximum, the first where several are equal. */
static gsize state(const FmnNode *node, int batch) { return (gsize)batch * fmn_shape_image(node->out) * sizeof(gint32); }

static void train_forward_images(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  int c = t->out.c;
  for (int i = begin; i < end; i++) {
    const float *x = t->x[0] + (gsize)i * fmn_shape_image(t->in[0]);
    float *y = t->y + (gsize)i * fmn_shape_image(t->out);
    gint32 *best = (gint32 *)t->state + (gsize)i * fmn_shape_image(t->out);
    for (int o = 0; o < t->out.h * t->out.w; o++, y += c, best += c) {
      Window w = window(t->node->config, t->in[0], o / t->out.w, o % t->out.w);
      int first = w.y0 * t->in[0].w + w.x0;
      for (int k = 0; k < c; k++) {
        best[k] = first;
        y[k] = x[(gsize)first * (gsize)c + (gsize)k];
      }
      for (int iy = w.y0; iy < w.y1; iy++)
        for (int ix = w.x0; ix < w.x1; ix++) {
          int pixel = iy * t->in[0].w + ix;
          const float *p = x + (gsize)pixel * (gsize)c;
          for (int k = 0; k < c; k++) {
            best[k] = p[k] > y[k] ? pixel : best[k];
            y[k] = p[k] > y[k] ? p[k] : y[k];
          }
        }
    }
  }
}

static void train_forward(const FmnTrainCall *t) { fmn_pool_run(t->pool, train_forward_images, (gpointer)t, t->out.n); }

static void train_backward_images(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  gsize in = fmn_shape_image(t->in[0]), out = fmn_shape_image(t->out), c = (gsize)t->out.c;

  memset(t->dx[0] + (gsize)begin * in, 0, (gsize)(end - begin) * in * sizeof(float));
  for (int i = begin; i < end; i++) {
    const gint32 *best = (const gint32 *)t->state + (gsize)i * out;
    const float *dy = t->dy + (gsize)i * out;
    float *dx = t->dx[0] + (gsize)i * in;
    for (gsize j = 0; j < out; j++)
      dx[(gsize)best[j] * c + j % c] += dy[j];
  }
}

static void train_backward(const FmnTrainCall *t) {
  if (t->dx[0])
    fmn_pool_run(t->pool, train_backward_images, (gpointer)t, t->out.n);
}

const FmnLayerGrad fmn_maxpool_grad = {
    .ops = &fmn_maxpool_ops,
    .state = state,
    .forward = train_forward,
    .backward = train_backward,
    .samples =
        (const FmnGradSample[]){
            {{2, 3, 6, 4}, 1, &(const FmnMaxPool){0}},
            {{2, 2, 7, 7}, 1, &(const FmnMaxPool){.k = 3, .stride = 2}},
            {{2, 2, 5, 7}, 1, &(const FmnMaxPool){.k = 2}},
            {{2, 2, 4, 5}, 1, &(const FmnMaxPool){.k = 2, .stride = 1, .pad_end = 1}},
            {{0}},
        },
};
