#include "nn/pool.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "error.h"

#define SPINS 4000 /* polls before a thread sleeps: some microseconds, less than a wake-up costs */
#define YIELDS 1000 /* after that, before the caller sleeps until others are done */
#define CHUNKS_A_THREAD 4
G_STATIC_ASSERT(FMN_THREADS_MAX * CHUNKS_A_THREAD <= G_MAXUINT16);

/* The state of the job at hand in one atomic number, so that a chunk can only be claimed of the job that the claimer has seen:
 * 32 bits that count the jobs, 16 bits each of the first chunk that is not claimed yet and of the one after the last such. */
typedef guint64 Claim;

static Claim make_claim(guint32 job, guint first, guint end) { return (Claim)job << 32 | (Claim)end << 16 | first; }
static guint32 claim_job(Claim c) { return (guint32)(c >> 32); }
static guint claim_end(Claim c) { return (guint)(c >> 16) & 0xffff; }
static guint claim_first(Claim c) { return (guint)c & 0xffff; }

struct FmnPool {
  int n_threads;
  GThread **threads; /* n_threads − 1 */
  GMutex lock;
  GCond work;
  int sleepers; /* under the lock */
  gboolean quit; /* under the lock */
  _Atomic Claim claim;
  atomic_uint done;    /* chunks of this job */
  atomic_bool waiting; /* the caller sleeps until all are */
  GCond finished;
  /* Of the job at hand; constant while any of its chunks is not done. */
  FmnPoolFunc func;
  gpointer data;
  int n_tasks, chunks;
  gboolean shares; /* the slot that func gets is the chunk's, not the thread's */
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

static int chunk_begin(int n_tasks, int chunk, int chunks) { return (int)((gint64)n_tasks * chunk / chunks); }

/* Claims and does chunks until none is left. Every other thread goes from the back to the front: what one layer left in a
 * core's caches is then mostly what that core reads for the next. */
static void do_chunks(FmnPool *p, int thread) {
  for (;;) {
    Claim c = atomic_load(&p->claim);
    guint first = claim_first(c), after = claim_end(c);
    gboolean back = thread & 1;
    if (first >= after)
      return;
    if (!atomic_compare_exchange_weak(&p->claim, &c, make_claim(claim_job(c), first + !back, after - back)))
      continue;
    int chunk = (int)(back ? after - 1 : first), chunks = p->chunks; /* another job's as soon as all are done */
    int begin = chunk_begin(p->n_tasks, chunk, chunks), end = chunk_begin(p->n_tasks, chunk + 1, chunks);
    if (begin < end)
      p->func(p->data, begin, end, p->shares ? chunk : thread);
    if (atomic_fetch_add(&p->done, 1) + 1 == (guint)chunks && atomic_load(&p->waiting)) {
      g_mutex_lock(&p->lock);
      g_cond_signal(&p->finished);
      g_mutex_unlock(&p->lock);
    }
  }
}

static gpointer worker_main(gpointer data) {
  Worker *w = data;
  FmnPool *p = w->pool;
  guint32 seen = 0;
  gboolean quit = FALSE;

  while (!quit) {
    for (int i = 0; i < SPINS && claim_job(atomic_load(&p->claim)) == seen; i++)
      relax();
    g_mutex_lock(&p->lock);
    p->sleepers++;
    while (claim_job(atomic_load(&p->claim)) == seen && !p->quit)
      g_cond_wait(&p->work, &p->lock);
    p->sleepers--;
    quit = p->quit;
    g_mutex_unlock(&p->lock);
    seen = claim_job(atomic_load(&p->claim));
    if (!quit)
      do_chunks(p, w->index);
  }
  g_free(w);
  return NULL;
}

gboolean fmn_pool_try_new(int threads, FmnPool **pool, GError **error) {
  GError *reason = NULL;
  *pool = NULL;
  if (threads <= 1)
    return TRUE;
  if (threads > FMN_THREADS_MAX) { /* their chunks have to fit into a claim */
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "at most %d threads can work on one picture, not %d",
                FMN_THREADS_MAX, threads);
    return FALSE;
  }
  FmnPool *p = g_new0(FmnPool, 1);
  p->n_threads = threads;
  p->threads = g_new0(GThread *, threads - 1);
  g_mutex_init(&p->lock);
  g_cond_init(&p->work);
  g_cond_init(&p->finished);
  for (int i = 1; i < threads; i++) {
    Worker *w = g_new(Worker, 1);
    *w = (Worker){p, i};
    p->threads[i - 1] = g_thread_try_new("fmn-worker", worker_main, w, &reason);
    if (reason) {
      g_set_error(error, FMN_ERROR, FMN_ERROR_MEMORY, "only %d of %d threads could be started: %s", i, threads,
                  reason->message);
      g_error_free(reason);
      g_free(w);
      p->n_threads = i;
      fmn_pool_free(p);
      return FALSE;
    }
  }
  *pool = p;
  return TRUE;
}

FmnPool *fmn_pool_new(int threads) {
  GError *error = NULL;
  FmnPool *pool;
  if (!fmn_pool_try_new(threads, &pool, &error))
    g_error("%s", error->message);
  return pool;
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
  g_cond_clear(&p->finished);
  g_free(p);
}

int fmn_pool_threads(const FmnPool *p) { return p ? p->n_threads : 1; }

/* Publishes the job, takes part in it and waits for the chunks that others have begun. A thread that comes late finds nothing to
 * claim: nobody waits for it. */
static void run_job(FmnPool *p, FmnPoolFunc func, gpointer data, int n, int chunks, gboolean shares) {
  p->func = func;
  p->data = data;
  p->n_tasks = n;
  p->chunks = chunks;
  p->shares = shares;
  atomic_store(&p->done, 0);
  g_mutex_lock(&p->lock);
  atomic_store(&p->claim, make_claim(claim_job(atomic_load(&p->claim)) + 1, 0, (guint)chunks));
  if (p->sleepers > 0)
    g_cond_broadcast(&p->work);
  g_mutex_unlock(&p->lock);
  do_chunks(p, 0);
  for (int i = 0; i < SPINS + YIELDS && atomic_load(&p->done) < (guint)chunks; i++) {
    if (i < SPINS)
      relax();
    else
      g_thread_yield();
  }
  if (atomic_load(&p->done) == (guint)chunks)
    return;
  g_mutex_lock(&p->lock);
  atomic_store(&p->waiting, true);
  while (atomic_load(&p->done) < (guint)chunks)
    g_cond_wait(&p->finished, &p->lock);
  atomic_store(&p->waiting, false);
  g_mutex_unlock(&p->lock);
}

void fmn_pool_run(FmnPool *p, FmnPoolFunc func, gpointer data, int n) {
  if (n <= 0)
    return;
  if (!p || n == 1)
    func(data, 0, n, 0);
  else
    run_job(p, func, data, n, MIN(n, p->n_threads * CHUNKS_A_THREAD), FALSE);
}

int fmn_pool_shares(const FmnPool *p, int n) { return MIN(n, fmn_pool_threads(p)); }

void fmn_pool_share(FmnPool *p, FmnPoolFunc func, gpointer data, int n) {
  int shares = fmn_pool_shares(p, n);
  if (shares == 1)
    func(data, 0, n, 0);
  else if (shares > 1)
    run_job(p, func, data, n, shares, TRUE);
}

gboolean fmn_pool_is_even(int threads, int n) { return n % threads == 0 || n >= 4 * threads; }
