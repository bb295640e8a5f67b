#include "error.h"
#include "kernels/kernels.h"
#include "nn/grad.h"
#include "nn/layers.h"

static gboolean setup(FmnNode *node, GError **error) {
  FmnShape x = node->in[0], s = node->in[1];
  if (s.c != x.c || s.h != 1 || s.w != 1) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "expected %d×1×1 factors, found %d×%d×%d", x.c, s.c, s.h, s.w);
    return FALSE;
  }
  node->out = x;
  return TRUE;
}

static void scale_planes(const float *x, const float *s, float *y, FmnShape shape, int begin, int end) {
  gsize plane = fmn_shape_plane(shape);
  for (int i = begin; i < end; i++)
    fmn_kernels()->affine(y + (gsize)i * plane, x + (gsize)i * plane, plane, s[i], 0.f);
}

static void forward(const FmnForward *f) { scale_planes(f->x[0], f->x[1], f->y, f->out, 0, f->out.n * f->out.c); }

const FmnLayerOps fmn_scale_ops = {
    .name = "scale",
    .n_inputs = 2,
    .setup = setup,
    .forward = forward,
};

FmnValue fmn_scale(FmnGraph *g, FmnValue x, FmnValue s) {
  return fmn_graph_add(g, &fmn_scale_ops, NULL, (const FmnValue[]){x, s}, 2, NULL);
}

static void train_forward_planes(gpointer data, int begin, int end, int thread) {
  const FmnTrainCall *t = data;
  scale_planes(t->x[0], t->x[1], t->y, t->out, begin, end);
}

static void train_forward(const FmnTrainCall *t) {
  fmn_pool_run(t->pool, train_forward_planes, (gpointer)t, t->out.n * t->out.c);
}

static void train_backward_planes(gpointer data, int begin, int end, int thread) {
  const FmnTrainCall *t = data;
  gsize plane = fmn_shape_plane(t->out);
  if (t->dx[0])
    scale_planes(t->dy, t->x[1], t->dx[0], t->out, begin, end);
  for (int i = begin; t->dx[1] && i < end; i++)
    t->dx[1][i] = (float)fmn_kernels()->sum_product(t->dy + (gsize)i * plane, t->x[0] + (gsize)i * plane, plane, 0.f);
}

static void train_backward(const FmnTrainCall *t) {
  fmn_pool_run(t->pool, train_backward_planes, (gpointer)t, t->out.n * t->out.c);
}

const FmnLayerGrad fmn_scale_grad = {
    .ops = &fmn_scale_ops,
    .forward = train_forward,
    .backward = train_backward,
    .samples = (const FmnGradSample[]){{{3, 4, 1, 1}, 2, NULL}, {{2, 3, 4, 5}, 2, NULL, {2, 3, 1, 1}}, {{0}}},
};
