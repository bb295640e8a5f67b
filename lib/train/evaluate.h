/* Runs a model over many images. */
#ifndef FMN_TRAIN_EVALUATE_H
#define FMN_TRAIN_EVALUATE_H

#include "fmnist.h"
#include "nn/plan.h"
#include "train/data.h"

/* Logits (images->n × classes) of the images, which fit the model (fmn_images_fit()); mirrored left to right when
 * flip is set. The work is shared by threads (≥ 1); the result does not depend on how many. */
void fmn_evaluate(FmnPlan *plan, const FmnPreprocess *preprocess, const FmnImages *images, gboolean flip, int threads,
                  float *logits);

#endif
