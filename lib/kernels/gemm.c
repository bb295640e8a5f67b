#include "kernels/kernels.h"

#include <cblas.h>

/* Our threads are FmnPool's, and each product runs in the one that asks for it. Of OpenBLAS's three builds
 *  - the OpenMP one (linked where it is installed) is told so by OpenMP's count of threads, which belongs to the calling thread
 *    alone, so that nothing is changed for a host that uses OpenBLAS or OpenMP too;
 *  - the pthread one has only a process-wide count, which is the host's to set;
 *  - the serial one is not safe to call from two threads at once: it gets a lock. */
extern int omp_get_max_threads(void) __attribute__((weak));
extern void omp_set_num_threads(int threads) __attribute__((weak));
extern int openblas_get_parallel(void) __attribute__((weak));

enum { SEQUENTIAL, PTHREAD, OPENMP };

static GMutex sequential_lock;

static int enter(void) {
  int kind = openblas_get_parallel ? openblas_get_parallel() : PTHREAD;
  if (kind == SEQUENTIAL) {
    g_mutex_lock(&sequential_lock);
    return -1;
  }
  if (kind != OPENMP || !omp_set_num_threads || !omp_get_max_threads)
    return 0;
  int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  return threads;
}

/* entered: what enter() returned: the thread's count of OpenMP threads, 0 for nothing to do, −1 for the lock. */
static void leave(int entered) {
  if (entered < 0)
    g_mutex_unlock(&sequential_lock);
  else if (entered > 0)
    omp_set_num_threads(entered);
}

void fmn_gemm(gboolean ta, gboolean tb, int m, int n, int k, const float *a, int lda, const float *b, int ldb, float beta,
              float *c, int ldc) {
  int entered = enter();
  cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, m, n, k, 1.f, a, lda, b, ldb,
              beta, c, ldc);
  leave(entered);
}

typedef struct {
  gboolean ta, tb, by_columns;
  int m, n, k, lda, ldb, ldc, tasks;
  const float *a, *b;
  float *c;
} SharedGemm;

#define ALIGN 16 /* rows or columns of C that a task's share is a multiple of: OpenBLAS's own blocks stay whole */

static int task_begin(int size, int task, int tasks) {
  return MIN(size, (int)((gint64)((size + ALIGN - 1) / ALIGN) * task / tasks) * ALIGN);
}

static void gemm_tasks(gpointer data, int begin, int end, int slot) {
  const SharedGemm *g = data;
  int size = g->by_columns ? g->n : g->m, i = task_begin(size, begin, g->tasks), count = task_begin(size, end, g->tasks) - i;
  if (count <= 0)
    return;
  if (g->by_columns)
    fmn_gemm(g->ta, g->tb, g->m, count, g->k, g->a, g->lda, g->b + (g->tb ? (gsize)i * (gsize)g->ldb : (gsize)i), g->ldb, 0.f,
             g->c + i, g->ldc);
  else
    fmn_gemm(g->ta, g->tb, count, g->n, g->k, g->a + (g->ta ? (gsize)i : (gsize)i * (gsize)g->lda), g->lda, g->b, g->ldb, 0.f,
             g->c + (gsize)i * (gsize)g->ldc, g->ldc);
}

void fmn_gemm_shared(FmnPool *pool, gboolean ta, gboolean tb, int m, int n, int k, const float *a, int lda, const float *b,
                     int ldb, float *c, int ldc) {
  SharedGemm g = {ta, tb, n > m, m, n, k, lda, ldb, ldc, fmn_pool_threads(pool), a, b, c};
  fmn_pool_run(pool, gemm_tasks, &g, g.tasks);
}
