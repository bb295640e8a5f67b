#include "train/evaluate.h"

#include <string.h>

#include "error.h"

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

gboolean fmn_check_classifier(const FmnModelFile *model, GError **error) {
  const FmnGraph *g = model->graph;
  if (g->n_outputs == 1 &&
      fmn_shape_image(fmn_graph_node(g, g->outputs[0])->out) == (gsize)g_strv_length(model->labels))
    return TRUE;
  g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
              "model “%s” (%s) is no classifier: it does not end in one value a class; use one that does", model->name,
              model->arch);
  return FALSE;
}

gboolean fmn_check_images(const FmnModelFile *model, const FmnImages *images, GError **error) {
  const FmnPreprocess *p = &model->preprocess;
  if (!fmn_check_classifier(model, error))
    return FALSE;
  if (images->n == 0) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "there are no images of the classes of model “%s” to measure it with", model->name);
    return FALSE;
  }
  if (fmn_images_fit(images, p->channels, p->height, p->width))
    return TRUE;
  g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
              "model “%s” (%s) takes images of %d×%d×%d (width, height, channels); the data has %d of %d×%d×%d",
              model->name, model->arch, p->width, p->height, p->channels, images->n, images->width, images->height,
              images->channels);
  return FALSE;
}

float *fmn_model_logits(const FmnModelFile *model, const FmnImages *images, gboolean flip, int threads) {
  float *logits = g_new(float, MAX(1, (gsize)images->n * (gsize)g_strv_length(model->labels)));
  FmnPlan *plan = fmn_plan_new(model->graph);
  fmn_evaluate(plan, &model->preprocess, images, flip, threads, logits);
  fmn_plan_unref(plan);
  return logits;
}
