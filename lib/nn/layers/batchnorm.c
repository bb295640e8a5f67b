#include "kernels/kernels.h"
#include "nn/grad.h"
#include "nn/layers.h"

#include <math.h>
#include <string.h>

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

/* On its own, where it could not be fused: it is all epilogue. */
static void forward(const FmnForward *f) {
  memcpy(f->y, f->x[0], fmn_shape_count(f->out) * sizeof *f->y);
  fmn_kernels()->epilogue(f->y, fmn_shape_rows(f->out), (gsize)f->out.c, (gsize)f->out.c, &f->epilogue);
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

/* Per channel: what forward() keeps for backward(), and the coefficients of the pass in progress. */
typedef struct {
  float *mean, *inverse; /* of the batch; 1 / standard deviation */
  float *a, *b, *d;
} State;

static State get_state(const FmnTrainCall *t) {
  float *data = t->state;
  gsize c = (gsize)t->out.c;
  return (State){data, data + c, data + 2 * c, data + 3 * c, data + 4 * c};
}

static gsize state(const FmnNode *node, int batch) { return 5 * (gsize)node->out.c * sizeof(float); }

/* Two sums a channel, in double, of a share of the rows. */
static gsize scratch(const FmnNode *node, int batch) { return 2 * 2 * (gsize)node->out.c; }

static double *sums(const FmnTrainCall *t, int slot) {
  return (double *)(gpointer)(t->scratch + (gsize)slot * t->scratch_size);
}

/* Tasks are images in all of these. */
static void add_values(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  gsize image = fmn_shape_image(t->out);
  fmn_kernels()->channel_sum(sums(t, slot), t->x[0] + (gsize)begin * image,
                             (gsize)(end - begin) * fmn_shape_pixels(t->out), (gsize)t->out.c);
}

static void add_squares(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  gsize image = fmn_shape_image(t->out);
  fmn_grad_kernels()->channel_squares(sums(t, slot), t->x[0] + (gsize)begin * image,
                                 (gsize)(end - begin) * fmn_shape_pixels(t->out), (gsize)t->out.c, get_state(t).mean);
}

static void add_gradients(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  gsize image = fmn_shape_image(t->out), rows = (gsize)(end - begin) * fmn_shape_pixels(t->out), c = (gsize)t->out.c;
  const float *dy = t->dy + (gsize)begin * image;
  fmn_kernels()->channel_sum(sums(t, slot), dy, rows, c);
  fmn_grad_kernels()->channel_products(sums(t, slot) + c, dy, t->x[0] + (gsize)begin * image, rows, c, get_state(t).mean);
}

/* Runs func over the images; its sums, in the order of the shares, end up in share 0's. */
static const double *total(const FmnTrainCall *t, FmnPoolFunc func, int n_sums) {
  gsize n = (gsize)n_sums * (gsize)t->out.c;
  int shares = fmn_pool_shares(t->pool, t->out.n);
  for (int i = 0; i < shares; i++)
    memset(sums(t, i), 0, n * sizeof(double));
  fmn_pool_share(t->pool, func, (gpointer)t, t->out.n);
  for (int i = 1; i < shares; i++)
    for (gsize k = 0; k < n; k++)
      sums(t, 0)[k] += sums(t, i)[k];
  return sums(t, 0);
}

static void normalise(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  State s = get_state(t);
  gsize at = (gsize)begin * fmn_shape_image(t->out);
  fmn_kernels()->channel_affine(t->y + at, t->x[0] + at, (gsize)(end - begin) * fmn_shape_pixels(t->out), (gsize)t->out.c,
                                s.a, s.b);
}

static void train_forward(const FmnTrainCall *t) {
  const FmnBatchNorm *config = t->node->config;
  float momentum = t->momentum > 0.f ? t->momentum : config->momentum > 0.f ? config->momentum : 0.1f;
  double count = (double)fmn_shape_rows(t->out);
  State s = get_state(t);

  const double *sum = total(t, add_values, 1);
  for (int c = 0; c < t->out.c; c++)
    s.mean[c] = (float)(sum[c] / count);
  sum = total(t, add_squares, 1);
  for (int c = 0; c < t->out.c; c++) {
    s.inverse[c] = (float)(1.0 / sqrt(sum[c] / count + epsilon(config)));
    t->w[RUNNING_MEAN][c] += momentum * (s.mean[c] - t->w[RUNNING_MEAN][c]);
    t->w[RUNNING_VAR][c] += momentum * ((float)(sum[c] / MAX(count - 1.0, 1.0)) - t->w[RUNNING_VAR][c]);
    s.a[c] = t->w[WEIGHT][c] * s.inverse[c];
    s.b[c] = t->w[BIAS][c] - s.mean[c] * s.a[c];
  }
  fmn_pool_run(t->pool, normalise, (gpointer)t, t->out.n);
}

static void pass_gradient(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  State s = get_state(t);
  gsize at = (gsize)begin * fmn_shape_image(t->out);
  fmn_grad_kernels()->channel_affine2(t->dx[0] + at, t->dy + at, t->x[0] + at, (gsize)(end - begin) * fmn_shape_pixels(t->out),
                                 (gsize)t->out.c, s.a, s.b, s.d);
}

static void train_backward(const FmnTrainCall *t) {
  State s = get_state(t);
  double count = (double)fmn_shape_rows(t->out);
  const double *sum = total(t, add_gradients, 2);

  for (int c = 0; c < t->out.c; c++) {
    double dgamma = sum[t->out.c + c] * s.inverse[c];
    t->dw[WEIGHT][c] = (float)dgamma;
    t->dw[BIAS][c] = (float)sum[c];
    /* dx = γ/σ · (dy − mean(dy) − x̂ · mean(dy·x̂)), written as a·dy + b·x + d */
    double a = (double)t->w[WEIGHT][c] * s.inverse[c], b = -a * dgamma / count * s.inverse[c];
    s.a[c] = (float)a;
    s.b[c] = (float)b;
    s.d[c] = (float)(-a * sum[c] / count - b * s.mean[c]);
  }
  if (t->dx[0])
    fmn_pool_run(t->pool, pass_gradient, (gpointer)t, t->out.n);
}

const FmnLayerGrad fmn_batchnorm_grad = {
    .ops = &fmn_batchnorm_ops,
    .init = init,
    .state = state,
    .scratch = scratch,
    .forward = train_forward,
    .backward = train_backward,
    .samples =
        (const FmnGradSample[]){
            {{3, 4, 3, 5}, 1, &(const FmnBatchNorm){0}},
            {{3, 17, 3, 2}, 1, &(const FmnBatchNorm){0}},
            {{8, 5, 1, 1}, 1, &(const FmnBatchNorm){.eps = 1e-3f}},
            {{0}},
        },
};
