#include "train/recipes.h"

#include <string.h>

/* What the recipes of compact, deep and wide have in common. */
#define SGD_ONECYCLE                                                                                                   \
  .batch = 64, .optimizer = {FMN_OPTIMIZER_SGD, 0.9, 5e-4, TRUE}, .schedule = "onecycle", .label_smoothing = 0.1,      \
  .ema = 0.999, .validation = 0.02

static const struct {
  const char *arch; /* NULL: any other */
  FmnRecipe recipe;
} recipes[] = {
    {"base",
     {.epochs = 36,
      .batch = 128,
      .optimizer = {FMN_OPTIMIZER_ADAM, 0.9, 0.02, FALSE},
      .rate = 1e-3,
      .schedule = "cosine",
      .augment = "flip,shift:1",
      .label_smoothing = 0.1,
      .ema = 0.999,
      .validation = 0.05}},
    {"compact", {SGD_ONECYCLE, .epochs = 100, .rate = 0.1, .augment = "flip,shift:2,erase:0.5"}},
    {"deep", {SGD_ONECYCLE, .epochs = 22, .rate = 0.05, .warmup = 1, .augment = "flip,shift:2,erase:0.3"}},
    {"wide", {SGD_ONECYCLE, .epochs = 58, .rate = 0.1, .warmup = 2, .augment = "flip,shift:2,erase:0.5"}},
    {"yolov3-tiny",
     {.epochs = 85,
      .batch = 16,
      .optimizer = {FMN_OPTIMIZER_ADAM, 0.9, 5e-4, FALSE},
      .rate = 1e-3,
      .schedule = "onecycle",
      .warmup = 1,
      .augment = "none",
      .ema = 0.999,
      .validation = 0.05,
      .scenes = {.presets = "mixed:4,green:1",
                 .sizes = "128:10,224:45,320:15,288-416:15",
                 .epoch = 4000,
                 .validation = 300,
                 .test = 2000,
                 .item_min = 32,
                 .item_max = 220,
                 .dense = 0.5,
                 .match = 0.5,
                 .class_weight = 3,
                 .box_weight = 10}}},
    {NULL,
     {.epochs = 30,
      .batch = 128,
      .optimizer = {FMN_OPTIMIZER_ADAM, 0.9, 1e-2, FALSE},
      .rate = 1e-3,
      .schedule = "onecycle",
      .augment = "flip,shift:2",
      .ema = 0.999,
      .validation = 0.08}},
};

const FmnRecipe *fmn_recipe_find(const char *arch) {
  gsize i = 0;
  while (recipes[i].arch && strcmp(recipes[i].arch, arch) != 0)
    i++;
  return &recipes[i].recipe;
}
