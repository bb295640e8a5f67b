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

/* The property `stats`. */
typedef struct {
  guint64 frames, inferred, reused, dropped;
  double p50, p95; /* ms */
  gboolean live;
} LiveStats;

static inline LiveStats live_stats(GstElement *element) {
  GstStructure *s = NULL;
  LiveStats v;
  g_object_get(element, "stats", &s, NULL);
  g_assert_nonnull(s);
  g_assert_true(gst_structure_get(s, "frames", G_TYPE_UINT64, &v.frames, "inferred", G_TYPE_UINT64, &v.inferred,
                                  "reused", G_TYPE_UINT64, &v.reused, "dropped", G_TYPE_UINT64, &v.dropped, "p50",
                                  G_TYPE_DOUBLE, &v.p50, "p95", G_TYPE_DOUBLE, &v.p95, "live", G_TYPE_BOOLEAN, &v.live,
                                  NULL));
  gst_structure_free(s);
  return v;
}

/* The smallest size, 416 or more, at which a frame takes the detector at least so many ms on this machine. */
static inline int live_slow_size(double ms) {
  for (int size = 416;; size += 208) {
    char *launch = g_strdup_printf("videotestsrc num-buffers=5 ! video/x-raw,format=I420,width=640,height=480 ! "
                                   "fmnistyolo name=d size=%d ! fakesink",
                                   size / 32 * 32);
    GstElement *pipeline = gst_parse_launch(launch, NULL), *d = gst_bin_get_by_name(GST_BIN(pipeline), "d");
    double took;
    helper_play(pipeline);
    took = live_stats(d).p50;
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(d);
    gst_object_unref(pipeline);
    g_free(launch);
    if (took >= ms)
      return size / 32 * 32;
  }
}

#endif
