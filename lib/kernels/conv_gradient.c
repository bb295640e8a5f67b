#include "kernels/conv_gradient.h"

#include "kernels/conv_algorithm.h"

static const FmnConvGradient *const gradients[] = {&fmn_conv_winograd_gradient, &fmn_conv_direct_gradient};

static const FmnConvGradient *find(const FmnConv *conv) {
  const FmnConvGradient *const *g = gradients;
  while ((*g)->algorithm != conv->algorithm)
    g++;
  return *g;
}

gsize fmn_conv_gradient_scratch(const FmnConv *conv) {
  const FmnConvGradient *g = find(conv);
  return g->partial(&conv->shape) + g->scratch(&conv->shape);
}

typedef struct {
  const FmnConvGradient *gradient;
  const FmnConvShape *s;
  const float *x, *dy;
  float *scratch; /* of each slot: the partial sum, then the algorithm's */
  gsize scratch_size;
} Job;

/* Tasks: images. */
static void sum_share(gpointer data, int begin, int end, int slot) {
  const Job *job = data;
  const FmnConvShape *s = job->s;
  const float *x = job->x + (gsize)begin * (gsize)(s->in_h * s->in_w) * (gsize)s->in_c;
  const float *dy = job->dy + (gsize)begin * (gsize)(s->out_h * s->out_w) * (gsize)s->out_c;
  float *partial = job->scratch + (gsize)slot * job->scratch_size;
  job->gradient->sum(s, end - begin, x, dy, partial, partial + job->gradient->partial(s));
}

void fmn_conv_weight_gradient(const FmnConv *conv, int n, const float *x, const float *dy, float *dw, float *scratch,
                              gsize scratch_size, FmnPool *pool) {
  Job job = {find(conv), &conv->shape, x, dy, scratch, scratch_size};
  fmn_pool_share(pool, sum_share, &job, n);
  for (int i = 1; i < fmn_pool_shares(pool, n); i++)
    fmn_kernels()->add(scratch, scratch + (gsize)i * scratch_size, job.gradient->partial(&conv->shape));
  job.gradient->unpack(&conv->shape, scratch, dw, pool);
}

gboolean fmn_conv_input_shape(const FmnConvShape *s, FmnConvShape *b) {
  *b = (FmnConvShape){s->out_c, s->out_h, s->out_w, s->in_c, s->in_h, s->in_w, s->k, 1, s->k - 1 - s->pad};
  return s->stride == 1 && b->pad >= 0;
}
