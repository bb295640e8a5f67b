/* Batches of scenes, rendered by threads of their own beside the training. */
#ifndef FMN_TRAIN_SCENE_LOADER_H
#define FMN_TRAIN_SCENE_LOADER_H

#include "train/average_precision.h"
#include "train/scene_plan.h"

typedef struct {
  int n, size;     /* scenes; of the input */
  float *x;        /* n × size × size × 3, normalised */
  int *first;      /* n + 1; the objects of scene i are truth[first[i]] … truth[first[i + 1] - 1] */
  FmnTruth *truth; /* in shares of the input */
} FmnSceneBatch;

typedef struct {
  const FmnSceneRecipe *recipe;
  const FmnImages *items;     /* pointers are borrowed */
  const FmnImages *cutouts;   /* of photos; NULL where the recipe has none */
  gboolean people;            /* in scenes of photos, too: their clothes have Fashion-MNIST's labels */
  const FmnPreprocess *input; /* mean and std */
  const float *shares;        /* of the classes in each item, items × classes; NULL: its label's alone */
  int classes;
  int own_size, batch;
  gint64 steps_per_epoch, step; /* where to begin, counted over the whole training */
  guint64 seed;
  int threads; /* ≥ 1 */
} FmnSceneLoaderConfig;

typedef struct FmnSceneLoader FmnSceneLoader;

/* The batches depend on the configuration alone (not on threads or time). NULL with an error when the items make no
 * scenes. */
FmnSceneLoader *fmn_scene_loader_new(const FmnSceneLoaderConfig *config, GError **error);
void fmn_scene_loader_free(FmnSceneLoader *l); /* NULL allowed; stops the threads */

/* The next batch, valid until the next call. Waits for it; goes on without end. */
const FmnSceneBatch *fmn_scene_loader_next(FmnSceneLoader *l);

/* The sizes of the objects in some of these scenes, in pixels of the input: half of them in the network's own size, the
 * rest as they come over n_epochs. An array of FmnAnchor; the caller owns it. */
GArray *fmn_scene_sizes(const FmnSceneLoaderConfig *config, int n_epochs, int n_scenes, GError **error);

#endif
