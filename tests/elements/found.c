/* What a detector found, its names made steady in time. */
#include <gst/gst.h>

#include "gstfmnistfound.h"

enum { A, B, C, N };

#define FRAME (GST_SECOND / 10)

static GQuark names[N];

typedef struct {
  GstFmnistFound *found;
  GstFmnistTracker *tracker;
  GstClockTime now;
} Film;

static Film film_new(void) { return (Film){gst_fmnist_found_new(), gst_fmnist_tracker_new(), 0}; }

static void film_free(Film *f) {
  gst_fmnist_found_free(f->found);
  gst_fmnist_tracker_free(f->tracker);
}

/* One frame; returns how many objects there are. most: that many at most. */
static guint look_at(Film *f, const FmnDetection *d, guint n, guint most, guint n_names, guint smoothing) {
  const GstFmnistSmoothing s = {smoothing, 0.5, f->now, FRAME};
  GstFmnistTrack *tracks[8];
  gst_fmnist_found_set(f->found, d, n, most, names, n_names, &s);
  g_assert_cmpuint(gst_fmnist_found_size(f->found), <=, 8);
  gst_fmnist_tracker_update(f->tracker, gst_fmnist_found_boxes(f->found), gst_fmnist_found_size(f->found), f->now,
                            tracks);
  gst_fmnist_found_steady(f->found, f->tracker, tracks);
  f->now += FRAME;
  return gst_fmnist_found_size(f->found);
}

static guint look(Film *f, const FmnDetection *d, guint n, guint smoothing) {
  return look_at(f, d, n, 50, N, smoothing);
}

static void test_none(void) {
  const FmnDetection d[] = {{{0.1, 0.1, 0.3, 0.3}, A, 0.6f}, {{0.1, 0.1, 0.3, 0.32}, B, 0.4f}};
  Film f = film_new();
  g_assert_cmpuint(look(&f, d, 2, 0), ==, 2);
  for (guint i = 0; i < 2; i++) {
    FmnDetection got;
    GQuark name;
    g_assert_true(gst_fmnist_found_get(f.found, i, &got, &name));
    g_assert_cmpint(got.label, ==, d[i].label);
    g_assert_cmpfloat(got.confidence, ==, d[i].confidence);
    g_assert_cmpuint(name, ==, names[i]);
  }
  film_free(&f);
}

/* Boxes of several labels in one place are one object, which bears the name that it has most of the time; another
 * place is another object. */
static void test_flicker(void) {
  Film f = film_new();
  for (guint i = 0; i < 30; i++) {
    gboolean odd = i % 3 == 2;
    const FmnDetection d[] = {{{0.1, 0.1, 0.3, 0.3}, odd ? B : A, 0.75f},
                              {{0.11, 0.1, 0.3, 0.32}, odd ? A : B, 0.45f},
                              {{0.6, 0.1, 0.3, 0.3}, C, 0.7f}};
    FmnDetection got;
    GQuark name;
    g_assert_cmpuint(look(&f, d, 3, 1000), ==, 2);
    g_assert_true(gst_fmnist_found_get(f.found, 0, &got, &name));
    g_assert_cmpuint(name, ==, names[A]);
    g_assert_cmpfloat(got.confidence, >, 0.55f);
    g_assert_cmpfloat(got.confidence, <=, 0.75f);
    g_assert_true(gst_fmnist_found_get(f.found, 1, &got, &name));
    g_assert_cmpuint(name, ==, names[C]);
    g_assert_cmpfloat_with_epsilon(got.confidence, 0.7f, 1e-5f);
  }
  film_free(&f);
}

/* What is mostly less sure than the threshold is not shown, though it is more than that now and then. */
static void test_faint(void) {
  Film f = film_new();
  guint shown = 0;
  for (guint i = 0; i < 20; i++) {
    const FmnDetection d = {{0.1, 0.1, 0.3, 0.3}, A, i % 4 == 3 ? 0.6f : 0.3f};
    FmnDetection got;
    GQuark name;
    g_assert_cmpuint(look(&f, &d, 1, 1000), ==, 1);
    shown += gst_fmnist_found_get(f.found, 0, &got, &name);
  }
  g_assert_cmpuint(shown, ==, 0);
  film_free(&f);
}

/* Frames without it count: what is found in every third one only is not shown for long. */
static void test_missed(void) {
  const FmnDetection d = {{0.1, 0.1, 0.3, 0.3}, A, 0.7f};
  Film f = film_new();
  guint shown = 0;
  for (guint i = 0; i < 30; i++) {
    FmnDetection got;
    GQuark name;
    if (look(&f, &d, i % 3 == 0, 1000) == 1 && i > 6)
      shown += gst_fmnist_found_get(f.found, 0, &got, &name);
  }
  g_assert_cmpuint(shown, ==, 0);
  film_free(&f);
}

/* Boxes of other labels take no object's place where only so many are wanted. */
static void test_most(void) {
  const FmnDetection d[] = {{{0.1, 0.1, 0.3, 0.3}, A, 0.75f},
                            {{0.1, 0.1, 0.3, 0.32}, B, 0.7f},
                            {{0.6, 0.1, 0.3, 0.3}, C, 0.65f},
                            {{0.6, 0.6, 0.3, 0.3}, C, 0.6f}};
  Film f = film_new();
  FmnDetection got;
  GQuark name;
  g_assert_cmpuint(look_at(&f, d, 4, 2, N, 1000), ==, 2);
  g_assert_true(gst_fmnist_found_get(f.found, 1, &got, &name));
  g_assert_cmpuint(name, ==, names[C]);
  g_assert_cmpfloat(got.box.y, ==, 0.1);
  film_free(&f);
}

/* A model with more labels goes on with its own. */
static void test_labels(void) {
  const FmnDetection a = {{0.1, 0.1, 0.3, 0.3}, A, 0.75f}, c = {{0.1, 0.1, 0.3, 0.3}, C, 0.75f};
  Film f = film_new();
  FmnDetection got;
  GQuark name;
  look_at(&f, &a, 1, 50, A + 1, 1000);
  look_at(&f, &c, 1, 50, N, 1000);
  g_assert_true(gst_fmnist_found_get(f.found, 0, &got, &name));
  g_assert_cmpuint(name, ==, names[C]);
  film_free(&f);
}

/* Another garment in the same place has its own name within 300 ms. */
static void test_another(void) {
  Film f = film_new();
  FmnDetection got;
  GQuark name = 0;
  for (guint i = 0; i < 23; i++) {
    const FmnDetection d = {{0.1, 0.1, 0.3, 0.3}, i < 20 ? A : B, 0.9f};
    look(&f, &d, 1, 1000);
    gst_fmnist_found_get(f.found, 0, &got, &name);
    if (i == 19)
      g_assert_cmpuint(name, ==, names[A]);
  }
  g_assert_cmpuint(name, ==, names[B]);
  film_free(&f);
}

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  names[A] = g_quark_from_static_string("A");
  names[B] = g_quark_from_static_string("B");
  names[C] = g_quark_from_static_string("C");
  g_test_add_func("/found/none", test_none);
  g_test_add_func("/found/flicker", test_flicker);
  g_test_add_func("/found/faint", test_faint);
  g_test_add_func("/found/missed", test_missed);
  g_test_add_func("/found/most", test_most);
  g_test_add_func("/found/labels", test_labels);
  g_test_add_func("/found/another", test_another);
  return g_test_run();
}
