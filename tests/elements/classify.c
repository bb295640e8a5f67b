#include <string.h>

#include "fmnist.h"
#include "gstfmnistmeta.h"
#include "helper.h"

static const HelperScene scene = HELPER_SCENE;

static void test_result(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstBuffer *out = helper_look("fmnistsegment ! fmnistclassify threshold=0", &info, &scene);
  const GstFmnistResult *r = helper_object(out, 0)->result;
  double sum = 0;
  int top[10];
  g_assert_nonnull(r);
  g_assert_cmpstr(r->model_name, ==, FMN_DEFAULT_MODEL);
  g_assert_cmpint(r->n, ==, 10);
  g_assert_cmpint(r->label_id, >=, 0);
  g_assert_cmpstr(gst_fmnist_result_label(r), ==, gst_fmnist_result_label_at(r, r->label_id));
  for (int i = 0; i < r->n; i++)
    sum += (double)r->probabilities[i];
  g_assert_cmpfloat_with_epsilon(sum, 1, 1e-4);
  g_assert_cmpfloat_with_epsilon((double)r->probabilities[r->label_id], r->confidence, 1e-9);
  gst_fmnist_result_top(r, 10, top);
  g_assert_cmpint(top[0], ==, r->label_id);
  for (int i = 1; i < 10; i++)
    g_assert_true(r->probabilities[top[i]] <= r->probabilities[top[i - 1]]);
  gst_buffer_unref(out);
}

/* The way through the elements gives what the library gives. */
static void test_same_as_library(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_RGB, 320, 240);
  GstBuffer *out = helper_look("fmnistsegment ! fmnistclassify", &info, &scene);
  const GstFmnistResult *r = helper_object(out, 0)->result;
  FmnModel *model = fmn_model_open(helper_model(), NULL);
  FmnClassifier *c = fmn_classifier_new(model, 1);
  float expected[10];
  fmn_classifier_run(c, g_bytes_get_data(r->input, NULL), expected);
  for (int i = 0; i < 10; i++)
    g_assert_cmpfloat_with_epsilon((double)r->probabilities[i], (double)expected[i], 1e-6);
  fmn_classifier_free(c);
  fmn_model_unref(model);
  gst_buffer_unref(out);
}

static void test_region_of_interest(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstBuffer *out = helper_look("fmnistsegment ! fmnistclassify threshold=0", &info, &scene);
  GstVideoRegionOfInterestMeta *roi = gst_buffer_get_video_region_of_interest_meta(out);
  const GstStructure *s = gst_video_region_of_interest_meta_get_param(roi, "classification");
  const GstFmnistResult *r = helper_object(out, 0)->result;
  const GValue *probabilities;
  int label_id, id;
  double confidence;
  g_assert_cmpuint(gst_buffer_get_n_meta(out, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE), ==, 1);
  g_assert_cmpstr(g_quark_to_string(roi->roi_type), ==, gst_fmnist_result_label(r));
  g_assert_true(
      gst_structure_get(s, "label_id", G_TYPE_INT, &label_id, "confidence", G_TYPE_DOUBLE, &confidence, NULL));
  g_assert_cmpint(label_id, ==, r->label_id);
  g_assert_cmpfloat_with_epsilon(confidence, r->confidence, 1e-9);
  g_assert_cmpstr(gst_structure_get_string(s, "label"), ==, gst_fmnist_result_label(r));
  g_assert_cmpstr(gst_structure_get_string(s, "model_name"), ==, FMN_DEFAULT_MODEL);
  probabilities = gst_structure_get_value(s, "probabilities");
  g_assert_cmpuint(gst_value_array_get_size(probabilities), ==, 10);
  g_assert_cmpfloat_with_epsilon(g_value_get_double(gst_value_array_get_value(probabilities, (guint)label_id)),
                                 confidence, 1e-9);
  s = gst_video_region_of_interest_meta_get_param(roi, "object_id");
  g_assert_true(gst_structure_get_int(s, "id", &id));
  g_assert_cmpint(id, ==, roi->id);
  gst_buffer_unref(out);
}

static void test_threshold(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment ! fmnistclassify smoothing=60000 threshold=1 top-k=3", &info);
  HelperScene other = {{0.3, 0.3, 0.3, 0.3}, 0xf04040, 0x202020};
  GstBuffer *out = NULL;
  for (guint i = 0; i < 20; i++) { /* nobody stays at 1 */
    gst_clear_buffer(&out);
    out = helper_pass(h, helper_frame(&info, i % 2 ? &scene : &other, 0), i);
  }
  if (helper_object(out, 0)->result->confidence < 1) {
    g_assert_cmpint(helper_object(out, 0)->result->label_id, ==, -1);
    g_assert_cmpstr(gst_fmnist_object_label(helper_object(out, 0)), ==, "unknown");
  }
  g_assert_cmpint(helper_object(out, 0)->result->top_k, ==, 3);
  gst_buffer_unref(out);
  gst_harness_teardown(h);
}

/* The rule itself, on given numbers. */
static void test_unknown(void) {
  static const float p[3] = {0.2f, 0.5f, 0.3f};
  GPtrArray *labels = g_ptr_array_new();
  char *name = g_ref_string_new("m");
  GstFmnistResult *low, *high;
  g_ptr_array_add(labels, (char *)"a");
  g_ptr_array_add(labels, (char *)"b");
  g_ptr_array_add(labels, (char *)"c");
  low = gst_fmnist_result_new(labels, name, p, 0.51, 9, NULL, 0, 0, 0);
  high = gst_fmnist_result_new(labels, name, p, 0.5, 0, NULL, 0, 0, 0);
  g_assert_cmpint(low->label_id, ==, -1);
  g_assert_cmpstr(gst_fmnist_result_label(low), ==, "unknown");
  g_assert_cmpfloat_with_epsilon(low->confidence, 0.5, 1e-6);
  g_assert_cmpint(low->top_k, ==, 3);
  g_assert_cmpint(high->label_id, ==, 1);
  g_assert_cmpint(high->top_k, ==, 1);
  g_ptr_array_unref(labels);
  g_ref_string_release(name);
  g_assert_cmpstr(gst_fmnist_result_label(high), ==, "b");
  gst_fmnist_result_unref(low);
  gst_fmnist_result_unref(high);
}

/* The best first; of equals the first. */
static void test_top(void) {
  static const float p[6] = {0.1f, 0.3f, 0.2f, 0.3f, 0.05f, 0.05f};
  static const int expected[6] = {1, 3, 2, 0, 4, 5};
  GPtrArray *labels = g_ptr_array_new();
  char *name = g_ref_string_new("m");
  GstFmnistResult *r;
  int top[6];
  for (int i = 0; i < 6; i++)
    g_ptr_array_add(labels, (char *)"a");
  r = gst_fmnist_result_new(labels, name, p, 0, 6, NULL, 0, 0, 0);
  for (int k = 1; k <= 6; k++) {
    top[k % 6] = -1; /* the place behind is not touched */
    gst_fmnist_result_top(r, k, top);
    g_assert_cmpmem(top, (gsize)k * sizeof *top, expected, (gsize)k * sizeof *expected);
    g_assert_true(k == 6 || top[k] == -1);
  }
  gst_fmnist_result_unref(r);
  g_ptr_array_unref(labels);
  g_ref_string_release(name);
}

static void test_whole_frame(void) {
  static const struct {
    const char *launch;
    guint objects;
    gboolean whole;
  } cases[] = {
      {"fmnistclassify", 1, TRUE},
      {"fmnistclassify inference-region=full-frame", 1, TRUE},
      {"fmnistclassify inference-region=roi-list", 0, FALSE},
      {"fmnistclassify object-class=face", 0, FALSE},
      {"fmnistsegment min-area=0.9 ! fmnistclassify", 0, FALSE},
      {"fmnistsegment ! fmnistclassify inference-region=full-frame", 2, FALSE},
      {"fmnistclassify ! fmnistclassify", 1, TRUE},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
    GstBuffer *out = helper_look(cases[i].launch, &info, &scene);
    static const FmnBox whole = {0, 0, 1, 1};
    g_test_message("%s", cases[i].launch);
    g_assert_cmpuint(helper_n_objects(out), ==, cases[i].objects);
    g_assert_cmpuint(gst_buffer_get_n_meta(out, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE), ==, cases[i].objects);
    if (cases[i].objects == 2)
      g_assert_cmpuint(helper_object(out, 0)->id, !=, helper_object(out, 1)->id);
    if (cases[i].whole)
      helper_assert_box(&helper_object(out, 0)->box, &whole, 1e-9);
    if (cases[i].objects > 0)
      g_assert_nonnull(helper_object(out, cases[i].objects - 1)->result);
    gst_buffer_unref(out);
  }
}

/* Events are of what the element names, not of what another one has found and this one leaves alone. */
static void test_events_of_others(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistclassify object-class=hat post-events=true event-delay=0", &info);
  GstElement *c = gst_harness_find_element(h, "fmnistclassify");
  GstBus *bus = gst_bus_new();
  gst_element_set_bus(c, bus);
  for (guint i = 0; i < 3; i++) {
    GstBuffer *frame = helper_frame(&info, &scene, 0);
    gst_fmnist_meta_add(gst_fmnist_meta_ensure(frame), &scene.box, 5)->label = g_quark_from_static_string("coat");
    gst_buffer_unref(helper_pass(h, frame, i));
  }
  g_assert_null(gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT));
  gst_element_set_bus(c, NULL);
  gst_object_unref(bus);
  gst_object_unref(c);
  gst_harness_teardown(h);
}

/* Regions of interest that another detector has put there. */
static void test_foreign_regions(void) {
  static const struct {
    const char *launch;
    guint classified;
  } cases[] = {{"fmnistclassify", 3},
               {"fmnistclassify object-class=coat", 2},
               {"fmnistclassify object-class=hat", 0},
               {"fmnistclassify object-class=sneaker", 1}, /* as its detection calls it */
               {"fmnistclassify inference-region=roi-list", 3}};
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
    GstHarness *h = helper_harness(cases[i].launch, &info);
    GstBuffer *frame = helper_frame(&info, &scene, 0);
    guint with = 0;
    gpointer state = NULL;
    GstMeta *meta;
    gst_buffer_add_video_region_of_interest_meta(frame, "coat", 10, 10, 100, 100);
    gst_buffer_add_video_region_of_interest_meta(frame, "coat", 150, 10, 100, 100);
    GstVideoRegionOfInterestMeta *shoe =
        gst_buffer_add_video_region_of_interest_meta(frame, "shoe", 300, 200, 100, 100); /* over the edge */
    shoe->id = 77;
    gst_buffer_add_video_region_of_interest_meta(frame, "coat", 320, 10, 50, 50); /* of which nothing is in the frame */
    gst_video_region_of_interest_meta_add_param(
        shoe, gst_structure_new("detection", "label", G_TYPE_STRING, "sneaker", NULL));
    frame = helper_pass(h, frame, 0);
    g_assert_cmpuint(gst_buffer_get_n_meta(frame, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE), ==, 4);
    while ((meta = gst_buffer_iterate_meta_filtered(frame, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) !=
           NULL) {
      GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *)meta;
      const char *type = g_quark_to_string(roi->roi_type);
      g_assert_true(strcmp(type, "coat") == 0 || strcmp(type, "shoe") == 0);
      g_assert_true(strcmp(type, "coat") == 0 || roi->id == 77);
      with += gst_video_region_of_interest_meta_get_param(roi, "classification") != NULL;
    }
    g_assert_cmpuint(with, ==, cases[i].classified);
    g_assert_cmpuint(helper_n_objects(frame), ==, cases[i].classified);
    for (guint k = 0; k < helper_n_objects(frame); k++) {
      const GstFmnistObject *o = helper_object(frame, k);
      gboolean is_shoe = o->roi_type == g_quark_from_static_string("shoe");
      g_assert_cmpstr(g_quark_to_string(o->label), ==, is_shoe ? "sneaker" : "coat");
    }
    gst_buffer_unref(frame);
    gst_harness_teardown(h);
  }
}

static void test_interval(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment ! fmnistclassify inference-interval=3", &info);
  GstFmnistResult *last = NULL;
  for (guint i = 0; i < 9; i++) {
    HelperScene moving = scene;
    GstBuffer *out;
    moving.box.x += 0.01 * i;
    out = helper_pass(h, helper_frame(&info, &moving, 0), i);
    g_assert_cmpuint(helper_object(out, 0)->frames_ago, ==, i % 3);
    g_assert_nonnull(helper_object(out, 0)->result);
    g_assert_true((helper_object(out, 0)->result == last) == (i % 3 != 0));
    gst_fmnist_result_unref(last);
    last = gst_fmnist_result_ref(helper_object(out, 0)->result);
    gst_buffer_unref(out);
  }
  gst_fmnist_result_unref(last);
  gst_harness_teardown(h);
}

/* Equal frames, equal results; a changed one moves the mean towards it and not at once. tests/live/smoother.c has the
 * numbers. */
static void test_smoothing(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *plain = helper_harness("fmnistsegment ! fmnistclassify", &info);
  GstHarness *smooth = helper_harness("fmnistsegment ! fmnistclassify smoothing=100", &info);
  HelperScene other = {{0.25, 0.25, 0.42, 0.52}, 0xf0f0f0, 0x104010};
  double before[10], weight = 1 / (1 + 0.670320046035639 + 0.449328964117222); /* e^(−40/100), e^(−80/100) */
  for (guint i = 0; i < 3; i++) {
    const HelperScene *now = i < 2 ? &scene : &other;
    GstBuffer *a = helper_pass(plain, helper_frame(&info, now, 0), i),
              *b = helper_pass(smooth, helper_frame(&info, now, 0), i);
    for (int k = 0; k < 10; k++) {
      double p = (double)helper_object(a, 0)->result->probabilities[k],
             q = (double)helper_object(b, 0)->result->probabilities[k];
      g_assert_cmpfloat_with_epsilon(q, i < 2 ? p : before[k] + weight * (p - before[k]), 1e-4);
      before[k] = q;
    }
    gst_buffer_unref(a);
    gst_buffer_unref(b);
  }
  gst_harness_teardown(plain);
  gst_harness_teardown(smooth);
}

static void test_messages(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment ! fmnistclassify post-messages=true", &info);
  GstBus *bus = gst_bus_new();
  GstMessage *message;
  const GstStructure *s, *o;
  guint64 timestamp, stream_time, running_time, duration;
  int w;
  gst_element_set_bus(h->element, bus);
  gst_buffer_unref(helper_pass(h, helper_frame(&info, &scene, 0), 3));
  message = gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT);
  g_assert_nonnull(message);
  s = gst_message_get_structure(message);
  g_assert_true(gst_structure_has_name(s, "fmnist"));
  g_assert_true(gst_structure_get(s, "timestamp", G_TYPE_UINT64, &timestamp, "stream-time", G_TYPE_UINT64, &stream_time,
                                  "running-time", G_TYPE_UINT64, &running_time, "duration", G_TYPE_UINT64, &duration,
                                  NULL));
  g_assert_cmpuint(timestamp, ==, 120 * GST_MSECOND);
  g_assert_cmpuint(running_time, ==, 120 * GST_MSECOND);
  g_assert_cmpuint(stream_time, ==, 120 * GST_MSECOND);
  g_assert_cmpuint(duration, ==, 40 * GST_MSECOND);
  g_assert_cmpuint(gst_value_array_get_size(gst_structure_get_value(s, "objects")), ==, 1);
  o = gst_value_get_structure(gst_value_array_get_value(gst_structure_get_value(s, "objects"), 0));
  g_assert_true(gst_structure_get_int(o, "w", &w));
  g_assert_cmpint(ABS(w - 128), <, 8);
  g_assert_true(gst_structure_has_field_typed(o, "classification", GST_TYPE_STRUCTURE));
  g_assert_true(gst_structure_has_field_typed(o, "detection", GST_TYPE_STRUCTURE));
  gst_message_unref(message);
  g_assert_null(gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT));
  gst_element_set_bus(h->element, NULL);
  gst_object_unref(bus);
  gst_harness_teardown(h);
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  g_test_add_func("/classify/result", test_result);
  g_test_add_func("/classify/same-as-library", test_same_as_library);
  g_test_add_func("/classify/region-of-interest", test_region_of_interest);
  g_test_add_func("/classify/threshold", test_threshold);
  g_test_add_func("/classify/unknown", test_unknown);
  g_test_add_func("/classify/top", test_top);
  g_test_add_func("/classify/whole-frame", test_whole_frame);
  g_test_add_func("/classify/foreign-regions", test_foreign_regions);
  g_test_add_func("/classify/events-of-others", test_events_of_others);
  g_test_add_func("/classify/interval", test_interval);
  g_test_add_func("/classify/smoothing", test_smoothing);
  g_test_add_func("/classify/messages", test_messages);
  return helper_run();
}
