/* How long the way of a frame takes on one core, without a pipeline: segmentation, crop, network. One JSON line a format. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fmnist.h"
#include "image/crop.h"

#define WIDTH 640
#define HEIGHT 480
#define ROUNDS 200

/* A dark garment on a lit, noisy ground, as one luminance. */
static guint8 pixel(int x, int y) {
  double dx = (x - 330) / 110.0, dy = (y - 240) / 170.0, noise = (double)((x * 7919 + y * 104729) % 17) - 8;
  double ground = 170 + 0.06 * x - 0.05 * y;
  gboolean body = fabs(dx) < 1 && fabs(dy) < 1, sleeve = fabs(dx) < 1.8 && dy > -0.95 && dy < 0.1 + 0.3 * fabs(dx);
  return (guint8)CLAMP((body || sleeve ? 60 + 20 * sin(y / 9.0) : ground) + noise, 0, 255);
}

static double milliseconds(gint64 since) { return (double)(g_get_monotonic_time() - since) / 1000; }

static int by_value(gconstpointer a, gconstpointer b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void measure(const char *name, const FmnImageFormat *format, const FmnImage *image, FmnModel *model) {
  static const FmnSegmentOptions options = FMN_SEGMENT_DEFAULTS;
  const FmnPreprocess *p = fmn_model_preprocess(model);
  FmnSegmenter *segmenter = fmn_segmenter_new(format);
  FmnSampler *sampler = fmn_sampler_new(format);
  FmnClassifier *classifier = fmn_classifier_new(model, 1);
  guint8 *picture = g_malloc((gsize)(p->channels * p->width * p->height));
  float *probabilities = g_new(float, fmn_model_n_labels(model));
  double segment[ROUNDS], crop[ROUNDS], classify[ROUNDS], both[ROUNDS];
  int found = 0;

  for (int i = 0; i < ROUNDS; i++) {
    const FmnObject *objects;
    gint64 start = g_get_monotonic_time();
    found = fmn_segmenter_run(segmenter, image, &options, &objects);
    segment[i] = milliseconds(start);
    start = g_get_monotonic_time();
    if (found > 0)
      fmn_crop(sampler, image, &objects[0].box, &objects[0].mask, p, picture);
    crop[i] = milliseconds(start);
    start = g_get_monotonic_time();
    fmn_classifier_run(classifier, picture, probabilities);
    classify[i] = milliseconds(start);
    both[i] = segment[i] + crop[i];
  }
  double *all[] = {segment, crop, classify, both};
  for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
    qsort(all[i], ROUNDS, sizeof(double), by_value);
  printf("{\"format\":\"%s\",\"objects\":%d,\"segment_ms\":%.3f,\"crop_ms\":%.3f,\"segment_crop_ms\":%.3f,"
         "\"segment_crop_ms_median\":%.3f,\"classify_ms\":%.3f}\n",
         name, found, segment[0], crop[0], both[0], both[ROUNDS / 2], classify[0]);
  fmn_segmenter_free(segmenter);
  fmn_sampler_free(sampler);
  fmn_classifier_free(classifier);
  g_free(picture);
  g_free(probabilities);
}

int main(int argc, char **argv) {
  GError *error = NULL;
  FmnModel *model = fmn_model_open(argc > 1 ? argv[1] : NULL, &error);
  guint8 *rgb = g_malloc(3 * WIDTH * HEIGHT), *yuv = g_malloc(WIDTH * HEIGHT * 3 / 2);
  FmnImageFormat format;

  if (!model) {
    fprintf(stderr, "frame-path: %s\n", error->message);
    return 1;
  }
  for (int i = 0; i < WIDTH * HEIGHT; i++)
    memset(rgb + 3 * i, yuv[i] = pixel(i % WIDTH, i / WIDTH), 3);
  memset(yuv + WIDTH * HEIGHT, 128, WIDTH * HEIGHT / 2);

  fmn_image_format_rgb(&format, WIDTH, HEIGHT);
  measure("RGB", &format, &(FmnImage){&format, {rgb}, {3 * WIDTH}}, model);

  format = (FmnImageFormat){WIDTH, HEIGHT, FMN_COLOR_YUV, .kr = .299f, .kb = .114f};
  for (int c = 0; c < 3; c++)
    format.component[c] =
        (FmnComponent){.plane = c, .pixel_stride = 1, .depth = 8, .word = 1, .sub_x = c > 0, .sub_y = c > 0};
  measure("I420", &format,
          &(FmnImage){&format, {yuv, yuv + WIDTH * HEIGHT, yuv + WIDTH * HEIGHT * 5 / 4}, {WIDTH, WIDTH / 2, WIDTH / 2}}, model);
  fmn_model_unref(model);
  g_free(rgb);
  g_free(yuv);
  return 0;
}
