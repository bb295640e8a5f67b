#include "nn/plan.h"

#include "error.h"
#include "nn/step.h"

/* A value's place in the arena: the steps first ≤ i ≤ last need it. */
typedef struct {
  gsize size, *offset;
  int first, last;
} Lifetime;

static int by_size(gconstpointer a, gconstpointer b) {
  const Lifetime *x = a, *y = b;
  if (x->size != y->size)
    return x->size < y->size ? 1 : -1;
  return x->first - y->first;
}

/* The lowest offset at which v overlaps none of the values placed before it that live at the same time. */
static gsize lowest_offset(const Lifetime *placed, int n, const Lifetime *v) {
  gsize offset = 0;
  for (int i = 0; i < n; i++) {
    const Lifetime *p = &placed[i];
    gboolean together = p->first <= v->last && v->first <= p->last;
    if (together && offset < *p->offset + p->size && *p->offset < offset + v->size) {
      offset = *p->offset + p->size;
      i = -1; /* moved: look at all of them again */
    }
  }
  return offset;
}

/* Largest first, each as low as it fits: the greedy order of Pisarchyk & Lee 2020, "Efficient Memory Management for Deep Neural
 * Net Inference". */
static void place(FmnPlan *plan) {
  int n = (int)plan->steps->len;
  Lifetime *values = g_new0(Lifetime, n + 1);

  values[0] = (Lifetime){fmn_shape_image(plan->input), &plan->input_offset, -1, -1};
  for (int i = 0; i < n; i++) {
    FmnStep *step = fmn_plan_step(plan, i);
    values[i + 1] = (Lifetime){fmn_shape_image(step->out), &step->offset, i, i};
    for (int j = 0; j < step->n_inputs; j++)
      values[step->inputs[j] + 1].last = i;
  }
  for (int i = 0; i < plan->n_outputs; i++)
    values[plan->outputs[i] + 1].last = n;
  for (int i = 0; i <= n; i++)
    values[i].size = (values[i].size + FMN_ALIGN_FLOATS - 1) / FMN_ALIGN_FLOATS * FMN_ALIGN_FLOATS;
  qsort(values, (gsize)n + 1, sizeof *values, by_size);
  for (int i = 0; i <= n; i++) {
    *values[i].offset = lowest_offset(values, i, &values[i]);
    plan->arena = MAX(plan->arena, *values[i].offset + values[i].size);
  }
  g_free(values);
}

FmnPlan *fmn_plan_try_new(const FmnGraph *g, GError **error) {
  g_return_val_if_fail(g && !g->error && g->n_outputs > 0, NULL);
  FmnPlan *plan = g_new0(FmnPlan, 1);
  plan->ref_count = 1;
  plan->input = fmn_graph_node(g, 0)->out;
  plan->steps = g_array_new(FALSE, TRUE, sizeof(FmnStep));
  if (!fmn_plan_fold(plan, g)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_MEMORY, "no memory for the weights of the network");
    fmn_plan_unref(plan);
    return NULL;
  }
  place(plan);
  for (guint i = 0; i < plan->steps->len; i++)
    plan->scratch = MAX(plan->scratch, fmn_plan_step(plan, (int)i)->scratch);
  return plan;
}

FmnPlan *fmn_plan_new(const FmnGraph *g) {
  GError *error = NULL;
  FmnPlan *plan = fmn_plan_try_new(g, &error);
  if (error)
    g_error("%s", error->message);
  return plan;
}

FmnPlan *fmn_plan_ref(FmnPlan *plan) {
  g_atomic_int_inc(&plan->ref_count);
  return plan;
}

gboolean fmn_plan_is_unshared(FmnPlan *plan) { return g_atomic_int_get(&plan->ref_count) == 1; }

void fmn_plan_unref(FmnPlan *plan) {
  if (!plan || !g_atomic_int_dec_and_test(&plan->ref_count))
    return;
  for (guint i = 0; i < plan->steps->len; i++) {
    FmnStep *step = fmn_plan_step(plan, (int)i);
    for (int j = 0; j < FMN_MAX_PARAMS; j++)
      fmn_floats_free(step->w[j]);
    fmn_floats_free(step->gain);
    fmn_floats_free(step->bias);
    fmn_floats_free(step->scale);
    fmn_floats_free(step->shift);
    g_free(step->config);
  }
  g_array_unref(plan->steps);
  g_free(plan);
}

FmnShape fmn_plan_input(const FmnPlan *plan) { return plan->input; }

int fmn_plan_n_outputs(const FmnPlan *plan) { return plan->n_outputs; }

FmnShape fmn_plan_output(const FmnPlan *plan, int i) {
  return plan->outputs[i] < 0 ? plan->input : fmn_plan_step(plan, plan->outputs[i])->out;
}

gsize fmn_plan_arena_bytes(const FmnPlan *plan) { return plan->arena * sizeof(float); }
