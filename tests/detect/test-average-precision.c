/* Average precision against golden numbers: make_golden.py writes down COCO's definition once more. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/average_precision.h"

enum { CLASSES = 4, MAX_IMAGES = 100 };

typedef struct {
  GArray *truth[MAX_IMAGES], *found[MAX_IMAGES];
  double ap50[CLASSES], ap50_95[CLASSES], map50, map50_95;
  int images;
} Golden;

static void read_line(Golden *g, const char *line) {
  int image, label;
  double x, y, w, h, confidence;
  if (sscanf(line, "truth %d %d %lf %lf %lf %lf", &image, &label, &x, &y, &w, &h) == 6) {
    FmnTruth t = {{x, y, w, h}, label};
    g_array_append_val(g->truth[image], t);
  } else if (sscanf(line, "found %d %d %lf %lf %lf %lf %lf", &image, &label, &x, &y, &w, &h, &confidence) == 7) {
    FmnDetection d = {{x, y, w, h}, label, (float)confidence};
    g_array_append_val(g->found[image], d);
  } else if (sscanf(line, "class %d %lf %lf", &label, &x, &y) == 3) {
    g->ap50[label] = x;
    g->ap50_95[label] = y;
    return;
  } else {
    g_assert_cmpint(sscanf(line, "mean %lf %lf", &g->map50, &g->map50_95), ==, 2);
    return;
  }
  g->images = MAX(g->images, image + 1);
}

static void golden(void) {
  Golden g = {.images = 0};
  char *path = g_test_build_filename(G_TEST_DIST, "golden", "coco.txt", NULL), *text = NULL;
  for (int i = 0; i < MAX_IMAGES; i++) {
    g.truth[i] = g_array_new(FALSE, FALSE, sizeof(FmnTruth));
    g.found[i] = g_array_new(FALSE, FALSE, sizeof(FmnDetection));
  }
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  char **lines = g_strsplit(g_strchomp(text), "\n", -1);
  for (char **line = lines; *line; line++)
    read_line(&g, *line);
  FmnAp *ap = fmn_ap_new(CLASSES);
  for (int i = 0; i < g.images; i++)
    fmn_ap_add(ap, (const FmnDetection *)(gpointer)g.found[i]->data, (int)g.found[i]->len,
               (const FmnTruth *)(gpointer)g.truth[i]->data, (int)g.truth[i]->len);
  FmnDetectionMetrics *m = fmn_ap_metrics(ap);
  g_assert_cmpint(m->n, ==, 60);
  for (int c = 0; c < CLASSES; c++) {
    g_test_message("class %d: %.12f (golden %.12f), %.12f (%.12f)", c, m->ap50[c], g.ap50[c], m->ap50_95[c],
                   g.ap50_95[c]);
    g_assert_true(isnan(m->ap50[c]) == isnan(g.ap50[c]) && isnan(m->ap50_95[c]) == isnan(g.ap50_95[c]));
    if (isnan(g.ap50[c]))
      continue;
    g_assert_cmpfloat_with_epsilon(m->ap50[c], g.ap50[c], 1e-10);
    g_assert_cmpfloat_with_epsilon(m->ap50_95[c], g.ap50_95[c], 1e-10);
  }
  g_assert_cmpfloat_with_epsilon(m->map50, g.map50, 1e-10);
  g_assert_cmpfloat_with_epsilon(m->map50_95, g.map50_95, 1e-10);
  fmn_detection_metrics_free(m);
  fmn_ap_free(ap);
  for (int i = 0; i < MAX_IMAGES; i++) {
    g_array_unref(g.truth[i]);
    g_array_unref(g.found[i]);
  }
  g_strfreev(lines);
  g_free(text);
  g_free(path);
}

/* By hand. */
static void simple(void) {
  const FmnTruth truth[] = {{{.1, .1, .2, .2}, 0}, {{.6, .6, .2, .2}, 0}, {{.1, .6, .2, .2}, 1}};
  const FmnDetection found[] = {{{.1, .1, .2, .2}, 0, .9f},   /* right */
                                {{.3, .3, .1, .1}, 0, .8f},   /* nothing there */
                                {{.6, .6, .2, .15}, 0, .7f},  /* right up to .75 */
                                {{.6, .6, .2, .2}, 0, .6f},   /* once is enough: but right where the other is not */
                                {{.1, .6, .2, .2}, 0, .95f}}; /* found, but of another class */
  FmnAp *ap = fmn_ap_new(3);
  fmn_ap_add(ap, found, 4, truth, 3);
  fmn_ap_add(ap, NULL, 0, NULL, 0);
  FmnDetectionMetrics *m = fmn_ap_metrics(ap);
  /* Precision 1 up to recall .5 (51 of 101 points), then 2/3. */
  double low = (51 + 50 * 2. / 3) / 101, high = (51 + 50 * 2. / 4) / 101;
  g_assert_cmpfloat_with_epsilon(m->ap50[0], low, 1e-12);
  g_assert_cmpfloat_with_epsilon(m->ap50_95[0], (6 * low + 4 * high) / 10, .02 * low);
  g_assert_cmpfloat(m->ap50[1], ==, 0);
  g_assert_true(isnan(m->ap50[2]));
  g_assert_cmpfloat_with_epsilon(m->map50, low / 2, 1e-12);
  g_assert_cmpint(m->support[0], ==, 2);
  g_assert_cmpint(m->support[2], ==, 0);
  g_assert_cmpint(m->n, ==, 2);
  fmn_detection_metrics_free(m);
  fmn_ap_free(ap);
  ap = fmn_ap_new(3);
  fmn_ap_add(ap, found, 5, truth, 3);
  m = fmn_ap_metrics(ap);
  /* As one class: right, right, wrong, right (the double is no second box). */
  g_assert_cmpfloat_with_epsilon(m->found50, (67 + 34 * 3. / 4) / 101, 1e-12);
  fmn_detection_metrics_free(m);
  fmn_ap_free(ap);
  ap = fmn_ap_new(3);
  m = fmn_ap_metrics(ap);
  g_assert_true(isnan(m->map50) && isnan(m->found50));
  fmn_detection_metrics_free(m);
  fmn_ap_free(ap);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/average-precision/golden", golden);
  g_test_add_func("/average-precision/simple", simple);
  return g_test_run();
}
