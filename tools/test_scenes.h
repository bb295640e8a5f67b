/* The test command for detectors. */
#ifndef FMNIST_TRAIN_TEST_SCENES_H
#define FMNIST_TRAIN_TEST_SCENES_H

#include <glib.h>

typedef struct {
  const char *model, *data;  /* data NULL: the default folder */
  const char *scenes, *seed; /* as given; seed NULL: 1 */
  int count, size, threads;  /* size 0: the model's */
} TestScenes;

/* Measures a detector on composed scenes and prints the result. */
gboolean test_scenes(const TestScenes *o, gboolean json, GError **error);

#endif
