#include "gstfmnistworker.h"

struct GstFmnistWorker {
  GFunc work;
  gpointer user;
  GDestroyNotify free_job;
  GThread *thread;
  GMutex lock; /* of all below */
  GCond wake;
  gpointer waiting;
  GQueue done;
  gboolean running, unwanted, quit;
};

static gpointer worker_thread(gpointer data) {
  GstFmnistWorker *w = data;
  g_mutex_lock(&w->lock);
  for (;;) {
    gpointer job;
    while (w->waiting == NULL && !w->quit)
      g_cond_wait(&w->wake, &w->lock);
    if (w->quit)
      break;
    job = g_steal_pointer(&w->waiting);
    w->running = TRUE;
    w->unwanted = FALSE;
    g_mutex_unlock(&w->lock);
    w->work(job, w->user);
    g_mutex_lock(&w->lock);
    w->running = FALSE;
    if (!w->unwanted) {
      g_queue_push_tail(&w->done, job);
      continue;
    }
    g_mutex_unlock(&w->lock); /* with it a network may go */
    w->free_job(job);
    g_mutex_lock(&w->lock);
  }
  g_mutex_unlock(&w->lock);
  return NULL;
}

GstFmnistWorker *gst_fmnist_worker_new(GFunc work, gpointer user, GDestroyNotify free_job) {
  GstFmnistWorker *w = g_new0(GstFmnistWorker, 1);
  w->work = work;
  w->user = user;
  w->free_job = free_job;
  g_queue_init(&w->done);
  g_mutex_init(&w->lock);
  g_cond_init(&w->wake);
  return w;
}

void gst_fmnist_worker_free(GstFmnistWorker *w) {
  if (w == NULL)
    return;
  gst_fmnist_worker_forget(w);
  if (w->thread != NULL) {
    g_mutex_lock(&w->lock);
    w->quit = TRUE;
    g_cond_signal(&w->wake);
    g_mutex_unlock(&w->lock);
    g_thread_join(w->thread);
  }
  g_mutex_clear(&w->lock);
  g_cond_clear(&w->wake);
  g_free(w);
}

gboolean gst_fmnist_worker_submit(GstFmnistWorker *w, gpointer job, gpointer *replaced) {
  *replaced = NULL;
  if (w->thread == NULL)
    w->thread = g_thread_try_new("fmnist-inference", worker_thread, w, NULL);
  if (w->thread == NULL)
    return FALSE;
  g_mutex_lock(&w->lock);
  *replaced = w->waiting;
  w->waiting = job;
  g_cond_signal(&w->wake);
  g_mutex_unlock(&w->lock);
  return TRUE;
}

gpointer gst_fmnist_worker_take(GstFmnistWorker *w) {
  gpointer job;
  if (w->thread == NULL)
    return NULL;
  g_mutex_lock(&w->lock);
  job = g_queue_pop_head(&w->done);
  g_mutex_unlock(&w->lock);
  return job;
}

gboolean gst_fmnist_worker_is_idle(GstFmnistWorker *w) {
  gboolean idle;
  if (w->thread == NULL)
    return TRUE;
  g_mutex_lock(&w->lock);
  idle = !w->running && w->waiting == NULL;
  g_mutex_unlock(&w->lock);
  return idle;
}

void gst_fmnist_worker_forget(GstFmnistWorker *w) {
  g_mutex_lock(&w->lock);
  g_clear_pointer(&w->waiting, w->free_job);
  g_queue_clear_full(&w->done, w->free_job);
  w->unwanted = w->running;
  g_mutex_unlock(&w->lock);
}
