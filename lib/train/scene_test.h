/* Measures a detector on composed scenes, prepared the way that the elements prepare frames. */
#ifndef FMN_TRAIN_SCENE_TEST_H
#define FMN_TRAIN_SCENE_TEST_H

#include "train/average_precision.h"
#include "train/scenes.h"

/* All that is found is counted, however unsure; for the rest as by default. */
#define FMN_SCENE_TEST_OPTIONS                                                                                         \
  { 0.001, 0.45, 1000 }

/* Scenes 0 … n - 1 of a set, each a frame of its options' size, through letterbox and detector (one a thread,
 * n_detectors ≥ 1, all the same). The result does not depend on the number of detectors. progress may be NULL: told how
 * many are done, in the calling thread; TRUE from it ends the work, and then NULL is returned. Free with
 * fmn_detection_metrics_free(). */
typedef gboolean (*FmnSceneTestProgress)(int done, int n, gpointer user);
FmnDetectionMetrics *fmn_scene_test(FmnDetector **detectors, int n_detectors, int classes, const FmnSceneSet *set,
                                    const FmnSceneOptions *options, int n, FmnSceneTestProgress progress,
                                    gpointer user);

#endif
