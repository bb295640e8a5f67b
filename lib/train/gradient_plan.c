#include "train/gradient_plan.h"

#include "error.h"
#include "nn/layers.h"

typedef struct {
  gsize size; /* floats an image */
  int users;  /* values whose gradients are there */
} Slot;

typedef struct {
  const FmnGraph *graph;
  int n_nodes;
  FmnGradientNode *nodes;
  GArray *slots; /* of Slot */
} Planner;

/* Which nodes lead to an output, and which stand behind a trainable weight. */
static gboolean mark_nodes(Planner *p, GError **error) {
  const FmnGraph *g = p->graph;
  for (int i = 0; i < g->n_outputs; i++)
    p->nodes[g->outputs[i]].needed = TRUE;
  for (int i = p->n_nodes - 1; i >= 0; i--) {
    const FmnNode *node = fmn_graph_node(g, i);
    for (int k = 0; p->nodes[i].needed && k < node->n_inputs; k++)
      p->nodes[node->inputs[k]].needed = TRUE;
  }
  for (int i = 0; i < p->n_nodes; i++) {
    const FmnNode *node = fmn_graph_node(g, i);
    FmnGradientNode *n = &p->nodes[i];
    n->result = n->maker = i;
    n->slot = -1;
    for (int k = 0; k < node->n_params; k++)
      n->wants_gradient |= node->params[k].trainable;
    for (int k = 0; k < node->n_inputs; k++)
      n->wants_gradient |= p->nodes[node->inputs[k]].wants_gradient;
    if (!n->needed || node->n_inputs == 0)
      continue;
    if (!(n->grad = fmn_layer_grad_find(node->ops))) {
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

static int count_readers(const Planner *p, int value) {
  int n = 0;
  for (int i = value + 1; i < p->n_nodes; i++)
    for (int k = 0; p->nodes[i].needed && k < fmn_graph_node(p->graph, i)->n_inputs; k++)
      n += fmn_graph_node(p->graph, i)->inputs[k] == value;
  return n;
}

/* Activations that the layers before them do along: nobody else reads what these have. */
static void fuse_activations(Planner *p) {
  for (int i = 1; i < p->n_nodes; i++) {
    const FmnNode *node = fmn_graph_node(p->graph, i);
    FmnPointwise pointwise = {.kind = FMN_POINTWISE_IDENTITY};
    FmnGradientNode *before = node->ops == &fmn_activation_ops ? &p->nodes[node->inputs[0]] : NULL;
    if (!before || !p->nodes[i].grad || !before->grad || !before->grad->activates ||
        is_output(p->graph, node->inputs[0]) || count_readers(p, node->inputs[0]) != 1)
      continue;
    node->ops->pointwise(node, &pointwise);
    before->result = i;
    before->act = pointwise.act;
    before->slope = pointwise.slope;
    p->nodes[i].maker = node->inputs[0];
    p->nodes[i].grad = NULL;
  }
}

/* A free slot for the gradient of node i's result: the tightest, or else the one that has to grow least. */
static int take_slot(Planner *p, int i) {
  gsize size = fmn_shape_image(fmn_graph_node(p->graph, i)->out);
  int best = -1;
  for (guint k = 0; k < p->slots->len; k++) {
    const Slot *s = &g_array_index(p->slots, Slot, k);
    if (s->users)
      continue;
    const Slot *b = best < 0 ? NULL : &g_array_index(p->slots, Slot, best);
    if (!b || (s->size >= size ? b->size < size || s->size < b->size : s->size > b->size))
      best = (int)k;
  }
  if (best < 0) {
    Slot fresh = {0, 0};
    g_array_append_val(p->slots, fresh);
    best = (int)p->slots->len - 1;
  }
  Slot *s = &g_array_index(p->slots, Slot, best);
  s->users = 1;
  s->size = MAX(s->size, size);
  return best;
}

/* Whether a node from that which makes `other` on, but before node `end`, reads `value`, and so adds to its gradient
 * before that of `other` is done with. */
static gboolean disturbs(const Planner *p, int value, int other, int end) {
  for (int i = p->nodes[other].maker; i < end; i++)
    for (int k = 0; p->nodes[i].grad && k < fmn_graph_node(p->graph, i)->n_inputs; k++)
      if (fmn_graph_node(p->graph, i)->inputs[k] == value)
        return TRUE;
  return FALSE;
}

/* Whether input k of node i may have its gradient where that of the node's result is: as long as others are there, too,
 * which still are to be read, it must stay as it is, and they as well. */
static gboolean may_share(const Planner *p, int i, int k) {
  const FmnNode *node = fmn_graph_node(p->graph, i);
  int value = node->inputs[k], slot = p->nodes[p->nodes[i].result].slot;
  if (!p->nodes[i].grad->shares_gradient)
    return FALSE;
  for (int other = 0; other < node->n_inputs; other++)
    if (other != k && node->inputs[other] == value)
      return FALSE;
  for (int other = 0; other < p->n_nodes; other++)
    if (p->nodes[other].slot == slot && p->nodes[other].maker < i &&
        (disturbs(p, value, other, i) || disturbs(p, other, value, i)))
      return FALSE;
  return TRUE;
}

static FmnDxMode place_gradient(Planner *p, int i, int k) {
  FmnGradientNode *in = &p->nodes[fmn_graph_node(p->graph, i)->inputs[k]];
  if (!in->wants_gradient)
    return FMN_DX_NONE;
  if (in->slot >= 0)
    return p->nodes[i].grad->adds ? FMN_DX_ADD_SELF : FMN_DX_ADD;
  if (!may_share(p, i, k)) {
    in->slot = take_slot(p, fmn_graph_node(p->graph, i)->inputs[k]);
    return FMN_DX_WRITE;
  }
  in->slot = p->nodes[p->nodes[i].result].slot;
  g_array_index(p->slots, Slot, in->slot).users++;
  return FMN_DX_SHARE;
}

/* Walks the backward pass once to see which gradients are alive at the same time. */
static void place_gradients(Planner *p) {
  const FmnGraph *g = p->graph;
  for (int i = 0; i < g->n_outputs; i++)
    if (p->nodes[g->outputs[i]].slot < 0)
      p->nodes[g->outputs[i]].slot = take_slot(p, g->outputs[i]);
  for (int i = p->n_nodes - 1; i >= 0; i--) {
    FmnGradientNode *n = &p->nodes[i];
    if (!n->grad || !n->wants_gradient)
      continue;
    for (int k = 0; k < fmn_graph_node(g, i)->n_inputs; k++)
      n->mode[k] = place_gradient(p, i, k);
    g_array_index(p->slots, Slot, p->nodes[n->result].slot).users--;
  }
}

static gsize count_floats(const FmnGradientPlan *plan, const FmnGraph *g) {
  gsize count = 0;
  for (int i = 0; i < fmn_graph_size(g); i++)
    if (plan->nodes[i].needed && plan->nodes[i].result == i)
      count += fmn_shape_image(fmn_graph_node(g, i)->out);
  for (int i = 0; i < plan->n_slots; i++)
    count += plan->slots[i];
  for (int k = 0; k < FMN_MAX_INPUTS; k++)
    count += plan->extra[k];
  return count;
}

static FmnGradientPlan *finish(const Planner *p) {
  FmnGradientPlan *plan = g_new0(FmnGradientPlan, 1);
  plan->nodes = p->nodes;
  plan->n_slots = (int)p->slots->len;
  plan->slots = g_new(gsize, MAX(1, plan->n_slots));
  for (int i = 0; i < plan->n_slots; i++)
    plan->slots[i] = g_array_index(p->slots, Slot, i).size;
  for (int i = 0; i < p->n_nodes; i++)
    for (int k = 0; k < FMN_MAX_INPUTS; k++)
      if (p->nodes[i].mode[k] == FMN_DX_ADD)
        plan->extra[k] = MAX(plan->extra[k], fmn_shape_image(fmn_graph_node(p->graph, i)->in[k]));
  plan->floats = count_floats(plan, p->graph);
  return plan;
}

FmnGradientPlan *fmn_gradient_plan_new(const FmnGraph *g, GError **error) {
  Planner p = {.graph = g, .n_nodes = fmn_graph_size(g)};
  FmnGradientPlan *plan = NULL;
  p.nodes = g_new0(FmnGradientNode, p.n_nodes);
  p.slots = g_array_new(FALSE, FALSE, sizeof(Slot));
  if (mark_nodes(&p, error)) {
    fuse_activations(&p);
    place_gradients(&p);
    plan = finish(&p);
  } else {
    g_free(p.nodes);
  }
  g_array_free(p.slots, TRUE);
  return plan;
}

void fmn_gradient_plan_free(FmnGradientPlan *p) {
  if (!p)
    return;
  g_free(p->nodes);
  g_free(p->slots);
  g_free(p);
}
