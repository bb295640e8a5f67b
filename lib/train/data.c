#include "train/data.h"

#include <math.h>
#include <string.h>

#include "error.h"
#include "image/image.h"
#include "io/model_meta.h"
#include "train/random.h"

typedef struct {
  FmnDataset *data;
  int *train, n_train; /* indices of the images for training */
  int n_epoch;         /* times weight */
  int first, n_aside;  /* in the validation images */
} Source;

struct FmnTrainData {
  Source *sources;
  int n_sources, n_images, epoch_size;
  guint64 seed;
  FmnLabels *labels;
  FmnImages validation, unknown;
  char *sha256, *meaning;
};

guint64 fmn_permute(guint64 seed, guint64 n, guint64 i) {
  guint half = 1;
  while (half < 32 && (G_GUINT64_CONSTANT(1) << (2 * half)) < n)
    half++;
  guint64 mask = (G_GUINT64_CONSTANT(1) << half) - 1;
  do {
    guint64 left = i >> half, right = i & mask;
    for (guint64 round = 0; round < 6; round++) {
      guint64 next = left ^ (fmn_random_mix(seed + round * G_GUINT64_CONSTANT(0x632be59bd9b4e019) + right) & mask);
      left = right;
      right = next;
    }
    i = left << half | right;
  } while (i >= n);
  return i;
}

/* The n planes one after the other; NULL: no memory for that. */
static guint8 *resize(const guint8 *planes, gsize n, const FmnDataset *d, int height, int width) {
  static const FmnBox everything = {0, 0, 1, 1};
  FmnImageFormat format;
  gsize size = (gsize)width * (gsize)height;
  guint8 *resized = g_try_malloc_n(n, size);
  if (!resized)
    return NULL;
  fmn_image_format_gray(&format, d->width, d->height);
  FmnSampler *sampler = fmn_sampler_new(&format);
  for (gsize i = 0; i < n; i++, planes += d->width * d->height) {
    FmnImage plane = {&format, {planes}, {d->width}};
    fmn_sampler_read(sampler, &plane, &everything, 1, width, height, resized + i * size);
  }
  fmn_sampler_free(sampler);
  return resized;
}

/* The same whole multiple along both sides. */
static gboolean fits(int height, int width, int larger_height, int larger_width) {
  int scale = height > 0 ? larger_height / height : 0;
  return scale > 1 && larger_height == scale * height && larger_width == scale * width &&
         larger_width <= FMN_IMAGE_MAX && larger_height <= FMN_IMAGE_MAX;
}

gboolean fmn_dataset_fit(FmnDataset *d, int height, int width, GError **error) {
  if (!fits(d->height, d->width, height, width) && !fits(height, width, d->height, d->width))
    return TRUE;
  gsize planes = (gsize)d->n * (gsize)d->channels;
  guint8 *images = resize(d->images, planes, d, height, width);
  guint8 *views = images && d->views ? resize(d->views, planes * (gsize)d->n_views, d, height, width) : NULL;
  if (!images || (d->views && !views)) {
    g_free(images);
    g_set_error(error, FMN_ERROR, FMN_ERROR_MEMORY, "no memory for %d images of %d×%d, %d times each", d->n, width,
                height, d->n_views + 1);
    return FALSE;
  }
  char *sha256 = fmn_dataset_sha256(d); /* that of the files */
  g_free(d->images);
  g_free(d->views);
  g_free(d->sha256);
  d->images = images;
  d->views = views;
  d->sha256 = sha256;
  d->height = height;
  d->width = width;
  return TRUE;
}

static void append(FmnImages *images, const guint8 *image, int label) {
  images->images[images->n] = image;
  images->labels[images->n++] = (guint8)label;
}

/* Sets aside `share` of each class: those that a random order of the class puts first. */
static void split(FmnTrainData *d, Source *s, double share, guint64 seed) {
  const FmnDataset *data = s->data;
  gsize size = (gsize)data->channels * (gsize)data->height * (gsize)data->width;
  int count[FMN_MAX_NAMES] = {0}, seen[FMN_MAX_NAMES] = {0};
  for (int i = 0; i < data->n; i++)
    count[data->labels[i]]++;
  s->train = g_new(int, MAX(1, data->n));
  s->first = d->validation.n;
  for (int i = 0; i < data->n; i++) {
    int label = data->labels[i];
    guint64 rank = fmn_permute(fmn_random_derive(seed, (guint64)label), (guint64)count[label], (guint64)seen[label]++);
    if (rank < (guint64)(share * count[label] + 0.5)) {
      append(fmn_labels_is_unknown(d->labels, label) ? &d->unknown : &d->validation, data->images + (gsize)i * size,
             label);
    } else {
      s->train[s->n_train++] = i;
    }
  }
  s->n_aside = d->validation.n - s->first;
}

static gboolean check_shapes(FmnDataset **sets, int n_sets, GError **error) {
  for (int i = 1; i < n_sets; i++)
    if (sets[i]->channels != sets[0]->channels || sets[i]->height != sets[0]->height ||
        sets[i]->width != sets[0]->width) {
      g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                  "data sets trained together must have images of one size; the first has %d×%d×%d (channels, height, "
                  "width), number %d has %d×%d×%d",
                  sets[0]->channels, sets[0]->height, sets[0]->width, i + 1, sets[i]->channels, sets[i]->height,
                  sets[i]->width);
      return FALSE;
    }
  return TRUE;
}

FmnTrainData *fmn_train_data_new(FmnDataset **sets, const double *weights, int n_sets, const char *const *classes,
                                 double validation, guint64 seed, GError **error) {
  FmnTrainData *d = g_new0(FmnTrainData, 1);
  GString *sha256 = g_string_new(NULL), *meaning = g_string_new(NULL);
  int total = 0;
  d->seed = seed;
  d->n_sources = n_sets;
  d->sources = g_new0(Source, MAX(1, n_sets));
  for (int i = 0; i < n_sets; i++) {
    d->sources[i].data = sets[i];
    total += sets[i]->n;
  }
  FmnImages *const aside[] = {&d->validation, &d->unknown};
  for (int i = 0; i < 2; i++) {
    aside[i]->images = g_new(const guint8 *, MAX(1, total));
    aside[i]->labels = g_new(guint8, MAX(1, total));
  }
  d->labels = fmn_labels_new(classes, error);
  gboolean ok = d->labels && check_shapes(sets, n_sets, error);
  for (int i = 0; ok && i < n_sets; i++) {
    g_autofree char *hash = fmn_dataset_sha256(sets[i]);
    g_autofree char *names = fmn_labels_format(sets[i]->names ? sets[i]->names : (char *const *)classes);
    g_string_append_printf(sha256, "%s%s", i ? "," : "", hash);
    g_string_append_printf(meaning, "%s%s", i ? "," : "", names);
    ok = fmn_labels_join(d->labels, sets[i], error);
  }
  for (int i = 0; ok && i < n_sets; i++) {
    Source *s = &d->sources[i];
    split(d, s, validation, fmn_random_derive(seed, (guint64)i));
    s->n_epoch = (int)((weights ? weights[i] : 1) * s->n_train + 0.5);
    d->n_images += s->n_train;
    d->epoch_size += s->n_epoch;
  }
  d->sha256 = g_string_free(sha256, FALSE);
  d->meaning = g_string_free(meaning, FALSE);
  if (ok && d->epoch_size < 1) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "no image is left for training: the data has %d and %d are set aside for validation; use a smaller "
                "--validation or more data",
                total, d->validation.n + d->unknown.n);
    ok = FALSE;
  }
  if (ok) {
    for (int i = 0; i < 2; i++) {
      aside[i]->channels = sets[0]->channels;
      aside[i]->height = sets[0]->height;
      aside[i]->width = sets[0]->width;
    }
    return d;
  }
  fmn_train_data_free(d);
  return NULL;
}

/* "DIR" or "DIR:WEIGHT". */
static char *parse_source(const char *text, double *weight, GError **error) {
  const char *colon = strrchr(text, ':');
  *weight = 1;
  if (!*text) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "--data: expected the name of a folder, found nothing");
    return NULL;
  }
  if (!colon)
    return g_strdup(text);
  char *end;
  *weight = g_ascii_strtod(colon + 1, &end);
  if (!colon[1] || *end)
    return *weight = 1, g_strdup(text); /* a folder with a colon in its name */
  if (*weight > 0 && *weight <= 1000)
    return g_strndup(text, (gsize)(colon - text));
  g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "--data %s: the weight must be above 0 and at most 1000", text);
  return NULL;
}

char *fmn_train_data_dir(const char *text, GError **error) {
  double weight;
  return parse_source(text, &weight, error);
}

FmnTrainData *fmn_train_data_load(char **dirs, const char *const *classes, int height, int width, double validation,
                                  guint64 seed, GError **error) {
  char *fallback[] = {NULL, NULL};
  int n = dirs && dirs[0] ? (int)g_strv_length(dirs) : 1, loaded = 0;
  g_autofree FmnDataset **sets = g_new0(FmnDataset *, n);
  g_autofree double *weights = g_new(double, n);
  for (char **dir = dirs && dirs[0] ? dirs : fallback; loaded < n; dir++, loaded++) {
    weights[loaded] = 1;
    g_autofree char *path = *dir ? parse_source(*dir, &weights[loaded], error) : NULL;
    if (*dir && !path)
      break;
    if (!(sets[loaded] = fmn_dataset_load(path, FMN_SPLIT_TRAIN, error)) ||
        !fmn_dataset_fit(sets[loaded], height, width, error))
      break;
  }
  if (loaded == n)
    return fmn_train_data_new(sets, weights, n, classes, validation, seed, error);
  for (int i = 0; i < n; i++)
    fmn_dataset_free(sets[i]);
  return NULL;
}

void fmn_train_data_free(FmnTrainData *d) {
  if (!d)
    return;
  for (int i = 0; i < d->n_sources; i++) {
    fmn_dataset_free(d->sources[i].data);
    g_free(d->sources[i].train);
  }
  g_free(d->sources);
  g_free(d->validation.images);
  g_free(d->validation.labels);
  g_free(d->unknown.images);
  g_free(d->unknown.labels);
  fmn_labels_free(d->labels);
  g_free(d->sha256);
  g_free(d->meaning);
  g_free(d);
}

const FmnLabels *fmn_train_data_labels(const FmnTrainData *d) { return d->labels; }

void fmn_train_data_shape(const FmnTrainData *d, int *channels, int *height, int *width) {
  *channels = d->sources[0].data->channels;
  *height = d->sources[0].data->height;
  *width = d->sources[0].data->width;
}

int fmn_train_data_n_images(const FmnTrainData *d) { return d->n_images; }

int fmn_train_data_epoch_size(const FmnTrainData *d) { return d->epoch_size; }

char *fmn_train_data_epoch_sizes(const FmnTrainData *d) {
  GString *s = g_string_new(NULL);
  for (int i = 0; i < d->n_sources; i++)
    g_string_append_printf(s, i ? ",%d" : "%d", d->sources[i].n_epoch);
  return g_string_free(s, FALSE);
}

const FmnImages *fmn_train_data_validation(const FmnTrainData *d) { return &d->validation; }

const FmnImages *fmn_train_data_unknown(const FmnTrainData *d) { return &d->unknown; }

int fmn_train_data_n_sets(const FmnTrainData *d) { return d->n_sources; }

int fmn_train_data_set(const FmnTrainData *d, int set, int *first) {
  *first = d->sources[set].first;
  return d->sources[set].n_aside;
}

const char *fmn_train_data_meaning(const FmnTrainData *d) { return d->meaning; }

const char *fmn_train_data_sha256(const FmnTrainData *d) { return d->sha256; }

void fmn_train_data_mean_std(const FmnTrainData *d, float *mean, float *std) {
  int channels, height, width;
  fmn_train_data_shape(d, &channels, &height, &width);
  gsize plane = (gsize)height * (gsize)width;
  for (int c = 0; c < channels; c++) {
    guint64 histogram[256] = {0};
    double n = 0, sum = 0, squares = 0;
    for (int s = 0; s < d->n_sources; s++)
      for (int i = 0; i < d->sources[s].n_train; i++) {
        const guint8 *p =
            d->sources[s].data->images + ((gsize)d->sources[s].train[i] * (gsize)channels + (gsize)c) * plane;
        for (gsize k = 0; k < plane; k++)
          histogram[p[k]]++;
      }
    for (int v = 0; v < 256; v++) {
      n += (double)histogram[v];
      sum += (double)histogram[v] * v / 255;
      squares += (double)histogram[v] * v * v / (255.0 * 255.0);
    }
    mean[c] = (float)(sum / n);
    std[c] = (float)sqrt(MAX(squares / n - sum / n * (sum / n), 1e-6));
  }
}

/* Picture or one of its views. */
static const guint8 *view(const FmnDataset *data, int index, guint64 seed) {
  gsize size = (gsize)data->channels * (gsize)data->height * (gsize)data->width;
  guint64 drawn = fmn_random_below(&(FmnRandom){seed}, (guint64)data->n_views + 1);
  return drawn == 0 ? data->images + (gsize)index * size
                    : data->views + ((gsize)index * (gsize)data->n_views + (gsize)drawn - 1) * size;
}

FmnPick fmn_train_data_pick(const FmnTrainData *d, int epoch, int position) {
  guint64 seed = fmn_random_derive(fmn_random_derive(d->seed, 0x0de7), (guint64)epoch);
  guint64 id = fmn_permute(seed, (guint64)d->epoch_size, (guint64)position), rest = id;
  int source = 0;
  while (rest >= (guint64)d->sources[source].n_epoch)
    rest -= (guint64)d->sources[source++].n_epoch;
  const Source *s = &d->sources[source];
  /* Another part of the data set in every epoch, where weight is below 1. */
  guint64 n = (guint64)s->n_train;
  int index = s->train[fmn_permute(fmn_random_derive(seed, 1 + (guint64)source), n, rest % n)];
  return (FmnPick){view(s->data, index, fmn_random_derive(seed, ~id)), s->data->labels[index], id};
}

gboolean fmn_images_fit(const FmnImages *images, int channels, int height, int width) {
  return (images->channels == channels || images->channels == 1) && images->height == height && images->width == width;
}

FmnImages *fmn_images_from_dataset(const FmnDataset *data) {
  gsize size = (gsize)data->channels * (gsize)data->height * (gsize)data->width;
  FmnImages *images = g_new0(FmnImages, 1);
  images->n = data->n;
  images->channels = data->channels;
  images->height = data->height;
  images->width = data->width;
  images->images = g_new(const guint8 *, MAX(1, data->n));
  images->labels = g_memdup2(data->labels, (gsize)data->n);
  for (int i = 0; i < data->n; i++)
    images->images[i] = data->images + (gsize)i * size;
  return images;
}

void fmn_images_free(FmnImages *images) {
  if (!images)
    return;
  g_free(images->images);
  g_free(images->labels);
  g_free(images);
}

FmnImages *fmn_images_of_classes(FmnDataset *data, const char *const *classes, int *left_out, GError **error) {
  FmnLabels *l = fmn_labels_new(classes, error);
  FmnImages *images = l && fmn_labels_join(l, data, error) ? fmn_images_from_dataset(data) : NULL;
  if (images) {
    images->n = 0;
    for (int i = 0; i < data->n; i++)
      if (images->labels[i] < l->n_classes)
        append(images, images->images[i], images->labels[i]);
    *left_out = data->n - images->n;
  }
  fmn_labels_free(l);
  return images;
}

FmnImages *fmn_images_take_unknown(FmnImages *images, const FmnLabels *l) {
  FmnImages *unknown = g_memdup2(images, sizeof *images);
  int known = 0;
  unknown->images = g_new(const guint8 *, MAX(1, images->n));
  unknown->labels = g_new(guint8, MAX(1, images->n));
  unknown->n = 0;
  for (int i = 0; i < images->n; i++)
    if (fmn_labels_is_unknown(l, images->labels[i])) {
      append(unknown, images->images[i], images->labels[i]);
    } else {
      images->images[known] = images->images[i];
      images->labels[known++] = images->labels[i];
    }
  images->n = known;
  return unknown;
}
