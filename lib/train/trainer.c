#include "train/trainer.h"

#include <unistd.h>

#include "error.h"
#include "train/gradient_plan.h"
#include "train/random.h"

#define MIB (1024. * 1024)

typedef struct {
  FmnTrainCall call;
  float *y, *dy;
  void *state;
  int first_param;
} TrainNode;

struct FmnTrainer {
  FmnGraph *graph;
  FmnPool *pool;
  const FmnTrainer *other; /* whose weights these are; NULL: our own */
  int batch, n, n_nodes, n_params;
  FmnGradientPlan *plan;
  TrainNode *nodes;
  FmnTrainParam *params;
  float **slots;                /* gradients of values, as planned */
  float *extra[FMN_MAX_INPUTS]; /* second and later gradients of a value, before they are added */
  float *scratch, *shared;
  FmnTrainerProbe probe; /* NULL: none */
  gpointer probe_data;
};

void fmn_trainer_init_weights(FmnGraph *g, guint64 seed) {
  for (int i = 0; i < fmn_graph_size(g); i++) {
    FmnNode *node = fmn_graph_node(g, i);
    const FmnLayerGrad *grad = fmn_layer_grad_find(node->ops);
    if (grad && grad->init)
      grad->init(node, fmn_random_derive(seed, (guint64)i));
  }
}

static gsize node_count(const FmnTrainer *t, int i) {
  return fmn_shape_image(fmn_graph_node(t->graph, i)->out) * (gsize)t->batch;
}

/* Whether there is memory for the values of a batch and their gradients, which most of it goes to. */
static gboolean check_memory(const FmnGradientPlan *plan, int batch, GError **error) {
  double needed = (double)plan->floats * batch * sizeof(float);
  double there = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
  if (needed < there)
    return TRUE;
  g_set_error(
      error, FMN_ERROR, FMN_ERROR_MEMORY,
      "training with %d images a step takes %.0f MiB of memory, and the machine has %.0f; use a smaller --batch", batch,
      needed / MIB, there / MIB);
  return FALSE;
}

static void make_gradients(FmnTrainer *t) {
  const FmnGradientPlan *plan = t->plan;
  t->slots = g_new(float *, MAX(1, plan->n_slots));
  for (int i = 0; i < plan->n_slots; i++)
    t->slots[i] = fmn_floats_new0(plan->slots[i] * (gsize)t->batch);
  for (int k = 0; k < FMN_MAX_INPUTS; k++)
    t->extra[k] = plan->extra[k] ? fmn_floats_new0(plan->extra[k] * (gsize)t->batch) : NULL;
  for (int i = 0; i < t->n_nodes; i++)
    if (plan->nodes[i].slot >= 0)
      t->nodes[i].dy = t->slots[plan->nodes[i].slot];
}

static void make_params(FmnTrainer *t) {
  for (int i = 0; i < t->n_nodes; i++)
    t->n_params += fmn_graph_node(t->graph, i)->n_params;
  t->params = g_new0(FmnTrainParam, MAX(1, t->n_params));
  for (int i = 0, p = 0; i < t->n_nodes; i++) {
    FmnNode *node = fmn_graph_node(t->graph, i);
    t->nodes[i].first_param = p;
    for (int k = 0; k < node->n_params; k++, p++) {
      FmnParam *param = &node->params[k];
      if (t->other) {
        t->params[p] = t->other->params[p];
        continue;
      }
      t->params[p].name = g_strconcat(node->name, ".", param->name, NULL);
      t->params[p].param = param;
      t->params[p].gradient = param->trainable ? fmn_floats_new0(fmn_param_count(param)) : NULL;
    }
  }
}

/* The arguments of each node's calls; only the number of images and the seed change from step to step. */
static void make_calls(FmnTrainer *t) {
  gsize all_scratch = 0, all_shared = 0;
  int threads = fmn_pool_threads(t->pool);
  for (int i = 0; i < t->n_nodes; i++) {
    const FmnNode *node = fmn_graph_node(t->graph, i);
    const FmnGradientNode *plan = &t->plan->nodes[i];
    TrainNode *tn = &t->nodes[i];
    FmnTrainCall *c = &tn->call;
    if (plan->needed && plan->result == i)
      tn->y = fmn_floats_new0(node_count(t, i));
    if (!plan->grad)
      continue;
    c->node = node;
    c->batch = t->batch;
    c->dy = t->nodes[plan->result].dy;
    c->out = node->out;
    c->act = plan->act;
    c->slope = plan->slope;
    c->pool = t->pool;
    for (int k = 0; k < node->n_inputs; k++) {
      c->in[k] = node->in[k];
      FmnDxMode mode = plan->mode[k];
      gboolean there = mode == FMN_DX_WRITE || mode == FMN_DX_ADD_SELF;
      c->x[k] = t->nodes[node->inputs[k]].y;
      c->dx[k] = there ? t->nodes[node->inputs[k]].dy : mode == FMN_DX_ADD ? t->extra[k] : NULL;
      c->add[k] = mode == FMN_DX_ADD_SELF;
    }
    for (int k = 0; k < node->n_params; k++)
      c->dw[k] = t->params[tn->first_param + k].gradient;
    gsize state = plan->grad->state ? plan->grad->state(node, t->batch) : 0;
    c->state = tn->state = state ? fmn_floats_new0((state + sizeof(float) - 1) / sizeof(float)) : NULL;
    gsize need = plan->grad->scratch ? plan->grad->scratch(node, t->batch, threads) : 0;
    gsize shared = plan->grad->shared_scratch ? plan->grad->shared_scratch(node, t->batch) : 0;
    c->scratch_size = (need + 15) / 16 * 16;
    all_scratch = MAX(all_scratch, c->scratch_size * (gsize)threads);
    all_shared = MAX(all_shared, shared);
  }
  t->scratch = all_scratch ? fmn_floats_new0(all_scratch) : NULL;
  t->shared = all_shared ? fmn_floats_new0(all_shared) : NULL;
  for (int i = 0; i < t->n_nodes; i++) {
    t->nodes[i].call.y = t->nodes[t->plan->nodes[i].result].y;
    t->nodes[i].call.scratch = t->scratch;
    t->nodes[i].call.shared = t->shared;
  }
}

static FmnTrainer *trainer_new(FmnGraph *g, int batch, FmnPool *pool, const FmnTrainer *other, GError **error) {
  FmnGradientPlan *plan = fmn_gradient_plan_new(g, error);
  if (!plan || !check_memory(plan, batch, error)) {
    fmn_gradient_plan_free(plan);
    return NULL;
  }
  FmnTrainer *t = g_new0(FmnTrainer, 1);
  t->graph = g;
  t->plan = plan;
  t->other = other;
  t->pool = pool;
  t->batch = batch;
  t->n_nodes = fmn_graph_size(g);
  t->nodes = g_new0(TrainNode, t->n_nodes);
  make_gradients(t);
  make_params(t);
  make_calls(t);
  return t;
}

FmnTrainer *fmn_trainer_new(FmnGraph *g, int batch, FmnPool *pool, GError **error) {
  return trainer_new(g, batch, pool, NULL, error);
}

FmnTrainer *fmn_trainer_new_sibling(FmnGraph *g, int batch, FmnPool *pool, const FmnTrainer *other, GError **error) {
  g_return_val_if_fail(fmn_graph_size(g) == other->n_nodes, NULL);
  return trainer_new(g, batch, pool, other, error);
}

void fmn_trainer_free(FmnTrainer *t) {
  if (!t)
    return;
  for (int i = 0; i < t->n_nodes; i++) {
    fmn_floats_free(t->nodes[i].y);
    fmn_floats_free(t->nodes[i].state);
  }
  for (int i = 0; i < t->n_params && !t->other; i++) {
    g_free(t->params[i].name);
    fmn_floats_free(t->params[i].gradient);
  }
  for (int i = 0; i < t->plan->n_slots; i++)
    fmn_floats_free(t->slots[i]);
  for (int k = 0; k < FMN_MAX_INPUTS; k++)
    fmn_floats_free(t->extra[k]);
  fmn_floats_free(t->scratch);
  fmn_floats_free(t->shared);
  fmn_gradient_plan_free(t->plan);
  g_free(t->slots);
  g_free(t->params);
  g_free(t->nodes);
  g_free(t);
}

float *fmn_trainer_input(FmnTrainer *t) { return t->nodes[0].y; }

FmnShape fmn_trainer_output_shape(FmnTrainer *t, int i) { return fmn_graph_node(t->graph, t->graph->outputs[i])->out; }

const float *fmn_trainer_output(FmnTrainer *t, int i) { return t->nodes[t->graph->outputs[i]].y; }

float *fmn_trainer_output_gradient(FmnTrainer *t, int i) { return t->nodes[t->graph->outputs[i]].dy; }

void fmn_trainer_forward(FmnTrainer *t, int n, guint64 seed) { fmn_trainer_forward_statistics(t, n, seed, 0); }

void fmn_trainer_forward_statistics(FmnTrainer *t, int n, guint64 seed, float momentum) {
  t->n = n;
  for (int i = 0; i < t->n_nodes; i++) {
    const FmnLayerGrad *grad = t->plan->nodes[i].grad;
    TrainNode *tn = &t->nodes[i];
    if (!grad)
      continue;
    FmnTrainCall *c = &tn->call;
    c->out.n = n;
    c->seed = fmn_random_derive(seed, (guint64)i);
    c->momentum = momentum;
    for (int k = 0; k < c->node->n_inputs; k++)
      c->in[k].n = n;
    for (int k = 0; k < c->node->n_params; k++)
      c->w[k] = t->params[tn->first_param + k].param->data;
    grad->forward(c);
    if (t->probe)
      t->probe(t->probe_data, c->node, FALSE);
  }
}

typedef struct {
  float *to;
  const float *from;
  gsize count;
} Add;

#define ADD_CHUNK 16384

static void add_task(gpointer data, int begin, int end, int slot) {
  const Add *a = data;
  gsize stop = MIN(a->count, (gsize)end * ADD_CHUNK);
  for (gsize i = (gsize)begin * ADD_CHUNK; i < stop; i++)
    a->to[i] += a->from[i];
}

void fmn_trainer_backward(FmnTrainer *t) {
  for (int i = t->n_nodes - 1; i >= 0; i--) {
    const FmnGradientNode *plan = &t->plan->nodes[i];
    const FmnTrainCall *c = &t->nodes[i].call;
    if (!plan->grad || !plan->wants_gradient)
      continue;
    plan->grad->backward(c);
    for (int k = 0; k < c->node->n_inputs; k++) {
      if (plan->mode[k] != FMN_DX_ADD)
        continue;
      Add add = {t->nodes[c->node->inputs[k]].dy, t->extra[k], fmn_shape_count(c->in[k])};
      fmn_pool_run(t->pool, add_task, &add, (int)((add.count + ADD_CHUNK - 1) / ADD_CHUNK));
    }
    if (t->probe)
      t->probe(t->probe_data, c->node, TRUE);
  }
}

void fmn_trainer_set_probe(FmnTrainer *t, FmnTrainerProbe probe, gpointer data) {
  t->probe = probe;
  t->probe_data = data;
}

const FmnTrainParam *fmn_trainer_params(const FmnTrainer *t, int *n_params) {
  *n_params = t->n_params;
  return t->params;
}

void fmn_trainer_swap_weights(FmnTrainer *t, float **weights) {
  for (int i = 0; i < t->n_params; i++) {
    float *data = t->params[i].param->data;
    t->params[i].param->data = weights[i];
    weights[i] = data;
  }
}
