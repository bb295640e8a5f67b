#include "gstfmnistmeta.h"
#include "helper.h"

static const HelperScene scene = HELPER_SCENE;

static const GstFmnistObject *only_object(GstBuffer *buffer) {
  g_assert_cmpuint(helper_n_objects(buffer), ==, 1);
  return helper_object(buffer, 0);
}

static void check_format(GstVideoFormat format, int w, int h, guint pad) {
  GstVideoInfo info = helper_info(format, w, h);
  GstHarness *hs = helper_harness("fmnistsegment", &info);
  GstBuffer *out = helper_pass(hs, helper_frame(&info, &scene, pad), 0);
  g_test_message("%s %dx%d, %u bytes padded", GST_VIDEO_INFO_NAME(&info), w, h, pad);
  helper_assert_box(&only_object(out)->box, &scene.box, 3.0 / MIN(w, h));
  gst_buffer_unref(out);
  gst_harness_teardown(hs);
}

static void test_formats(void) {
  guint n;
  const GstVideoFormat *formats = helper_formats(&n);
  for (guint i = 0; i < n; i++) {
    check_format(formats[i], 160, 120, 0);
    check_format(formats[i], 163, 121, 0);
    if (!GST_VIDEO_FORMAT_INFO_IS_TILED(gst_video_format_get_info(formats[i])))
      check_format(formats[i], 161, 119, 32);
  }
}

static void test_methods(void) {
  static const struct {
    const char *launch;
    HelperScene scene;
    gboolean found;
  } cases[] = {
      {"fmnistsegment method=otsu", HELPER_SCENE, TRUE},
      {"fmnistsegment method=otsu polarity=dark", HELPER_SCENE, TRUE},
      {"fmnistsegment method=otsu", {{0.25, 0.25, 0.4, 0.5}, 0xe0e0e0, 0x303030}, TRUE},
      {"fmnistsegment method=otsu polarity=light", {{0.25, 0.25, 0.4, 0.5}, 0xe0e0e0, 0x303030}, TRUE},
      {"fmnistsegment method=background", {{0.25, 0.25, 0.4, 0.5}, 0xe0e0e0, 0x303030}, TRUE},
      {"fmnistsegment min-area=0.9", HELPER_SCENE, FALSE},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
    GstBuffer *out = helper_look(cases[i].launch, &info, &cases[i].scene);
    g_test_message("%s", cases[i].launch);
    g_assert_nonnull(gst_fmnist_meta_get(out)); /* somebody looked */
    if (cases[i].found)
      helper_assert_box(&only_object(out)->box, &cases[i].scene.box, 0.05);
    else
      g_assert_cmpuint(helper_n_objects(out), ==, 0);
    gst_buffer_unref(out);
  }
}

static void test_region_of_interest(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_NV12, 320, 240);
  GstBuffer *out = helper_look("fmnistsegment", &info, &scene);
  GstVideoRegionOfInterestMeta *roi = gst_buffer_get_video_region_of_interest_meta(out);
  GstStructure *detection;
  double x_min, confidence;
  g_assert_nonnull(roi);
  g_assert_cmpstr(g_quark_to_string(roi->roi_type), ==, "object");
  g_assert_cmpint(ABS((int)roi->x - 80), <=, 3);
  g_assert_cmpint(ABS((int)roi->w - 128), <=, 6);
  detection = gst_video_region_of_interest_meta_get_param(roi, "detection");
  g_assert_nonnull(detection);
  g_assert_true(
      gst_structure_get(detection, "x_min", G_TYPE_DOUBLE, &x_min, "confidence", G_TYPE_DOUBLE, &confidence, NULL));
  g_assert_cmpfloat_with_epsilon(x_min, 0.25, 0.02);
  g_assert_nonnull(gst_video_region_of_interest_meta_get_param(roi, "object_id"));
  gst_buffer_unref(out);
}

/* An object keeps its id while it moves. */
static void test_ids(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment", &info);
  guint id = 0;
  for (guint i = 0; i < 8; i++) {
    HelperScene moving = scene;
    GstBuffer *out;
    moving.box.x += 0.02 * i;
    out = helper_pass(h, helper_frame(&info, &moving, 0), i);
    if (i > 0)
      g_assert_cmpuint(only_object(out)->id, ==, id);
    id = only_object(out)->id;
    g_assert_cmpuint(id, >=, 1);
    gst_buffer_unref(out);
  }
  gst_harness_teardown(h);
}

/* Of two that look at one frame each has objects, and regions of interest, of ids of their own. */
static void test_ids_of_two(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment ! fmnistsegment", &info);
  guint ids[2] = {0};
  for (guint i = 0; i < 3; i++) {
    GstBuffer *out = helper_pass(h, helper_frame(&info, &scene, 0), i);
    g_assert_cmpuint(helper_n_objects(out), ==, 2);
    g_assert_cmpuint(helper_object(out, 0)->id, !=, helper_object(out, 1)->id);
    for (guint k = 0; k < 2; k++) {
      const GstFmnistObject *o = helper_object(out, k);
      g_assert_true(i == 0 || o->id == ids[k]);
      ids[k] = o->id;
      g_assert_nonnull(gst_buffer_get_video_region_of_interest_meta_id(out, (gint)o->id));
    }
    gst_buffer_unref(out);
  }
  gst_harness_teardown(h);
}

static void test_output(void) {
  static const GstVideoFormat formats[] = {GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_YUY2,     GST_VIDEO_FORMAT_RGB,
                                           GST_VIDEO_FORMAT_v210, GST_VIDEO_FORMAT_NV12_4L4, GST_VIDEO_FORMAT_GRAY8};
  for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
    for (int mask = 0; mask < 2; mask++) {
      GstVideoInfo info = helper_info(formats[i], 161, 121);
      GstHarness *h = helper_harness(mask ? "fmnistsegment output=mask" : "fmnistsegment output=cutout", &info);
      GstBuffer *in = helper_frame(&info, &scene, 0), *out;
      guint inside = helper_pixel(in, &info, 72, 60);
      out = helper_pass(h, in, 0);
      g_test_message("%s mask=%d", GST_VIDEO_INFO_NAME(&info), mask);
      g_assert_true(helper_color_close(helper_pixel(out, &info, 72, 60), mask ? 0xffffff : inside, 4));
      g_assert_true(helper_color_close(helper_pixel(out, &info, 5, 5), 0, 4));
      gst_buffer_unref(out);
      gst_harness_teardown(h);
    }
  }
}

/* Somebody else holds the frame: it stays as it is, and its pixels are not copied unless they must change. */
static void test_shared_buffer(void) {
  for (int mask = 0; mask < 2; mask++) {
    GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
    GstHarness *h = helper_harness(mask ? "fmnistsegment output=mask" : "fmnistsegment", &info);
    GstBuffer *in = helper_frame(&info, &scene, 0), *out;
    guint before = helper_pixel(in, &info, 150, 120);
    GST_BUFFER_PTS(in) = 0;
    out = helper_pass(h, gst_buffer_ref(in), 0);
    g_assert_true(out != in);
    g_assert_null(gst_fmnist_meta_get(in));
    g_assert_nonnull(gst_fmnist_meta_get(out));
    g_assert_cmpuint(helper_pixel(in, &info, 150, 120), ==, before);
    g_assert_true((gst_buffer_peek_memory(in, 0) == gst_buffer_peek_memory(out, 0)) == !mask);
    gst_buffer_unref(in);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
  }
}

/* A frame of one's own goes through as the very same buffer. */
static void test_own_buffer(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment", &info);
  GstBuffer *in = helper_frame(&info, &scene, 0), *out = helper_pass(h, in, 0);
  g_assert_true(in == out);
  gst_buffer_unref(out);
  gst_harness_teardown(h);
}

static void test_tiny(void) {
  static const int sizes[][2] = {{1, 1}, {2, 1}, {1, 7}, {3, 3}, {4096, 1}, {1, 2000}, {16, 16}};
  static const GstVideoFormat formats[] = {GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_YUY2,
                                           GST_VIDEO_FORMAT_RGB,  GST_VIDEO_FORMAT_v210, GST_VIDEO_FORMAT_YUV9};
  for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
    for (gsize k = 0; k < G_N_ELEMENTS(formats); k++) {
      GstVideoInfo info = helper_info(formats[k], sizes[i][0], sizes[i][1]);
      GstBuffer *out = helper_look(
          "fmnistsegment output=cutout ! fmnistclassify ! fmnistoverlay show-mask=true show-input=true", &info, &scene);
      g_assert_nonnull(gst_fmnist_meta_get(out));
      gst_buffer_unref(out);
    }
  }
}

static void test_renegotiation(void) {
  static const GstVideoFormat formats[] = {GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_RGB, GST_VIDEO_FORMAT_P010_10LE,
                                           GST_VIDEO_FORMAT_RGB8P};
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_NV12, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment ! fmnistclassify ! fmnistoverlay", &info);
  for (guint i = 0; i < 12; i++) {
    GstBuffer *out;
    info = helper_info(formats[i % G_N_ELEMENTS(formats)], 100 + 37 * (int)i, 90 + 21 * (int)i);
    gst_harness_set_src_caps(h, helper_caps(&info));
    out = helper_pass(h, helper_frame(&info, &scene, 0), i);
    helper_assert_box(&only_object(out)->box, &scene.box, 0.04);
    gst_buffer_unref(out);
  }
  gst_harness_teardown(h);
}

static void test_flush_and_eos(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment ! fmnistclassify", &info);
  GstSegment segment;
  GstBuffer *out = helper_pass(h, helper_frame(&info, &scene, 0), 0);
  GstEvent *event;
  gboolean eos = FALSE;
  gst_buffer_unref(out);
  g_assert_true(gst_harness_push_event(h, gst_event_new_flush_start()));
  g_assert_true(gst_harness_push_event(h, gst_event_new_flush_stop(TRUE)));
  gst_segment_init(&segment, GST_FORMAT_TIME);
  g_assert_true(gst_harness_push_event(h, gst_event_new_segment(&segment)));
  out = helper_pass(h, helper_frame(&info, &scene, 0), 0);
  g_assert_cmpuint(only_object(out)->id, ==, 1);
  gst_buffer_unref(out);
  g_assert_true(gst_harness_push_event(h, gst_event_new_eos()));
  while (!eos && (event = gst_harness_pull_event(h)) != NULL) {
    eos = GST_EVENT_TYPE(event) == GST_EVENT_EOS;
    gst_event_unref(event);
  }
  g_assert_true(eos);
  gst_harness_teardown(h);
}

/* A buffer that holds no frame is let through with a warning. */
static void test_short_buffer(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment", &info);
  GstBus *bus = gst_bus_new();
  GstMessage *message;
  GstBuffer *out;
  gst_element_set_bus(h->element, bus);
  out = helper_pass(h, gst_buffer_new_allocate(NULL, 99, NULL), 0);
  g_assert_null(gst_fmnist_meta_get(out));
  message = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING);
  g_assert_nonnull(message);
  gst_message_unref(message);
  gst_buffer_unref(out);
  gst_element_set_bus(h->element, NULL);
  gst_object_unref(bus);
  gst_harness_teardown(h);
}

/* What downstream offers reaches upstream: the buffers go there. */
static void test_allocation(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment ! fmnistclassify", &info);
  GstCaps *caps = helper_caps(&info);
  for (int offered = 0; offered < 2; offered++) {
    GstQuery *query = gst_query_new_allocation(caps, TRUE);
    if (offered)
      gst_harness_add_propose_allocation_meta(h, GST_VIDEO_META_API_TYPE, NULL);
    gst_buffer_unref(helper_pass(h, helper_frame(&info, &scene, 0), 0));
    g_assert_true(gst_pad_peer_query(h->srcpad, query));
    g_assert_true(gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL) == offered);
    gst_query_unref(query);
  }
  gst_caps_unref(caps);
  gst_harness_teardown(h);
}

/* Columns of the network's picture that the object of 64×60 pixels takes, in its middle line. */
static int width_seen(int par_n, int par_d) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 160, 120);
  GstBuffer *out;
  const GstFmnistResult *r;
  const guint8 *line;
  int n = 0;
  info.par_n = par_n;
  info.par_d = par_d;
  out = helper_look("fmnistsegment ! fmnistclassify", &info, &scene);
  r = only_object(out)->result;
  line = (const guint8 *)g_bytes_get_data(r->input, NULL) + r->input_width * (r->input_height / 2);
  for (int x = 0; x < r->input_width; x++)
    n += line[x] > 100;
  gst_buffer_unref(out);
  return n;
}

/* Proportions are those that are shown; what is too wide then is squeezed to 0.85. */
static void test_pixel_aspect(void) {
  g_assert_cmpint(ABS(width_seen(1, 1) - 24), <=, 1);
  g_assert_cmpint(ABS(width_seen(1, 2) - 15), <=, 1);
  g_assert_cmpint(ABS(width_seen(10, 11) - 24), <=, 1);
  g_assert_cmpint(ABS(width_seen(1, 4) - 8), <=, 1);
}

/* Another element's region of the same type and id stays what it is, and is classified, too. */
static void test_foreign_id(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment ! fmnistclassify", &info);
  for (guint i = 0; i < 3; i++) {
    GstBuffer *frame = helper_frame(&info, &scene, 0);
    GstVideoRegionOfInterestMeta *roi =
        gst_buffer_add_video_region_of_interest_meta(frame, GST_FMNIST_OBJECT, 8, 12, 40, 50);
    roi->id = 1;
    frame = helper_pass(h, frame, i);
    roi = gst_buffer_get_video_region_of_interest_meta_id(frame, 1);
    g_assert_cmpuint(roi->x, ==, 8);
    g_assert_cmpuint(roi->w, ==, 40);
    g_assert_nonnull(gst_video_region_of_interest_meta_get_param(roi, "classification"));
    g_assert_cmpuint(helper_n_objects(frame), ==, 2);
    g_assert_cmpuint(helper_object(frame, 0)->id, !=, 1);
    helper_assert_box(&helper_object(frame, 0)->box, &scene.box, 0.02);
    gst_buffer_unref(frame);
  }
  gst_harness_teardown(h);
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  g_test_add_func("/segment/formats", test_formats);
  g_test_add_func("/segment/methods", test_methods);
  g_test_add_func("/segment/region-of-interest", test_region_of_interest);
  g_test_add_func("/segment/pixel-aspect", test_pixel_aspect);
  g_test_add_func("/segment/ids", test_ids);
  g_test_add_func("/segment/ids-of-two", test_ids_of_two);
  g_test_add_func("/segment/foreign-id", test_foreign_id);
  g_test_add_func("/segment/output", test_output);
  g_test_add_func("/segment/shared-buffer", test_shared_buffer);
  g_test_add_func("/segment/own-buffer", test_own_buffer);
  g_test_add_func("/segment/tiny", test_tiny);
  g_test_add_func("/segment/renegotiation", test_renegotiation);
  g_test_add_func("/segment/flush-and-eos", test_flush_and_eos);
  g_test_add_func("/segment/short-buffer", test_short_buffer);
  g_test_add_func("/segment/allocation", test_allocation);
  return helper_run();
}
