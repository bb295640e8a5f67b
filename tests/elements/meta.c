/* What becomes of the metadata on its way through other elements. */
#include "gstfmnistmeta.h"
#include "gstfmnistroi.h"
#include "helper.h"

static const HelperScene scene = HELPER_SCENE;

static GstVideoInfo buffer_info(GstHarness *h) {
  GstCaps *caps = gst_pad_get_current_caps(h->sinkpad);
  GstVideoInfo info;
  g_assert_true(gst_video_info_from_caps(&info, caps));
  gst_caps_unref(caps);
  return info;
}

/* The box lies on the object's pixels. */
static void assert_on_object(GstBuffer *buffer, const GstVideoInfo *info) {
  const GstFmnistMeta *meta = gst_fmnist_meta_get(buffer);
  GstFmnistPixelBox b;
  g_assert_nonnull(meta);
  g_assert_cmpuint(gst_fmnist_meta_size(meta), ==, 1);
  b = gst_fmnist_box_pixels(&gst_fmnist_meta_object(meta, 0)->box, info->width, info->height);
  for (int corner = 0; corner < 4; corner++) {
    int dx = corner & 1 ? 1 : -1, dy = corner & 2 ? 1 : -1, d = 8;
    int x = corner & 1 ? b.x + b.w : b.x, y = corner & 2 ? b.y + b.h : b.y;
    g_assert_true(helper_color_close(helper_pixel(buffer, info, x - d * dx, y - d * dy), scene.object, 12));
    g_assert_false(helper_color_close(helper_pixel(buffer, info, x + d * dx, y + d * dy), scene.object, 12));
  }
}

static void assert_whole(GstBuffer *buffer) {
  const GstFmnistObject *o = gst_fmnist_meta_object(gst_fmnist_meta_get(buffer), 0);
  g_assert_nonnull(o->mask.data);
  g_assert_nonnull(o->result);
  g_assert_nonnull(o->result->input);
  g_assert_cmpint(o->result->n, ==, 10);
}

static void test_survives(void) {
  static const char *ways[] = {
      "identity",
      "queue",
      "videoconvert ! capsfilter caps=video/x-raw,format=RGB",
      "videoscale ! capsfilter caps=video/x-raw,width=640,height=480",
      "videoscale ! capsfilter caps=video/x-raw,width=161,height=121",
      "videoscale ! capsfilter caps=video/x-raw,width=400,height=200",
      "videoconvertscale ! capsfilter caps=video/x-raw,format=BGRx,width=160,height=120",
      "videoscale ! capsfilter caps=video/x-raw,width=320,height=320,pixel-aspect-ratio=1/1",
      "videoscale ! capsfilter caps=video/x-raw,width=480,height=240,pixel-aspect-ratio=1/1",
      "videoscale add-borders=false ! capsfilter caps=video/x-raw,width=480,height=320",
      "videoconvert ! capsfilter caps=video/x-raw,format=v210 ! videoscale ! videoconvert ! capsfilter caps=video/x-raw,format=I420,width=640,height=480",
      "videobalance saturation=0.9",
      "gamma gamma=1.01",
  };
  for (gsize i = 0; i < G_N_ELEMENTS(ways); i++) {
    GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240), out_info;
    char *launch = g_strdup_printf("fmnistsegment ! fmnistclassify ! %s", ways[i]);
    GstHarness *h = helper_harness(launch, &info);
    GstBuffer *out;
    g_test_message("%s", ways[i]);
    out = helper_pass(h, helper_frame(&info, &scene, 0), 0);
    out_info = buffer_info(h);
    assert_on_object(out, &out_info);
    assert_whole(out);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
    g_free(launch);
  }
}

/* The same, the other way round: metadata made before a scaler, with or without borders, is classified and drawn after it. */
static void check_used_after_scaling(int height) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240), out_info;
  char *launch = g_strdup_printf("fmnistsegment ! videoscale ! capsfilter caps=video/x-raw,width=640,height=%d,pixel-aspect-ratio=1/1 ! "
                                 "fmnistclassify ! fmnistoverlay", height);
  GstHarness *h = helper_harness(launch, &info);
  GstBuffer *out = helper_pass(h, helper_frame(&info, &scene, 0), 0);
  const GstFmnistObject *o = gst_fmnist_meta_object(gst_fmnist_meta_get(out), 0);
  GstVideoRegionOfInterestMeta *roi = gst_buffer_get_video_region_of_interest_meta(out);
  out_info = buffer_info(h);
  g_assert_cmpint(out_info.width, ==, 640);
  g_assert_nonnull(o->result);
  g_assert_cmpint(ABS((int)roi->x - 160), <, 8);
  g_assert_cmpint(ABS((int)roi->y - (120 + (height - 480) / 2)), <, 8);
  g_assert_cmpint(ABS((int)roi->h - 240), <, 12);
  g_assert_cmpstr(g_quark_to_string(roi->roi_type), ==, gst_fmnist_object_label(o));
  g_assert_nonnull(gst_video_region_of_interest_meta_get_param(roi, "classification"));
  gst_buffer_unref(out);
  gst_harness_teardown(h);
  g_free(launch);
}

static void test_used_after_scaling(void) {
  check_used_after_scaling(480);
  check_used_after_scaling(640);
}

static GstBuffer *last_buffer(GstElement *pipeline, const char *name) {
  GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), name);
  GstSample *sample = NULL;
  GstBuffer *buffer;
  g_object_get(sink, "last-sample", &sample, NULL);
  g_assert_nonnull(sample);
  buffer = gst_buffer_ref(gst_sample_get_buffer(sample));
  gst_sample_unref(sample);
  gst_object_unref(sink);
  return buffer;
}

/* Behind a tee each branch has metadata of its own and all have one picture. */
static void test_tee(void) {
  GstElement *pipeline = gst_parse_launch("videotestsrc num-buffers=4 pattern=ball ! capsfilter caps=video/x-raw,format=I420,width=320,height=240 ! tee name=t "
                                          "t. ! queue ! fakesink name=plain async=false "
                                          "t. ! queue ! fmnistsegment ! fmnistclassify ! queue ! fakesink name=named async=false "
                                          "t. ! queue ! fmnistsegment output=mask ! fakesink name=mask async=false",
                                          NULL);
  GstBuffer *plain, *named, *mask;
  helper_play(pipeline);
  plain = last_buffer(pipeline, "plain");
  named = last_buffer(pipeline, "named");
  mask = last_buffer(pipeline, "mask");
  g_assert_true(gst_buffer_peek_memory(plain, 0) == gst_buffer_peek_memory(named, 0));
  g_assert_true(gst_buffer_peek_memory(plain, 0) != gst_buffer_peek_memory(mask, 0));
  g_assert_null(gst_fmnist_meta_get(plain));
  assert_whole(named);
  g_assert_null(gst_fmnist_meta_object(gst_fmnist_meta_get(mask), 0)->result);
  gst_buffer_unref(plain);
  gst_buffer_unref(named);
  gst_buffer_unref(mask);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
}

/* A copy is independent of what it was copied from. */
static void test_copy(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment ! fmnistclassify", &info);
  GstBuffer *a = helper_pass(h, helper_frame(&info, &scene, 0), 0), *b = gst_buffer_copy(a);
  GstFmnistObject *object = gst_fmnist_meta_object(gst_fmnist_meta_get(a), 0), *copy = gst_fmnist_meta_object(gst_fmnist_meta_get(b), 0);
  FmnBox box = copy->box;
  g_assert_true(object->result == copy->result && object->mask.data == copy->mask.data);
  object->box.x = 0;
  gst_fmnist_meta_add(gst_fmnist_meta_get(a), &box, 9);
  g_assert_cmpuint(gst_fmnist_meta_size(gst_fmnist_meta_get(b)), ==, 1);
  gst_buffer_unref(a);
  helper_assert_box(&copy->box, &box, 1e-9);
  g_assert_cmpstr(gst_fmnist_object_label(copy), !=, NULL);
  gst_buffer_unref(b);
  gst_harness_teardown(h);
}

/* docs/metadata.md tells this of GStreamer 1.22: cropping, flipping and turning leave none of it. */
static void test_crop_and_flip(void) {
  static const struct {
    const char *way;
    gboolean survives;
  } ways[] = {
      {"videocrop left=40 top=40", FALSE},         {"videocrop", TRUE},
      {"videoflip video-direction=horiz", FALSE},  {"videoflip video-direction=90r", FALSE},
  };
  guint major, minor, micro, nano;
  gst_version(&major, &minor, &micro, &nano);
  if (minor > 22) {
    g_test_skip("documented for GStreamer 1.22");
    return;
  }
  for (gsize i = 0; i < G_N_ELEMENTS(ways); i++) {
    GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
    char *launch = g_strdup_printf("fmnistsegment ! %s", ways[i].way);
    GstHarness *h = helper_harness(launch, &info);
    GstBuffer *out = helper_pass(h, helper_frame(&info, &scene, 0), 0);
    g_test_message("%s", ways[i].way);
    g_assert_true((gst_fmnist_meta_get(out) != NULL) == ways[i].survives);
    g_assert_true((gst_buffer_get_video_region_of_interest_meta(out) != NULL) == ways[i].survives);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
    g_free(launch);
  }
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  g_test_add_func("/meta/survives", test_survives);
  g_test_add_func("/meta/used-after-scaling", test_used_after_scaling);
  g_test_add_func("/meta/tee", test_tee);
  g_test_add_func("/meta/copy", test_copy);
  g_test_add_func("/meta/crop-and-flip", test_crop_and_flip);
  return helper_run();
}
