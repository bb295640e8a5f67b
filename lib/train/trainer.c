#include "train/trainer.h"

#include "error.h"
#include "nn/layers.h"
#include "train/random.h"

/* How a layer's gradient gets to that of a value that it reads. */
typedef enum {
  DX_NONE,
  DX_WRITE,
  DX_SHARE,    /* it is that of its result, and lies there */
  DX_ADD_SELF, /* there is one of another reader; the layer adds to it */
  DX_ADD,      /* the same, but the trainer adds */
} DxMode;

typedef struct {
  const FmnLayerGrad *grad; /* NULL for the input and for nodes that no output needs */
  FmnTrainCall call;
  float *y, *dy;
  void *state;
  int slot;   /* gradient slot of y; -1: none */
  int result; /* the node whose y and dy its calls have: itself, or the activation that follows and is done along */
  int maker;  /* the node that has it as its result */
  gboolean needed, wants_gradient;
  DxMode mode[FMN_MAX_INPUTS];
  int first_param;
} TrainNode;

typedef struct {
  float *data;
  gsize size;
  int users; /* values whose gradients are there */
} Slot;

struct FmnTrainer {
  FmnGraph *graph;
  FmnPool *pool;
  const FmnTrainer *other; /* whose weights these are; NULL: our own */
  int batch, n, n_nodes, n_params;
  TrainNode *nodes;
  FmnTrainParam *params;
  GArray *slots;                /* of Slot: gradients of values, shared by those that are never alive together */
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

/* Which nodes lead to an output, and which stand behind a trainable weight. */
static gboolean mark_nodes(FmnTrainer *t, GError **error) {
  const FmnGraph *g = t->graph;
  for (int i = 0; i < g->n_outputs; i++)
    t->nodes[g->outputs[i]].needed = TRUE;
  for (int i = t->n_nodes - 1; i >= 0; i--) {
    const FmnNode *node = fmn_graph_node(g, i);
    for (int k = 0; t->nodes[i].needed && k < node->n_inputs; k++)
      t->nodes[node->inputs[k]].needed = TRUE;
  }
  for (int i = 0; i < t->n_nodes; i++) {
    const FmnNode *node = fmn_graph_node(g, i);
    TrainNode *tn = &t->nodes[i];
    for (int k = 0; k < node->n_params; k++)
      tn->wants_gradient |= node->params[k].trainable;
    for (int k = 0; k < node->n_inputs; k++)
      tn->wants_gradient |= t->nodes[node->inputs[k]].wants_gradient;
    if (!tn->needed || node->n_inputs == 0)
      continue;
    if (!(tn->grad = fmn_layer_grad_find(node->ops))) {
      g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                  "layer “%s” can only be run, not trained: it has no gradient", node->ops->name);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean is_output(const FmnGraph *g, int i) {
  for (int k = 0; k < g->n_outputs; k++)
    if (g->outputs[k] == i)
      return TRUE;
  return FALSE;
}

static int count_readers(const FmnTrainer *t, int value) {
  int n = 0;
  for (int i = value + 1; i < t->n_nodes; i++)
    for (int k = 0; t->nodes[i].needed && k < fmn_graph_node(t->graph, i)->n_inputs; k++)
      n += fmn_graph_node(t->graph, i)->inputs[k] == value;
  return n;
}

/* Activations that the layers before them do along: nobody else reads what these have. */
static void fuse_activations(FmnTrainer *t) {
  for (int i = 1; i < t->n_nodes; i++) {
    const FmnNode *node = fmn_graph_node(t->graph, i);
    FmnPointwise p = {.kind = FMN_POINTWISE_IDENTITY};
    TrainNode *before = node->ops == &fmn_activation_ops ? &t->nodes[node->inputs[0]] : NULL;
    if (!before || !t->nodes[i].grad || !before->grad || !before->grad->activates ||
        is_output(t->graph, node->inputs[0]) || count_readers(t, node->inputs[0]) != 1)
      continue;
    node->ops->pointwise(node, &p);
    before->result = i;
    t->nodes[i].maker = node->inputs[0];
    before->call.act = p.act;
    before->call.slope = p.slope;
    t->nodes[i].grad = NULL;
  }
}

static int take_slot(FmnTrainer *t, gsize size) {
  int best = -1;
  for (guint i = 0; i < t->slots->len; i++) {
    const Slot *s = &g_array_index(t->slots, Slot, i);
    if (s->users)
      continue;
    const Slot *b = best < 0 ? NULL : &g_array_index(t->slots, Slot, best);
    if (!b || (s->size >= size ? b->size < size || s->size < b->size : s->size > b->size))
      best = (int)i;
  }
  if (best < 0) {
    Slot fresh = {NULL, 0, 0};
    g_array_append_val(t->slots, fresh);
    best = (int)t->slots->len - 1;
  }
  Slot *s = &g_array_index(t->slots, Slot, best);
  s->users = 1;
  s->size = MAX(s->size, size);
  return best;
}

/* Whether a node from that which makes `other` on, but before node `end`, reads `value`, and so adds to its gradient
 * before that of `other` is done with. */
static gboolean disturbs(const FmnTrainer *t, int value, int other, int end) {
  for (int i = t->nodes[other].maker; i < end; i++)
    for (int k = 0; t->nodes[i].grad && k < fmn_graph_node(t->graph, i)->n_inputs; k++)
      if (fmn_graph_node(t->graph, i)->inputs[k] == value)
        return TRUE;
  return FALSE;
}

/* Whether input k of node i may have its gradient where that of the node's result is: as long as others are there, too,
 * which still are to be read, it must stay as it is, and they as well. */
static gboolean may_share(const FmnTrainer *t, int i, int k) {
  const FmnNode *node = fmn_graph_node(t->graph, i);
  int value = node->inputs[k], slot = t->nodes[t->nodes[i].result].slot;
  if (!t->nodes[i].grad->shares_gradient)
    return FALSE;
  for (int other = 0; other < node->n_inputs; other++)
    if (other != k && node->inputs[other] == value)
      return FALSE;
  for (int other = 0; other < t->n_nodes; other++)
    if (t->nodes[other].slot == slot && t->nodes[other].maker < i &&
        (disturbs(t, value, other, i) || disturbs(t, other, value, i)))
      return FALSE;
  return TRUE;
}

/* Walks the backward pass once to see which gradients are alive at the same time. */
static void plan_gradients(FmnTrainer *t) {
  const FmnGraph *g = t->graph;
  gsize extra[FMN_MAX_INPUTS] = {0};
  for (int i = 0; i < t->n_nodes; i++)
    t->nodes[i].slot = -1;
  for (int i = 0; i < g->n_outputs; i++)
    if (t->nodes[g->outputs[i]].slot < 0)
      t->nodes[g->outputs[i]].slot = take_slot(t, node_count(t, g->outputs[i]));
  for (int i = t->n_nodes - 1; i >= 0; i--) {
    const FmnNode *node = fmn_graph_node(g, i);
    TrainNode *tn = &t->nodes[i];
    if (!tn->grad || !tn->wants_gradient)
      continue;
    int slot = t->nodes[tn->result].slot;
    for (int k = 0; k < node->n_inputs; k++) {
      TrainNode *in = &t->nodes[node->inputs[k]];
      if (!in->wants_gradient)
        continue;
      if (in->slot >= 0 && tn->grad->adds) {
        tn->mode[k] = DX_ADD_SELF;
      } else if (in->slot >= 0) {
        tn->mode[k] = DX_ADD;
        extra[k] = MAX(extra[k], node_count(t, node->inputs[k]));
      } else if (may_share(t, i, k)) {
        tn->mode[k] = DX_SHARE;
        in->slot = slot;
        g_array_index(t->slots, Slot, slot).users++;
      } else {
        tn->mode[k] = DX_WRITE;
        in->slot = take_slot(t, node_count(t, node->inputs[k]));
      }
    }
    g_array_index(t->slots, Slot, slot).users--;
  }
  for (int k = 0; k < FMN_MAX_INPUTS; k++)
    t->extra[k] = extra[k] ? fmn_floats_new0(extra[k]) : NULL;
  for (guint i = 0; i < t->slots->len; i++) {
    Slot *s = &g_array_index(t->slots, Slot, i);
    s->data = fmn_floats_new0(s->size);
  }
  for (int i = 0; i < t->n_nodes; i++)
    if (t->nodes[i].slot >= 0)
      t->nodes[i].dy = g_array_index(t->slots, Slot, t->nodes[i].slot).data;
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
  for (int i = 0; i < t->n_nodes; i++) {
    const FmnNode *node = fmn_graph_node(t->graph, i);
    TrainNode *tn = &t->nodes[i];
    FmnTrainCall *c = &tn->call;
    if (tn->needed && tn->result == i)
      tn->y = fmn_floats_new0(node_count(t, i));
    if (!tn->grad)
      continue;
    c->node = node;
    c->batch = t->batch;
    c->dy = t->nodes[tn->result].dy;
    c->out = node->out;
    c->pool = t->pool;
    for (int k = 0; k < node->n_inputs; k++) {
      c->in[k] = node->in[k];
      gboolean there = tn->mode[k] == DX_WRITE || tn->mode[k] == DX_ADD_SELF;
      c->x[k] = t->nodes[node->inputs[k]].y;
      c->dx[k] = there ? t->nodes[node->inputs[k]].dy : tn->mode[k] == DX_ADD ? t->extra[k] : NULL;
      c->add |= tn->mode[k] == DX_ADD_SELF;
    }
    for (int k = 0; k < node->n_params; k++)
      c->dw[k] = t->params[tn->first_param + k].gradient;
    gsize state = tn->grad->state ? tn->grad->state(node, t->batch) : 0;
    c->state = tn->state = state ? fmn_floats_new0((state + sizeof(float) - 1) / sizeof(float)) : NULL;
    gsize need = tn->grad->scratch ? tn->grad->scratch(node, t->batch) : 0;
    gsize shared = tn->grad->shared_scratch ? tn->grad->shared_scratch(node, t->batch) : 0;
    c->scratch_size = (need + 15) / 16 * 16;
    all_scratch = MAX(all_scratch, c->scratch_size * (gsize)fmn_pool_threads(t->pool));
    all_shared = MAX(all_shared, shared);
  }
  t->scratch = all_scratch ? fmn_floats_new0(all_scratch) : NULL;
  t->shared = all_shared ? fmn_floats_new0(all_shared) : NULL;
  for (int i = 0; i < t->n_nodes; i++) {
    t->nodes[i].call.y = t->nodes[t->nodes[i].result].y;
    t->nodes[i].call.scratch = t->scratch;
    t->nodes[i].call.shared = t->shared;
  }
}

static FmnTrainer *trainer_new(FmnGraph *g, int batch, FmnPool *pool, const FmnTrainer *other, GError **error) {
  FmnTrainer *t = g_new0(FmnTrainer, 1);
  t->graph = g;
  t->other = other;
  t->pool = pool;
  t->batch = batch;
  t->n_nodes = fmn_graph_size(g);
  t->nodes = g_new0(TrainNode, t->n_nodes);
  t->slots = g_array_new(FALSE, FALSE, sizeof(Slot));
  for (int i = 0; i < t->n_nodes; i++)
    t->nodes[i].result = t->nodes[i].maker = i;
  if (!mark_nodes(t, error)) {
    fmn_trainer_free(t);
    return NULL;
  }
  fuse_activations(t);
  plan_gradients(t);
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
  for (guint i = 0; i < t->slots->len; i++)
    fmn_floats_free(g_array_index(t->slots, Slot, i).data);
  for (int k = 0; k < FMN_MAX_INPUTS; k++)
    fmn_floats_free(t->extra[k]);
  fmn_floats_free(t->scratch);
  fmn_floats_free(t->shared);
  g_array_free(t->slots, TRUE);
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
    TrainNode *tn = &t->nodes[i];
    if (!tn->grad)
      continue;
    FmnTrainCall *c = &tn->call;
    c->out.n = n;
    c->seed = fmn_random_derive(seed, (guint64)i);
    c->momentum = momentum;
    for (int k = 0; k < c->node->n_inputs; k++)
      c->in[k].n = n;
    for (int k = 0; k < c->node->n_params; k++)
      c->w[k] = t->params[tn->first_param + k].param->data;
    tn->grad->forward(c);
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
    TrainNode *tn = &t->nodes[i];
    if (!tn->grad || !tn->wants_gradient)
      continue;
    const FmnTrainCall *c = &tn->call;
    tn->grad->backward(c);
    for (int k = 0; k < c->node->n_inputs; k++) {
      if (tn->mode[k] != DX_ADD)
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
