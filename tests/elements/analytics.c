/* GStreamer's own analytics metadata says what ours says, once, whatever elements stand in a row. */
#include "helper.h"

#ifdef FMNIST_ANALYTICS

#include <gst/analytics/analytics.h>

#include "gstfmnistanalytics.h"
#include "gstfmnistroi.h"

#define RELATED GST_ANALYTICS_REL_TYPE_RELATE_TO
#define WITH_MASKS GST_CHECK_VERSION(1, 26, 0)
#define OF_AN_OBJECT (WITH_MASKS ? 4u : 3u) /* entries of one that was segmented and classified */

static const HelperScene scene = HELPER_SCENE;

static guint count(GstAnalyticsRelationMeta *r, GstAnalyticsMtdType type) {
  gpointer state = NULL;
  GstAnalyticsMtd mtd;
  guint n = 0;
  while (gst_analytics_relation_meta_iterate(r, &state, type, &mtd))
    n++;
  return n;
}

/* The only entry of that type that od is related to. */
static GstAnalyticsMtd related(GstAnalyticsRelationMeta *r, const GstAnalyticsMtd *od, GstAnalyticsMtdType type) {
  gpointer state = NULL;
  GstAnalyticsMtd mtd, other;
  g_assert_true(gst_analytics_relation_meta_get_direct_related(r, od->id, RELATED, type, &state, &mtd));
  g_assert_false(gst_analytics_relation_meta_get_direct_related(r, od->id, RELATED, type, &state, &other));
  return mtd;
}

static void assert_detection(GstAnalyticsMtd *od, const GstFmnistObject *o, int width, int height) {
  GstFmnistPixelBox b = gst_fmnist_box_pixels(&o->box, width, height);
  gint x, y, w, h;
  gfloat confidence;
  g_assert_true(gst_analytics_od_mtd_get_location(od, &x, &y, &w, &h, &confidence));
  g_assert_cmpint(x, ==, b.x);
  g_assert_cmpint(y, ==, b.y);
  g_assert_cmpint(w, ==, b.w);
  g_assert_cmpint(h, ==, b.h);
  g_assert_cmpfloat_with_epsilon((double)confidence, o->confidence, 1e-6);
  g_assert_cmpuint(gst_analytics_od_mtd_get_obj_type(od), ==, o->label);
}

/* All probabilities, the best first. */
static void assert_classification(GstAnalyticsRelationMeta *r, const GstAnalyticsMtd *od,
                                  const GstFmnistResult *result) {
  GstAnalyticsMtd cls = related(r, od, gst_analytics_cls_mtd_get_mtd_type());
  double sum = 0;
  g_assert_cmpuint(gst_analytics_cls_mtd_get_length(&cls), ==, (guint)result->n);
  for (int i = 0; i < result->n; i++) {
    gint at =
        gst_analytics_cls_mtd_get_index_by_quark(&cls, g_quark_from_string(gst_fmnist_result_label_at(result, i)));
    g_assert_cmpint(at, >=, 0);
    g_assert_cmpfloat(gst_analytics_cls_mtd_get_level(&cls, (gsize)at), ==, result->probabilities[i]);
    sum += (double)result->probabilities[i];
    if (i > 0)
      g_assert_cmpfloat(gst_analytics_cls_mtd_get_level(&cls, (gsize)i), <=,
                        gst_analytics_cls_mtd_get_level(&cls, (gsize)i - 1));
  }
  g_assert_cmpfloat_with_epsilon(sum, 1, 1e-4);
  g_assert_cmpfloat_with_epsilon((double)gst_analytics_cls_mtd_get_level(&cls, 0), result->confidence, 1e-6);
}

static void assert_tracking(GstAnalyticsRelationMeta *r, const GstAnalyticsMtd *od, guint id, GstClockTime first,
                            GstClockTime last) {
  GstAnalyticsMtd tracking = related(r, od, gst_analytics_tracking_mtd_get_mtd_type());
  guint64 tracking_id;
  GstClockTime first_seen, last_seen;
  gboolean lost;
  g_assert_true(gst_analytics_tracking_mtd_get_info(&tracking, &tracking_id, &first_seen, &last_seen, &lost));
  g_assert_cmpuint(tracking_id, ==, id);
  g_assert_cmpuint(first_seen, ==, first);
  g_assert_cmpuint(last_seen, ==, last);
  g_assert_false(lost);
}

#if WITH_MASKS
static void assert_mask(GstAnalyticsRelationMeta *r, const GstAnalyticsMtd *od, const GstFmnistObject *o, guint region,
                        int width, int height) {
  GstAnalyticsMtd seg = related(r, od, gst_analytics_segmentation_mtd_get_mtd_type());
  GstFmnistPixelBox b = gst_fmnist_box_pixels(&o->box, width, height);
  const guint8 *grid = g_bytes_get_data(o->mask.data, NULL);
  gint x, y;
  guint w, h;
  gsize index;
  GstBuffer *buffer = gst_analytics_segmentation_mtd_get_mask(&seg, &x, &y, &w, &h);
  GstVideoMeta *video = gst_buffer_get_video_meta(buffer);
  GstMapInfo map;
  g_assert_cmpuint(gst_analytics_relation_meta_get_relation(r, seg.id, od->id), ==, RELATED);
  g_assert_true(x == b.x && y == b.y && (int)w == b.w && (int)h == b.h);
  g_assert_cmpuint(video->format, ==, GST_VIDEO_FORMAT_GRAY8);
  g_assert_true((int)video->width == o->mask.width && (int)video->height == o->mask.height);
  g_assert_cmpuint(gst_analytics_segmentation_mtd_get_region_count(&seg), ==, 2);
  g_assert_cmpuint(gst_analytics_segmentation_mtd_get_region_id(&seg, 0), ==, 0);
  g_assert_true(gst_analytics_segmentation_mtd_get_region_index(&seg, &index, region) && index == 1);
  g_assert_true(gst_buffer_map(buffer, &map, GST_MAP_READ));
  for (int i = 0; i < o->mask.width * o->mask.height; i++)
    g_assert_cmpuint(map.data[i], ==, grid[i] > 127 ? region : 0);
  gst_buffer_unmap(buffer, &map);
  gst_buffer_unref(buffer);
}
#endif

/* Everything about object i, which is the i-th detection from the given one on. */
static void assert_object(GstBuffer *buffer, guint i, guint foreign, int width, int height) {
  GstAnalyticsRelationMeta *r = gst_buffer_get_analytics_relation_meta(buffer);
  const GstFmnistObject *o = helper_object(buffer, i);
  gpointer state = NULL;
  GstAnalyticsMtd od;
  for (guint k = 0; k <= foreign + i; k++)
    g_assert_true(gst_analytics_relation_meta_iterate(r, &state, gst_analytics_od_mtd_get_mtd_type(), &od));
  assert_detection(&od, o, width, height);
  assert_tracking(r, &od, o->id, o->first_seen, GST_BUFFER_PTS(buffer));
  if (o->result != NULL)
    assert_classification(r, &od, o->result);
#if WITH_MASKS
  if (o->mask.data != NULL)
    assert_mask(r, &od, o, i + 1, width, height);
#endif
}

static void assert_size(GstBuffer *buffer, guint n) {
  GstAnalyticsRelationMeta *r = gst_buffer_get_analytics_relation_meta(buffer);
  gpointer state = NULL;
  guint metas = 0;
  while (gst_buffer_iterate_meta_filtered(buffer, &state, GST_ANALYTICS_RELATION_META_API_TYPE) != NULL)
    metas++;
  g_assert_cmpuint(metas, ==, 1);
  g_assert_cmpuint(gst_analytics_relation_get_length(r), ==, n);
}

static void test_segment(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment", &info);
  for (guint i = 0; i < 3; i++) {
    GstBuffer *out = helper_pass(h, helper_frame(&info, &scene, 0), i);
    const GstFmnistObject *o = helper_object(out, 0);
    g_assert_cmpstr(g_quark_to_string(o->label), ==, "object");
    g_assert_cmpuint(o->first_seen, ==, 0);
    assert_size(out, OF_AN_OBJECT - 1);
    assert_object(out, 0, 0, 320, 240);
    gst_buffer_unref(out);
  }
  gst_harness_teardown(h);
}

/* However often, and from whichever frame. */
static void test_classify(void) {
  static const char *ways[] = {
      "fmnistsegment ! fmnistclassify",
      "fmnistsegment ! fmnistclassify ! fmnistclassify inference-interval=2",
      "fmnistsegment ! fmnistclassify inference-interval=4 smoothing=200",
      "fmnistsegment ! fmnistclassify ! identity ! videoconvert ! capsfilter caps=video/x-raw,format=RGB ! "
      "fmnistclassify",
      "fmnistsegment ! videoscale ! capsfilter caps=video/x-raw,width=320,height=320,pixel-aspect-ratio=1/1 ! "
      "fmnistclassify",
  };
  for (gsize w = 0; w < G_N_ELEMENTS(ways); w++) {
    GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
    GstHarness *h = helper_harness(ways[w], &info);
    g_test_message("%s", ways[w]);
    for (guint i = 0; i < 6; i++) {
      GstBuffer *out = helper_pass(h, helper_frame(&info, &scene, 0), i);
      g_assert_nonnull(helper_object(out, 0)->result);
      assert_size(out, OF_AN_OBJECT);
      assert_object(out, 0, 0, 320, strstr(ways[w], "height=320") != NULL ? 320 : 240);
      gst_buffer_unref(out);
    }
    gst_harness_teardown(h);
  }
}

static void test_whole_frame(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_NV12, 160, 120);
  GstBuffer *out = helper_look("fmnistclassify threshold=1", &info, &scene);
  g_assert_cmpstr(gst_fmnist_object_label(helper_object(out, 0)), ==, "unknown");
  assert_size(out, 3);
  assert_object(out, 0, 0, 160, 120);
  gst_buffer_unref(out);
}

static void test_yolo(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_RGB, 160, 120);
  for (int classify = 0; classify < 2; classify++) {
    GstHarness *h =
        helper_harness(classify ? "fmnistyolo threshold=0.05 max-detections=40 inference-interval=2 ! fmnistclassify"
                                : "fmnistyolo threshold=0.05 max-detections=40 inference-interval=2",
                       &info);
    for (guint i = 0; i < 3; i++) {
      GstBuffer *out = helper_pass(h, helper_frame(&info, &scene, 0), i);
      guint n = helper_n_objects(out);
      g_assert_cmpuint(n, ==, 40);
      assert_size(out, n * (classify ? 3 : 2));
      for (guint k = 0; k < n; k++)
        assert_object(out, k, 0, 160, 120);
      gst_buffer_unref(out);
    }
    gst_harness_teardown(h);
  }
}

/* What others wrote, before and between our elements, is there once and as it was. */
static void test_foreign(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *segment = helper_harness("fmnistsegment", &info), *classify = helper_harness("fmnistclassify", &info);
  GstBuffer *buffer = helper_frame(&info, &scene, 0);
  GstAnalyticsRelationMeta *r = gst_buffer_add_analytics_relation_meta(buffer);
  GQuark dog = g_quark_from_string("dog"), cat = g_quark_from_string("cat"), type;
  GstAnalyticsMtd od, cls, late, found;
  gpointer state = NULL;
#if WITH_MASKS
  GstBuffer *mask = gst_buffer_new_allocate(NULL, 4 * 4, NULL);
  guint regions[] = {0, 1};
  GstAnalyticsMtd seg;
#endif
  g_assert_true(gst_analytics_relation_meta_add_od_mtd(r, dog, 1, 2, 3, 4, 0.5f, &od));
  g_assert_true(gst_analytics_relation_meta_add_one_cls_mtd(r, 0.75f, dog, &cls));
  g_assert_true(gst_analytics_relation_meta_set_relation(r, RELATED, od.id, cls.id));
#if WITH_MASKS
  gst_buffer_add_video_meta(mask, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_GRAY8, 4, 4);
  g_assert_true(gst_analytics_relation_meta_add_segmentation_mtd(
      r, gst_buffer_ref(mask), GST_SEGMENTATION_TYPE_INSTANCE, 2, regions, 1, 2, 3, 4, &seg));
  g_assert_true(gst_analytics_relation_meta_set_relation(r, GST_ANALYTICS_REL_TYPE_CONTAIN, od.id, seg.id));
#endif
  buffer = helper_pass(segment, buffer, 0);
  assert_size(buffer, 2 * OF_AN_OBJECT - 2);
  assert_object(buffer, 0, 1, 320, 240);
  r = gst_buffer_get_analytics_relation_meta(buffer);
  g_assert_true(gst_analytics_relation_meta_add_od_mtd(r, cat, 5, 6, 7, 8, 0.25f, &late));
  buffer = helper_pass(classify, buffer, 0);
  assert_size(buffer, 2 * OF_AN_OBJECT);
  assert_object(buffer, 0, 2, 320, 240);

  r = gst_buffer_get_analytics_relation_meta(buffer);
  g_assert_cmpuint(count(r, gst_analytics_od_mtd_get_mtd_type()), ==, 3);
  g_assert_true(gst_analytics_relation_meta_iterate(r, &state, gst_analytics_od_mtd_get_mtd_type(), &od));
  type = gst_analytics_od_mtd_get_obj_type(&od);
  g_assert_cmpuint(type, ==, dog);
  cls = related(r, &od, gst_analytics_cls_mtd_get_mtd_type());
  g_assert_cmpuint(gst_analytics_cls_mtd_get_quark(&cls, 0), ==, dog);
  g_assert_cmpfloat(gst_analytics_cls_mtd_get_level(&cls, 0), ==, 0.75f);
  g_assert_true(gst_analytics_relation_meta_iterate(r, &state, gst_analytics_od_mtd_get_mtd_type(), &found));
  g_assert_cmpuint(gst_analytics_od_mtd_get_obj_type(&found), ==, cat);
#if WITH_MASKS
  state = NULL;
  g_assert_true(gst_analytics_relation_meta_get_direct_related(
      r, od.id, GST_ANALYTICS_REL_TYPE_CONTAIN, gst_analytics_segmentation_mtd_get_mtd_type(), &state, &seg));
  {
    GstBuffer *same = gst_analytics_segmentation_mtd_get_mask(&seg, NULL, NULL, NULL, NULL);
    g_assert_true(same == mask);
    gst_buffer_unref(same);
  }
#endif
  gst_buffer_unref(buffer);
#if WITH_MASKS
  g_assert_cmpint(GST_MINI_OBJECT_REFCOUNT_VALUE(mask), ==, 1);
  gst_buffer_unref(mask);
#endif
  gst_harness_teardown(segment);
  gst_harness_teardown(classify);
}

/* Frames in which there is nothing to say get nothing. */
static void test_nothing(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  HelperScene plain = {{0, 0, 0, 0}, 0x808080, 0x808080};
  GstBuffer *out = helper_look("fmnistsegment ! fmnistclassify", &info, &plain);
  g_assert_nonnull(gst_fmnist_meta_get(out));
  g_assert_cmpuint(helper_n_objects(out), ==, 0);
  g_assert_null(gst_buffer_get_analytics_relation_meta(out));
  gst_buffer_unref(out);
}

/* Masks of several objects have values of their own, and a copy of the buffer is as good. */
static void test_several(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 100, 80);
  GstBuffer *buffer = helper_frame(&info, &scene, 0), *copy;
  guint8 inside[6] = {255, 0, 255, 255, 255, 0};
  GstFmnistMeta *meta = gst_fmnist_meta_ensure(buffer);
  GST_BUFFER_PTS(buffer) = GST_SECOND;
  for (guint i = 0; i < 3; i++) {
    FmnBox box = {0.1 * i, 0.2, 0.1, 0.5};
    FmnMask mask = {box, 2, 3, inside};
    GstFmnistObject *o = gst_fmnist_meta_add(meta, &box, 7 + i);
    gst_fmnist_object_set_mask(o, &mask);
    o->first_seen = i * GST_MSECOND;
  }
  gst_fmnist_analytics_publish(buffer, 100, 80, GST_SECOND);
  copy = gst_buffer_copy(buffer);
  gst_fmnist_analytics_publish(buffer, 100, 80, GST_SECOND);
  gst_fmnist_analytics_publish(copy, 100, 80, GST_SECOND);
  for (guint i = 0; i < 3; i++)
    assert_object(buffer, i, 0, 100, 80);
  gst_buffer_unref(buffer);
  assert_size(copy, 3 * (OF_AN_OBJECT - 1));
  for (guint i = 0; i < 3; i++)
    assert_object(copy, i, 0, 100, 80);
  gst_buffer_unref(copy);
}

/* How many pixels a launch line changes; where: only those in the band of that many pixels around the edge of b count
 * as expected. */
static guint changed_pixels(const guint32 *a, const guint32 *b, const GstFmnistPixelBox *box, int band,
                            guint *elsewhere) {
  guint n = 0;
  *elsewhere = 0;
  for (int y = 0; y < 240; y++) {
    for (int x = 0; x < 320; x++) {
      gboolean in =
          x >= box->x - band && x < box->x + box->w + band && y >= box->y - band && y < box->y + box->h + band;
      gboolean deep =
          x >= box->x + band && x < box->x + box->w - band && y >= box->y + band && y < box->y + box->h - band;
      if (a[y * 320 + x] == b[y * 320 + x])
        continue;
      n++;
      *elsewhere += in && !deep ? 0 : 1;
    }
  }
  return n;
}

/* GStreamer's own overlay draws the box of our object, and nothing else. */
static void test_overlay(void) {
  static const char *overlay = "objectdetectionoverlay draw-labels=false object-detection-outline-color=4294901760";
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_BGRx, 320, 240);
  GstElementFactory *factory = gst_element_factory_find("objectdetectionoverlay");
  const char *lines[] = {"fmnistsegment ! fmnistclassify", NULL, overlay};
  char *with = g_strdup_printf("fmnistsegment ! fmnistclassify ! %s", overlay);
  guint32 *pixels[3];
  GstFmnistPixelBox box = {0};
  guint n, elsewhere;
  if (factory == NULL) {
    g_test_skip("no objectdetectionoverlay: Debian has it in gstreamer1.0-plugins-bad");
    g_free(with);
    return;
  }
  gst_object_unref(factory);
  lines[1] = with;
  for (int i = 0; i < 3; i++) {
    GstBuffer *out = helper_look(lines[i], &info, &scene);
    if (i == 0)
      box = gst_fmnist_box_pixels(&helper_object(out, 0)->box, 320, 240);
    pixels[i] = helper_pixels(out, &info);
    gst_buffer_unref(out);
  }
  n = changed_pixels(pixels[0], pixels[1], &box, 3, &elsewhere);
  g_assert_cmpuint(elsewhere, ==, 0);
  g_assert_cmpuint(n, >=, (guint)(2 * (box.w + box.h) - 4));
  g_assert_true(helper_color_close(pixels[1][box.y * 320 + box.x + box.w / 2], 0xff0000, 140));
  g_assert_cmpuint(changed_pixels(pixels[0], pixels[2], &box, 3, &elsewhere), ==, 0);
  for (int i = 0; i < 3; i++)
    g_free(pixels[i]);
  g_free(with);
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  helper_make_detector();
  g_test_add_func("/analytics/segment", test_segment);
  g_test_add_func("/analytics/classify", test_classify);
  g_test_add_func("/analytics/whole-frame", test_whole_frame);
  g_test_add_func("/analytics/yolo", test_yolo);
  g_test_add_func("/analytics/foreign", test_foreign);
  g_test_add_func("/analytics/nothing", test_nothing);
  g_test_add_func("/analytics/several", test_several);
  g_test_add_func("/analytics/overlay", test_overlay);
  return helper_run();
}

#else

static void test_absent(void) { g_test_skip("built without gstreamer-analytics-1.0, which GStreamer has since 1.24"); }

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  g_test_add_func("/analytics", test_absent);
  return helper_run();
}

#endif
