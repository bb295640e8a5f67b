/* Every registered layer's backward() against central differences of its forward(), on each of its sample shapes. */
#include <math.h>
#include <string.h>

#include "nn/grad.h"
#include "nn/layers.h"
#include "train/random.h"

#define TOLERANCE 1.5e-2

typedef struct {
  FmnTrainCall call;
  FmnGraph *graph;
  const FmnLayerGrad *grad;
  float *x[FMN_MAX_INPUTS], *loss_weights, step;
  int probes; /* elements of each tensor that are compared: fewer where a forward pass is long */
} Fixture;

/* Distinct values further apart than the step and away from zero, in random order: no kink is crossed. */
static void fill_grid(float *data, gsize n, guint64 seed) {
  FmnRandom r = {seed};
  for (gsize i = 0; i < n; i++)
    data[i] = ((float)i + .5f) / (float)n * 4.f - 2.f;
  for (gsize i = n - 1; i > 0; i--) {
    gsize j = fmn_random_below(&r, i + 1);
    float t = data[i];
    data[i] = data[j];
    data[j] = t;
  }
}

static double loss(Fixture *f) {
  double sum = 0.0;
  f->grad->forward(&f->call);
  for (gsize i = 0; i < fmn_shape_count(f->call.out); i++)
    sum += (double)f->call.y[i] * f->loss_weights[i];
  return sum;
}

static void compare(Fixture *f, float *values, gsize n, const float *gradient, const char *what, guint64 seed) {
  FmnRandom r = {seed};
  for (int k = 0; k < f->probes; k++) {
    gsize i = n <= (gsize)f->probes ? (gsize)k % n : fmn_random_below(&r, n);
    float kept = values[i];
    values[i] = kept + f->step;
    double high = loss(f);
    values[i] = kept - f->step;
    double low = loss(f);
    values[i] = kept;
    double numeric = (high - low) / (2.0 * (double)f->step), bound = TOLERANCE * MAX(1.0, fabs(numeric));
    if (!(fabs(numeric - gradient[i]) <= bound)) { /* NaN is no gradient */
      g_test_message("%s %s[%" G_GSIZE_FORMAT "]: backward %g, numeric %g", f->grad->ops->name, what, i, gradient[i],
                     numeric);
      g_test_fail();
    }
  }
}

/* A value of that shape: a first input's few channels, pooled if need be. Only its shape matters. */
static FmnValue second_input(FmnGraph *g, FmnShape shape) {
  FmnShape in = fmn_graph_node(g, 0)->out;
  FmnValue x = fmn_conv2d(g, 0, "second", .out = shape.c, .k = 1);
  return shape.h == in.h ? x : fmn_global_avgpool(g, x);
}

/* What a layer does along where the trainer asks for it; FMN_ACT_NONE and FALSE: nothing. */
typedef struct {
  FmnActivation act;
  gboolean add;
} Extras;

static void check_sample(const FmnLayerGrad *grad, const FmnGradSample *sample, FmnPool *pool, Extras extras) {
  Fixture f = {.grad = grad, .graph = fmn_graph_new(sample->in.c, sample->in.h, sample->in.w)};
  FmnShape shapes[FMN_MAX_INPUTS] = {sample->in, sample->second.n ? sample->second : sample->in};
  int n_inputs = MAX(sample->n_inputs, 1), batch = sample->in.n, threads = fmn_pool_threads(pool);
  FmnValue inputs[FMN_MAX_INPUTS] = {0};
  FmnTrainCall *c = &f.call;
  f.probes = fmn_shape_count(sample->in) > 20000 ? 8 : 60;
  f.step = sample->step > 0.f ? sample->step : 2e-3f;

  if (sample->second.n)
    inputs[1] = second_input(f.graph, sample->second);
  FmnValue v = fmn_graph_add(f.graph, grad->ops, "layer", inputs, n_inputs, sample->config);
  g_assert_no_error(f.graph->error);
  FmnNode *node = fmn_graph_node(f.graph, v);
  if (grad->init)
    grad->init(node, 1);
  *c = (FmnTrainCall){
      .node = node, .batch = batch, .out = node->out, .pool = pool, .seed = 5, .act = extras.act, .slope = .1f};
  c->out.n = batch;
  gsize out_count = fmn_shape_count(c->out);
  for (int i = 0; i < n_inputs; i++) {
    gsize in_count = fmn_shape_count(shapes[i]);
    c->in[i] = shapes[i];
    c->x[i] = f.x[i] = fmn_floats_new(in_count);
    c->add[i] = extras.add;
    c->dx[i] = fmn_floats_new(in_count);
    fill_grid(f.x[i], in_count, 10 + (guint64)i);
    if (extras.add)
      memset(c->dx[i], 0, in_count * sizeof(float));
    else
      memset(c->dx[i], 0x7f, in_count * sizeof(float)); /* must be overwritten */
  }
  for (int i = 0; i < node->n_params; i++) {
    gsize n = fmn_param_count(&node->params[i]);
    c->w[i] = node->params[i].data;
    if (node->params[i].trainable) {
      c->dw[i] = fmn_floats_new(n);
      memset(c->dw[i], 0x7f, n * sizeof(float));
    }
  }
  c->y = fmn_floats_new(out_count);
  c->dy = f.loss_weights = fmn_floats_new(out_count);
  fill_grid(f.loss_weights, out_count, 20);
  c->state = fmn_floats_new((grad->state ? grad->state(node, batch) : 0) / sizeof(float));
  c->scratch_size = grad->scratch ? grad->scratch(node, batch, threads) : 0;
  c->scratch = fmn_floats_new(c->scratch_size * (gsize)threads);
  c->shared = fmn_floats_new(grad->shared_scratch ? grad->shared_scratch(node, batch) : 0);

  loss(&f);
  grad->backward(c);
  if (extras.add) {
    grad->backward(c);
    for (int i = 0; i < n_inputs; i++)
      for (gsize k = 0; k < fmn_shape_count(shapes[i]); k++)
        c->dx[i][k] /= 2;
  }
  for (int i = 0; i < n_inputs; i++)
    compare(&f, f.x[i], fmn_shape_count(shapes[i]), c->dx[i], "dx", 30);
  for (int i = 0; i < node->n_params; i++)
    if (c->dw[i])
      compare(&f, c->w[i], fmn_param_count(&node->params[i]), c->dw[i], node->params[i].name, 31);

  for (int i = 0; i < n_inputs; i++) {
    fmn_floats_free(f.x[i]);
    fmn_floats_free(c->dx[i]);
  }
  for (int i = 0; i < node->n_params; i++)
    fmn_floats_free(c->dw[i]);
  fmn_floats_free(c->y);
  fmn_floats_free(f.loss_weights);
  fmn_floats_free(c->state);
  fmn_floats_free(c->scratch);
  fmn_floats_free(c->shared);
  fmn_graph_free(f.graph);
}

static void test_layer(gconstpointer data) {
  const FmnLayerGrad *grad = data;
  g_assert_nonnull(grad->samples);
  g_assert_cmpint(grad->samples->in.n, >, 0);
  for (int threads = 1; threads <= 3; threads++) {
    FmnPool *pool = fmn_pool_new(threads);
    for (const FmnGradSample *s = grad->samples; s->in.n > 0; s++)
      for (int act = FMN_ACT_NONE; act <= (grad->activates ? FMN_ACT_SWISH : FMN_ACT_NONE); act++)
        for (gboolean add = FALSE; add <= grad->adds; add++)
          check_sample(grad, s, pool, (Extras){(FmnActivation)act, add});
    fmn_pool_free(pool);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  for (const FmnLayerGrad *const *g = fmn_layer_grads; *g; g++) {
    char *path = g_strdup_printf("/layers/gradient/%s", (*g)->ops->name);
    g_test_add_data_func(path, *g, test_layer);
    g_free(path);
  }
  return g_test_run();
}
