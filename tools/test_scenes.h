/* The test command for detectors. */
#ifndef FMNIST_TRAIN_TEST_SCENES_H
#define FMNIST_TRAIN_TEST_SCENES_H

#include "train/scenes.h"

typedef struct {
  const char *model, *data; /* data NULL: the default folder */
  const char *scenes;       /* the preset's name */
  FmnScenePreset preset;
  guint64 seed;
  int count, size, threads; /* size 0: the model's */
} TestScenes;

/* Measures a detector on composed scenes and prints the result. */
gboolean test_scenes(const TestScenes *o, gboolean json, GError **error);

#endif
