/* How fmnistclassify starts, stops, is used again and changes: models, labels files, errors. */
#include <string.h>

#include "gstfmnistmeta.h"
#include "gstfmnistmodel.h"
#include "helper.h"

static const HelperScene scene = HELPER_SCENE;

static void write_file(const char *name, const char *text, char **path) {
  *path = helper_path(name);
  g_assert_true(g_file_set_contents(*path, text, -1, NULL));
}

static void assert_start_error(const char *properties, const char *says) {
  char *launch = g_strdup_printf("videotestsrc num-buffers=1 ! fmnistclassify %s ! fakesink", properties);
  helper_assert_error(launch, says);
  g_free(launch);
}

/* The same of a property that names a file with that text. */
static void assert_file_error(const char *property, const char *name, const char *text, const char *says) {
  char *path, *properties;
  write_file(name, text, &path);
  properties = g_strdup_printf("%s=%s", property, path);
  assert_start_error(properties, says);
  g_free(properties);
  g_free(path);
}

static void test_errors(void) {
  assert_start_error("model=no-such-model", "no-such-model");
  assert_start_error("model=/no/such/file.safetensors", "/no/such/file.safetensors");
  assert_start_error("labels-file=/no/such/labels.txt", "/no/such/labels.txt");
  assert_start_error("labels-file=/", "labels file");
  assert_file_error("model", "broken.safetensors", "this is no model", "broken");
  assert_file_error("labels-file", "three.txt", "a\nb\nc\n", "has 3 labels, but model " FMN_DEFAULT_MODEL " has 10");
  assert_file_error("labels-file", "empty-line.txt", "a\n\nc\nd\ne\nf\ng\nh\ni\nj\n", "line 2");
  assert_file_error("labels-file", "escape.txt", "a\nb\x1b[2J\nc\n", "line 2 of");
  assert_file_error("labels-file", "latin1.txt", "caf\xe9\n", "UTF-8");
}

static void test_labels_file(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  char *path, *launch;
  GstBuffer *out;
  write_file(
      "labels.txt",
      "\xef\xbb\xbfnull\r\neins\r\nzwei\r\ndrei\r\nvier\r\nf\xc3\xbcnf\r\nsechs\r\nsieben\r\nacht\r\nneun\r\n\r\n",
      &path);
  launch = g_strdup_printf("fmnistclassify threshold=0 labels-file=%s", path);
  out = helper_look(launch, &info, &scene); /* results outlive the element */
  g_assert_cmpstr(gst_fmnist_result_label_at(helper_object(out, 0)->result, 0), ==, "null");
  g_assert_cmpstr(gst_fmnist_result_label_at(helper_object(out, 0)->result, 5), ==, "f\xc3\xbcnf");
  g_assert_cmpstr(gst_fmnist_result_label_at(helper_object(out, 0)->result, 9), ==, "neun");
  gst_buffer_unref(out);
  g_free(launch);
  g_free(path);
}

static void run_once(GstElement *pipeline) {
  helper_play(pipeline);
  gst_element_set_state(pipeline, GST_STATE_NULL);
}

static void test_reuse(void) {
  GstElement *pipeline =
      gst_parse_launch("videotestsrc num-buffers=3 ! video/x-raw,format=NV12,width=160,height=120 ! fmnistsegment ! "
                       "fmnistclassify name=c ! fmnistoverlay ! fakesink",
                       NULL);
  GstElement *c = gst_bin_get_by_name(GST_BIN(pipeline), "c");
  run_once(pipeline);
  g_object_set(c, "model", helper_model(), "threads", 2, NULL);
  run_once(pipeline);
  g_object_set(c, "model", "no-such-model", NULL);
  g_assert_cmpint(gst_element_set_state(pipeline, GST_STATE_PAUSED), ==, GST_STATE_CHANGE_FAILURE);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  g_object_set(c, "model", NULL, NULL);
  run_once(pipeline);
  gst_object_unref(c);
  gst_object_unref(pipeline);
}

static void test_many(void) {
  GString *launch = g_string_new(NULL);
  GstElement *pipeline;
  for (int i = 0; i < 12; i++)
    g_string_append(
        launch,
        "videotestsrc num-buffers=4 pattern=ball ! video/x-raw,width=160,height=120 ! fmnistsegment max-objects=3 ! "
        "fmnistclassify ! fmnistoverlay ! fakesink ");
  pipeline = gst_parse_launch(launch->str, NULL);
  run_once(pipeline);
  gst_object_unref(pipeline);
  g_string_free(launch, TRUE);
}

/* One copy of a model, whatever name leads to it; a new one when the file has changed. */
static void test_model_cache(void) {
  FmnModel *a = gst_fmnist_model_acquire(FMN_DEFAULT_MODEL, NULL), *b = gst_fmnist_model_acquire(helper_model(), NULL),
           *c;
  char *copy = helper_path("copy.safetensors"), *data;
  gsize size;
  g_assert_nonnull(a);
  g_assert_true(a == b);
  g_assert_true(g_file_get_contents(helper_model(), &data, &size, NULL));
  g_assert_true(g_file_set_contents(copy, data, (gssize)size, NULL));
  c = gst_fmnist_model_acquire(copy, NULL);
  g_assert_nonnull(c);
  g_assert_true(c != a);
  g_assert_true(g_file_set_contents(copy, data, (gssize)size, NULL)); /* another file of the same content */
  b = gst_fmnist_model_acquire(copy, NULL);
  g_assert_true(b != c);
  gst_fmnist_model_release(a);
  gst_fmnist_model_release(a);
  gst_fmnist_model_release(b);
  gst_fmnist_model_release(c);
  g_free(data);
  g_free(copy);
}

/* Properties change while frames go through. */
static void test_change_while_playing(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 160, 120);
  GstHarness *h = helper_harness("fmnistsegment name=s ! fmnistclassify name=c ! fmnistoverlay name=o", &info);
  GstElement *s = gst_bin_get_by_name(GST_BIN(h->element), "s"), *c = gst_bin_get_by_name(GST_BIN(h->element), "c");
  GstElement *o = gst_bin_get_by_name(GST_BIN(h->element), "o");
  for (guint i = 0; i < 24; i++) {
    g_object_set(s, "method", i % 2, "max-objects", 1 + (int)i % 4, "output", i % 3, NULL);
    g_object_set(c, "inference-region", i % 3, "object-class", i % 4 == 0 ? "object" : NULL, "smoothing", i * 10,
                 "inference-interval", 1 + i % 3, "top-k", 1 + (int)i, "threshold", i / 24.0, NULL);
    g_object_set(o, "show-mask", i % 2, "show-input", i % 3 == 0, "show-fps", i % 2, "font", i % 2 ? "Serif 20" : NULL,
                 "color", i << 20, "line-width", i, NULL);
    gst_buffer_unref(helper_pass(h, helper_frame(&info, &scene, 0), i));
  }
  gst_object_unref(s);
  gst_object_unref(c);
  gst_object_unref(o);
  gst_harness_teardown(h);
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  g_test_add_func("/classify/errors", test_errors);
  g_test_add_func("/classify/labels-file", test_labels_file);
  g_test_add_func("/classify/reuse", test_reuse);
  g_test_add_func("/classify/many", test_many);
  g_test_add_func("/classify/model-cache", test_model_cache);
  g_test_add_func("/classify/change-while-playing", test_change_while_playing);
  return helper_run();
}
