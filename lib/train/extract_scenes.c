#include <math.h>

#include "error.h"
#include "image/crop.h"
#include "io/model_file.h"
#include "train/extract.h"
#include "train/labels.h"
#include "train/random.h"
#include "train/scene_plan.h"

#define WIDTH 640
#define HEIGHT 480
#define OFF 0.06   /* how far a detector's boxes are off, in their sides: standard deviations of the centre, */
#define LOOSE 0.08 /* of the logarithm of the sides; */
#define MOST 2.0   /* and as many of them at most */
/* Sides of the boxes in which nothing is, shares of the picture's. */
#define LEAST_SIDE 0.2
#define MOST_SIDE 0.9

typedef struct {
  FmnSceneMix mix;
  FmnSceneSet *sets[FMN_N_SCENE_PRESETS];
} Scenes;

static void scenes_clear(Scenes *s) {
  for (int i = 0; i < FMN_N_SCENE_PRESETS; i++)
    fmn_scene_set_free(s->sets[i]);
}

static gboolean check_mix(const FmnSceneMix *mix, const FmnImages *cutouts, const char *presets, GError **error) {
  if (mix->share[FMN_SCENE_GREEN] > 0 || mix->share[FMN_SCENE_MIXED] > 0)
    fmn_fail(error, FMN_ERROR_ARGUMENT,
             "--scenes %s: a data set is made of the presets photos, worn and nothing; of the others there are the "
             "images themselves",
             presets);
  else if ((mix->share[FMN_SCENE_PHOTOS] > 0) != (cutouts != NULL))
    fmn_fail(error, FMN_ERROR_ARGUMENT,
             cutouts ? "--scenes %s: none of them shows photos; leave --data out"
                     : "--scenes %s: photos need --data DIR, what fmnist-train extract --cutouts wrote",
             presets);
  else
    return TRUE;
  return FALSE;
}

static gboolean scenes_open(Scenes *s, const char *presets, const FmnImages *cutouts, guint64 seed, GError **error) {
  if (!fmn_scene_mix_parse(presets, &s->mix, error) || !check_mix(&s->mix, cutouts, presets, error))
    return FALSE;
  for (int i = 0; i < FMN_N_SCENE_PRESETS; i++) {
    FmnSceneOptions o = fmn_scene_options((FmnScenePreset)i, fmn_random_derive(seed, (guint64)i));
    o.frame_width = WIDTH;
    o.frame_height = HEIGHT;
    if (s->mix.share[i] > 0 && !(s->sets[i] = fmn_scene_set_new(i == FMN_SCENE_PHOTOS ? cutouts : NULL, &o, error)))
      return FALSE;
  }
  return TRUE;
}

static const FmnSceneSet *draw_set(const Scenes *s, FmnRandom *r) {
  double u = fmn_random_uniform(r);
  const FmnSceneSet *set = NULL;
  for (int i = 0; i < FMN_N_SCENE_PRESETS && (!set || u >= 0); i++)
    if (s->sets[i]) {
      set = s->sets[i];
      u -= s->mix.share[i];
    }
  return set;
}

static double draw(FmnRandom *r, double deviation) { return CLAMP(fmn_random_normal(r), -MOST, MOST) * deviation; }

/* As a detector might find it. */
static FmnBox found(const FmnSceneBox *b, FmnRandom *r) {
  double w = (double)(b->x1 - b->x0) / WIDTH, h = (double)(b->y1 - b->y0) / HEIGHT;
  double x = (double)b->x0 / WIDTH + w * (0.5 + draw(r, OFF)), y = (double)b->y0 / HEIGHT + h * (0.5 + draw(r, OFF));
  w *= exp(draw(r, LOOSE));
  h *= exp(draw(r, LOOSE));
  double x0 = MAX(x - w / 2, 0), y0 = MAX(y - h / 2, 0);
  return (FmnBox){x0, y0, MIN(x + w / 2, 1) - x0, MIN(y + h / 2, 1) - y0};
}

static FmnBox anywhere(FmnRandom *r) {
  double w = fmn_random_range(r, LEAST_SIDE, MOST_SIDE), h = fmn_random_range(r, LEAST_SIDE, MOST_SIDE);
  return (FmnBox){fmn_random_range(r, 0, 1 - w), fmn_random_range(r, 0, 1 - h), w, h};
}

typedef struct {
  const FmnPreprocess *p;
  FmnSampler *sampler;
  FmnImage image;
  GByteArray *images, *labels;
} Job;

static gboolean add(Job *j, const FmnBox *box, int label, GError **error) {
  guint64 size = (guint64)j->p->width * (guint64)j->p->height;
  guint at = j->images->len;
  guint8 byte = (guint8)label;
  if (at + size > G_MAXUINT) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "%u pictures of %d×%d are 4 GiB, which is the most; take fewer, or smaller ones (--count, --size)",
                j->labels->len, j->p->width, j->p->height);
    return FALSE;
  }
  g_byte_array_set_size(j->images, at + (guint)size);
  fmn_crop(j->sampler, &j->image, box, NULL, j->p, j->images->data + at);
  g_byte_array_append(j->labels, &byte, 1);
  return TRUE;
}

static gboolean add_scenes(Job *j, const Scenes *s, int n, guint64 seed, GError **error) {
  gboolean ok = TRUE;
  int unknown = (int)g_strv_length((char **)fmn_fashion_mnist_labels);
  FmnScene *scene = fmn_scene_new();
  for (int i = 0; i < n && ok; i++) {
    FmnRandom r = {fmn_random_derive(seed, (guint64)(FMN_N_SCENE_PRESETS + i))};
    fmn_scene_render(draw_set(s, &r), (guint64)i, WIDTH, HEIGHT, scene);
    j->image = (FmnImage){j->image.format, {scene->pixels}, {3 * WIDTH}};
    for (int k = 0; k < scene->n_boxes && ok; k++) {
      FmnBox box = found(&scene->boxes[k], &r);
      ok = add(j, &box, scene->boxes[k].label, error);
    }
    if (scene->preset == FMN_SCENE_NOTHING && ok) {
      FmnBox box = anywhere(&r);
      ok = add(j, &box, unknown, error);
    }
  }
  fmn_scene_free(scene);
  return ok;
}

static char **names(void) {
  GStrvBuilder *b = g_strv_builder_new();
  g_strv_builder_addv(b, (const char **)fmn_fashion_mnist_labels);
  g_strv_builder_add(b, FMN_LABEL_UNKNOWN);
  char **list = g_strv_builder_end(b);
  g_strv_builder_unref(b);
  return list;
}

FmnDataset *fmn_extract_scenes(const char *presets, const FmnImages *cutouts, int n, guint64 seed,
                               const FmnPreprocess *p, GError **error) {
  g_return_val_if_fail(p->channels == 1 && n > 0, NULL);
  FmnDataset *d = NULL;
  Scenes scenes = {0};
  if (scenes_open(&scenes, presets, cutouts, seed, error)) {
    FmnImageFormat format;
    fmn_image_format_rgb(&format, WIDTH, HEIGHT);
    Job job = {p, fmn_sampler_new(&format), {&format}, g_byte_array_new(), g_byte_array_new()};
    gboolean ok = add_scenes(&job, &scenes, n, seed, error);
    fmn_sampler_free(job.sampler);
    d = g_new(FmnDataset, 1);
    *d = (FmnDataset){.n = (int)job.labels->len,
                      .channels = 1,
                      .height = p->height,
                      .width = p->width,
                      .images = g_byte_array_free(job.images, FALSE),
                      .labels = g_byte_array_free(job.labels, FALSE),
                      .names = names()};
    if (!ok)
      g_clear_pointer(&d, fmn_dataset_free);
  }
  scenes_clear(&scenes);
  return d;
}
