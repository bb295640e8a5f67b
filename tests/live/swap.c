/* The model is set while frames flow: opened aside, used from one frame to the next, or not at all. */
#include <glib/gstdio.h>
#include <string.h>

#include "detector.h"

static const HelperScene scene = HELPER_SCENE;

static GstMessage *next_message(GstBus *bus, GstMessageType type) {
  GstMessage *message = gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, type);
  g_assert_nonnull(message);
  return message;
}

/* The fmnist-model message; its error is returned, g_free, or NULL. */
static char *model_message(GstBus *bus, const char *name) {
  GstMessage *message = next_message(bus, GST_MESSAGE_ELEMENT);
  const GstStructure *s = gst_message_get_structure(message);
  gboolean loaded;
  char *error;
  g_assert_true(gst_structure_has_name(s, "fmnist-model"));
  g_assert_cmpstr(gst_structure_get_string(s, "model"), ==, name);
  g_assert_true(gst_structure_get_boolean(s, "loaded", &loaded));
  error = g_strdup(gst_structure_get_string(s, "error"));
  g_assert_true(loaded == (error == NULL));
  gst_message_unref(message);
  return error;
}

static const char *named_by(GstHarness *h, const GstVideoInfo *info, guint number) {
  GstBuffer *out = helper_pass(h, helper_frame(info, &scene, 0), number);
  const GstFmnistMeta *meta = gst_fmnist_meta_get(out);
  const char *name;
  g_assert_cmpuint(gst_fmnist_meta_size(meta), ==, 1);
  name = g_intern_string(gst_fmnist_meta_object(meta, 0)->result->model_name);
  gst_buffer_unref(out);
  return name;
}

/* Frames until one is named by that model; all before by the other. */
static guint pass_until(GstHarness *h, const GstVideoInfo *info, const char *name, const char *before, guint number) {
  for (guint i = 0; i < 6000; i++) {
    const char *now = named_by(h, info, number++);
    if (strcmp(now, name) == 0)
      return number;
    g_assert_cmpstr(now, ==, before);
    g_usleep(10000);
  }
  g_error("%s never came into use", name);
}

static char *copy_model(const char *name) {
  char *path = helper_path(name), *data;
  gsize size;
  g_assert_true(g_file_get_contents(helper_model(), &data, &size, NULL));
  g_assert_true(g_file_set_contents(path, data, (gssize)size, NULL));
  g_free(data);
  return path;
}

static char *model_of(GstElement *c) {
  char *model;
  g_object_get(c, "model", &model, NULL);
  return model;
}

static void test_good_and_bad(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment ! fmnistclassify threshold=0 smoothing=500", &info);
  GstElement *c = gst_harness_find_element(h, "fmnistclassify");
  GstBus *bus = gst_bus_new();
  char *other = copy_model("other.safetensors"), *broken = helper_path("broken.safetensors"), *error, *model;
  const char *const bad[] = {"no-such-model", broken, "yolov3-tiny"};
  guint number;
  gst_element_set_bus(c, bus);
  g_assert_true(g_file_set_contents(broken, "this is no model", -1, NULL));
  g_assert_cmpstr(named_by(h, &info, 0), ==, FMN_DEFAULT_MODEL);
  g_object_set(c, "model", other, NULL);
  number = pass_until(h, &info, "other", FMN_DEFAULT_MODEL, 1);
  g_assert_null(model_message(bus, other));
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
    GstMessage *warning;
    g_object_set(c, "model", bad[i], NULL);
    warning = next_message(bus, GST_MESSAGE_WARNING);
    error = model_message(bus, bad[i]);
    g_test_message("%s", error);
    g_assert_nonnull(error);
    gst_message_unref(warning);
    model = model_of(c);
    g_assert_cmpstr(model, ==, other); /* the property is what is in use */
    g_assert_cmpstr(named_by(h, &info, number++), ==, "other");
    g_free(model);
    g_free(error);
  }
  g_object_set(c, "model", NULL, NULL); /* the default */
  pass_until(h, &info, FMN_DEFAULT_MODEL, "other", number);
  g_assert_null(model_message(bus, FMN_DEFAULT_MODEL));
  gst_element_set_bus(c, NULL);
  gst_object_unref(bus);
  gst_object_unref(c);
  gst_harness_teardown(h);
  g_free(other);
  g_free(broken);
}

/* Of many in quick order the last one is used, and each is answered. */
static void test_quick(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment ! fmnistclassify threshold=0", &info);
  GstElement *c = gst_harness_find_element(h, "fmnistclassify");
  GstBus *bus = gst_bus_new();
  char *a = copy_model("a.safetensors"), *b = copy_model("b.safetensors");
  guint number = 0, answers = 0;
  GstMessage *message;
  gst_element_set_bus(c, bus);
  for (guint i = 0; i < 20; i++) {
    g_object_set(c, "model", i % 2 ? b : a, NULL);
    named_by(h, &info, number++);
  }
  while (strcmp(named_by(h, &info, number++), "b") != 0 || answers < 20) {
    while ((message = gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT | GST_MESSAGE_WARNING)) != NULL) {
      g_assert_cmpint(GST_MESSAGE_TYPE(message), ==, GST_MESSAGE_ELEMENT); /* none has failed */
      answers++;
      gst_message_unref(message);
    }
    g_assert_cmpuint(number, <, 6000);
    g_usleep(10000);
  }
  g_assert_cmpuint(answers, ==, 20);
  g_assert_cmpstr(named_by(h, &info, number), ==, "b");
  gst_element_set_bus(c, NULL);
  gst_object_unref(bus);
  gst_object_unref(c);
  gst_harness_teardown(h); /* and with one that may still open */
  g_free(a);
  g_free(b);
}

/* One that is open, but replaced before a frame came, is answered too. */
static void test_replaced(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment ! fmnistclassify threshold=0", &info);
  GstElement *c = gst_harness_find_element(h, "fmnistclassify");
  GstBus *bus = gst_bus_new();
  char *a = copy_model("a.safetensors"), *b = copy_model("b.safetensors"), *error;
  gst_element_set_bus(c, bus);
  g_assert_cmpstr(named_by(h, &info, 0), ==, FMN_DEFAULT_MODEL);
  g_object_set(c, "model", a, NULL);
  g_usleep(300000); /* ample for opening it; if not, the answer is the same */
  g_object_set(c, "model", b, NULL);
  error = model_message(bus, a);
  g_assert_nonnull(strstr(error, "another model was asked for"));
  pass_until(h, &info, "b", FMN_DEFAULT_MODEL, 1);
  g_assert_null(model_message(bus, b));
  gst_element_set_bus(c, NULL);
  gst_object_unref(bus);
  gst_object_unref(c);
  gst_harness_teardown(h);
  g_free(error);
  g_free(a);
  g_free(b);
}

/* Opening a large model holds no frame up. */
static void test_unheld(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 160, 120);
  GstHarness *h = helper_harness("fmnistyolo size=32", &info);
  GstElement *d = gst_harness_find_element(h, "fmnistyolo");
  char *path = helper_path("large.safetensors");
  gint64 longest = 0, opening, start;
  guint number = 0;
  GstBus *bus = gst_bus_new();
  GstMessage *message = NULL;
  write_detector(path, NULL, "10,14 28,28 37,58 81,82 135,169 288,288");
  gst_element_set_bus(d, bus);
  gst_buffer_unref(helper_pass(h, helper_frame(&info, &scene, 0), number++));
  opening = g_get_monotonic_time();
  g_object_set(d, "model", path, NULL);
  while (message == NULL) {
    start = g_get_monotonic_time();
    gst_buffer_unref(helper_pass(h, helper_frame(&info, &scene, 0), number++));
    longest = MAX(longest, g_get_monotonic_time() - start);
    message = gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT);
    g_usleep(2000);
  }
  opening = g_get_monotonic_time() - opening;
  g_test_message("opened in %.0f ms, %u frames meanwhile, none held up for more than %.1f ms", opening / 1000.0,
                 number - 2, longest / 1000.0);
  g_assert_cmpint(longest, <, opening / 2);
  g_assert_cmpuint(number, >, 3);
  gst_message_unref(message);
  gst_element_set_bus(d, NULL);
  gst_object_unref(bus);
  gst_object_unref(d);
  gst_harness_teardown(h);
  g_free(path);
}

/* Set and stopped at once. */
static void test_stopped(void) {
  for (int i = 0; i < 10; i++) {
    GstElement *pipeline = gst_parse_launch("videotestsrc ! fmnistclassify name=c ! fakesink", NULL);
    GstElement *c = gst_bin_get_by_name(GST_BIN(pipeline), "c");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    gst_element_get_state(pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
    g_object_set(c, "model", helper_model(), NULL);
    g_usleep((gulong)i * 1000);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(c);
    gst_object_unref(pipeline);
  }
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  live_write_detector();
  g_test_add_func("/swap/good-and-bad", test_good_and_bad);
  g_test_add_func("/swap/quick", test_quick);
  g_test_add_func("/swap/replaced", test_replaced);
  g_test_add_func("/swap/unheld", test_unheld);
  g_test_add_func("/swap/stopped", test_stopped);
  return helper_run();
}
