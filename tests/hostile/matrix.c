/* Every format, at odd sizes, in lines that are longer than they have to be and begin at odd places: the elements find,
 * name, cut out and draw the same whatever the lines are like, and write nothing between them. */
#include <string.h>

#include "../elements/helper.h"

static const int sizes[][2] = {{1, 1}, {2, 3}, {5, 1}, {33, 17}, {101, 67}};
static const guint pads[] = {0, 3, 24};
static const HelperScene scene = HELPER_SCENE;

/* What a frame became. */
typedef struct {
  guint n; /* objects */
  FmnBox box;
  float probabilities[10];
  guint32 *pixels; /* owned */
} Outcome;

/* The bytes between and behind the lines are those of before, but for the few that complete a tight line. */
static void check_between(GstBuffer *out, const GstVideoInfo *info, const guint8 *before, gsize size) {
  const GstVideoMeta *meta = gst_buffer_get_video_meta(out);
  g_autofree guint8 *ours = g_malloc0(size);
  GstMapInfo map;
  g_assert_true(gst_buffer_map(out, &map, GST_MAP_READ));
  g_assert_cmpuint(map.size, ==, size);
  for (guint p = 0; p < GST_VIDEO_INFO_N_PLANES(info); p++) {
    gsize line = (gsize)GST_VIDEO_INFO_PLANE_STRIDE(info, p),
          end = p + 1 < GST_VIDEO_INFO_N_PLANES(info) ? info->offset[p + 1] : info->size;
    for (gsize y = 0; y < (end - info->offset[p]) / line; y++) {
      gsize at = meta->offset[p] + y * (gsize)meta->stride[p];
      memset(ours + MIN(at, size), 1, MIN(line, size - MIN(at, size)));
    }
  }
  for (gsize i = 0; i < size; i++) {
    if (!ours[i] && map.data[i] != before[i])
      g_error("%s %dx%d: byte %" G_GSIZE_FORMAT " between lines was written", GST_VIDEO_INFO_NAME(info), info->width,
              info->height, i);
  }
  gst_buffer_unmap(out, &map);
}

/* GStreamer's own blending writes the last byte of a pair of pixels that an odd line has no place for. */
static gboolean blends_too_far(GstHarness *h, const GstVideoInfo *info) {
  GstElement *overlay = gst_harness_find_element(h, "fmnistoverlay");
  gboolean blends = overlay != NULL;
  gst_clear_object(&overlay);
  return blends && GST_VIDEO_INFO_FORMAT(info) == GST_VIDEO_FORMAT_UYVP && info->width % 2 == 1;
}

static Outcome pass(GstHarness *h, const GstVideoInfo *info, guint pad, guint number) {
  GstBuffer *frame = helper_frame(info, &scene, pad), *out;
  const GstFmnistMeta *meta;
  Outcome o = {0};
  gpointer before;
  gsize size;
  gst_buffer_extract_dup(frame, 0, G_MAXSIZE, &before, &size);
  out = helper_pass(h, frame, number);
  if (pad > 0 && !blends_too_far(h, info))
    check_between(out, info, before, size);
  meta = gst_fmnist_meta_get(out);
  g_assert_nonnull(meta);
  o.n = gst_fmnist_meta_size(meta);
  if (o.n > 0) {
    const GstFmnistObject *object = gst_fmnist_meta_object(meta, 0);
    o.box = object->box;
    g_assert_nonnull(object->result);
    memcpy(o.probabilities, object->result->probabilities, sizeof o.probabilities);
  }
  o.pixels = helper_pixels(out, info);
  gst_buffer_unref(out);
  g_free(before);
  return o;
}

static void assert_same(const Outcome *a, const Outcome *b, const GstVideoInfo *info) {
  g_assert_cmpuint(a->n, ==, b->n);
  g_assert_cmpmem(&a->box, sizeof a->box, &b->box, sizeof b->box);
  g_assert_cmpmem(a->probabilities, sizeof a->probabilities, b->probabilities, sizeof b->probabilities);
  for (int i = 0; i < info->width * info->height; i++) {
    if (a->pixels[i] != b->pixels[i])
      g_error("%s: pixel %d,%d is %06x with tight lines, %06x with long ones", GST_VIDEO_INFO_NAME(info),
              i % info->width, i / info->width, a->pixels[i], b->pixels[i]);
  }
}

static gboolean can_be_padded(const GstVideoInfo *info) { return !GST_VIDEO_FORMAT_INFO_IS_TILED(info->finfo); }

static void check(GstHarness *h, const GstVideoInfo *info, guint *number) {
  Outcome tight = pass(h, info, 0, ++*number);
  g_test_message("%s %dx%d", GST_VIDEO_INFO_NAME(info), info->width, info->height);
  if (info->width > 32 && !GST_VIDEO_INFO_IS_GRAY(info)) {
    g_assert_cmpuint(tight.n, ==, 1);
    helper_assert_box(&tight.box, &scene.box, 2.5 / MIN(info->width, info->height));
  }
  for (gsize i = 1; i < G_N_ELEMENTS(pads) && can_be_padded(info); i++) {
    Outcome padded = pass(h, info, pads[i], ++*number);
    assert_same(&tight, &padded, info);
    g_free(padded.pixels);
  }
  g_free(tight.pixels);
}

static void test_matrix(gconstpointer launch) {
  guint n, number = 0;
  const GstVideoFormat *formats = helper_formats(&n);
  for (guint i = 0; i < n; i++) {
    for (gsize k = 0; k < G_N_ELEMENTS(sizes); k++) {
      GstVideoInfo info = helper_info(formats[i], sizes[k][0], sizes[k][1]);
      GstHarness *h = helper_harness(launch, &info);
      check(h, &info, &number);
      gst_harness_teardown(h);
    }
  }
  g_test_message("%u frames of %u formats", number, n);
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  g_test_add_data_func("/matrix/original", "fmnistsegment ! fmnistclassify live=off threshold=0", test_matrix);
  g_test_add_data_func("/matrix/cutout", "fmnistsegment output=cutout ! fmnistclassify live=off threshold=0",
                       test_matrix);
  g_test_add_data_func("/matrix/mask", "fmnistsegment output=mask ! fmnistclassify live=off threshold=0", test_matrix);
  g_test_add_data_func("/matrix/drawn",
                       "fmnistsegment ! fmnistclassify live=off threshold=0 ! fmnistoverlay show-mask=true "
                       "show-input=true ! fmnistjson location=/dev/null",
                       test_matrix);
  return helper_run();
}
