/* Which scenes a detector is trained on: presets, sizes of the input over time, and scene sets for both. */
#ifndef FMN_TRAIN_SCENE_PLAN_H
#define FMN_TRAIN_SCENE_PLAN_H

#include "train/recipes.h"
#include "train/scenes.h"

/* How often each preset comes, as shares that add up to 1. */
typedef struct {
  double share[FMN_N_SCENE_PRESETS];
} FmnSceneMix;

/* "PRESET[:WEIGHT],...", weights default to 1. FMN_ERROR_ARGUMENT. */
gboolean fmn_scene_mix_parse(const char *text, FmnSceneMix *mix, GError **error);
/* "green", "mixed", "photos", "worn" or "nothing". FMN_ERROR_ARGUMENT. */
gboolean fmn_scene_preset_parse(const char *text, FmnScenePreset *preset, GError **error);

#define FMN_MAX_STAGES 16

typedef struct {
  int n; /* 0: the network's own size throughout */
  struct {
    int from, to; /* multiples of 32 */
    int epochs;   /* the last stage goes on to the end */
  } stage[FMN_MAX_STAGES];
} FmnSizes;

/* "SIZE[:EPOCHS],..." or "FROM-TO[:EPOCHS],...", sizes that are multiples of 32 up to 2048; "" or "0" for the network's
 * own. FMN_ERROR_ARGUMENT. */
gboolean fmn_sizes_parse(const char *text, FmnSizes *sizes, GError **error);
/* Size of the input in a step counted from 0: within a range drawn anew every few steps. own: the network's. */
int fmn_sizes_at(const FmnSizes *sizes, int own, gint64 steps_per_epoch, gint64 step, guint64 seed);
/* Every size that can come, ascending; n of them; g_free. */
int *fmn_sizes_list(const FmnSizes *sizes, int own, int *n);

/* The scenes that training takes place on, at one size. Immutable: any number of threads. */
typedef struct FmnSceneSource FmnSceneSource;
/* items, and cutouts for FMN_SCENE_PHOTOS (NULL where the recipe has none of these): borrowed, as in scenes.h. Free
 * with fmn_scene_source_free(). */
FmnSceneSource *fmn_scene_source_new(const FmnImages *items, const FmnImages *cutouts, gboolean people,
                                     const FmnSceneRecipe *recipe, int size, guint64 seed, GError **error);
void fmn_scene_source_free(FmnSceneSource *s); /* NULL allowed */
/* Renders scene `index` into a picture of size × size. */
void fmn_scene_source_render(const FmnSceneSource *s, guint64 index, FmnScene *scene);

#endif
