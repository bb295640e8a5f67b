#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <locale.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "gstfmnistline.h"
#include "helper.h"

static const HelperScene scene = HELPER_SCENE;

static JsonObject *parse(const char *line, JsonParser *parser) {
  GError *error = NULL;
  json_parser_load_from_data(parser, line, -1, &error);
  g_assert_no_error(error);
  return json_node_get_object(json_parser_get_root(parser));
}

/* The lines that elements before fmnistjson write, for n frames. */
static char **lines_of(const char *before, const char *options, guint n) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  char *path = helper_path("out.jsonl"),
       *launch = g_strdup_printf("%s fmnistjson location=%s %s", before, path, options), *text;
  GstHarness *h = helper_harness(launch, &info);
  char **lines;
  for (guint i = 0; i < n; i++)
    gst_buffer_unref(helper_pass(h, helper_frame(&info, &scene, 0), i));
  g_assert_true(gst_harness_push_event(h, gst_event_new_eos()));
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL)); /* there at EOS, before the element stops */
  gst_harness_teardown(h);
  lines = g_strsplit(text, "\n", -1);
  g_free(text);
  g_free(launch);
  g_free(path);
  return lines;
}

static void test_keys(void) {
  char **lines = lines_of("fmnistsegment ! fmnistclassify threshold=0 top-k=3 !", "", 3);
  JsonParser *parser = json_parser_new();
  g_assert_cmpuint(g_strv_length(lines), ==, 4); /* the last one empty */
  for (guint i = 0; i < 3; i++) {
    JsonObject *o = parse(lines[i], parser), *d, *c, *box;
    JsonArray *top;
    g_assert_cmpint(json_object_get_int_member(o, "timestamp"), ==, (gint64)(i * 40 * GST_MSECOND));
    g_assert_cmpint(json_object_get_int_member(json_object_get_object_member(o, "resolution"), "width"), ==, 320);
    g_assert_cmpint(json_object_get_int_member(json_object_get_object_member(o, "resolution"), "height"), ==, 240);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(o, "objects")), ==, 1);
    o = json_array_get_object_element(json_object_get_array_member(o, "objects"), 0);
    g_assert_cmpint(ABS((int)json_object_get_int_member(o, "x") - 80), <, 5);
    g_assert_cmpint(ABS((int)json_object_get_int_member(o, "w") - 128), <, 8);
    g_assert_true(json_object_has_member(o, "y") && json_object_has_member(o, "h"));
    g_assert_cmpint(json_object_get_int_member(o, "id"), ==, 1);
    d = json_object_get_object_member(o, "detection");
    box = json_object_get_object_member(d, "bounding_box");
    g_assert_cmpfloat_with_epsilon(json_object_get_double_member(box, "x_min"), 0.25, 0.02);
    g_assert_cmpfloat_with_epsilon(json_object_get_double_member(box, "x_max"), 0.65, 0.02);
    g_assert_cmpfloat_with_epsilon(json_object_get_double_member(box, "y_min"), 0.25, 0.02);
    g_assert_cmpfloat_with_epsilon(json_object_get_double_member(box, "y_max"), 0.75, 0.02);
    g_assert_true(json_object_has_member(d, "confidence") && json_object_has_member(d, "label_id"));
    g_assert_cmpstr(json_object_get_string_member(d, "label"), ==, "object");
    c = json_object_get_object_member(o, "classification");
    g_assert_cmpstr(json_object_get_string_member(c, "label"), ==, json_object_get_string_member(o, "roi_type"));
    g_assert_cmpstr(json_object_get_string_member(json_object_get_object_member(c, "model"), "name"), ==,
                    FMN_DEFAULT_MODEL);
    g_assert_cmpint(json_object_get_int_member(c, "label_id"), >=, 0);
    g_assert_cmpint(json_object_get_int_member(c, "frames_ago"), ==, 0);
    top = json_object_get_array_member(c, "top");
    g_assert_cmpuint(json_array_get_length(top), ==, 3);
    g_assert_cmpstr(json_object_get_string_member(json_array_get_object_element(top, 0), "label"), ==,
                    json_object_get_string_member(c, "label"));
    g_assert_cmpfloat(json_object_get_double_member(json_array_get_object_element(top, 0), "confidence"), >=,
                      json_object_get_double_member(json_array_get_object_element(top, 2), "confidence"));
  }
  g_object_unref(parser);
  g_strfreev(lines);
}

static void test_empty_results(void) {
  char **with = lines_of("fmnistsegment min-area=0.9 !", "", 2),
       **without = lines_of("fmnistsegment min-area=0.9 !", "add-empty-results=false", 2);
  JsonParser *parser = json_parser_new();
  g_assert_cmpuint(g_strv_length(with), ==, 3);
  g_assert_cmpuint(json_array_get_length(json_object_get_array_member(parse(with[1], parser), "objects")), ==, 0);
  g_assert_cmpuint(g_strv_length(without), ==, 0);
  g_object_unref(parser);
  g_strfreev(with);
  g_strfreev(without);
}

/* Labels of all kinds, no timestamp. */
static void test_odd_values(void) {
  GstBuffer *buffer = gst_buffer_new();
  GstFmnistMeta *meta = gst_fmnist_meta_ensure(buffer);
  const FmnBox box = {0.125, 0, 0.5, 1};
  GString *line = g_string_new(NULL);
  JsonParser *parser = json_parser_new();
  JsonObject *o;
  GstFmnistObject *object = gst_fmnist_meta_add(meta, &box, 3);
  object->roi_type = object->label = g_quark_from_static_string("a \"quoted\"\\\n\ttag\x01\x1f caf\xc3\xa9");
  gst_buffer_add_video_region_of_interest_meta(buffer, "bad \xff byte", 1, 2, 3, 4);
  gst_fmnist_line_append(line, buffer, 64, 48);
  g_assert_cmpuint(gst_fmnist_line_count(buffer), ==, 2);
  g_assert_true(strchr(line->str, '\n') == line->str + line->len - 1);
  g_assert_nonnull(strstr(line->str, "0.125"));
  o = parse(line->str, parser);
  g_assert_true(json_object_get_null_member(o, "timestamp"));
  o = json_array_get_object_element(json_object_get_array_member(o, "objects"), 0);
  g_assert_cmpstr(json_object_get_string_member(o, "roi_type"), ==, "a \"quoted\"\\\n\ttag\x01\x1f caf\xc3\xa9");
  g_assert_null(strchr(line->str, '\x1f'));
  g_assert_cmpint(json_object_get_int_member(o, "x"), ==, 8);
  g_object_unref(parser);
  g_string_free(line, TRUE);
  gst_buffer_unref(buffer);
}

/* A locale whose decimal point is a comma, made in a folder; where it cannot be made there is none. */
static gboolean make_german_locale(const char *dir) {
  g_autofree char *locale = g_build_filename(dir, "de_DE.UTF-8", NULL);
  const char *const argv[] = {"localedef", "--no-archive", "-i", "de_DE", "-f", "UTF-8", locale, NULL};
  return g_spawn_sync(NULL, (char **)argv, NULL,
                      G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL,
                      NULL, NULL, NULL) &&
         g_setenv("LOCPATH", dir, TRUE) && setlocale(LC_NUMERIC, "de_DE.UTF-8");
}

static void test_decimal_comma(void) {
  g_autofree char *folder = helper_path("locales");
  g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
  if (make_german_locale(folder)) {
    g_autofree char *comma = g_strdup_printf("%.3f", 0.125);
    GstBuffer *buffer = gst_buffer_new();
    const FmnBox box = {0.125, 0, 0.5, 1};
    GString *line = g_string_new(NULL);
    gst_fmnist_meta_add(gst_fmnist_meta_ensure(buffer), &box, 3);
    gst_fmnist_line_append(line, buffer, 64, 48);
    setlocale(LC_NUMERIC, "C");
    g_assert_cmpstr(comma, ==, "0,125");
    g_assert_nonnull(strstr(line->str, "0.125"));
    g_string_free(line, TRUE);
    gst_buffer_unref(buffer);
  } else {
    g_test_skip("no locale with a decimal comma: that needs localedef and Debian's package locales");
  }
  g_unsetenv("LOCPATH");
}

/* Another element's confidence may be no number, of which JSON knows none. */
static void test_no_number(void) {
  const double values[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
  for (gsize i = 0; i < G_N_ELEMENTS(values); i++) {
    GstBuffer *buffer = gst_buffer_new();
    GstVideoRegionOfInterestMeta *roi = gst_buffer_add_video_region_of_interest_meta(buffer, "face", 1, 2, 3, 4);
    GString *line = g_string_new(NULL);
    JsonParser *parser = json_parser_new();
    JsonObject *o;
    gst_video_region_of_interest_meta_add_param(
        roi, gst_structure_new("detection", "confidence", G_TYPE_DOUBLE, values[i], NULL));
    gst_fmnist_line_append(line, buffer, 64, 48);
    o = json_array_get_object_element(json_object_get_array_member(parse(line->str, parser), "objects"), 0);
    g_assert_true(json_object_get_null_member(json_object_get_object_member(o, "detection"), "confidence"));
    g_object_unref(parser);
    g_string_free(line, TRUE);
    gst_buffer_unref(buffer);
  }
}

/* Stopped without an end of the stream: whoever was there leaves in that file, and not in the next one. */
static void test_restart(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  char *path[2], *text = NULL;
  GstHarness *h = helper_harness("fmnistjson events=only event-delay=0", &info);
  GstElement *json = gst_harness_find_element(h, "fmnistjson");
  for (int i = 0; i < 2; i++)
    path[i] = g_strdup_printf("%s/fmnist-restart-%d-%d.jsonl", g_get_tmp_dir(), (int)getpid(), i);
  for (int i = 0; i < 2; i++) {
    GstFmnistObject *object;
    const FmnBox box = {0.25, 0.25, 0.5, 0.5};
    GstBuffer *frame = gst_buffer_new_allocate(NULL, info.size, NULL);
    gst_element_set_state(json, GST_STATE_NULL);
    g_object_set(json, "location", path[i], NULL);
    gst_element_set_state(json, GST_STATE_PLAYING);
    gst_harness_set_src_caps(h, gst_video_info_to_caps(&info));
    object = gst_fmnist_meta_add(gst_fmnist_meta_ensure(frame), &box, 3);
    object->roi_type = object->label = g_quark_from_static_string(i == 0 ? "Coat" : "Bag");
    gst_buffer_unref(helper_pass(h, frame, (guint)i));
  }
  gst_element_set_state(json, GST_STATE_NULL);
  for (int i = 0; i < 2; i++) {
    JsonParser *parser = json_parser_new();
    char **line;
    g_assert_true(g_file_get_contents(path[i], &text, NULL, NULL));
    line = g_strsplit(g_strchomp(text), "\n", -1);
    g_assert_cmpuint(g_strv_length(line), ==, 2);
    for (int k = 0; k < 2; k++) {
      JsonObject *o = json_object_get_object_member(parse(line[k], parser), "event");
      g_assert_cmpstr(json_object_get_string_member(o, "type"), ==, k == 0 ? "appear" : "leave");
      g_assert_cmpstr(json_object_get_string_member(o, "label"), ==, i == 0 ? "Coat" : "Bag");
      g_assert_cmpint(json_object_get_int_member(o, "x"), ==, 80);
    }
    g_strfreev(line);
    g_free(text);
    g_object_unref(parser);
    g_remove(path[i]);
    g_free(path[i]);
  }
  gst_object_unref(json);
  gst_harness_teardown(h);
}

static void test_errors(void) {
  helper_assert_error("videotestsrc num-buffers=1 ! fmnistjson location=/no/such/folder/x.json ! fakesink",
                      "/no/such/folder/x.json");
  char *path = g_strdup_printf("%s/fmnist-twice-%d.jsonl", g_get_tmp_dir(), (int)getpid());
  char *twice = g_strdup_printf(
      "videotestsrc num-buffers=5 ! fmnistjson location=%s ! fmnistjson location=%s ! fakesink", path, path);
  helper_assert_error(twice, "another fmnistjson");
  g_remove(path);
  g_free(twice);
  g_free(path);
  if (g_file_test("/dev/full", G_FILE_TEST_EXISTS)) {
    helper_assert_error("videotestsrc num-buffers=3 ! fmnistjson location=/dev/full ! fakesink", "/dev/full");
    helper_assert_error("videotestsrc num-buffers=2000 ! video/x-raw,width=16,height=16 ! "
                        "fmnistjson location=/dev/full ! fakesink",
                        "failed");
  }
}

/* What cannot be written at the very end is told, and the pipeline stops all the same. */
static void test_full_at_the_end(void) {
  if (!g_file_test("/dev/full", G_FILE_TEST_EXISTS)) {
    g_test_skip("no /dev/full");
    return;
  }
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h =
      helper_harness("fmnistsegment ! fmnistclassify threshold=0 ! fmnistjson name=j events=only event-delay=0 "
                     "location=/dev/full",
                     &info);
  GstElement *j = gst_harness_find_element(h, "fmnistjson");
  GstBus *bus = gst_bus_new();
  gst_element_set_bus(j, bus);
  g_assert_cmpint(gst_harness_push(h, helper_frame(&info, &(HelperScene)HELPER_SCENE, 0)), ==, GST_FLOW_ERROR);
  g_assert_cmpint(gst_element_set_state(j, GST_STATE_NULL), ==, GST_STATE_CHANGE_SUCCESS);
  GstMessage *m = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  g_assert_nonnull(m);
  gst_message_unref(m);
  gst_element_set_bus(j, NULL);
  gst_object_unref(bus);
  gst_object_unref(j);
  gst_harness_teardown(h);
}

/* Memory that nobody can map is no obstacle. */
static void test_any_memory(void) {
  GstHarness *h = gst_harness_new_parse("fmnistjson location=/dev/null");
  GstBuffer *out;
  gst_harness_set_src_caps_str(h, "video/x-raw(memory:Alien),format=NV12,width=64,height=48,framerate=25/1");
  out = helper_pass(h, gst_buffer_new(), 0);
  gst_buffer_unref(out);
  gst_harness_teardown(h);
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  g_test_add_func("/json/keys", test_keys);
  g_test_add_func("/json/restart", test_restart);
  g_test_add_func("/json/empty-results", test_empty_results);
  g_test_add_func("/json/odd-values", test_odd_values);
  g_test_add_func("/json/decimal-comma", test_decimal_comma);
  g_test_add_func("/json/no-number", test_no_number);
  g_test_add_func("/json/errors", test_errors);
  g_test_add_func("/json/full-at-the-end", test_full_at_the_end);
  g_test_add_func("/json/any-memory", test_any_memory);
  return helper_run();
}
