/* A live source and a network that is slower: the newest frame is looked at, results are carried and expire. A file is
 * looked at frame by frame, the same each time. */
#include <string.h>

#include "detector.h"
#include "gstfmniststats.h"
#include "latency.h"

/* A fast network has its results in the very frame, live or not. */
static void test_fast(void) {
  GstElement *pipeline = gst_parse_launch("videotestsrc is-live=true pattern=ball num-buffers=60 ! "
                                          "video/x-raw,width=320,height=240,framerate=30/1 ! fmnistsegment ! "
                                          "fmnistclassify name=c ! fakesink name=s",
                                          NULL);
  GstElement *c = gst_bin_get_by_name(GST_BIN(pipeline), "c");
  Latency l;
  latency_watch(&l, pipeline, "s", latency_of_timestamp);
  helper_play(pipeline);
  g_assert_true(live_stats(c).live);
  g_test_message("%u of 60 frames inferred, %u of %u results of the very frame", (guint)live_stats(c).inferred, l.now,
                 l.named);
  g_assert_cmpuint(live_stats(c).inferred, >=, 50); /* a busy machine may be slow for a moment */
  g_assert_cmpuint(l.now + 10, >=, l.named);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  latency_clear(&l);
  gst_object_unref(c);
  gst_object_unref(pipeline);
}

/* What the source says, and what the property says against it. */
static void test_found_out(void) {
  static const struct {
    const char *source, *property;
    gboolean live;
  } cases[] = {
      {"videotestsrc num-buffers=3 is-live=true", "", TRUE},
      {"videotestsrc num-buffers=3", "", FALSE},
      {"videotestsrc num-buffers=3 is-live=true ! queue ! videoconvert ! tee ! queue", "", TRUE},
      {"videotestsrc num-buffers=3 ! queue ! videoscale", "", FALSE},
      {"videotestsrc num-buffers=3 is-live=true", "live=off", FALSE},
      {"videotestsrc num-buffers=3", "live=on", TRUE},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    char *launch = g_strdup_printf("%s ! fmnistclassify name=c %s ! fakesink", cases[i].source, cases[i].property);
    GstElement *pipeline = gst_parse_launch(launch, NULL), *c = gst_bin_get_by_name(GST_BIN(pipeline), "c");
    helper_play(pipeline);
    g_test_message("%s", launch);
    g_assert_true(live_stats(c).live == cases[i].live);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(c);
    gst_object_unref(pipeline);
    g_free(launch);
  }
}

/* The lines of JSON of a file that plays in real time with a network that cannot keep up. */
static char *lines_of_file(GstElement **element, GstElement **pipeline) {
  char *path = helper_path("live.jsonl"), *text;
  char *launch = g_strdup_printf(
      "videotestsrc pattern=snow num-buffers=20 ! video/x-raw,width=160,height=120,framerate=120/1 ! "
      "fmnistyolo name=d threshold=0.001 max-detections=5 ! fmnistjson location=%s ! fakesink sync=true qos=true",
      path);
  *pipeline = gst_parse_launch(launch, NULL);
  *element = gst_bin_get_by_name(GST_BIN(*pipeline), "d");
  helper_play(*pipeline);
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  g_free(launch);
  g_free(path);
  return text;
}

static void test_exhaustive(void) {
  char *lines[2];
  for (int i = 0; i < 2; i++) {
    GstElement *d, *pipeline;
    lines[i] = lines_of_file(&d, &pipeline);
    g_assert_cmpuint(live_stats(d).frames, ==, 20);
    g_assert_cmpuint(live_stats(d).inferred, ==, 20);
    g_assert_cmpuint(live_stats(d).reused, ==, 0);
    g_assert_cmpuint(live_stats(d).dropped, ==, 0);
    g_assert_cmpfloat(live_stats(d).p50, >, 0);
    g_assert_cmpfloat(live_stats(d).p95, >=, live_stats(d).p50);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(d);
    gst_object_unref(pipeline);
  }
  g_assert_cmpstr(lines[0], ==, lines[1]);
  g_assert_null(strstr(lines[0], "\"frames_ago\":1"));
  g_free(lines[0]);
  g_free(lines[1]);
}

/* p50 and p95 are those of the last 256 inferences. */
static void test_percentiles(void) {
  GstFmnistStats s = {0};
  double p50, p95;
  for (guint i = 1; i <= 1000; i++) {
    GstStructure *told;
    gst_fmnist_stats_add_time(&s, (i % 2 != 0 ? i : 1001 - i) * GST_MSECOND); /* odd ones rise, even ones fall */
    told = gst_fmnist_stats_structure(&s, TRUE);
    g_assert_true(gst_structure_get(told, "p50", G_TYPE_DOUBLE, &p50, "p95", G_TYPE_DOUBLE, &p95, NULL));
    gst_structure_free(told);
    if (i == 1 || i == 2)
      g_assert_true(p50 == 1 && p95 == (i == 1 ? 1 : 999));
    if (i == 100) /* 1, 3, ... 99 and 901, 903, ... 999 */
      g_assert_true(p50 == 99 && p95 == 989);
  }
  g_assert_true(p50 == 255 && p95 == 975); /* 1, 3, ... 255 and 745, 747, ... 999 */
}

static guint objects_of(GstHarness *h, GstBuffer *frame, GstClockTime time, guint *ago) {
  GstBuffer *out;
  guint n;
  GST_BUFFER_PTS(frame) = time;
  g_assert_cmpint(gst_harness_push(h, frame), ==, GST_FLOW_OK);
  out = gst_harness_pull(h);
  n = helper_n_objects(out);
  *ago = n > 0 ? helper_object(out, 0)->found_ago : 0;
  gst_buffer_unref(out);
  return n;
}

/* Frames that cannot be read are not looked at, so they go on with what was found before, until that is too old. */
static void test_expires(void) {
  static const HelperScene scene = HELPER_SCENE;
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 160, 120);
  GstHarness *h = helper_harness("fmnistyolo size=64 threshold=0.001 max-detections=3 max-age=500", &info);
  guint ago, n = objects_of(h, helper_frame(&info, &scene, 0), 0, &ago);
  g_assert_cmpuint(n, >, 0);
  g_assert_cmpuint(ago, ==, 0);
  g_assert_cmpuint(objects_of(h, gst_buffer_new(), 100 * GST_MSECOND, &ago), ==, n);
  g_assert_cmpuint(ago, ==, 1);
  g_assert_cmpuint(objects_of(h, gst_buffer_new(), 500 * GST_MSECOND, &ago), ==, n);
  g_assert_cmpuint(ago, ==, 2);
  g_assert_cmpuint(objects_of(h, gst_buffer_new(), 10 * GST_SECOND, &ago), ==, 0);
  g_assert_cmpuint(objects_of(h, helper_frame(&info, &scene, 0), 11 * GST_SECOND, &ago), ==, n);
  gst_harness_teardown(h);
}

/* Of those that come while the network runs the last one is looked at next. Frames that cannot be read show what is
 * known. */
static void test_newest(void) {
  static const HelperScene scene = HELPER_SCENE;
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 160, 120);
  GstHarness *h = helper_harness("fmnistyolo name=d size=832 threshold=0.001 max-detections=3", &info);
  GstElement *d = gst_harness_find_element(h, "fmnistyolo");
  guint ago, frame = 0;
  gst_util_set_object_arg(G_OBJECT(d), "live", "on");
  while (frame < 5)
    objects_of(h, helper_frame(&info, &scene, 0), frame++ * GST_MSECOND, &ago);
  g_assert_cmpuint(live_stats(d).inferred, ==, 0);
  while (live_stats(d).dropped + live_stats(d).inferred < 5) { /* the first one, too, may come before anybody looks */
    g_assert_cmpuint(frame, <, 900);
    g_usleep(20000);
    g_assert_true(objects_of(h, gst_buffer_new(), frame++ * GST_MSECOND, &ago) > 0 || live_stats(d).inferred == 0);
  }
  g_assert_cmpuint(ago, ==, frame - 1 - 4);
  g_assert_cmpuint(live_stats(d).frames, ==, frame);
  g_assert_cmpuint(live_stats(d).dropped + live_stats(d).inferred, ==, 5);
  g_assert_cmpuint(live_stats(d).dropped, >=, 3);
  gst_object_unref(d);
  gst_harness_teardown(h);
}

/* A result that comes late, as `live` was switched off while the network ran aside, takes no newer one's place. */
static void test_newer_stays(void) {
  static const HelperScene scene = HELPER_SCENE;
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 160, 120);
  GstHarness *h = helper_harness("fmnistyolo name=d size=832 threshold=0.001 max-detections=3", &info);
  GstElement *d = gst_harness_find_element(h, "fmnistyolo");
  guint ago, frame = 0;
  gst_util_set_object_arg(G_OBJECT(d), "live", "on");
  objects_of(h, helper_frame(&info, &scene, 0), frame++ * GST_MSECOND, &ago);
  gst_util_set_object_arg(G_OBJECT(d), "live", "off");
  g_assert_cmpuint(objects_of(h, helper_frame(&info, &scene, 0), frame++ * GST_MSECOND, &ago), >, 0);
  g_assert_cmpuint(ago, ==, 0);
  while (live_stats(d).dropped + live_stats(d).inferred < 2) {
    g_assert_cmpuint(frame, <, 900);
    g_usleep(20000);
    g_assert_cmpuint(objects_of(h, gst_buffer_new(), frame++ * GST_MSECOND, &ago), >, 0);
    g_assert_cmpuint(ago, ==, frame - 2);
  }
  gst_object_unref(d);
  gst_harness_teardown(h);
}

/* What downstream has no time for is not looked at, but now and then. Files are, whatever downstream says. */
static void test_qos(void) {
  static const HelperScene scene = HELPER_SCENE;
  for (int live = 0; live < 2; live++) {
    GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 160, 120);
    GstHarness *h = helper_harness("fmnistyolo name=d size=832", &info);
    GstElement *d = gst_harness_find_element(h, "fmnistyolo");
    GstEvent *event;
    gboolean seen = FALSE;
    guint ago;
    gst_util_set_object_arg(G_OBJECT(d), "live", live ? "on" : "off");
    objects_of(h, helper_frame(&info, &scene, 0), 0, &ago);
    g_usleep(live ? G_USEC_PER_SEC / 2 : 0); /* time for its thread to take it */
    g_assert_true(gst_harness_push_upstream_event(h, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 2.0, GST_SECOND, 0)));
    while ((event = gst_harness_try_pull_upstream_event(h)) != NULL) {
      seen |= GST_EVENT_TYPE(event) == GST_EVENT_QOS;
      gst_event_unref(event);
    }
    g_assert_true(seen); /* upstream may act on it too */
    for (guint i = 1; i <= 5; i++)
      objects_of(h, helper_frame(&info, &scene, 0), i * 40 * GST_MSECOND, &ago);
    g_assert_cmpuint(live_stats(d).dropped, ==, live ? 5 : 0);
    g_assert_cmpuint(live_stats(d).frames, ==, 6);
    objects_of(h, helper_frame(&info, &scene, 0), 280 * GST_MSECOND, &ago);
    objects_of(h, helper_frame(&info, &scene, 0), 320 * GST_MSECOND, &ago);
    g_assert_cmpuint(live_stats(d).dropped, ==, live ? 6 : 0); /* 280 was looked at */
    g_assert_true(
        gst_harness_push_upstream_event(h, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.0, -10, 320 * GST_MSECOND)));
    objects_of(h, helper_frame(&info, &scene, 0), 360 * GST_MSECOND, &ago);
    if (!live)
      g_assert_cmpuint(live_stats(d).inferred, ==, 9);
    gst_object_unref(d);
    gst_harness_teardown(h);
  }
}

/* Flushed, stopped and started while a network runs aside. */
static void test_interrupted(void) {
  static const HelperScene scene = HELPER_SCENE;
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 160, 120);
  GstElement *pipeline;
  for (guint i = 0; i < 5; i++) {
    GstHarness *h = helper_harness("fmnistyolo name=d size=832 threshold=0.001", &info);
    GstElement *d = gst_harness_find_element(h, "fmnistyolo");
    GstSegment segment;
    guint ago;
    gst_util_set_object_arg(G_OBJECT(d), "live", "on");
    for (guint k = 0; k < 4; k++) {
      objects_of(h, helper_frame(&info, &scene, 0), k * GST_MSECOND, &ago);
      g_usleep(i * 20000);
    }
    g_assert_true(gst_harness_push_event(h, gst_event_new_flush_start()));
    g_assert_true(gst_harness_push_event(h, gst_event_new_flush_stop(TRUE)));
    gst_segment_init(&segment, GST_FORMAT_TIME);
    g_assert_true(gst_harness_push_event(h, gst_event_new_segment(&segment)));
    g_assert_cmpuint(objects_of(h, helper_frame(&info, &scene, 0), 0, &ago), ==, 0); /* nothing from before */
    gst_util_set_object_arg(G_OBJECT(d), "live", "off"); /* waits for what runs, then looks itself */
    g_assert_cmpuint(objects_of(h, helper_frame(&info, &scene, 0), GST_MSECOND, &ago), >, 0);
    g_assert_cmpuint(ago, ==, 0);
    gst_object_unref(d);
    gst_harness_teardown(h);
  }
  pipeline =
      gst_parse_launch("videotestsrc is-live=true ! video/x-raw,framerate=60/1 ! fmnistyolo size=832 ! fakesink", NULL);
  for (int i = 0; i < 3; i++) {
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    g_usleep(120000);
    gst_element_set_state(pipeline, i == 1 ? GST_STATE_READY : GST_STATE_NULL);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  live_write_detector();
  g_test_add_func("/live/fast", test_fast);
  g_test_add_func("/live/found-out", test_found_out);
  g_test_add_func("/live/percentiles", test_percentiles);
  g_test_add_func("/live/exhaustive", test_exhaustive);
  g_test_add_func("/live/expires", test_expires);
  g_test_add_func("/live/newest", test_newest);
  g_test_add_func("/live/newer-stays", test_newer_stays);
  g_test_add_func("/live/qos", test_qos);
  g_test_add_func("/live/interrupted", test_interrupted);
  return helper_run();
}
