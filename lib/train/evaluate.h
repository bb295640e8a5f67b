/* Runs a model over many images. */
#ifndef FMN_TRAIN_EVALUATE_H
#define FMN_TRAIN_EVALUATE_H

#include "io/model_file.h"
#include "nn/plan.h"
#include "train/data.h"

/* Logits (images->n × classes) of the images, which fit the model (fmn_images_fit()); mirrored left to right when
 * flip is set. The work is shared by threads (≥ 1); the result does not depend on how many. */
void fmn_evaluate(FmnPlan *plan, const FmnPreprocess *preprocess, const FmnImages *images, gboolean flip, int threads,
                  float *logits);

/* Whether the model is a classifier: it ends in one value a label. FMN_ERROR_UNSUPPORTED. */
gboolean fmn_check_classifier(const FmnModelFile *model, GError **error);
/* Whether it is one and takes images of that size, of which there is at least one. FMN_ERROR_UNSUPPORTED. */
gboolean fmn_check_images(const FmnModelFile *model, const FmnImages *images, GError **error);

/* Logits of a classifier for images that fit it, as fmn_evaluate() gives them; g_free. */
float *fmn_model_logits(const FmnModelFile *model, const FmnImages *images, gboolean flip, int threads);

#endif
