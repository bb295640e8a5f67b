/* A small detector with random weights. */
#ifndef TESTS_DETECT_MODEL_H
#define TESTS_DETECT_MODEL_H

#include <math.h>

#include "detect/yolo.h"
#include "io/model_file.h"

static inline void random_param(const char *name, FmnParam *param, gpointer user) {
  gboolean positive = g_str_has_suffix(name, "running_var"),
           one = g_str_has_suffix(name, "weight") && param->n_dims == 1;
  double fan_in = param->n_dims > 1 ? (double)fmn_param_count(param) / param->dims[0] : 4;
  for (gsize i = 0; i < fmn_param_count(param); i++)
    param->data[i] = positive || one ? (float)g_rand_double_range(user, .8, 1.2)
                                     : (float)(g_rand_double_range(user, -1, 1) * sqrt(6 / fan_in));
}

/* Written to path; anchors NULL: none in the file. */
static inline void write_detector(const char *path, const char *options, const char *anchors) {
  GError *error = NULL;
  GRand *rand = g_rand_new_with_seed(11);
  FmnModelFile *file = fmn_model_file_new("yolov3-tiny", options, NULL, &error);
  g_assert_no_error(error);
  fmn_graph_foreach_param(file->graph, random_param, rand);
  if (anchors)
    g_hash_table_insert(file->metadata, g_strdup("anchors"), g_strdup(anchors));
  fmn_model_file_save(file, path, FALSE, &error);
  g_assert_no_error(error);
  fmn_model_file_free(file);
  g_rand_free(rand);
}

#endif
