/* The inside of a plan, shared by plan.c (which makes it) and run.c (which runs it). */
#ifndef FMN_NN_STEP_H
#define FMN_NN_STEP_H

#include "nn/plan.h"

#define FMN_ALIGN_FLOATS 16 /* values start at multiples of 64 bytes */

/* One forward() call: a layer with what was fused into it. Values are step indices; −1 is the input. */
typedef struct {
  const FmnLayerOps *ops;
  gpointer config; /* owned */
  int n_inputs, inputs[FMN_MAX_INPUTS];
  FmnShape in[FMN_MAX_INPUTS], out;
  float *w[FMN_MAX_PARAMS];    /* owned */
  FmnEpilogue epilogue;        /* points into the four below */
  float *gain, *bias, *scale, *shift; /* owned; out.c each, or NULL */
  gsize scratch;               /* floats a thread */
  gsize offset;                /* of its output in the arena, floats an image */
} FmnStep;

struct FmnPlan {
  gint ref_count;
  FmnShape input;
  gsize input_offset;
  GArray *steps; /* of FmnStep */
  int n_outputs, outputs[FMN_MAX_INPUTS];
  gsize arena;   /* floats an image */
  gsize scratch; /* floats a thread: the largest of all steps */
};

static inline FmnStep *fmn_plan_step(const FmnPlan *plan, int i) { return &g_array_index(plan->steps, FmnStep, i); }

/* Runs one step of fmn_run() on n images (run.c). */
void fmn_run_step(FmnRun *run, int n, int i);

/* Folds the graph's layers into steps (fold.c). FALSE: memory is exhausted; the plan is to be freed. */
gboolean fmn_plan_fold(FmnPlan *plan, const FmnGraph *g);

#endif
