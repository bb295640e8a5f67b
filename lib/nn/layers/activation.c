#include "kernels/kernels.h"
#include "nn/grad.h"
#include "nn/layers.h"

#define CHUNK 16384 /* elements a task does */

static gboolean setup(FmnNode *node, GError **error) {
  node->out = node->in[0];
  return TRUE;
}

static void pointwise(const FmnNode *node, FmnPointwise *p) {
  const FmnActivationConfig *c = node->config;
  p->kind = FMN_POINTWISE_ACTIVATION;
  p->act = c->act;
  p->slope = c->slope;
}

static void forward(const FmnForward *f) {
  const FmnActivationConfig *c = f->config;
  fmn_kernels()->activate(f->y, f->x[0], fmn_shape_count(f->out), c->act, c->slope);
}

const FmnLayerOps fmn_activation_ops = {
    .name = "activation",
    .config_size = sizeof(FmnActivationConfig),
    .n_inputs = 1,
    .setup = setup,
    .pointwise = pointwise,
    .forward = forward,
};

FmnValue fmn_activation(FmnGraph *g, FmnValue x, FmnActivation act, float slope) {
  return FMN_LAYER_(g, x, NULL, fmn_activation_ops, FmnActivationConfig, act, slope);
}

FmnValue fmn_relu(FmnGraph *g, FmnValue x) { return fmn_activation(g, x, FMN_ACT_RELU, 0.f); }

static int chunks(const FmnTrainCall *t) { return (int)((fmn_shape_count(t->out) + CHUNK - 1) / CHUNK); }

static void train_forward_chunks(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  const FmnActivationConfig *c = t->node->config;
  gsize from = (gsize)begin * CHUNK, to = MIN((gsize)end * CHUNK, fmn_shape_count(t->out));
  fmn_kernels()->activate(t->y + from, t->x[0] + from, to - from, c->act, c->slope);
}

static void train_forward(const FmnTrainCall *t) { fmn_pool_run(t->pool, train_forward_chunks, (gpointer)t, chunks(t)); }

static void train_backward_chunks(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  const FmnActivationConfig *c = t->node->config;
  gsize from = (gsize)begin * CHUNK, to = MIN((gsize)end * CHUNK, fmn_shape_count(t->out));
  fmn_grad_kernels()->activate(t->dx[0] + from, t->dy + from, t->x[0] + from, to - from, c->act, c->slope);
}

static void train_backward(const FmnTrainCall *t) {
  if (t->dx[0])
    fmn_pool_run(t->pool, train_backward_chunks, (gpointer)t, chunks(t));
}

const FmnLayerGrad fmn_activation_grad = {
    .ops = &fmn_activation_ops,
    .forward = train_forward,
    .backward = train_backward,
    .samples =
        (const FmnGradSample[]){
            {{2, 3, 4, 5}, 1, &(const FmnActivationConfig){FMN_ACT_RELU, 0.f}},
            {{2, 3, 4, 5}, 1, &(const FmnActivationConfig){FMN_ACT_LEAKY_RELU, .1f}},
            {{2, 3, 4, 5}, 1, &(const FmnActivationConfig){FMN_ACT_SIGMOID, 0.f}},
            {{2, 3, 4, 5}, 1, &(const FmnActivationConfig){FMN_ACT_SWISH, 0.f}},
            {{0}},
        },
};
