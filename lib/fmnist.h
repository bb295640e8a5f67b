/* libfmnist: open a model that fmnist-train has written and run it.
 *
 *   FmnModel *model = fmn_model_open (NULL, &error);
 *   FmnClassifier *c = fmn_classifier_new (model, 1);
 *   fmn_classifier_run (c, pixels, probabilities);
 *
 *   FmnModel *model = fmn_model_open ("yolov3-tiny", &error);
 *   FmnDetector *d = fmn_detector_new (model, 0, 1, &error);
 *   fmn_letterbox (sampler, image, 3, fmn_detector_size (d), pixels, &place);
 *   n = fmn_detector_run (d, pixels, &place, &options, &found);
 *
 * A model may be used by any number of threads; a classifier or detector by one at a time. */
#ifndef FMNIST_H
#define FMNIST_H

#include <gio/gio.h>

#include "image/image.h"

G_BEGIN_DECLS

#define FMN_DEFAULT_MODEL "compact"

typedef struct FmnModel FmnModel;
typedef struct FmnClassifier FmnClassifier;
typedef struct FmnDetector FmnDetector;

/* How a picture of an object becomes the input of a network; see image/crop.h for what each step does.
 * Stored in the model file, as the JSON object `preprocess`. */
typedef struct {
  int width, height; /* of the input, pixels */
  int channels;      /* 1: luminance, 3: R, G, B */
  float mean[3], std[3]; /* of the input in 0..1, one a channel: x = (v / 255 - mean) / std */
  float margin;      /* empty border around the object, as a share of the input's longer side; default 0 */
  float trim;        /* rows of the object's mask narrower than this share of the widest are cut off at its top and bottom
                      * (hangers, straps, laces), columns at its sides under half of that; 0: none; 0..0.9, default 0.25 */
  float max_aspect;  /* a wider object is squeezed to this width / height: Fashion-MNIST's garments are folded, real ones
                      * lie with their sleeves spread; one that is no mirror image of itself is left alone: a shoe from
                      * the side; 0: proportions are kept; default 0.85 */
  gboolean invert;   /* the object is bright on black, its luminance inverted: Fashion-MNIST's way; default TRUE */
} FmnPreprocess;

/* Opens a model: a path (a string with a slash, ending in .safetensors, or a dotted name of a file in the working folder), else the
 * name of a file NAME.safetensors in the folders of FMNIST_MODEL_PATH (separated as in PATH), then in the installed models folder.
 * NULL and "" give the embedded default, as FMN_DEFAULT_MODEL does where no such file is found. Errors, of FMN_ERROR or G_FILE_ERROR,
 * say what was expected, what was found and what to do. The caller owns the reference. */
FmnModel *fmn_model_open(const char *name_or_path, GError **error);

/* The same from memory; name is what messages and results call it. */
FmnModel *fmn_model_new_from_bytes(GBytes *bytes, const char *name, GError **error);

FmnModel *fmn_model_ref(FmnModel *model);
void fmn_model_unref(FmnModel *model); /* NULL allowed */

const char *fmn_model_name(const FmnModel *model); /* "compact", or the file's name without its ending */
const char *fmn_model_arch(const FmnModel *model);
gboolean fmn_model_is_detector(const FmnModel *model); /* else it is a classifier */
int fmn_model_n_labels(const FmnModel *model);
const char *fmn_model_label(const FmnModel *model, int i); /* 0 ≤ i < n_labels */
const FmnPreprocess *fmn_model_preprocess(const FmnModel *model);
double fmn_model_threshold(const FmnModel *model); /* confidence under which nothing is asserted, 0..1; 0 when uncalibrated */

/* What one thread needs to run a classifier. Keeps a reference to the model. threads: how many work on one picture,
 * ≥ 1. NULL when memory is exhausted or no more threads can be started. Free with fmn_classifier_free(). */
FmnClassifier *fmn_classifier_new(FmnModel *model, int threads);
void fmn_classifier_free(FmnClassifier *classifier); /* NULL allowed */

/* Probabilities (n_labels, sum 1, calibrated by the model's temperature, never NaN) of one prepared picture: channels × height × width
 * bytes as fmn_model_preprocess() says, before mean and std. Allocates nothing. */
void fmn_classifier_run(FmnClassifier *classifier, const guint8 *pixels, float *probabilities);

/* An object in a picture. */
typedef struct {
  FmnBox box;       /* in shares of the picture, inside of it */
  int label;        /* 0 ≤ label < n_labels */
  float confidence; /* 0..1 */
} FmnDetection;

typedef struct {
  double threshold;     /* confidence that an object needs more than, 0..1 */
  double iou_threshold; /* of two boxes of one class that overlap more (intersection over union, 0..1) the surer one is kept */
  int max_detections;   /* ≥ 0; the surest are kept */
} FmnDetectOptions;

#define FMN_DETECT_DEFAULTS                                                                                            \
  { 0.5, 0.45, 50 }

/* What one thread needs to run a detector on pictures of size × size: any multiple of 32 up to 2048, 0 for the size
 * that the model was made for; smaller is faster and finds less. Keeps a reference to the model. Error
 * FMN_ERROR_ARGUMENT: the size; FMN_ERROR_UNSUPPORTED: the model is no detector; FMN_ERROR_MEMORY: there is not enough
 * for that size. Free with fmn_detector_free(). */
FmnDetector *fmn_detector_new(FmnModel *model, int size, int threads, GError **error);
void fmn_detector_free(FmnDetector *detector); /* NULL allowed */
int fmn_detector_size(const FmnDetector *detector);

/* Finds the objects of one picture, prepared by fmn_letterbox() (image/letterbox.h): 3 × size × size bytes of which the picture
 * fills `place`. *found: the surest first; owned by the detector, valid until its next run. Returns how many. */
int fmn_detector_run(FmnDetector *detector, const guint8 *pixels, const FmnBox *place, const FmnDetectOptions *options,
                     const FmnDetection **found);

G_END_DECLS

#endif
