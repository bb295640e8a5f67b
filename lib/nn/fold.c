#include "nn/step.h"

#include <string.h>

/* What is known of each node of the graph while it is folded. */
typedef struct {
  int step;        /* whose output its value is; −1: the input */
  gboolean single; /* read by exactly one node, and so is every value that it is an alias of */
} Folded;

/* FALSE: memory is exhausted. */
static gboolean copy_floats(float **copy, const float *data, gsize count) {
  *copy = fmn_floats_try_new(count);
  if (*copy)
    memcpy(*copy, data, count * sizeof **copy);
  return *copy != NULL;
}

/* y·p->scale + p->shift after y·gain + bias, or after act(…)·scale + shift: one affine map after another is one again. */
static void compose(float **factor, float **offset, int channels, const FmnPointwise *p) {
  gboolean fresh = !*factor;
  if (fresh)
    *factor = fmn_floats_new((gsize)channels);
  if (!*offset)
    *offset = fmn_floats_new0((gsize)channels);
  for (int c = 0; c < channels; c++) {
    (*offset)[c] = (*offset)[c] * p->scale[c] + p->shift[c];
    (*factor)[c] = fresh ? p->scale[c] : (*factor)[c] * p->scale[c];
  }
}

/* Takes a pointwise node into the step before it, as far as act(y·gain + bias)·scale + shift can say it. */
static gboolean absorb(FmnStep *step, const FmnPointwise *p) {
  if (!step->ops->has_epilogue)
    return FALSE;
  if (p->kind == FMN_POINTWISE_ACTIVATION) {
    if (step->epilogue.act != FMN_ACT_NONE || step->scale)
      return FALSE;
    step->epilogue.act = p->act;
    step->epilogue.slope = p->slope;
  } else if (step->epilogue.act == FMN_ACT_NONE) {
    compose(&step->gain, &step->bias, step->out.c, p);
  } else {
    compose(&step->scale, &step->shift, step->out.c, p);
  }
  return TRUE;
}

/* FALSE: memory is exhausted. */
static gboolean add_step(FmnPlan *plan, const FmnNode *node, const Folded *folded, FmnPointwise *p) {
  FmnStep step = {.ops = node->ops, .n_inputs = node->n_inputs, .out = node->out};
  gboolean ok = TRUE;
  step.config = g_memdup2(node->config, node->ops->config_size);
  for (int i = 0; i < node->n_inputs; i++) {
    step.inputs[i] = folded[node->inputs[i]].step;
    step.in[i] = node->in[i];
  }
  if (p->kind == FMN_POINTWISE_AFFINE) {
    ok = copy_floats(&step.gain, p->scale, (gsize)node->out.c) && copy_floats(&step.bias, p->shift, (gsize)node->out.c);
  } else if (node->ops->has_epilogue && node->n_params > 0) {
    ok = copy_floats(&step.w[0], node->params[0].data, fmn_param_count(&node->params[0])) &&
         (node->n_params < 2 || copy_floats(&step.bias, node->params[1].data, (gsize)node->out.c));
  } else {
    for (int i = 0; i < node->n_params && ok; i++)
      ok = copy_floats(&step.w[i], node->params[i].data, fmn_param_count(&node->params[i]));
  }
  step.scratch = node->ops->scratch ? node->ops->scratch(node) : 0;
  g_array_append_val(plan->steps, step);
  return ok;
}

static int *count_uses(const FmnGraph *g) {
  int *uses = g_new0(int, fmn_graph_size(g));
  for (int i = 0; i < fmn_graph_size(g); i++)
    for (int j = 0; j < fmn_graph_node(g, i)->n_inputs; j++)
      uses[fmn_graph_node(g, i)->inputs[j]]++;
  for (int i = 0; i < g->n_outputs; i++)
    uses[g->outputs[i]]++;
  return uses;
}

gboolean fmn_plan_fold(FmnPlan *plan, const FmnGraph *g) {
  int n = fmn_graph_size(g), *uses = count_uses(g);
  Folded *folded = g_new0(Folded, n);
  gboolean ok = TRUE;

  folded[0] = (Folded){-1, FALSE};
  for (int i = 1; i < n && ok; i++) {
    const FmnNode *node = fmn_graph_node(g, i);
    const Folded *before = &folded[node->inputs[0]];
    FmnPointwise p = {FMN_POINTWISE_IDENTITY};
    gboolean fused = FALSE;

    folded[i] = (Folded){before->step, uses[i] == 1};
    if (node->ops->pointwise) {
      p.scale = fmn_floats_new((gsize)node->out.c);
      p.shift = fmn_floats_new((gsize)node->out.c);
      node->ops->pointwise(node, &p);
      if (p.kind == FMN_POINTWISE_IDENTITY) {
        folded[i].single = before->single && uses[i] == 1;
        fused = TRUE;
      } else {
        fused = before->step >= 0 && before->single && absorb(fmn_plan_step(plan, before->step), &p);
      }
    }
    if (!fused) {
      ok = add_step(plan, node, folded, &p);
      folded[i].step = (int)plan->steps->len - 1;
    }
    fmn_floats_free(p.scale);
    fmn_floats_free(p.shift);
  }
  plan->n_outputs = g->n_outputs;
  for (int i = 0; i < g->n_outputs; i++)
    plan->outputs[i] = folded[g->outputs[i]].step;
  for (guint i = 0; i < plan->steps->len && ok; i++) {
    FmnStep *step = fmn_plan_step(plan, (int)i);
    if (step->ops->prepare)
      ok = (step->w[0] = step->ops->prepare(step->config, step->in[0], step->out, step->w[0])) != NULL;
    step->epilogue.gain = step->gain;
    step->epilogue.bias = step->bias;
    step->epilogue.scale = step->scale;
    step->epilogue.shift = step->shift;
  }
  g_free(folded);
  g_free(uses);
  return ok;
}
