/* A graph made ready to run: dropouts gone, batch norms and activations folded into the layers before them, and
 * every intermediate value given a place in one arena by its lifetime.
 *
 * A plan is immutable and may be shared by any number of threads, each with its own FmnRun. */
#ifndef FMN_NN_PLAN_H
#define FMN_NN_PLAN_H

#include "nn/graph.h"

typedef struct FmnPlan FmnPlan;
typedef struct FmnRun FmnRun;

/* Takes a snapshot of the graph's weights; the graph may be freed afterwards. Never fails for a graph without an error:
 * aborts when memory is exhausted, as g_malloc does. */
FmnPlan *fmn_plan_new(const FmnGraph *g);
/* The same for a graph of unknown origin: NULL with FMN_ERROR_MEMORY when memory is exhausted. */
FmnPlan *fmn_plan_try_new(const FmnGraph *g, GError **error);
FmnPlan *fmn_plan_ref(FmnPlan *plan); /* atomic */
void fmn_plan_unref(FmnPlan *plan);   /* NULL allowed */
gboolean fmn_plan_is_unshared(FmnPlan *plan); /* whether there is one reference */

FmnShape fmn_plan_input(const FmnPlan *plan); /* n = 1 */
int fmn_plan_n_outputs(const FmnPlan *plan);
FmnShape fmn_plan_output(const FmnPlan *plan, int i); /* n = 1 */
gsize fmn_plan_arena_bytes(const FmnPlan *plan);      /* for one image */

/* The memory and threads to run a plan on up to max_batch images at a time. Keeps a reference to the plan.
 * For one thread at a time; threads ≤ 1: the calling thread alone. Aborts when memory is exhausted. */
FmnRun *fmn_run_new(FmnPlan *plan, int max_batch, int threads);
/* The same, but NULL with FMN_ERROR_MEMORY when memory is exhausted or no more threads can be started. */
FmnRun *fmn_run_try_new(FmnPlan *plan, int max_batch, int threads, GError **error);
void fmn_run_free(FmnRun *run); /* NULL allowed */

/* Where to put the input, batch × H × W × C; owned by run, its content is spent by fmn_run(). */
float *fmn_run_input(FmnRun *run);

/* Its threads, for what comes before and after; owned by run; NULL: one thread. */
FmnPool *fmn_run_pool(const FmnRun *run);

/* Runs the network on the first n images of the input. Allocates nothing. */
void fmn_run(FmnRun *run, int n);

/* Output i of the last fmn_run(), n × H × W × C; owned by run, valid until the next call. */
const float *fmn_run_output(const FmnRun *run, int i);

#endif
