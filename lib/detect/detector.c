#include "detect/detector.h"

#include "error.h"
#include "model.h"
#include "nets/nets.h"

#define EXPECTED_CANDIDATES 256

struct FmnDetector {
  FmnModel *model; /* NULL: of a plan alone */
  FmnYolo yolo;
  FmnRun *run;
  FmnShape in, out[FMN_YOLO_HEADS];
  float value[3][256]; /* of each byte, as the network wants it */
  GArray *boxes;       /* of FmnYoloBox */
  GArray *found;       /* of FmnDetection */
};

/* The network with the model's weights for another size of input. */
static FmnPlan *plan_of_size(const FmnModelFile *file, int size, GError **error) {
  g_autofree char *text = g_strdup_printf("%d", size);
  g_autofree char *options = fmn_net_options_set(file->arch_options, "size", text);
  FmnGraph *g = fmn_net_build_bare(file->arch, options, (int)g_strv_length(file->labels), error);
  if (!g)
    return NULL;
  fmn_graph_swap_weights(g, file->graph);
  FmnPlan *plan = fmn_plan_try_new(g, error);
  fmn_graph_swap_weights(g, file->graph);
  fmn_graph_free(g);
  return plan;
}

/* Forgets the sizes that no detector runs any more. Under the lock, without which none begins to. */
static void drop_unused(GPtrArray *plans) {
  for (guint i = plans->len; i-- > 0;)
    if (fmn_plan_is_unshared(g_ptr_array_index(plans, i)))
      g_ptr_array_remove_index_fast(plans, i);
}

/* A reference; NULL with an error. */
static FmnPlan *find_plan(FmnModel *m, int size, GError **error) {
  if (!size || size == fmn_plan_input(m->plan).w)
    return fmn_plan_ref(m->plan);
  FmnPlan *plan = NULL;
  g_mutex_lock(&m->lock);
  for (guint i = 0; m->sized && i < m->sized->len && !plan; i++) {
    FmnPlan *other = g_ptr_array_index(m->sized, i);
    plan = fmn_plan_input(other).w == size ? fmn_plan_ref(other) : NULL;
  }
  if (!plan) {
    if (!m->sized)
      m->sized = g_ptr_array_new_with_free_func((GDestroyNotify)fmn_plan_unref);
    drop_unused(m->sized);
    if ((plan = plan_of_size(m->file, size, error)))
      g_ptr_array_add(m->sized, fmn_plan_ref(plan));
  }
  g_mutex_unlock(&m->lock);
  return plan;
}

/* Takes run. */
static FmnDetector *detector_new(FmnRun *run, FmnPlan *plan, const FmnYolo *yolo, const FmnPreprocess *input) {
  FmnDetector *d = g_new0(FmnDetector, 1);
  d->yolo = *yolo;
  d->run = run;
  d->in = fmn_plan_input(plan);
  for (int i = 0; i < FMN_YOLO_HEADS; i++)
    d->out[i] = fmn_plan_output(plan, i);
  d->boxes = g_array_sized_new(FALSE, FALSE, sizeof(FmnYoloBox), EXPECTED_CANDIDATES);
  d->found = g_array_sized_new(FALSE, FALSE, sizeof(FmnDetection), EXPECTED_CANDIDATES);
  for (int k = 0; k < 3; k++)
    for (int v = 0; v < 256; v++)
      d->value[k][v] = ((float)v / 255.0f - input->mean[k]) / input->std[k];
  return d;
}

FmnDetector *fmn_detector_new_for_plan(FmnPlan *plan, const FmnYolo *yolo, const FmnPreprocess *input, int threads) {
  return detector_new(fmn_run_new(plan, 1, threads), plan, yolo, input);
}

FmnDetector *fmn_detector_new(FmnModel *model, int size, int threads, GError **error) {
  if (!model->detector) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "model %s (%s) is a classifier, which names what it is shown; expected a detector, such as yolov3-tiny",
                model->file->name, model->file->arch);
    return NULL;
  }
  if (size && !fmn_yolo_side_fits(size)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "expected a size that is a multiple of %d up to %d, found %d",
                FMN_YOLO_STRIDE, FMN_YOLO_MAX_SIDE, size);
    return NULL;
  }
  FmnPlan *plan = find_plan(model, size, error);
  if (!plan)
    return NULL;
  FmnRun *run = fmn_run_try_new(plan, 1, threads, error);
  FmnDetector *d = run ? detector_new(run, plan, &model->yolo, &model->file->preprocess) : NULL;
  if (d)
    d->model = fmn_model_ref(model);
  fmn_plan_unref(plan);
  return d;
}

void fmn_detector_free(FmnDetector *d) {
  if (!d)
    return;
  fmn_run_free(d->run);
  fmn_model_unref(d->model);
  g_array_unref(d->boxes);
  g_array_unref(d->found);
  g_free(d);
}

int fmn_detector_size(const FmnDetector *d) { return d->in.w; }

typedef struct {
  const FmnDetector *d;
  const guint8 *pixels; /* three planes */
  float *x;             /* interleaved */
} Conversion;

static void convert_rows(gpointer data, int begin, int end, int slot) {
  const Conversion *c = data;
  const FmnDetector *d = c->d;
  gsize plane = fmn_shape_pixels(d->in), first = (gsize)begin * (gsize)d->in.w, after = (gsize)end * (gsize)d->in.w;
  const guint8 *red = c->pixels, *green = red + plane, *blue = green + plane;
  float *x = c->x + 3 * first;
  for (gsize i = first; i < after; i++, x += 3) {
    x[0] = d->value[0][red[i]];
    x[1] = d->value[1][green[i]];
    x[2] = d->value[2][blue[i]];
  }
}

int fmn_detector_run(FmnDetector *d, const guint8 *pixels, const FmnBox *place, const FmnDetectOptions *options,
                     const FmnDetection **found) {
  Conversion conversion = {d, pixels, fmn_run_input(d->run)};
  fmn_pool_run(fmn_run_pool(d->run), convert_rows, &conversion, d->in.h);
  fmn_run(d->run, 1);
  const float *values[FMN_YOLO_HEADS];
  for (int i = 0; i < FMN_YOLO_HEADS; i++)
    values[i] = fmn_run_output(d->run, i);
  fmn_yolo_detect(&d->yolo, values, d->out, d->in.w, d->in.h, place, options, d->boxes, d->found);
  *found = (const FmnDetection *)(gpointer)d->found->data;
  return (int)d->found->len;
}
