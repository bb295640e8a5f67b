/**
 * SECTION:element-fmnistyolo
 * @title: fmnistyolo
 * @short_description: finds and names several garments in a frame
 *
 * Runs a detector over the whole frame, whatever is behind the garments, and attaches what it finds as metadata: boxes
 * with class and confidence, for fmnistoverlay to draw, for fmnistjson to write and for fmnistclassify to have a second
 * look at; for other software there is a GstVideoRegionOfInterestMeta each. With #GstFmnistYolo:post-messages an
 * element message `fmnist` goes to the bus. The frame itself is passed on untouched.
 *
 * A smaller #GstFmnistYolo:size is faster and finds less. With #GstFmnistYolo:smoothing there is one object a place,
 * whose name is the surest in the mean over time.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! fmnistyolo ! fmnistoverlay ! videoconvert ! autovideosink
 * ]|
 * |[
 * gst-launch-1.0 filesrc location=video.mp4 ! decodebin ! videoconvert ! fmnistyolo size=320 ! fmnistclassify
 * inference-region=roi-list ! fmnistjson ! fakesink
 * ]|
 */
#include "gstfmnistyolo.h"

#include "detect/yolo.h"
#include "gstfmnistfound.h"
#include "gstfmnistinferenceproperties.h"
#include "gstfmnistroi.h"
#include "gstfmnisttracker.h"
#include "image/letterbox.h"

GST_DEBUG_CATEGORY_STATIC(fmnistyolo_debug);
#define GST_CAT_DEFAULT fmnistyolo_debug

#define DEFAULT_MODEL "yolov3-tiny"
#define MOST_DETECTIONS 1000
#define FAINT 0.4 /* share of the threshold from which on boxes count for smoothed names */

static const FmnDetectOptions defaults = FMN_DETECT_DEFAULTS;

struct _GstFmnistYolo {
  GstFmnistInference parent;
  FmnDetectOptions options; /* these three under the object lock */
  int size;
  guint smoothing;

  FmnSampler *sampler; /* from here on for the streaming thread */
  GstFmnistTracker *tracker;
  GstFmnistFound *found;   /* last */
  guint age;               /* frames since it was found */
  GstClockTime found_time; /* timestamp of the frame in which it was */
  GPtrArray *tracks;       /* of GstFmnistTrack: the tracker's */
};

typedef struct {
  GstFmnistNet base;
  FmnDetector *detector;
  GQuark *labels;
} Net;

typedef struct {
  GstFmnistJob base;
  guint8 *picture;
  FmnBox place;
  FmnDetectOptions options;
  GstFmnistSmoothing smoothing;
  int most;      /* objects */
  GArray *found; /* of FmnDetection */
} Job;

enum {
  PROP_THRESHOLD = GST_FMNIST_INFERENCE_PROPERTIES,
  PROP_IOU_THRESHOLD,
  PROP_MAX_DETECTIONS,
  PROP_SIZE,
  PROP_SMOOTHING
};

G_DEFINE_TYPE(GstFmnistYolo, gst_fmnist_yolo, GST_TYPE_FMNIST_INFERENCE)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(fmnistyolo, "fmnistyolo", GST_RANK_NONE, GST_TYPE_FMNIST_YOLO,
                                      GST_DEBUG_CATEGORY_INIT(fmnistyolo_debug, "fmnistyolo", 0,
                                                              "finds and names garments"))

static void gst_fmnist_yolo_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(object);
  gboolean chain = FALSE;
  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_THRESHOLD:
    self->options.threshold = g_value_get_double(value);
    break;
  case PROP_IOU_THRESHOLD:
    self->options.iou_threshold = g_value_get_double(value);
    break;
  case PROP_MAX_DETECTIONS:
    self->options.max_detections = g_value_get_int(value);
    break;
  case PROP_SIZE:
    self->size = g_value_get_int(value);
    break;
  case PROP_SMOOTHING:
    self->smoothing = g_value_get_uint(value);
    break;
  default:
    chain = TRUE;
  }
  GST_OBJECT_UNLOCK(self);
  if (chain)
    G_OBJECT_CLASS(gst_fmnist_yolo_parent_class)->set_property(object, id, value, pspec);
}

static void gst_fmnist_yolo_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(object);
  gboolean chain = FALSE;
  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_THRESHOLD:
    g_value_set_double(value, self->options.threshold);
    break;
  case PROP_IOU_THRESHOLD:
    g_value_set_double(value, self->options.iou_threshold);
    break;
  case PROP_MAX_DETECTIONS:
    g_value_set_int(value, self->options.max_detections);
    break;
  case PROP_SIZE:
    g_value_set_int(value, self->size);
    break;
  case PROP_SMOOTHING:
    g_value_set_uint(value, self->smoothing);
    break;
  default:
    chain = TRUE;
  }
  GST_OBJECT_UNLOCK(self);
  if (chain)
    G_OBJECT_CLASS(gst_fmnist_yolo_parent_class)->get_property(object, id, value, pspec);
}

static gboolean gst_fmnist_yolo_open_net(GstFmnistInference *inference, GstFmnistNet *base, int threads,
                                         GError **error) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(inference);
  Net *net = (Net *)base;
  int size, n = fmn_model_n_labels(base->model);
  GST_OBJECT_LOCK(self);
  size = self->size;
  GST_OBJECT_UNLOCK(self);
  net->detector = fmn_detector_new(base->model, size, threads, error);
  if (net->detector == NULL)
    return FALSE;
  net->labels = g_new(GQuark, n);
  for (int i = 0; i < n; i++)
    net->labels[i] = g_quark_from_string(fmn_model_label(base->model, i));
  return TRUE;
}

static void gst_fmnist_yolo_close_net(GstFmnistNet *base) {
  Net *net = (Net *)base;
  fmn_detector_free(net->detector);
  g_free(net->labels);
}

static gboolean gst_fmnist_yolo_size_job(GstFmnistJob *base, guint n) {
  Job *job = (Job *)base;
  gsize side = (gsize)fmn_detector_size(((Net *)base->net)->detector);
  if (job->picture == NULL) {
    job->picture = g_try_malloc0(3 * side * side);
    if (job->picture == NULL)
      return FALSE;
    job->found = g_array_new(FALSE, FALSE, sizeof(FmnDetection));
    job->place = (FmnBox){0, 0, 1, 1};
    job->options.threshold = 1;
  }
  base->n = n;
  return TRUE;
}

static void gst_fmnist_yolo_clear_job(GstFmnistJob *base) {
  Job *job = (Job *)base;
  g_free(job->picture);
  g_clear_pointer(&job->found, g_array_unref);
}

static void gst_fmnist_yolo_run(GstFmnistJob *base) {
  const Net *net = (const Net *)base->net;
  Job *job = (Job *)base;
  const FmnDetection *found;
  int n = fmn_detector_run(net->detector, job->picture, &job->place, &job->options, &found);
  g_array_set_size(job->found, 0);
  g_array_append_vals(job->found, found, (guint)n);
}

static void gst_fmnist_yolo_set_format(GstFmnistAnalyser *analyser, const FmnImageFormat *image) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(analyser);
  GST_FMNIST_ANALYSER_CLASS(gst_fmnist_yolo_parent_class)->set_format(analyser, image);
  fmn_sampler_free(self->sampler);
  self->sampler = fmn_sampler_new(image);
}

static void gst_fmnist_yolo_reset(GstFmnistAnalyser *analyser) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(analyser);
  GST_FMNIST_ANALYSER_CLASS(gst_fmnist_yolo_parent_class)->reset(analyser);
  gst_fmnist_tracker_reset(self->tracker);
  gst_fmnist_found_clear(self->found);
}

static void gst_fmnist_yolo_swapped(GstFmnistInference *inference, GstFmnistNet *net) {
  gst_fmnist_tracker_forget_smoothers(GST_FMNIST_YOLO(inference)->tracker);
}

static gboolean gst_fmnist_yolo_stop(GstBaseTransform *trans) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(trans);
  gboolean ok = GST_BASE_TRANSFORM_CLASS(gst_fmnist_yolo_parent_class)->stop(trans);
  g_clear_pointer(&self->sampler, fmn_sampler_free);
  return ok;
}

static void gst_fmnist_yolo_begin(GstFmnistInference *inference, GstBuffer *buffer) {
  GST_FMNIST_YOLO(inference)->age++;
}

static void gst_fmnist_yolo_prepare(GstFmnistInference *inference, GstBuffer *buffer, GstFmnistJob *base) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(inference);
  Job *job = (Job *)base;
  FmnImage image;
  if (!gst_fmnist_yolo_size_job(base, 1))
    return;
  if (!gst_fmnist_analyser_map(GST_FMNIST_ANALYSER(self), buffer, &image)) {
    base->n = 0;
    return;
  }
  fmn_letterbox(self->sampler, &image, 3, fmn_detector_size(((Net *)base->net)->detector), job->picture, &job->place);
  gst_fmnist_analyser_unmap(GST_FMNIST_ANALYSER(self));
  GST_OBJECT_LOCK(self);
  job->options = self->options;
  job->smoothing.smoothing = self->smoothing;
  GST_OBJECT_UNLOCK(self);
  job->smoothing.threshold = job->options.threshold;
  job->most = job->options.max_detections;
  if (job->smoothing.smoothing > 0) {
    job->options.threshold *= FAINT;
    job->options.max_detections = MOST_DETECTIONS; /* boxes, of which several may be of one object */
  }
}

static void gst_fmnist_yolo_apply(GstFmnistInference *inference, GstFmnistJob *base, guint age) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(inference);
  Job *job = (Job *)base;
  job->smoothing.time = base->time;
  job->smoothing.frame_time = gst_fmnist_analyser_frame_time(GST_FMNIST_ANALYSER(self));
  gst_fmnist_found_set(self->found, (const FmnDetection *)(gpointer)job->found->data, job->found->len, (guint)job->most,
                       ((const Net *)base->net)->labels, (guint)fmn_model_n_labels(base->net->model), &job->smoothing);
  self->age = age;
  self->found_time = base->time;
  GST_LOG_OBJECT(self, "%u objects, %u frames ago", job->found->len, age);
}

static gboolean gst_fmnist_yolo_attach(GstFmnistInference *inference, GstBuffer *buffer, GArray *indices) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(inference);
  const GstVideoInfo *info = gst_fmnist_analyser_info(GST_FMNIST_ANALYSER(self));
  GstFmnistMeta *meta = gst_fmnist_meta_ensure(buffer);
  guint n, shown = 0;
  if (gst_fmnist_inference_is_stale(inference, self->age, self->found_time, GST_BUFFER_PTS(buffer)))
    gst_fmnist_found_clear(self->found);
  n = gst_fmnist_found_size(self->found);
  g_ptr_array_set_size(self->tracks, (gint)n);
  gst_fmnist_tracker_update(self->tracker, gst_fmnist_found_boxes(self->found), n,
                            gst_fmnist_analyser_running_time(GST_FMNIST_ANALYSER(self), buffer),
                            (GstFmnistTrack **)self->tracks->pdata);
  gst_fmnist_found_steady(self->found, self->tracker, (GstFmnistTrack *const *)self->tracks->pdata);
  for (guint i = 0; i < n; i++) {
    const GstFmnistTrack *track = g_ptr_array_index(self->tracks, i);
    guint index = gst_fmnist_meta_size(meta);
    FmnDetection d;
    GstFmnistObject *o;
    GQuark name;
    if (!gst_fmnist_found_get(self->found, i, &d, &name))
      continue;
    o = gst_fmnist_meta_add(meta, &d.box, gst_fmnist_meta_free_id(buffer, track->id));
    o->label = name;
    o->label_id = d.label;
    o->confidence = (double)d.confidence;
    o->found_ago = self->age;
    o->first_seen = track->first_seen;
    gst_fmnist_roi_publish(buffer, o, info->width, info->height);
    g_array_append_val(indices, index);
    shown++;
  }
  return shown > 0 && self->age > 0;
}

static void gst_fmnist_yolo_finalize(GObject *object) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(object);
  gst_fmnist_tracker_free(self->tracker);
  gst_fmnist_found_free(self->found);
  g_ptr_array_unref(self->tracks);
  G_OBJECT_CLASS(gst_fmnist_yolo_parent_class)->finalize(object);
}

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)
#define FLAGS_READY (FLAGS | (GParamFlags)GST_PARAM_MUTABLE_READY)
#define FLAGS_PLAYING (FLAGS | (GParamFlags)GST_PARAM_MUTABLE_PLAYING)

static void install_properties(GObjectClass *object) {
  g_object_class_install_property(
      object, GST_FMNIST_PROP_MODEL,
      g_param_spec_string("model", "Model",
                          "Name of a detector (searched in the folders of FMNIST_MODEL_PATH, then in the installed "
                          "models) or path of a "
                          ".safetensors file; set while PLAYING, it is opened aside and used when it is ready",
                          DEFAULT_MODEL, FLAGS_PLAYING));
  g_object_class_install_property(
      object, PROP_THRESHOLD,
      g_param_spec_double("threshold", "Threshold", "Confidence (0 to 1) that an object needs more than", 0, 1,
                          defaults.threshold, FLAGS_PLAYING | (GParamFlags)GST_PARAM_CONTROLLABLE));
  g_object_class_install_property(object, PROP_IOU_THRESHOLD,
                                  g_param_spec_double("iou-threshold", "Overlap threshold",
                                                      "Of two boxes of one class with a larger overlap (intersection "
                                                      "over union, 0 to 1) only the surer one is kept",
                                                      0, 1, defaults.iou_threshold,
                                                      FLAGS_PLAYING | (GParamFlags)GST_PARAM_CONTROLLABLE));
  g_object_class_install_property(object, PROP_MAX_DETECTIONS,
                                  g_param_spec_int("max-detections", "Most objects",
                                                   "How many objects a frame can have, the surest being kept", 1, MOST_DETECTIONS,
                                                   defaults.max_detections, FLAGS_PLAYING));
  g_object_class_install_property(object, PROP_SIZE,
                                  g_param_spec_int("size", "Size",
                                                   "Width and height, in pixels, to which the frame is fitted for the "
                                                   "detector: a multiple of 32; smaller is faster "
                                                   "and finds less (0 = the model's)",
                                                   0, FMN_YOLO_MAX_SIDE, 0, FLAGS_READY));
  g_object_class_install_property(
      object, PROP_SMOOTHING,
      g_param_spec_uint("smoothing", "Smoothing",
                        "Time constant, in milliseconds, of the running mean of each object's confidences: boxes in "
                        "one place are one object, with the name that is the surest in the mean (0 = none: boxes as "
                        "they are found, several where several names fit)",
                        0, 60000, 0, FLAGS_PLAYING));
}

static void gst_fmnist_yolo_class_init(GstFmnistYoloClass *klass) {
  GObjectClass *object = G_OBJECT_CLASS(klass);
  GstFmnistAnalyserClass *analyser = GST_FMNIST_ANALYSER_CLASS(klass);
  GstFmnistInferenceClass *inference = GST_FMNIST_INFERENCE_CLASS(klass);
  object->set_property = gst_fmnist_yolo_set_property;
  object->get_property = gst_fmnist_yolo_get_property;
  object->finalize = gst_fmnist_yolo_finalize;
  install_properties(object);
  gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(klass), "Fashion-MNIST detector", "Filter/Analyzer/Video",
                                        "Finds several garments in a frame and says which they are",
                                        "The gst-fmnist developers");
  GST_BASE_TRANSFORM_CLASS(klass)->stop = gst_fmnist_yolo_stop;
  analyser->set_format = gst_fmnist_yolo_set_format;
  analyser->reset = gst_fmnist_yolo_reset;
  inference->default_model = DEFAULT_MODEL;
  inference->net_size = sizeof(Net);
  inference->job_size = sizeof(Job);
  inference->open_net = gst_fmnist_yolo_open_net;
  inference->close_net = gst_fmnist_yolo_close_net;
  inference->size_job = gst_fmnist_yolo_size_job;
  inference->clear_job = gst_fmnist_yolo_clear_job;
  inference->run = gst_fmnist_yolo_run;
  inference->begin = gst_fmnist_yolo_begin;
  inference->prepare = gst_fmnist_yolo_prepare;
  inference->apply = gst_fmnist_yolo_apply;
  inference->attach = gst_fmnist_yolo_attach;
  inference->swapped = gst_fmnist_yolo_swapped;
}

static void gst_fmnist_yolo_init(GstFmnistYolo *self) {
  self->options = defaults;
  self->tracker = gst_fmnist_tracker_new();
  self->found = gst_fmnist_found_new();
  self->tracks = g_ptr_array_new();
}
