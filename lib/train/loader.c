#include "train/loader.h"

#include <string.h>

#include "nn/tensor.h"

#define MAX_CHANNELS 3

typedef struct {
  FmnBatch batch;
  gint64 number; /* of the batch that it holds; -1: none yet */
} Slot;

struct FmnLoader {
  const FmnTrainData *data;
  FmnLoaderConfig config;
  float mean[MAX_CHANNELS], std[MAX_CHANNELS];
  int channels, height, width, steps, n_slots;
  GThread **threads;
  GMutex lock;
  GCond filled, emptied;
  Slot *slots;        /* batch i is in slot i mod n_slots */
  gint64 next, taken; /* the number to be prepared next; the one given out last */
  gboolean stop;
};

/* Planes of the data to the network's pixels, normalised. */
static void pack(const FmnLoader *l, const float *planes, float *x) {
  int pixels = l->height * l->width, channels = l->config.channels;
  for (int c = 0; c < channels; c++) {
    const float *from = planes + (l->channels > 1 ? c * pixels : 0);
    for (int i = 0; i < pixels; i++)
      x[i * channels + c] = (from[i] - l->mean[c]) / l->std[c];
  }
}

/* images: room for two. */
static void load_image(const FmnLoader *l, int epoch, int position, float *images, float *x, float *target) {
  const FmnAugment *a = &l->config.augment;
  guint64 seed = fmn_random_derive(fmn_random_derive(l->config.seed, 0xa06), (guint64)epoch);
  FmnPick pick = fmn_train_data_pick(l->data, epoch, position);
  FmnRandom r = {fmn_random_derive(seed, pick.id)};
  fmn_augment_image(a, &r, pick.image, l->channels, l->height, l->width, images);
  FmnMix mix = fmn_augment_draw_mix(a, &r, l->height, l->width);
  target[pick.label] = (float)mix.own;
  if (mix.kind != FMN_MIX_NONE) {
    int size = fmn_train_data_epoch_size(l->data);
    float *other = images + l->channels * l->height * l->width;
    FmnPick second = fmn_train_data_pick(l->data, epoch, (int)fmn_random_below(&r, (guint64)size));
    fmn_augment_image(a, &r, second.image, l->channels, l->height, l->width, other);
    fmn_augment_mix(&mix, images, other, l->channels, l->height, l->width);
    target[second.label] += (float)(1 - mix.own);
  }
  pack(l, images, x);
}

static gsize input_size(const FmnLoader *l) { return (gsize)l->config.channels * (gsize)l->height * (gsize)l->width; }

static void fill(const FmnLoader *l, gint64 number, float *images, FmnBatch *b) {
  int epoch = (int)(number / l->steps), step = (int)(number % l->steps);
  b->n = l->config.batch;
  memset(b->targets, 0, sizeof(float) * (gsize)b->n * (gsize)l->config.classes);
  for (int i = 0; i < b->n; i++)
    load_image(l, epoch, step * b->n + i, images, b->x + (gsize)i * input_size(l), b->targets + i * l->config.classes);
}

static gpointer work(gpointer data) {
  FmnLoader *l = data;
  float *images = fmn_floats_new(2 * (gsize)l->channels * (gsize)l->height * (gsize)l->width);
  g_mutex_lock(&l->lock);
  while (!l->stop) {
    /* The batch given out stays untouched until the next is asked for. */
    if (l->next >= l->taken + l->n_slots) {
      g_cond_wait(&l->emptied, &l->lock);
      continue;
    }
    gint64 number = l->next++;
    Slot *slot = &l->slots[number % l->n_slots];
    g_mutex_unlock(&l->lock);
    fill(l, number, images, &slot->batch);
    g_mutex_lock(&l->lock);
    slot->number = number;
    g_cond_broadcast(&l->filled);
  }
  g_mutex_unlock(&l->lock);
  fmn_floats_free(images);
  return NULL;
}

FmnLoader *fmn_loader_new(const FmnTrainData *data, const FmnLoaderConfig *config) {
  FmnLoader *l = g_new0(FmnLoader, 1);
  l->data = data;
  l->config = *config;
  fmn_train_data_shape(data, &l->channels, &l->height, &l->width);
  g_assert(config->channels <= MAX_CHANNELS && (l->channels == 1 || l->channels == config->channels));
  memcpy(l->mean, config->mean, sizeof(float) * (gsize)config->channels);
  memcpy(l->std, config->std, sizeof(float) * (gsize)config->channels);
  l->steps = MAX(1, fmn_train_data_epoch_size(data) / config->batch);
  l->next = (gint64)config->epoch * l->steps + config->step;
  l->taken = l->next - 1;
  l->n_slots = config->threads + 3;
  l->slots = g_new0(Slot, l->n_slots);
  for (int i = 0; i < l->n_slots; i++) {
    l->slots[i].number = -1;
    l->slots[i].batch.x = fmn_floats_new((gsize)config->batch * input_size(l));
    l->slots[i].batch.targets = fmn_floats_new((gsize)config->batch * (gsize)config->classes);
  }
  g_mutex_init(&l->lock);
  g_cond_init(&l->filled);
  g_cond_init(&l->emptied);
  l->threads = g_new(GThread *, config->threads);
  for (int i = 0; i < config->threads; i++)
    l->threads[i] = g_thread_new("loader", work, l);
  return l;
}

void fmn_loader_free(FmnLoader *l) {
  if (!l)
    return;
  g_mutex_lock(&l->lock);
  l->stop = TRUE;
  g_cond_broadcast(&l->emptied);
  g_mutex_unlock(&l->lock);
  for (int i = 0; i < l->config.threads; i++)
    g_thread_join(l->threads[i]);
  for (int i = 0; i < l->n_slots; i++) {
    fmn_floats_free(l->slots[i].batch.x);
    fmn_floats_free(l->slots[i].batch.targets);
  }
  g_mutex_clear(&l->lock);
  g_cond_clear(&l->filled);
  g_cond_clear(&l->emptied);
  g_free(l->threads);
  g_free(l->slots);
  g_free(l);
}

int fmn_loader_steps(const FmnLoader *l) { return l->steps; }

const FmnBatch *fmn_loader_next(FmnLoader *l) {
  g_mutex_lock(&l->lock);
  gint64 number = ++l->taken;
  g_cond_broadcast(&l->emptied);
  Slot *slot = &l->slots[number % l->n_slots];
  while (slot->number != number)
    g_cond_wait(&l->filled, &l->lock);
  g_mutex_unlock(&l->lock);
  return &slot->batch;
}
