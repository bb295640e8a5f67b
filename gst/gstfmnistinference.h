/* What fmnistclassify and fmnistyolo share: a network that runs on frames. Files are looked at frame by frame, in the
 * streaming thread. From a live source a frame that would hold that up is looked at aside, the newest first, and frames
 * go on with the last results meanwhile. Another model can be set while frames flow. */
#ifndef GST_FMNIST_INFERENCE_H
#define GST_FMNIST_INFERENCE_H

#include "fmnist.h"
#include "gstfmnistanalyser.h"
#include "gstfmnistpace.h"

G_BEGIN_DECLS

#define GST_TYPE_FMNIST_INFERENCE (gst_fmnist_inference_get_type())
G_DECLARE_DERIVABLE_TYPE(GstFmnistInference, gst_fmnist_inference, GST, FMNIST_INFERENCE, GstFmnistAnalyser)

/* A model made ready to run; elements' own begin with it. */
typedef struct {
  gatomicrefcount refs;
  const GstFmnistInferenceClass *klass;
  FmnModel *model;
  GMutex lock; /* held by who runs it */
} GstFmnistNet;

/* Pictures for a network, and then what it said; elements' own begin with it. */
typedef struct {
  GstFmnistNet *net; /* owned reference */
  guint64 frame;     /* the number of the frame it is of */
  GstClockTime time; /* its timestamp */
  guint n;           /* pictures */
  GstClockTime took; /* to run, ns */
} GstFmnistJob;

struct _GstFmnistInferenceClass {
  GstFmnistAnalyserClass parent_class;
  const char *default_model;
  gsize net_size, job_size;

  /* Any thread, object unlocked. net->model is there, the rest of net_size zero. FALSE with an error; close_net() is
   * called then too. */
  gboolean (*open_net)(GstFmnistInference *self, GstFmnistNet *net, int threads, GError **error);
  void (*close_net)(GstFmnistNet *net);
  /* Makes room for n pictures, black ones where there was none, and sets job->n; FALSE: there is no memory for them. */
  gboolean (*size_job)(GstFmnistJob *job, guint n);
  void (*clear_job)(GstFmnistJob *job);
  /* The network over job->n pictures; any thread, no two at a time with one net. Touches job and net only. */
  void (*run)(GstFmnistJob *job);

  /* In the streaming thread, in this order for each frame: */
  void (*begin)(GstFmnistInference *self, GstBuffer *buffer);
  /* Puts the frame's pictures into job; job->n stays 0 where there is nothing to look at. */
  void (*prepare)(GstFmnistInference *self, GstBuffer *buffer, GstFmnistJob *job);
  /* What a job found, age frames ago. Not always for each prepare(), and for no frame twice. */
  void (*apply)(GstFmnistInference *self, GstFmnistJob *job, guint age);
  /* What is known becomes objects of the buffer; indices gets those with results. TRUE: some of it is of earlier
   * frames. */
  gboolean (*attach)(GstFmnistInference *self, GstBuffer *buffer, GArray *indices);
  /* Another model is in use from this frame on. May be NULL. */
  void (*swapped)(GstFmnistInference *self, GstFmnistNet *net);
};

/* A result of a frame with that timestamp, age frames ago, is too old to be carried to the present one with timestamp
 * now. Between start() and stop(), for the streaming thread. */
gboolean gst_fmnist_inference_is_stale(GstFmnistInference *self, guint age, GstClockTime time, GstClockTime now);

/* The element's own properties have numbers from here on. */
#define GST_FMNIST_INFERENCE_PROPERTIES 32

G_END_DECLS

#endif
