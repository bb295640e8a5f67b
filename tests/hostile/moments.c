/* Moments that tests of the ordinary forget: nothing before the end, other caps with every frame, flushes, seeks,
 * pauses, properties that change under way, elements used again and again. `test-hostile-moments -m thorough` changes
 * states 1,000 times where the test does so 60 times. */
#include "../detect/model.h"
#include "../elements/helper.h"

#define WAIT (200 * GST_SECOND) /* on a busy machine, under a sanitizer */
#define CHAIN "fmnistsegment ! fmnistclassify ! fmnistyolo ! fmnistoverlay ! fmnistjson location=/dev/null"

static const char *const elements[] = {
    "fmnistsegment", "fmnistclassify", "fmnistyolo", "fmnistoverlay", "fmnistjson location=/dev/null", CHAIN};
static const HelperScene scene = HELPER_SCENE;

static void test_nothing_before_the_end(void) {
  for (gsize i = 0; i < G_N_ELEMENTS(elements); i++) {
    for (int caps = 0; caps < 2; caps++) {
      GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_NV12, 64, 48);
      GstHarness *h = gst_harness_new_parse(elements[i]);
      GstEvent *event;
      gboolean end = FALSE;
      if (caps)
        gst_harness_set_src_caps(h, helper_caps(&info));
      g_assert_true(gst_harness_push_event(h, gst_event_new_eos()));
      while ((event = gst_harness_try_pull_event(h)) != NULL) {
        end |= GST_EVENT_TYPE(event) == GST_EVENT_EOS;
        gst_event_unref(event);
      }
      g_assert_true(end);
      g_assert_cmpuint(gst_harness_buffers_received(h), ==, 0);
      gst_harness_teardown(h);
    }
  }
}

/* A frame without caps is an error, not a crash. */
static void test_frame_without_caps(void) {
  for (gsize i = 0; i < G_N_ELEMENTS(elements); i++) {
    GstHarness *h = gst_harness_new_parse(elements[i]);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(h, gst_event_new_stream_start("odd"));
    gst_harness_push_event(h, gst_event_new_segment(&segment));
    g_assert_cmpint(gst_harness_push(h, gst_buffer_new_allocate(NULL, 100, NULL)), <, GST_FLOW_OK);
    gst_harness_teardown(h);
  }
}

/* Frames without time, from before, from long after; empty ones and ones too short. */
static void test_odd_buffers(void) {
  static const GstClockTime times[] = {GST_CLOCK_TIME_NONE,         5 * GST_SECOND,      GST_SECOND, 0,
                                       3600 * GST_SECOND * 1000000, GST_CLOCK_TIME_NONE, 0};
  for (gsize i = 0; i < G_N_ELEMENTS(elements); i++) {
    GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 64, 48);
    GstHarness *h = helper_harness(elements[i], &info);
    for (gsize k = 0; k < G_N_ELEMENTS(times); k++) {
      GstBuffer *frame = helper_frame(&info, &scene, 0);
      if (k == 2)
        gst_buffer_resize(frame, 0, 100);
      if (k == 3)
        gst_buffer_remove_all_memory(frame);
      GST_BUFFER_PTS(frame) = times[k];
      gst_harness_push(h, frame);
      GstBuffer *out = gst_harness_try_pull(h);
      gst_clear_buffer(&out);
    }
    gst_harness_teardown(h);
  }
}

/* One frame that nobody can read, in the middle of a chain, is let through with warnings; the next are as ever. */
static void test_unreadable_frame(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 64, 48);
  GstHarness *h =
      helper_harness("fmnistsegment ! fmnistclassify ! fmnistoverlay ! fmnistjson location=/dev/null", &info);
  for (guint i = 0; i < 5; i++) {
    GstBuffer *frame = helper_frame(&info, &scene, 0), *out;
    if (i == 2)
      gst_buffer_resize(frame, 0, 1);
    GST_BUFFER_PTS(frame) = i * 40 * GST_MSECOND;
    g_assert_cmpint(gst_harness_push(h, frame), ==, GST_FLOW_OK);
    out = gst_harness_pull(h);
    g_assert_cmpuint(gst_buffer_get_size(out), ==, i == 2 ? 1 : info.size);
    g_assert_true(i == 2 || helper_n_objects(out) == 1);
    gst_buffer_unref(out);
  }
  gst_harness_teardown(h);
}

/* Another format and size with every frame, flushed in between now and then. */
static void test_other_caps(void) {
  guint n;
  const GstVideoFormat *formats = helper_formats(&n);
  for (gsize i = 0; i < G_N_ELEMENTS(elements); i++) {
    gboolean overlay = strstr(elements[i], "overlay") != NULL;
    GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 32, 32);
    GstHarness *h = helper_harness(elements[i], &info);
    for (guint k = 0; k < 60; k++) {
      int width = 1 + (int)(k * 37 % 101), height = 1 + (int)(k * 53 % 89);
      info = helper_info(overlay && k % 2 ? GST_VIDEO_FORMAT_BGRx : formats[k * 7 % n], width, height);
      gst_harness_set_src_caps(h, helper_caps(&info));
      if (k % 5 == 4) {
        gst_harness_push_event(h, gst_event_new_flush_start());
        gst_harness_push_event(h, gst_event_new_flush_stop(TRUE));
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        gst_harness_push_event(h, gst_event_new_segment(&segment));
      }
      gst_buffer_unref(helper_pass(h, helper_frame(&info, &scene, k % 3), k));
    }
    gst_harness_teardown(h);
  }
}

typedef struct {
  GstElement *pipeline;
  GstBus *bus;
} Pipeline;

static Pipeline start(const char *chain, const char *source) {
  g_autofree char *launch = g_strdup_printf("%s ! %s ! fakesink name=sink sync=false", source, chain);
  g_autoptr(GError) error = NULL;
  GstElement *pipeline = gst_parse_launch(launch, &error);
  g_assert_no_error(error);
  return (Pipeline){pipeline, gst_element_get_bus(pipeline)};
}

static void no_error(Pipeline p) {
  GstMessage *message = gst_bus_pop_filtered(p.bus, GST_MESSAGE_ERROR);
  if (message) {
    g_autoptr(GError) error = NULL;
    gst_message_parse_error(message, &error, NULL);
    g_error("%s", error->message);
  }
}

static void stop(Pipeline p) {
  g_assert_cmpint(gst_element_set_state(p.pipeline, GST_STATE_NULL), ==, GST_STATE_CHANGE_SUCCESS);
  gst_object_unref(p.bus);
  gst_object_unref(p.pipeline);
}

static void until_end(Pipeline p) {
  GstMessage *message = gst_bus_timed_pop_filtered(p.bus, WAIT, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  g_assert_nonnull(message);
  g_assert_cmpint(GST_MESSAGE_TYPE(message), ==, GST_MESSAGE_EOS);
  gst_message_unref(message);
}

/* The last ten frames. In a pause, so that no end is told before it is waited for. */
static void to_the_end(Pipeline p) {
  gst_element_set_state(p.pipeline, GST_STATE_PAUSED);
  g_assert_cmpint(gst_element_get_state(p.pipeline, NULL, NULL, WAIT), ==, GST_STATE_CHANGE_SUCCESS);
  g_assert_true(gst_element_seek(p.pipeline, 1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET,
                                 2990 * GST_MSECOND, GST_SEEK_TYPE_SET, 3000 * GST_MSECOND));
  gst_bus_set_flushing(p.bus, TRUE);
  gst_bus_set_flushing(p.bus, FALSE);
  gst_element_set_state(p.pipeline, GST_STATE_PLAYING);
  until_end(p);
}

#define SOURCE "videotestsrc num-buffers=3000 pattern=ball ! video/x-raw,width=96,height=64,framerate=1000/1"

static void test_seeks_and_pauses(void) {
  Pipeline p = start(CHAIN, SOURCE);
  g_autoptr(GRand) rand = g_rand_new_with_seed(5);
  gst_element_set_state(p.pipeline, GST_STATE_PAUSED);
  g_assert_cmpint(gst_element_get_state(p.pipeline, NULL, NULL, WAIT), ==, GST_STATE_CHANGE_SUCCESS);
  for (int i = 0; i < 36; i++) {
    GstSeekFlags flags =
        (i % 4 ? GST_SEEK_FLAG_FLUSH : GST_SEEK_FLAG_NONE) | (i % 3 ? GST_SEEK_FLAG_KEY_UNIT : GST_SEEK_FLAG_ACCURATE);
    gst_element_set_state(p.pipeline, i % 2 ? GST_STATE_PLAYING : GST_STATE_PAUSED);
    if (i % 4 == 0) { /* one that does not flush waits for the frame at hand, which a pause keeps */
      gst_element_set_state(p.pipeline, GST_STATE_PLAYING);
      gst_element_get_state(p.pipeline, NULL, NULL, WAIT);
    }
    gst_element_seek(p.pipeline, i % 5 ? 1.0 : 2.0, GST_FORMAT_TIME, flags, GST_SEEK_TYPE_SET,
                     g_rand_int_range(rand, 0, 2500) * GST_MSECOND, GST_SEEK_TYPE_NONE, 0);
    if (i % 3 == 0)
      g_usleep(2000);
    no_error(p);
  }
  to_the_end(p);
  stop(p);
}

/* To any state, without waiting for it half of the time. */
static void test_states(void) {
  static const GstState states[] = {GST_STATE_NULL, GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING};
  Pipeline p = start(CHAIN, SOURCE);
  g_autoptr(GRand) rand = g_rand_new_with_seed(6);
  int n = g_test_thorough() ? 1000 : 60;
  for (int i = 0; i < n; i++) {
    GstState state = states[g_rand_int_range(rand, 0, G_N_ELEMENTS(states))];
    g_assert_cmpint(gst_element_set_state(p.pipeline, state), !=, GST_STATE_CHANGE_FAILURE);
    if (g_rand_boolean(rand))
      g_assert_cmpint(gst_element_get_state(p.pipeline, NULL, NULL, WAIT), ==, GST_STATE_CHANGE_SUCCESS);
    if (state == GST_STATE_PLAYING)
      g_usleep((gulong)g_rand_int_range(rand, 0, 5000));
    no_error(p);
  }
  gst_element_set_state(p.pipeline, GST_STATE_NULL);
  to_the_end(p);
  stop(p);
}

typedef struct {
  GstElement *pipeline;
  const char *model;
  gint quit;
  guint changes;
} Changer;

/* Any value that the property allows. */
static void change(GstElement *element, GParamSpec *spec, GRand *rand, const char *model) {
  GValue value = G_VALUE_INIT;
  g_value_init(&value, spec->value_type);
  if (G_IS_PARAM_SPEC_BOOLEAN(spec))
    g_value_set_boolean(&value, g_rand_boolean(rand));
  else if (G_IS_PARAM_SPEC_INT(spec))
    g_value_set_int(&value, g_rand_int_range(rand, G_PARAM_SPEC_INT(spec)->minimum,
                                             MIN(G_PARAM_SPEC_INT(spec)->maximum, 1000) + 1));
  else if (G_IS_PARAM_SPEC_UINT(spec))
    g_value_set_uint(&value, G_PARAM_SPEC_UINT(spec)->minimum + (guint)g_rand_int_range(rand, 0, 20));
  else if (G_IS_PARAM_SPEC_DOUBLE(spec))
    g_value_set_double(
        &value, g_rand_double_range(rand, G_PARAM_SPEC_DOUBLE(spec)->minimum, G_PARAM_SPEC_DOUBLE(spec)->maximum));
  else if (G_IS_PARAM_SPEC_ENUM(spec)) {
    GEnumClass *klass = G_PARAM_SPEC_ENUM(spec)->enum_class;
    g_value_set_enum(&value, klass->values[g_rand_int_range(rand, 0, (gint32)klass->n_values)].value);
  } else if (g_str_equal(spec->name, "font"))
    g_value_set_string(&value, g_rand_boolean(rand) ? "Serif 200" : "");
  else if (g_str_equal(spec->name, "model") && model)
    g_value_set_string(&value, g_rand_boolean(rand) ? model : g_rand_int_range(rand, 0, 4) ? NULL : "trilobite");
  if (!G_IS_PARAM_SPEC_STRING(spec) || g_str_equal(spec->name, "font") || g_str_equal(spec->name, "model"))
    g_object_set_property(G_OBJECT(element), spec->name, &value);
  g_value_unset(&value);
}

static gpointer changer(gpointer data) {
  Changer *c = data;
  g_autoptr(GRand) rand = g_rand_new_with_seed(7);
  while (!g_atomic_int_get(&c->quit)) {
    g_autoptr(GstIterator) iter = gst_bin_iterate_elements(GST_BIN(c->pipeline));
    GValue item = G_VALUE_INIT;
    while (gst_iterator_next(iter, &item) == GST_ITERATOR_OK) {
      GstElement *element = g_value_get_object(&item);
      guint n;
      g_autofree GParamSpec **specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &n);
      GParamSpec *spec = specs[g_rand_int_range(rand, 0, (gint32)n)];
      if (g_str_has_prefix(G_OBJECT_TYPE_NAME(element), "GstFmnist") && spec->flags & G_PARAM_WRITABLE &&
          !g_type_is_a(GST_TYPE_ELEMENT, spec->owner_type)) {
        change(element, spec, rand, c->changes % 8 ? NULL : c->model);
        c->changes++;
      }
      g_value_reset(&item);
    }
    g_value_unset(&item);
    g_usleep(200);
  }
  return NULL;
}

static void test_properties(void) {
  Pipeline p =
      start(CHAIN, "videotestsrc num-buffers=80 pattern=ball ! video/x-raw,width=96,height=64,framerate=200/1");
  Changer c = {p.pipeline, helper_model(), 0, 0};
  gst_element_set_state(p.pipeline, GST_STATE_PLAYING);
  GThread *thread = g_thread_new("changer", changer, &c);
  until_end(p);
  g_atomic_int_set(&c.quit, 1);
  g_thread_join(thread);
  g_test_message("%u changes", c.changes);
  g_assert_cmpuint(c.changes, >, 100);
  stop(p);
}

/* One stops and starts, the other goes on with the same model. */
static void test_shared_model(void) {
  static const char source[] =
      "videotestsrc num-buffers=600 pattern=ball ! video/x-raw,width=96,height=64,framerate=200/1";
  Pipeline a = start(CHAIN, source), b = start(CHAIN, source);
  gst_element_set_state(a.pipeline, GST_STATE_PLAYING);
  for (int i = 0; i < 20; i++) {
    gst_element_set_state(b.pipeline, i % 2 ? GST_STATE_NULL : GST_STATE_PLAYING);
    g_usleep(3000);
    no_error(a);
    no_error(b);
  }
  stop(b);
  until_end(a);
  stop(a);
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  g_autofree char *detector = helper_path("yolov3-tiny.safetensors");
  write_detector(detector, "size=32", "10,14 28,28 37,58 81,82 135,169 288,288");
  g_test_add_func("/moments/nothing-before-the-end", test_nothing_before_the_end);
  g_test_add_func("/moments/frame-without-caps", test_frame_without_caps);
  g_test_add_func("/moments/odd-buffers", test_odd_buffers);
  g_test_add_func("/moments/unreadable-frame", test_unreadable_frame);
  g_test_add_func("/moments/other-caps", test_other_caps);
  g_test_add_func("/moments/seeks-and-pauses", test_seeks_and_pauses);
  g_test_add_func("/moments/states", test_states);
  g_test_add_func("/moments/properties", test_properties);
  g_test_add_func("/moments/shared-model", test_shared_model);
  return helper_run();
}
