#include "train/loader.h"

#include <string.h>

#include "nn/tensor.h"
#include "train/prefetch.h"

#define MAX_CHANNELS 3

struct FmnLoader {
  const FmnTrainData *data;
  FmnLoaderConfig config;
  float mean[MAX_CHANNELS], std[MAX_CHANNELS];
  int channels, height, width, labels, steps, n_slots;
  FmnBatch *batches;
  float **images; /* room for two, one a thread */
  FmnPrefetch *prefetch;
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
static void load_image(const FmnLoader *l, int epoch, int position, float *images, float *x, float *shares) {
  const FmnAugment *a =
      l->config.last_from == 0 || epoch < l->config.last_from ? &l->config.augment : &l->config.last_augment;
  guint64 seed = fmn_random_derive(fmn_random_derive(l->config.seed, 0xa06), (guint64)epoch);
  FmnPick pick = fmn_train_data_pick(l->data, epoch, position);
  FmnRandom r = {fmn_random_derive(seed, pick.id)};
  fmn_augment_image(a, &r, pick.image, l->channels, l->height, l->width, images);
  FmnMix mix = fmn_augment_draw_mix(a, &r, l->height, l->width);
  shares[pick.label] = (float)mix.own;
  if (mix.kind != FMN_MIX_NONE) {
    int size = fmn_train_data_epoch_size(l->data);
    float *other = images + l->channels * l->height * l->width;
    FmnPick second = fmn_train_data_pick(l->data, epoch, (int)fmn_random_below(&r, (guint64)size));
    fmn_augment_image(a, &r, second.image, l->channels, l->height, l->width, other);
    fmn_augment_mix(&mix, images, other, l->channels, l->height, l->width);
    shares[second.label] += (float)(1 - mix.own);
  }
  pack(l, images, x);
}

static gsize input_size(const FmnLoader *l) { return (gsize)l->config.channels * (gsize)l->height * (gsize)l->width; }

static void fill(gpointer user, gint64 number, int thread, gpointer slot) {
  const FmnLoader *l = user;
  FmnBatch *b = slot;
  int epoch = (int)(number / l->steps), step = (int)(number % l->steps);
  b->n = l->config.batch;
  memset(b->shares, 0, sizeof(float) * (gsize)b->n * (gsize)l->labels);
  for (int i = 0; i < b->n; i++)
    load_image(l, epoch, step * b->n + i, l->images[thread], b->x + (gsize)i * input_size(l),
               b->shares + i * l->labels);
}

FmnLoader *fmn_loader_new(const FmnTrainData *data, const FmnLoaderConfig *config) {
  FmnLoader *l = g_new0(FmnLoader, 1);
  l->data = data;
  l->config = *config;
  l->labels = fmn_train_data_labels(data)->n;
  fmn_train_data_shape(data, &l->channels, &l->height, &l->width);
  g_assert(config->channels <= MAX_CHANNELS && (l->channels == 1 || l->channels == config->channels));
  memcpy(l->mean, config->mean, sizeof(float) * (gsize)config->channels);
  memcpy(l->std, config->std, sizeof(float) * (gsize)config->channels);
  l->steps = MAX(1, fmn_train_data_epoch_size(data) / config->batch);
  l->n_slots = config->threads + 3;
  l->batches = g_new0(FmnBatch, l->n_slots);
  g_autofree gpointer *slots = g_new(gpointer, l->n_slots);
  for (int i = 0; i < l->n_slots; i++) {
    l->batches[i].x = fmn_floats_new((gsize)config->batch * input_size(l));
    l->batches[i].shares = fmn_floats_new((gsize)config->batch * (gsize)l->labels);
    slots[i] = &l->batches[i];
  }
  l->images = g_new(float *, config->threads);
  for (int i = 0; i < config->threads; i++)
    l->images[i] = fmn_floats_new(2 * (gsize)l->channels * (gsize)l->height * (gsize)l->width);
  l->prefetch =
      fmn_prefetch_new(config->threads, (gint64)config->epoch * l->steps + config->step, slots, l->n_slots, fill, l);
  return l;
}

void fmn_loader_free(FmnLoader *l) {
  if (!l)
    return;
  fmn_prefetch_free(l->prefetch);
  for (int i = 0; i < l->n_slots; i++) {
    fmn_floats_free(l->batches[i].x);
    fmn_floats_free(l->batches[i].shares);
  }
  for (int i = 0; i < l->config.threads; i++)
    fmn_floats_free(l->images[i]);
  g_free(l->images);
  g_free(l->batches);
  g_free(l);
}

const FmnBatch *fmn_loader_next(FmnLoader *l) { return fmn_prefetch_next(l->prefetch); }
