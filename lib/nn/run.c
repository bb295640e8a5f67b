#include "nn/plan.h"

#include <string.h>

#include "nn/step.h"

struct FmnRun {
  FmnPlan *plan;
  int max_batch;
  FmnPool *pool;
  float *arena, *scratch;
  gsize scratch_size; /* floats a thread */
};

FmnRun *fmn_run_new(FmnPlan *plan, int max_batch, int threads) {
  g_return_val_if_fail(plan && max_batch > 0, NULL);
  FmnRun *run = g_new0(FmnRun, 1);
  run->plan = fmn_plan_ref(plan);
  run->max_batch = max_batch;
  run->pool = fmn_pool_new(threads);
  run->scratch_size = (plan->scratch + FMN_ALIGN_FLOATS - 1) / FMN_ALIGN_FLOATS * FMN_ALIGN_FLOATS;
  run->arena = fmn_floats_new0(plan->arena * (gsize)max_batch);
  run->scratch = fmn_floats_new(run->scratch_size * (gsize)fmn_pool_threads(run->pool));
  return run;
}

void fmn_run_free(FmnRun *run) {
  if (!run)
    return;
  fmn_pool_free(run->pool);
  fmn_floats_free(run->arena);
  fmn_floats_free(run->scratch);
  fmn_plan_unref(run->plan);
  g_free(run);
}

static float *value(const FmnRun *run, int step) {
  gsize offset = step < 0 ? run->plan->input_offset : fmn_plan_step(run->plan, step)->offset;
  return run->arena + offset * (gsize)run->max_batch;
}

float *fmn_run_input(FmnRun *run) { return value(run, -1); }

void fmn_run_step(FmnRun *run, int n, int i) {
  const FmnStep *step = fmn_plan_step(run->plan, i);
  FmnForward f = {
      .config = step->config,
      .n_inputs = step->n_inputs,
      .out = step->out,
      .y = value(run, i),
      .epilogue = step->epilogue,
      .scratch = run->scratch,
      .scratch_size = run->scratch_size,
      .pool = run->pool,
  };
  f.out.n = n;
  for (int j = 0; j < step->n_inputs; j++) {
    f.in[j] = step->in[j];
    f.in[j].n = n;
    f.x[j] = value(run, step->inputs[j]);
  }
  for (int j = 0; j < FMN_MAX_PARAMS; j++)
    f.w[j] = step->w[j];
  step->ops->forward(&f);
}

void fmn_run(FmnRun *run, int n) {
  g_return_if_fail(n >= 1 && n <= run->max_batch);
  for (guint i = 0; i < run->plan->steps->len; i++)
    fmn_run_step(run, n, (int)i);
}

const float *fmn_run_output(const FmnRun *run, int i) {
  g_return_val_if_fail(i >= 0 && i < run->plan->n_outputs, NULL);
  return value(run, run->plan->outputs[i]);
}
