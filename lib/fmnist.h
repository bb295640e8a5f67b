/* libfmnist: finds garments in pictures and names them, by models that fmnist-train has written.
 *
 *   FmnModel *model = fmn_model_open (NULL, &error);
 *   FmnRecognizer *r = fmn_recognizer_new (model, &format, 1, &error);
 *   n = fmn_recognizer_run (r, &image, NULL, &found);
 *
 * docs/library.md has a whole program. A model may be used by any number of threads; a recognizer, classifier or detector by one at
 * a time. Where a function can fail it says so by its GError; an argument outside of what is documented is a programmer's
 * error, as in GLib. Nothing is printed and nothing ends the process, but for such errors, and where small pieces of memory run
 * out, as in GLib. */
#ifndef FMNIST_H
#define FMNIST_H

#include <glib.h>

#if defined(__GNUC__)
#define FMN_API __attribute__((visibility("default")))
#else
#define FMN_API
#endif

G_BEGIN_DECLS

#define FMN_ERROR (fmn_error_quark())
FMN_API GQuark fmn_error_quark(void);

typedef enum {
  FMN_ERROR_NOT_FOUND,   /* no such file, model, network, option */
  FMN_ERROR_FORMAT,      /* a file is not what it should be */
  FMN_ERROR_UNSUPPORTED, /* well-formed, but not for this program */
  FMN_ERROR_ARGUMENT,    /* a value out of its range */
  FMN_ERROR_MEMORY,      /* there is not enough of it for the model, size or batch asked for */
} FmnError;

/* -- Pictures, in the memory of the caller and in almost any layout of components -- */

#define FMN_IMAGE_MAX 32767 /* the longest side */
#define FMN_ASPECT_MAX 1000
#define FMN_THREADS_MAX 1024

typedef enum { FMN_COLOR_GRAY, FMN_COLOR_YUV, FMN_COLOR_RGB } FmnColor;

/* Where one component (Y, U, V or R, G, B; gray: one) of each pixel lies. */
typedef struct {
  int plane;        /* of FmnImage, 0..3 */
  int offset;       /* bytes from the start of a line, ≥ 0 */
  int pixel_stride; /* bytes from one sample to the next, ≥ 1 */
  int depth;        /* bits, 1..16 */
  int shift;        /* right shift that brings the value to bit 0; shift + depth ≤ 8·word */
  int word;         /* bytes a sample is read as: 1 or 2 (or 4, for 10-bit packed RGB) */
  gboolean big_endian;
  int sub_x, sub_y; /* log2 of the subsampling, 0..4 */
} FmnComponent;

typedef struct {
  int width, height; /* pixels, 1..FMN_IMAGE_MAX */
  FmnColor color;
  FmnComponent component[3]; /* one for gray */
  gboolean full_range;       /* luma 0..255; otherwise 16..235 (at 8 bits) */
  float kr, kb;              /* of the YUV matrix: .299 .114 for BT.601 (also where these are none), .2126 .0722 for BT.709 */
  float pixel_aspect;        /* width of a pixel as it is shown / its height, 1/FMN_ASPECT_MAX..FMN_ASPECT_MAX; 0: 1, a square */
} FmnImageFormat;

typedef struct {
  const FmnImageFormat *format;
  const guint8 *plane[4];
  int stride[4]; /* bytes from one line to the next */
} FmnImage;

/* A rectangle in shares of the picture, 0..1. */
typedef struct {
  double x, y, w, h;
} FmnBox;

/* The two simplest formats: interleaved 8-bit RGB and 8-bit gray, full range. */
FMN_API void fmn_image_format_rgb(FmnImageFormat *format, int width, int height);
FMN_API void fmn_image_format_gray(FmnImageFormat *format, int width, int height);

/* -- Models -- */

#define FMN_DEFAULT_MODEL "camera"

typedef struct FmnModel FmnModel;

/* How a picture of an object becomes the input of a network. Stored in the model file, as the JSON object `preprocess`:
 * docs/model-format.md. */
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
FMN_API FmnModel *fmn_model_open(const char *name_or_path, GError **error);

/* The same from memory: the contents of a file, which are read before it returns; name (copied) is what messages and results call
 * it. Errors: as of a file that is not what it should be. */
FMN_API FmnModel *fmn_model_new_from_bytes(GBytes *bytes, const char *name, GError **error);

FMN_API FmnModel *fmn_model_ref(FmnModel *model);
FMN_API void fmn_model_unref(FmnModel *model); /* NULL allowed */

/* Strings and structures that these return are the model's, for as long as there is a reference to it. */
FMN_API const char *fmn_model_name(const FmnModel *model); /* "camera", or the file's name without its ending */
FMN_API const char *fmn_model_arch(const FmnModel *model);
FMN_API gboolean fmn_model_is_detector(const FmnModel *model); /* else it is a classifier */
FMN_API int fmn_model_n_labels(const FmnModel *model);
FMN_API const char *fmn_model_label(const FmnModel *model, int i); /* 0 ≤ i < n_labels */
FMN_API const FmnPreprocess *fmn_model_preprocess(const FmnModel *model);
FMN_API double fmn_model_threshold(const FmnModel *model); /* confidence under which nothing is asserted, 0..1; 0 when uncalibrated */

/* -- From a raw picture to names, in one call -- */

typedef struct FmnRecognizer FmnRecognizer;

/* A garment in a picture. */
typedef struct {
  FmnBox box;       /* in shares of the picture */
  int label;        /* the most probable, 0 ≤ label < n_labels; fmn_model_label() names it */
  float confidence; /* in it, 0..1 */
  gboolean known;   /* whether that reaches the threshold; otherwise nothing should be asserted */
  const float *probabilities; /* n_labels, sum 1; NULL from a detector, which has none; owned by the recognizer */
} FmnFound;

typedef struct {
  double threshold; /* below it a garment is not known (a detector leaves it out), 0..1; -1: the model's, a detector's is 0.5 */
  int max_objects;  /* the best are kept, 1..FMN_RECOGNIZE_MAX; 0: one with a classifier, 50 with a detector */
  gboolean whole;   /* a classifier takes the whole picture for one garment, instead of looking for what stands out */
} FmnRecognizeOptions;

#define FMN_RECOGNIZE_MAX 64
#define FMN_RECOGNIZE_DEFAULTS                                                                                         \
  { -1, 0, FALSE }

/* For pictures of that format (copied). A classifier names what stands out from the background, as fmnistsegment !
 * fmnistclassify do; a detector finds several garments whatever is behind them, as fmnistyolo does. threads: how many
 * work on one picture, 1..FMN_THREADS_MAX. Keeps a reference to the model. Error FMN_ERROR_ARGUMENT: the format makes no sense;
 * FMN_ERROR_MEMORY. Free with fmn_recognizer_free(). */
FMN_API FmnRecognizer *fmn_recognizer_new(FmnModel *model, const FmnImageFormat *format, int threads, GError **error);
FMN_API void fmn_recognizer_free(FmnRecognizer *recognizer); /* NULL allowed */

/* Finds and names the garments of one picture of the recognizer's format. options NULL: FMN_RECOGNIZE_DEFAULTS. *found: the best
 * first; owned by the recognizer, valid until its next run. Returns how many; 0 where there is none. */
FMN_API int fmn_recognizer_run(FmnRecognizer *recognizer, const FmnImage *image, const FmnRecognizeOptions *options,
                               const FmnFound **found);

/* -- The networks alone, for pictures that the caller has prepared -- */

typedef struct FmnClassifier FmnClassifier;
typedef struct FmnDetector FmnDetector;

/* What one thread needs to run a classifier, which the model must be (fmn_model_is_detector()). Keeps a reference to the model.
 * threads: how many work on one picture, 1..FMN_THREADS_MAX. NULL when memory is exhausted or no more threads can be started.
 * Free with fmn_classifier_free(). */
FMN_API FmnClassifier *fmn_classifier_new(FmnModel *model, int threads);
FMN_API void fmn_classifier_free(FmnClassifier *classifier); /* NULL allowed */

/* Probabilities (n_labels, sum 1, calibrated by the model's temperature, never NaN) of one prepared picture: channels × height × width
 * bytes as fmn_model_preprocess() says, before mean and std. Allocates nothing. */
FMN_API void fmn_classifier_run(FmnClassifier *classifier, const guint8 *pixels, float *probabilities);

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
 * that the model was made for; smaller is faster and finds less. threads: as above. Keeps a reference to the model. Error
 * FMN_ERROR_ARGUMENT: the size; FMN_ERROR_UNSUPPORTED: the model is no detector; FMN_ERROR_MEMORY: there is not enough
 * for that size. Free with fmn_detector_free(). */
FMN_API FmnDetector *fmn_detector_new(FmnModel *model, int size, int threads, GError **error);
FMN_API void fmn_detector_free(FmnDetector *detector); /* NULL allowed */
FMN_API int fmn_detector_size(const FmnDetector *detector); /* width and height of its input, pixels */

/* Finds the objects of one picture that has been made small: 3 × size × size bytes (planes R, G, B), in the middle of which it
 * fills `place` (in shares) with its proportions kept; the rest is gray, 128. options: never NULL. *found: the surest first; owned by the detector,
 * valid until its next run. Returns how many. */
FMN_API int fmn_detector_run(FmnDetector *detector, const guint8 *pixels, const FmnBox *place,
                             const FmnDetectOptions *options, const FmnDetection **found);

G_END_DECLS

#endif
