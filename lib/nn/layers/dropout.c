#include "error.h"
#include "kernels/kernels.h"
#include "nn/grad.h"
#include "nn/layers.h"
#include "train/random.h"

static gboolean setup(FmnNode *node, GError **error) {
  const FmnDropout *c = node->config;
  if (!(c->rate >= 0.f && c->rate < 1.f)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "expected a rate from 0 to below 1, found %g", c->rate);
    return FALSE;
  }
  node->out = node->in[0];
  return TRUE;
}

static void pointwise(const FmnNode *node, FmnPointwise *p) { p->kind = FMN_POINTWISE_IDENTITY; }

const FmnLayerOps fmn_dropout_ops = {
    .name = "dropout",
    .config_size = sizeof(FmnDropout),
    .n_inputs = 1,
    .setup = setup,
    .pointwise = pointwise,
};

FmnValue fmn_dropout(FmnGraph *g, FmnValue x, float rate) {
  return FMN_LAYER_(g, x, NULL, fmn_dropout_ops, FmnDropout, rate);
}

/* The factor of each element: 0 or 1 / (1 − rate). */
static gsize state(const FmnNode *node, int batch) { return (gsize)batch * fmn_shape_image(node->out) * sizeof(float); }

static void train_forward_images(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  const FmnDropout *c = t->node->config;
  gsize image = fmn_shape_image(t->out);
  float keep = 1.f / (1.f - c->rate);
  guint32 limit = (guint32)((double)c->rate * G_MAXUINT32);

  for (int i = begin; i < end; i++) {
    float *mask = (float *)t->state + (gsize)i * image;
    FmnRandom r = {fmn_random_derive(t->seed, (guint64)i)};
    for (gsize j = 0; j < image; j += 2) {
      guint64 bits = fmn_random_next(&r);
      mask[j] = (guint32)bits < limit ? 0.f : keep;
      if (j + 1 < image)
        mask[j + 1] = (guint32)(bits >> 32) < limit ? 0.f : keep;
    }
    fmn_kernels()->multiply(t->y + (gsize)i * image, t->x[0] + (gsize)i * image, mask, image);
  }
}

static void train_forward(const FmnTrainCall *t) { fmn_pool_run(t->pool, train_forward_images, (gpointer)t, t->out.n); }

static void train_backward(const FmnTrainCall *t) {
  if (t->dx[0])
    fmn_kernels()->multiply(t->dx[0], t->dy, t->state, fmn_shape_count(t->out));
}

const FmnLayerGrad fmn_dropout_grad = {
    .ops = &fmn_dropout_ops,
    .state = state,
    .forward = train_forward,
    .backward = train_backward,
    .samples =
        (const FmnGradSample[]){
            {{3, 3, 3, 5}, 1, &(const FmnDropout){.5f}},
            {{2, 4, 2, 2}, 1, &(const FmnDropout){.2f}},
            {{0}},
        },
};
