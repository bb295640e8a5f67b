/* Networks and jobs of an element that runs them. */
#ifndef GST_FMNIST_NET_H
#define GST_FMNIST_NET_H

#include "gstfmnistinference.h"

G_BEGIN_DECLS

/* Opens the model and runs it once, *took ns a picture, so that its weights are in memory. NULL with an error;
 * *settings then says that the model is good and something that was set is not. The caller owns the reference. Any
 * thread. */
GstFmnistNet *gst_fmnist_net_new(GstFmnistInference *self, const char *name, int threads, GstClockTime *took,
                                 gboolean *settings, GError **error);
GstFmnistNet *gst_fmnist_net_ref(GstFmnistNet *net);
void gst_fmnist_net_unref(GstFmnistNet *net); /* NULL allowed; the last closes the network */

GstFmnistJob *gst_fmnist_job_new(GstFmnistNet *net);
void gst_fmnist_job_free(GstFmnistJob *job);
/* Runs the network over the job's pictures; waits where another job of the same network runs. */
void gst_fmnist_job_run(GstFmnistJob *job);

G_END_DECLS

#endif
