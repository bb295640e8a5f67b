/* A detector from a file, at several sizes, and the letterbox before it. */
#include <glib/gstdio.h>
#include <string.h>

#include "error.h"
#include "../../lib/model.h" /* a model.h is in this folder, too */
#include "../folder.h"
#include "image/letterbox.h"
#include "model.h"
#include "nets/nets.h"
#include "nn/plan.h"

#define ANCHORS "20,20 40,40 60,60 80,80 120,120 160,160"

static char *folder;

static char *path_of(const char *name) { return g_build_filename(folder, name, NULL); }

static void refused(const char *anchors, const char *message) {
  GError *error = NULL;
  char *path = path_of("bad.safetensors");
  write_detector(path, "size=64", anchors);
  g_assert_null(fmn_model_open(path, &error));
  g_assert_error(error, FMN_ERROR, FMN_ERROR_FORMAT);
  g_assert_nonnull(strstr(error->message, message));
  g_clear_error(&error);
  g_remove(path);
  g_free(path);
}

static void opens(void) {
  GError *error = NULL;
  char *path = path_of("tiny.safetensors");
  write_detector(path, "size=64", ANCHORS);
  FmnModel *model = fmn_model_open(path, &error);
  g_assert_no_error(error);
  g_assert_true(fmn_model_is_detector(model));
  g_assert_cmpint(fmn_model_n_labels(model), ==, 10);
  const int sizes[] = {0, 64, 96, 32}, actual[] = {64, 64, 96, 32};
  for (int i = 0; i < 4; i++) {
    FmnDetector *d = fmn_detector_new(model, sizes[i], 1, &error);
    g_assert_no_error(error);
    g_assert_cmpint(fmn_detector_size(d), ==, actual[i]);
    fmn_detector_free(d);
  }
  g_assert_cmpuint(model->sized->len, ==, 1); /* sizes that are not used any more are forgotten */
  const int bad[] = {-32, 1, 100, 4096};
  for (int i = 0; i < 4; i++) {
    g_assert_null(fmn_detector_new(model, bad[i], 1, &error));
    g_assert_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT);
    g_assert_nonnull(strstr(error->message, "multiple of 32"));
    g_clear_error(&error);
  }
  fmn_model_unref(model);
  model = fmn_model_open(NULL, &error);
  g_assert_no_error(error);
  g_assert_false(fmn_model_is_detector(model));
  g_assert_null(fmn_detector_new(model, 0, 1, &error));
  g_assert_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED);
  g_clear_error(&error);
  fmn_model_unref(model);
  g_remove(path);
  g_free(path);
  refused(NULL, "no \"anchors\"");
  refused("1,2,3", "6 pairs");
}

/* At another size the weights are the same: the network built for it directly says the same. */
static void sizes(void) {
  GError *error = NULL;
  char *path = path_of("tiny.safetensors"), *direct = path_of("direct.safetensors");
  write_detector(path, "size=64", ANCHORS);
  write_detector(direct, "size=96", ANCHORS);
  FmnModel *models[] = {fmn_model_open(path, &error), fmn_model_open(direct, &error)};
  const FmnDetection *found[2];
  int n[2];
  guint8 pixels[3 * 96 * 96];
  for (gsize i = 0; i < sizeof pixels; i++)
    pixels[i] = (guint8)(i * 2654435761u >> 23);
  const FmnBox whole = {0, 0, 1, 1};
  const FmnDetectOptions options = {.01, .9, 40};
  FmnDetector *d[2];
  for (int i = 0; i < 2; i++) {
    d[i] = fmn_detector_new(models[i], 96, 1 + i, &error);
    g_assert_no_error(error);
    n[i] = fmn_detector_run(d[i], pixels, &whole, &options, &found[i]);
  }
  g_assert_cmpint(n[0], >, 0);
  g_assert_cmpint(n[0], ==, n[1]);
  g_assert_cmpmem(found[0], sizeof(FmnDetection) * (gsize)n[0], found[1], sizeof(FmnDetection) * (gsize)n[1]);
  for (int i = 0; i < 2; i++) {
    fmn_detector_free(d[i]);
    fmn_model_unref(models[i]);
  }
  g_remove(path);
  g_remove(direct);
  g_free(path);
  g_free(direct);
}

static void letterbox_of(int width, int height, int size, FmnBox expected) {
  FmnImageFormat f;
  FmnBox place;
  fmn_image_format_rgb(&f, width, height);
  guint8 *pixels = g_malloc((gsize)width * (gsize)height * 3), *out = g_malloc(3 * (gsize)size * (gsize)size);
  for (int i = 0; i < width * height; i++)
    memcpy(pixels + 3 * i, (guint8[]){200, 100, 30}, 3);
  FmnImage image = {&f, {pixels}, {width * 3}};
  FmnSampler *s = fmn_sampler_new(&f);
  fmn_letterbox(s, &image, 3, size, out, &place);
  g_assert_cmpfloat_with_epsilon(place.x, expected.x, 1e-9);
  g_assert_cmpfloat_with_epsilon(place.y, expected.y, 1e-9);
  g_assert_cmpfloat_with_epsilon(place.w, expected.w, 1e-9);
  g_assert_cmpfloat_with_epsilon(place.h, expected.h, 1e-9);
  for (int c = 0; c < 3; c++)
    for (int y = 0; y < size; y++)
      for (int x = 0; x < size; x++) {
        gboolean inside = x >= lrint(place.x * size) && x < lrint((place.x + place.w) * size) &&
                          y >= lrint(place.y * size) && y < lrint((place.y + place.h) * size);
        int v = out[(c * size + y) * size + x];
        g_assert_cmpint(ABS(v - (inside ? (int[]){200, 100, 30}[c] : FMN_LETTERBOX_GRAY)), <=, 1);
      }
  fmn_sampler_free(s);
  g_free(pixels);
  g_free(out);
}

static void letterbox(void) {
  letterbox_of(64, 64, 64, (FmnBox){0, 0, 1, 1});
  letterbox_of(640, 480, 64, (FmnBox){0, 8 / 64., 1, 48 / 64.});
  letterbox_of(33, 77, 64, (FmnBox){18 / 64., 0, 27 / 64., 1});
  letterbox_of(1, 1, 32, (FmnBox){0, 0, 1, 1});
  letterbox_of(1000, 3, 32, (FmnBox){0, 15 / 32., 1, 1 / 32.}); /* at least one line */
  letterbox_of(3, 1000, 32, (FmnBox){15 / 32., 0, 1 / 32., 1});
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  folder = folder_new();
  g_test_add_func("/detector/opens", opens);
  g_test_add_func("/detector/sizes", sizes);
  g_test_add_func("/detector/letterbox", letterbox);
  int status = g_test_run();
  folder_free(folder);
  return status;
}
