#include "detect/detector.h"
#include "fmnist.h"
#include "image/crop.h"
#include "image/letterbox.h"

#define DETECTOR_OBJECTS 50

struct FmnRecognizer {
  FmnModel *model;
  FmnImageFormat format;
  FmnSampler *sampler;
  FmnSegmenter *segmenter; /* these two of a classifier */
  FmnClassifier *classifier;
  FmnDetector *detector; /* or this */
  guint8 *pixels;        /* what the network is shown */
  float *probabilities;  /* of a classifier: n_labels a garment */
  FmnFound found[FMN_RECOGNIZE_MAX];
};

static gboolean open_networks(FmnRecognizer *r, int threads, GError **error) {
  const FmnPreprocess *p = fmn_model_preprocess(r->model);
  if (fmn_model_is_detector(r->model)) {
    r->detector = fmn_detector_new(r->model, 0, threads, error);
    if (!r->detector)
      return FALSE;
    gsize size = (gsize)fmn_detector_size(r->detector);
    r->pixels = g_malloc(3 * size * size);
    return TRUE;
  }
  r->classifier = fmn_classifier_new(r->model, threads);
  if (!r->classifier) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_MEMORY,
                "not enough memory or threads to run model %s on %d threads; ask for fewer", fmn_model_name(r->model),
                threads);
    return FALSE;
  }
  r->segmenter = fmn_segmenter_new(&r->format);
  r->pixels = g_malloc((gsize)p->channels * (gsize)p->width * (gsize)p->height);
  r->probabilities = g_new0(float, (gsize)fmn_model_n_labels(r->model) * FMN_RECOGNIZE_MAX);
  return TRUE;
}

FmnRecognizer *fmn_recognizer_new(FmnModel *model, const FmnImageFormat *format, int threads, GError **error) {
  g_return_val_if_fail(model && format && threads >= 1, NULL);
  if (!fmn_image_format_is_valid(format)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                "no picture can have that format: expected sides from 1 to %d pixels, here %d×%d, and components as "
                "FmnComponent "
                "describes them (fmn_image_format_rgb() fills in those of the simplest format)",
                FMN_IMAGE_MAX, format->width, format->height);
    return NULL;
  }
  FmnRecognizer *r = g_new0(FmnRecognizer, 1);
  r->model = fmn_model_ref(model);
  r->format = *format;
  r->sampler = fmn_sampler_new(format);
  if (open_networks(r, threads, error))
    return r;
  fmn_recognizer_free(r);
  return NULL;
}

void fmn_recognizer_free(FmnRecognizer *r) {
  if (!r)
    return;
  fmn_sampler_free(r->sampler);
  fmn_segmenter_free(r->segmenter);
  fmn_classifier_free(r->classifier);
  fmn_detector_free(r->detector);
  fmn_model_unref(r->model);
  g_free(r->pixels);
  g_free(r->probabilities);
  g_free(r);
}

static int detect(FmnRecognizer *r, const FmnImage *image, const FmnRecognizeOptions *o) {
  FmnDetectOptions options = FMN_DETECT_DEFAULTS;
  const FmnDetection *boxes;
  FmnBox place;
  options.max_detections = o->max_objects ? o->max_objects : DETECTOR_OBJECTS;
  if (o->threshold >= 0)
    options.threshold = o->threshold;
  fmn_letterbox(r->sampler, image, 3, fmn_detector_size(r->detector), r->pixels, &place);
  int n = fmn_detector_run(r->detector, r->pixels, &place, &options, &boxes);
  for (int i = 0; i < n; i++)
    r->found[i] = (FmnFound){boxes[i].box, boxes[i].label, boxes[i].confidence, TRUE, NULL};
  return n;
}

static void classify(FmnRecognizer *r, const FmnImage *image, const FmnObject *object, double threshold, int index) {
  int n = fmn_model_n_labels(r->model), best = 0;
  float *probabilities = r->probabilities + (gsize)index * (gsize)n;
  fmn_crop(r->sampler, image, &object->box, object->mask.data ? &object->mask : NULL, fmn_model_preprocess(r->model),
           r->pixels);
  fmn_classifier_run(r->classifier, r->pixels, probabilities);
  for (int i = 1; i < n; i++)
    if (probabilities[i] > probabilities[best])
      best = i;
  r->found[index] =
      (FmnFound){object->box, best, probabilities[best], (double)probabilities[best] >= threshold, probabilities};
}

int fmn_recognizer_run(FmnRecognizer *r, const FmnImage *image, const FmnRecognizeOptions *options,
                       const FmnFound **found) {
  static const FmnRecognizeOptions defaults = FMN_RECOGNIZE_DEFAULTS;
  static const FmnObject everything = {.box = {0, 0, 1, 1}, .area = 1};
  const FmnRecognizeOptions *o = options ? options : &defaults;
  FmnSegmentOptions segment = FMN_SEGMENT_DEFAULTS;
  const FmnObject *objects = &everything;
  int n = 1;
  *found = r->found;
  g_return_val_if_fail(o->max_objects >= 0 && o->max_objects <= FMN_RECOGNIZE_MAX, 0);
  if (r->detector)
    return detect(r, image, o);
  if (o->max_objects)
    segment.max_objects = o->max_objects;
  if (!o->whole)
    n = fmn_segmenter_run(r->segmenter, image, &segment, &objects);
  for (int i = 0; i < n; i++)
    classify(r, image, &objects[i], o->threshold < 0 ? fmn_model_threshold(r->model) : o->threshold, i);
  return n;
}
