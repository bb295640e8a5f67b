#include "kernels/kernels.h"
#include "nn/grad.h"
#include "nn/layers.h"

#include <math.h>

enum { WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR, N_PARAMS };

static float epsilon(const FmnBatchNorm *c) { return c->eps > 0.f ? c->eps : 1e-5f; }

static gboolean setup(FmnNode *node, GError **error) {
  static const char *const names[N_PARAMS] = {"weight", "bias", "running_mean", "running_var"};
  node->out = node->in[0];
  for (int i = 0; i < N_PARAMS; i++)
    node->params[i] = (FmnParam){names[i], 1, {node->out.c}, i <= BIAS, FALSE, NULL};
  node->n_params = N_PARAMS;
  return TRUE;
}

static void pointwise(const FmnNode *node, FmnPointwise *p) {
  p->kind = FMN_POINTWISE_AFFINE;
  for (int c = 0; c < node->out.c; c++) {
    p->scale[c] = node->params[WEIGHT].data[c] / sqrtf(node->params[RUNNING_VAR].data[c] + epsilon(node->config));
    p->shift[c] = node->params[BIAS].data[c] - node->params[RUNNING_MEAN].data[c] * p->scale[c];
  }
}

/* On its own, where it could not be fused: w[0] is the scale of each channel and the epilogue's bias the shift. */
static void forward(const FmnForward *f) {
  const FmnEpilogue *e = &f->epilogue;
  gsize plane = fmn_shape_plane(f->out);
  for (int i = 0; i < f->out.n * f->out.c; i++) {
    int c = i % f->out.c;
    float *y = f->y + (gsize)i * plane;
    fmn_kernels()->affine(y, f->x[0] + (gsize)i * plane, plane, f->w[0][c], e->bias[c]);
    if (e->act != FMN_ACT_NONE)
      fmn_kernels()->epilogue(y, plane, e->act, e->slope, 0.f, e->scale ? e->scale[c] : 1.f, e->scale ? e->shift[c] : 0.f);
  }
}

const FmnLayerOps fmn_batchnorm_ops = {
    .name = "batchnorm",
    .config_size = sizeof(FmnBatchNorm),
    .n_inputs = 1,
    .has_epilogue = TRUE,
    .setup = setup,
    .pointwise = pointwise,
    .forward = forward,
};

static void init(FmnNode *node, guint64 seed) {
  for (int c = 0; c < node->out.c; c++) {
    node->params[WEIGHT].data[c] = node->params[RUNNING_VAR].data[c] = 1.f;
    node->params[BIAS].data[c] = node->params[RUNNING_MEAN].data[c] = 0.f;
  }
}

/* Kept for backward(): mean and 1 / standard deviation of each channel. */
static gsize state(const FmnNode *node, int batch) { return 2 * (gsize)node->out.c * sizeof(float); }

static double channel_sum(const float *x, FmnShape s, int c) {
  gsize plane = fmn_shape_plane(s);
  double sum = 0.0;
  for (int i = 0; i < s.n; i++)
    sum += fmn_kernels()->sum(x + ((gsize)i * (gsize)s.c + (gsize)c) * plane, plane);
  return sum;
}

static double channel_squares(const float *x, FmnShape s, int c, float mean) {
  gsize plane = fmn_shape_plane(s);
  double sum = 0.0;
  for (int i = 0; i < s.n; i++)
    sum += fmn_kernels()->sum_squared_difference(x + ((gsize)i * (gsize)s.c + (gsize)c) * plane, plane, mean);
  return sum;
}

static void train_forward_channels(gpointer data, int begin, int end, int thread) {
  const FmnTrainCall *t = data;
  const FmnBatchNorm *config = t->node->config;
  float *mean = t->state, *inverse = mean + t->out.c;
  float momentum = config->momentum > 0.f ? config->momentum : 0.1f;
  gsize plane = fmn_shape_plane(t->out);
  double count = (double)t->out.n * (double)plane;

  for (int c = begin; c < end; c++) {
    mean[c] = (float)(channel_sum(t->x[0], t->out, c) / count);
    double squares = channel_squares(t->x[0], t->out, c, mean[c]);
    inverse[c] = (float)(1.0 / sqrt(squares / count + epsilon(config)));
    t->w[RUNNING_MEAN][c] += momentum * (mean[c] - t->w[RUNNING_MEAN][c]);
    t->w[RUNNING_VAR][c] += momentum * ((float)(squares / MAX(count - 1.0, 1.0)) - t->w[RUNNING_VAR][c]);
    float a = t->w[WEIGHT][c] * inverse[c], b = t->w[BIAS][c] - mean[c] * a;
    for (int i = 0; i < t->out.n; i++) {
      gsize at = ((gsize)i * (gsize)t->out.c + (gsize)c) * plane;
      fmn_kernels()->affine(t->y + at, t->x[0] + at, plane, a, b);
    }
  }
}

static void train_forward(const FmnTrainCall *t) {
  fmn_pool_run(t->pool, train_forward_channels, (gpointer)t, t->out.c);
}

static void train_backward_channels(gpointer data, int begin, int end, int thread) {
  const FmnTrainCall *t = data;
  const float *mean = t->state, *inverse = mean + t->out.c;
  gsize plane = fmn_shape_plane(t->out);
  double count = (double)t->out.n * (double)plane;

  for (int c = begin; c < end; c++) {
    double sum_dy = channel_sum(t->dy, t->out, c), sum_product = 0.0;
    for (int i = 0; i < t->out.n; i++) {
      gsize at = ((gsize)i * (gsize)t->out.c + (gsize)c) * plane;
      sum_product += fmn_kernels()->sum_product(t->dy + at, t->x[0] + at, plane, mean[c]);
    }
    double dgamma = sum_product * inverse[c];
    t->dw[WEIGHT][c] = (float)dgamma;
    t->dw[BIAS][c] = (float)sum_dy;
    if (!t->dx[0])
      continue;
    /* dx = γ/σ · (dy − mean(dy) − x̂ · mean(dy·x̂)), written as a·dy + b·x + c0 */
    double a = (double)t->w[WEIGHT][c] * inverse[c], b = -a * dgamma / count * inverse[c];
    double c0 = -a * sum_dy / count - b * mean[c];
    for (int i = 0; i < t->out.n; i++) {
      gsize at = ((gsize)i * (gsize)t->out.c + (gsize)c) * plane;
      fmn_kernels()->affine2(t->dx[0] + at, t->dy + at, t->x[0] + at, plane, (float)a, (float)b, (float)c0);
    }
  }
}

static void train_backward(const FmnTrainCall *t) {
  fmn_pool_run(t->pool, train_backward_channels, (gpointer)t, t->out.c);
}

const FmnLayerGrad fmn_batchnorm_grad = {
    .ops = &fmn_batchnorm_ops,
    .init = init,
    .state = state,
    .forward = train_forward,
    .backward = train_backward,
    .samples =
        (const FmnGradSample[]){
            {{3, 4, 3, 5}, 1, &(const FmnBatchNorm){0}},
            {{8, 5, 1, 1}, 1, &(const FmnBatchNorm){.eps = 1e-3f}},
            {{0}},
        },
};
