/* A camera that speaks RTSP, over UDP and over TCP, and a network that is slower than it. */
#include <gst/rtsp-server/rtsp-server.h>

#include "detector.h"
#include "latency.h"

#define SECONDS 5
#define FPS 60

static GMainLoop *loop;
static int port;

static gpointer serve(gpointer data) {
  g_main_context_push_thread_default(g_main_loop_get_context(loop));
  g_main_loop_run(loop);
  g_main_context_pop_thread_default(g_main_loop_get_context(loop));
  return NULL;
}

static GstRTSPServer *start_camera(GThread **thread) {
  GMainContext *context = g_main_context_new();
  GstRTSPServer *server = gst_rtsp_server_new();
  GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server);
  GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
  GSource *source;
  char *launch = g_strdup_printf(
      "( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=640,height=480,framerate=%d/1 ! "
      "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 threads=1 ! rtph264pay name=pay0 "
      "config-interval=-1 )",
      FPS);
  gst_rtsp_media_factory_set_launch(factory, launch);
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

static void test_camera(gconstpointer protocol) {
  char *launch = g_strdup_printf("rtspsrc location=rtsp://127.0.0.1:%d/camera protocols=%s latency=50 ! rtph264depay ! "
                                 "avdec_h264 max-threads=1 ! fmnistyolo name=d threshold=0.001 max-detections=5 ! "
                                 "fakesink name=s sync=false",
                                 port, (const char *)protocol);
  GstElement *pipeline = gst_parse_launch(launch, NULL), *d = gst_bin_get_by_name(GST_BIN(pipeline), "d");
  GArray *held = g_array_new(FALSE, FALSE, sizeof(double));
  Latency in, out, through = {.late = held};
  double inference;
  guint n;
  latency_watch(&in, pipeline, "d");
  latency_watch(&out, pipeline, "s");
  run_for(pipeline, SECONDS);
  inference = live_ms(d, "p95");
  g_assert_true(live_is_live(d));
  gst_element_set_state(pipeline, GST_STATE_NULL);
  n = out.late->len;
  g_assert_cmpuint(n, >, SECONDS * FPS / 2); /* the start takes a while */
  g_assert_cmpuint(in.late->len, <=, n + 1);
  for (guint i = 0; i < n; i++) {
    double ms = g_array_index(out.late, double, i) - g_array_index(in.late, double, i);
    g_array_append_val(held, ms);
  }
  g_test_message("%s: %u frames, inference %.1f ms (p95), held up %.1f ms (p50), %.1f (p95), %.1f (greatest); results "
                 "at most %u frames old",
                 (const char *)protocol, n, inference, latency_percentile(&through, 0, n, 0.5),
                 latency_percentile(&through, 0, n, 0.95), latency_percentile(&through, 0, n, 1), out.oldest);
  g_assert_true(out.ordered);
  g_assert_cmpfloat(latency_percentile(&through, 0, n, 0.95), <, 2 * 1000.0 / FPS + inference);
  /* as late at the end as at first, counted from when the frame was taken: nothing piles up before the element */
  g_assert_cmpfloat(latency_percentile(&out, 2 * n / 3, n, 0.5), <,
                    latency_percentile(&out, n / 6, n / 2, 0.5) + 2 * 1000.0 / FPS);
  g_assert_cmpuint(out.named, >, n / 2);
  g_array_unref(held);
  g_array_unref(in.late);
  g_array_unref(out.late);
  gst_object_unref(d);
  gst_object_unref(pipeline);
  g_free(launch);
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
