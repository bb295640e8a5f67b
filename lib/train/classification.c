#include <math.h>
#include <string.h>

#include "error.h"
#include "train/calibrate.h"
#include "train/evaluate.h"
#include "train/loader.h"
#include "train/loss.h"
#include "train/metrics.h"
#include "train/session_state.h"

typedef struct {
  FmnLoader *loader;
  const FmnBatch *batch;
  const float *taught; /* logits for it; NULL: there is no teacher */
} Work;

static gboolean make_teacher(FmnSession *s, GError **error) {
  const FmnTrainConfig *c = s->config;
  int channels, height, width;
  if (!c->teachers)
    return TRUE;
  fmn_train_data_shape(s->data, &channels, &height, &width);
  FmnTeacherConfig t = {.models = c->teachers,
                        .labels = s->model->labels,
                        .student = &s->model->preprocess,
                        .grey = channels == 1,
                        .mirrored = c->teacher_mirrored,
                        .batch = s->batch,
                        .threads = c->threads};
  s->teacher = fmn_teacher_new(&t, error);
  return s->teacher != NULL;
}

static gboolean open_data(FmnSession *s, GError **error) {
  const FmnTrainConfig *c = s->config;
  FmnPreprocess *p = &s->model->preprocess;
  int channels, height, width;
  if (!fmn_check_classifier(s->model, error))
    return FALSE;
  FmnShape in = fmn_graph_node(s->model->graph, 0)->out;
  s->data = fmn_train_data_load(c->data, (const char *const *)s->model->labels, in.h, in.w, c->recipe.validation,
                                c->seed, error);
  if (!s->data)
    return FALSE;
  fmn_train_data_shape(s->data, &channels, &height, &width);
  if (!fmn_images_fit(fmn_train_data_validation(s->data), in.c, in.h, in.w)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "network “%s” takes images of %d×%d×%d (width, height, channels), the data has %d×%d×%d", c->arch, in.w,
                in.h, in.c, width, height, channels);
    return FALSE;
  }
  fmn_train_data_mean_std(s->data, p->mean, p->std);
  for (int i = channels; i < in.c; i++) {
    p->mean[i] = p->mean[0];
    p->std[i] = p->std[0];
  }
  s->batch = MIN(c->recipe.batch, fmn_train_data_epoch_size(s->data));
  s->steps = fmn_train_data_epoch_size(s->data) / s->batch;
  return make_teacher(s, error);
}

static FmnLoaderConfig loader_config(const FmnSession *s) {
  const FmnRecipe *r = &s->config->recipe;
  FmnLoaderConfig c = {.channels = s->model->preprocess.channels,
                       .mean = s->model->preprocess.mean,
                       .std = s->model->preprocess.std,
                       .batch = s->batch,
                       .seed = fmn_random_derive(s->config->seed, 3),
                       .epoch = s->epoch,
                       .step = s->step,
                       .last_from = r->epochs - r->last_epochs,
                       .threads = 1};
  fmn_augment_parse(r->augment, &c.augment, NULL);
  if (r->last_augment)
    fmn_augment_parse(r->last_augment, &c.last_augment, NULL);
  return c;
}

static gboolean load(FmnSession *s, GError **error) {
  FmnLoaderConfig c = loader_config(s);
  Work *w = s->work = g_new0(Work, 1);
  w->loader = fmn_loader_new(s->data, &c);
  return TRUE;
}

static void put_in(FmnSession *s, const FmnBatch *b) {
  FmnShape in = fmn_graph_node(s->model->graph, 0)->out;
  memcpy(fmn_trainer_input(s->trainer), b->x, sizeof(float) * (gsize)b->n * fmn_shape_image(in));
}

static void next(FmnSession *s) {
  Work *w = s->work;
  w->batch = fmn_loader_next(w->loader);
  w->taught = s->teacher ? fmn_teacher_run(s->teacher, w->batch->x, w->batch->n) : NULL;
  put_in(s, w->batch);
}

static FmnLoss get_loss(FmnSession *s) {
  const Work *w = s->work;
  const FmnBatch *b = w->batch;
  const float *logits = fmn_trainer_output(s->trainer, 0);
  float *gradient = fmn_trainer_output_gradient(s->trainer, 0);
  double smoothing = s->config->recipe.label_smoothing;
  g_autofree float *targets = g_new(float, (gsize)b->n *(gsize)s->classes);
  fmn_labels_targets(fmn_train_data_labels(s->data), b->shares, logits, b->n, targets);
  if (!w->taught)
    return fmn_loss_cross_entropy(logits, targets, b->n, s->classes, smoothing, gradient);
  return fmn_loss_distilled(logits, targets, w->taught, b->n, s->classes, smoothing, &s->config->distillation,
                            gradient);
}

static FmnStep pass(FmnSession *s, guint64 seed) {
  const Work *w = s->work;
  fmn_trainer_forward(s->trainer, w->batch->n, seed);
  FmnLoss loss = get_loss(s);
  fmn_trainer_backward(s->trainer);
  return (FmnStep){loss.loss, loss.correct, w->batch->n};
}

/* Of the first images of the first epoch as they are, but mirrored as often as in training: channels that answer to
 * what faces left need statistics of both. */
static void renew_statistics(FmnSession *s) {
  FmnLoaderConfig c = loader_config(s);
  c.augment = c.last_augment = (FmnAugment){.flip = c.augment.flip};
  c.epoch = c.step = 0;
  FmnLoader *loader = fmn_loader_new(s->data, &c);
  int batches = MAX(1, s->config->recipe.bn_images / s->batch);
  for (int i = 0; i < batches; i++) {
    const FmnBatch *b = fmn_loader_next(loader);
    put_in(s, b);
    fmn_trainer_forward_statistics(s->trainer, b->n, (guint64)i, 1 / (float)(i + 1));
  }
  fmn_loader_free(loader);
}

/* Each data set counts as much as any other, however many images it has: a small one is there for its own sake. */
static void mean_of_sets(const FmnSession *s, const float *p, const guint8 *labels, FmnEpoch *e) {
  int sets = 0;
  double loss = 0, accuracy = 0;
  for (int i = 0; i < fmn_train_data_n_sets(s->data); i++) {
    int first, n = fmn_train_data_set(s->data, i, &first);
    if (n == 0)
      continue;
    FmnMetrics *m = fmn_metrics_new(p + (gsize)first * (gsize)s->classes, labels + first, n, s->classes);
    loss += m->nll;
    accuracy += m->accuracy;
    fmn_metrics_free(m);
    sets++;
  }
  e->validation_loss = loss / sets;
  e->validation_accuracy = accuracy / sets;
}

static void validate(FmnSession *s, FmnPlan *plan, FmnEpoch *e) {
  const FmnImages *images = fmn_train_data_validation(s->data);
  if (images->n == 0)
    return;
  g_autofree float *p = g_new(float, (gsize)images->n *(gsize)s->classes);
  g_autofree guint8 *labels = g_new(guint8, images->n);
  fmn_evaluate(plan, &s->model->preprocess, images, FALSE, s->config->threads, p);
  fmn_labels_choose(fmn_train_data_labels(s->data), images->labels, p, images->n, labels);
  fmn_softmax(p, images->n, s->classes, 1, p);
  mean_of_sets(s, p, labels, e);
}

/* Accuracy of the model on images (NAN: there are none); when these are what data set aside, calibrates it by them. */
static double measure_images(FmnModelFile *model, FmnPlan *plan, const FmnImages *images, const FmnLabels *meaning,
                             int threads, const FmnTrainData *data, FmnCalibration *calibration) {
  int classes = (int)g_strv_length(model->labels);
  if (images->n == 0)
    return NAN;
  g_autofree float *p = g_new(float, (gsize)images->n *(gsize)classes);
  g_autofree guint8 *labels = g_new(guint8, images->n);
  fmn_evaluate(plan, &model->preprocess, images, FALSE, threads, p);
  fmn_labels_choose(meaning, images->labels, p, images->n, labels);
  if (data) {
    const FmnImages *unknown = fmn_train_data_unknown(data);
    g_autofree float *q = g_new(float, MAX(1, (gsize)unknown->n * (gsize)classes));
    fmn_evaluate(plan, &model->preprocess, unknown, FALSE, threads, q);
    *calibration = fmn_calibrate(data, p, labels, q, classes, -1);
  }
  FmnMetrics *m = fmn_metrics_new(p, labels, images->n, classes);
  double accuracy = m->accuracy;
  fmn_metrics_free(m);
  return accuracy;
}

/* The test split beside the first data set, where there is one. */
static double measure_test(FmnSession *s, FmnModelFile *model, FmnPlan *plan) {
  const FmnPreprocess *p = &model->preprocess;
  g_autoptr(GError) error = NULL;
  FmnLabels *meaning = fmn_labels_new((const char *const *)model->labels, NULL);
  FmnDataset *test = fmn_session_test_split(s, &error);
  double accuracy = NAN;
  if (test && fmn_labels_join(meaning, test, &error) && fmn_dataset_fit(test, p->height, p->width, &error)) {
    FmnImages *images = fmn_images_from_dataset(test);
    fmn_images_free(fmn_images_take_unknown(images, meaning));
    if (fmn_images_fit(images, p->channels, p->height, p->width))
      accuracy = measure_images(model, plan, images, meaning, s->config->threads, NULL, NULL);
    else
      g_set_error(&error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                  "the test images are of another size than those for training");
    fmn_images_free(images);
  }
  if (error)
    fmn_session_notice(s, "no test accuracy: %s", error->message);
  fmn_dataset_free(test);
  fmn_labels_free(meaning);
  return accuracy;
}

static void notice_few(const FmnSession *s, int n) {
  if (n == 0)
    fmn_session_notice(s, "no images are set aside: the threshold is 0, and nothing will be called unknown; say with "
                          "--validation F which share to set aside");
  else if (n < FMN_TEMPERATURE_IMAGES)
    fmn_session_notice(s,
                       "%d images are set aside: too few to tell how sure the network may be (%d would do); say with "
                       "--validation F which share to set aside, or calibrate it on more",
                       n, FMN_TEMPERATURE_IMAGES);
}

static gboolean measure(FmnSession *s, FmnModelFile *read, gboolean complete, FmnResult *result, GError **error) {
  FmnPlan *plan = fmn_plan_new(read->graph);
  result->validation_accuracy =
      measure_images(read, plan, fmn_train_data_validation(s->data), fmn_train_data_labels(s->data), s->config->threads,
                     s->data, &result->calibration);
  notice_few(s, fmn_train_data_validation(s->data)->n);
  result->test_accuracy = measure_test(s, read, plan);
  fmn_plan_unref(plan);
  s->model->temperature = result->calibration.temperature;
  s->model->threshold = result->calibration.threshold;
  fmn_session_describe_number(s, "validation_accuracy", result->validation_accuracy);
  fmn_session_describe_number(s, "test_accuracy", result->test_accuracy);
  return TRUE;
}

static void close_work(FmnSession *s) {
  Work *w = s->work;
  fmn_loader_free(w->loader);
  g_free(w);
}

const FmnTask fmn_task_classification = {
    .open = open_data,
    .load = load,
    .next = next,
    .pass = pass,
    .renew_statistics = renew_statistics,
    .validate = validate,
    .measure = measure,
    .close = close_work,
};
