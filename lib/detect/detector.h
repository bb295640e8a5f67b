/* A detector without a model: of weights that are being trained. */
#ifndef FMN_DETECT_DETECTOR_H
#define FMN_DETECT_DETECTOR_H

#include "detect/yolo.h"
#include "nn/plan.h"

/* As fmn_detector_new(), with a plan (which it keeps a reference to) of a network that fits yolo; input's mean and std
 * are copied. */
FmnDetector *fmn_detector_new_for_plan(FmnPlan *plan, const FmnYolo *yolo, const FmnPreprocess *input, int threads);

#endif
