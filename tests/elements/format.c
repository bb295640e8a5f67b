/* Every raw format is read as GStreamer's own converter reads it. */
#include "gstfmnistformat.h"
#include "helper.h"

static const int sizes[][2] = {{64, 48}, {33, 17}, {1, 1}, {2, 3}, {130, 51}};

static void read_rgb(GstFmnistFormat *f, GstBuffer *buffer, guint8 *out, int w, int h) {
  static const FmnBox whole = {0, 0, 1, 1};
  FmnSampler *sampler = fmn_sampler_new(gst_fmnist_format_image(f));
  FmnImage image;
  g_assert_true(gst_fmnist_format_map(f, buffer, &image));
  fmn_sampler_read(sampler, &image, &whole, 3, w, h, out);
  gst_fmnist_format_unmap(f);
  fmn_sampler_free(sampler);
}

static void check_colors(const GstVideoInfo *info, const guint8 *rgb, int tolerance) {
  const int w = info->width, h = info->height, plane = w * h;
  const HelperScene scene = HELPER_SCENE;
  const guint in = (guint)((h / 2) * w + (int)(w * .45)), out = (guint)(h / 2 * w + w - 4);
  if (w < 16 || h < 16)
    return;
  for (guint k = 0; k < 2; k++) {
    guint at = k == 0 ? in : out, expected = k == 0 ? scene.object : scene.background;
    guint found = (guint)(rgb[at] << 16 | rgb[at + (guint)plane] << 8 | rgb[at + 2 * (guint)plane]);
    if (GST_VIDEO_INFO_IS_GRAY(info)) { /* the converter's luma of the colour, on all three */
      g_assert_cmpint(ABS((int)(found >> 8 & 255) - (int)(expected >> 8 & 255)), <, 12);
      g_assert_cmpint(found >> 16, ==, found & 255);
    } else if (!helper_color_close(found, expected, tolerance)) {
      g_error("%s %dx%d: found %06x instead of %06x", GST_VIDEO_INFO_NAME(info), w, h, found, expected);
    }
  }
}

/* There subsampled chroma is not the same for a reader that interpolates it and one that repeats it. */
static gboolean near_edge(const HelperScene *scene, int x, int y, int w, int h) {
  double x0 = scene->box.x * w, x1 = x0 + scene->box.w * w, y0 = scene->box.y * h, y1 = y0 + scene->box.h * h;
  return ABS(x - x0) < 6 || ABS(x - x1) < 6 || ABS(y - y0) < 6 || ABS(y - y1) < 6;
}

/* Directly and by way of the intermediate frame it is the same picture. */
static void check_format(GstVideoFormat format, int width, int h, guint pad) {
  const HelperScene scene = HELPER_SCENE;
  GstVideoInfo info = helper_info(format, width, h);
  int w = info.width, tolerance = format == GST_VIDEO_FORMAT_RGB8P          ? 40
                                  : GST_VIDEO_INFO_COMP_DEPTH(&info, 0) < 8 ? 10
                                                                            : 5;
  GstBuffer *buffer = helper_frame(&info, &scene, pad);
  GstFmnistFormat *direct = gst_fmnist_format_new(&info), *unpacking = gst_fmnist_format_new_unpacking(&info);
  gsize n = 3 * (gsize)w * (gsize)h;
  guint8 *a = g_malloc(n), *b = g_malloc(n);
  g_test_message("%s %dx%d, %u bytes padded", GST_VIDEO_INFO_NAME(&info), w, h, pad);
  g_assert_false(gst_fmnist_format_is_native(unpacking));
  read_rgb(direct, buffer, a, w, h);
  read_rgb(unpacking, buffer, b, w, h);
  for (gsize i = 0; i < n; i++) {
    int pixel = (int)(i % (gsize)(w * h));
    if (ABS((int)a[i] - (int)b[i]) > 2 && !near_edge(&scene, pixel % w, pixel / w, w, h))
      g_error("%s %dx%d: %d read directly, %d unpacked", GST_VIDEO_INFO_NAME(&info), w, h, a[i], b[i]);
  }
  check_colors(&info, a, tolerance);
  g_free(a);
  g_free(b);
  gst_fmnist_format_free(direct);
  gst_fmnist_format_free(unpacking);
  gst_buffer_unref(buffer);
}

static gboolean can_be_padded(GstVideoFormat format) {
  const GstVideoFormatInfo *v = gst_video_format_get_info(format);
  return !GST_VIDEO_FORMAT_INFO_IS_TILED(v);
}

static void test_read(void) {
  guint n;
  const GstVideoFormat *formats = helper_formats(&n);
  g_assert_cmpuint(n, >=, g_getenv("FMNIST_TEST_FORMATS") != NULL ? 1 : 100);
  for (guint i = 0; i < n; i++) {
    for (gsize k = 0; k < G_N_ELEMENTS(sizes); k++) {
      check_format(formats[i], sizes[k][0], sizes[k][1], 0);
      if (can_be_padded(formats[i]))
        check_format(formats[i], sizes[k][0], sizes[k][1], 24);
    }
  }
}

/* What cameras and decoders give is not copied first. */
static void test_native(void) {
  static const GstVideoFormat common[] = {
      GST_VIDEO_FORMAT_I420,  GST_VIDEO_FORMAT_NV12,  GST_VIDEO_FORMAT_YUY2,      GST_VIDEO_FORMAT_UYVY,
      GST_VIDEO_FORMAT_RGB,   GST_VIDEO_FORMAT_BGRx,  GST_VIDEO_FORMAT_I420_10LE, GST_VIDEO_FORMAT_P010_10LE,
      GST_VIDEO_FORMAT_GRAY8, GST_VIDEO_FORMAT_Y42B,  GST_VIDEO_FORMAT_Y444,      GST_VIDEO_FORMAT_NV21,
      GST_VIDEO_FORMAT_BGR,   GST_VIDEO_FORMAT_RGB16, GST_VIDEO_FORMAT_GRAY16_LE};
  for (gsize i = 0; i < G_N_ELEMENTS(common); i++) {
    GstVideoInfo info = helper_info(common[i], 64, 48);
    GstFmnistFormat *f = gst_fmnist_format_new(&info);
    g_assert_true(gst_fmnist_format_is_native(f));
    gst_fmnist_format_free(f);
  }
}

/* BT.601 and BT.709, full and limited range. */
static void test_colorimetry(void) {
  static const char *names[] = {"bt601", "bt709", "bt2020", "1:4:0:0", "1:3:0:0", "2:4:0:0", "2:3:0:0"};
  const HelperScene scene = {{0.25, 0.25, 0.4, 0.5}, 0xc03010, 0x20d060};
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_Y444, 64, 48);
    GstFmnistFormat *f;
    GstBuffer *buffer;
    guint8 rgb[3 * 64 * 48];
    guint at = 24 * 64 + 28;
    g_assert_true(gst_video_colorimetry_from_string(&info.colorimetry, names[i]));
    buffer = helper_frame(&info, &scene, 0);
    f = gst_fmnist_format_new(&info);
    read_rgb(f, buffer, rgb, 64, 48);
    g_assert_true(
        helper_color_close((guint)(rgb[at] << 16 | rgb[at + 64 * 48] << 8 | rgb[at + 2 * 64 * 48]), scene.object, 4));
    gst_fmnist_format_free(f);
    gst_buffer_unref(buffer);
  }
}

static void test_short_buffer(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 64, 48);
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, 100, NULL);
  GstFmnistFormat *f = gst_fmnist_format_new(&info);
  FmnImage image;
  g_assert_false(gst_fmnist_format_map(f, buffer, &image));
  gst_fmnist_format_free(f);
  gst_buffer_unref(buffer);
}

/* The left half is object. */
static void cover_left(gpointer user, int y, guint8 *line) {
  for (int x = 0; x < *(int *)user; x++)
    line[x] = x < *(int *)user / 2 ? 255 : 0;
}

/* What downstream is to crop (GstVideoCropMeta) is larger than the caps say, and no frame of theirs. */
static void test_larger_frame(void) {
  static const GstVideoFormat formats[] = {GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_v210};
  for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
    GstVideoInfo info = helper_info(formats[i], 32, 48), larger = helper_info(formats[i], 640, 480);
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, larger.size, NULL);
    GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta(buffer);
    GstFmnistFormat *f = gst_fmnist_format_new(&info);
    FmnImage image;
    gst_buffer_add_video_meta(buffer, GST_VIDEO_FRAME_FLAG_NONE, formats[i], 640, 480);
    crop->width = 32;
    crop->height = 48;
    g_assert_false(gst_fmnist_format_map(f, buffer, &image));
    g_assert_false(gst_fmnist_format_paint(f, buffer, cover_left, &(int){32}, TRUE));
    gst_fmnist_format_free(f);
    gst_buffer_unref(buffer);
  }
}

static void test_refuse_crop(void) {
  GstQuery *query = gst_query_new_allocation(NULL, FALSE), *other = gst_query_new_latency();
  gst_query_add_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
  gst_query_add_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  gst_fmnist_format_refuse_crop(query);
  gst_fmnist_format_refuse_crop(other);
  g_assert_cmpuint(gst_query_get_n_allocation_metas(query), ==, 1);
  g_assert_true(gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL));
  gst_query_unref(query);
  gst_query_unref(other);
}

static void test_paint(void) {
  const HelperScene scene = {{0, 0, 1, 1}, 0x6080a0, 0};
  guint n;
  const GstVideoFormat *formats = helper_formats(&n);
  for (guint i = 0; i < n; i++) {
    for (int white = 0; white < 2; white++) {
      int w = 66, h = 34, tolerance;
      GstVideoInfo info = helper_info(formats[i], w, h);
      GstBuffer *buffer = helper_frame(&info, &scene, 0);
      GstFmnistFormat *f = gst_fmnist_format_new(&info);
      guint inside, outside, expected = white ? 0xffffff : helper_pixel(buffer, &info, 8, h / 2);
      tolerance = formats[i] == GST_VIDEO_FORMAT_RGB8P ? 40 : 3;
      g_assert_true(gst_fmnist_format_paint(f, buffer, cover_left, &w, white));
      inside = helper_pixel(buffer, &info, 8, h / 2);
      outside = helper_pixel(buffer, &info, w - 8, h / 2);
      if (!helper_color_close(inside, expected, tolerance) || !helper_color_close(outside, 0, 2))
        g_error("%s: %06x inside, expected %06x; %06x outside", GST_VIDEO_INFO_NAME(&info), inside, expected, outside);
      gst_fmnist_format_free(f);
      gst_buffer_unref(buffer);
    }
  }
}

static void test_too_large(void) {
  static const char *const elements[] = {"fmnistsegment", "fmnistclassify"};
  for (gsize i = 0; i < G_N_ELEMENTS(elements); i++) {
    char *launch = g_strdup_printf(
        "videotestsrc num-buffers=1 ! video/x-raw,format=GRAY8,width=40000,height=16 ! %s ! fakesink", elements[i]);
    helper_assert_error(launch, "40000×16 are too large");
    g_free(launch);
  }
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  g_test_add_func("/format/read", test_read);
  g_test_add_func("/format/native", test_native);
  g_test_add_func("/format/colorimetry", test_colorimetry);
  g_test_add_func("/format/short-buffer", test_short_buffer);
  g_test_add_func("/format/larger-frame", test_larger_frame);
  g_test_add_func("/format/refuse-crop", test_refuse_crop);
  g_test_add_func("/format/paint", test_paint);
  g_test_add_func("/format/too-large", test_too_large);
  return helper_run();
}
