#include "train/prefetch.h"

typedef struct {
  FmnPrefetch *prefetch;
  int index;
  GThread *thread;
} Worker;

struct FmnPrefetch {
  FmnPrefetchFunc fill;
  gpointer user, *slots; /* batch i is in slot i mod n_slots */
  gint64 *numbers;       /* of the batches in the slots; -1: none yet */
  int n_slots, threads;
  Worker *workers;
  GMutex lock;
  GCond filled, emptied;
  gint64 next, taken; /* the number to be prepared next; the one given out last */
  gboolean stop;
};

static gpointer work(gpointer data) {
  const Worker *w = data;
  FmnPrefetch *p = w->prefetch;
  g_mutex_lock(&p->lock);
  while (!p->stop) {
    /* The batch given out stays untouched until the next is asked for. */
    if (p->next >= p->taken + p->n_slots) {
      g_cond_wait(&p->emptied, &p->lock);
      continue;
    }
    gint64 number = p->next++;
    int slot = (int)(number % p->n_slots);
    g_mutex_unlock(&p->lock);
    p->fill(p->user, number, w->index, p->slots[slot]);
    g_mutex_lock(&p->lock);
    p->numbers[slot] = number;
    g_cond_broadcast(&p->filled);
  }
  g_mutex_unlock(&p->lock);
  return NULL;
}

FmnPrefetch *fmn_prefetch_new(int threads, gint64 first, gpointer *slots, int n_slots, FmnPrefetchFunc fill,
                              gpointer user) {
  FmnPrefetch *p = g_new0(FmnPrefetch, 1);
  p->fill = fill;
  p->user = user;
  p->slots = g_memdup2(slots, sizeof(gpointer) * (gsize)n_slots);
  p->n_slots = n_slots;
  p->threads = threads;
  p->next = first;
  p->taken = first - 1;
  p->numbers = g_new(gint64, n_slots);
  for (int i = 0; i < n_slots; i++)
    p->numbers[i] = -1;
  g_mutex_init(&p->lock);
  g_cond_init(&p->filled);
  g_cond_init(&p->emptied);
  p->workers = g_new0(Worker, threads);
  for (int i = 0; i < threads; i++) {
    p->workers[i] = (Worker){p, i, NULL};
    p->workers[i].thread = g_thread_new("loader", work, &p->workers[i]);
  }
  return p;
}

void fmn_prefetch_free(FmnPrefetch *p) {
  if (!p)
    return;
  g_mutex_lock(&p->lock);
  p->stop = TRUE;
  g_cond_broadcast(&p->emptied);
  g_mutex_unlock(&p->lock);
  for (int i = 0; i < p->threads; i++)
    g_thread_join(p->workers[i].thread);
  g_mutex_clear(&p->lock);
  g_cond_clear(&p->filled);
  g_cond_clear(&p->emptied);
  g_free(p->workers);
  g_free(p->numbers);
  g_free(p->slots);
  g_free(p);
}

gpointer fmn_prefetch_next(FmnPrefetch *p) {
  g_mutex_lock(&p->lock);
  gint64 number = ++p->taken;
  int slot = (int)(number % p->n_slots);
  g_cond_broadcast(&p->emptied);
  while (p->numbers[slot] != number)
    g_cond_wait(&p->filled, &p->lock);
  g_mutex_unlock(&p->lock);
  return p->slots[slot];
}
