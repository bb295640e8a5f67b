#include "gstfmnistinference.h"

#include "gstfmnistevents.h"
#include "gstfmnistinferenceproperties.h"
#include "gstfmnistnet.h"
#include "gstfmniststats.h"
#include "gstfmnistswap.h"
#include "gstfmnistworker.h"

GST_DEBUG_CATEGORY_STATIC(fmnistinference_debug);
#define GST_CAT_DEFAULT fmnistinference_debug

#define SPARE_JOBS 3 /* one that runs, one that waits, one that is prepared */

typedef struct {
  GstFmnistInferenceProperties properties; /* from here on under the object lock */
  GstFmnistStats stats;
  GstFmnistPace pace;
  GstFmnistSwap swap;

  GstFmnistNet *net; /* from here on for the streaming thread between start() and stop() */
  GstFmnistWorker *worker;
  GPtrArray *spare; /* of GstFmnistJob, for net */
  guint64 frame;
  guint64 answered;  /* frames before this one have had a result, or a newer frame's */
  GstClockTime took; /* the last job */
  GArray *indices;   /* of guint: objects of the present frame with results */
  GstFmnistEvents *events;
  GArray *told;            /* of GstFmnistEvent, in the present frame */
  guint interval, max_age; /* of the present frame, like these: */
  guint event_delay;
  gboolean post_messages, post_events;
} GstFmnistInferencePrivate;

typedef GstFmnistInferencePrivate Private;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE(GstFmnistInference, gst_fmnist_inference, GST_TYPE_FMNIST_ANALYSER)

#define PRIVATE(self) ((Private *)gst_fmnist_inference_get_instance_private(self))

gboolean gst_fmnist_inference_is_stale(GstFmnistInference *self, guint age, GstClockTime time, GstClockTime now) {
  Private *p = PRIVATE(self);
  GstClockTime limit = MAX(p->max_age * GST_MSECOND, 2 * p->took);
  if (p->max_age == 0 || age < p->interval || !GST_CLOCK_TIME_IS_VALID(time) || !GST_CLOCK_TIME_IS_VALID(now))
    return FALSE;
  return now > time + limit;
}

static void run_job(gpointer job, gpointer user) { gst_fmnist_job_run(job); }

static gboolean gst_fmnist_inference_start(GstBaseTransform *trans) {
  GstFmnistInference *self = GST_FMNIST_INFERENCE(trans);
  Private *p = PRIVATE(self);
  p->net = gst_fmnist_swap_start(&p->swap, &p->took);
  if (p->net == NULL)
    return FALSE;
  p->worker = gst_fmnist_worker_new(run_job, NULL, (GDestroyNotify)gst_fmnist_job_free);
  p->frame = p->answered = 0;
  GST_OBJECT_LOCK(self);
  p->stats = (GstFmnistStats){0};
  p->pace = (GstFmnistPace){.cost = p->took};
  gst_fmnist_pace_reset(&p->pace);
  gst_fmnist_pace_set_rate(&p->pace, 0, 0);
  GST_OBJECT_UNLOCK(self);
  return TRUE;
}

static gboolean gst_fmnist_inference_stop(GstBaseTransform *trans) {
  GstFmnistInference *self = GST_FMNIST_INFERENCE(trans);
  Private *p = PRIVATE(self);
  gboolean ok = GST_BASE_TRANSFORM_CLASS(gst_fmnist_inference_parent_class)->stop(trans);
  gst_fmnist_swap_stop(&p->swap);
  g_clear_pointer(&p->worker, gst_fmnist_worker_free);
  g_ptr_array_set_size(p->spare, 0);
  g_clear_pointer(&p->net, gst_fmnist_net_unref);
  return ok;
}

static void gst_fmnist_inference_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  GstFmnistInference *self = GST_FMNIST_INFERENCE(object);
  Private *p = PRIVATE(self);
  GstFmnistSwapRequest *request = NULL;
  gboolean known;
  GST_OBJECT_LOCK(self);
  known = gst_fmnist_inference_properties_set(&p->properties, id, value);
  if (id == GST_FMNIST_PROP_MODEL)
    request = gst_fmnist_swap_request(&p->swap);
  GST_OBJECT_UNLOCK(self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  if (request != NULL)
    gst_fmnist_swap_open(request);
}

static void gst_fmnist_inference_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  GstFmnistInference *self = GST_FMNIST_INFERENCE(object);
  Private *p = PRIVATE(self);
  gboolean known = TRUE;
  GST_OBJECT_LOCK(self);
  if (id == GST_FMNIST_PROP_STATS)
    g_value_take_boxed(value, gst_fmnist_stats_structure(&p->stats, p->pace.live));
  else
    known = gst_fmnist_inference_properties_get(&p->properties, GST_FMNIST_INFERENCE_GET_CLASS(self)->default_model, id,
                                                value);
  GST_OBJECT_UNLOCK(self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

/* Upstream is asked in the streaming thread, unlocked, before the first frame and when the latency was distributed
 * anew. */
static void find_out_live(GstFmnistInference *self) {
  Private *p = PRIVATE(self);
  GstQuery *query;
  gboolean live = FALSE, asked;
  GST_OBJECT_LOCK(self);
  asked = p->pace.asked;
  p->pace.asked = TRUE;
  GST_OBJECT_UNLOCK(self);
  if (asked)
    return;
  query = gst_query_new_latency();
  if (gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(self), query))
    gst_query_parse_latency(query, &live, NULL, NULL);
  gst_query_unref(query);
  GST_OBJECT_LOCK(self);
  p->pace.upstream_live = live;
  GST_OBJECT_UNLOCK(self);
  GST_DEBUG_OBJECT(self, "the source is %slive", live ? "" : "not ");
}

/* Between two frames. */
static void take_next_net(GstFmnistInference *self) {
  Private *p = PRIVATE(self);
  GstClockTime cost;
  GstFmnistNet *next = gst_fmnist_swap_take(&p->swap, &cost), *old = p->net;
  if (next == NULL)
    return;
  p->net = next;
  GST_OBJECT_LOCK(self);
  p->pace.cost = cost;
  GST_OBJECT_UNLOCK(self);
  gst_fmnist_worker_forget(p->worker);
  g_ptr_array_set_size(p->spare, 0);
  if (GST_FMNIST_INFERENCE_GET_CLASS(self)->swapped != NULL)
    GST_FMNIST_INFERENCE_GET_CLASS(self)->swapped(self, next);
  gst_fmnist_net_unref(old);
  gst_fmnist_analyser_renew_latency(GST_FMNIST_ANALYSER(self));
}

static void spare_job(Private *p, GstFmnistJob *job) {
  if (job != NULL && job->net == p->net && p->spare->len < SPARE_JOBS)
    g_ptr_array_add(p->spare, job);
  else
    gst_fmnist_job_free(job);
}

static void drop(GstFmnistInference *self, GstFmnistJob *job) {
  Private *p = PRIVATE(self);
  GST_OBJECT_LOCK(self);
  p->stats.dropped++;
  GST_OBJECT_UNLOCK(self);
  spare_job(p, job);
}

/* What ran aside while `live` was switched off may be older than what is known. */
static void apply(GstFmnistInference *self, GstFmnistJob *job) {
  Private *p = PRIVATE(self);
  if (job->frame < p->answered) {
    drop(self, job);
    return;
  }
  p->answered = job->frame + 1;
  p->took = job->took;
  GST_OBJECT_LOCK(self);
  gst_fmnist_pace_add_cost(&p->pace, job->n, job->took);
  gst_fmnist_stats_add_time(&p->stats, job->took);
  p->stats.inferred++;
  GST_OBJECT_UNLOCK(self);
  GST_FMNIST_INFERENCE_GET_CLASS(self)->apply(self, job, (guint)MIN(p->frame - job->frame, G_MAXUINT));
  spare_job(p, job);
}

static void look(GstFmnistInference *self, GstBuffer *buffer) {
  Private *p = PRIVATE(self);
  GstFmnistJob *job =
      p->spare->len > 0 ? g_ptr_array_steal_index_fast(p->spare, p->spare->len - 1) : gst_fmnist_job_new(p->net);
  gpointer replaced = NULL;
  gboolean aside;
  job->frame = p->frame;
  job->time = GST_BUFFER_PTS(buffer);
  job->n = 0;
  GST_FMNIST_INFERENCE_GET_CLASS(self)->prepare(self, buffer, job);
  if (job->n == 0) {
    spare_job(p, job);
    return;
  }
  GST_OBJECT_LOCK(self);
  aside = gst_fmnist_pace_goes_aside(&p->pace, job->n) || (p->pace.live && !gst_fmnist_worker_is_idle(p->worker));
  GST_OBJECT_UNLOCK(self);
  if (!aside || !gst_fmnist_worker_submit(p->worker, job, &replaced)) {
    gst_fmnist_job_run(job);
    apply(self, job);
  }
  if (replaced != NULL)
    drop(self, replaced);
}

/* What holds for one frame. TRUE: it is to be looked at. */
static gboolean begin_frame(GstFmnistInference *self, GstBuffer *buffer) {
  Private *p = PRIVATE(self);
  GstClockTime now = gst_fmnist_analyser_running_time(GST_FMNIST_ANALYSER(self), buffer);
  gboolean due;
  GST_OBJECT_LOCK(self);
  p->interval = p->properties.interval;
  p->max_age = p->properties.max_age;
  p->event_delay = p->properties.event_delay;
  p->post_messages = p->properties.post_messages;
  p->post_events = p->properties.post_events;
  p->pace.live =
      p->properties.live == GST_FMNIST_LIVE_AUTO ? p->pace.upstream_live : p->properties.live == GST_FMNIST_LIVE_ON;
  p->stats.frames++;
  gst_fmnist_pace_frame(&p->pace, GST_BUFFER_PTS(buffer));
  due = p->frame % p->interval == 0;
  if (due && gst_fmnist_pace_is_late(&p->pace, now)) {
    p->stats.dropped++;
    due = FALSE;
  }
  if (due)
    p->pace.looked = now;
  GST_OBJECT_UNLOCK(self);
  return due;
}

static void post_events(GstFmnistInference *self) {
  Private *p = PRIVATE(self);
  const GstVideoInfo *info = gst_fmnist_analyser_info(GST_FMNIST_ANALYSER(self));
  for (guint i = 0; i < p->told->len; i++)
    gst_element_post_message(
        GST_ELEMENT(self),
        gst_message_new_element(GST_OBJECT(self), gst_fmnist_event_structure(&g_array_index(p->told, GstFmnistEvent, i),
                                                                             &GST_BASE_TRANSFORM(self)->segment,
                                                                             info->width, info->height)));
  g_array_set_size(p->told, 0);
}

static void end_frame(GstFmnistInference *self, GstBuffer *buffer) {
  Private *p = PRIVATE(self);
  gboolean reused;
  g_array_set_size(p->indices, 0);
  reused = GST_FMNIST_INFERENCE_GET_CLASS(self)->attach(self, buffer, p->indices);
  if (p->post_messages)
    gst_fmnist_analyser_post(GST_FMNIST_ANALYSER(self), buffer, (const guint *)(gpointer)p->indices->data,
                             p->indices->len);
  if (p->post_events) {
    gst_fmnist_events_update(p->events, gst_fmnist_meta_get(buffer), (const guint *)(gpointer)p->indices->data,
                             p->indices->len, GST_BUFFER_PTS(buffer), p->event_delay * GST_MSECOND, p->told);
    post_events(self);
  } else {
    gst_fmnist_events_reset(p->events); /* of what was told before, no end is told either */
  }
  p->frame++;
  GST_OBJECT_LOCK(self);
  p->stats.reused += reused ? 1 : 0;
  GST_OBJECT_UNLOCK(self);
}

static GstFlowReturn gst_fmnist_inference_analyse(GstFmnistAnalyser *analyser, GstBuffer *buffer) {
  GstFmnistInference *self = GST_FMNIST_INFERENCE(analyser);
  Private *p = PRIVATE(self);
  GstFmnistJob *done;
  gboolean due;
  find_out_live(self);
  take_next_net(self);
  due = begin_frame(self, buffer);
  GST_FMNIST_INFERENCE_GET_CLASS(self)->begin(self, buffer);
  while ((done = gst_fmnist_worker_take(p->worker)) != NULL)
    apply(self, done);
  if (due)
    look(self, buffer);
  end_frame(self, buffer);
  return GST_FLOW_OK;
}

static void gst_fmnist_inference_set_format(GstFmnistAnalyser *analyser, const FmnImageFormat *image) {
  GstFmnistInference *self = GST_FMNIST_INFERENCE(analyser);
  const GstVideoInfo *info = gst_fmnist_analyser_info(analyser);
  GST_OBJECT_LOCK(self);
  gst_fmnist_pace_set_rate(&PRIVATE(self)->pace, info->fps_n, info->fps_d);
  GST_OBJECT_UNLOCK(self);
}

static void gst_fmnist_inference_reset(GstFmnistAnalyser *analyser) {
  GstFmnistInference *self = GST_FMNIST_INFERENCE(analyser);
  Private *p = PRIVATE(self);
  if (p->worker != NULL)
    gst_fmnist_worker_forget(p->worker);
  gst_fmnist_events_reset(p->events);
  p->frame = p->answered = 0;
  GST_OBJECT_LOCK(self);
  gst_fmnist_pace_reset(&p->pace);
  GST_OBJECT_UNLOCK(self);
}

static gboolean gst_fmnist_inference_sink_event(GstBaseTransform *trans, GstEvent *event) {
  GstFmnistInference *self = GST_FMNIST_INFERENCE(trans);
  const gboolean ends = GST_EVENT_TYPE(event) == GST_EVENT_EOS || GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP ||
                        GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START;
  if (ends && gst_fmnist_analyser_format(GST_FMNIST_ANALYSER(self)) != NULL) {
    gst_fmnist_events_end(PRIVATE(self)->events, PRIVATE(self)->told);
    post_events(self);
  }
  return GST_BASE_TRANSFORM_CLASS(gst_fmnist_inference_parent_class)->sink_event(trans, event);
}

static gboolean gst_fmnist_inference_src_event(GstBaseTransform *trans, GstEvent *event) {
  GstFmnistInference *self = GST_FMNIST_INFERENCE(trans);
  Private *p = PRIVATE(self);
  GstClockTimeDiff diff;
  GstClockTime timestamp;
  if (GST_EVENT_TYPE(event) == GST_EVENT_QOS) {
    gst_event_parse_qos(event, NULL, NULL, &diff, &timestamp);
    GST_OBJECT_LOCK(self);
    gst_fmnist_pace_qos(&p->pace, diff, timestamp);
    GST_OBJECT_UNLOCK(self);
  } else if (GST_EVENT_TYPE(event) == GST_EVENT_LATENCY) {
    GST_OBJECT_LOCK(self);
    p->pace.asked = FALSE;
    GST_OBJECT_UNLOCK(self);
  }
  return GST_BASE_TRANSFORM_CLASS(gst_fmnist_inference_parent_class)->src_event(trans, event);
}

static GstClockTime gst_fmnist_inference_expected(GstFmnistAnalyser *analyser) {
  return gst_fmnist_pace_expected(&PRIVATE(GST_FMNIST_INFERENCE(analyser))->pace);
}

static void gst_fmnist_inference_finalize(GObject *object) {
  Private *p = PRIVATE(GST_FMNIST_INFERENCE(object));
  gst_fmnist_inference_properties_set_model(&p->properties, NULL);
  gst_fmnist_swap_clear(&p->swap);
  g_ptr_array_unref(p->spare);
  g_array_unref(p->indices);
  g_array_unref(p->told);
  gst_fmnist_events_free(p->events);
  G_OBJECT_CLASS(gst_fmnist_inference_parent_class)->finalize(object);
}

static void gst_fmnist_inference_class_init(GstFmnistInferenceClass *klass) {
  GObjectClass *object = G_OBJECT_CLASS(klass);
  GstBaseTransformClass *trans = GST_BASE_TRANSFORM_CLASS(klass);
  GstFmnistAnalyserClass *analyser = GST_FMNIST_ANALYSER_CLASS(klass);
  object->set_property = gst_fmnist_inference_set_property;
  object->get_property = gst_fmnist_inference_get_property;
  object->finalize = gst_fmnist_inference_finalize;
  gst_fmnist_inference_properties_install(object);
  trans->start = gst_fmnist_inference_start;
  trans->stop = gst_fmnist_inference_stop;
  trans->sink_event = gst_fmnist_inference_sink_event;
  trans->src_event = gst_fmnist_inference_src_event;
  analyser->set_format = gst_fmnist_inference_set_format;
  analyser->analyse = gst_fmnist_inference_analyse;
  analyser->reset = gst_fmnist_inference_reset;
  analyser->expected = gst_fmnist_inference_expected;
  gst_type_mark_as_plugin_api(GST_TYPE_FMNIST_LIVE, 0);
  gst_type_mark_as_plugin_api(GST_TYPE_FMNIST_INFERENCE, 0);
  GST_DEBUG_CATEGORY_INIT(fmnistinference_debug, "fmnistinference", 0, "networks that run on frames");
}

static void gst_fmnist_inference_init(GstFmnistInference *self) {
  Private *p = PRIVATE(self);
  gst_fmnist_inference_properties_init(&p->properties);
  gst_fmnist_swap_init(&p->swap, self, &p->properties);
  p->spare = g_ptr_array_new_with_free_func((GDestroyNotify)gst_fmnist_job_free);
  p->indices = g_array_new(FALSE, FALSE, sizeof(guint));
  p->told = g_array_new(FALSE, FALSE, sizeof(GstFmnistEvent));
  p->events = gst_fmnist_events_new();
}
