#include "error.h"
#include "kernels/kernels.h"
#include "nn/grad.h"
#include "nn/layers.h"

#include <string.h>

static gboolean setup(FmnNode *node, GError **error) {
  FmnShape x = node->in[0], s = node->in[1];
  if (s.c != x.c || s.h != 1 || s.w != 1) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "expected %d×1×1 factors, found %d×%d×%d", x.c, s.c, s.h, s.w);
    return FALSE;
  }
  node->out = x;
  return TRUE;
}

/* Images begin ≤ i < end. */
static void scale_images(const float *x, const float *factors, float *y, FmnShape shape, int begin, int end) {
  gsize c = (gsize)shape.c, pixels = fmn_shape_pixels(shape);
  for (gsize p = (gsize)begin * pixels; p < (gsize)end * pixels; p++)
    fmn_kernels()->multiply(y + p * c, x + p * c, factors + p / pixels * c, c);
}

static void forward(const FmnForward *f) { scale_images(f->x[0], f->x[1], f->y, f->out, 0, f->out.n); }

const FmnLayerOps fmn_scale_ops = {
    .name = "scale",
    .n_inputs = 2,
    .setup = setup,
    .forward = forward,
};

FmnValue fmn_scale(FmnGraph *g, FmnValue x, FmnValue s) {
  return fmn_graph_add(g, &fmn_scale_ops, NULL, (const FmnValue[]){x, s}, 2, NULL);
}

static void train_forward_images(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  scale_images(t->x[0], t->x[1], t->y, t->out, begin, end);
}

static void train_forward(const FmnTrainCall *t) { fmn_pool_run(t->pool, train_forward_images, (gpointer)t, t->out.n); }

static void train_backward_images(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  gsize c = (gsize)t->out.c, pixels = fmn_shape_pixels(t->out);
  if (t->dx[0])
    scale_images(t->dy, t->x[1], t->dx[0], t->out, begin, end);
  for (int i = begin; t->dx[1] && i < end; i++) {
    float *ds = t->dx[1] + (gsize)i * c;
    memset(ds, 0, c * sizeof *ds);
    for (gsize p = (gsize)i * pixels; p < (gsize)(i + 1) * pixels; p++)
      fmn_kernels()->multiply_add(ds, t->dy + p * c, t->x[0] + p * c, c);
  }
}

static void train_backward(const FmnTrainCall *t) { fmn_pool_run(t->pool, train_backward_images, (gpointer)t, t->out.n); }

const FmnLayerGrad fmn_scale_grad = {
    .ops = &fmn_scale_ops,
    .forward = train_forward,
    .backward = train_backward,
    .samples = (const FmnGradSample[]){{{3, 4, 1, 1}, 2, NULL}, {{2, 3, 4, 5}, 2, NULL, {2, 3, 1, 1}}, {{0}}},
};
