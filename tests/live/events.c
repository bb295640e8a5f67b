/* Events: what holds is told once, and what lasts for a moment is not; on the bus and as lines of JSON. */
#include <json-glib/json-glib.h>
#include <string.h>

#include "../elements/helper.h"
#include "gstfmnistevents.h"
#include "gstfmnistline.h"

#define DELAY 200 /* ms */
#define FRAME 40

/* An object of that id, by one letter: what it is called; '.': it is not there, '?': it is unknown. */
static void add_object(GstFmnistMeta *meta, char letter, guint id) {
  const FmnBox box = {0.1, 0.2, 0.3, 0.4};
  const float p[1] = {letter == '?' ? 0.1f : 0.9f};
  char label[2] = {letter}, *name;
  GPtrArray *names;
  GstFmnistResult *r;
  if (letter == '.')
    return;
  name = g_ref_string_new("m");
  names = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(names, g_strdup(label));
  r = gst_fmnist_result_new(names, name, p, 0.5, 1, NULL, 0, 0, 0);
  gst_fmnist_object_set_result(gst_fmnist_meta_add(meta, &box, id), r, 0);
  gst_fmnist_result_unref(r);
  g_ptr_array_unref(names);
  g_ref_string_release(name);
}

/* Appends "<frame><a|c|l><label>[<previous>] " each, after "<id>:" where it is not 7, and empties out. */
static void tell(GString *text, GArray *out, guint frame) {
  for (guint k = 0; k < out->len; k++) {
    const GstFmnistEvent *event = &g_array_index(out, GstFmnistEvent, k);
    g_assert_cmpuint(event->since, <=, event->time);
    if (event->id != 7)
      g_string_append_printf(text, "%u:", event->id);
    g_string_append_printf(text, "%u%c%s%s ", frame, *gst_fmnist_event_name(event), g_quark_to_string(event->label),
                           event->previous != 0 ? g_quark_to_string(event->previous) : "");
  }
  g_array_set_size(out, 0);
}

/* The events of an object of id 7 and, where there is a second row of letters, one of id 9. */
static char *events_of(const char *labels, const char *second, gboolean end) {
  GstFmnistEvents *e = gst_fmnist_events_new();
  GArray *out = g_array_new(FALSE, FALSE, sizeof(GstFmnistEvent));
  GString *text = g_string_new(NULL);
  guint i = 0;
  for (; labels[i] != '\0'; i++) {
    GstBuffer *buffer = gst_buffer_new();
    GstFmnistMeta *meta = gst_fmnist_meta_ensure(buffer);
    add_object(meta, labels[i], 7);
    if (second != NULL)
      add_object(meta, second[i], 9);
    gst_fmnist_events_update(e, meta, NULL, GST_FMNIST_EVENTS_ALL, i * FRAME * GST_MSECOND, DELAY * GST_MSECOND, out);
    gst_buffer_unref(buffer);
    tell(text, out, i);
  }
  if (end)
    gst_fmnist_events_end(e, out);
  tell(text, out, i);
  g_string_truncate(text, text->len - MIN(1, text->len));
  gst_fmnist_events_free(e);
  g_array_unref(out);
  return g_string_free(text, FALSE);
}

static void test_debounced(void) {
  static const struct {
    const char *labels, *events;
    gboolean end;
    const char *second;
  } cases[] = {
      {"AAAAAAAAAA", "5aA", FALSE}, /* after 200 ms, once */
      {"AAAA", "", FALSE},          /* too short */
      {"AAA...........", "", FALSE},
      {"AAAAAAAA..AAAAAA", "5aA", FALSE},        /* away for a moment */
      {"AAAAAAAA.......", "5aA 12lA", FALSE},    /* last seen in frame 7 */
      {"AAAAAAAA??????????", "5aA 12lA", FALSE}, /* unknown is not there */
      {"AAAAAAAABBAAAABAAA", "5aA", FALSE},      /* another name for a moment */
      {"AAAAAAAABBBBBBBB", "5aA 13cBA", FALSE},
      {"AAAAAAAABBBABBBBBBBB", "5aA 17cBA", FALSE}, /* counted from the last A */
      {"ABABABABABAB", "", FALSE},
      {"AAAAAAAA", "5aA 8lA", TRUE}, /* the end of the stream */
      {"AAA", "", TRUE},
      {"AAAAAAA.......AAAAAAAA", "5aA 11lA 19aA", FALSE}, /* and comes back */
      {"AA?A.AAAAAA", "5aA", FALSE},
      {"", "", TRUE},
      /* two, each for itself: */
      {"AAAAAAAAAAAAAAAAAA", "5aA 9:8aA 9:13lA", FALSE, "...AAAAAA........."},
      {"AAAAAAAAAAAAAAAAAA", "5aA 9:5aB 9:13cCB 18lA 9:18lC", TRUE, "BBBBBBBBCCCCCCCCCC"},
      {"AAABBBAAABBBAAABBB", "", FALSE, ".................."},
      {"AAABBBAAABBBAAABBB", "9:5aB", FALSE, "BBBBBBBBBBBBBBBBBB"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    char *events = events_of(cases[i].labels, cases[i].second, cases[i].end);
    g_test_message("%s: %s", cases[i].labels, events);
    g_assert_cmpstr(events, ==, cases[i].events);
    g_free(events);
  }
}

/* When time goes back, whoever was there has left. */
static void test_back_in_time(void) {
  static const guint frames[] = {0, 5, 10, 2, 3, 7, 8};
  GstFmnistEvents *e = gst_fmnist_events_new();
  GArray *out = g_array_new(FALSE, FALSE, sizeof(GstFmnistEvent));
  GString *text = g_string_new(NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(frames); i++) {
    GstBuffer *buffer = gst_buffer_new();
    GstFmnistMeta *meta = gst_fmnist_meta_ensure(buffer);
    add_object(meta, 'A', 7);
    gst_fmnist_events_update(e, meta, NULL, GST_FMNIST_EVENTS_ALL, frames[i] * FRAME * GST_MSECOND, DELAY * GST_MSECOND, out);
    gst_buffer_unref(buffer);
    tell(text, out, frames[i]);
  }
  g_assert_cmpstr(text->str, ==, "5aA 2lA 7aA ");
  g_string_free(text, TRUE);
  g_array_unref(out);
  gst_fmnist_events_free(e);
}

/* As it is told, with a name that has to be quoted. */
static void test_change(void) {
  const GstFmnistEvent event = {.type = GST_FMNIST_CHANGE,
                                .id = 3,
                                .label = g_quark_from_string("a \"b\""),
                                .previous = g_quark_from_string("Coat"),
                                .confidence = 0.5,
                                .box = {0.25, 0.5, 0.25, 0.25},
                                .time = 2 * GST_SECOND,
                                .since = GST_SECOND};
  GString *line = g_string_new(NULL);
  GstSegment segment;
  GstStructure *s;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  s = gst_fmnist_event_structure(&event, &segment, 320, 240);
  g_assert_cmpstr(gst_structure_get_string(s, "type"), ==, "change");
  g_assert_cmpstr(gst_structure_get_string(s, "label"), ==, "a \"b\"");
  g_assert_cmpstr(gst_structure_get_string(s, "previous"), ==, "Coat");
  gst_fmnist_line_append_event(line, &event, 320, 240);
  g_assert_cmpstr(line->str, ==,
                  "{\"timestamp\":2000000000,\"resolution\":{\"width\":320,\"height\":240},\"event\":{"
                  "\"type\":\"change\",\"id\":3,\"label\":\"a \\\"b\\\"\",\"previous\":\"Coat\","
                  "\"confidence\":0.500000,\"x\":80,\"y\":120,\"w\":80,\"h\":60,\"since\":1000000000}}\n");
  gst_structure_free(s);
  g_string_free(line, TRUE);
}

/* A garment that is there from 0.4 s to 2 s of 3 s, by whole elements. */
static GstBuffer *frame_of(const GstVideoInfo *info, guint i) {
  static const HelperScene there = HELPER_SCENE, gone = {{0, 0, 0, 0}, 0xd8d8c8, 0xd8d8c8};
  return helper_frame(info, i >= 10 && i < 50 ? &there : &gone, 0);
}

static void test_messages(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment ! fmnistclassify name=c threshold=0 post-events=true", &info);
  GstElement *c = gst_harness_find_element(h, "fmnistclassify");
  GstBus *bus = gst_bus_new();
  GstMessage *message;
  GString *told = g_string_new(NULL);
  gst_element_set_bus(c, bus);
  for (guint i = 0; i < 75; i++)
    gst_buffer_unref(helper_pass(h, frame_of(&info, i), i));
  while ((message = gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT)) != NULL) {
    const GstStructure *s = gst_message_get_structure(message);
    guint64 timestamp, running_time, since;
    double confidence;
    guint id;
    int x, w;
    g_assert_true(gst_structure_has_name(s, "fmnist-event"));
    g_assert_true(gst_structure_get(s, "id", G_TYPE_UINT, &id, "timestamp", G_TYPE_UINT64, &timestamp, "running-time",
                                    G_TYPE_UINT64, &running_time, "since", G_TYPE_UINT64, &since, "confidence",
                                    G_TYPE_DOUBLE, &confidence, "x", G_TYPE_INT, &x, "w", G_TYPE_INT, &w, NULL));
    g_assert_cmpint(ABS(x - 80), <, 6);
    g_assert_cmpint(ABS(w - 128), <, 8);
    g_assert_cmpuint(timestamp, ==, running_time);
    g_assert_nonnull(gst_structure_get_string(s, "label"));
    g_string_append_printf(told, "%s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "; ",
                           gst_structure_get_string(s, "type"), timestamp / GST_MSECOND, since / GST_MSECOND);
    gst_message_unref(message);
  }
  /* named in frame 10 (400 ms) and told after 250; last seen in frame 49 (1960) and told in the first frame 250 ms
   * later */
  g_assert_cmpstr(told->str, ==, "appear 680 400; leave 2240 1960; ");
  g_string_free(told, TRUE);
  gst_element_set_bus(c, NULL);
  gst_object_unref(bus);
  gst_object_unref(c);
  gst_harness_teardown(h);
}

/* After this nothing of what was there is: by the end of the stream or by a flush. */
static void end_stream(GstHarness *h, gboolean flushed) {
  if (flushed)
    g_assert_true(gst_harness_push_event(h, gst_event_new_flush_start()));
  g_assert_true(gst_harness_push_event(h, flushed ? gst_event_new_flush_stop(TRUE) : gst_event_new_eos()));
}

/* The events of the lines in order, "appear leave"; *frames: the other lines. */
static char *lines_of(const char *properties, guint n, gboolean flushed, guint *frames) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  char *path = helper_path("events.jsonl"), *text, **lines;
  char *launch =
      g_strdup_printf("fmnistsegment ! fmnistclassify threshold=0 ! fmnistjson location=%s %s", path, properties);
  GstHarness *h = helper_harness(launch, &info);
  GString *told = g_string_new(NULL);
  JsonParser *parser = json_parser_new();
  *frames = 0;
  for (guint i = 0; i < n; i++)
    gst_buffer_unref(helper_pass(h, frame_of(&info, i), i));
  end_stream(h, flushed);
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL && **line != '\0'; line++) {
    JsonObject *o;
    g_assert_true(json_parser_load_from_data(parser, *line, -1, NULL));
    o = json_node_get_object(json_parser_get_root(parser));
    g_assert_true(json_object_has_member(o, "timestamp") && json_object_has_member(o, "resolution"));
    if (json_object_has_member(o, "event")) {
      JsonObject *event = json_object_get_object_member(o, "event");
      g_assert_cmpint(json_object_get_int_member(event, "id"), ==, 1);
      g_assert_cmpint(ABS((int)json_object_get_int_member(event, "w") - 128), <, 8);
      g_assert_nonnull(json_object_get_string_member(event, "label"));
      g_assert_cmpint(json_object_get_int_member(event, "since"), <=, json_object_get_int_member(o, "timestamp"));
      g_string_append_printf(told, "%s ", json_object_get_string_member(event, "type"));
    } else {
      *frames += json_object_has_member(o, "objects");
    }
  }
  g_object_unref(parser);
  gst_harness_teardown(h);
  g_strfreev(lines);
  g_free(text);
  g_free(launch);
  g_free(path);
  return g_string_free(told, FALSE);
}

static void test_lines(void) {
  static const struct {
    const char *properties;
    guint n, frames;
    const char *told;
    gboolean flushed;
  } cases[] = {{"", 75, 75, ""},
               {"events=add", 75, 75, "appear leave "},
               {"events=add add-empty-results=false", 75, 40, "appear leave "},
               {"events=only", 75, 0, "appear leave "},
               {"events=only", 30, 0, "appear leave "}, /* leaves with the end of the stream */
               {"events=only", 30, 0, "appear leave ", TRUE},
               {"events=only event-delay=2000", 75, 0, ""}};
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    guint frames;
    char *told = lines_of(cases[i].properties, cases[i].n, cases[i].flushed, &frames);
    g_test_message("%s", cases[i].properties);
    g_assert_cmpstr(told, ==, cases[i].told);
    g_assert_cmpuint(frames, ==, cases[i].frames);
    g_free(told);
  }
}

/* Switched off, neither message nor line tells an end of what was told before. */
static void test_switched_off(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  char *path = helper_path("off.jsonl"), *text;
  char *launch = g_strdup_printf("fmnistsegment ! fmnistclassify name=c threshold=0 post-events=true ! "
                                 "fmnistjson name=j location=%s events=only",
                                 path);
  GstHarness *h = helper_harness(launch, &info);
  GstElement *c = gst_harness_find_element(h, "fmnistclassify"), *j = gst_harness_find_element(h, "fmnistjson");
  GstBus *bus = gst_bus_new();
  GstMessage *message;
  guint messages = 0;
  gst_element_set_bus(c, bus);
  for (guint i = 0; i < 40; i++) {
    if (i == 30) {
      g_object_set(c, "post-events", FALSE, NULL);
      g_object_set(j, "add-empty-results", FALSE, NULL);
      gst_util_set_object_arg(G_OBJECT(j), "events", "none");
    }
    gst_buffer_unref(helper_pass(h, frame_of(&info, i < 31 ? i : 0), i)); /* after 30 it is gone */
  }
  end_stream(h, FALSE);
  while ((message = gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT)) != NULL) {
    g_assert_cmpstr(gst_structure_get_string(gst_message_get_structure(message), "type"), ==, "appear");
    messages++;
    gst_message_unref(message);
  }
  g_assert_cmpuint(messages, ==, 1);
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  g_assert_nonnull(strstr(text, "\"appear\""));
  g_assert_null(strstr(text, "\"leave\""));
  gst_element_set_bus(c, NULL);
  gst_object_unref(bus);
  gst_object_unref(c);
  gst_object_unref(j);
  gst_harness_teardown(h);
  g_free(text);
  g_free(launch);
  g_free(path);
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  g_test_add_func("/events/debounced", test_debounced);
  g_test_add_func("/events/back-in-time", test_back_in_time);
  g_test_add_func("/events/change", test_change);
  g_test_add_func("/events/messages", test_messages);
  g_test_add_func("/events/lines", test_lines);
  g_test_add_func("/events/switched-off", test_switched_off);
  return helper_run();
}
