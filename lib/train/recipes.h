/* What a training is asked to do. */
#ifndef FMN_TRAIN_RECIPES_H
#define FMN_TRAIN_RECIPES_H

#include <glib.h>

#include "train/augment.h"
#include "train/loss.h"
#include "train/optimizer.h"
#include "train/schedule.h"

/* What only detectors need: the scenes that they learn from (train/scenes.h), and the weights of their loss
 * (train/yolo_loss.h). */
typedef struct {
  const char
      *presets; /* "mixed:3,green:1": presets and how often, as fmn_scene_mix_parse() takes them; static or interned */
  const char *sizes;         /* of the input over the training, as fmn_sizes_parse() takes them; static or interned */
  int epoch;                 /* scenes an epoch */
  int validation, test;      /* scenes that the model is measured on after each epoch and at its end */
  double item_min, item_max; /* garments' longer sides in pixels of the input, whatever its size: training at a small
                              * size is then like looking at a part of a larger picture, but those of photos and people
                              * may fill it; both 0: as large as the preset has them in a whole picture of that size */
  double
      dense; /* share of the mixed scenes that are full of garments of the smaller sizes: more to learn classes from */
  double match, class_weight, box_weight;
} FmnSceneRecipe;

/* All that decides what weights a training ends with. */
typedef struct {
  int epochs, batch;
  FmnOptimizerConfig optimizer;
  double rate;              /* learning rate */
  double sam;               /* radius of sharpness-aware minimisation (train/optimizer.h); 0: none */
  const char *schedule;     /* as fmn_schedule_parse() takes it; static or interned */
  double warmup;            /* epochs */
  const char *augment;      /* as fmn_augment_parse() takes it; static or interned */
  int last_epochs;          /* of classifiers: so many at the end have last_augment in its place */
  const char *last_augment; /* NULL: none */
  double label_smoothing;   /* 0..1 */
  double ema;               /* decay of the average of the weights; 0: none */
  int bn_images; /* of classifiers: images, mirrored as in training, from which batch norms' statistics are taken anew
                  * after each epoch, with the weights that are validated (Wu & Johnson 2021, arXiv:2105.07576); 0:
                  * running averages */
  double validation;     /* share of the training set that is set aside */
  FmnSceneRecipe scenes; /* epoch 0: no detector */
} FmnRecipe;

/* One training. */
typedef struct {
  char *arch, *arch_options; /* "compact", "" */
  char *out;                 /* the model file to write; its checkpoint is beside it: fmn_train_config_checkpoint() */
  char **data;               /* DIR[:WEIGHT], NULL-ended; NULL: the default folder */
  char *cutouts;             /* folder of garments cut out of photos, for scenes of these; or NULL */
  char *init;                /* a model file to start from, or NULL */
  char **teachers;           /* models to learn from, too: names or paths, NULL-ended; or NULL */
  gboolean teacher_mirrored; /* ask them about each image's mirror image, too */
  FmnDistillation distillation; /* with teachers */
  FmnRecipe recipe;
  guint64 seed;
  int threads;
  gboolean
      keep_last; /* what is written in the end: the last epoch's weights, not those of the best on validation images */
  gboolean resume;
  double time_limit; /* seconds; 0: none */
} FmnTrainConfig;

/* A config for "NAME" or "NAME:OPTIONS" with its recipe. Free with fmn_train_config_free(). */
FmnTrainConfig *fmn_train_config_new(const char *arch);
void fmn_train_config_free(FmnTrainConfig *c); /* NULL allowed */

/* Checks every range and that network, schedule and augmentation exist. FMN_ERROR_ARGUMENT, FMN_ERROR_NOT_FOUND. */
gboolean fmn_train_config_check(const FmnTrainConfig *c, GError **error);

/* Pairs of strings, option ("--lr") and value, of all that decides the result but the data; NULL-ended; g_strfreev. */
char **fmn_train_config_options(const FmnTrainConfig *c);
/* The command line that trains this model again, every option spelled out; g_free. */
char *fmn_train_config_command(const FmnTrainConfig *c);
/* The value of an option in such a command line; g_free. NULL: it is not there, or there is no command (NULL). */
char *fmn_train_command_option(const char *command, const char *option);
/* Where the training of such a command has learned of the images that seed and share set aside of the same data: the
 * options by which it set images aside, "--seed 1 --validation 0.02"; g_free. NULL: it has not (with the same seed the
 * larger share holds the smaller one), or the command does not tell. */
char *fmn_train_command_learned(const char *command, guint64 seed, double share);
char *fmn_train_config_checkpoint(const FmnTrainConfig *c); /* OUT.ckpt; g_free */

/* The recipe by which the shipped model of that network was trained at first (its card tells what followed); a sound
 * one for any other network. */
const FmnRecipe *fmn_recipe_find(const char *arch);

#endif
