#include "error.h"
#include "io/half.h"
#include "kernels/conv.h"
#include "nn/grad.h"
#include "nn/layers.h"
#include "nn/layers/init.h"

#define CHUNK 8              /* outputs a task computes */
#define HALF_FROM (1 << 18) /* weights above which they are kept in half precision at inference */

static gboolean setup(FmnNode *node, GError **error) {
  const FmnDense *c = node->config;
  gsize in = fmn_shape_image(node->in[0]);

  if (c->out < 1 || in > G_MAXINT) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "cannot have %d outputs of %" G_GSIZE_FORMAT " inputs", c->out, in);
    return FALSE;
  }
  node->out = (FmnShape){1, c->out, 1, 1};
  node->params[0] = (FmnParam){"weight", 2, {c->out, (int)in}, TRUE, TRUE, NULL};
  node->params[1] = (FmnParam){"bias", 1, {c->out}, TRUE, FALSE, NULL};
  node->n_params = c->no_bias ? 1 : 2;
  return TRUE;
}

/* At one image a time a large layer costs the reading of its weights: half precision halves it. */
static gboolean is_half(FmnShape in, FmnShape out) {
  return fmn_kernels()->fast_half && fmn_shape_image(in) * (gsize)out.c >= HALF_FROM;
}

/* PyTorch flattens maps channel by channel, ours lie pixel by pixel: where the value at PyTorch's index i is in ours. */
static gsize flat_index(FmnShape in, gsize i) {
  gsize pixels = fmn_shape_pixels(in);
  return i % pixels * (gsize)in.c + i / pixels;
}

static float *prepare(const void *config, FmnShape in, FmnShape out, float *w) {
  gsize n = fmn_shape_image(in), count = n * (gsize)out.c;
  gboolean half = is_half(in, out);
  if (!half && fmn_shape_pixels(in) == 1)
    return w;
  float *packed = fmn_floats_try_new(half ? (count + 1) / 2 : count);
  for (gsize i = 0; i < count && packed; i++) {
    gsize to = i / n * n + flat_index(in, i % n);
    if (half)
      ((guint16 *)packed)[to] = fmn_float_to_half_finite(w[i]);
    else
      packed[to] = w[i];
  }
  fmn_floats_free(w);
  return packed;
}

/* Tasks: chunks of outputs, whose weights stay in the cache over all images. */
static void forward_chunks(gpointer data, int begin, int end, int slot) {
  const FmnForward *f = data;
  gsize in = fmn_shape_image(f->in[0]), out = (gsize)f->out.c;
  FmnPacked w = {f->w[0], is_half(f->in[0], f->out)};
  const FmnKernels *kernels = fmn_kernels();

  for (int task = begin; task < end; task++) {
    int first = task * CHUNK, last = MIN(first + CHUNK, f->out.c);
    FmnEpilogue e = fmn_epilogue_from(&f->epilogue, first);
    for (int i = 0; i < f->out.n; i += FMN_DOT_ROWS) {
      const float *x = f->x[0] + (gsize)i * in;
      float *y = f->y + (gsize)i * out;
      int images = MIN(FMN_DOT_ROWS, f->out.n - i), o = first;
      for (; images == 1 && o + FMN_DOT_OUTPUTS <= last; o += FMN_DOT_OUTPUTS)
        kernels->dot_outputs(w, (gsize)o * in, in, x, y + o);
      for (; o < last; o++)
        kernels->dot(w, (gsize)o * in, in, x, images, in, y + o, out);
    }
    kernels->epilogue(f->y + first, (gsize)f->out.n, (gsize)(last - first), out, &e);
  }
}

static void forward(const FmnForward *f) {
  fmn_pool_run(f->pool, forward_chunks, (gpointer)f, (f->out.c + CHUNK - 1) / CHUNK);
}

static guint64 multiply_adds(const FmnNode *node) { return fmn_param_count(&node->params[0]); }

const FmnLayerOps fmn_dense_ops = {
    .name = "dense",
    .config_size = sizeof(FmnDense),
    .n_inputs = 1,
    .has_epilogue = TRUE,
    .setup = setup,
    .prepare = prepare,
    .forward = forward,
    .multiply_adds = multiply_adds,
};

static void init(FmnNode *node, guint64 seed) { fmn_init_he(&node->params[0], seed); }

/* The inputs in PyTorch's order, where that differs: forward() keeps them for backward(), which puts their gradient there. */
static gboolean reorders(FmnShape in) { return fmn_shape_pixels(in) > 1 && in.c > 1; }

static gsize state(const FmnNode *node, int batch) {
  return reorders(node->in[0]) ? (gsize)batch * fmn_shape_image(node->in[0]) * sizeof(float) : 0;
}

static const float *flat_inputs(const FmnTrainCall *t) { return reorders(t->in[0]) ? t->state : t->x[0]; }

/* Tasks: images. */
static void keep_reordered(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  gsize in = fmn_shape_image(t->in[0]);
  for (int i = begin; i < end; i++)
    fmn_transpose(t->x[0] + (gsize)i * in, (int)fmn_shape_pixels(t->in[0]), t->in[0].c, (float *)t->state + (gsize)i * in);
}

static void put_back(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  gsize in = fmn_shape_image(t->in[0]);
  for (int i = begin; i < end; i++)
    fmn_transpose((float *)t->state + (gsize)i * in, t->in[0].c, (int)fmn_shape_pixels(t->in[0]), t->dx[0] + (gsize)i * in);
}

/* In training a dense layer is a 1×1 convolution of images of one pixel. */
static FmnConv as_convolution(const FmnNode *node, int batch, gboolean backward) {
  int in = (int)fmn_shape_image(node->in[0]), out = node->out.c;
  FmnConvShape s = {backward ? out : in, 1, 1, backward ? in : out, 1, 1, 1, 1, 0};
  FmnConv conv;
  fmn_conv_choose(&conv, &s, batch);
  return conv;
}

static gsize scratch(const FmnNode *node, int batch, int threads) {
  return MAX(as_convolution(node, batch, FALSE).scratch, as_convolution(node, batch, TRUE).scratch);
}

/* The packed weights, behind the scratch of the threads. */
static gsize shared_scratch(const FmnNode *node, int batch) {
  return MAX(as_convolution(node, batch, FALSE).packed, as_convolution(node, batch, TRUE).packed);
}

static void multiply(const FmnTrainCall *t, gboolean backward, const float *x, const FmnEpilogue *e, float *y) {
  FmnConv conv = as_convolution(t->node, t->batch, backward);
  fmn_conv_pack(&conv, t->w[0], backward, t->shared, t->pool);
  fmn_conv_run(&conv, t->out.n, x, t->shared, e, y, t->scratch, t->scratch_size, t->pool);
}

static void train_forward(const FmnTrainCall *t) {
  FmnEpilogue e = {.bias = t->node->n_params > 1 ? t->w[1] : NULL};
  if (reorders(t->in[0]))
    fmn_pool_run(t->pool, keep_reordered, (gpointer)t, t->out.n);
  multiply(t, FALSE, flat_inputs(t), &e, t->y);
}

/* Tasks: FMN_LANES inputs each. The weights' gradient is a sum of outer products of outputs' gradients and inputs. */
static void add_weights(gpointer data, int begin, int end, int slot) {
  const FmnTrainCall *t = data;
  int in = (int)fmn_shape_image(t->in[0]), out = t->out.c;
  for (int i = begin * FMN_LANES; i < MIN(end * FMN_LANES, in); i += FMN_LANES)
    for (int o = 0; o < out; o += FMN_PRODUCT_ROWS) {
      FmnPixels dy = {t->dy + o, 0, (gsize)out}, x = {flat_inputs(t) + i, 0, (gsize)in};
      fmn_grad_kernels()->outer(&dy, &x, 1, t->out.n, MIN(FMN_PRODUCT_ROWS, out - o), MIN(FMN_LANES, in - i),
                                t->dw[0] + (gsize)o * (gsize)in + i, (gsize)in, FALSE);
    }
}

static void train_backward(const FmnTrainCall *t) {
  static const FmnEpilogue nothing;
  fmn_pool_run(t->pool, add_weights, (gpointer)t, ((int)fmn_shape_image(t->in[0]) + FMN_LANES - 1) / FMN_LANES);
  if (t->dw[1])
    fmn_channel_total(t->dw[1], t->dy, (gsize)t->out.n, t->out.c);
  if (!t->dx[0])
    return;
  /* The kept inputs make room for their own gradient. */
  multiply(t, TRUE, t->dy, &nothing, reorders(t->in[0]) ? t->state : t->dx[0]);
  if (reorders(t->in[0]))
    fmn_pool_run(t->pool, put_back, (gpointer)t, t->out.n);
}

const FmnLayerGrad fmn_dense_grad = {
    .ops = &fmn_dense_ops,
    .init = init,
    .state = state,
    .scratch = scratch,
    .shared_scratch = shared_scratch,
    .forward = train_forward,
    .backward = train_backward,
    .samples =
        (const FmnGradSample[]){
            {{3, 7, 1, 1}, 1, &(const FmnDense){.out = 5}},
            {{4, 2, 3, 4}, 1, &(const FmnDense){.out = 3, .no_bias = TRUE}},
            {{1, 10, 1, 1}, 1, &(const FmnDense){.out = 70}},
            {{14, 2100, 1, 1}, 1, &(const FmnDense){.out = 3}, .step = .1f},
            {{0}},
        },
};
