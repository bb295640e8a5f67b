#include "train/evaluate.h"

#include <string.h>

#define BATCH 50

typedef struct {
  const FmnPreprocess *preprocess;
  const FmnImages *images;
  gboolean flip;
  FmnRun **runs; /* one a slot */
  gsize classes;
  float *logits;
} Evaluation;

static void load(const Evaluation *e, const guint8 *image, float *x) {
  const FmnPreprocess *p = e->preprocess;
  int plane = p->height * p->width;
  for (int c = 0; c < p->channels; c++) {
    const guint8 *from = image + (e->images->channels > 1 ? c * plane : 0);
    for (int row = 0; row < p->height; row++, from += p->width)
      for (int i = 0; i < p->width; i++)
        x[(row * p->width + i) * p->channels + c] =
            ((float)from[e->flip ? p->width - 1 - i : i] / 255 - p->mean[c]) / p->std[c];
  }
}

static void batch_task(gpointer data, int begin, int end, int slot) {
  const Evaluation *e = data;
  const FmnPreprocess *p = e->preprocess;
  gsize size = (gsize)p->channels * (gsize)p->height * (gsize)p->width;
  FmnRun *run = e->runs[slot];
  for (int b = begin; b < end; b++) {
    int first = b * BATCH, n = MIN(BATCH, e->images->n - first);
    for (int i = 0; i < n; i++)
      load(e, e->images->images[first + i], fmn_run_input(run) + (gsize)i * size);
    fmn_run(run, n);
    memcpy(e->logits + (gsize)first * e->classes, fmn_run_output(run, 0), sizeof(float) * (gsize)n * e->classes);
  }
}

void fmn_evaluate(FmnPlan *plan, const FmnPreprocess *preprocess, const FmnImages *images, gboolean flip, int threads,
                  float *logits) {
  FmnPool *pool = fmn_pool_new(threads);
  int n = fmn_pool_threads(pool);
  Evaluation e = {preprocess, images, flip, g_new(FmnRun *, n), fmn_shape_image(fmn_plan_output(plan, 0)), logits};
  for (int i = 0; i < n; i++)
    e.runs[i] = fmn_run_new(plan, BATCH, 1);
  fmn_pool_run(pool, batch_task, &e, (images->n + BATCH - 1) / BATCH);
  for (int i = 0; i < n; i++)
    fmn_run_free(e.runs[i]);
  g_free(e.runs);
  fmn_pool_free(pool);
}
