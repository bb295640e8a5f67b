#include <math.h>
#include <string.h>

#include "parse-augment.h"
#include "synthetic.h"
#include "nn/layers.h"
#include "train/evaluate.h"
#include "train/loader.h"

static const char *const classes[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", NULL};

static void test_permute(void) {
  for (guint64 n = 1; n < 300; n += 13) {
    g_autofree guint8 *seen = g_new0(guint8, n);
    for (guint64 i = 0; i < n; i++) {
      guint64 p = fmn_permute(77, n, i);
      g_assert_cmpuint(p, <, n);
      g_assert_cmpint(seen[p]++, ==, 0);
    }
  }
  /* It looks like a shuffle: neighbours are n / 3 apart in the mean, other seeds give other orders. */
  double apart = 0;
  int same = 0;
  for (guint64 i = 0; i < 9999; i++) {
    apart += fabs((double)fmn_permute(1, 10000, i) - (double)fmn_permute(1, 10000, i + 1));
    same += fmn_permute(1, 10000, i) == fmn_permute(2, 10000, i);
  }
  g_assert_cmpfloat_with_epsilon(apart / 9999, 10000 / 3.0, 120);
  g_assert_cmpint(same, <, 10);
}

static FmnTrainData *make_data(int n, double validation, guint64 seed) {
  g_autoptr(GError) error = NULL;
  FmnDataset *set = synthetic_new(n, 1);
  FmnTrainData *d = fmn_train_data_new(&set, NULL, 1, classes, validation, seed, &error);
  g_assert_no_error(error);
  return d;
}

static void test_split(void) {
  FmnTrainData *d = make_data(200, 0.2, 1), *again = make_data(200, 0.2, 1), *other = make_data(200, 0.2, 2);
  const FmnImages *v = fmn_train_data_validation(d);
  int count[10] = {0}, same = 0;
  g_assert_cmpint(v->n, ==, 40);
  g_assert_cmpint(fmn_train_data_n_images(d), ==, 160);
  g_autoptr(GHashTable) held = g_hash_table_new(NULL, NULL);
  for (int i = 0; i < v->n; i++) {
    count[v->labels[i]]++;
    g_hash_table_add(held, (gpointer)v->images[i]);
    g_assert_cmpmem(v->images[i], SIDE * SIDE, fmn_train_data_validation(again)->images[i], SIDE * SIDE);
    same += memcmp(v->images[i], fmn_train_data_validation(other)->images[i], SIDE * SIDE) == 0;
  }
  for (int k = 0; k < 10; k++)
    g_assert_cmpint(count[k], ==, 4);
  g_assert_cmpint(same, <, 30);
  for (int epoch = 0; epoch < 3; epoch++) {
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    for (int i = 0; i < 160; i++) {
      FmnPick p = fmn_train_data_pick(d, epoch, i);
      g_assert_false(g_hash_table_contains(held, p.image));
      g_assert_true(g_hash_table_add(seen, (gpointer)p.image));
    }
  }
  g_assert_true(fmn_train_data_pick(d, 0, 0).image != fmn_train_data_pick(d, 1, 0).image ||
                fmn_train_data_pick(d, 0, 1).image != fmn_train_data_pick(d, 1, 1).image);
  fmn_train_data_free(d);
  fmn_train_data_free(again);
  fmn_train_data_free(other);
}

/* Two data sets, one seen twice and one by half in each epoch. */
static void test_weights(void) {
  FmnDataset *sets[] = {synthetic_new(30, 1), synthetic_new(40, 2)};
  const double weights[] = {2, 0.5};
  const guint8 *end = sets[0]->images + 30 * SIDE * SIDE, *begin = sets[0]->images, *second = sets[1]->images;
  FmnTrainData *d = fmn_train_data_new(sets, weights, 2, classes, 0, 1, NULL);
  int seen[40] = {0};
  g_assert_cmpint(fmn_train_data_epoch_size(d), ==, 80);
  for (int epoch = 0; epoch < 25; epoch++) {
    int first[30] = {0}, others = 0;
    for (int i = 0; i < 80; i++) {
      FmnPick p = fmn_train_data_pick(d, epoch, i);
      if (p.image >= begin && p.image < end)
        first[(p.image - begin) / (SIDE * SIDE)]++;
      else
        others++, seen[(p.image - second) / (SIDE * SIDE)]++;
    }
    g_assert_cmpint(others, ==, 20);
    for (int i = 0; i < 30; i++)
      g_assert_cmpint(first[i], ==, 2);
  }
  for (int i = 0; i < 40; i++)
    g_assert_cmpint(seen[i], >, 0);
  fmn_train_data_free(d);
}

/* Enlarged and shrunk, a ramp is a ramp, within the outermost places; the files' checksum stays; what does not fit is
 * left alone. */
static void test_fit(void) {
  FmnDataset *d = synthetic_new(3, 1);
  d->n_views = 1;
  d->views = g_malloc(3 * SIDE * SIDE);
  for (int i = 0; i < 3 * SIDE * SIDE; i++)
    d->views[i] = (guint8)(2 * (i % SIDE) + 4 * (i / SIDE % SIDE));
  g_autofree char *before = fmn_dataset_sha256(d);
  g_assert_true(fmn_dataset_fit(d, SIDE / 2, SIDE, NULL));
  g_assert_true(fmn_dataset_fit(d, 2 * SIDE, 3 * SIDE, NULL));
  g_assert_true(fmn_dataset_fit(d, SIDE + 7, SIDE + 7, NULL));
  g_assert_true(fmn_dataset_fit(d, 0, 0, NULL));
  g_assert_true(d->height == SIDE && d->width == SIDE);
  g_assert_true(fmn_dataset_fit(d, 2 * SIDE, 2 * SIDE, NULL));
  g_assert_true(d->height == 2 * SIDE && d->width == 2 * SIDE);
  g_autofree char *after = fmn_dataset_sha256(d);
  g_assert_cmpstr(before, ==, after);
  for (int i = 0; i < 3; i++)
    for (int y = 1; y < 2 * SIDE - 1; y++)
      for (int x = 1; x < 2 * SIDE - 1; x++) {
        double wanted = 2 * ((x + 0.5) / 2 - 0.5) + 4 * ((y + 0.5) / 2 - 0.5);
        g_assert_cmpfloat_with_epsilon(d->views[(i * 2 * SIDE + y) * 2 * SIDE + x], wanted, 0.51);
      }
  FmnDataset *small = synthetic_new(3, 1);
  for (int i = 0; i < 3; i++) /* the corners are those of the picture */
    g_assert_cmpint(d->images[i * 4 * SIDE * SIDE], ==, small->images[i * SIDE * SIDE]);
  g_assert_true(fmn_dataset_fit(d, SIDE / 2, SIDE / 2, NULL));
  g_assert_true(d->height == SIDE / 2 && d->width == SIDE / 2);
  g_autofree char *last = fmn_dataset_sha256(d);
  g_assert_cmpstr(before, ==, last);
  for (int i = 0; i < 3; i++)
    for (int y = 1; y < SIDE / 2 - 1; y++)
      for (int x = 1; x < SIDE / 2 - 1; x++)
        g_assert_cmpfloat_with_epsilon(d->views[(i * SIDE / 2 + y) * SIDE / 2 + x],
                                       2 * (2 * x + 0.5) + 4 * (2 * y + 0.5), 1.5);
  fmn_dataset_free(small);
  fmn_dataset_free(d);
}

/* Of a picture with further views each comes now and then, always with its own label; set aside is the picture. */
static void test_views(void) {
  FmnDataset *set = synthetic_new(40, 1);
  gsize size = SIDE * SIDE;
  set->n_views = 3;
  set->views = g_malloc0(40 * 3 * size);
  FmnTrainData *d = fmn_train_data_new(&set, NULL, 1, classes, 0.25, 1, NULL);
  const FmnImages *aside = fmn_train_data_validation(d);
  int seen[40][4] = {0}, n = 0;
  for (int i = 0; i < aside->n; i++)
    g_assert_true(aside->images[i] >= set->images && aside->images[i] < set->images + 40 * size);
  for (int epoch = 0; epoch < 60; epoch++)
    for (int i = 0; i < 30; i++) {
      FmnPick p = fmn_train_data_pick(d, epoch, i);
      gboolean view = p.image < set->images || p.image >= set->images + 40 * size;
      gsize at = (gsize)(p.image - (view ? set->views : set->images)) / size, picture = view ? at / 3 : at;
      g_assert_cmpint(p.label, ==, set->labels[picture]);
      g_assert_true(fmn_train_data_pick(d, epoch, i).image == p.image);
      n += seen[picture][view ? 1 + at % 3 : 0]++ == 0;
    }
  g_assert_cmpint(n, ==, 30 * 4);
  fmn_train_data_free(d);
}

static void test_data_errors(void) {
  g_autoptr(GError) error = NULL;
  FmnDataset *sets[] = {synthetic_new(20, 1), synthetic_new(20, 2)};
  sets[1]->height = 14, sets[1]->n = 40;
  sets[1]->labels = g_realloc(sets[1]->labels, 40);
  memset(sets[1]->labels, 0, 40);
  g_assert_null(fmn_train_data_new(sets, NULL, 2, classes, 0, 1, &error));
  g_assert_nonnull(strstr(error->message, "28×28"));
  g_clear_error(&error);
  FmnDataset *empty = synthetic_new(0, 1);
  g_assert_null(fmn_train_data_new(&empty, NULL, 1, classes, 0.1, 1, &error));
  g_assert_nonnull(strstr(error->message, "no image is left"));
  g_clear_error(&error);
  char *dirs[] = {(char *)"/nowhere:0", NULL};
  g_assert_null(fmn_train_data_load(dirs, classes, 0, 0, 0.1, 1, &error));
  g_assert_nonnull(strstr(error->message, "weight"));
  g_clear_error(&error);
  char *missing[] = {(char *)"/nowhere/at/all:2", NULL};
  g_assert_null(fmn_train_data_load(missing, classes, 0, 0, 0.1, 1, &error));
  g_assert_nonnull(strstr(error->message, "/nowhere/at/all"));
  g_assert_null(strstr(error->message, ":2"));
}

static FmnLoader *make_loader(const FmnTrainData *d, const char *augment, int step, int threads) {
  static const float mean[] = {0.3f}, std[] = {0.4f};
  FmnLoaderConfig c = {.channels = 1,
                       .augment = parse_augment(augment),
                       .mean = mean,
                       .std = std,
                       .batch = 16,
                       .seed = 7,
                       .epoch = 0,
                       .step = step,
                       .threads = threads};
  return fmn_loader_new(d, &c);
}

/* The same batches whatever the threads, the time taken and the place to begin. */
static void test_loader(void) {
  FmnTrainData *d = make_data(90, 0, 3);
  FmnLoader *one = make_loader(d, "flip,shift,rotate,zoom,erase,cutmix,mixup", 0, 1),
            *many = make_loader(d, "flip,shift,rotate,zoom,erase,cutmix,mixup", 0, 4),
            *later = make_loader(d, "flip,shift,rotate,zoom,erase,cutmix,mixup", 3, 2);
  for (int i = 0; i < 14; i++) {
    const FmnBatch *a = fmn_loader_next(one), *b = fmn_loader_next(many);
    if (i % 3 == 0)
      g_usleep(2000);
    g_assert_cmpmem(a->x, sizeof(float) * 16 * SIDE * SIDE, b->x, sizeof(float) * 16 * SIDE * SIDE);
    g_assert_cmpmem(a->shares, sizeof(float) * 160, b->shares, sizeof(float) * 160);
    if (i >= 3) {
      const FmnBatch *c = fmn_loader_next(later);
      g_assert_cmpmem(a->x, sizeof(float) * 16 * SIDE * SIDE, c->x, sizeof(float) * 16 * SIDE * SIDE);
    }
    for (int k = 0; k < 16; k++) {
      float sum = 0;
      for (int j = 0; j < 10; j++)
        sum += a->shares[k * 10 + j];
      g_assert_cmpfloat_with_epsilon(sum, 1, 1e-5);
    }
  }
  fmn_loader_free(one);
  fmn_loader_free(many);
  fmn_loader_free(later);
  fmn_train_data_free(d);
}

/* Unchanged images come normalised and with their own label; the same image changes from epoch to epoch when augmented.
 */
static void test_loader_labels(void) {
  FmnTrainData *d = make_data(32, 0, 3);
  FmnLoader *plain = make_loader(d, "none", 0, 1), *shifted = make_loader(d, "shift", 0, 1);
  g_autoptr(GHashTable) versions =
      g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
  for (int i = 0; i < 20; i++) {
    const FmnBatch *b = fmn_loader_next(plain), *s = fmn_loader_next(shifted);
    for (int k = 0; k < 16; k++) {
      FmnPick p = fmn_train_data_pick(d, i / 2, i % 2 * 16 + k);
      for (int j = 0; j < SIDE * SIDE; j++)
        g_assert_cmpfloat_with_epsilon(b->x[k * SIDE * SIDE + j], ((float)p.image[j] / 255 - 0.3f) / 0.4f, 1e-5);
      for (int j = 0; j < 10; j++)
        g_assert_cmpfloat(b->shares[k * 10 + j], ==, j == p.label ? 1 : 0);
      g_hash_table_add(versions, g_bytes_new(s->x + k * SIDE * SIDE, sizeof(float) * SIDE * SIDE));
    }
  }
  g_assert_cmpuint(g_hash_table_size(versions), >, 32 * 7); /* of 320, 25 shifts possible */
  fmn_loader_free(plain);
  fmn_loader_free(shifted);
  fmn_train_data_free(d);
}

/* From an epoch on other changes, also where the loader begins there: here none after shifts. */
static void test_last_augment(void) {
  static const float mean[] = {0}, std[] = {1};
  FmnTrainData *d = make_data(32, 0, 3);
  for (int from = 0; from < 4; from++) {
    FmnLoaderConfig c = {.augment = parse_augment("shift:6"),
                         .last_augment = parse_augment("none"),
                         .last_from = 2,
                         .channels = 1,
                         .mean = mean,
                         .std = std,
                         .batch = 32,
                         .seed = 7,
                         .epoch = from,
                         .threads = 2};
    FmnLoader *l = fmn_loader_new(d, &c);
    for (int epoch = from; epoch < 5; epoch++) {
      const FmnBatch *b = fmn_loader_next(l);
      int same = 0;
      for (int k = 0; k < 32; k++) {
        const guint8 *image = fmn_train_data_pick(d, epoch, k).image;
        gboolean equal = TRUE;
        for (int j = 0; j < SIDE * SIDE && equal; j++)
          equal = fabsf(b->x[k * SIDE * SIDE + j] - (float)image[j] / 255) < 1e-5f;
        same += equal;
      }
      if (epoch < 2)
        g_assert_cmpint(same, <, 8);
      else
        g_assert_cmpint(same, ==, 32);
    }
    fmn_loader_free(l);
  }
  fmn_train_data_free(d);
}

/* A network of three channels gets grey images in all of them, and coloured ones pixel by pixel. */
static void test_channels(void) {
  static const float mean[] = {0.1f, 0.2f, 0.3f}, std[] = {0.5f, 1, 2};
  for (int channels = 1; channels <= 3; channels += 2) {
    FmnDataset *set = synthetic_new(12, 1);
    if (channels == 3) {
      set->n = 4;
      set->channels = 3;
    }
    FmnTrainData *d = fmn_train_data_new(&set, NULL, 1, classes, 0, 1, NULL);
    FmnLoaderConfig c = {.channels = 3, .mean = mean, .std = std, .batch = 4, .seed = 7, .threads = 1};
    FmnLoader *l = fmn_loader_new(d, &c);
    const FmnBatch *b = fmn_loader_next(l);
    for (int k = 0; k < 4; k++) {
      const guint8 *image = fmn_train_data_pick(d, 0, k).image;
      for (int i = 0; i < SIDE * SIDE; i++)
        for (int j = 0; j < 3; j++)
          g_assert_cmpfloat_with_epsilon(
              b->x[(k * SIDE * SIDE + i) * 3 + j],
              ((float)image[(channels == 3 ? j * SIDE * SIDE : 0) + i] / 255 - mean[j]) / std[j], 1e-5);
    }
    fmn_loader_free(l);
    fmn_train_data_free(d);
  }
}

/* The mean of each channel, weighed, through a plan: grey and coloured images, as they are and mirrored. */
static void test_evaluate(void) {
  FmnPreprocess p = {SIDE, SIDE, 3, {0.1f, 0.2f, 0.3f}, {0.5f, 1, 2}};
  FmnGraph *g = fmn_graph_new(3, SIDE, SIDE);
  FmnValue x = fmn_dense(g, fmn_graph_input(g), "fc", .out = 3);
  fmn_graph_output(g, x);
  g_assert_no_error(g->error);
  /* Output j: the sum of channel j over the left half. */
  float *w = fmn_graph_node(g, x)->params[0].data;
  for (int j = 0; j < 3; j++)
    for (int i = 0; i < SIDE * SIDE; i++)
      w[j * 3 * SIDE * SIDE + j * SIDE * SIDE + i] = i % SIDE < SIDE / 2;
  FmnPlan *plan = fmn_plan_new(g);
  for (int channels = 1; channels <= 3; channels += 2)
    for (int flip = 0; flip < 2; flip++) {
      FmnDataset *set = synthetic_new(180, 1);
      set->n = channels == 3 ? 60 : 120; /* more than a batch */
      set->channels = channels;
      FmnImages *images = fmn_images_from_dataset(set);
      g_autofree float *one = g_new(float, 3 * set->n), *two = g_new(float, 3 * set->n);
      fmn_evaluate(plan, &p, images, flip, 1, one);
      fmn_evaluate(plan, &p, images, flip, 3, two);
      g_assert_cmpmem(one, sizeof(float) * 3 * (gsize)set->n, two, sizeof(float) * 3 * (gsize)set->n);
      for (int k = 0; k < set->n; k++)
        for (int j = 0; j < 3; j++) {
          double sum = 0;
          for (int i = 0; i < SIDE * SIDE; i++)
            if ((i % SIDE < SIDE / 2) != flip)
              sum += (images->images[k][(channels == 3 ? j * SIDE * SIDE : 0) + i] / 255.0 - (double)p.mean[j]) /
                     (double)p.std[j];
          g_assert_cmpfloat_with_epsilon(one[k * 3 + j], sum, 0.02);
        }
      fmn_images_free(images);
      fmn_dataset_free(set);
    }
  fmn_plan_unref(plan);
  fmn_graph_free(g);
}

static void test_mean_std(void) {
  FmnDataset *set = synthetic_new(20, 1);
  double sum = 0, squares = 0, n = 20 * SIDE * SIDE;
  for (int i = 0; i < (int)n; i++) {
    sum += set->images[i] / 255.0;
    squares += set->images[i] / 255.0 * set->images[i] / 255.0;
  }
  FmnTrainData *d = fmn_train_data_new(&set, NULL, 1, classes, 0, 1, NULL);
  float mean, std;
  fmn_train_data_mean_std(d, &mean, &std);
  g_assert_cmpfloat_with_epsilon(mean, sum / n, 1e-6);
  g_assert_cmpfloat_with_epsilon(std, sqrt(squares / n - sum / n * sum / n), 1e-6);
  fmn_train_data_free(d);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/data/permute", test_permute);
  g_test_add_func("/data/split", test_split);
  g_test_add_func("/data/weights", test_weights);
  g_test_add_func("/data/views", test_views);
  g_test_add_func("/data/fit", test_fit);
  g_test_add_func("/data/mean-std", test_mean_std);
  g_test_add_func("/data/errors", test_data_errors);
  g_test_add_func("/loader/same-batches", test_loader);
  g_test_add_func("/loader/labels", test_loader_labels);
  g_test_add_func("/loader/last-augment", test_last_augment);
  g_test_add_func("/loader/channels", test_channels);
  g_test_add_func("/evaluate", test_evaluate);
  return g_test_run();
}
