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

/* One channel plane; index (may be NULL) gets the place of each maximum, the first where several are equal. */
static void pool_plane(const FmnMaxPool *c, FmnShape in, FmnShape out, const float *x, float *y, gint32 *index) {
  int k = kernel(c), s = stride(c);
  for (int oy = 0; oy < out.h; oy++)
    for (int ox = 0; ox < out.w; ox++) {
      int best = oy * s * in.w + ox * s;
      for (int iy = oy * s; iy < MIN(oy * s + k, in.h); iy++)
        for (int ix = ox * s; ix < MIN(ox * s + k, in.w); ix++)
          if (x[iy * in.w + ix] > x[best])
            best = iy * in.w + ix;
      y[oy * out.w + ox] = x[best];
      if (index)
        index[oy * out.w + ox] = best;
    }
}

static void forward_planes(gpointer data, int begin, int end, int thread) {
  const FmnForward *f = data;
  for (int i = begin; i < end; i++)
    pool_plane(f->config, f->in[0], f->out, f->x[0] + (gsize)i * fmn_shape_plane(f->in[0]),
               f->y + (gsize)i * fmn_shape_plane(f->out), NULL);
}

static void forward(const FmnForward *f) { fmn_pool_run(f->pool, forward_planes, (gpointer)f, f->out.n * f->out.c); }

const FmnLayerOps fmn_maxpool_ops = {
    .name = "maxpool",
    .config_size = sizeof(FmnMaxPool),
    .n_inputs = 1,
    .setup = setup,
    .forward = forward,
};

/* Where each maximum was, in its plane. */
static gsize state(const FmnNode *node, int batch) { return (gsize)batch * fmn_shape_image(node->out) * sizeof(gint32); }

static void train_forward_planes(gpointer data, int begin, int end, int thread) {
  const FmnTrainCall *t = data;
  for (int i = begin; i < end; i++)
    pool_plane(t->node->config, t->in[0], t->out, t->x[0] + (gsize)i * fmn_shape_plane(t->in[0]),
               t->y + (gsize)i * fmn_shape_plane(t->out), (gint32 *)t->state + (gsize)i * fmn_shape_plane(t->out));
}

static void train_forward(const FmnTrainCall *t) {
  fmn_pool_run(t->pool, train_forward_planes, (gpointer)t, t->out.n * t->out.c);
}

static void train_backward_planes(gpointer data, int begin, int end, int thread) {
  const FmnTrainCall *t = data;
  gsize in = fmn_shape_plane(t->in[0]), out = fmn_shape_plane(t->out);

  memset(t->dx[0] + (gsize)begin * in, 0, (gsize)(end - begin) * in * sizeof(float));
  for (int i = begin; i < end; i++) {
    const gint32 *index = (const gint32 *)t->state + (gsize)i * out;
    for (gsize j = 0; j < out; j++)
      t->dx[0][(gsize)i * in + (gsize)index[j]] += t->dy[(gsize)i * out + j];
  }
}

static void train_backward(const FmnTrainCall *t) {
  if (t->dx[0])
    fmn_pool_run(t->pool, train_backward_planes, (gpointer)t, t->out.n * t->out.c);
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
