#include <math.h>
#include <string.h>

#include "detect/detector.h"
#include "error.h"
#include "nets/nets.h"
#include "train/anchors.h"
#include "train/loss.h"
#include "train/scene_loader.h"
#include "train/scene_test.h"
#include "train/session_state.h"
#include "train/yolo_loss.h"

#define VALIDATION_SEED 0x76616c
#define TEST_SEED 1 /* what fmnist-train test is given for the figures on a model's card */
#define ANCHOR_SCENES 800
/* Before anything is learned most boxes hold nothing. */
#define FIRST_OBJECTNESS (-5)

/* The network for another size of input, training the same weights. */
typedef struct {
  int size;
  FmnGraph *graph; /* NULL: the model's */
  FmnTrainer *trainer;
} Sized;

typedef struct {
  FmnYolo yolo;
  FmnImages items; /* for training; the images are the data set's */
  FmnDataset *photos;
  FmnImages *cutouts; /* of photos, of one class each; NULL: there are none */
  float *shares;      /* of the classes in each item, as the teacher says; NULL: there is none */
  int size;           /* of the model's input */
  GArray *sized;      /* of Sized */
  FmnSceneLoader *loader;
  const FmnSceneBatch *batch;
  FmnTrainer *trainer; /* for its size */
} Work;

static void take_items(FmnSession *s, FmnImages *items) {
  fmn_train_data_shape(s->data, &items->channels, &items->height, &items->width);
  items->n = fmn_train_data_epoch_size(s->data);
  items->images = g_new(const guint8 *, items->n);
  items->labels = g_new(guint8, items->n);
  for (int i = 0; i < items->n; i++) {
    FmnPick pick = fmn_train_data_pick(s->data, 0, i);
    items->images[i] = pick.image;
    items->labels[i] = (guint8)pick.label;
  }
}

/* A scene's box has one class, and those that are drawn have Fashion-MNIST's numbers. */
static gboolean check_labels(const FmnSession *s, GError **error) {
  const FmnLabels *l = fmn_train_data_labels(s->data);
  FmnSceneMix mix;
  if (l->n > l->n_classes) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "detectors are trained on images of one class each; the data has images labelled “%s”",
                l->names[l->n_classes]);
    return FALSE;
  }
  if (!fmn_scene_mix_parse(s->config->recipe.scenes.presets, &mix, error))
    return FALSE;
  if ((mix.share[FMN_SCENE_PHOTOS] > 0) != (s->config->cutouts != NULL)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                s->config->cutouts
                    ? "--cutouts are for scenes of photos; --scenes %s has none"
                    : "--scenes %s: scenes of photos need --cutouts DIR, what fmnist-train extract --cutouts wrote",
                s->config->recipe.scenes.presets);
    return FALSE;
  }
  if (mix.share[FMN_SCENE_WORN] <= 0 || fmn_labels_are_fashion_mnist((const char *const *)s->model->labels))
    return TRUE;
  g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
              "worn scenes show Fashion-MNIST's classes, the data has others; leave them out of --scenes");
  return FALSE;
}

/* Those of one class; a scene's box cannot have several. */
static gboolean load_cutouts(FmnSession *s, GError **error) {
  Work *w = s->work;
  if (!s->config->cutouts)
    return TRUE;
  int left_out = 0;
  if (!(w->photos = fmn_dataset_load(s->config->cutouts, FMN_SPLIT_TRAIN, error)))
    return FALSE;
  char *sha256 = fmn_dataset_sha256(w->photos); /* of the labels as they are in the files */
  fmn_session_describe(s, "cutouts_sha256", sha256);
  w->cutouts = fmn_images_of_classes(w->photos, (const char *const *)s->model->labels, &left_out, error);
  if (w->cutouts && left_out > 0)
    fmn_session_notice(s, "%s: %d cut-outs that may be of several classes, or are of none, are left out",
                       s->config->cutouts, left_out);
  return w->cutouts != NULL;
}

/* A garment in a scene is hard to name; what the teacher makes of the item itself tells how far it can be named at all.
 */
static gboolean ask_teacher(FmnSession *s, GError **error) {
  const FmnDistillation *d = &s->config->distillation;
  Work *w = s->work;
  const FmnImages *items = &w->items;
  FmnPreprocess plain = {.width = items->width, .height = items->height, .channels = 1, .std = {1}};
  if (!s->config->teachers)
    return TRUE;
  FmnTeacherConfig t = {.models = s->config->teachers,
                        .labels = s->model->labels,
                        .student = &plain,
                        .grey = TRUE,
                        .mirrored = s->config->teacher_mirrored,
                        .batch = 1,
                        .threads = s->config->threads};
  s->teacher = fmn_teacher_new(&t, error);
  if (!s->teacher)
    return FALSE;
  float *shares = w->shares = g_new(float, (gsize)items->n *(gsize)s->classes);
  fmn_teacher_evaluate(s->teacher, items, s->config->threads, shares);
  fmn_softmax(shares, items->n, s->classes, d->temperature, shares);
  for (int i = 0; i < items->n; i++, shares += s->classes)
    for (int c = 0; c < s->classes; c++)
      shares[c] = (float)(d->weight * (double)shares[c] + (1 - d->weight) * (c == items->labels[i]));
  return TRUE;
}

static gboolean open_data(FmnSession *s, GError **error) {
  const FmnTrainConfig *c = s->config;
  FmnPreprocess *p = &s->model->preprocess;
  Work *w = s->work = g_new0(Work, 1);
  w->sized = g_array_new(FALSE, FALSE, sizeof(Sized));
  w->yolo.classes = s->classes;
  w->size = p->width;
  for (int i = 0; i < 3; i++) {
    p->mean[i] = 0.5f;
    p->std[i] = 0.25f;
  }
  s->data =
      fmn_train_data_load(c->data, (const char *const *)s->model->labels, 0, 0, c->recipe.validation, c->seed, error);
  if (!s->data)
    return FALSE;
  if (!check_labels(s, error))
    return FALSE;
  take_items(s, &w->items);
  if (!load_cutouts(s, error) || !ask_teacher(s, error))
    return FALSE;
  s->batch = MIN(c->recipe.batch, c->recipe.scenes.epoch);
  s->steps = c->recipe.scenes.epoch / s->batch;
  return TRUE;
}

static FmnSceneLoaderConfig loader_config(const FmnSession *s) {
  const Work *w = s->work;
  return (FmnSceneLoaderConfig){.recipe = &s->config->recipe.scenes,
                                .items = &w->items,
                                .cutouts = w->cutouts,
                                .people = fmn_labels_are_fashion_mnist((const char *const *)s->model->labels),
                                .input = &s->model->preprocess,
                                .shares = w->shares,
                                .classes = s->classes,
                                .own_size = w->size,
                                .batch = s->batch,
                                .steps_per_epoch = s->steps,
                                .step = (gint64)s->epoch * s->steps + s->step,
                                .seed = fmn_random_derive(s->config->seed, 3),
                                .threads = MAX(1, s->config->threads / 4)};
}

/* Anchors for the scenes, the published ones, or those of the detector that the training starts from. */
static gboolean choose_anchors(FmnSession *s, GError **error) {
  Work *w = s->work;
  FmnModelFile *init = s->config->init ? fmn_model_file_load(s->config->init, NULL) : NULL;
  const char *text = init ? g_hash_table_lookup(init->metadata, "anchors") : NULL;
  gboolean original = strstr(s->config->arch_options, "anchors=original") != NULL;
  gboolean given = text && !original && fmn_anchors_parse(text, w->yolo.anchors, NULL);
  fmn_model_file_free(init);
  if (given)
    return TRUE;
  FmnSceneLoaderConfig c = loader_config(s);
  GArray *sizes = fmn_scene_sizes(&c, s->config->recipe.epochs, ANCHOR_SCENES, error);
  if (!sizes)
    return FALSE;
  const FmnAnchor *found = (const FmnAnchor *)(gpointer)sizes->data;
  double overlap = 0;
  memcpy(w->yolo.anchors, fmn_anchors_original, sizeof w->yolo.anchors);
  if (sizes->len)
    overlap = original ? fmn_anchors_mean_iou(found, (int)sizes->len, w->yolo.anchors)
                       : fmn_anchors_fit(found, (int)sizes->len, w->yolo.anchors);
  g_array_unref(sizes);
  g_autofree char *shown = fmn_anchors_format(w->yolo.anchors);
  fmn_session_notice(s, "anchors %s: mean overlap with the scenes' objects %.3f", shown, overlap);
  return TRUE;
}

/* Where the heads are as a training starts them; those of a model that it starts from are left alone. */
static void expect_nothing(FmnSession *s) {
  const Work *w = s->work;
  for (int i = 0; i < s->n_params; i++) {
    FmnParam *p = s->params[i].param;
    gboolean head = g_str_has_prefix(s->params[i].name, "head") && g_str_has_suffix(s->params[i].name, ".bias");
    for (int a = 0; head && a < FMN_YOLO_HEAD_ANCHORS; a++)
      if (p->data[a * fmn_yolo_values(&w->yolo) + 4] == 0)
        p->data[a * fmn_yolo_values(&w->yolo) + 4] = FIRST_OBJECTNESS;
  }
}

static gboolean start(FmnSession *s, gboolean fresh, GError **error) {
  Work *w = s->work;
  if (fresh) {
    expect_nothing(s);
    if (!choose_anchors(s, error))
      return FALSE;
    fmn_session_describe(s, "anchors", fmn_anchors_format(w->yolo.anchors));
  }
  const char *text = g_hash_table_lookup(s->model->metadata, "anchors");
  return fmn_anchors_parse(text ? text : "", w->yolo.anchors, error);
}

static gboolean load(FmnSession *s, GError **error) {
  Work *w = s->work;
  FmnSceneLoaderConfig c = loader_config(s);
  w->loader = fmn_scene_loader_new(&c, error);
  return w->loader != NULL;
}

static FmnTrainer *trainer_of(FmnSession *s, int size) {
  Work *w = s->work;
  if (size == w->size)
    return s->trainer;
  for (guint i = 0; i < w->sized->len; i++)
    if (g_array_index(w->sized, Sized, i).size == size)
      return g_array_index(w->sized, Sized, i).trainer;
  g_autofree char *text = g_strdup_printf("%d", size);
  g_autofree char *options = fmn_net_options_set(s->config->arch_options, "size", text);
  Sized sized = {.size = size};
  sized.graph = fmn_net_build(s->config->arch, options, s->classes, NULL);
  sized.trainer = fmn_trainer_new_sibling(sized.graph, s->batch, s->pool, s->trainer, NULL);
  g_array_append_val(w->sized, sized);
  return sized.trainer;
}

static void next(FmnSession *s) {
  Work *w = s->work;
  const FmnSceneBatch *b = w->batch = fmn_scene_loader_next(w->loader);
  w->trainer = trainer_of(s, b->size);
  memcpy(fmn_trainer_input(w->trainer), b->x, sizeof(float) * 3 * (gsize)b->n * (gsize)b->size * (gsize)b->size);
}

static FmnStep pass(FmnSession *s, guint64 seed) {
  const Work *w = s->work;
  const FmnSceneRecipe *r = &s->config->recipe.scenes;
  FmnYoloLossOptions options = FMN_YOLO_LOSS_DEFAULTS;
  const FmnSceneBatch *b = w->batch;
  FmnTrainer *t = w->trainer;
  const float *values[FMN_YOLO_HEADS];
  float *gradients[FMN_YOLO_HEADS];
  FmnShape out[FMN_YOLO_HEADS];
  fmn_trainer_forward(t, b->n, seed);
  for (int i = 0; i < FMN_YOLO_HEADS; i++) {
    values[i] = fmn_trainer_output(t, i);
    gradients[i] = fmn_trainer_output_gradient(t, i);
    out[i] = fmn_trainer_output_shape(t, i);
  }
  options.match = r->match;
  options.class_weight = r->class_weight;
  options.box_weight = r->box_weight;
  options.label_smoothing = s->config->recipe.label_smoothing;
  FmnYoloLoss loss =
      fmn_yolo_loss(&w->yolo, &options, b->truth, b->first, b->n, values, out, b->size, b->size, s->pool, gradients);
  fmn_trainer_backward(t);
  return (FmnStep){loss.loss, loss.right, loss.positives};
}

/* On n mixed scenes of these items; NULL where there are none. */
static FmnDetectionMetrics *test_plan(FmnSession *s, FmnPlan *plan, const FmnImages *items, guint64 seed, int n) {
  const Work *w = s->work;
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_MIXED, seed);
  FmnSceneSet *set = items->n > 0 && n > 0 ? fmn_scene_set_new(items, &o, NULL) : NULL;
  if (!set)
    return NULL;
  int threads = s->config->threads;
  g_autofree FmnDetector **detectors = g_new(FmnDetector *, threads);
  for (int i = 0; i < threads; i++)
    detectors[i] = fmn_detector_new_for_plan(plan, &w->yolo, &s->model->preprocess, 1);
  FmnDetectionMetrics *m = fmn_scene_test(detectors, threads, s->classes, set, &o, n, NULL, NULL);
  for (int i = 0; i < threads; i++)
    fmn_detector_free(detectors[i]);
  fmn_scene_set_free(set);
  return m;
}

static void validate(FmnSession *s, FmnPlan *plan, FmnEpoch *e) {
  FmnDetectionMetrics *m =
      test_plan(s, plan, fmn_train_data_validation(s->data), VALIDATION_SEED, s->config->recipe.scenes.validation);
  if (!m)
    return;
  e->validation_accuracy = m->map50;
  e->validation_map = m->map50_95;
  fmn_detection_metrics_free(m);
}

/* On scenes of the test items beside the first data set, where there are some. */
static void measure_test(FmnSession *s, FmnPlan *plan, FmnResult *result) {
  g_autoptr(GError) error = NULL;
  FmnDataset *test = fmn_session_test_split(s, &error);
  int left_out = 0;
  FmnImages *images =
      test ? fmn_images_of_classes(test, (const char *const *)s->model->labels, &left_out, &error) : NULL;
  if (error)
    fmn_session_notice(s, "not measured on test scenes: %s", error->message);
  if (left_out > 0)
    fmn_session_notice(s, "%d test images that may be of several classes, or are of none, are left out", left_out);
  FmnDetectionMetrics *m = images ? test_plan(s, plan, images, TEST_SEED, s->config->recipe.scenes.test) : NULL;
  if (m) {
    result->map50 = m->map50;
    result->map50_95 = m->map50_95;
  }
  fmn_detection_metrics_free(m);
  fmn_images_free(images);
  fmn_dataset_free(test);
}

static gboolean measure(FmnSession *s, FmnModelFile *read, gboolean complete, FmnResult *result, GError **error) {
  FmnPlan *plan = fmn_plan_new(read->graph);
  FmnEpoch e = {.validation_accuracy = NAN, .validation_map = NAN};
  validate(s, plan, &e);
  result->validation_accuracy = e.validation_accuracy;
  result->validation_map = e.validation_map;
  if (complete)
    measure_test(s, plan, result);
  fmn_plan_unref(plan);
  fmn_session_describe_number(s, "validation_map50", result->validation_accuracy);
  fmn_session_describe_number(s, "validation_map50_95", result->validation_map);
  fmn_session_describe_number(s, "map50", result->map50);
  fmn_session_describe_number(s, "map50_95", result->map50_95);
  return TRUE;
}

static void close_work(FmnSession *s) {
  Work *w = s->work;
  fmn_scene_loader_free(w->loader);
  for (guint i = 0; i < w->sized->len; i++) {
    fmn_trainer_free(g_array_index(w->sized, Sized, i).trainer);
    fmn_graph_free(g_array_index(w->sized, Sized, i).graph);
  }
  g_array_unref(w->sized);
  fmn_images_free(w->cutouts);
  fmn_dataset_free(w->photos);
  g_free(w->items.images);
  g_free(w->items.labels);
  g_free(w->shares);
  g_free(w);
}

const FmnTask fmn_task_detection = {
    .open = open_data,
    .start = start,
    .load = load,
    .next = next,
    .pass = pass,
    .validate = validate,
    .measure = measure,
    .close = close_work,
};
