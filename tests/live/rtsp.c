/* A camera that speaks RTSP, over UDP and over TCP, and a network that is slower than it: how long it takes from where
 * a frame is made to where it comes out of the element. */
#include <gst/rtsp-server/rtsp-server.h>

#include "detector.h"
#include "latency.h"
#include "stamp.h"

#define SECONDS 5
#define FPS 60
#define FRAME_MS (1000.0 / FPS)

static GMainLoop *loop;
static int port, size;

static gpointer serve(gpointer data) {
  g_main_context_push_thread_default(g_main_loop_get_context(loop));
  g_main_loop_run(loop);
  g_main_context_pop_thread_default(g_main_loop_get_context(loop));
  return NULL;
}

static void on_media(GstRTSPMediaFactory *factory, GstRTSPMedia *media, gpointer user) {
  GstElement *bin = gst_rtsp_media_get_element(media), *made = gst_bin_get_by_name(GST_BIN(bin), "made");
  GstPad *pad = gst_element_get_static_pad(made, "src");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, stamp_write, NULL, NULL);
  gst_object_unref(pad);
  gst_object_unref(made);
  gst_object_unref(bin);
}

static GstRTSPServer *start_camera(GThread **thread) {
  GMainContext *context = g_main_context_new();
  GstRTSPServer *server = gst_rtsp_server_new();
  GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server);
  GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
  GSource *source;
  char *launch = g_strdup_printf(
      "( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=640,height=480,framerate=%d/1 ! "
      "identity name=made ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 threads=1 ! rtph264pay "
      "name=pay0 "
      "config-interval=-1 )",
      FPS);
  gst_rtsp_media_factory_set_launch(factory, launch);
  g_signal_connect(factory, "media-configure", G_CALLBACK(on_media), NULL);
  gst_rtsp_mount_points_add_factory(mounts, "/camera", factory);
  gst_rtsp_server_set_address(server, "127.0.0.1");
  gst_rtsp_server_set_service(server, "0");
  source = gst_rtsp_server_create_source(server, NULL, NULL);
  g_assert_nonnull(source);
  g_source_attach(source, context);
  g_source_unref(source);
  port = gst_rtsp_server_get_bound_port(server);
  loop = g_main_loop_new(context, FALSE);
  *thread = g_thread_new("camera", serve, NULL);
  g_main_context_unref(context);
  g_object_unref(mounts);
  g_free(launch);
  return server;
}

static void run_for(GstElement *pipeline, guint seconds) {
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *message;
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered(bus, seconds * GST_SECOND, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  if (message != NULL)
    g_error("unexpected %s: %s", GST_MESSAGE_TYPE_NAME(message),
            gst_structure_to_string(gst_message_get_structure(message)));
  gst_object_unref(bus);
}

static LiveStats play_camera(const char *protocol, Latency *in, Latency *out) {
  char *launch = g_strdup_printf("rtspsrc location=rtsp://127.0.0.1:%d/camera protocols=%s latency=50 ! rtph264depay ! "
                                 "avdec_h264 max-threads=1 ! fmnistyolo name=d size=%d threshold=0.001 "
                                 "max-detections=5 ! fakesink name=s sync=false",
                                 port, protocol, size);
  GstElement *pipeline = gst_parse_launch(launch, NULL), *d = gst_bin_get_by_name(GST_BIN(pipeline), "d");
  LiveStats stats;
  latency_watch(in, pipeline, "d", stamp_age);
  latency_watch(out, pipeline, "s", stamp_age);
  run_for(pipeline, SECONDS);
  stats = live_stats(d);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(d);
  gst_object_unref(pipeline);
  g_free(launch);
  return stats;
}

static void report(const char *protocol, const Latency *in, const Latency *out, const LiveStats *stats) {
  const guint n = out->late->len;
  g_test_message(
      "%s, size %d: inference %.1f ms (p95), %.1f (p50); frames come to the element %.1f ms after they were "
      "made (p50), %.1f (p95), and out of it %.1f (p50), %.1f (p95), %.1f (greatest); at most %.1f (p95) are "
      "allowed. Of %" G_GUINT64_FORMAT " frames %" G_GUINT64_FORMAT " were looked at, %" G_GUINT64_FORMAT
      " dropped, %" G_GUINT64_FORMAT " went on with earlier results; new ones are %.0f frames old (p50), carried ones "
      "at most %u",
      protocol, size, stats->p95, stats->p50, latency_percentile(in, n / 6, n - 1, 0.5),
      latency_percentile(in, n / 6, n - 1, 0.95), latency_percentile(out, n / 6, n, 0.5),
      latency_percentile(out, n / 6, n, 0.95), latency_percentile(out, n / 6, n, 1), 2 * FRAME_MS + stats->p95,
      stats->frames, stats->inferred, stats->dropped, stats->reused, latency_fresh(out), out->oldest);
}

static void test_camera(gconstpointer protocol) {
  gboolean bounded = FALSE;
  for (int i = 0; i < LATENCY_TRIES && !bounded; i++) {
    Latency in, out;
    LiveStats stats = play_camera(protocol, &in, &out);
    const guint n = out.late->len;
    g_assert_cmpuint(n, >, SECONDS);
    report(protocol, &in, &out, &stats);
    g_assert_true(stats.live);
    /* none is lost or overtaken; the last one may be on its way */
    g_assert_cmpuint(out.times->len + 1, >=, in.times->len);
    g_assert_cmpmem(out.times->data, out.times->len * sizeof(GstClockTime), in.times->data,
                    out.times->len * sizeof(GstClockTime));
    g_assert_cmpfloat(stats.p50, >, FRAME_MS); /* it is slower indeed: */
    g_assert_cmpuint(stats.dropped, >, 0);
    g_assert_cmpuint(stats.inferred + stats.dropped, <=, stats.frames);
    if (LATENCY_KEEPS_TIME) {
      g_assert_cmpuint(stats.reused, >, 0);
      g_assert_cmpuint(stats.inferred, >, SECONDS / 2);
      g_assert_cmpuint(out.named, >, n / 2);
    }
    bounded = !LATENCY_KEEPS_TIME || (n > SECONDS * FPS / 2 && /* the start takes a while */
                                      out.unread <= n / 20 &&  /* whose packets were lost */
                                      latency_is_bounded(&out, n / 6, FRAME_MS, stats.p95));
    latency_clear(&in);
    latency_clear(&out);
  }
  g_assert_true(bounded);
}

static const char *missing_element(void) {
  static const char *const needed[] = {"x264enc", "rtph264pay", "rtph264depay", "rtspsrc", "avdec_h264"};
  for (gsize i = 0; i < G_N_ELEMENTS(needed); i++) {
    GstElementFactory *factory = gst_element_factory_find(needed[i]);
    if (factory == NULL)
      return needed[i];
    gst_object_unref(factory);
  }
  return NULL;
}

int main(int argc, char **argv) {
  GstRTSPServer *server;
  GThread *thread;
  int status;
  helper_init(&argc, &argv);
  if (missing_element() != NULL) {
    g_print("1..0 # SKIP no %s: gstreamer1.0-plugins-good, -ugly and gstreamer1.0-libav have what a camera needs\n",
            missing_element());
    helper_run();
    return 0;
  }
  live_write_detector();
  size = live_slow_size(1.5 * FRAME_MS);
  server = start_camera(&thread);
  g_test_add_data_func("/rtsp/udp", "udp", test_camera);
  g_test_add_data_func("/rtsp/tcp", "tcp", test_camera);
  status = helper_run();
  g_main_loop_quit(loop);
  g_thread_join(thread);
  g_object_unref(server);
  g_main_loop_unref(loop);
  return status;
}
