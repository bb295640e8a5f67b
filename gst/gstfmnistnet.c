#include "gstfmnistnet.h"

#include "error.h"
#include "gstfmnistmodel.h"

GstFmnistNet *gst_fmnist_net_ref(GstFmnistNet *net) {
  g_atomic_ref_count_inc(&net->refs);
  return net;
}

void gst_fmnist_net_unref(GstFmnistNet *net) {
  if (net == NULL || !g_atomic_ref_count_dec(&net->refs))
    return;
  net->klass->close_net(net);
  gst_fmnist_model_release(net->model);
  g_mutex_clear(&net->lock);
  g_free(net);
}

static gboolean warm_up(GstFmnistNet *net, GstClockTime *took, GError **error) {
  GstFmnistJob *job = gst_fmnist_job_new(net);
  gboolean ok = net->klass->size_job(job, 1);
  if (ok) {
    gst_fmnist_job_run(job); /* reads every weight for the first time */
    gst_fmnist_job_run(job);
    *took = job->took;
  } else {
    g_set_error(error, FMN_ERROR, FMN_ERROR_MEMORY, "No memory for the pictures that model %s looks at",
                fmn_model_name(net->model));
  }
  gst_fmnist_job_free(job);
  return ok;
}

GstFmnistNet *gst_fmnist_net_new(GstFmnistInference *self, const char *name, int threads, GstClockTime *took,
                                 gboolean *settings, GError **error) {
  const GstFmnistInferenceClass *klass = GST_FMNIST_INFERENCE_GET_CLASS(self);
  FmnModel *model = gst_fmnist_model_acquire(name, error);
  GstFmnistNet *net;
  *settings = model != NULL;
  if (model == NULL)
    return NULL;
  net = g_malloc0(klass->net_size);
  g_atomic_ref_count_init(&net->refs);
  g_mutex_init(&net->lock);
  net->klass = klass;
  net->model = model;
  if (klass->open_net(self, net, threads, error) && warm_up(net, took, error))
    return net;
  gst_fmnist_net_unref(net);
  return NULL;
}

GstFmnistJob *gst_fmnist_job_new(GstFmnistNet *net) {
  GstFmnistJob *job = g_malloc0(net->klass->job_size);
  job->net = gst_fmnist_net_ref(net);
  return job;
}

void gst_fmnist_job_free(GstFmnistJob *job) {
  if (job == NULL)
    return;
  job->net->klass->clear_job(job);
  gst_fmnist_net_unref(job->net);
  g_free(job);
}

void gst_fmnist_job_run(GstFmnistJob *job) {
  GstClockTime start;
  g_mutex_lock(&job->net->lock);
  start = gst_util_get_timestamp();
  job->net->klass->run(job);
  job->took = gst_util_get_timestamp() - start;
  g_mutex_unlock(&job->net->lock);
}
