/**
 * SECTION:element-fmnistclassify
 * @title: fmnistclassify
 * @short_description: names the objects of a frame
 *
 * Runs a classifier over the objects that fmnistsegment, or any element that attaches GstVideoRegionOfInterestMeta, has
 * found, or over the whole frame where nobody looked for objects. Results go with the buffer as metadata and, with
 * #GstFmnistClassify:post-messages, as an element message `fmnist` to the bus. The frame itself is passed on untouched.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! fmnistsegment ! fmnistclassify smoothing=500 ! fmnistoverlay ! videoconvert !
 * autovideosink
 * ]|
 */
#include "gstfmnistclassify.h"

#include <string.h>

#include "error.h"
#include "gstfmnistclassifyproperties.h"
#include "gstfmnistinferenceproperties.h"
#include "gstfmnistmodel.h"
#include "gstfmnistregions.h"
#include "gstfmnistroi.h"
#include "gstfmnisttracker.h"
#include "image/crop.h"

GST_DEBUG_CATEGORY_STATIC(fmnistclassify_debug);
#define GST_CAT_DEFAULT fmnistclassify_debug

struct _GstFmnistClassify {
  GstFmnistInference parent;
  GstFmnistClassifyProperties properties; /* under the object lock */

  FmnSampler *sampler; /* from here on for the streaming thread */
  GstFmnistTracker *tracker;
  GstFmnistClassifyProperties now; /* these three of the present frame */
  GstFmnistRegions regions;
  GPtrArray *tracks; /* of GstFmnistTrack: theirs */
};

typedef struct {
  GstFmnistNet base;
  FmnClassifier *classifier;
  GPtrArray *labels;
  char *model_name; /* a GRefString */
  gsize picture_size;
} Net;

typedef struct {
  GstFmnistJob base;
  guint room; /* pictures */
  guint *ids; /* of the tracks that they are of */
  guint8 *pictures;
  float *probabilities;
} Job;

G_DEFINE_TYPE(GstFmnistClassify, gst_fmnist_classify, GST_TYPE_FMNIST_INFERENCE)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(fmnistclassify, "fmnistclassify", GST_RANK_NONE, GST_TYPE_FMNIST_CLASSIFY,
                                      GST_DEBUG_CATEGORY_INIT(fmnistclassify_debug, "fmnistclassify", 0,
                                                              "names objects"))

static void gst_fmnist_classify_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(object);
  gboolean known;
  GST_OBJECT_LOCK(self);
  known = gst_fmnist_classify_properties_set(&self->properties, id, value);
  GST_OBJECT_UNLOCK(self);
  if (!known)
    G_OBJECT_CLASS(gst_fmnist_classify_parent_class)->set_property(object, id, value, pspec);
}

static void gst_fmnist_classify_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(object);
  gboolean known;
  GST_OBJECT_LOCK(self);
  known = gst_fmnist_classify_properties_get(&self->properties, id, value);
  GST_OBJECT_UNLOCK(self);
  if (!known)
    G_OBJECT_CLASS(gst_fmnist_classify_parent_class)->get_property(object, id, value, pspec);
}

/* One start or one frame works with one copy. */
static GstFmnistClassifyProperties take_properties(GstFmnistClassify *self) {
  GstFmnistClassifyProperties p;
  GST_OBJECT_LOCK(self);
  p = gst_fmnist_classify_properties_copy(&self->properties);
  GST_OBJECT_UNLOCK(self);
  return p;
}

static gboolean gst_fmnist_classify_open_net(GstFmnistInference *inference, GstFmnistNet *base, int threads,
                                             GError **error) {
  GstFmnistClassifyProperties p = take_properties(GST_FMNIST_CLASSIFY(inference));
  const FmnPreprocess *preprocess = fmn_model_preprocess(base->model);
  Net *net = (Net *)base;
  if (fmn_model_is_detector(base->model))
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "Model %s is a detector (%s), which fmnistyolo runs; expected a classifier",
                fmn_model_name(base->model), fmn_model_arch(base->model));
  else
    net->labels = gst_fmnist_model_labels(base->model, p.labels_file, error);
  gst_fmnist_classify_properties_clear(&p);
  if (net->labels == NULL)
    return FALSE;
  net->classifier = fmn_classifier_new(base->model, threads);
  if (net->classifier == NULL) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_MEMORY, "No memory for model %s in %d threads", fmn_model_name(base->model),
                threads);
    return FALSE;
  }
  net->model_name = g_ref_string_new(fmn_model_name(base->model));
  net->picture_size = (gsize)preprocess->width * (gsize)preprocess->height * (gsize)preprocess->channels;
  return TRUE;
}

static void gst_fmnist_classify_close_net(GstFmnistNet *base) {
  Net *net = (Net *)base;
  fmn_classifier_free(net->classifier);
  g_clear_pointer(&net->labels, g_ptr_array_unref);
  g_clear_pointer(&net->model_name, g_ref_string_release);
}

static gboolean gst_fmnist_classify_size_job(GstFmnistJob *base, guint n) {
  const Net *net = (const Net *)base->net;
  Job *job = (Job *)base;
  if (n > job->room) {
    guint8 *pictures = g_try_realloc_n(job->pictures, n, net->picture_size);
    if (pictures == NULL)
      return FALSE;
    memset(pictures + job->room * net->picture_size, 0, (n - job->room) * net->picture_size);
    job->pictures = pictures;
    job->ids = g_renew(guint, job->ids, n);
    job->probabilities = g_renew(float, job->probabilities, (gsize)n * net->labels->len);
    job->room = n;
  }
  base->n = n;
  return TRUE;
}

static void gst_fmnist_classify_clear_job(GstFmnistJob *base) {
  Job *job = (Job *)base;
  g_free(job->ids);
  g_free(job->pictures);
  g_free(job->probabilities);
}

static void gst_fmnist_classify_run(GstFmnistJob *base) {
  const Net *net = (const Net *)base->net;
  Job *job = (Job *)base;
  for (guint i = 0; i < base->n; i++)
    fmn_classifier_run(net->classifier, job->pictures + i * net->picture_size,
                       job->probabilities + (gsize)i * net->labels->len);
}

static gboolean gst_fmnist_classify_stop(GstBaseTransform *trans) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(trans);
  gboolean ok = GST_BASE_TRANSFORM_CLASS(gst_fmnist_classify_parent_class)->stop(trans);
  gst_fmnist_classify_properties_clear(&self->now);
  g_clear_pointer(&self->sampler, fmn_sampler_free);
  return ok;
}

static void gst_fmnist_classify_set_format(GstFmnistAnalyser *analyser, const FmnImageFormat *image) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(analyser);
  GST_FMNIST_ANALYSER_CLASS(gst_fmnist_classify_parent_class)->set_format(analyser, image);
  fmn_sampler_free(self->sampler);
  self->sampler = fmn_sampler_new(image);
}

static void gst_fmnist_classify_reset(GstFmnistAnalyser *analyser) {
  GST_FMNIST_ANALYSER_CLASS(gst_fmnist_classify_parent_class)->reset(analyser);
  gst_fmnist_tracker_reset(GST_FMNIST_CLASSIFY(analyser)->tracker);
}

static void gst_fmnist_classify_swapped(GstFmnistInference *inference, GstFmnistNet *net) {
  gst_fmnist_tracker_forget_smoothers(GST_FMNIST_CLASSIFY(inference)->tracker);
}

static void gst_fmnist_classify_begin(GstFmnistInference *inference, GstBuffer *buffer) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(inference);
  const GstVideoInfo *info = gst_fmnist_analyser_info(GST_FMNIST_ANALYSER(self));
  guint n;
  gst_fmnist_classify_properties_clear(&self->now);
  self->now = take_properties(self);
  gst_fmnist_regions_choose(&self->regions, buffer, self->now.region, self->now.object_class, info->width,
                            info->height);
  n = gst_fmnist_regions_size(&self->regions);
  g_ptr_array_set_size(self->tracks, (gint)n);
  gst_fmnist_tracker_update(self->tracker, (const FmnBox *)(gpointer)self->regions.boxes->data, n,
                            gst_fmnist_analyser_running_time(GST_FMNIST_ANALYSER(self), buffer),
                            (GstFmnistTrack **)self->tracks->pdata);
}

static void gst_fmnist_classify_prepare(GstFmnistInference *inference, GstBuffer *buffer, GstFmnistJob *base) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(inference);
  const FmnPreprocess *p = fmn_model_preprocess(base->net->model);
  gsize size = ((const Net *)base->net)->picture_size;
  const GstFmnistMeta *meta = gst_fmnist_meta_get(buffer);
  guint n = gst_fmnist_regions_size(&self->regions);
  Job *job = (Job *)base;
  FmnImage image;
  if (n == 0 || !gst_fmnist_classify_size_job(base, n))
    return;
  if (!gst_fmnist_analyser_map(GST_FMNIST_ANALYSER(self), buffer, &image)) {
    base->n = 0;
    return;
  }
  for (guint i = 0; i < n; i++) {
    const GstFmnistObject *o = gst_fmnist_regions_object(&self->regions, meta, i);
    FmnMask mask = {o->box, o->mask.width, o->mask.height, NULL};
    if (o->mask.data != NULL)
      mask.data = g_bytes_get_data(o->mask.data, NULL);
    fmn_crop(self->sampler, &image, &o->box, mask.data != NULL ? &mask : NULL, p, job->pictures + i * size);
    job->ids[i] = ((const GstFmnistTrack *)g_ptr_array_index(self->tracks, i))->id;
  }
  gst_fmnist_analyser_unmap(GST_FMNIST_ANALYSER(self));
}

static void gst_fmnist_classify_apply(GstFmnistInference *inference, GstFmnistJob *base, guint age) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(inference);
  const FmnPreprocess *p = fmn_model_preprocess(base->net->model);
  const Net *net = (const Net *)base->net;
  Job *job = (Job *)base;
  GstClockTime frame_time = gst_fmnist_analyser_frame_time(GST_FMNIST_ANALYSER(self));
  double threshold = self->now.threshold < 0 ? fmn_model_threshold(base->net->model) : self->now.threshold;
  for (guint i = 0; i < base->n; i++) {
    GstFmnistTrack *track = gst_fmnist_tracker_find(self->tracker, job->ids[i]);
    float *probabilities = job->probabilities + (gsize)i * net->labels->len;
    if (track == NULL) /* gone meanwhile */
      continue;
    if (track->smoother == NULL)
      track->smoother = gst_fmnist_smoother_new(net->labels->len);
    gst_fmnist_smoother_update(track->smoother, probabilities, base->time, frame_time, self->now.smoothing);
    gst_fmnist_result_unref(track->result);
    track->result = gst_fmnist_result_new(net->labels, net->model_name, probabilities, threshold, self->now.top_k,
                                          g_bytes_new(job->pictures + i * net->picture_size, net->picture_size),
                                          p->width, p->height, p->channels);
    track->result_age = age;
    track->result_time = base->time;
  }
  GST_LOG_OBJECT(self, "%u objects, %u frames ago", base->n, age);
}

static gboolean gst_fmnist_classify_attach(GstFmnistInference *inference, GstBuffer *buffer, GArray *indices) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(inference);
  const GstVideoInfo *info = gst_fmnist_analyser_info(GST_FMNIST_ANALYSER(self));
  GstFmnistMeta *meta = gst_fmnist_meta_get(buffer);
  gboolean reused = FALSE;
  for (guint i = 0; i < gst_fmnist_regions_size(&self->regions); i++) {
    GstFmnistTrack *track = g_ptr_array_index(self->tracks, i);
    GstFmnistObject *o = gst_fmnist_regions_object(&self->regions, meta, i);
    if (track->result != NULL &&
        gst_fmnist_inference_is_stale(inference, track->result_age, track->result_time, GST_BUFFER_PTS(buffer)))
      g_clear_pointer(&track->result, gst_fmnist_result_unref);
    if (track->result != NULL)
      gst_fmnist_object_set_result(o, track->result, track->result_age);
    if (!GST_CLOCK_TIME_IS_VALID(o->first_seen))
      o->first_seen = track->first_seen;
    if (o->id == 0)
      gst_fmnist_regions_identify(buffer, o, track->id, info->width, info->height);
    gst_fmnist_roi_publish(buffer, o, info->width, info->height);
    if (o->result == NULL)
      continue;
    g_array_append_val(indices, g_array_index(self->regions.indices, guint, i));
    reused |= o->frames_ago > 0;
  }
  return reused;
}

static void gst_fmnist_classify_finalize(GObject *object) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(object);
  gst_fmnist_classify_properties_clear(&self->properties);
  gst_fmnist_classify_properties_clear(&self->now);
  gst_fmnist_tracker_free(self->tracker);
  gst_fmnist_regions_clear(&self->regions);
  g_ptr_array_unref(self->tracks);
  G_OBJECT_CLASS(gst_fmnist_classify_parent_class)->finalize(object);
}

static void gst_fmnist_classify_class_init(GstFmnistClassifyClass *klass) {
  GObjectClass *object = G_OBJECT_CLASS(klass);
  GstFmnistAnalyserClass *analyser = GST_FMNIST_ANALYSER_CLASS(klass);
  GstFmnistInferenceClass *inference = GST_FMNIST_INFERENCE_CLASS(klass);
  object->set_property = gst_fmnist_classify_set_property;
  object->get_property = gst_fmnist_classify_get_property;
  object->finalize = gst_fmnist_classify_finalize;
  gst_fmnist_classify_properties_install(object);
  gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(klass), "Fashion-MNIST classifier", "Filter/Analyzer/Video",
                                        "Says which garment each object of a frame is", "The gst-fmnist developers");
  GST_BASE_TRANSFORM_CLASS(klass)->stop = gst_fmnist_classify_stop;
  analyser->set_format = gst_fmnist_classify_set_format;
  analyser->reset = gst_fmnist_classify_reset;
  inference->default_model = FMN_DEFAULT_MODEL;
  inference->net_size = sizeof(Net);
  inference->job_size = sizeof(Job);
  inference->open_net = gst_fmnist_classify_open_net;
  inference->close_net = gst_fmnist_classify_close_net;
  inference->size_job = gst_fmnist_classify_size_job;
  inference->clear_job = gst_fmnist_classify_clear_job;
  inference->run = gst_fmnist_classify_run;
  inference->begin = gst_fmnist_classify_begin;
  inference->prepare = gst_fmnist_classify_prepare;
  inference->apply = gst_fmnist_classify_apply;
  inference->attach = gst_fmnist_classify_attach;
  inference->swapped = gst_fmnist_classify_swapped;
  gst_type_mark_as_plugin_api(GST_TYPE_FMNIST_CLASSIFY_REGION, 0);
}

static void gst_fmnist_classify_init(GstFmnistClassify *self) {
  gst_fmnist_classify_properties_init(&self->properties);
  self->tracker = gst_fmnist_tracker_new();
  gst_fmnist_regions_init(&self->regions);
  self->tracks = g_ptr_array_new();
}
