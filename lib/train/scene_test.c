#include "train/scene_test.h"

#include "image/letterbox.h"
#include "nn/pool.h"

#define CHUNK 16 /* scenes for each thread between two reports of progress */

typedef struct {
  GArray *found, *truth; /* of FmnDetection, of FmnTruth */
} Answer;

typedef struct {
  FmnDetector **detectors;
  const FmnSceneSet *set;
  FmnImageFormat format;
  FmnSampler **samplers; /* these three: one a thread */
  FmnScene **scenes;
  guint8 **pixels;
  int first;
  Answer *answers; /* one a scene of the chunk */
} Work;

static void answer_scene(Work *w, int slot, guint64 index, Answer *a) {
  static const FmnDetectOptions options = FMN_SCENE_TEST_OPTIONS;
  FmnScene *scene = w->scenes[slot];
  FmnDetector *detector = w->detectors[slot];
  const FmnDetection *found;
  FmnBox place;
  fmn_scene_render(w->set, index, w->format.width, w->format.height, scene);
  FmnImage image = {&w->format, {scene->pixels}, {3 * scene->width}};
  fmn_letterbox(w->samplers[slot], &image, 3, fmn_detector_size(detector), w->pixels[slot], &place);
  int n = fmn_detector_run(detector, w->pixels[slot], &place, &options, &found);
  g_array_set_size(a->found, 0);
  g_array_append_vals(a->found, found, (guint)n);
  g_array_set_size(a->truth, 0);
  for (int i = 0; i < scene->n_boxes; i++) {
    const FmnSceneBox *b = &scene->boxes[i];
    double x = (double)b->x0 / scene->width, y = (double)b->y0 / scene->height;
    FmnTruth t = {{x, y, (double)b->x1 / scene->width - x, (double)b->y1 / scene->height - y}, b->label};
    g_array_append_val(a->truth, t);
  }
}

static void task(gpointer data, int begin, int end, int slot) {
  Work *w = data;
  for (int i = begin; i < end; i++)
    answer_scene(w, slot, (guint64)(w->first + i), &w->answers[i]);
}

static gboolean run(Work *w, FmnPool *pool, FmnAp *ap, int n, int chunk, FmnSceneTestProgress progress, gpointer user) {
  for (w->first = 0; w->first < n; w->first += chunk) {
    int count = MIN(chunk, n - w->first);
    fmn_pool_run(pool, task, w, count);
    for (int i = 0; i < count; i++)
      fmn_ap_add(ap, (const FmnDetection *)(gpointer)w->answers[i].found->data, (int)w->answers[i].found->len,
                 (const FmnTruth *)(gpointer)w->answers[i].truth->data, (int)w->answers[i].truth->len);
    if (progress && progress(w->first + count, n, user))
      return FALSE;
  }
  return TRUE;
}

FmnDetectionMetrics *fmn_scene_test(FmnDetector **detectors, int n_detectors, int classes, const FmnSceneSet *set,
                                    const FmnSceneOptions *options, int n, FmnSceneTestProgress progress,
                                    gpointer user) {
  Work w = {.detectors = detectors, .set = set};
  int chunk = CHUNK * n_detectors, size = fmn_detector_size(detectors[0]);
  FmnPool *pool = fmn_pool_new(n_detectors);
  FmnAp *ap = fmn_ap_new(classes);
  fmn_image_format_rgb(&w.format, options->frame_width, options->frame_height);
  w.samplers = g_new(FmnSampler *, n_detectors);
  w.scenes = g_new(FmnScene *, n_detectors);
  w.pixels = g_new(guint8 *, n_detectors);
  w.answers = g_new(Answer, chunk);
  for (int i = 0; i < n_detectors; i++) {
    w.samplers[i] = fmn_sampler_new(&w.format);
    w.scenes[i] = fmn_scene_new();
    w.pixels[i] = g_malloc(3 * (gsize)size * (gsize)size);
  }
  for (int i = 0; i < chunk; i++)
    w.answers[i] =
        (Answer){g_array_new(FALSE, FALSE, sizeof(FmnDetection)), g_array_new(FALSE, FALSE, sizeof(FmnTruth))};
  FmnDetectionMetrics *m = run(&w, pool, ap, n, chunk, progress, user) ? fmn_ap_metrics(ap) : NULL;
  for (int i = 0; i < chunk; i++) {
    g_array_unref(w.answers[i].found);
    g_array_unref(w.answers[i].truth);
  }
  for (int i = 0; i < n_detectors; i++) {
    fmn_sampler_free(w.samplers[i]);
    fmn_scene_free(w.scenes[i]);
    g_free(w.pixels[i]);
  }
  g_free(w.samplers);
  g_free(w.scenes);
  g_free(w.pixels);
  g_free(w.answers);
  fmn_ap_free(ap);
  fmn_pool_free(pool);
  return m;
}
