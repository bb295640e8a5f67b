/* The properties that fmnistclassify and fmnistyolo share. */
#ifndef GST_FMNIST_INFERENCE_PROPERTIES_H
#define GST_FMNIST_INFERENCE_PROPERTIES_H

#include <gst/gst.h>

#include "gstfmnistpace.h"

G_BEGIN_DECLS

enum {
  GST_FMNIST_PROP_MODEL = 1,
  GST_FMNIST_PROP_INFERENCE_INTERVAL,
  GST_FMNIST_PROP_THREADS,
  GST_FMNIST_PROP_LIVE,
  GST_FMNIST_PROP_MAX_AGE,
  GST_FMNIST_PROP_POST_MESSAGES,
  GST_FMNIST_PROP_POST_EVENTS,
  GST_FMNIST_PROP_EVENT_DELAY,
  GST_FMNIST_PROP_STATS,
};

typedef struct {
  char *model;                /* a GRefString, or NULL: the default */
  int threads;                /* read at start and when a model is set */
  guint interval;             /* frames */
  guint max_age, event_delay; /* ms */
  GstFmnistLive live;
  gboolean post_messages, post_events;
} GstFmnistInferenceProperties;

/* All but `model`, which has another default in each element. */
void gst_fmnist_inference_properties_install(GObjectClass *klass);

void gst_fmnist_inference_properties_init(GstFmnistInferenceProperties *p); /* the defaults */
void gst_fmnist_inference_properties_set_model(GstFmnistInferenceProperties *p, const char *model);

/* FALSE: not one of these. Whoever calls holds the lock that the values are under. `stats` is not among them. */
gboolean gst_fmnist_inference_properties_set(GstFmnistInferenceProperties *p, guint id, const GValue *value);
gboolean gst_fmnist_inference_properties_get(const GstFmnistInferenceProperties *p, const char *default_model, guint id,
                                             GValue *value);

G_END_DECLS

#endif
