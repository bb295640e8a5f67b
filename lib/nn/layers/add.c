#include "error.h"
#include "kernels/kernels.h"
#include "nn/grad.h"
#include "nn/layers.h"

#include <string.h>

static gboolean setup(FmnNode *node, GError **error) {
  FmnShape a = node->in[0], b = node->in[1];
  if (a.c != b.c || a.h != b.h || a.w != b.w) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "expected equal shapes, found %d×%d×%d and %d×%d×%d", a.c, a.h, a.w,
                b.c, b.h, b.w);
    return FALSE;
  }
  node->out = a;
  return TRUE;
}

static void forward(const FmnForward *f) {
  gsize n = fmn_shape_count(f->out);
  const FmnEpilogue *e = &f->epilogue;
  if (!e->gain && !e->bias && !e->scale) {
    fmn_kernels()->add_activate(f->y, f->x[0], f->x[1], n, e->act, e->slope);
    return;
  }
  fmn_kernels()->add_activate(f->y, f->x[0], f->x[1], n, FMN_ACT_NONE, 0.f);
  fmn_kernels()->epilogue(f->y, fmn_shape_rows(f->out), (gsize)f->out.c, (gsize)f->out.c, &f->epilogue);
}

const FmnLayerOps fmn_add_ops = {
    .name = "add",
    .n_inputs = 2,
    .setup = setup,
    .has_epilogue = TRUE,
    .forward = forward,
};

FmnValue fmn_add(FmnGraph *g, FmnValue a, FmnValue b) {
  return fmn_graph_add(g, &fmn_add_ops, NULL, (const FmnValue[]){a, b}, 2, NULL);
}

static void train_forward_images(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  gsize image = fmn_shape_image(t->out), at = (gsize)begin * image, n = (gsize)(end - begin) * image;
  fmn_kernels()->add_activate(t->y + at, t->x[0] + at, t->x[1] + at, n, FMN_ACT_NONE, 0.f);
}

static void train_forward(const FmnTrainCall *t) { fmn_pool_run(t->pool, train_forward_images, (gpointer)t, t->out.n); }

static void train_backward_images(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  gsize image = fmn_shape_image(t->out), at = (gsize)begin * image, n = (gsize)(end - begin) * image;
  for (int i = 0; i < 2; i++)
    if (t->dx[i] && t->add[i])
      fmn_kernels()->add(t->dx[i] + at, t->dy + at, n);
    else if (t->dx[i])
      memcpy(t->dx[i] + at, t->dy + at, n * sizeof *t->dy);
}

static void train_backward(const FmnTrainCall *t) {
  if (t->dx[0] || t->dx[1])
    fmn_pool_run(t->pool, train_backward_images, (gpointer)t, t->out.n);
}

const FmnLayerGrad fmn_add_grad = {
    .ops = &fmn_add_ops,
    .adds = TRUE,
    .shares_gradient = TRUE,
    .forward = train_forward,
    .backward = train_backward,
    .samples = (const FmnGradSample[]){{{2, 3, 4, 5}, 2, NULL}, {{0}}},
};
