#include <string.h>

#include "error.h"
#include "kernels/columns.h"
#include "kernels/conv_gradient.h"
#include "nn/grad.h"
#include "nn/layers.h"
#include "nn/layers/init.h"

static FmnConvShape shape_of(const FmnConv2d *c, FmnShape in, FmnShape out) {
  return (FmnConvShape){in.c, in.h, in.w, out.c, out.h, out.w, c->k, MAX(c->stride, 1), c->pad};
}

static FmnConv choose(const FmnConv2d *c, FmnShape in, FmnShape out) {
  FmnConvShape shape = shape_of(c, in, out);
  FmnConv conv;
  fmn_conv_choose(&conv, &shape, 0);
  return conv;
}

static gboolean setup(FmnNode *node, GError **error) {
  const FmnConv2d *c = node->config;
  FmnShape in = node->in[0];
  int stride = MAX(c->stride, 1);

  if (c->k > FMN_CONV_MAX_TAPS) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "a kernel has at most %d×%d taps, not %d×%d", FMN_CONV_MAX_TAPS,
                FMN_CONV_MAX_TAPS, c->k, c->k);
    return FALSE;
  }
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

static gsize scratch(const FmnNode *node) { return choose(node->config, node->in[0], node->out).scratch; }

static float *prepare(const void *config, FmnShape in, FmnShape out, float *w) {
  FmnConv conv = choose(config, in, out);
  float *packed = fmn_floats_try_new(conv.packed);
  if (packed)
    fmn_conv_pack(&conv, w, FALSE, packed, NULL);
  fmn_floats_free(w);
  return packed;
}

static void forward(const FmnForward *f) {
  FmnConv conv = choose(f->config, f->in[0], f->out);
  fmn_conv_run(&conv, f->out.n, f->x[0], f->w[0], &f->epilogue, f->y, f->scratch, f->scratch_size, f->pool);
}

static guint64 multiply_adds(const FmnNode *node) {
  return (guint64)fmn_param_count(&node->params[0]) * fmn_shape_pixels(node->out);
}

const FmnLayerOps fmn_conv2d_ops = {
    .name = "conv2d",
    .config_size = sizeof(FmnConv2d),
    .n_inputs = 1,
    .has_epilogue = TRUE,
    .setup = setup,
    .scratch = scratch,
    .prepare = prepare,
    .forward = forward,
    .multiply_adds = multiply_adds,
};

static void init(FmnNode *node, guint64 seed) { fmn_init_he(&node->params[0], seed); }

/* Training. Forward, and backward to the input where the stride is 1, are the convolutions of inference on weights packed anew
 * at every step. */

typedef struct {
  FmnConv forward, backward;
  gboolean direct_dx; /* dx by `backward`, else by columns: `backward` then is the 1×1 convolution of dy that yields them */
  int inputs;         /* k·k·in_c */
  int rows;           /* of output whose columns are made at a time */
} Training;

#define COLUMN_FLOATS (1 << 16)

static Training plan_training(const FmnNode *node, int batch) {
  FmnConvShape s = shape_of(node->config, node->in[0], node->out), back;
  Training t = {.inputs = s.k * s.k * s.in_c};
  fmn_conv_choose(&t.forward, &s, batch);
  t.direct_dx = fmn_conv_input_shape(&s, &back);
  if (!t.direct_dx) {
    t.rows = CLAMP(COLUMN_FLOATS / (t.inputs * s.out_w), 1, s.out_h);
    back = (FmnConvShape){s.out_c, t.rows, s.out_w, t.inputs, t.rows, s.out_w, 1, 1, 0};
  }
  fmn_conv_choose(&t.backward, &back, batch);
  return t;
}

static gsize columns_size(const Training *t) {
  return t->direct_dx ? 0 : (gsize)t->rows * (gsize)t->forward.shape.out_w * (gsize)t->inputs;
}

static gsize grad_scratch(const FmnNode *node, int batch, int threads) {
  Training t = plan_training(node, batch);
  gsize gradient = fmn_conv_gradient_scratch(&t.forward, batch, threads);
  return MAX(MAX(t.forward.scratch, t.backward.scratch + columns_size(&t)), gradient);
}

/* Packed weights, of one direction at a time, or the gradient's sums. */
static gsize shared_scratch(const FmnNode *node, int batch) {
  Training t = plan_training(node, batch);
  gsize reordered = t.direct_dx ? 0 : fmn_param_count(&node->params[0]);
  return MAX(MAX(t.forward.packed, t.backward.packed + reordered), fmn_conv_gradient_shared(&t.forward));
}

static void train_forward(const FmnTrainCall *c) {
  Training t = plan_training(c->node, c->batch);
  const FmnConv2d *config = c->node->config;
  FmnEpilogue e = {.bias = config->no_bias ? NULL : c->w[1]};
  fmn_conv_pack(&t.forward, c->w[0], FALSE, c->shared, c->pool);
  fmn_conv_run(&t.forward, c->out.n, c->x[0], c->shared, &e, c->y, c->scratch, c->scratch_size, c->pool);
}

static const FmnEpilogue nothing;

/* Tasks: images. */
static void input_gradients_by_columns(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *c = data;
  Training t = plan_training(c->node, c->batch);
  const FmnConvShape *s = &t.forward.shape;
  float *scratch = c->scratch + (gsize)slot * c->scratch_size, *columns = scratch + t.backward.scratch;

  for (int i = begin; i < end; i++) {
    float *dx = c->dx[0] + (gsize)i * fmn_shape_image(c->in[0]);
    memset(dx, 0, fmn_shape_image(c->in[0]) * sizeof *dx);
    for (int r = 0; r < s->out_h; r += t.rows) {
      int rows = MIN(t.rows, s->out_h - r);
      FmnConv conv = t.backward;
      conv.shape.in_h = conv.shape.out_h = rows;
      fmn_conv_run(&conv, 1, c->dy + ((gsize)i * (gsize)s->out_h + (gsize)r) * (gsize)(s->out_w * s->out_c), c->shared, &nothing,
                   columns, scratch, 0, NULL);
      fmn_columns_add(s, columns, r * s->out_w, (r + rows) * s->out_w, dx);
    }
  }
}

static void input_gradient(const FmnTrainCall *c, const Training *t) {
  const FmnConvShape *s = &t->forward.shape;
  if (t->direct_dx) {
    fmn_conv_pack(&t->backward, c->w[0], TRUE, c->shared, c->pool);
    fmn_conv_run(&t->backward, c->out.n, c->dy, c->shared, &nothing, c->dx[0], c->scratch, c->scratch_size, c->pool);
    return;
  }
  gsize inputs = (gsize)t->inputs;
  float *reordered = c->shared + t->backward.packed; /* out × ky × kx × in */
  for (gsize o = 0; o < (gsize)s->out_c; o++)
    fmn_transpose(c->w[0] + o * inputs, s->in_c, s->k * s->k, reordered + o * inputs);
  fmn_conv_pack(&t->backward, reordered, TRUE, c->shared, c->pool);
  fmn_pool_run(c->pool, input_gradients_by_columns, (gpointer)c, c->out.n);
}

static void train_backward(const FmnTrainCall *c) {
  if (c->dw[1])
    fmn_channel_total(c->dw[1], c->dy, fmn_shape_rows(c->out), c->out.c);
  Training t = plan_training(c->node, c->batch);
  FmnConvGradientCall call = {
      &t.forward, c->batch, c->out.n, c->x[0], c->dy, c->dw[0], c->scratch, c->scratch_size, c->shared,
  };
  fmn_conv_weight_gradient(&call, c->pool);
  if (c->dx[0])
    input_gradient(c, &t);
}

const FmnLayerGrad fmn_conv2d_grad = {
    .ops = &fmn_conv2d_ops,
    .init = init,
    .scratch = grad_scratch,
    .shared_scratch = shared_scratch,
    .forward = train_forward,
    .backward = train_backward,
    .samples =
        (const FmnGradSample[]){
            {{2, 2, 5, 4}, 1, &(const FmnConv2d){.out = 3, .k = 3, .pad = 1}},
            {{3, 3, 7, 6}, 1, &(const FmnConv2d){.out = 2, .k = 3, .stride = 2, .pad = 1, .no_bias = TRUE}},
            {{2, 9, 7, 6}, 1, &(const FmnConv2d){.out = 35, .k = 3, .stride = 2, .pad = 1}},
            {{1, 1, 6, 6}, 1, &(const FmnConv2d){.out = 2, .k = 5, .pad = 2}},
            {{2, 4, 3, 3}, 1, &(const FmnConv2d){.out = 5, .k = 1}},
            {{2, 3, 5, 5}, 1, &(const FmnConv2d){.out = 2, .k = 1, .stride = 2, .no_bias = TRUE}},
            {{48, 32, 8, 8}, 1, &(const FmnConv2d){.out = 48, .k = 3, .pad = 1}, .step = .1f}, /* Winograd */
            {{48, 48, 7, 8}, 1, &(const FmnConv2d){.out = 32, .k = 5, .pad = 2, .no_bias = TRUE}, .step = .1f},
            {{0}},
        },
};
