/* The inside of an FmnModel, for those who run it: model.c, detect/detector.c. */
#ifndef FMN_MODEL_H
#define FMN_MODEL_H

#include "detect/yolo.h"
#include "io/model_file.h"
#include "nn/plan.h"

struct FmnModel {
  gatomicrefcount refs;
  FmnModelFile *file; /* a classifier's graph is gone: the plan has the weights */
  FmnPlan *plan;      /* for the size in the file */
  int n_labels;
  gboolean detector;
  FmnYolo yolo;     /* of a detector */
  GMutex lock;      /* of: */
  GPtrArray *sized; /* of FmnPlan, for the other sizes that detectors were asked for; NULL: none yet */
};

#endif
