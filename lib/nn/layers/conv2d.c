#include <string.h>

#include "error.h"
#include "kernels/kernels.h"
#include "nn/grad.h"
#include "nn/layers.h"
#include "nn/layers/init.h"

#define TILE_BYTES (192 << 10) /* columns worked on at a time at inference: they stay in the L2 cache */

static FmnWindow window(const FmnConv2d *c, FmnShape in, FmnShape out) {
  return (FmnWindow){in.c, in.h, in.w, c->k, MAX(c->stride, 1), c->pad, out.h, out.w};
}

/* A 1×1 convolution reads the input as its own columns. */
static gboolean is_pointwise(const FmnConv2d *c) { return c->k == 1 && c->stride <= 1 && c->pad == 0; }

static gboolean setup(FmnNode *node, GError **error) {
  const FmnConv2d *c = node->config;
  FmnShape in = node->in[0];
  int stride = MAX(c->stride, 1);

  if (c->out < 1 || c->k < 1 || c->pad < 0 || c->stride < 0 || in.h + 2 * c->pad < c->k || in.w + 2 * c->pad < c->k) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                "a %d×%d kernel with padding %d and stride %d has no output on %d×%d pixels", c->k, c->k, c->pad, c->stride,
                in.w, in.h);
    return FALSE;
  }
  node->out = (FmnShape){1, c->out, (in.h + 2 * c->pad - c->k) / stride + 1, (in.w + 2 * c->pad - c->k) / stride + 1};
  node->params[0] = (FmnParam){"weight", 4, {c->out, in.c, c->k, c->k}, TRUE, TRUE, NULL};
  node->params[1] = (FmnParam){"bias", 1, {c->out}, TRUE, FALSE, NULL};
  node->n_params = c->no_bias ? 1 : 2;
  return TRUE;
}

/* Output rows of a tile; it depends on the shape alone, so that any number of threads gives the same result. */
static int tile_rows(const FmnWindow *win) {
  gsize row_bytes = (gsize)win->c * (gsize)(win->k * win->k) * (gsize)win->out_w * sizeof(float);
  return CLAMP((int)(TILE_BYTES / row_bytes), 1, win->out_h);
}

static gsize scratch(const FmnNode *node) {
  FmnWindow win = window(node->config, node->in[0], node->out);
  if (is_pointwise(node->config))
    return 0;
  return (gsize)win.c * (gsize)(win.k * win.k) * (gsize)tile_rows(&win) * (gsize)win.out_w;
}

static void forward_tiles(gpointer data, int begin, int end, int thread) {
  const FmnForward *f = data;
  const FmnConv2d *c = f->config;
  const FmnEpilogue *e = &f->epilogue;
  FmnWindow win = window(c, f->in[0], f->out);
  int k = win.c * win.k * win.k, rows = tile_rows(&win), tiles = (win.out_h + rows - 1) / rows;
  gsize plane = fmn_shape_plane(f->out);
  float *col = f->scratch + (gsize)thread * f->scratch_size;

  for (int task = begin; task < end; task++) {
    const float *x = f->x[0] + (gsize)(task / tiles) * fmn_shape_image(f->in[0]);
    int row0 = task % tiles * rows, row1 = MIN(row0 + rows, win.out_h), n = (row1 - row0) * win.out_w;
    gsize at = (gsize)row0 * (gsize)win.out_w;
    float *y = f->y + (gsize)(task / tiles) * fmn_shape_image(f->out) + at;

    if (is_pointwise(c)) {
      fmn_gemm(FALSE, FALSE, c->out, n, k, f->w[0], k, x + at, (int)plane, 0.f, y, (int)plane);
    } else {
      fmn_im2col(&win, x, row0, row1, col);
      fmn_gemm(FALSE, FALSE, c->out, n, k, f->w[0], k, col, n, 0.f, y, (int)plane);
    }
    for (int o = 0; o < c->out; o++)
      fmn_kernels()->epilogue(y + (gsize)o * plane, (gsize)n, e->act, e->slope, e->bias ? e->bias[o] : 0.f,
                              e->scale ? e->scale[o] : 1.f, e->scale ? e->shift[o] : 0.f);
  }
}

static void forward(const FmnForward *f) {
  FmnWindow win = window(f->config, f->in[0], f->out);
  int rows = tile_rows(&win), tiles = (win.out_h + rows - 1) / rows;
  fmn_pool_run(f->pool, forward_tiles, (gpointer)f, f->out.n * tiles);
}

static guint64 multiply_adds(const FmnNode *node) {
  return (guint64)fmn_param_count(&node->params[0]) * fmn_shape_plane(node->out);
}

const FmnLayerOps fmn_conv2d_ops = {
    .name = "conv2d",
    .config_size = sizeof(FmnConv2d),
    .n_inputs = 1,
    .has_epilogue = TRUE,
    .setup = setup,
    .scratch = scratch,
    .forward = forward,
    .multiply_adds = multiply_adds,
};

static void init(FmnNode *node, guint64 seed) { fmn_init_he(&node->params[0], seed); }

/* Columns of one image, then, for backward(), the weight and bias gradients of the thread's share of the batch. */
static gsize grad_scratch(const FmnNode *node, int batch) {
  gsize weights = fmn_param_count(&node->params[0]);
  gsize columns = weights / (gsize)node->out.c * fmn_shape_plane(node->out);
  return columns + weights + (gsize)node->out.c;
}

static void train_forward_images(gpointer data, int begin, int end, int thread) {
  const FmnTrainCall *t = data;
  const FmnConv2d *c = t->node->config;
  FmnWindow win = window(c, t->in[0], t->out);
  int k = win.c * win.k * win.k, plane = (int)fmn_shape_plane(t->out);
  float *col = t->scratch + (gsize)thread * t->scratch_size;

  for (int i = begin; i < end; i++) {
    const float *x = t->x[0] + (gsize)i * fmn_shape_image(t->in[0]);
    float *y = t->y + (gsize)i * fmn_shape_image(t->out);
    if (!is_pointwise(c))
      fmn_im2col(&win, x, 0, win.out_h, col);
    fmn_gemm(FALSE, FALSE, c->out, plane, k, t->w[0], k, is_pointwise(c) ? x : col, plane, 0.f, y, plane);
    for (int o = 0; !c->no_bias && o < c->out; o++)
      fmn_kernels()->affine(y + (gsize)o * plane, y + (gsize)o * plane, (gsize)plane, 1.f, t->w[1][o]);
  }
}

static void train_forward(const FmnTrainCall *t) { fmn_pool_run(t->pool, train_forward_images, (gpointer)t, t->out.n); }

static void train_backward_images(gpointer data, int begin, int end, int thread) {
  const FmnTrainCall *t = data;
  const FmnConv2d *c = t->node->config;
  FmnWindow win = window(c, t->in[0], t->out);
  int k = win.c * win.k * win.k, plane = (int)fmn_shape_plane(t->out);
  float *col = t->scratch + (gsize)thread * t->scratch_size;
  float *dw = col + (gsize)k * (gsize)plane, *db = dw + (gsize)c->out * (gsize)k;

  for (int i = begin; i < end; i++) {
    const float *x = t->x[0] + (gsize)i * fmn_shape_image(t->in[0]);
    const float *dy = t->dy + (gsize)i * fmn_shape_image(t->out);
    float keep = i == begin ? 0.f : 1.f;
    if (!is_pointwise(c))
      fmn_im2col(&win, x, 0, win.out_h, col);
    fmn_gemm(FALSE, TRUE, c->out, k, plane, dy, plane, is_pointwise(c) ? x : col, plane, keep, dw, k);
    for (int o = 0; !c->no_bias && o < c->out; o++)
      db[o] = (i == begin ? 0.f : db[o]) + (float)fmn_kernels()->sum(dy + (gsize)o * plane, (gsize)plane);
    if (!t->dx[0])
      continue;
    float *dx = t->dx[0] + (gsize)i * fmn_shape_image(t->in[0]);
    fmn_gemm(TRUE, FALSE, k, plane, c->out, t->w[0], k, dy, plane, 0.f, is_pointwise(c) ? dx : col, plane);
    if (is_pointwise(c))
      continue;
    memset(dx, 0, fmn_shape_image(t->in[0]) * sizeof *dx);
    fmn_col2im(&win, col, dx);
  }
}

static void train_backward(const FmnTrainCall *t) {
  const FmnConv2d *c = t->node->config;
  gsize weights = fmn_param_count(&t->node->params[0]);
  gsize columns = weights / (gsize)c->out * fmn_shape_plane(t->out);
  /* With one image, or one thread, the pool leaves all to thread 0; with fewer images than threads, some stay idle. */
  int threads = fmn_pool_threads(t->pool), n = t->out.n;
  gboolean first = TRUE;

  fmn_pool_run(t->pool, train_backward_images, (gpointer)t, n);
  /* In the order of the threads: the same sum at every run. */
  for (int i = 0; i < threads; i++) {
    const float *dw = t->scratch + (gsize)i * t->scratch_size + columns;
    if (!fmn_pool_has_share(t->pool, i, n))
      continue;
    if (first)
      memcpy(t->dw[0], dw, weights * sizeof *dw);
    else
      fmn_kernels()->add(t->dw[0], dw, weights);
    for (int o = 0; !c->no_bias && o < c->out; o++)
      t->dw[1][o] = (first ? 0.f : t->dw[1][o]) + dw[weights + (gsize)o];
    first = FALSE;
  }
}

const FmnLayerGrad fmn_conv2d_grad = {
    .ops = &fmn_conv2d_ops,
    .init = init,
    .scratch = grad_scratch,
    .forward = train_forward,
    .backward = train_backward,
    .samples =
        (const FmnGradSample[]){
            {{2, 2, 5, 4}, 1, &(const FmnConv2d){.out = 3, .k = 3, .pad = 1}},
            {{3, 3, 7, 6}, 1, &(const FmnConv2d){.out = 2, .k = 3, .stride = 2, .pad = 1, .no_bias = TRUE}},
            {{1, 1, 6, 6}, 1, &(const FmnConv2d){.out = 2, .k = 5, .pad = 2}},
            {{2, 4, 3, 3}, 1, &(const FmnConv2d){.out = 5, .k = 1}},
            {{2, 3, 5, 5}, 1, &(const FmnConv2d){.out = 2, .k = 1, .stride = 2, .no_bias = TRUE}},
            {{0}},
        },
};
