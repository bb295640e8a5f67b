/* A small fork-join thread pool. */
#ifndef FMN_NN_POOL_H
#define FMN_NN_POOL_H

#include <glib.h>

typedef struct FmnPool FmnPool;

/* Does the tasks begin ≤ i < end with scratch number slot, 0 ≤ slot < fmn_pool_threads(): no two calls at a time have the same. */
typedef void (*FmnPoolFunc)(gpointer data, int begin, int end, int slot);

/* A pool of threads workers, the caller being one of them; NULL for threads ≤ 1. Free with fmn_pool_free(). */
FmnPool *fmn_pool_new(int threads);
/* The same, but FALSE with FMN_ERROR_MEMORY when no more threads can be started, FMN_ERROR_ARGUMENT for more than
 * FMN_THREADS_MAX. */
gboolean fmn_pool_try_new(int threads, FmnPool **pool, GError **error);
void fmn_pool_free(FmnPool *pool);         /* NULL allowed */
int fmn_pool_threads(const FmnPool *pool); /* 1 for NULL */

/* Runs func over n tasks and returns when all are done. Who does which task is left to chance, so each must have a result of its
 * own. One caller at a time. NULL pool: in this thread. */
void fmn_pool_run(FmnPool *pool, FmnPoolFunc func, gpointer data, int n);

/* The same for sums: the tasks are divided into fmn_pool_shares() equal runs, one call each, whose number is the slot; so what is
 * summed where depends on n and on the number of threads alone. */
void fmn_pool_share(FmnPool *pool, FmnPoolFunc func, gpointer data, int n);
int fmn_pool_shares(const FmnPool *pool, int n);

/* Whether n tasks, as long as each other and each done by one thread, keep so many about equally busy. */
gboolean fmn_pool_is_even(int threads, int n);

#endif
