#include "error.h"
#include "kernels/kernels.h"
#include "nn/grad.h"
#include "nn/layers.h"

#include <string.h>

static gboolean setup(FmnNode *node, GError **error) {
  FmnShape a = node->in[0], b = node->in[1];
  if (a.h != b.h || a.w != b.w) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "expected equal width and height, found %d×%d and %d×%d", a.w, a.h, b.w,
                b.h);
    return FALSE;
  }
  node->out = (FmnShape){1, a.c + b.c, a.h, a.w};
  return TRUE;
}

/* Where input k's channels begin in each pixel of the output. */
static int place(const FmnShape in[], int k) { return k == 0 ? 0 : in[0].c; }

static void join(const float *const x[], const FmnShape in[], float *y, FmnShape out) {
  for (gsize p = 0; p < fmn_shape_rows(out); p++)
    for (int k = 0; k < 2; k++)
      memcpy(y + p * (gsize)out.c + place(in, k), x[k] + p * (gsize)in[k].c, (gsize)in[k].c * sizeof *y);
}

static void forward(const FmnForward *f) { join(f->x, f->in, f->y, f->out); }

const FmnLayerOps fmn_concat_ops = {
    .name = "concat",
    .n_inputs = 2,
    .setup = setup,
    .forward = forward,
};

FmnValue fmn_concat(FmnGraph *g, FmnValue a, FmnValue b) {
  return fmn_graph_add(g, &fmn_concat_ops, NULL, (const FmnValue[]){a, b}, 2, NULL);
}

static void train_forward(const FmnTrainCall *t) { join(t->x, t->in, t->y, t->out); }

static void train_backward(const FmnTrainCall *t) {
  for (gsize p = 0; p < fmn_shape_rows(t->out); p++)
    for (int k = 0; k < 2; k++)
      if (t->dx[k])
        memcpy(t->dx[k] + p * (gsize)t->in[k].c, t->dy + p * (gsize)t->out.c + place(t->in, k),
               (gsize)t->in[k].c * sizeof(float));
}

const FmnLayerGrad fmn_concat_grad = {
    .ops = &fmn_concat_ops,
    .forward = train_forward,
    .backward = train_backward,
    .samples = (const FmnGradSample[]){{{2, 3, 4, 5}, 2, NULL}, {{2, 3, 4, 5}, 2, NULL, {2, 1, 4, 5}}, {{0}}},
};
