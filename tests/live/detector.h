/* A detector of random weights, yolov3-tiny at its own size, where the elements find it. Its objects are nonsense and
 * its time is real. */
#ifndef TESTS_LIVE_DETECTOR_H
#define TESTS_LIVE_DETECTOR_H

#include "../detect/model.h"
#include "../elements/helper.h"

static inline void live_write_detector(void) {
  char *path = helper_path("yolov3-tiny.safetensors");
  write_detector(path, NULL, "10,14 28,28 37,58 81,82 135,169 288,288");
  g_free(path);
}

static inline GstStructure *live_stats(GstElement *element) {
  GstStructure *s = NULL;
  g_object_get(element, "stats", &s, NULL);
  g_assert_nonnull(s);
  return s;
}

static inline guint64 live_count(GstElement *element, const char *field) {
  GstStructure *s = live_stats(element);
  guint64 n = 0;
  g_assert_true(gst_structure_get_uint64(s, field, &n));
  gst_structure_free(s);
  return n;
}

static inline double live_ms(GstElement *element, const char *field) {
  GstStructure *s = live_stats(element);
  double v = 0;
  g_assert_true(gst_structure_get_double(s, field, &v));
  gst_structure_free(s);
  return v;
}

static inline gboolean live_is_live(GstElement *element) {
  GstStructure *s = live_stats(element);
  gboolean live = FALSE;
  g_assert_true(gst_structure_get_boolean(s, "live", &live));
  gst_structure_free(s);
  return live;
}

#endif
