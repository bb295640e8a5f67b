/* From raw pictures to names: the recognizer gives what its parts give, for both kinds of models. */
#include "../detect/model.h"

#include <glib/gstdio.h>
#include <math.h>
#include <unistd.h>
#include <string.h>

#include "image/crop.h"
#include "image/letterbox.h"

#define WIDTH 320
#define HEIGHT 240
#define ANCHORS "10,14 28,28 37,58 81,82 135,169 288,288"
#define PICTURES 6

static guint8 picture[PICTURES][HEIGHT * WIDTH * 3];

/* A dark shirt, elsewhere in every picture and of another proportion, on a lit ground. */
static void draw(void) {
  for (int i = 0; i < PICTURES; i++)
    for (int y = 0; y < HEIGHT; y++)
      for (int x = 0; x < WIDTH; x++) {
        double dx = (x - 130.0 - 10 * i) / (40 + 4 * i), dy = (y - 120.0) / 85,
               noise = (x * 7919 + y * 104729) % 13 - 6;
        gboolean body = fabs(dx) < 1 && fabs(dy) < 1,
                 sleeve = fabs(dx) < 1.7 && dy > -0.95 && dy < 0.1 + 0.3 * fabs(dx);
        guint8 *p = picture[i] + 3 * (y * WIDTH + x);
        p[0] = (guint8)((body || sleeve ? 60 : 180 - 0.1 * y) + noise);
        p[1] = (guint8)((body || sleeve ? 50 : 175 - 0.1 * y) + noise);
        p[2] = (guint8)((body || sleeve ? 90 : 160 - 0.1 * y) + noise);
      }
}

static FmnImage image_of(const FmnImageFormat *format, int i) { return (FmnImage){format, {picture[i]}, {3 * WIDTH}}; }

static FmnModel *open_default(void) {
  GError *error = NULL;
  FmnModel *model = fmn_model_open(NULL, &error);
  g_assert_no_error(error);
  return model;
}

static FmnRecognizer *recognizer(FmnModel *model, const FmnImageFormat *format) {
  GError *error = NULL;
  FmnRecognizer *r = fmn_recognizer_new(model, format, 1, &error);
  g_assert_no_error(error);
  return r;
}

static void assert_box(const FmnBox *a, const FmnBox *b) {
  g_assert_cmpfloat(a->x, ==, b->x);
  g_assert_cmpfloat(a->y, ==, b->y);
  g_assert_cmpfloat(a->w, ==, b->w);
  g_assert_cmpfloat(a->h, ==, b->h);
}

static void compare_with_parts(gboolean whole) {
  const FmnSegmentOptions segment = FMN_SEGMENT_DEFAULTS;
  const FmnRecognizeOptions options = {-1, 0, whole};
  FmnImageFormat format;
  fmn_image_format_rgb(&format, WIDTH, HEIGHT);
  FmnModel *model = open_default();
  const FmnPreprocess *p = fmn_model_preprocess(model);
  FmnRecognizer *r = recognizer(model, &format);
  FmnSegmenter *segmenter = fmn_segmenter_new(&format);
  FmnSampler *sampler = fmn_sampler_new(&format);
  FmnClassifier *classifier = fmn_classifier_new(model, 1);
  guint8 *small = g_malloc((gsize)(p->width * p->height * p->channels));
  float *expected = g_new(float, fmn_model_n_labels(model));
  for (int i = 0; i < PICTURES; i++) {
    FmnImage image = image_of(&format, i);
    const FmnObject *object, everything = {.box = {0, 0, 1, 1}};
    const FmnFound *found;
    if (whole)
      object = &everything;
    else
      g_assert_cmpint(fmn_segmenter_run(segmenter, &image, &segment, &object), ==, 1);
    fmn_crop(sampler, &image, &object->box, whole ? NULL : &object->mask, p, small);
    fmn_classifier_run(classifier, small, expected);
    g_assert_cmpint(fmn_recognizer_run(r, &image, &options, &found), ==, 1);
    assert_box(&found->box, &object->box);
    g_assert_cmpmem(found->probabilities, (gsize)fmn_model_n_labels(model) * sizeof(float), expected,
                    (gsize)fmn_model_n_labels(model) * sizeof(float));
    for (int k = 0; k < fmn_model_n_labels(model); k++)
      g_assert_cmpfloat(expected[k], <=, found->confidence);
    g_assert_cmpfloat(expected[found->label], ==, found->confidence);
    g_assert_true(found->known == ((double)found->confidence >= fmn_model_threshold(model)));
  }
  g_free(expected);
  g_free(small);
  fmn_classifier_free(classifier);
  fmn_sampler_free(sampler);
  fmn_segmenter_free(segmenter);
  fmn_recognizer_free(r);
  fmn_model_unref(model);
}

static void test_classifier(void) { compare_with_parts(FALSE); }
static void test_whole_picture(void) { compare_with_parts(TRUE); }

static void test_detector(void) {
  g_autofree char *path = g_strdup_printf("%s/fmnist-recognizer-%d.safetensors", g_get_tmp_dir(), (int)getpid());
  GError *error = NULL;
  FmnImageFormat format;
  FmnDetectOptions options = {0.05, 0.45, 5};
  const FmnRecognizeOptions same = {0.05, 5, FALSE};
  write_detector(path, "size=96", ANCHORS);
  FmnModel *model = fmn_model_open(path, &error);
  g_assert_no_error(error);
  fmn_image_format_rgb(&format, WIDTH, HEIGHT);
  FmnRecognizer *r = recognizer(model, &format);
  FmnDetector *d = fmn_detector_new(model, 0, 1, &error);
  g_assert_no_error(error);
  FmnSampler *sampler = fmn_sampler_new(&format);
  guint8 *small = g_malloc(3 * 96 * 96);
  int all = 0;
  for (int i = 0; i < PICTURES; i++) {
    FmnImage image = image_of(&format, i);
    const FmnDetection *expected;
    const FmnFound *found;
    FmnBox place;
    fmn_letterbox(sampler, &image, 3, 96, small, &place);
    int n = fmn_detector_run(d, small, &place, &options, &expected);
    g_assert_cmpint(fmn_recognizer_run(r, &image, &same, &found), ==, n);
    for (int k = 0; k < n; k++) {
      assert_box(&found[k].box, &expected[k].box);
      g_assert_cmpint(found[k].label, ==, expected[k].label);
      g_assert_cmpfloat(found[k].confidence, ==, expected[k].confidence);
      g_assert_true(found[k].known && !found[k].probabilities);
    }
    all += n;
  }
  g_assert_cmpint(all, >, 0);
  g_free(small);
  fmn_sampler_free(sampler);
  fmn_detector_free(d);
  fmn_recognizer_free(r);
  fmn_model_unref(model);
  g_remove(path);
}

/* Threshold and number of objects, and pictures with nothing in them. */
static void test_options(void) {
  FmnImageFormat format;
  const FmnFound *found;
  fmn_image_format_rgb(&format, WIDTH, HEIGHT);
  FmnModel *model = open_default();
  FmnRecognizer *r = recognizer(model, &format);
  FmnImage image = image_of(&format, 0);
  g_assert_cmpint(fmn_recognizer_run(r, &image, &(FmnRecognizeOptions){0, 0, FALSE}, &found), ==, 1);
  g_assert_true(found->known);
  g_assert_cmpint(fmn_recognizer_run(r, &image, &(FmnRecognizeOptions){1.1, 0, FALSE}, &found), ==, 1);
  g_assert_false(found->known);
  g_assert_cmpint(fmn_recognizer_run(r, &image, &(FmnRecognizeOptions){-1, FMN_RECOGNIZE_MAX, FALSE}, &found), >=, 1);
  g_autofree guint8 *plain = g_malloc0(WIDTH * HEIGHT * 3);
  g_assert_cmpint(fmn_recognizer_run(r, &(FmnImage){&format, {plain}, {3 * WIDTH}}, NULL, &found), ==, 0);
  fmn_recognizer_free(r);
  fmn_image_format_gray(&format, 1, 1);
  r = recognizer(model, &format);
  g_assert_cmpint(fmn_recognizer_run(r, &(FmnImage){&format, {plain}, {1}}, NULL, &found), ==, 0);
  fmn_recognizer_free(r);
  fmn_model_unref(model);
}

static void test_formats_that_make_no_sense(void) {
  FmnModel *model = open_default();
  FmnImageFormat good, bad;
  fmn_image_format_rgb(&good, WIDTH, HEIGHT);
  for (int i = 0; i < 6; i++) {
    GError *error = NULL;
    bad = good;
    int *wrong[] = {
        &bad.width, &bad.height, &bad.component[2].depth, &bad.component[1].plane, &bad.component[0].pixel_stride,
        &bad.width};
    const int value[] = {0, -5, 17, 4, 0, G_MAXINT};
    *wrong[i] = value[i];
    g_assert_null(fmn_recognizer_new(model, &bad, 1, &error));
    g_assert_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT);
    g_error_free(error);
  }
  const float aspects[] = {NAN, INFINITY, -2, 1e-30f, 1001};
  for (gsize i = 0; i < G_N_ELEMENTS(aspects); i++) {
    bad = good;
    bad.pixel_aspect = aspects[i];
    g_assert_null(fmn_recognizer_new(model, &bad, 1, NULL));
  }
  bad = good;
  bad.color = (FmnColor)99;
  g_assert_null(fmn_recognizer_new(model, &bad, 1, NULL));
  bad = good;
  bad.component[1].pixel_stride = G_MAXINT / 2;
  g_assert_null(fmn_recognizer_new(model, &bad, 1, NULL));
  g_assert_null(fmn_recognizer_new(model, &good, FMN_THREADS_MAX + 1, NULL));
  fmn_model_unref(model);
}

typedef struct {
  FmnModel *model;
  float confidence[PICTURES];
} Task;

static gpointer work(gpointer data) {
  Task *t = data;
  FmnImageFormat format;
  fmn_image_format_rgb(&format, WIDTH, HEIGHT);
  FmnRecognizer *r = recognizer(t->model, &format);
  for (int round = 0; round < 5; round++)
    for (int i = 0; i < PICTURES; i++) {
      FmnImage image = image_of(&format, i);
      const FmnFound *found;
      g_assert_cmpint(fmn_recognizer_run(r, &image, NULL, &found), ==, 1);
      t->confidence[i] = found->confidence;
    }
  fmn_recognizer_free(r);
  return NULL;
}

static void test_threads_share_a_model(void) {
  FmnModel *model = open_default();
  Task task[3] = {{model, {0}}, {model, {0}}, {model, {0}}};
  GThread *thread[3];
  for (int i = 0; i < 3; i++)
    thread[i] = g_thread_new(NULL, work, &task[i]);
  for (int i = 0; i < 3; i++)
    g_thread_join(thread[i]);
  for (int i = 1; i < 3; i++)
    g_assert_cmpmem(task[i].confidence, sizeof task[i].confidence, task[0].confidence, sizeof task[0].confidence);
  fmn_model_unref(model);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  draw();
  g_test_add_func("/recognizer/classifier", test_classifier);
  g_test_add_func("/recognizer/whole-picture", test_whole_picture);
  g_test_add_func("/recognizer/detector", test_detector);
  g_test_add_func("/recognizer/options", test_options);
  g_test_add_func("/recognizer/formats-that-make-no-sense", test_formats_that_make_no_sense);
  g_test_add_func("/recognizer/threads-share-a-model", test_threads_share_a_model);
  return g_test_run();
}
