#include <math.h>
#include <string.h>

#include "error.h"
#include "synthetic.h"
#include "train/labels.h"
#include "train/loss.h"

static const char *const classes[] = {"Shirt", "Sandal", "Sneaker", "Boot", NULL};

static FmnDataset *dataset(const char *const *names, const guint8 *labels, int n) {
  FmnDataset *d = g_new0(FmnDataset, 1);
  *d = (FmnDataset){n, 1, 1, 1, g_new0(guint8, n), g_memdup2(labels, (gsize)n), g_strdupv((char **)names)};
  return d;
}

static void test_join(void) {
  FmnLabels *l = fmn_labels_new(classes, NULL);
  const char *const own[] = {"Boot", "Sandal|Sneaker|Boot", "Shirt", "Hat", NULL};
  FmnDataset *d = dataset(own, (const guint8[]){0, 1, 2, 1}, 4);
  GError *error = NULL;
  g_assert_true(fmn_labels_join(l, d, &error)); /* nothing is a hat */
  g_assert_no_error(error);
  g_assert_cmpmem(d->labels, 4, ((const guint8[]){3, 4, 0, 4}), 4);
  g_assert_cmpint(l->n, ==, 5);
  g_assert_cmpstr(l->names[4], ==, "Sandal|Sneaker|Boot");
  g_assert_cmpmem(l->members + 16, 4, ((const guint8[]){0, 1, 1, 1}), 4);
  fmn_dataset_free(d);

  d = dataset(NULL, (const guint8[]){0, 3}, 2); /* no names: the classes themselves */
  g_assert_true(fmn_labels_join(l, d, &error));
  g_assert_cmpint(d->labels[1], ==, 3);
  fmn_dataset_free(d);

  d = dataset(own, (const guint8[]){3}, 1);
  g_assert_false(fmn_labels_join(l, d, &error));
  g_assert_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED);
  g_assert_nonnull(strstr(error->message, "“Hat”"));
  g_assert_nonnull(strstr(error->message, "Shirt, Sandal"));
  g_clear_error(&error);
  fmn_dataset_free(d);

  const char *const set[] = {"Shirt|Hat", NULL};
  d = dataset(set, (const guint8[]){0}, 1);
  g_assert_false(fmn_labels_join(l, d, &error));
  g_assert_nonnull(strstr(error->message, "“Hat”"));
  g_clear_error(&error);
  fmn_dataset_free(d);

  d = dataset(NULL, (const guint8[]){4}, 1);
  g_assert_false(fmn_labels_join(l, d, &error));
  g_assert_nonnull(strstr(error->message, "label 4"));
  g_clear_error(&error);
  fmn_dataset_free(d);
  fmn_labels_free(l);
}

static FmnLabels *with_shoes(void) {
  FmnLabels *l = fmn_labels_new(classes, NULL);
  const char *const names[] = {"Sandal|Sneaker|Boot", NULL};
  FmnDataset *d = dataset(names, (const guint8[]){0}, 1);
  g_assert_true(fmn_labels_join(l, d, NULL));
  fmn_dataset_free(d);
  return l;
}

/* -log of the probability that it is any of the set, for a picture of which share is labelled so and the rest a shirt
 */
static double loss_of(const float *logits, double share) {
  double sum = 0, shoes = 0;
  for (int k = 0; k < 4; k++)
    sum += exp((double)logits[k]);
  for (int k = 1; k < 4; k++)
    shoes += exp((double)logits[k]);
  return -share * log(shoes / sum) - (1 - share) * log(exp((double)logits[0]) / sum);
}

/* The gradient with the targets as they are dealt out is that of the loss as it is meant. */
static void test_gradient(void) {
  FmnLabels *l = with_shoes();
  for (int i = 0; i < 6; i++) {
    float logits[4] = {0.3f * (float)i, -1.2f, 0.9f, 0.4f - (float)i}, targets[4], gradient[4], sum = 0;
    double share = i % 2 ? 0.7 : 1;
    const float shares[5] = {(float)(1 - share), 0, 0, 0, (float)share};
    fmn_labels_targets(l, shares, logits, 1, targets);
    for (int k = 0; k < 4; k++)
      sum += targets[k];
    g_assert_cmpfloat_with_epsilon(sum, 1, 1e-6);
    fmn_loss_cross_entropy(logits, targets, 1, 4, 0, gradient);
    for (int k = 0; k < 4; k++) {
      float up[4], down[4];
      memcpy(up, logits, sizeof up);
      memcpy(down, logits, sizeof down);
      up[k] += 1e-2f;
      down[k] -= 1e-2f;
      g_assert_cmpfloat_with_epsilon((double)gradient[k], (loss_of(up, share) - loss_of(down, share)) / 2e-2, 1e-4);
    }
  }
  fmn_labels_free(l);
}

/* Without sets the shares are the targets, to the bit. */
static void test_plain(void) {
  FmnLabels *l = fmn_labels_new(classes, NULL);
  const float shares[8] = {0.25f, 0, 0.75f, 0, 0, 0, 0, 1}, logits[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  float targets[8];
  fmn_labels_targets(l, shares, logits, 2, targets);
  g_assert_cmpmem(targets, sizeof targets, shares, sizeof shares);
  fmn_labels_free(l);
}

static void test_choose(void) {
  FmnLabels *l = with_shoes();
  const float logits[] = {9, 1, 3, 2, 0, 5, 1, 1, 9, 0, 0, 0};
  guint8 labels[] = {4, 4, 3};
  fmn_labels_choose(l, labels, logits, 3, labels);
  g_assert_cmpmem(labels, 3, ((const guint8[]){2, 1, 3}), 3);
  fmn_labels_free(l);
}

/* Pictures of no class are to leave the network undecided. */
static void test_unknown(void) {
  FmnLabels *l = fmn_labels_new(classes, NULL);
  const char *const names[] = {"unknown", "Boot", NULL};
  FmnDataset *d = dataset(names, (const guint8[]){0, 1, 0}, 3);
  g_assert_true(fmn_labels_join(l, d, NULL));
  g_assert_cmpmem(d->labels, 3, ((const guint8[]){4, 3, 4}), 3);
  g_assert_true(fmn_labels_is_unknown(l, 4));
  g_assert_false(fmn_labels_is_unknown(l, 3));
  const float shares[] = {0, 0, 0, 0, 1, 0, 0, 0, 0.75f, 0.25f}, logits[8] = {0};
  float targets[8];
  fmn_labels_targets(l, shares, logits, 2, targets);
  for (int k = 0; k < 8; k++)
    g_assert_cmpfloat(targets[k], ==, k < 4 ? 0.25f : k < 7 ? 0.0625f : 0.8125f);
  fmn_dataset_free(d);
  fmn_labels_free(l);
}

/* A data set's labels are bytes. */
static void test_too_many(void) {
  g_autoptr(GError) error = NULL;
  char *names[258] = {NULL};
  for (int i = 0; i < 257; i++)
    names[i] = g_strdup_printf("class %d", i);
  g_assert_null(fmn_labels_new((const char *const *)names, &error));
  g_assert_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED);
  g_assert_nonnull(strstr(error->message, "257 classes"));
  g_clear_pointer(&names[256], g_free);
  FmnLabels *l = fmn_labels_new((const char *const *)names, NULL);
  g_assert_cmpint(l->n, ==, 256);
  fmn_labels_free(l);
  for (int i = 0; i < 256; i++)
    g_free(names[i]);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/labels/join", test_join);
  g_test_add_func("/labels/unknown", test_unknown);
  g_test_add_func("/labels/gradient", test_gradient);
  g_test_add_func("/labels/plain", test_plain);
  g_test_add_func("/labels/choose", test_choose);
  g_test_add_func("/labels/too-many", test_too_many);
  return g_test_run();
}
