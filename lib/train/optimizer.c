#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#define CHUNK 16384
#define ADAM_BETA2 0.999
#define ADAM_EPSILON 1e-8

/* A piece of a weight tensor: the unit in which threads share the work. */
typedef struct {
  int param;
  gsize begin, end;
} Chunk;

/* The length of the gradient of all weights as one vector. */
typedef struct {
  const FmnTrainParam *params;
  FmnPool *pool;
  GArray *chunks;  /* of Chunk; not owned */
  double *squares; /* a chunk */
} Length;

struct FmnOptimizer {
  FmnOptimizerConfig config;
  const FmnTrainParam *params;
  int n_params, n_states;
  FmnPool *pool;
  float *(*states)[2];
  GArray *chunks;
  gint64 steps;
  Length *length;       /* NULL where no gradient is clipped */
  double learning_rate; /* of the step under way */
  float scale;          /* of its gradient */
};

static GArray *make_chunks(const FmnTrainParam *params, int n_params, gboolean trainable_only) {
  GArray *chunks = g_array_new(FALSE, FALSE, sizeof(Chunk));
  for (int i = 0; i < n_params; i++) {
    gsize n = trainable_only && !params[i].gradient ? 0 : fmn_param_count(params[i].param);
    for (gsize begin = 0; begin < n; begin += CHUNK) {
      Chunk chunk = {i, begin, MIN(n, begin + CHUNK)};
      g_array_append_val(chunks, chunk);
    }
  }
  return chunks;
}

static Length *length_new(const FmnTrainParam *params, GArray *chunks, FmnPool *pool) {
  Length *l = g_new(Length, 1);
  *l = (Length){params, pool, chunks, g_new(double, MAX(1, chunks->len))};
  return l;
}

static void length_free(Length *l) {
  if (!l)
    return;
  g_free(l->squares);
  g_free(l);
}

static void squares_task(gpointer data, int begin, int end, int slot) {
  const Length *l = data;
  for (int i = begin; i < end; i++) {
    const Chunk *c = &g_array_index(l->chunks, Chunk, i);
    const float *g = l->params[c->param].gradient;
    float sum = 0;
    for (gsize k = c->begin; g && k < c->end; k++)
      sum += g[k] * g[k];
    l->squares[i] = (double)sum;
  }
}

/* The same whatever the number of threads. */
static double measure_length(const Length *l) {
  double sum = 0;
  fmn_pool_run(l->pool, squares_task, (gpointer)l, (int)l->chunks->len);
  for (guint i = 0; i < l->chunks->len; i++)
    sum += l->squares[i];
  return sqrt(sum);
}

FmnOptimizer *fmn_optimizer_new(const FmnOptimizerConfig *config, const FmnTrainParam *params, int n_params,
                                FmnPool *pool) {
  FmnOptimizer *o = g_new0(FmnOptimizer, 1);
  o->config = *config;
  o->params = params;
  o->n_params = n_params;
  o->pool = pool;
  o->n_states = config->kind == FMN_OPTIMIZER_ADAM ? 2 : 1;
  o->states = g_malloc0_n((gsize)MAX(1, n_params), sizeof *o->states);
  for (int i = 0; i < n_params; i++)
    for (int s = 0; s < o->n_states && params[i].gradient; s++)
      o->states[i][s] = fmn_floats_new0(fmn_param_count(params[i].param));
  o->chunks = make_chunks(params, n_params, TRUE);
  if (config->clip_norm > 0)
    o->length = length_new(params, o->chunks, pool);
  return o;
}

void fmn_optimizer_free(FmnOptimizer *o) {
  if (!o)
    return;
  for (int i = 0; i < o->n_params; i++)
    for (int s = 0; s < o->n_states; s++)
      fmn_floats_free(o->states[i][s]);
  g_array_free(o->chunks, TRUE);
  length_free(o->length);
  g_free(o->states);
  g_free(o);
}

static void adam(const FmnOptimizer *o, const Chunk *c, float decay) {
  double t = (double)o->steps;
  float beta1 = (float)o->config.momentum, beta2 = (float)ADAM_BETA2;
  float rate = (float)(o->learning_rate / (1 - pow(o->config.momentum, t)));
  float scale = (float)(1 / sqrt(1 - pow(ADAM_BETA2, t)));
  float keep = (float)(1 - o->learning_rate * (double)decay);
  float *restrict w = o->params[c->param].param->data;
  const float *restrict g = o->params[c->param].gradient;
  float *restrict m = o->states[c->param][0], *restrict v = o->states[c->param][1];
  for (gsize i = c->begin; i < c->end; i++) {
    float d = g[i] * o->scale;
    m[i] = beta1 * m[i] + (1 - beta1) * d;
    v[i] = beta2 * v[i] + (1 - beta2) * d * d;
    w[i] = w[i] * keep - rate * m[i] / (sqrtf(v[i]) * scale + (float)ADAM_EPSILON);
  }
}

static void sgd(const FmnOptimizer *o, const Chunk *c, float decay) {
  float momentum = (float)o->config.momentum, rate = (float)o->learning_rate;
  /* Nesterov looks ahead by one more step of the momentum. */
  float now = o->config.nesterov ? 1.0f : 0.0f, ahead = o->config.nesterov ? momentum : 1.0f;
  float *restrict w = o->params[c->param].param->data;
  const float *restrict g = o->params[c->param].gradient;
  float *restrict v = o->states[c->param][0];
  for (gsize i = c->begin; i < c->end; i++) {
    float d = g[i] * o->scale + decay * w[i];
    v[i] = momentum * v[i] + d;
    w[i] -= rate * (now * d + ahead * v[i]);
  }
}

static void step_task(gpointer data, int begin, int end, int slot) {
  const FmnOptimizer *o = data;
  for (int i = begin; i < end; i++) {
    const Chunk *c = &g_array_index(o->chunks, Chunk, i);
    float decay = o->params[c->param].param->decay ? (float)o->config.weight_decay : 0;
    if (o->config.kind == FMN_OPTIMIZER_ADAM)
      adam(o, c, decay);
    else
      sgd(o, c, decay);
  }
}

/* By how much the gradient is to be scaled. */
static float clip(const FmnOptimizer *o) {
  double length = o->length ? measure_length(o->length) : 0;
  return length > o->config.clip_norm ? (float)(o->config.clip_norm / length) : 1;
}

void fmn_optimizer_step(FmnOptimizer *o, double learning_rate) {
  o->steps++;
  o->scale = clip(o);
  o->learning_rate = learning_rate;
  fmn_pool_run(o->pool, step_task, o, (int)o->chunks->len);
}

gint64 *fmn_optimizer_steps(FmnOptimizer *o) { return &o->steps; }

int fmn_optimizer_n_states(const FmnOptimizer *o) { return o->n_states; }

float *fmn_optimizer_state(FmnOptimizer *o, int param, int state) { return o->states[param][state]; }

struct FmnSam {
  double radius;
  const FmnTrainParam *params;
  int n_params;
  FmnPool *pool;
  float **uphill;
  GArray *chunks;
  Length *length;
  float scale; /* of the gradient in the step under way */
};

FmnSam *fmn_sam_new(double radius, const FmnTrainParam *params, int n_params, FmnPool *pool) {
  FmnSam *s = g_new0(FmnSam, 1);
  s->radius = radius;
  s->params = params;
  s->n_params = n_params;
  s->pool = pool;
  s->uphill = g_new0(float *, MAX(1, n_params));
  for (int i = 0; i < n_params; i++)
    s->uphill[i] = fmn_floats_new(fmn_param_count(params[i].param));
  s->chunks = make_chunks(params, n_params, FALSE);
  s->length = length_new(params, s->chunks, pool);
  return s;
}

void fmn_sam_free(FmnSam *s) {
  if (!s)
    return;
  for (int i = 0; i < s->n_params; i++)
    fmn_floats_free(s->uphill[i]);
  length_free(s->length);
  g_array_free(s->chunks, TRUE);
  g_free(s->uphill);
  g_free(s);
}

static void climb_task(gpointer data, int begin, int end, int slot) {
  const FmnSam *s = data;
  for (int i = begin; i < end; i++) {
    const Chunk *c = &g_array_index(s->chunks, Chunk, i);
    float *restrict to = s->uphill[c->param];
    const float *restrict w = s->params[c->param].param->data, *restrict g = s->params[c->param].gradient;
    for (gsize k = c->begin; k < c->end; k++)
      to[k] = g ? w[k] + s->scale * g[k] : w[k];
  }
}

float **fmn_sam_climb(FmnSam *s) {
  double length = measure_length(s->length);
  s->scale = length > 0 ? (float)(s->radius / length) : 0;
  fmn_pool_run(s->pool, climb_task, s, (int)s->chunks->len);
  return s->uphill;
}

struct FmnEma {
  double decay;
  const FmnTrainParam *params;
  int n_params;
  FmnPool *pool;
  float **average;
  GArray *chunks;
  gint64 steps;
  float weight; /* of the newest weights in the step under way */
};

FmnEma *fmn_ema_new(double decay, const FmnTrainParam *params, int n_params, FmnPool *pool) {
  FmnEma *e = g_new0(FmnEma, 1);
  e->decay = decay;
  e->params = params;
  e->n_params = n_params;
  e->pool = pool;
  e->average = g_new0(float *, MAX(1, n_params));
  for (int i = 0; i < n_params; i++) {
    gsize n = fmn_param_count(params[i].param);
    e->average[i] = fmn_floats_new(n);
    memcpy(e->average[i], params[i].param->data, n * sizeof(float));
  }
  e->chunks = make_chunks(params, n_params, FALSE);
  return e;
}

void fmn_ema_free(FmnEma *e) {
  if (!e)
    return;
  for (int i = 0; i < e->n_params; i++)
    fmn_floats_free(e->average[i]);
  g_array_free(e->chunks, TRUE);
  g_free(e->average);
  g_free(e);
}

static void ema_task(gpointer data, int begin, int end, int slot) {
  const FmnEma *e = data;
  for (int i = begin; i < end; i++) {
    const Chunk *c = &g_array_index(e->chunks, Chunk, i);
    float *restrict a = e->average[c->param];
    const float *restrict w = e->params[c->param].param->data;
    for (gsize k = c->begin; k < c->end; k++)
      a[k] += e->weight * (w[k] - a[k]);
  }
}

void fmn_ema_step(FmnEma *e) {
  e->steps++;
  e->weight = (float)(1 - MIN(e->decay, (1.0 + (double)e->steps) / (10.0 + (double)e->steps)));
  fmn_pool_run(e->pool, ema_task, e, (int)e->chunks->len);
}

gint64 *fmn_ema_steps(FmnEma *e) { return &e->steps; }

float *fmn_ema_average(FmnEma *e, int param) { return e->average[param]; }
