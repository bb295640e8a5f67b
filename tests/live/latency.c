/* How late frames come where the network is slower than they are, and what elements say that they hold them up by. */
#include "detector.h"
#include "latency.h"

static const HelperScene scene = HELPER_SCENE;

static LiveStats play_slow(int size, guint n, Latency *l) {
  char *launch =
      g_strdup_printf("videotestsrc is-live=true pattern=ball num-buffers=%u ! "
                      "video/x-raw,format=I420,width=640,height=480,framerate=60/1 ! "
                      "fmnistyolo name=d threshold=0.001 max-detections=5 size=%d ! fakesink name=s sync=false",
                      n, size);
  GstElement *pipeline = gst_parse_launch(launch, NULL), *d = gst_bin_get_by_name(GST_BIN(pipeline), "d");
  LiveStats stats;
  latency_watch(l, pipeline, "s", latency_of_timestamp);
  helper_play(pipeline);
  stats = live_stats(d);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(d);
  gst_object_unref(pipeline);
  g_free(launch);
  return stats;
}

static void test_latency(gconstpointer data) {
  const int size = GPOINTER_TO_INT(data);
  const guint n = 300;
  gboolean bounded = FALSE;
  for (int i = 0; i < LATENCY_TRIES && !bounded; i++) {
    Latency l;
    LiveStats stats = play_slow(size, n, &l);
    g_assert_true(stats.live);
    g_assert_cmpuint(l.late->len, ==, n); /* none is lost */
    for (guint k = 1; k < n; k++)
      g_assert_cmpuint(g_array_index(l.times, GstClockTime, k), >, g_array_index(l.times, GstClockTime, k - 1));
    g_assert_cmpuint(stats.frames, ==, n);
    g_assert_cmpuint(stats.inferred + stats.dropped, <=, n);
    g_assert_cmpuint(stats.inferred + stats.dropped, >=, n - 3); /* one runs, one waits, one is done at the end */
    g_assert_cmpuint(stats.reused + stats.inferred, >=, l.named);
    if (LATENCY_KEEPS_TIME) {
      g_assert_cmpuint(stats.inferred, >=, 3);
      g_assert_cmpuint(l.named, >, n / 2);
    }
    bounded = !LATENCY_KEEPS_TIME || latency_is_bounded(&l, 0, 1000.0 / 60, stats.p95);
    g_test_message(
        "size %d: inference %.1f ms (p95), %.1f (p50); frames arrive %.1f ms after their timestamp (p50), %.1f (p95), "
        "%.1f (greatest); new results are %.0f frames old (p50), carried ones at most %u; %u of %u frames looked at",
        size, stats.p95, stats.p50, latency_percentile(&l, 0, n, 0.5), latency_percentile(&l, 0, n, 0.95),
        latency_percentile(&l, 0, n, 1), latency_fresh(&l), l.oldest, (guint)stats.inferred, n);
    latency_clear(&l);
  }
  g_assert_true(bounded);
}

static GstClockTime own_latency(GstHarness *h) {
  GstClockTime min = gst_harness_query_latency(h);
  g_assert_cmpuint(min, >=, 100 * GST_MSECOND);
  return min - 100 * GST_MSECOND;
}

/* How many LATENCY messages there are. */
static guint latency_messages(GstBus *bus) {
  GstMessage *message;
  guint n = 0;
  while ((message = gst_bus_pop_filtered(bus, GST_MESSAGE_LATENCY)) != NULL) {
    gst_message_unref(message);
    n++;
  }
  return n;
}

/* Each element adds what it holds a live frame up by, and says when that has become more than it had said. */
static void test_latency_query(gconstpointer element) {
  GstVideoInfo small = helper_info(GST_VIDEO_FORMAT_I420, 160, 120),
               large = helper_info(GST_VIDEO_FORMAT_I420, 8000, 6000);
  GstHarness *h = helper_harness(element, &small);
  GstBus *bus = gst_bus_new();
  GstBuffer *frame = helper_frame(&large, &scene, 0);
  GstClockTime before, after;
  GstQuery *query;
  guint i = 0;
  gst_element_set_bus(h->element, bus);
  gst_harness_set_upstream_latency(h, 100 * GST_MSECOND);
  for (; i < 3; i++)
    gst_buffer_unref(helper_pass(h, helper_frame(&small, &scene, 0), i));
  before = own_latency(h);
  g_assert_cmpuint(before, >=, GST_MSECOND);
  g_assert_cmpuint(before, <=, 40 * GST_MSECOND);
  latency_messages(bus);
  gst_harness_set_src_caps(h, helper_caps(&large));
  while (latency_messages(bus) == 0) {
    g_assert_cmpuint(i++, <, 1000);
    gst_buffer_unref(helper_pass(h, gst_buffer_copy(frame), i));
  }
  after = own_latency(h);
  g_test_message("%s: %.0f ms of its own, then %.0f", (const char *)element, (double)before / GST_MSECOND,
                 (double)after / GST_MSECOND);
  g_assert_cmpuint(after, >, before);

  gst_harness_set_live(h, FALSE); /* a file waits: nothing to say */
  query = gst_query_new_latency();
  g_assert_true(gst_pad_peer_query(h->sinkpad, query));
  gst_query_parse_latency(query, NULL, &before, NULL);
  g_assert_cmpuint(before % (100 * GST_MSECOND), ==, 0); /* the harness's own alone */
  gst_query_unref(query);
  gst_element_set_bus(h->element, NULL);
  gst_buffer_unref(frame);
  gst_object_unref(bus);
  gst_harness_teardown(h);
}

/* A model that is faster or slower than the one before changes it too. */
static void test_latency_of_models(void) {
  static const char *const sizes[] = {"size=320", "size=32"};
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 160, 120);
  GstHarness *h = helper_harness("fmnistyolo size=0 live=off", &info);
  GstElement *d = gst_harness_find_element(h, "fmnistyolo");
  GstBus *bus = gst_bus_new();
  GstClockTime own[2] = {GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE};
  gst_element_set_bus(h->element, bus);
  gst_harness_set_upstream_latency(h, 100 * GST_MSECOND);
  own_latency(h);
  for (guint i = 0; i < 2; i++) {
    char *path = helper_path(i == 0 ? "slow.safetensors" : "quick.safetensors");
    gboolean told = FALSE;
    guint frames = 0;
    write_detector(path, sizes[i], "10,14 28,28 37,58 81,82 135,169 288,288");
    latency_messages(bus);
    g_object_set(d, "model", path, NULL);
    while (!told || (i == 1 && own[1] >= own[0])) { /* a message may also be of one slow frame before the change */
      g_assert_cmpuint(frames++, <, 1000);
      g_usleep(10000);
      gst_buffer_unref(helper_pass(h, helper_frame(&info, &scene, 0), (i * 1000 + frames) * 25)); /* a second each */
      told |= latency_messages(bus) > 0;
      own[i] = own_latency(h);
    }
    g_free(path);
  }
  g_test_message("%.0f ms of its own, then %.0f", (double)own[0] / GST_MSECOND, (double)own[1] / GST_MSECOND);
  g_assert_cmpuint(own[0], >, own[1]);
  gst_element_set_bus(h->element, NULL);
  gst_object_unref(bus);
  gst_object_unref(d);
  gst_harness_teardown(h);
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  live_write_detector();
  g_test_add_data_func("/live/latency/416", GINT_TO_POINTER(416), test_latency);
  g_test_add_data_func("/live/latency/832", GINT_TO_POINTER(832), test_latency);
  g_test_add_data_func("/live/latency-query/segment", "fmnistsegment", test_latency_query);
  g_test_add_data_func("/live/latency-query/classify", "fmnistclassify inference-region=full-frame",
                       test_latency_query);
  g_test_add_data_func("/live/latency-query/yolo", "fmnistyolo size=32", test_latency_query);
  g_test_add_func("/live/latency-query/models", test_latency_of_models);
  return helper_run();
}
