/* fmnistyolo with a detector of random weights: what the element says is what the library says of the same frame. */
#include <json-glib/json-glib.h>
#include <string.h>

#include "../detect/model.h"
#include "detect/nms.h"
#include "gstfmnistdraw.h"
#include "gstfmnistroi.h"
#include "helper.h"
#include "image/letterbox.h"

#define THRESHOLD 0.05

static const HelperScene scene = HELPER_SCENE;

/* The objects of a frame of RGB in the library's own words. */
static GArray *expected_objects(GstBuffer *frame, const GstVideoInfo *info, int size, const FmnDetectOptions *options) {
  GError *error = NULL;
  FmnModel *model = fmn_model_open("yolov3-tiny", &error);
  FmnDetector *d;
  FmnImageFormat format;
  FmnSampler *sampler;
  FmnBox place;
  const FmnDetection *found;
  GArray *objects = g_array_new(FALSE, FALSE, sizeof(FmnDetection));
  GstVideoFrame f;
  guint8 *pixels;
  int n;
  g_assert_no_error(error);
  d = fmn_detector_new(model, size, 1, &error);
  g_assert_no_error(error);
  pixels = g_malloc(3 * (gsize)fmn_detector_size(d) * (gsize)fmn_detector_size(d));
  fmn_image_format_rgb(&format, info->width, info->height);
  sampler = fmn_sampler_new(&format);
  g_assert_true(gst_video_frame_map(&f, info, frame, GST_MAP_READ));
  {
    FmnImage image = {&format, {GST_VIDEO_FRAME_PLANE_DATA(&f, 0)}, {GST_VIDEO_FRAME_PLANE_STRIDE(&f, 0)}};
    fmn_letterbox(sampler, &image, 3, fmn_detector_size(d), pixels, &place);
  }
  gst_video_frame_unmap(&f);
  n = fmn_detector_run(d, pixels, &place, options, &found);
  g_array_append_vals(objects, found, (guint)n);
  fmn_sampler_free(sampler);
  fmn_detector_free(d);
  fmn_model_unref(model);
  g_free(pixels);
  return objects;
}

static void test_objects(void) {
  static const struct {
    int width, height, size, max;
    guint pad;
  } cases[] = {
      {160, 120, 0, 50, 0}, {33, 77, 64, 7, 5}, {641, 3, 96, 50, 0}, {1, 1, 32, 50, 0}, {200, 199, 128, 1000, 16}};
  for (gsize c = 0; c < G_N_ELEMENTS(cases); c++) {
    GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_RGB, cases[c].width, cases[c].height);
    char *launch =
        g_strdup_printf("fmnistyolo threshold=%g size=%d max-detections=%d", THRESHOLD, cases[c].size, cases[c].max);
    GstHarness *h = helper_harness(launch, &info);
    GstBuffer *frame = helper_frame(&info, &scene, cases[c].pad), *out;
    FmnDetectOptions options = {THRESHOLD, 0.45, cases[c].max};
    GArray *expected = expected_objects(frame, &info, cases[c].size, &options);
    gpointer state = NULL;
    guint rois = 0;
    out = helper_pass(h, frame, 0);
    g_test_message("%d×%d: %u objects", cases[c].width, cases[c].height, expected->len);
    g_assert_cmpuint(expected->len, >, 0);
    g_assert_cmpuint(helper_n_objects(out), ==, expected->len);
    for (guint i = 0; i < expected->len; i++) {
      const FmnDetection *d = &g_array_index(expected, FmnDetection, i);
      const GstFmnistObject *o = helper_object(out, i);
      helper_assert_box(&o->box, &d->box, 1e-9);
      g_assert_cmpint(o->label_id, ==, d->label);
      g_assert_cmpfloat_with_epsilon(o->confidence, (double)d->confidence, 1e-6);
      g_assert_true(o->confidence > THRESHOLD && o->confidence <= 1);
      g_assert_cmpuint(o->id, >, 0);
    }
    while (gst_buffer_iterate_meta_filtered(out, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE) != NULL)
      rois++;
    g_assert_cmpuint(rois, ==, expected->len);
    g_array_unref(expected);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
    g_free(launch);
  }
}

static void test_roi(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 160, 120);
  GstBuffer *out = helper_look("fmnistyolo threshold=0.05 max-detections=3", &info, &scene);
  g_assert_cmpuint(helper_n_objects(out), >, 0);
  for (guint i = 0; i < helper_n_objects(out); i++) {
    const GstFmnistObject *o = helper_object(out, i);
    GstVideoRegionOfInterestMeta *roi = gst_buffer_get_video_region_of_interest_meta_id(out, o->roi_id);
    GstStructure *d = gst_video_region_of_interest_meta_get_param(roi, "detection");
    double x_min = 0, x_max = 0, confidence = 0;
    int label_id = -1;
    g_assert_nonnull(d);
    g_assert_true(gst_structure_get_double(d, "x_min", &x_min) && gst_structure_get_double(d, "x_max", &x_max));
    g_assert_true(gst_structure_get_double(d, "confidence", &confidence) &&
                  gst_structure_get_int(d, "label_id", &label_id));
    g_assert_cmpfloat(x_max, >, x_min);
    g_assert_cmpint(label_id, ==, o->label_id);
    g_assert_cmpstr(gst_structure_get_string(d, "label"), ==, g_quark_to_string(roi->roi_type));
    g_assert_cmpint((gint)roi->x, ==, gst_fmnist_box_pixels(&o->box, 160, 120).x);
  }
  gst_buffer_unref(out);
}

/* Every raw format is read, and passed on in the same memory; whether colours are right, tests/elements/format.c tells. */
static void test_formats(void) {
  guint n;
  const GstVideoFormat *formats = helper_formats(&n);
  for (guint i = 0; i < n; i++) {
    GstVideoInfo info = helper_info(formats[i], 101, 67);
    GstHarness *h = helper_harness("fmnistyolo threshold=0.01 size=32", &info);
    GstBuffer *frame = helper_frame(&info, &scene, 0), *out;
    GstMemory *memory = gst_buffer_peek_memory(frame, 0);
    g_test_message("%s", GST_VIDEO_INFO_NAME(&info));
    out = helper_pass(h, frame, 0);
    g_assert_cmpuint(helper_n_objects(out), >, 0);
    g_assert_true(gst_buffer_peek_memory(out, 0) == memory);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
  }
}

/* Between two looks the objects are carried on, with their ids; after a flush they are forgotten. */
static void test_interval(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_GRAY8, 160, 120);
  GstHarness *h = helper_harness("fmnistyolo threshold=0.05 max-detections=4 inference-interval=3", &info);
  HelperScene other = {{0.1, 0.5, 0.3, 0.3}, 0xffffff, 0x101010};
  GstBuffer *first = NULL;
  gboolean changed = FALSE;
  for (guint i = 0; i < 4; i++) {
    GstBuffer *out = helper_pass(h, helper_frame(&info, i == 0 ? &scene : &other, 0), i);
    GstBuffer *before = first != NULL ? first : out;
    guint n = helper_n_objects(out);
    for (guint k = 0; k < n && i < 3; k++) {
      const GstFmnistObject *o = helper_object(out, k), *b = helper_object(before, k);
      g_assert_cmpuint(o->id, ==, b->id);
      GstStructure *detection = gst_fmnist_object_detection(o);
      guint ago = 0;
      g_assert_cmpuint(o->found_ago, ==, i);
      g_assert_true(gst_structure_get_uint(detection, "frames_ago", &ago) == (i > 0));
      g_assert_cmpuint(ago, ==, i);
      gst_structure_free(detection);
      helper_assert_box(&o->box, &b->box, 1e-12);
    }
    if (i < 3)
      g_assert_cmpuint(n, ==, helper_n_objects(before));
    else
      for (guint k = 0; k < n; k++)
        changed |=
            k >= helper_n_objects(before) || helper_object(out, k)->confidence != helper_object(before, k)->confidence;
    if (i > 0)
      gst_buffer_unref(out);
    else
      first = out;
  }
  g_assert_true(changed);
  gst_buffer_unref(first);
  gst_harness_teardown(h);
}

static void test_threshold(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_NV12, 160, 120);
  GstHarness *h = helper_harness("fmnistyolo name=d threshold=1", &info);
  GstElement *d = gst_harness_find_element(h, "fmnistyolo");
  GstBuffer *out = helper_pass(h, helper_frame(&info, &scene, 0), 0);
  g_assert_nonnull(gst_fmnist_meta_get(out)); /* somebody looked */
  g_assert_cmpuint(helper_n_objects(out), ==, 0);
  gst_buffer_unref(out);
  g_object_set(d, "threshold", 0.01, "max-detections", 5, "iou-threshold", 1.0, NULL); /* while playing */
  out = helper_pass(h, helper_frame(&info, &scene, 0), 1);
  g_assert_cmpuint(helper_n_objects(out), ==, 5);
  gst_buffer_unref(out);
  gst_object_unref(d);
  gst_harness_teardown(h);
}

/* A classifier behind it names each box; both stay in the line of JSON. */
static void test_second_look(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 160, 120);
  char *path = helper_path("yolo.jsonl"), *text = NULL;
  char *launch = g_strdup_printf(
      "fmnistyolo threshold=0.05 max-detections=4 ! fmnistclassify inference-region=roi-list threshold=0 ! "
      "fmnistjson location=%s",
      path);
  GstHarness *h = helper_harness(launch, &info);
  GstBuffer *out = helper_pass(h, helper_frame(&info, &scene, 0), 0);
  JsonParser *parser = json_parser_new();
  JsonArray *objects;
  g_assert_cmpuint(helper_n_objects(out), ==, 4);
  for (guint i = 0; i < 4; i++)
    g_assert_nonnull(helper_object(out, i)->result);
  g_assert_true(gst_harness_push_event(h, gst_event_new_eos()));
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  g_assert_true(json_parser_load_from_data(parser, text, -1, NULL));
  objects = json_object_get_array_member(json_node_get_object(json_parser_get_root(parser)), "objects");
  g_assert_cmpuint(json_array_get_length(objects), ==, 4);
  for (guint i = 0; i < 4; i++) {
    const GstFmnistObject *o = helper_object(out, i);
    JsonObject *object = json_array_get_object_element(objects, i);
    JsonObject *d = json_object_get_object_member(object, "detection"),
               *c = json_object_get_object_member(object, "classification");
    g_assert_cmpstr(json_object_get_string_member(d, "label"), ==, g_quark_to_string(o->label));
    g_assert_cmpint(json_object_get_int_member(d, "label_id"), ==, o->label_id);
    g_assert_cmpfloat_with_epsilon(json_object_get_double_member(d, "confidence"), o->confidence, 1e-6);
    g_assert_cmpstr(json_object_get_string_member(c, "label"), ==, gst_fmnist_result_label(o->result));
  }
  g_object_unref(parser);
  gst_buffer_unref(out);
  gst_harness_teardown(h);
  g_free(launch);
  g_free(text);
  g_free(path);
}

/* An age of its own, beside that of a classifier's answer. */
static void test_age(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 160, 120);
  char *path = helper_path("age.jsonl"), *text = NULL, **lines;
  char *launch = g_strdup_printf("fmnistyolo threshold=0.05 max-detections=1 inference-interval=3 ! "
                                 "fmnistclassify inference-interval=2 ! fmnistjson location=%s",
                                 path);
  GstHarness *h = helper_harness(launch, &info);
  for (guint i = 0; i < 4; i++)
    gst_buffer_unref(helper_pass(h, helper_frame(&info, &scene, 0), i));
  g_assert_true(gst_harness_push_event(h, gst_event_new_eos()));
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  lines = g_strsplit(text, "\n", -1);
  g_assert_cmpuint(g_strv_length(lines), ==, 5);
  for (guint i = 0; i < 4; i++) {
    JsonParser *parser = json_parser_new();
    JsonObject *o, *d;
    g_assert_true(json_parser_load_from_data(parser, lines[i], -1, NULL));
    o = json_node_get_object(json_parser_get_root(parser));
    o = json_array_get_object_element(json_object_get_array_member(o, "objects"), 0);
    d = json_object_get_object_member(o, "detection");
    g_assert_true(json_object_has_member(d, "frames_ago") == (i % 3 > 0));
    if (i % 3 > 0)
      g_assert_cmpint(json_object_get_int_member(d, "frames_ago"), ==, i % 3);
    g_assert_cmpint(json_object_get_int_member(json_object_get_object_member(o, "classification"), "frames_ago"), ==,
                    i % 2);
    g_object_unref(parser);
  }
  gst_harness_teardown(h);
  g_strfreev(lines);
  g_free(launch);
  g_free(text);
  g_free(path);
}

static void test_messages(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 160, 120);
  GstHarness *h = helper_harness("fmnistyolo threshold=0.05 max-detections=2 post-messages=true", &info);
  GstElement *d = gst_harness_find_element(h, "fmnistyolo");
  GstBus *bus = gst_bus_new();
  GstMessage *message;
  const GstStructure *s;
  guint64 timestamp;
  gst_element_set_bus(d, bus);
  gst_buffer_unref(helper_pass(h, helper_frame(&info, &scene, 0), 2));
  message = gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT);
  g_assert_nonnull(message);
  s = gst_message_get_structure(message);
  g_assert_true(gst_structure_has_name(s, "fmnist"));
  g_assert_true(gst_structure_get_uint64(s, "timestamp", &timestamp));
  g_assert_cmpuint(timestamp, ==, 80 * GST_MSECOND);
  g_assert_cmpuint(gst_value_array_get_size(gst_structure_get_value(s, "objects")), ==, 2);
  gst_message_unref(message);
  gst_element_set_bus(d, NULL);
  gst_object_unref(bus);
  gst_object_unref(d);
  gst_harness_teardown(h);
}

/* The overlay draws the detector's boxes, each class in its colour. */
static void test_overlay(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_RGB, 320, 240);
  GstBuffer *out =
      helper_look("fmnistyolo threshold=0.02 max-detections=1 ! fmnistoverlay show-labels=false show-confidence=false",
                  &info, &scene);
  const GstFmnistObject *o = helper_object(out, 0);
  GstFmnistPixelBox b = gst_fmnist_box_pixels(&o->box, 320, 240);
  gboolean drawn = FALSE;
  for (int i = 0; i < 4; i++)
    drawn |= helper_color_close(helper_pixel(out, &info, MIN(b.x + i, 319), b.y + b.h / 2),
                                gst_fmnist_draw_class_color(o->label_id), 24);
  g_assert_true(drawn);
  gst_buffer_unref(out);
}

static void test_errors(void) {
  char *before = g_strdup(g_getenv("FMNIST_MODEL_PATH")), *bare = helper_path("bare.safetensors"), *launch;
  helper_assert_error("videotestsrc num-buffers=1 ! fmnistyolo size=100 ! fakesink", "multiple of 32");
  helper_assert_error(
      "videotestsrc num-buffers=1 ! video/x-raw,format=RGB,width=16,height=40000 ! fmnistyolo size=32 ! "
      "fakesink",
      "16×40000 are too large");
  helper_assert_error("videotestsrc num-buffers=1 ! fmnistyolo model=" FMN_DEFAULT_MODEL " ! fakesink",
                      "is a classifier");
  helper_assert_error("videotestsrc num-buffers=1 ! fmnistclassify model=yolov3-tiny ! fakesink", "is a detector");
  helper_assert_error(
      "videotestsrc num-buffers=1 ! fmnistyolo model=/none/x.safetensors ! fakesink",
      "train one with fmnist-train train --out FILE.safetensors --arch compact (names garments) or yolov3-tiny");
  write_detector(bare, "size=32", NULL);
  launch = g_strdup_printf("videotestsrc num-buffers=1 ! fmnistyolo model=%s ! fakesink", bare);
  helper_assert_error(launch, "no \"anchors\"");
  g_setenv("FMNIST_MODEL_PATH", "/nowhere", TRUE);
  helper_assert_error(
      "videotestsrc num-buffers=1 ! fmnistyolo model=nosuch ! fakesink",
      "train one with fmnist-train train --out FILE.safetensors --arch compact (names garments) or yolov3-tiny");
  g_setenv("FMNIST_MODEL_PATH", before, TRUE);
  g_free(launch);
  g_free(bare);
  g_free(before);
}

/* Stopped and started anew it works as at first, also with frames of another size. */
static void test_restart(void) {
  GstElement *pipeline =
      gst_parse_launch("videotestsrc num-buffers=4 ! capsfilter name=c ! fmnistyolo name=d ! fakesink", NULL);
  for (int i = 0; i < 3; i++) {
    GstElement *c = gst_bin_get_by_name(GST_BIN(pipeline), "c"), *d = gst_bin_get_by_name(GST_BIN(pipeline), "d");
    GstCaps *caps =
        gst_caps_new_simple("video/x-raw", "width", G_TYPE_INT, 100 + 31 * i, "height", G_TYPE_INT, 80, NULL);
    g_object_set(c, "caps", caps, NULL);
    g_object_set(d, "size", 32 * i, NULL);
    helper_play(pipeline);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(c);
    gst_object_unref(d);
    gst_caps_unref(caps);
  }
  gst_object_unref(pipeline);
}

/* One object a place, frame after frame of a still picture as in the first. */
static void test_smoothing(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_RGB, 160, 120);
  GstHarness *h = helper_harness("fmnistyolo threshold=0.05 smoothing=500", &info);
  guint n = 0;
  for (guint frame = 0; frame < 4; frame++) {
    GstBuffer *out = helper_pass(h, helper_frame(&info, &scene, 0), frame);
    guint found = helper_n_objects(out);
    g_assert_cmpuint(found, >, 0);
    if (frame == 0)
      n = found;
    g_assert_cmpuint(found, ==, n);
    for (guint i = 0; i < found; i++) {
      const GstFmnistObject *o = helper_object(out, i);
      g_assert_true(o->confidence > 0.05 && o->confidence <= 1);
      g_assert_true(o->label_id >= 0 && o->label != 0);
      for (guint k = 0; k < i; k++)
        g_assert_cmpfloat(fmn_box_iou(&o->box, &helper_object(out, k)->box), <=, 0.5);
    }
    gst_buffer_unref(out);
  }
  gst_harness_teardown(h);
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  helper_make_detector();
  g_test_add_func("/yolo/objects", test_objects);
  g_test_add_func("/yolo/roi", test_roi);
  g_test_add_func("/yolo/formats", test_formats);
  g_test_add_func("/yolo/interval", test_interval);
  g_test_add_func("/yolo/threshold", test_threshold);
  g_test_add_func("/yolo/second-look", test_second_look);
  g_test_add_func("/yolo/age", test_age);
  g_test_add_func("/yolo/messages", test_messages);
  g_test_add_func("/yolo/overlay", test_overlay);
  g_test_add_func("/yolo/errors", test_errors);
  g_test_add_func("/yolo/restart", test_restart);
  g_test_add_func("/yolo/smoothing", test_smoothing);
  return helper_run();
}
