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
#include "gstfmnistmodel.h"
#include "gstfmnistregions.h"
#include "gstfmnistroi.h"
#include "gstfmnisttracker.h"
#include "image/crop.h"

GST_DEBUG_CATEGORY_STATIC(fmnistclassify_debug);
#define GST_CAT_DEFAULT fmnistclassify_debug

#define KEEP_FRAMES 15
#define MODEL_THRESHOLD -1.0

/* What may change while playing; one frame works with one copy. */
typedef struct {
  double threshold;
  int top_k;
  guint interval, smoothing;
  GstFmnistRegion region;
  char *object_class; /* a GRefString or NULL; owned */
  gboolean post_messages;
} Settings;

struct _GstFmnistClassify {
  GstFmnistAnalyser parent;
  Settings settings; /* these under the object lock */
  char *model_property, *labels_file;
  int threads;

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

enum {
  PROP_0,
  PROP_MODEL,
  PROP_LABELS_FILE,
  PROP_THRESHOLD,
  PROP_TOP_K,
  PROP_INFERENCE_INTERVAL,
  PROP_INFERENCE_REGION,
  PROP_OBJECT_CLASS,
  PROP_SMOOTHING,
  PROP_THREADS,
  PROP_POST_MESSAGES,
};

G_DEFINE_TYPE(GstFmnistClassify, gst_fmnist_classify, GST_TYPE_FMNIST_ANALYSER)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(fmnistclassify, "fmnistclassify", GST_RANK_NONE, GST_TYPE_FMNIST_CLASSIFY,
                                      GST_DEBUG_CATEGORY_INIT(fmnistclassify_debug, "fmnistclassify", 0, "names objects"))

#define GST_TYPE_FMNIST_CLASSIFY_REGION (gst_fmnist_classify_region_get_type())
static GType gst_fmnist_classify_region_get_type(void) {
  static gsize type = 0;
  static const GEnumValue values[] = {
      {GST_FMNIST_REGION_AUTO, "The objects found before, or the whole frame where nobody looked for objects", "auto"},
      {GST_FMNIST_REGION_FULL_FRAME, "The whole frame", "full-frame"},
      {GST_FMNIST_REGION_ROI_LIST, "The objects found before", "roi-list"},
      {0, NULL, NULL},
  };
  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("GstFmnistClassifyRegion", values));
  return type;
}

static char *ref_string_or_null(const char *s) { return s != NULL && *s != '\0' ? g_ref_string_new(s) : NULL; }

static void gst_fmnist_classify_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(object);
  Settings *s = &self->settings;
  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_MODEL:
    g_free(self->model_property);
    self->model_property = g_value_dup_string(value);
    break;
  case PROP_LABELS_FILE:
    g_free(self->labels_file);
    self->labels_file = g_value_dup_string(value);
    break;
  case PROP_THRESHOLD:
    s->threshold = g_value_get_double(value);
    break;
  case PROP_TOP_K:
    s->top_k = g_value_get_int(value);
    break;
  case PROP_INFERENCE_INTERVAL:
    s->interval = g_value_get_uint(value);
    break;
  case PROP_INFERENCE_REGION:
    s->region = (GstFmnistRegion)g_value_get_enum(value);
    break;
  case PROP_OBJECT_CLASS:
    g_clear_pointer(&s->object_class, g_ref_string_release);
    s->object_class = ref_string_or_null(g_value_get_string(value));
    break;
  case PROP_SMOOTHING:
    s->smoothing = g_value_get_uint(value);
    break;
  case PROP_THREADS:
    self->threads = g_value_get_int(value);
    break;
  case PROP_POST_MESSAGES:
    s->post_messages = g_value_get_boolean(value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void gst_fmnist_classify_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(object);
  const Settings *s = &self->settings;
  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_MODEL:
    g_value_set_string(value, self->model_property);
    break;
  case PROP_LABELS_FILE:
    g_value_set_string(value, self->labels_file);
    break;
  case PROP_THRESHOLD:
    g_value_set_double(value, s->threshold);
    break;
  case PROP_TOP_K:
    g_value_set_int(value, s->top_k);
    break;
  case PROP_INFERENCE_INTERVAL:
    g_value_set_uint(value, s->interval);
    break;
  case PROP_INFERENCE_REGION:
    g_value_set_enum(value, (gint)s->region);
    break;
  case PROP_OBJECT_CLASS:
    g_value_set_string(value, s->object_class);
    break;
  case PROP_SMOOTHING:
    g_value_set_uint(value, s->smoothing);
    break;
  case PROP_THREADS:
    g_value_set_int(value, self->threads);
    break;
  case PROP_POST_MESSAGES:
    g_value_set_boolean(value, s->post_messages);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

static Settings take_settings(GstFmnistClassify *self) {
  Settings s;
  GST_OBJECT_LOCK(self);
  s = self->settings;
  if (s.object_class != NULL)
    g_ref_string_acquire(s.object_class);
  GST_OBJECT_UNLOCK(self);
  return s;
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
  self->labels = gst_fmnist_model_labels(self->model, labels_file, &error);
  if (self->labels == NULL) {
    GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("%s", error->message), ("labels-file=%s", labels_file));
    g_error_free(error);
    forget_model(self);
    return FALSE;
  }
  p = fmn_model_preprocess(self->model);
  self->classifier = fmn_classifier_new(self->model, threads);
  self->model_name = g_ref_string_new(fmn_model_name(self->model));
  self->picture = g_malloc0((gsize)p->width * (gsize)p->height * (gsize)p->channels);
  self->probabilities = g_new0(float, self->labels->len);
  return TRUE;
}

static gboolean gst_fmnist_classify_start(GstBaseTransform *trans) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(trans);
  char *name, *labels_file;
  int threads;
  gboolean ok;
  GST_OBJECT_LOCK(self);
  name = g_strdup(self->model_property != NULL && *self->model_property != '\0' ? self->model_property : FMN_DEFAULT_MODEL);
  labels_file = g_strdup(self->labels_file);
  threads = self->threads;
  GST_OBJECT_UNLOCK(self);
  self->frame = 0;
  ok = load_model(self, name, labels_file, threads);
  g_free(name);
  g_free(labels_file);
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
                  const Settings *s) {
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
  const GstSegment *segment = &GST_BASE_TRANSFORM(self)->segment;
  const GstVideoInfo *info = gst_fmnist_analyser_info(GST_FMNIST_ANALYSER(self));
  GstFmnistMeta *meta = gst_fmnist_meta_get(buffer);
  GstClockTime pts = GST_BUFFER_PTS(buffer);
  GstStructure *s;
  GValue list = G_VALUE_INIT;
  gst_value_array_init(&list, gst_fmnist_regions_size(&self->regions));
  for (guint i = 0; i < gst_fmnist_regions_size(&self->regions); i++) {
    const GstFmnistObject *o = gst_fmnist_regions_object(&self->regions, meta, i);
    GValue item = G_VALUE_INIT;
    if (o->result == NULL)
      continue;
    g_value_init(&item, GST_TYPE_STRUCTURE);
    g_value_take_boxed(&item, gst_fmnist_object_structure(o, info->width, info->height));
    gst_value_array_append_and_take_value(&list, &item);
  }
  if (gst_value_array_get_size(&list) == 0) {
    g_value_unset(&list);
    return;
  }
  s = gst_structure_new("fmnist", "timestamp", G_TYPE_UINT64, pts, "stream-time", G_TYPE_UINT64,
                        gst_segment_to_stream_time(segment, GST_FORMAT_TIME, pts), "running-time", G_TYPE_UINT64,
                        gst_segment_to_running_time(segment, GST_FORMAT_TIME, pts), "duration", G_TYPE_UINT64,
                        GST_BUFFER_DURATION(buffer), NULL);
  gst_structure_take_value(s, "objects", &list);
  gst_element_post_message(GST_ELEMENT(self), gst_message_new_element(GST_OBJECT(self), s));
}

static void classify(GstFmnistClassify *self, GstBuffer *buffer, const Settings *s) {
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
  Settings s = take_settings(self);
  gst_fmnist_regions_choose(&self->regions, buffer, s.region, s.object_class, info->width, info->height);
  classify(self, buffer, &s);
  if (s.post_messages)
    post_results(self, buffer);
  g_clear_pointer(&s.object_class, g_ref_string_release);
  return GST_FLOW_OK;
}

static void gst_fmnist_classify_finalize(GObject *object) {
  GstFmnistClassify *self = GST_FMNIST_CLASSIFY(object);
  g_free(self->model_property);
  g_free(self->labels_file);
  g_clear_pointer(&self->settings.object_class, g_ref_string_release);
  gst_fmnist_tracker_free(self->tracker);
  gst_fmnist_regions_clear(&self->regions);
  g_ptr_array_unref(self->tracks);
  G_OBJECT_CLASS(gst_fmnist_classify_parent_class)->finalize(object);
}

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)
#define FLAGS_READY (FLAGS | (GParamFlags)GST_PARAM_MUTABLE_READY)
#define FLAGS_PLAYING (FLAGS | (GParamFlags)GST_PARAM_MUTABLE_PLAYING)

static void install_properties(GObjectClass *object) {
  g_object_class_install_property(
      object, PROP_MODEL,
      g_param_spec_string("model", "Model",
                          "Name of a model (searched in the folders of FMNIST_MODEL_PATH, then in the installed models; the default is "
                          "built in) or path of a .safetensors file",
                          FMN_DEFAULT_MODEL, FLAGS_READY));
  g_object_class_install_property(
      object, PROP_LABELS_FILE,
      g_param_spec_string("labels-file", "Labels file", "Text file with one label a line in place of the model's own (NULL = the model's)",
                          NULL, FLAGS_READY));
  g_object_class_install_property(
      object, PROP_THRESHOLD,
      g_param_spec_double("threshold", "Threshold",
                          "Confidence (0 to 1) under which an object is called unknown (any negative value = the model's own threshold)",
                          -1, 1, MODEL_THRESHOLD, FLAGS_PLAYING | (GParamFlags)GST_PARAM_CONTROLLABLE));
  g_object_class_install_property(object, PROP_TOP_K,
                                  g_param_spec_int("top-k", "Best guesses", "How many of the best guesses are reported with each object",
                                                   1, 1000, 1, FLAGS_PLAYING));
  g_object_class_install_property(
      object, PROP_INFERENCE_INTERVAL,
      g_param_spec_uint("inference-interval", "Inference interval",
                        "Classify in every N-th frame; results are carried with their objects in between (1 = every frame)", 1, G_MAXINT, 1,
                        FLAGS_PLAYING));
  g_object_class_install_property(object, PROP_INFERENCE_REGION,
                                  g_param_spec_enum("inference-region", "Inference region", "What is classified",
                                                    GST_TYPE_FMNIST_CLASSIFY_REGION, GST_FMNIST_REGION_AUTO, FLAGS_PLAYING));
  g_object_class_install_property(
      object, PROP_OBJECT_CLASS,
      g_param_spec_string("object-class", "Object class", "Classify objects with this label only (NULL = all)", NULL, FLAGS_PLAYING));
  g_object_class_install_property(
      object, PROP_SMOOTHING,
      g_param_spec_uint("smoothing", "Smoothing",
                        "Time constant, in milliseconds, of the running mean of each object's probabilities (0 = none)", 0, 60000, 0,
                        FLAGS_PLAYING));
  g_object_class_install_property(
      object, PROP_THREADS,
      g_param_spec_int("threads", "Threads", "How many threads work on one object, the streaming thread being one of them", 1, 64, 1,
                       FLAGS_READY));
  g_object_class_install_property(
      object, PROP_POST_MESSAGES,
      g_param_spec_boolean("post-messages", "Post messages", "Post an element message `fmnist` for each frame with results", FALSE,
                           FLAGS_PLAYING));
}

static void gst_fmnist_classify_class_init(GstFmnistClassifyClass *klass) {
  GObjectClass *object = G_OBJECT_CLASS(klass);
  GstFmnistAnalyserClass *analyser = GST_FMNIST_ANALYSER_CLASS(klass);
  object->set_property = gst_fmnist_classify_set_property;
  object->get_property = gst_fmnist_classify_get_property;
  object->finalize = gst_fmnist_classify_finalize;
  install_properties(object);
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
  self->settings = (Settings){.threshold = MODEL_THRESHOLD, .top_k = 1, .interval = 1};
  self->model_property = g_strdup(FMN_DEFAULT_MODEL);
  self->threads = 1;
  self->tracker = gst_fmnist_tracker_new(KEEP_FRAMES);
  gst_fmnist_regions_init(&self->regions);
  self->tracks = g_ptr_array_new();
}
