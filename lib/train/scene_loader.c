#include "train/scene_loader.h"

#include <string.h>

#include "detect/yolo.h"
#include "nn/tensor.h"
#include "train/prefetch.h"
#include "train/random.h"

#define SPARE_SLOTS 2
#define N_SIZES (FMN_YOLO_MAX_SIDE / FMN_YOLO_STRIDE + 1)

struct FmnSceneLoader {
  FmnSceneLoaderConfig config;
  FmnSizes sizes;
  FmnSceneSource *sources[N_SIZES]; /* by size / stride */
  FmnScene **scenes;                /* one a thread */
  FmnSceneBatch *batches;
  int n_batches;
  float value[3][256]; /* of each byte, as the network wants it */
  FmnPrefetch *prefetch;
};

static int size_at(const FmnSceneLoaderConfig *c, const FmnSizes *sizes, gint64 step) {
  return fmn_sizes_at(sizes, c->own_size, c->steps_per_epoch, step, fmn_random_derive(c->seed, 1));
}

static guint64 seed_of(const FmnSceneLoaderConfig *c, int size) {
  return fmn_random_derive(c->seed, (guint64)(1000 + size));
}

static void load_scene(const FmnSceneLoader *l, const FmnScene *scene, float *x, FmnSceneBatch *b, int *n_truth) {
  gsize pixels = (gsize)scene->width * (gsize)scene->height;
  for (gsize i = 0; i < 3 * pixels; i += 3) {
    x[i] = l->value[0][scene->pixels[i]];
    x[i + 1] = l->value[1][scene->pixels[i + 1]];
    x[i + 2] = l->value[2][scene->pixels[i + 2]];
  }
  for (int k = 0; k < scene->n_boxes; k++) {
    const FmnSceneBox *s = &scene->boxes[k];
    double x0 = (double)s->x0 / scene->width, y0 = (double)s->y0 / scene->height;
    FmnBox box = {x0, y0, (double)s->x1 / scene->width - x0, (double)s->y1 / scene->height - y0};
    gboolean known = l->config.shares && s->item >= 0 && scene->preset != FMN_SCENE_PHOTOS;
    const float *shares = known ? l->config.shares + s->item * l->config.classes : NULL;
    b->truth[(*n_truth)++] = (FmnTruth){box, s->label, shares};
  }
}

static void fill(gpointer user, gint64 number, int thread, gpointer slot) {
  const FmnSceneLoader *l = user;
  FmnSceneBatch *b = slot;
  int n_truth = 0;
  b->n = l->config.batch;
  b->size = size_at(&l->config, &l->sizes, number);
  for (int i = 0; i < b->n; i++) {
    FmnScene *scene = l->scenes[thread];
    fmn_scene_source_render(l->sources[b->size / FMN_YOLO_STRIDE], (guint64)number * (guint64)b->n + (guint64)i, scene);
    b->first[i] = n_truth;
    load_scene(l, scene, b->x + (gsize)i * 3 * (gsize)b->size * (gsize)b->size, b, &n_truth);
  }
  b->first[b->n] = n_truth;
}

static void make_batches(FmnSceneLoader *l, int largest) {
  int batch = l->config.batch;
  l->n_batches = l->config.threads + SPARE_SLOTS;
  l->batches = g_new0(FmnSceneBatch, l->n_batches);
  for (int i = 0; i < l->n_batches; i++) {
    l->batches[i].x = fmn_floats_new((gsize)batch * 3 * (gsize)largest * (gsize)largest);
    l->batches[i].first = g_new0(int, batch + 1);
    l->batches[i].truth = g_new0(FmnTruth, batch * FMN_SCENE_MAX_ITEMS);
  }
  l->scenes = g_new(FmnScene *, l->config.threads);
  for (int i = 0; i < l->config.threads; i++)
    l->scenes[i] = fmn_scene_new();
}

FmnSceneLoader *fmn_scene_loader_new(const FmnSceneLoaderConfig *config, GError **error) {
  FmnSceneLoader *l = g_new0(FmnSceneLoader, 1);
  int n;
  l->config = *config;
  gboolean ok = fmn_sizes_parse(config->recipe->sizes, &l->sizes, error);
  g_autofree int *sizes = fmn_sizes_list(&l->sizes, config->own_size, &n);
  make_batches(l, sizes[n - 1]);
  for (int i = 0; ok && i < n; i++)
    ok = (l->sources[sizes[i] / FMN_YOLO_STRIDE] =
              fmn_scene_source_new(config->items, config->cutouts, config->people, config->recipe, sizes[i],
                                   seed_of(config, sizes[i]), error)) != NULL;
  if (!ok) {
    fmn_scene_loader_free(l);
    return NULL;
  }
  for (int c = 0; c < 3; c++)
    for (int v = 0; v < 256; v++)
      l->value[c][v] = ((float)v / 255.0f - config->input->mean[c]) / config->input->std[c];
  g_autofree gpointer *slots = g_new(gpointer, l->n_batches);
  for (int i = 0; i < l->n_batches; i++)
    slots[i] = &l->batches[i];
  l->prefetch = fmn_prefetch_new(config->threads, config->step, slots, l->n_batches, fill, l);
  return l;
}

void fmn_scene_loader_free(FmnSceneLoader *l) {
  if (!l)
    return;
  fmn_prefetch_free(l->prefetch);
  for (int i = 0; i < N_SIZES; i++)
    fmn_scene_source_free(l->sources[i]);
  for (int i = 0; i < l->n_batches; i++) {
    fmn_floats_free(l->batches[i].x);
    g_free(l->batches[i].first);
    g_free(l->batches[i].truth);
  }
  for (int i = 0; i < l->config.threads; i++)
    fmn_scene_free(l->scenes[i]);
  g_free(l->scenes);
  g_free(l->batches);
  g_free(l);
}

const FmnSceneBatch *fmn_scene_loader_next(FmnSceneLoader *l) { return fmn_prefetch_next(l->prefetch); }

GArray *fmn_scene_sizes(const FmnSceneLoaderConfig *config, int n_epochs, int n_scenes, GError **error) {
  GArray *found = g_array_new(FALSE, FALSE, sizeof(FmnAnchor));
  FmnSceneSource *sources[N_SIZES] = {NULL};
  FmnScene *scene = fmn_scene_new();
  FmnSizes sizes;
  gboolean ok = fmn_sizes_parse(config->recipe->sizes, &sizes, error);
  FmnRandom r = {fmn_random_derive(config->seed, 2)};
  for (int i = 0; ok && i < n_scenes; i++) {
    gint64 step = (gint64)(fmn_random_uniform(&r) * (double)config->steps_per_epoch * n_epochs);
    int size = i % 2 ? size_at(config, &sizes, step) : config->own_size;
    FmnSceneSource **source = &sources[size / FMN_YOLO_STRIDE];
    if (!*source)
      *source = fmn_scene_source_new(config->items, config->cutouts, config->people, config->recipe, size,
                                     seed_of(config, size), error);
    if (!(ok = *source != NULL))
      break;
    fmn_scene_source_render(*source, (guint64)i, scene);
    for (int k = 0; k < scene->n_boxes; k++) {
      const FmnSceneBox *b = &scene->boxes[k];
      FmnAnchor a = {b->x1 - b->x0, b->y1 - b->y0};
      g_array_append_val(found, a);
    }
  }
  for (int i = 0; i < N_SIZES; i++)
    fmn_scene_source_free(sources[i]);
  fmn_scene_free(scene);
  if (!ok)
    g_clear_pointer(&found, g_array_unref);
  return found;
}
