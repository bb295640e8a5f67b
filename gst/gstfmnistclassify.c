/**
 * SECTION:element-fmnistclassify
 * @title: fmnistclassify
 * @short_description: names the objects of a frame
 *
 * Runs a classifier over the objects that fmnistsegment, or any element that attaches GstVideoRegionOfInterestMeta, has found, or
 * over the whole frame where nobody looked for objects. Results go with the buffer as metadata and, with
 * #GstFmnistClassify:post-messages, as an element message `fmnist` to the bus. The frame itself is passed on untouched.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! fmnistsegment ! fmnistclassify smoothing=500 ! fmnistoverlay ! videoconvert ! autovideosink
 * ]|
 */
#include "gstfmnistclassify.h"

#include <math.h>

#include "error.h"
#include "gstfmnistclassifyproperties.h"
#include "gstfmnistmodel.h"
#include "gstfmnistregions.h"
#include "gstfmnistroi.h"
#include "gstfmnisttracker.h"
#include "image/crop.h"

GST_DEBUG_CATEGORY_STATIC(fmnistclassify_debug);
#define GST_CAT_DEFAULT fmnistclassify_debug

#define KEEP_FRAMES 15

struct _GstFmnistClassify {
  GstFmnistAnalyser parent;
  GstFmnistClassifyProperties properties; /* under the object lock */

  FmnModel *model; /* from here on between start() and stop() */
  FmnClassifier *classifier;
  GPtrArray *labels;
  char *model_name; /* a GRefString */
  guint8 *picture;
  float *probabilities;
  FmnSampler *sampler;
  GstFmnistTracker *tracker;
  guint64 frame;
  GstFmnistRegions regions; /* of the present frame */
  GPtrArray *tracks;        /* of GstFmnistTrack: theirs */
};

G_DEFINE_TYPE(GstFmnistClassify, gst_fmnist_classify, GST_TYPE_FMNIST_ANALYSER)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(fmnistclassify, "fmnistclassify", GST_RANK_NONE, GST_TYPE_FMNIST_CLASSIFY,
                                      GST_DEBUG_CATEGORY_INIT(fmnistclassify_debug, "fmnistclassify", 0, "names objects"))

static void gst_fmnist_classify_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(object);
  gboolean known;
  GST_OBJECT_LOCK(self);
  known = gst_fmnist_classify_properties_set(&self->properties, id, value);
  GST_OBJECT_UNLOCK(self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_fmnist_classify_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(object);
  gboolean known;
  GST_OBJECT_LOCK(self);
  known = gst_fmnist_classify_properties_get(&self->properties, id, value);
  GST_OBJECT_UNLOCK(self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

/* One start or one frame works with one copy. */
static GstFmnistClassifyProperties take_properties(GstFmnistClassify *self) {
  GstFmnistClassifyProperties p;
  GST_OBJECT_LOCK(self);
  p = gst_fmnist_classify_properties_copy(&self->properties);
  GST_OBJECT_UNLOCK(self);
  return p;
}

static void forget_model(GstFmnistClassify *self) {
  g_clear_pointer(&self->classifier, fmn_classifier_free);
  g_clear_pointer(&self->labels, g_ptr_array_unref);
  g_clear_pointer(&self->model_name, g_ref_string_release);
  g_clear_pointer(&self->picture, g_free);
  g_clear_pointer(&self->probabilities, g_free);
  g_clear_pointer(&self->model, gst_fmnist_model_release);
}

static gboolean load_model(GstFmnistClassify *self, const char *name, const char *labels_file, int threads) {
  GError *error = NULL;
  const FmnPreprocess *p;
  self->model = gst_fmnist_model_acquire(name, &error);
  if (self->model == NULL) {
    if (g_error_matches(error, FMN_ERROR, FMN_ERROR_NOT_FOUND))
      GST_ELEMENT_ERROR(self, RESOURCE, NOT_FOUND, ("%s", error->message), ("model=%s", name));
    else
      GST_ELEMENT_ERROR(self, RESOURCE, OPEN_READ, ("%s", error->message), ("model=%s", name));
    g_error_free(error);
    return FALSE;
  }
  if (fmn_model_is_detector(self->model)) {
    GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS,
                      ("Model %s is a detector (%s), which fmnistyolo runs; expected a classifier.", fmn_model_name(self->model),
                       fmn_model_arch(self->model)),
                      ("model=%s", name));
    forget_model(self);
    return FALSE;
  }
  self->labels = gst_fmnist_model_labels(self->model, labels_file, &error);
  if (self->labels == NULL) {
    GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("%s", error->message), ("labels-file=%s", labels_file));
    g_error_free(error);
    forget_model(self);
    return FALSE;
  }
  p = fmn_model_preprocess(self->model);
  self->classifier = fmn_classifier_new(self->model, threads);
  self->picture = g_try_malloc0((gsize)p->width * (gsize)p->height * (gsize)p->channels);
  if (self->classifier == NULL || self->picture == NULL) {
    GST_ELEMENT_ERROR(self, RESOURCE, FAILED,
                      ("No memory for model %s in %d threads.", fmn_model_name(self->model), threads),
                      ("model=%s threads=%d", name, threads));
    forget_model(self);
    return FALSE;
  }
  self->model_name = g_ref_string_new(fmn_model_name(self->model));
  self->probabilities = g_new0(float, self->labels->len);
  return TRUE;
}

static gboolean gst_fmnist_classify_start(GstBaseTransform *trans) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(trans);
  GstFmnistClassifyProperties p = take_properties(self);
  gboolean ok = load_model(self, p.model != NULL ? p.model : FMN_DEFAULT_MODEL, p.labels_file, p.threads);
  self->frame = 0;
  gst_fmnist_classify_properties_clear(&p);
  return ok;
}

static gboolean gst_fmnist_classify_stop(GstBaseTransform *trans) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(trans);
  gboolean ok = GST_BASE_TRANSFORM_CLASS(gst_fmnist_classify_parent_class)->stop(trans);
  forget_model(self);
  g_clear_pointer(&self->sampler, fmn_sampler_free);
  return ok;
}

static void gst_fmnist_classify_set_format(GstFmnistAnalyser *analyser, const FmnImageFormat *image) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(analyser);
  fmn_sampler_free(self->sampler);
  self->sampler = fmn_sampler_new(image);
}

static void gst_fmnist_classify_reset(GstFmnistAnalyser *analyser) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(analyser);
  gst_fmnist_tracker_reset(self->tracker);
  self->frame = 0;
}

/* The running mean with time constant `smoothing`, in place of the newest probabilities. */
static void smooth(GstFmnistClassify *self, GstFmnistTrack *track, GstClockTime time, guint smoothing) {
  const GstVideoInfo *info = gst_fmnist_analyser_info(GST_FMNIST_ANALYSER(self));
  gsize n = self->labels->len;
  double dt, weight;
  if (track->mean == NULL) {
    track->mean = g_memdup2(self->probabilities, n * sizeof(float));
    track->mean_time = time;
    return;
  }
  if (GST_CLOCK_TIME_IS_VALID(time) && GST_CLOCK_TIME_IS_VALID(track->mean_time) && time >= track->mean_time)
    dt = (double)(time - track->mean_time) / GST_MSECOND;
  else
    dt = info->fps_n > 0 ? 1000.0 * info->fps_d / info->fps_n : 40.0;
  weight = smoothing > 0 ? 1 - exp(-dt / smoothing) : 1;
  for (gsize i = 0; i < n; i++) {
    track->mean[i] += (float)weight * (self->probabilities[i] - track->mean[i]);
    self->probabilities[i] = track->mean[i];
  }
  track->mean_time = time;
}

static void infer(GstFmnistClassify *self, const FmnImage *image, const GstFmnistObject *o, GstFmnistTrack *track, GstClockTime time,
                  const GstFmnistClassifyProperties *s) {
  const FmnPreprocess *p = fmn_model_preprocess(self->model);
  FmnMask mask = {o->box, o->mask.width, o->mask.height, NULL};
  double threshold = s->threshold < 0 ? fmn_model_threshold(self->model) : s->threshold;
  if (o->mask.data != NULL)
    mask.data = g_bytes_get_data(o->mask.data, NULL);
  fmn_crop(self->sampler, image, &o->box, mask.data != NULL ? &mask : NULL, p, self->picture);
  fmn_classifier_run(self->classifier, self->picture, self->probabilities);
  smooth(self, track, time, s->smoothing);
  gst_fmnist_result_unref(track->result);
  track->result = gst_fmnist_result_new(self->labels, self->model_name, self->probabilities, threshold, s->top_k,
                                        g_bytes_new(self->picture, (gsize)p->width * (gsize)p->height * (gsize)p->channels), p->width,
                                        p->height, p->channels);
  track->result_age = 0;
}

static void post_results(GstFmnistClassify *self, GstBuffer *buffer) {
  GstFmnistMeta *meta = gst_fmnist_meta_get(buffer);
  GArray *named = g_array_new(FALSE, FALSE, sizeof(guint));
  for (guint i = 0; i < gst_fmnist_regions_size(&self->regions); i++) {
    if (gst_fmnist_regions_object(&self->regions, meta, i)->result != NULL)
      g_array_append_val(named, g_array_index(self->regions.indices, guint, i));
  }
  gst_fmnist_analyser_post(GST_FMNIST_ANALYSER(self), buffer, (const guint *)(gpointer)named->data, named->len);
  g_array_unref(named);
}

static void classify(GstFmnistClassify *self, GstBuffer *buffer, const GstFmnistClassifyProperties *s) {
  const GstVideoInfo *info = gst_fmnist_analyser_info(GST_FMNIST_ANALYSER(self));
  GstFmnistMeta *meta = gst_fmnist_meta_get(buffer);
  guint n = gst_fmnist_regions_size(&self->regions);
  gboolean due = self->frame++ % s->interval == 0 && n > 0;
  FmnImage image;
  g_ptr_array_set_size(self->tracks, (gint)n);
  gst_fmnist_tracker_update(self->tracker, (const FmnBox *)(gpointer)self->regions.boxes->data, n, (GstFmnistTrack **)self->tracks->pdata);
  if (due && !gst_fmnist_analyser_map(GST_FMNIST_ANALYSER(self), buffer, &image))
    due = FALSE;
  for (guint i = 0; i < n; i++) {
    GstFmnistTrack *track = g_ptr_array_index(self->tracks, i);
    GstFmnistObject *o = gst_fmnist_regions_object(&self->regions, meta, i);
    if (due)
      infer(self, &image, o, track, GST_BUFFER_PTS(buffer), s);
    if (track->result != NULL)
      gst_fmnist_object_set_result(o, track->result, track->result_age);
    if (o->id == 0)
      gst_fmnist_regions_identify(buffer, o, track->id, info->width, info->height);
    gst_fmnist_roi_publish(buffer, o, info->width, info->height);
  }
  if (due)
    gst_fmnist_analyser_unmap(GST_FMNIST_ANALYSER(self));
}

static GstFlowReturn gst_fmnist_classify_analyse(GstFmnistAnalyser *analyser, GstBuffer *buffer) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(analyser);
  const GstVideoInfo *info = gst_fmnist_analyser_info(analyser);
  GstFmnistClassifyProperties s = take_properties(self);
  gst_fmnist_regions_choose(&self->regions, buffer, s.region, s.object_class, info->width, info->height);
  classify(self, buffer, &s);
  if (s.post_messages)
    post_results(self, buffer);
  gst_fmnist_classify_properties_clear(&s);
  return GST_FLOW_OK;
}

static void gst_fmnist_classify_finalize(GObject *object) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(object);
  gst_fmnist_classify_properties_clear(&self->properties);
  gst_fmnist_tracker_free(self->tracker);
  gst_fmnist_regions_clear(&self->regions);
  g_ptr_array_unref(self->tracks);
  G_OBJECT_CLASS(gst_fmnist_classify_parent_class)->finalize(object);
}

static void gst_fmnist_classify_class_init(GstFmnistClassifyClass *klass) {
  GObjectClass *object = G_OBJECT_CLASS(klass);
  GstFmnistAnalyserClass *analyser = GST_FMNIST_ANALYSER_CLASS(klass);
  object->set_property = gst_fmnist_classify_set_property;
  object->get_property = gst_fmnist_classify_get_property;
  object->finalize = gst_fmnist_classify_finalize;
  gst_fmnist_classify_properties_install(object);
  gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(klass), "Fashion-MNIST classifier", "Filter/Analyzer/Video",
                                        "Says which garment each object of a frame is", "The gst-fmnist developers");
  GST_BASE_TRANSFORM_CLASS(klass)->start = gst_fmnist_classify_start;
  GST_BASE_TRANSFORM_CLASS(klass)->stop = gst_fmnist_classify_stop;
  analyser->set_format = gst_fmnist_classify_set_format;
  analyser->analyse = gst_fmnist_classify_analyse;
  analyser->reset = gst_fmnist_classify_reset;
  gst_type_mark_as_plugin_api(GST_TYPE_FMNIST_CLASSIFY_REGION, 0);
}

static void gst_fmnist_classify_init(GstFmnistClassify *self) {
  gst_fmnist_classify_properties_init(&self->properties);
  self->tracker = gst_fmnist_tracker_new(KEEP_FRAMES);
  gst_fmnist_regions_init(&self->regions);
  self->tracks = g_ptr_array_new();
}
