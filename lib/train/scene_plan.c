#include "train/scene_plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "detect/yolo.h"
#include "error.h"
#include "train/random.h"

#define STEPS_OF_A_SIZE 10
/* A frame of 640 pixels fills an input of this size: what smaller ones show is a part of it. */
#define FRAME_SCALE (640. / 416)
/* Green scenes are moved about so far: in the preset itself the item is always at one place. */
#define GREEN_JITTER 0.6
/* Share of the picture that garments would cover if there were as many as there may be and none overlapped another. */
#define COVERED 0.75
#define SHAPES 3
/* What is photographed by itself, or stands before a webcam, fills the picture whatever the input's size. */
#define FILLS 0.95

static const struct {
  double width, height, share; /* of a square picture; how often */
} shapes[SHAPES] = {{1, 1, .5}, {1, .75, .4}, {.75, 1, .1}};

struct FmnSceneSource {
  int size;
  FmnSceneMix mix;
  guint64 seed;
  double dense;
  FmnSceneSet *green, *mixed[2][SHAPES], *photos[2][SHAPES], *worn[SHAPES], *nothing[SHAPES]; /* [dense] */
};

static const char *const presets[FMN_N_SCENE_PRESETS] = {"green", "mixed", "photos", "worn", "nothing"};

gboolean fmn_scene_preset_parse(const char *text, FmnScenePreset *preset, GError **error) {
  for (int i = 0; i < FMN_N_SCENE_PRESETS; i++)
    if (strcmp(text, presets[i]) == 0) {
      *preset = (FmnScenePreset)i;
      return TRUE;
    }
  g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "scenes are green, mixed, photos, worn or nothing, not “%s”", text);
  return FALSE;
}

gboolean fmn_scene_mix_parse(const char *text, FmnSceneMix *mix, GError **error) {
  g_auto(GStrv) parts = g_strsplit(text, ",", -1);
  gboolean ok = parts[0] != NULL;
  double sum = 0;
  *mix = (FmnSceneMix){0};
  for (int i = 0; ok && parts[i]; i++) {
    char *colon = strchr(parts[i], ':'), *end = NULL;
    double weight = colon ? g_ascii_strtod(colon + 1, &end) : 1;
    FmnScenePreset preset;
    if (colon)
      *colon = 0;
    ok = (!colon || (end > colon + 1 && !*end)) && weight >= 0 && weight <= 1e6 &&
         fmn_scene_preset_parse(parts[i], &preset, NULL);
    if (ok)
      mix->share[preset] += weight;
    sum += weight;
  }
  if (!ok || !(sum > 0)) {
    g_set_error(
        error, FMN_ERROR, FMN_ERROR_ARGUMENT,
        "scenes must be some of green, mixed, photos, worn and nothing, with weights (mixed:3,green:1), not “%s”",
        text);
    return FALSE;
  }
  for (int i = 0; i < FMN_N_SCENE_PRESETS; i++)
    mix->share[i] /= sum;
  return TRUE;
}

static gboolean parse_stage(const char *text, FmnSizes *sizes) {
  char *end;
  gint64 from = g_ascii_strtoll(text, &end, 10), to = from, epochs = 1;
  if (end > text && *end == '-') {
    text = end + 1;
    to = g_ascii_strtoll(text, &end, 10);
  }
  if (end > text && *end == ':') {
    text = end + 1;
    epochs = g_ascii_strtoll(text, &end, 10);
  }
  if (end == text || *end || !fmn_yolo_side_fits(from) || !fmn_yolo_side_fits(to) || to < from || epochs < 1 ||
      epochs > 100000 || sizes->n == FMN_MAX_STAGES)
    return FALSE;
  sizes->stage[sizes->n].from = (int)from;
  sizes->stage[sizes->n].to = (int)to;
  sizes->stage[sizes->n++].epochs = (int)epochs;
  return TRUE;
}

gboolean fmn_sizes_parse(const char *text, FmnSizes *sizes, GError **error) {
  sizes->n = 0;
  if (!*text || strcmp(text, "0") == 0)
    return TRUE;
  g_auto(GStrv) parts = g_strsplit(text, ",", -1);
  for (int i = 0; parts[i]; i++)
    if (!parse_stage(parts[i], sizes)) {
      g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                  "sizes must be up to %d stages SIZE[:EPOCHS] or FROM-TO[:EPOCHS], sizes multiples of %d up to %d "
                  "(224:20,288-416:10), not “%s”",
                  FMN_MAX_STAGES, FMN_YOLO_STRIDE, FMN_YOLO_MAX_SIDE, text);
      return FALSE;
    }
  return TRUE;
}

int fmn_sizes_at(const FmnSizes *sizes, int own, gint64 steps_per_epoch, gint64 step, guint64 seed) {
  gint64 epoch = step / steps_per_epoch;
  int i = 0;
  if (sizes->n == 0)
    return own;
  while (i < sizes->n - 1 && epoch >= sizes->stage[i].epochs)
    epoch -= sizes->stage[i++].epochs;
  FmnRandom r = {fmn_random_derive(seed, (guint64)(step / STEPS_OF_A_SIZE))};
  int choices = (sizes->stage[i].to - sizes->stage[i].from) / FMN_YOLO_STRIDE + 1;
  return sizes->stage[i].from + FMN_YOLO_STRIDE * (int)fmn_random_below(&r, (guint64)choices);
}

int *fmn_sizes_list(const FmnSizes *sizes, int own, int *n) {
  int *list = g_new(int, FMN_YOLO_MAX_SIDE / FMN_YOLO_STRIDE);
  *n = 0;
  for (int size = FMN_YOLO_STRIDE; size <= FMN_YOLO_MAX_SIDE; size += FMN_YOLO_STRIDE) {
    gboolean used = sizes->n == 0 && size == own;
    for (int i = 0; i < sizes->n; i++)
      used |= size >= sizes->stage[i].from && size <= sizes->stage[i].to;
    if (used)
      list[(*n)++] = size;
  }
  return list;
}

/* Frames of one preset, in which garments are as large as the recipe wants them. */
static FmnSceneOptions sized_options(FmnScenePreset preset, const FmnSceneRecipe *r, int size, int shape,
                                     gboolean dense, guint64 seed) {
  FmnSceneOptions o = fmn_scene_options(preset, seed);
  double width = size * shapes[shape].width, height = size * shapes[shape].height, shorter = MIN(width, height);
  gboolean whole = r->item_max <= 0;
  double scale = whole ? 640. / size : FRAME_SCALE;
  o.frame_width = MAX(16, (int)lrint(width * scale));
  o.frame_height = MAX(16, (int)lrint(height * scale));
  if (!whole) {
    o.max_size = preset == FMN_SCENE_MIXED ? CLAMP(r->item_max / shorter, 0.1, FILLS) : FILLS;
    o.min_size = CLAMP(r->item_min / shorter, 0.05, o.max_size);
  }
  if (dense)
    o.max_size = sqrt(o.min_size * o.max_size);
  if (whole && !dense)
    return o;
  double side = (o.min_size + o.max_size) / 2 * shorter;
  o.max_items = CLAMP((int)lrint(COVERED * width * height / (side * side)), 1, FMN_SCENE_MAX_ITEMS);
  o.min_items = (o.max_items + 1) / 2;
  return o;
}

/* In every shape of frame, as they come and dense; own: of the first one's seed, the others' follow. */
static gboolean laid_sets(FmnSceneSet *sets[2][SHAPES], FmnScenePreset preset, const FmnImages *items, gboolean people,
                          const FmnSceneRecipe *recipe, int size, guint64 seed, int own, GError **error) {
  gboolean ok = TRUE;
  for (int i = 0; ok && i < 2 * SHAPES; i++) {
    FmnSceneOptions o =
        sized_options(preset, recipe, size, i % SHAPES, i >= SHAPES, fmn_random_derive(seed, (guint64)(own + i)));
    o.people = people;
    ok = (sets[i / SHAPES][i % SHAPES] = fmn_scene_set_new(items, &o, error)) != NULL;
  }
  return ok;
}

FmnSceneSource *fmn_scene_source_new(const FmnImages *items, const FmnImages *cutouts, gboolean people,
                                     const FmnSceneRecipe *recipe, int size, guint64 seed, GError **error) {
  FmnSceneSource *s = g_new0(FmnSceneSource, 1);
  FmnSceneOptions green = fmn_scene_options(FMN_SCENE_GREEN, fmn_random_derive(seed, 1));
  gboolean ok = fmn_scene_mix_parse(recipe->presets, &s->mix, error);
  s->size = size;
  s->seed = fmn_random_derive(seed, 0);
  s->dense = recipe->dense;
  green.jitter = GREEN_JITTER;
  ok = ok && (s->green = fmn_scene_set_new(items, &green, error));
  ok = ok && laid_sets(s->mixed, FMN_SCENE_MIXED, items, FALSE, recipe, size, seed, 2, error);
  for (int i = 0; ok && i < 2 * SHAPES; i++) {
    guint64 own = fmn_random_derive(seed, (guint64)(2 + 2 * SHAPES + i));
    FmnScenePreset preset = i < SHAPES ? FMN_SCENE_WORN : FMN_SCENE_NOTHING;
    FmnSceneOptions o = sized_options(preset, recipe, size, i % SHAPES, FALSE, own);
    FmnSceneSet **set = i < SHAPES ? &s->worn[i] : &s->nothing[i % SHAPES];
    ok = (*set = fmn_scene_set_new(items, &o, error)) != NULL;
  }
  ok = ok &&
       (!cutouts || laid_sets(s->photos, FMN_SCENE_PHOTOS, cutouts, people, recipe, size, seed, 2 + 4 * SHAPES, error));
  if (!ok)
    g_clear_pointer(&s, fmn_scene_source_free);
  return s;
}

void fmn_scene_source_free(FmnSceneSource *s) {
  if (!s)
    return;
  fmn_scene_set_free(s->green);
  for (int i = 0; i < 2 * SHAPES; i++) {
    fmn_scene_set_free(s->mixed[i / SHAPES][i % SHAPES]);
    fmn_scene_set_free(s->photos[i / SHAPES][i % SHAPES]);
  }
  for (int i = 0; i < SHAPES; i++) {
    fmn_scene_set_free(s->worn[i]);
    fmn_scene_set_free(s->nothing[i]);
  }
  g_free(s);
}

void fmn_scene_source_render(const FmnSceneSource *s, guint64 index, FmnScene *scene) {
  FmnRandom r = {fmn_random_derive(s->seed, index)};
  const FmnSceneSet *set = s->green;
  double preset = fmn_random_uniform(&r);
  if (preset >= s->mix.share[FMN_SCENE_GREEN]) {
    double u = fmn_random_uniform(&r);
    int i = 0;
    while (i < SHAPES - 1 && u >= shapes[i].share)
      u -= shapes[i++].share;
    double photos = s->mix.share[FMN_SCENE_PHOTOS], drawn = s->mix.share[FMN_SCENE_WORN],
           none = s->mix.share[FMN_SCENE_NOTHING];
    set = preset < 1 - photos - drawn - none ? s->mixed[fmn_random_uniform(&r) < s->dense][i]
          : preset < 1 - drawn - none        ? s->photos[fmn_random_uniform(&r) < s->dense][i]
          : preset < 1 - none                ? s->worn[i]
                                             : s->nothing[i];
  }
  fmn_scene_render(set, index, s->size, s->size, scene);
}
