#include "kernels/conv_gradient.h"

#include "kernels/conv_algorithm.h"

static const struct {
  const FmnConvAlgorithm *algorithm;
  const FmnConvGradient *gradient;
} gradients[] = {
    {&fmn_conv_winograd_lazy, &fmn_conv_winograd_gradient},
    {&fmn_conv_winograd, &fmn_conv_winograd_gradient},
    {&fmn_conv_direct, &fmn_conv_direct_gradient},
};

static const FmnConvGradient *find(const FmnConv *conv) {
  gsize i = 0;
  while (gradients[i].algorithm != conv->algorithm)
    i++;
  return gradients[i].gradient;
}

/* Whether each thread sums the gradient of images of its own: of about as many as the others. */
static gboolean by_images(const FmnConv *conv, int images, int threads) {
  return threads > 1 && fmn_pool_is_even(threads, images) && find(conv)->by_images(&conv->shape, images, threads);
}

/* A thread's gradient comes before what it works with. */
gsize fmn_conv_gradient_scratch(const FmnConv *conv, int images, int threads) {
  const FmnConvShape *s = &conv->shape;
  return by_images(conv, images, threads) ? fmn_conv_weight_count(s) + find(conv)->scratch(s) : 0;
}

gsize fmn_conv_gradient_shared(const FmnConv *conv) { return find(conv)->scratch(&conv->shape); }

/* Tasks: images. */
static void run_share(gpointer data, int begin, int end, int slot) {
  const FmnConvGradientCall *call = data;
  float *own = call->scratch + (gsize)slot * call->scratch_size, *dw = slot ? own : call->dw;
  find(call->conv)->run(call, begin, end - begin, dw, own + fmn_conv_weight_count(&call->conv->shape), NULL);
}

typedef struct {
  const FmnConvGradientCall *call;
  int shares;
} AddJob;

/* Tasks: outputs. */
static void add_shares(gpointer data, int begin, int end, int slot) {
  const AddJob *job = data;
  const FmnConvGradientCall *call = job->call;
  gsize output = fmn_conv_weight_count(&call->conv->shape) / (gsize)call->conv->shape.out_c;
  gsize at = (gsize)begin * output, count = (gsize)(end - begin) * output;
  for (int share = 1; share < job->shares; share++)
    fmn_kernels()->add(call->dw + at, call->scratch + (gsize)share * call->scratch_size + at, count);
}

void fmn_conv_weight_gradient(const FmnConvGradientCall *call, FmnPool *pool) {
  if (!by_images(call->conv, call->images, fmn_pool_threads(pool))) {
    find(call->conv)->run(call, 0, call->n, call->dw, call->shared, pool);
    return;
  }
  AddJob job = {call, fmn_pool_shares(pool, call->n)};
  fmn_pool_share(pool, run_share, (gpointer)call, call->n);
  if (job.shares > 1)
    fmn_pool_run(pool, add_shares, &job, call->conv->shape.out_c);
}

gboolean fmn_conv_input_shape(const FmnConvShape *s, FmnConvShape *b) {
  *b = (FmnConvShape){s->out_c, s->out_h, s->out_w, s->in_c, s->in_h, s->in_w, s->k, 1, s->k - 1 - s->pad};
  return s->stride == 1 && b->pad >= 0;
}
