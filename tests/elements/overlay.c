#include "gstfmnistdraw.h"
#include "gstfmnistpaint.h"
#include "gstfmnistmeta.h"
#include "gstfmnistroi.h"
#include "helper.h"

#include <string.h>

static const HelperScene scene = HELPER_SCENE;

static GstVideoOverlayComposition *compose(GstBuffer *buffer, int w, int h, GstFmnistDrawOptions options) {
  GstFmnistDraw *d = gst_fmnist_draw_new();
  GstVideoOverlayComposition *c;
  options.font = options.font != NULL ? options.font : (char *)"Sans Bold";
  c = gst_fmnist_draw_compose(d, buffer, w, h, &options, 0);
  gst_fmnist_draw_free(d);
  return c;
}

static GstBuffer *analysed(GstVideoFormat format, int w, int h, const char *launch) {
  GstVideoInfo info = helper_info(format, w, h);
  return helper_look(launch, &info, &scene);
}

static void assert_color(GstBuffer *buffer, const GstVideoInfo *info, int x, int y, guint expected, int tolerance) {
  guint found = helper_pixel(buffer, info, x, y);
  if (!helper_color_close(found, expected, tolerance))
    g_error("%s: %06x at %d,%d instead of %06x", GST_VIDEO_INFO_NAME(info), found, x, y, expected);
}

/* In every format the box has its colour where it should be, and the rest of the frame is as before. */
static void test_blend_formats(void) {
  guint n;
  const GstVideoFormat *formats = helper_formats(&n);
  for (guint i = 0; i < n; i++) {
    GstVideoInfo info = helper_info(formats[i], 200, 150);
    GstHarness *h = helper_harness("fmnistsegment ! fmnistoverlay color=0xffff0000 line-width=6 show-labels=false show-confidence=false", &info);
    GstBuffer *in = helper_frame(&info, &scene, 0), *out;
    guint far = helper_pixel(in, &info, 190, 140), inside = helper_pixel(in, &info, 90, 75);
    GstFmnistPixelBox b;
    GstFmnistFormat *own = gst_fmnist_format_new(&info);
    int tolerance = formats[i] == GST_VIDEO_FORMAT_RGB8P ? 60 : gst_fmnist_paint_knows(own) ? 4 : 32; /* blending knows BT.709 alone */
    out = helper_pass(h, in, 0);
    b = gst_fmnist_box_pixels(&gst_fmnist_meta_object(gst_fmnist_meta_get(out), 0)->box, 200, 150);
    g_test_message("%s", GST_VIDEO_INFO_NAME(&info));
    if (!GST_VIDEO_INFO_IS_GRAY(&info) && info.finfo->w_sub[1] < 2) { /* coarser chroma is not as sharp as a line */
      assert_color(out, &info, b.x + b.w / 2, b.y + 2, 0xff0000, tolerance);
      assert_color(out, &info, b.x + 2, b.y + b.h / 2, 0xff0000, tolerance);
      assert_color(out, &info, b.x + b.w - 4, b.y + b.h / 2, 0xff0000, tolerance);
    }
    if (formats[i] != GST_VIDEO_FORMAT_RGB8P) {
      assert_color(out, &info, 190, 140, far, 1);
      assert_color(out, &info, 90, 75, inside, 1);
    }
    gst_fmnist_format_free(own);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
  }
}

/* Boxes at edges, of odd places and sizes, in lines of odd width; the frames' memory ends with the frame. */
static void test_drawn_at_edges(void) {
  static const FmnBox boxes[] = {{0, 0, 1, 1}, {0.9, 0, 0.1, 0.05}, {0.95, 0.95, 0.2, 0.2}, {-0.5, -0.5, 0.6, 0.6}, {0.5, 0.99, 0.01, 0.01}};
  static const int sizes[][2] = {{64, 48}, {17, 5}, {3, 51}, {63, 2}};
  guint n, known = 0;
  const GstVideoFormat *formats = helper_formats(&n);
  for (guint i = 0; i < n; i++)
    for (gsize k = 0; k < G_N_ELEMENTS(sizes); k++) {
      GstVideoInfo info = helper_info(formats[i], sizes[k][0], sizes[k][1]);
      GstFmnistFormat *own = gst_fmnist_format_new(&info);
      GstHarness *h;
      GstBuffer *in, *out;
      if (gst_fmnist_paint_knows(own)) {
        h = helper_harness("fmnistoverlay line-width=3 color=0xff00ff00 show-labels=false show-confidence=false", &info);
        in = helper_frame(&info, &scene, 0);
        for (gsize b = 0; b < G_N_ELEMENTS(boxes); b++)
          gst_fmnist_meta_add(gst_fmnist_meta_ensure(in), &boxes[b], (guint)b + 1);
        out = helper_pass(h, in, 0);
        if (!GST_VIDEO_INFO_IS_GRAY(&info)) {
          assert_color(out, &info, 0, 0, 0x00ff00, 10);
          assert_color(out, &info, 1, info.height - 2, 0x00ff00, 10);
        }
        gst_buffer_unref(out);
        gst_harness_teardown(h);
        known++;
      }
      gst_fmnist_format_free(own);
    }
  g_assert_cmpuint(known, >, 0);
}

/* Each pixel of a picture laid over a frame, its alpha and colour growing from left to right and downwards. */
static guint ramp(int x, int y, guint *alpha) {
  *alpha = (guint)(x * 255 / 39);
  return (guint)(y * 255 / 29) << 16 | 0x80 << 8 | (guint)(255 - y * 255 / 29);
}

static GstBuffer *ramp_picture(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, 40, 30);
  GstBuffer *b = gst_buffer_new_allocate(NULL, info.size, NULL);
  GstMapInfo map;
  gst_buffer_add_video_meta_full(b, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, 40, 30, 1, info.offset, info.stride);
  g_assert_true(gst_buffer_map(b, &map, GST_MAP_WRITE));
  for (int i = 0; i < 40 * 30; i++) {
    guint a, c = ramp(i % 40, i / 40, &a);
    ((guint32 *)(gpointer)map.data)[i] =
        a << 24 | ((c >> 16) * a / 255) << 16 | ((c >> 8 & 255) * a / 255) << 8 | (c & 255) * a / 255;
  }
  gst_buffer_unmap(b, &map);
  return b;
}

static guint mix(guint over, guint under, guint alpha) {
  guint rgb = 0;
  for (int shift = 0; shift < 24; shift += 8)
    rgb |= ((over >> shift & 255) * alpha + (under >> shift & 255) * (255 - alpha)) / 255 << shift;
  return rgb;
}

static void assert_ramp_at(const GstVideoInfo *info, const guint32 *before, const guint32 *after, int px, int py) {
  gboolean whole = info->finfo->w_sub[1] == 0; /* chroma */
  for (int i = 0; i < info->width * info->height; i++) {
    int x = i % info->width - px, y = i / info->width - py;
    gboolean inside = x >= 0 && x < 40 && y >= 0 && y < 30, at_edge = x < 2 || x >= 38 || y < 2 || y >= 28;
    guint alpha = 0, color = inside ? ramp(x, y, &alpha) : 0;
    int tolerance = inside ? (whole ? 8 : at_edge ? 140 : 18) : 0;
    if ((inside || whole || x < -4 || x >= 44 || y < -4 || y >= 34) &&
        !helper_color_close(after[i], mix(color, before[i], alpha), tolerance))
      g_error("%s, picture at %d,%d: %06x at %d,%d of it instead of %06x over %06x", GST_VIDEO_INFO_NAME(info), px, py, after[i], x, y,
              color, before[i]);
  }
}

/* In every format that can be painted on, at even and odd places, up to the last pixel of frames of odd size. */
static void test_paint_picture(void) {
  static const int places[][2] = {{0, 0}, {8, 5}, {13, 8}, {21, 11}, {25, 17}};
  GstBuffer *picture = ramp_picture();
  guint n, known = 0;
  const GstVideoFormat *formats = helper_formats(&n);
  for (guint i = 0; i < n * G_N_ELEMENTS(places); i++) {
    GstVideoInfo info = helper_info(formats[i % n], 65, 47);
    GstFmnistFormat *own = gst_fmnist_format_new(&info);
    if (gst_fmnist_paint_knows(own) && !GST_VIDEO_INFO_IS_GRAY(&info)) {
      GstBuffer *buffer = helper_frame(&info, &scene, 0);
      guint32 *before = helper_pixels(buffer, &info), *after;
      GstVideoFrame frame;
      g_assert_true(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READWRITE));
      gst_fmnist_paint_picture(&frame, gst_fmnist_format_image(own), places[i / n][0], places[i / n][1], picture);
      gst_video_frame_unmap(&frame);
      after = helper_pixels(buffer, &info);
      assert_ramp_at(&info, before, after, places[i / n][0], places[i / n][1]);
      g_free(before);
      g_free(after);
      gst_buffer_unref(buffer);
      known++;
    }
    gst_fmnist_format_free(own);
  }
  g_assert_cmpuint(known, >=, (g_getenv("FMNIST_TEST_FORMATS") != NULL ? 1 : 5) * G_N_ELEMENTS(places));
  gst_buffer_unref(picture);
}

/* Who understands overlays gets them, and the frame's pixels stay as they are and where they are. */
static void test_hands_composition_on(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = gst_harness_new_parse("fmnistsegment ! fmnistclassify live=off ! fmnistoverlay");
  GstBuffer *in = helper_frame(&info, &scene, 0), *out;
  GstVideoOverlayCompositionMeta *meta;
  GstMemory *memory = gst_buffer_peek_memory(in, 0);
  gst_harness_add_propose_allocation_meta(h, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL);
  gst_harness_set_sink_caps_str(h, "video/x-raw(memory:SystemMemory, meta:GstVideoOverlayComposition), format=I420; video/x-raw, format=I420");
  gst_harness_set_src_caps(h, helper_caps(&info));
  out = helper_pass(h, gst_buffer_ref(in), 0);
  meta = gst_buffer_get_video_overlay_composition_meta(out);
  g_assert_nonnull(meta);
  g_assert_cmpuint(gst_video_overlay_composition_n_rectangles(meta->overlay), ==, 6); /* four sides, name, number */
  g_assert_true(gst_buffer_peek_memory(out, 0) == memory);
  gst_buffer_unref(in);
  gst_buffer_unref(out);
  gst_harness_teardown(h);
}

/* A frame that somebody else holds is not drawn on. */
static void test_shared_buffer(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 320, 240);
  GstHarness *h = helper_harness("fmnistsegment ! fmnistoverlay show-mask=true", &info);
  GstBuffer *in = helper_frame(&info, &scene, 0), *out = helper_pass(h, gst_buffer_ref(in), 0);
  guint before = helper_pixel(in, &info, 140, 120);
  g_assert_true(helper_color_close(before, scene.object, 6));
  g_assert_false(helper_color_close(helper_pixel(out, &info, 140, 120), before, 10));
  gst_buffer_unref(in);
  gst_buffer_unref(out);
  gst_harness_teardown(h);
}

/* Whatever lies at an edge or is larger than the frame is drawn inside of it. */
static void test_inside_of_frame(void) {
  static const FmnBox boxes[] = {{0, 0, 1, 1}, {0.9, 0, 0.1, 0.05}, {0.95, 0.95, 0.2, 0.2}, {-0.5, -0.5, 0.6, 0.6}, {0.5, 0.99, 0.01, 0.01}};
  static const int sizes[][2] = {{640, 480}, {64, 48}, {17, 5}, {1, 1}, {1, 50}, {300, 2}};
  for (gsize k = 0; k < G_N_ELEMENTS(sizes); k++) {
    int w = sizes[k][0], h = sizes[k][1];
    GstBuffer *buffer = gst_buffer_new();
    GstFmnistMeta *meta = gst_fmnist_meta_ensure(buffer);
    GstVideoOverlayComposition *c;
    for (gsize i = 0; i < G_N_ELEMENTS(boxes); i++)
      gst_fmnist_meta_add(meta, &boxes[i], (guint)i + 1)->label = g_quark_from_static_string("a label that is longer than most frames are wide");
    c = compose(buffer, w, h, (GstFmnistDrawOptions){.boxes = TRUE, .labels = TRUE, .confidence = TRUE});
    g_assert_nonnull(c);
    for (guint i = 0; i < gst_video_overlay_composition_n_rectangles(c); i++) {
      int x, y;
      guint rw, rh;
      gst_video_overlay_rectangle_get_render_rectangle(gst_video_overlay_composition_get_rectangle(c, i), &x, &y, &rw, &rh);
      g_assert_cmpint(x, >=, 0);
      g_assert_cmpint(y, >=, 0);
      g_assert_cmpint(x + (int)rw, <=, w);
      g_assert_cmpint(y + (int)rh, <=, h);
    }
    gst_video_overlay_composition_unref(c);
    gst_buffer_unref(buffer);
  }
}

static void test_options(void) {
  GstBuffer *buffer = analysed(GST_VIDEO_FORMAT_I420, 320, 240, "fmnistsegment ! fmnistclassify");
  static const struct {
    GstFmnistDrawOptions options;
    guint rectangles;
  } cases[] = {
      {{0}, 0},
      {{.boxes = TRUE}, 4},
      {{.labels = TRUE}, 1},
      {{.mask = TRUE}, 1},
      {{.input = TRUE}, 1},
      {{.boxes = TRUE, .labels = TRUE, .confidence = TRUE, .mask = TRUE, .input = TRUE}, 8},
      {{.confidence = TRUE}, 1},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    GstVideoOverlayComposition *c = compose(buffer, 320, 240, cases[i].options);
    g_assert_cmpuint(c != NULL ? gst_video_overlay_composition_n_rectangles(c) : 0, ==, cases[i].rectangles);
    g_clear_pointer(&c, gst_video_overlay_composition_unref);
  }
  gst_buffer_unref(buffer);
}

/* While nothing changes nothing is drawn anew. */
static void test_cache(void) {
  GstBuffer *buffer = analysed(GST_VIDEO_FORMAT_I420, 320, 240, "fmnistsegment ! fmnistclassify");
  GstFmnistDraw *d = gst_fmnist_draw_new();
  GstFmnistDrawOptions options = {.boxes = TRUE, .labels = TRUE, .font = (char *)"Sans"};
  GstVideoOverlayComposition *a = gst_fmnist_draw_compose(d, buffer, 320, 240, &options, 0), *b, *c;
  b = gst_fmnist_draw_compose(d, buffer, 320, 240, &options, 0);
  g_assert_true(a == b);
  gst_fmnist_meta_object(gst_fmnist_meta_get(buffer), 0)->box.x += 0.1;
  c = gst_fmnist_draw_compose(d, buffer, 320, 240, &options, 0);
  g_assert_true(c != a);
  gst_video_overlay_composition_unref(a);
  gst_video_overlay_composition_unref(b);
  gst_video_overlay_composition_unref(c);
  gst_fmnist_draw_free(d);
  gst_buffer_unref(buffer);
}

static void test_foreign_regions(void) {
  GstBuffer *buffer = gst_buffer_new();
  GstVideoOverlayComposition *c;
  gst_buffer_add_video_region_of_interest_meta(buffer, "face", 10, 10, 50, 50);
  gst_buffer_add_video_region_of_interest_meta(buffer, "bad \xff utf-8 \xf0\x9f", 100, 10, 50, 50);
  c = compose(buffer, 320, 240, (GstFmnistDrawOptions){.boxes = TRUE, .labels = TRUE});
  g_assert_cmpuint(gst_video_overlay_composition_n_rectangles(c), ==, 10);
  gst_video_overlay_composition_unref(c);
  gst_buffer_unref(buffer);
}

static void test_frame_rate(void) {
  GstBuffer *buffer = gst_buffer_new();
  GstFmnistDraw *d = gst_fmnist_draw_new();
  GstFmnistDrawOptions options = {.fps = TRUE, .font = (char *)"Sans"};
  g_assert_null(gst_fmnist_draw_compose(d, buffer, 320, 240, &options, 1000)); /* one frame has no rate */
  for (gint64 i = 1; i < 60; i++) {
    GstVideoOverlayComposition *c = gst_fmnist_draw_compose(d, buffer, 320, 240, &options, 1000 + i * 40000);
    g_assert_cmpuint(gst_video_overlay_composition_n_rectangles(c), ==, 1);
    gst_video_overlay_composition_unref(c);
  }
  gst_fmnist_draw_free(d);
  gst_buffer_unref(buffer);
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  g_test_add_func("/overlay/blend-formats", test_blend_formats);
  g_test_add_func("/overlay/drawn-at-edges", test_drawn_at_edges);
  g_test_add_func("/overlay/paint-picture", test_paint_picture);
  g_test_add_func("/overlay/hands-composition-on", test_hands_composition_on);
  g_test_add_func("/overlay/shared-buffer", test_shared_buffer);
  g_test_add_func("/overlay/inside-of-frame", test_inside_of_frame);
  g_test_add_func("/overlay/options", test_options);
  g_test_add_func("/overlay/cache", test_cache);
  g_test_add_func("/overlay/foreign-regions", test_foreign_regions);
  g_test_add_func("/overlay/frame-rate", test_frame_rate);
  return helper_run();
}
