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

/* Per channel: what forward() keeps for backward(), and the coefficients of that. */
typedef struct {
  float *mean, *inverse; /* of the batch; 1 / standard deviation */
  float *scale, *shift;  /* of what is normalised */
  float *a, *b, *d;
} State;

static State get_state(const FmnTrainCall *t) {
  float *data = t->state;
  gsize c = (gsize)t->out.c;
  return (State){data, data + c, data + 2 * c, data + 3 * c, data + 4 * c, data + 5 * c, data + 6 * c};
}

static gsize state(const FmnNode *node, int batch) { return 7 * (gsize)node->out.c * sizeof(float); }

static FmnNorm norm_of(const FmnTrainCall *t) {
  State s = get_state(t);
  return (FmnNorm){s.mean, s.scale, s.shift, s.a, s.b, s.d, t->act, t->slope};
}

/* By channel, of the rows so far or of a chunk of them: in forward() their sum and that of the squared distances from
 * their mean, in backward() those of the gradient and of the gradient times the distance from the batch's mean. */
typedef struct {
  double *rows; /* how many */
  double *sum, *products;
} Sums;

/* What a thread has for itself. */
typedef struct {
  Sums all, chunk;
  float *mean; /* of a chunk */
} Scratch;

static Scratch get_scratch(const FmnTrainCall *t, int slot) {
  double *data = (double *)(gpointer)(t->scratch + (gsize)slot * t->scratch_size);
  gsize c = (gsize)t->out.c;
  Sums all = {data, data + 2, data + 2 + c}, chunk = {data + 1, data + 2 + 2 * c, data + 2 + 3 * c};
  return (Scratch){all, chunk, (float *)(gpointer)(data + 2 + 4 * c)};
}

static gsize scratch(const FmnNode *node, int batch, int threads) {
  gsize c = (gsize)node->out.c;
  return 2 * (2 + 4 * c) + (c + 1) / 2 * 2; /* even: the next thread's begins with doubles, too */
}

static void clear(Sums s, int c) {
  *s.rows = 0;
  memset(s.sum, 0, (gsize)c * sizeof(double));
  memset(s.products, 0, (gsize)c * sizeof(double));
}

/* Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance": the moments of two parts together. */
static void merge_moments(Sums s, Sums part, int channels) {
  double n = *s.rows, m = *part.rows, per_n = n > 0 ? 1 / n : 0, per_m = 1 / m, weight = n * m / (n + m);
  for (int c = 0; c < channels; c++) {
    double distance = part.sum[c] * per_m - s.sum[c] * per_n;
    s.products[c] += part.products[c] + distance * distance * weight;
    s.sum[c] += part.sum[c];
  }
  *s.rows += m;
}

static void merge_sums(Sums s, Sums part, int channels) {
  for (int c = 0; c < channels; c++) {
    s.sum[c] += part.sum[c];
    s.products[c] += part.products[c];
  }
}

/* Runs func over shares of the images; what they come to is merged in their order into the first one's. */
static Sums total(const FmnTrainCall *t, FmnPoolFunc func, void (*merge)(Sums, Sums, int)) {
  int shares = fmn_pool_shares(t->pool, t->out.n);
  for (int i = 0; i < shares; i++)
    clear(get_scratch(t, i).all, t->out.c);
  fmn_pool_share(t->pool, func, (gpointer)t, t->out.n);
  Sums first = get_scratch(t, 0).all;
  for (int i = 1; i < shares; i++)
    merge(first, get_scratch(t, i).all, t->out.c);
  return first;
}

/* The values of the images that a task does. */
typedef struct {
  gsize at, rows, c;
} Part;

static Part part_of(const FmnTrainCall *t, int begin, int end) {
  return (Part){(gsize)begin * fmn_shape_image(t->out), (gsize)(end - begin) * fmn_shape_pixels(t->out),
                (gsize)t->out.c};
}

/* Values that are gone through twice in one go, the second time in the cache; and rows, at the least, for sums of fewer
 * cost more by the value. */
#define CHUNK 16384
#define MIN_ROWS 16

static void add_moments(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  Scratch s = get_scratch(t, slot);
  Part p = part_of(t, begin, end);
  gsize most = MAX(MIN_ROWS, CHUNK / p.c);
  for (gsize row = 0, n; row < p.rows; row += n) {
    const float *x = t->x[0] + p.at + row * p.c;
    n = MIN(most, p.rows - row);
    clear(s.chunk, t->out.c);
    *s.chunk.rows = (double)n;
    fmn_kernels()->channel_sum(s.chunk.sum, x, n, p.c);
    for (gsize c = 0; c < p.c; c++)
      s.mean[c] = (float)(s.chunk.sum[c] / (double)n);
    fmn_grad_kernels()->channel_squares(s.chunk.products, x, n, p.c, s.mean);
    merge_moments(s.all, s.chunk, t->out.c);
  }
}

static void normalise(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  Part p = part_of(t, begin, end);
  FmnNorm n = norm_of(t);
  fmn_grad_kernels()->norm(t->y + p.at, t->x[0] + p.at, p.rows, p.c, &n);
}

static void train_forward(const FmnTrainCall *t) {
  const FmnBatchNorm *config = t->node->config;
  float momentum = t->momentum > 0.f ? t->momentum : config->momentum > 0.f ? config->momentum : 0.1f;
  double count = (double)fmn_shape_rows(t->out);
  State s = get_state(t);

  Sums sums = total(t, add_moments, merge_moments);
  for (int c = 0; c < t->out.c; c++) {
    double squares = sums.products[c];
    s.mean[c] = (float)(sums.sum[c] / count);
    s.inverse[c] = (float)(1.0 / sqrt(squares / count + epsilon(config)));
    t->w[RUNNING_MEAN][c] += momentum * (s.mean[c] - t->w[RUNNING_MEAN][c]);
    t->w[RUNNING_VAR][c] += momentum * ((float)(squares / MAX(count - 1.0, 1.0)) - t->w[RUNNING_VAR][c]);
    s.scale[c] = t->w[WEIGHT][c] * s.inverse[c];
    s.shift[c] = t->w[BIAS][c] - s.mean[c] * s.scale[c];
  }
  fmn_pool_run(t->pool, normalise, (gpointer)t, t->out.n);
}

static void add_gradients(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  Sums s = get_scratch(t, slot).all;
  Part p = part_of(t, begin, end);
  FmnNorm n = norm_of(t);
  fmn_grad_kernels()->norm_sums(s.sum, s.products, t->dy + p.at, t->x[0] + p.at, p.rows, p.c, &n);
}

static void pass_gradient(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  Part p = part_of(t, begin, end);
  FmnNorm n = norm_of(t);
  fmn_grad_kernels()->norm_gradient(t->dx[0] + p.at, t->dy + p.at, t->x[0] + p.at, p.rows, p.c, &n, t->add[0]);
}

static void train_backward(const FmnTrainCall *t) {
  State s = get_state(t);
  double count = (double)fmn_shape_rows(t->out);
  Sums sums = total(t, add_gradients, merge_sums);

  for (int c = 0; c < t->out.c; c++) {
    double dgamma = sums.products[c] * s.inverse[c];
    t->dw[WEIGHT][c] = (float)dgamma;
    t->dw[BIAS][c] = (float)sums.sum[c];
    /* dx = γ/σ · (dy − mean(dy) − x̂ · mean(dy·x̂)), written as a·dy + b·x + d */
    double a = (double)t->w[WEIGHT][c] * s.inverse[c], b = -a * dgamma / count * s.inverse[c];
    s.a[c] = (float)a;
    s.b[c] = (float)b;
    s.d[c] = (float)(-a * sums.sum[c] / count - b * s.mean[c]);
  }
  if (t->dx[0])
    fmn_pool_run(t->pool, pass_gradient, (gpointer)t, t->out.n);
}

const FmnLayerGrad fmn_batchnorm_grad = {
    .ops = &fmn_batchnorm_ops,
    .init = init,
    .state = state,
    .scratch = scratch,
    .adds = TRUE,
    .activates = TRUE,
    .forward = train_forward,
    .backward = train_backward,
    .samples =
        (const FmnGradSample[]){
            {{3, 4, 3, 5}, 1, &(const FmnBatchNorm){0}},
            {{3, 17, 3, 2}, 1, &(const FmnBatchNorm){0}},
            {{8, 5, 1, 1}, 1, &(const FmnBatchNorm){.eps = 1e-3f}},
            {{5, 2048, 3, 2}, 1, &(const FmnBatchNorm){0}, .step = 3e-4f}, /* several chunks */
            {{0}},
        },
};
