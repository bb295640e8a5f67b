/* A thread that works on the newest job: one runs, one waits, and a newer one takes the place of the one that waits. */
#ifndef GST_FMNIST_WORKER_H
#define GST_FMNIST_WORKER_H

#include <glib.h>

G_BEGIN_DECLS

typedef struct GstFmnistWorker GstFmnistWorker;

/* work is called in the worker's thread, which starts with the first job; free_job where nobody takes one. Free with
 * gst_fmnist_worker_free(). The other functions are for one thread at a time. */
GstFmnistWorker *gst_fmnist_worker_new(GFunc work, gpointer user, GDestroyNotify free_job);
/* Waits for the job that runs. NULL allowed. */
void gst_fmnist_worker_free(GstFmnistWorker *w);

/* Takes job unless it returns FALSE, for want of a thread. *replaced: the job that waited and never ran, now the
 * caller's, or NULL. */
gboolean gst_fmnist_worker_submit(GstFmnistWorker *w, gpointer job, gpointer *replaced);
/* The oldest job that is done and not yet taken, now the caller's, or NULL. Never blocks. */
gpointer gst_fmnist_worker_take(GstFmnistWorker *w);
/* Nothing runs or waits. */
gboolean gst_fmnist_worker_is_idle(GstFmnistWorker *w);
/* Nobody wants the jobs submitted so far any longer: what waits is freed, and what runs when it is done. Never blocks.
 */
void gst_fmnist_worker_forget(GstFmnistWorker *w);

G_END_DECLS

#endif
