/* libfmnist: open a model that fmnist-train has written and run it.
 *
 *   FmnModel *model = fmn_model_open (NULL, &error);
 *   FmnClassifier *c = fmn_classifier_new (model, 1);
 *   fmn_classifier_run (c, pixels, probabilities);
 *
 * A model is immutable and may be used by any number of threads; a classifier by one at a time. */
#ifndef FMNIST_H
#define FMNIST_H

#include <gio/gio.h>

G_BEGIN_DECLS

#define FMN_DEFAULT_MODEL "compact"

typedef struct FmnModel FmnModel;
typedef struct FmnClassifier FmnClassifier;

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
int fmn_model_n_labels(const FmnModel *model);
const char *fmn_model_label(const FmnModel *model, int i); /* 0 ≤ i < n_labels */
const FmnPreprocess *fmn_model_preprocess(const FmnModel *model);
double fmn_model_threshold(const FmnModel *model); /* confidence under which nothing is asserted, 0..1; 0 when uncalibrated */

/* What one thread needs to run a model. Keeps a reference to it. threads: how many work on one picture, ≥ 1.
 * Free with fmn_classifier_free(). */
FmnClassifier *fmn_classifier_new(FmnModel *model, int threads);
void fmn_classifier_free(FmnClassifier *classifier); /* NULL allowed */

/* Probabilities (n_labels, sum 1, calibrated by the model's temperature, never NaN) of one prepared picture: channels × height × width
 * bytes as fmn_model_preprocess() says, before mean and std. Allocates nothing. */
void fmn_classifier_run(FmnClassifier *classifier, const guint8 *pixels, float *probabilities);

G_END_DECLS

#endif
