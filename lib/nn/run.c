#include "nn/plan.h"

#include <string.h>

#include "error.h"
#include "nn/step.h"

struct FmnRun {
  FmnPlan *plan;
  int max_batch;
  FmnPool *pool;
  float *arena, *scratch;
  gsize scratch_size; /* floats a thread */
};

FmnRun *fmn_run_try_new(FmnPlan *plan, int max_batch, int threads, GError **error) {
  g_return_val_if_fail(plan && max_batch > 0, NULL);
  FmnRun *run = g_new0(FmnRun, 1);
  run->plan = fmn_plan_ref(plan);
  run->max_batch = max_batch;
  gboolean ok = fmn_pool_try_new(threads, &run->pool, error);
  run->scratch_size = (plan->scratch + FMN_ALIGN_FLOATS - 1) / FMN_ALIGN_FLOATS * FMN_ALIGN_FLOATS;
  gsize arena = plan->arena * (gsize)max_batch, scratch = run->scratch_size * (gsize)fmn_pool_threads(run->pool);
  if (ok && (!(run->arena = fmn_floats_try_new(arena)) || !(run->scratch = fmn_floats_try_new(scratch)))) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_MEMORY,
                "no memory for the %" G_GSIZE_FORMAT " MiB that %d × %d pixels in %d threads need",
                ((arena + scratch) * sizeof(float) >> 20) + 1, plan->input.w, plan->input.h, threads);
    ok = FALSE;
  }
  if (ok)
    memset(run->arena, 0, arena * sizeof(float));
  else
    g_clear_pointer(&run, fmn_run_free);
  return run;
}

FmnRun *fmn_run_new(FmnPlan *plan, int max_batch, int threads) {
  GError *error = NULL;
  FmnRun *run = fmn_run_try_new(plan, max_batch, threads, &error);
  if (error)
    g_error("%s", error->message);
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

FmnPool *fmn_run_pool(const FmnRun *run) { return run->pool; }

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
