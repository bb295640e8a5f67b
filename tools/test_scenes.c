#include "test_scenes.h"

#include <stdio.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "model.h"
#include "train/scene_plan.h"
#include "train/scene_test.h"

static void add_class(JsonBuilder *b, const FmnModel *model, const FmnDetectionMetrics *m, int k) {
  json_builder_begin_object(b);
  fmn_json_add_string(b, "label", fmn_model_label(model, k));
  fmn_json_add_double(b, "ap50", m->ap50[k]);
  fmn_json_add_double(b, "ap50_95", m->ap50_95[k]);
  fmn_json_add_int(b, "support", m->support[k]);
  json_builder_end_object(b);
}

static void print_json(const FmnModel *model, const TestScenes *o, int size, const FmnDetectionMetrics *m) {
  g_autoptr(JsonBuilder) b = json_builder_new();
  json_builder_begin_object(b);
  fmn_json_add_string(b, "model", fmn_model_name(model));
  fmn_json_add_string(b, "arch", fmn_model_arch(model));
  fmn_json_add_string(b, "scenes", o->scenes);
  fmn_json_add_int(b, "size", size);
  fmn_json_add_int(b, "n", m->n);
  fmn_json_add_double(b, "map50", m->map50);
  fmn_json_add_double(b, "map50_95", m->map50_95);
  fmn_json_add_double(b, "found50", m->found50);
  json_builder_set_member_name(b, "per_class");
  json_builder_begin_array(b);
  for (int k = 0; k < m->classes; k++)
    add_class(b, model, m, k);
  json_builder_end_array(b);
  json_builder_end_object(b);
  command_print_json(b);
}

static void print_text(const FmnModel *model, const TestScenes *o, int size, const FmnDetectionMetrics *m) {
  printf("%s (%s), %d scenes “%s”, input %d×%d\n\n%-12s   AP50  AP50:95  objects\n", fmn_model_name(model),
         fmn_model_arch(model), m->n, o->scenes, size, size, "");
  for (int k = 0; k < m->classes; k++)
    if (m->support[k])
      printf("%-12s %.4f   %.4f  %7d\n", fmn_model_label(model, k), m->ap50[k], m->ap50_95[k], m->support[k]);
    else
      printf("%-12s      -        -  %7d\n", fmn_model_label(model, k), 0);
  printf("%-12s %.4f   %.4f\n\nfound, whatever they are called: AP50 %.4f\n", "mean", m->map50, m->map50_95,
         m->found50);
}

static gboolean show_progress(int done, int n, gpointer user) {
  if (isatty(STDERR_FILENO))
    fprintf(stderr, done < n ? "\r\033[K%d of %d scenes" : "\r\033[K", done, n);
  return FALSE;
}

static gboolean measure(const TestScenes *o, FmnModel *model, const FmnImages *items, gboolean json, GError **error) {
  FmnSceneOptions options = fmn_scene_options(o->preset, fmn_scene_split_seed(o->preset, FMN_SPLIT_TEST, o->seed));
  options.people = fmn_labels_are_fashion_mnist((const char *const *)model->file->labels);
  FmnSceneSet *set = fmn_scene_set_new(items, &options, error);
  g_autofree FmnDetector **detectors = g_new0(FmnDetector *, o->threads);
  gboolean ok = set != NULL;
  for (int i = 0; ok && i < o->threads; i++)
    ok = (detectors[i] = fmn_detector_new(model, o->size, 1, error)) != NULL;
  if (ok) {
    FmnDetectionMetrics *m =
        fmn_scene_test(detectors, o->threads, fmn_model_n_labels(model), set, &options, o->count, show_progress, NULL);
    (json ? print_json : print_text)(model, o, fmn_detector_size(detectors[0]), m);
    fmn_detection_metrics_free(m);
  }
  for (int i = 0; i < o->threads; i++)
    fmn_detector_free(detectors[i]);
  fmn_scene_set_free(set);
  return ok;
}

gboolean test_scenes(const TestScenes *o, gboolean json, GError **error) {
  g_autofree char *path = fmn_model_find_file(o->model, error);
  FmnModel *model = path ? fmn_model_open(path, error) : NULL;
  FmnDataset *data = NULL;
  if (model && o->preset == FMN_SCENE_WORN && !fmn_labels_are_fashion_mnist((const char *const *)model->file->labels)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "worn scenes show Fashion-MNIST's classes, model %s has others; measure it on mixed or photos",
                fmn_model_name(model));
    g_clear_pointer(&model, fmn_model_unref);
  }
  if (model && o->preset == FMN_SCENE_NOTHING) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "in scenes of nothing there is no garment to be found; measure %s on green, mixed, photos or worn",
                fmn_model_name(model));
    g_clear_pointer(&model, fmn_model_unref);
  }
  gboolean needed = fmn_scene_preset_has_items(o->preset);
  FmnImages *items = model && needed ? command_garments(o->data, FMN_SPLIT_TEST,
                                                        (const char *const *)model->file->labels, &data, error)
                                     : NULL;
  gboolean ok = model && (!needed || items) && measure(o, model, items, json, error);
  fmn_images_free(items);
  fmn_dataset_free(data);
  fmn_model_unref(model);
  return ok;
}
