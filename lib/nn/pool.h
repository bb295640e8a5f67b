/* A small fork-join thread pool. Work is divided statically, so a result depends on the number of threads at most. */
#ifndef FMN_NN_POOL_H
#define FMN_NN_POOL_H

#include <glib.h>

typedef struct FmnPool FmnPool;

/* Does the tasks begin ≤ i < end; thread is 0 ≤ thread < fmn_pool_threads(), for per-thread scratch. */
typedef void (*FmnPoolFunc)(gpointer data, int begin, int end, int thread);

/* A pool of threads workers, the caller being one of them; NULL for threads ≤ 1. Free with fmn_pool_free(). */
FmnPool *fmn_pool_new(int threads);
void fmn_pool_free(FmnPool *pool); /* NULL allowed */
int fmn_pool_threads(const FmnPool *pool); /* 1 for NULL */

/* Runs func over n tasks and returns when all are done. One caller at a time. NULL pool: in this thread. */
void fmn_pool_run(FmnPool *pool, FmnPoolFunc func, gpointer data, int n);

/* Whether fmn_pool_run() of n tasks gives any to that thread. */
gboolean fmn_pool_has_share(const FmnPool *pool, int thread, int n);

#endif
