#include "nn/pool.h"

#define SPINS 4000 /* polls before a thread sleeps: some microseconds, less than a wake-up costs */

struct FmnPool {
  int n_threads;
  GThread **threads; /* n_threads − 1 */
  GMutex lock;
  GCond work, done;
  int generation; /* atomic; counts the runs */
  int pending;    /* atomic; workers that have not finished this run */
  gboolean quit;
  FmnPoolFunc func;
  gpointer data;
  int n_tasks;
};

typedef struct {
  FmnPool *pool;
  int index;
} Worker;

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

/* The first task of a thread; the next thread's is where its share ends. A single task is the caller's own. */
static int share_begin(const FmnPool *p, int thread, int n) {
  if (!p || n == 1)
    return thread == 0 ? 0 : n;
  return (int)((gint64)n * thread / p->n_threads);
}

gboolean fmn_pool_has_share(const FmnPool *p, int thread, int n) {
  return share_begin(p, thread, n) < share_begin(p, thread + 1, n);
}

static void do_share(FmnPool *p, int thread) {
  int begin = share_begin(p, thread, p->n_tasks), end = share_begin(p, thread + 1, p->n_tasks);
  if (begin < end)
    p->func(p->data, begin, end, thread);
}

static gpointer worker_main(gpointer data) {
  Worker *w = data;
  FmnPool *p = w->pool;
  int seen = 0;

  for (;;) {
    for (int i = 0; i < SPINS && g_atomic_int_get(&p->generation) == seen; i++)
      relax();
    g_mutex_lock(&p->lock);
    while (p->generation == seen && !p->quit)
      g_cond_wait(&p->work, &p->lock);
    seen = p->generation;
    gboolean quit = p->quit;
    g_mutex_unlock(&p->lock);
    if (quit)
      break;
    do_share(p, w->index);
    if (g_atomic_int_dec_and_test(&p->pending)) {
      g_mutex_lock(&p->lock);
      g_cond_signal(&p->done);
      g_mutex_unlock(&p->lock);
    }
  }
  g_free(w);
  return NULL;
}

FmnPool *fmn_pool_new(int threads) {
  if (threads <= 1)
    return NULL;
  FmnPool *p = g_new0(FmnPool, 1);
  p->n_threads = threads;
  p->threads = g_new0(GThread *, threads - 1);
  g_mutex_init(&p->lock);
  g_cond_init(&p->work);
  g_cond_init(&p->done);
  for (int i = 1; i < threads; i++) {
    Worker *w = g_new(Worker, 1);
    *w = (Worker){p, i};
    p->threads[i - 1] = g_thread_new("fmn-worker", worker_main, w);
  }
  return p;
}

void fmn_pool_free(FmnPool *p) {
  if (!p)
    return;
  g_mutex_lock(&p->lock);
  p->quit = TRUE;
  g_cond_broadcast(&p->work);
  g_mutex_unlock(&p->lock);
  for (int i = 0; i < p->n_threads - 1; i++)
    g_thread_join(p->threads[i]);
  g_free(p->threads);
  g_mutex_clear(&p->lock);
  g_cond_clear(&p->work);
  g_cond_clear(&p->done);
  g_free(p);
}

int fmn_pool_threads(const FmnPool *p) { return p ? p->n_threads : 1; }

void fmn_pool_run(FmnPool *p, FmnPoolFunc func, gpointer data, int n) {
  if (n <= 0)
    return;
  if (!p || n == 1) {
    func(data, 0, n, 0);
    return;
  }
  g_mutex_lock(&p->lock);
  p->func = func;
  p->data = data;
  p->n_tasks = n;
  g_atomic_int_set(&p->pending, p->n_threads - 1);
  g_atomic_int_inc(&p->generation);
  g_cond_broadcast(&p->work);
  g_mutex_unlock(&p->lock);
  do_share(p, 0);
  for (int i = 0; i < SPINS && g_atomic_int_get(&p->pending) > 0; i++)
    relax();
  g_mutex_lock(&p->lock);
  while (g_atomic_int_get(&p->pending) > 0)
    g_cond_wait(&p->done, &p->lock);
  g_mutex_unlock(&p->lock);
}
