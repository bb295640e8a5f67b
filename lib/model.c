#include "fmnist.h"

#include <math.h>
#include <string.h>

#include "error.h"
#include "model.h"
#include "models-resource.h"

struct FmnClassifier {
  FmnModel *model;
  FmnRun *run;
  float value[3][256]; /* of each byte, as the network wants it */
};

/* Whether it is a detector, and its anchors; FALSE with an error where it is neither that nor a classifier. */
static gboolean find_kind(FmnModel *m, GError **error) {
  const FmnModelFile *file = m->file;
  const char *anchors = g_hash_table_lookup(file->metadata, "anchors");
  int outputs = (int)fmn_shape_image(fmn_graph_node(file->graph, file->graph->outputs[0])->out);
  m->detector = fmn_yolo_fits(file->graph, m->n_labels);
  if (m->detector) {
    m->yolo.classes = m->n_labels;
    if (anchors && fmn_anchors_parse(anchors, m->yolo.anchors, error))
      return TRUE;
    if (!anchors)
      g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT,
                  "the metadata of this detector has no \"anchors\"; expected them as fmnist-train writes them");
    g_prefix_error(error, "%s: ", file->name);
    return FALSE;
  }
  if (file->graph->n_outputs == 1 && outputs == m->n_labels)
    return TRUE;
  g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
              "%s: network %s yields %d values for %d labels; expected a classifier or a detector", file->name, file->arch,
              outputs, m->n_labels);
  return FALSE;
}

/* Takes file, which may be NULL with the error set. */
static FmnModel *model_new(FmnModelFile *file, GError **error) {
  if (!file)
    return NULL;
  FmnModel *model = g_new0(FmnModel, 1);
  g_atomic_ref_count_init(&model->refs);
  g_mutex_init(&model->lock);
  model->file = file;
  model->n_labels = (int)g_strv_length(file->labels);
  if (!find_kind(model, error)) {
    fmn_model_unref(model);
    return NULL;
  }
  if (!(model->plan = fmn_plan_try_new(file->graph, error))) {
    g_prefix_error(error, "%s: ", file->name);
    fmn_model_unref(model);
    return NULL;
  }
  if (!model->detector)
    g_clear_pointer(&file->graph, fmn_graph_free);
  return model;
}

static FmnModel *open_embedded(GError **error) {
  GBytes *bytes = g_resource_lookup_data(fmn_models_get_resource(), "/fmnist/models/" FMN_DEFAULT_MODEL ".safetensors",
                                         G_RESOURCE_LOOKUP_FLAGS_NONE, error);
  FmnModel *model = bytes ? fmn_model_new_from_bytes(bytes, FMN_DEFAULT_MODEL, error) : NULL;
  g_clear_pointer(&bytes, g_bytes_unref);
  return model;
}

FmnModel *fmn_model_open(const char *name_or_path, GError **error) {
  GError *reason = NULL;
  char *path = fmn_model_find(name_or_path, &reason);
  if (reason) {
    g_propagate_error(error, reason);
    return NULL;
  }
  FmnModel *model = path ? model_new(fmn_model_file_load(path, error), error) : open_embedded(error);
  g_free(path);
  return model;
}

FmnModel *fmn_model_new_from_bytes(GBytes *bytes, const char *name, GError **error) {
  return model_new(fmn_model_file_parse(bytes, name, error), error);
}

FmnModel *fmn_model_ref(FmnModel *model) {
  g_atomic_ref_count_inc(&model->refs);
  return model;
}

void fmn_model_unref(FmnModel *model) {
  if (!model || !g_atomic_ref_count_dec(&model->refs))
    return;
  g_clear_pointer(&model->sized, g_ptr_array_unref);
  g_mutex_clear(&model->lock);
  fmn_plan_unref(model->plan);
  fmn_model_file_free(model->file);
  g_free(model);
}

const char *fmn_model_name(const FmnModel *model) { return model->file->name; }
const char *fmn_model_arch(const FmnModel *model) { return model->file->arch; }
gboolean fmn_model_is_detector(const FmnModel *model) { return model->detector; }
int fmn_model_n_labels(const FmnModel *model) { return model->n_labels; }
const char *fmn_model_label(const FmnModel *model, int i) { return model->file->labels[i]; }
const FmnPreprocess *fmn_model_preprocess(const FmnModel *model) { return &model->file->preprocess; }
double fmn_model_threshold(const FmnModel *model) { return model->file->threshold; }

FmnClassifier *fmn_classifier_new(FmnModel *model, int threads) {
  g_return_val_if_fail(!model->detector, NULL);
  const FmnPreprocess *p = &model->file->preprocess;
  FmnRun *run = fmn_run_try_new(model->plan, 1, threads, NULL);
  if (!run)
    return NULL;
  FmnClassifier *c = g_new0(FmnClassifier, 1);
  c->model = fmn_model_ref(model);
  c->run = run;
  for (int k = 0; k < p->channels; k++)
    for (int v = 0; v < 256; v++)
      c->value[k][v] = ((float)v / 255.0f - p->mean[k]) / p->std[k];
  return c;
}

void fmn_classifier_free(FmnClassifier *classifier) {
  if (!classifier)
    return;
  fmn_run_free(classifier->run);
  fmn_model_unref(classifier->model);
  g_free(classifier);
}

/* Logits that no number can express (finite weights may still multiply beyond float) assert nothing. */
static void softmax(const float *logits, int n, double temperature, float *out) {
  double max = -INFINITY, sum = 0;
  for (int i = 0; i < n; i++)
    max = fmax(max, (double)logits[i]);
  for (int i = 0; i < n; i++) {
    double e = exp(((double)logits[i] - max) / temperature);
    out[i] = (float)e;
    sum += e;
  }
  for (int i = 0; i < n; i++)
    out[i] = isfinite(sum) && sum > 0 ? (float)((double)out[i] / sum) : 1.0f / (float)n;
}

void fmn_classifier_run(FmnClassifier *classifier, const guint8 *pixels, float *probabilities) {
  const FmnModel *model = classifier->model;
  FmnShape in = fmn_plan_input(model->plan);
  gsize plane = fmn_shape_pixels(in);
  float *x = fmn_run_input(classifier->run);
  for (int k = 0; k < in.c; k++)
    for (gsize i = 0; i < plane; i++)
      x[i * (gsize)in.c + (gsize)k] = classifier->value[k][pixels[(gsize)k * plane + i]];
  fmn_run(classifier->run, 1);
  softmax(fmn_run_output(classifier->run, 0), model->n_labels, model->file->temperature, probabilities);
}
