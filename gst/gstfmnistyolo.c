/**
 * SECTION:element-fmnistyolo
 * @title: fmnistyolo
 * @short_description: finds and names several garments in a frame
 *
 * Runs a detector over the whole frame, whatever is behind the garments, and attaches what it finds as metadata: boxes with class
 * and confidence, for fmnistoverlay to draw, for fmnistjson to write and for fmnistclassify to have a second look at; for other
 * software there is a GstVideoRegionOfInterestMeta each. With #GstFmnistYolo:post-messages an element message `fmnist` goes to the
 * bus. The frame itself is passed on untouched.
 *
 * A smaller #GstFmnistYolo:size is faster and finds less.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! fmnistyolo ! fmnistoverlay ! videoconvert ! autovideosink
 * ]|
 * |[
 * gst-launch-1.0 filesrc location=video.mp4 ! decodebin ! videoconvert ! fmnistyolo size=320 ! fmnistclassify inference-region=roi-list ! fmnistjson ! fakesink
 * ]|
 */
#include "gstfmnistyolo.h"

#include "detect/yolo.h"
#include "error.h"
#include "gstfmnistmodel.h"
#include "gstfmnistroi.h"
#include "gstfmnisttracker.h"
#include "image/letterbox.h"

GST_DEBUG_CATEGORY_STATIC(fmnistyolo_debug);
#define GST_CAT_DEFAULT fmnistyolo_debug

#define DEFAULT_MODEL "yolov3-tiny"
#define KEEP_FRAMES 15

static const FmnDetectOptions defaults = FMN_DETECT_DEFAULTS;

struct _GstFmnistYolo {
  GstFmnistAnalyser parent;
  FmnDetectOptions options; /* from here on under the object lock */
  guint interval;
  gboolean post_messages;
  char *model_property;
  int size, threads;

  FmnModel *model; /* from here on between start() and stop() */
  FmnDetector *detector;
  GQuark *labels;
  guint8 *picture;
  FmnSampler *sampler;
  GstFmnistTracker *tracker;
  guint64 frame;
  GArray *boxes;     /* of FmnBox: what was found last; these two go together */
  GArray *found;     /* of FmnDetection */
  guint age;         /* frames since it was found */
  GPtrArray *tracks; /* of GstFmnistTrack: the tracker's */
};

enum {
  PROP_0,
  PROP_MODEL,
  PROP_THRESHOLD,
  PROP_IOU_THRESHOLD,
  PROP_MAX_DETECTIONS,
  PROP_SIZE,
  PROP_INFERENCE_INTERVAL,
  PROP_THREADS,
  PROP_POST_MESSAGES,
};

G_DEFINE_TYPE(GstFmnistYolo, gst_fmnist_yolo, GST_TYPE_FMNIST_ANALYSER)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(fmnistyolo, "fmnistyolo", GST_RANK_NONE, GST_TYPE_FMNIST_YOLO,
                                      GST_DEBUG_CATEGORY_INIT(fmnistyolo_debug, "fmnistyolo", 0, "finds and names garments"))

static void gst_fmnist_yolo_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(object);
  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_MODEL:
    g_free(self->model_property);
    self->model_property = g_value_dup_string(value);
    break;
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
  case PROP_INFERENCE_INTERVAL:
    self->interval = g_value_get_uint(value);
    break;
  case PROP_THREADS:
    self->threads = g_value_get_int(value);
    break;
  case PROP_POST_MESSAGES:
    self->post_messages = g_value_get_boolean(value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void gst_fmnist_yolo_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(object);
  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_MODEL:
    g_value_set_string(value, self->model_property);
    break;
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
  case PROP_INFERENCE_INTERVAL:
    g_value_set_uint(value, self->interval);
    break;
  case PROP_THREADS:
    g_value_set_int(value, self->threads);
    break;
  case PROP_POST_MESSAGES:
    g_value_set_boolean(value, self->post_messages);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void forget_model(GstFmnistYolo *self) {
  g_clear_pointer(&self->detector, fmn_detector_free);
  g_clear_pointer(&self->labels, g_free);
  g_clear_pointer(&self->picture, g_free);
  g_clear_pointer(&self->model, gst_fmnist_model_release);
}

static void report(GstFmnistYolo *self, const GError *error, const char *name, int size) {
  if (g_error_matches(error, FMN_ERROR, FMN_ERROR_NOT_FOUND))
    GST_ELEMENT_ERROR(self, RESOURCE, NOT_FOUND,
                      ("%s. To train a detector: fmnist-train train --arch " DEFAULT_MODEL " --out " DEFAULT_MODEL ".safetensors",
                       error->message),
                      ("model=%s", name));
  else if (g_error_matches(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED) || g_error_matches(error, FMN_ERROR, FMN_ERROR_ARGUMENT))
    GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("%s.", error->message), ("model=%s size=%d", name, size));
  else
    GST_ELEMENT_ERROR(self, RESOURCE, OPEN_READ, ("%s.", error->message), ("model=%s", name));
}

static gboolean load_model(GstFmnistYolo *self, const char *name, int size, int threads) {
  GError *error = NULL;
  gsize side;
  self->model = gst_fmnist_model_acquire(name, &error);
  if (self->model != NULL)
    self->detector = fmn_detector_new(self->model, size, threads, &error);
  if (self->detector == NULL) {
    report(self, error, name, size);
    g_error_free(error);
    forget_model(self);
    return FALSE;
  }
  side = (gsize)fmn_detector_size(self->detector);
  self->picture = g_try_malloc0(3 * side * side);
  if (self->picture == NULL) {
    GST_ELEMENT_ERROR(self, RESOURCE, FAILED, ("No memory for pictures of %d×%d pixels.", (int)side, (int)side),
                      ("size=%d", size));
    forget_model(self);
    return FALSE;
  }
  self->labels = g_new(GQuark, fmn_model_n_labels(self->model));
  for (int i = 0; i < fmn_model_n_labels(self->model); i++)
    self->labels[i] = g_quark_from_string(fmn_model_label(self->model, i));
  return TRUE;
}

static gboolean gst_fmnist_yolo_start(GstBaseTransform *trans) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(trans);
  char *name;
  int size, threads;
  gboolean ok;
  GST_OBJECT_LOCK(self);
  name = g_strdup(self->model_property != NULL && *self->model_property != '\0' ? self->model_property : DEFAULT_MODEL);
  size = self->size;
  threads = self->threads;
  GST_OBJECT_UNLOCK(self);
  ok = load_model(self, name, size, threads);
  g_free(name);
  return ok;
}

static gboolean gst_fmnist_yolo_stop(GstBaseTransform *trans) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(trans);
  gboolean ok = GST_BASE_TRANSFORM_CLASS(gst_fmnist_yolo_parent_class)->stop(trans);
  forget_model(self);
  g_clear_pointer(&self->sampler, fmn_sampler_free);
  return ok;
}

static void forget_found(GstFmnistYolo *self) {
  g_array_set_size(self->found, 0);
  g_array_set_size(self->boxes, 0);
}

static void gst_fmnist_yolo_set_format(GstFmnistAnalyser *analyser, const FmnImageFormat *image) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(analyser);
  fmn_sampler_free(self->sampler);
  self->sampler = fmn_sampler_new(image);
}

static void gst_fmnist_yolo_reset(GstFmnistAnalyser *analyser) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(analyser);
  gst_fmnist_tracker_reset(self->tracker);
  forget_found(self);
  self->frame = 0;
}

/* FALSE: the frame could not be read. */
static gboolean detect(GstFmnistYolo *self, GstBuffer *buffer, const FmnDetectOptions *options) {
  const FmnDetection *found;
  FmnImage image;
  FmnBox place;
  int n;
  if (!gst_fmnist_analyser_map(GST_FMNIST_ANALYSER(self), buffer, &image))
    return FALSE;
  fmn_letterbox(self->sampler, &image, 3, fmn_detector_size(self->detector), self->picture, &place);
  gst_fmnist_analyser_unmap(GST_FMNIST_ANALYSER(self));
  n = fmn_detector_run(self->detector, self->picture, &place, options, &found);
  forget_found(self);
  g_array_append_vals(self->found, found, (guint)n);
  for (int i = 0; i < n; i++)
    g_array_append_val(self->boxes, found[i].box);
  self->age = 0;
  GST_LOG_OBJECT(self, "%d objects", n);
  return TRUE;
}

/* What was found last becomes objects of the buffer; indices get theirs. */
static void attach(GstFmnistYolo *self, GstBuffer *buffer, GArray *indices) {
  const GstVideoInfo *info = gst_fmnist_analyser_info(GST_FMNIST_ANALYSER(self));
  GstFmnistMeta *meta = gst_fmnist_meta_ensure(buffer);
  guint n = self->found->len;
  g_ptr_array_set_size(self->tracks, (gint)n);
  gst_fmnist_tracker_update(self->tracker, (const FmnBox *)(gpointer)self->boxes->data, n, (GstFmnistTrack **)self->tracks->pdata);
  for (guint i = 0; i < n; i++) {
    const FmnDetection *d = &g_array_index(self->found, FmnDetection, i);
    const GstFmnistTrack *track = g_ptr_array_index(self->tracks, i);
    guint index = gst_fmnist_meta_size(meta);
    GstFmnistObject *o = gst_fmnist_meta_add(meta, &d->box, gst_fmnist_meta_free_id(meta, track->id));
    o->label = self->labels[d->label];
    o->label_id = d->label;
    o->confidence = (double)d->confidence;
    o->frames_ago = self->age;
    gst_fmnist_roi_publish(buffer, o, info->width, info->height);
    g_array_append_val(indices, index);
  }
}

static GstFlowReturn gst_fmnist_yolo_analyse(GstFmnistAnalyser *analyser, GstBuffer *buffer) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(analyser);
  FmnDetectOptions options;
  gboolean post_messages;
  GArray *indices;
  guint interval;
  GST_OBJECT_LOCK(self);
  options = self->options;
  interval = self->interval;
  post_messages = self->post_messages;
  GST_OBJECT_UNLOCK(self);
  if (self->frame++ % interval != 0 || !detect(self, buffer, &options))
    self->age++;
  indices = g_array_new(FALSE, FALSE, sizeof(guint));
  attach(self, buffer, indices);
  if (post_messages)
    gst_fmnist_analyser_post(analyser, buffer, (const guint *)(gpointer)indices->data, indices->len);
  g_array_unref(indices);
  return GST_FLOW_OK;
}

static void gst_fmnist_yolo_finalize(GObject *object) {
  GstFmnistYolo *self = GST_FMNIST_YOLO(object);
  g_free(self->model_property);
  gst_fmnist_tracker_free(self->tracker);
  g_array_unref(self->boxes);
  g_array_unref(self->found);
  g_ptr_array_unref(self->tracks);
  G_OBJECT_CLASS(gst_fmnist_yolo_parent_class)->finalize(object);
}

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)
#define FLAGS_READY (FLAGS | (GParamFlags)GST_PARAM_MUTABLE_READY)
#define FLAGS_PLAYING (FLAGS | (GParamFlags)GST_PARAM_MUTABLE_PLAYING)

static void install_properties(GObjectClass *object) {
  g_object_class_install_property(
      object, PROP_MODEL,
      g_param_spec_string("model", "Model",
                          "Name of a detector (searched in the folders of FMNIST_MODEL_PATH, then in the installed models) or path of a "
                          ".safetensors file",
                          DEFAULT_MODEL, FLAGS_READY));
  g_object_class_install_property(
      object, PROP_THRESHOLD,
      g_param_spec_double("threshold", "Threshold", "Confidence (0 to 1) that an object needs more than", 0, 1, defaults.threshold,
                          FLAGS_PLAYING | (GParamFlags)GST_PARAM_CONTROLLABLE));
  g_object_class_install_property(
      object, PROP_IOU_THRESHOLD,
      g_param_spec_double("iou-threshold", "Overlap threshold",
                          "Of two boxes of one class with a larger overlap (intersection over union, 0 to 1) only the surer one is kept", 0,
                          1, defaults.iou_threshold, FLAGS_PLAYING | (GParamFlags)GST_PARAM_CONTROLLABLE));
  g_object_class_install_property(object, PROP_MAX_DETECTIONS,
                                  g_param_spec_int("max-detections", "Most objects",
                                                   "How many objects a frame can have, the surest being kept", 1, 1000,
                                                   defaults.max_detections, FLAGS_PLAYING));
  g_object_class_install_property(
      object, PROP_SIZE,
      g_param_spec_int("size", "Size",
                       "Width and height, in pixels, to which the frame is fitted for the detector: a multiple of 32; smaller is faster "
                       "and finds less (0 = the model's)",
                       0, FMN_YOLO_MAX_SIDE, 0, FLAGS_READY));
  g_object_class_install_property(
      object, PROP_INFERENCE_INTERVAL,
      g_param_spec_uint("inference-interval", "Inference interval",
                        "Look for objects in every N-th frame; they are carried on in between (1 = every frame)", 1, G_MAXINT, 1,
                        FLAGS_PLAYING));
  g_object_class_install_property(
      object, PROP_THREADS,
      g_param_spec_int("threads", "Threads", "How many threads work on one frame, the streaming thread being one of them", 1, 64, 1,
                       FLAGS_READY));
  g_object_class_install_property(
      object, PROP_POST_MESSAGES,
      g_param_spec_boolean("post-messages", "Post messages", "Post an element message `fmnist` for each frame with objects", FALSE,
                           FLAGS_PLAYING));
}

static void gst_fmnist_yolo_class_init(GstFmnistYoloClass *klass) {
  GObjectClass *object = G_OBJECT_CLASS(klass);
  GstFmnistAnalyserClass *analyser = GST_FMNIST_ANALYSER_CLASS(klass);
  object->set_property = gst_fmnist_yolo_set_property;
  object->get_property = gst_fmnist_yolo_get_property;
  object->finalize = gst_fmnist_yolo_finalize;
  install_properties(object);
  gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(klass), "Fashion-MNIST detector", "Filter/Analyzer/Video",
                                        "Finds several garments in a frame and says which they are", "The gst-fmnist developers");
  GST_BASE_TRANSFORM_CLASS(klass)->start = gst_fmnist_yolo_start;
  GST_BASE_TRANSFORM_CLASS(klass)->stop = gst_fmnist_yolo_stop;
  analyser->set_format = gst_fmnist_yolo_set_format;
  analyser->analyse = gst_fmnist_yolo_analyse;
  analyser->reset = gst_fmnist_yolo_reset;
}

static void gst_fmnist_yolo_init(GstFmnistYolo *self) {
  self->options = defaults;
  self->interval = self->threads = 1;
  self->model_property = g_strdup(DEFAULT_MODEL);
  self->tracker = gst_fmnist_tracker_new(KEEP_FRAMES);
  self->boxes = g_array_new(FALSE, FALSE, sizeof(FmnBox));
  self->found = g_array_new(FALSE, FALSE, sizeof(FmnDetection));
  self->tracks = g_ptr_array_new();
}
