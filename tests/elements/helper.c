#include "helper.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../detect/model.h"
#include "../folder.h"
#include "plugin.h"

static char *folder, *model_path;

static void make_model(void) {
  GError *error = NULL;
  GRand *rand = g_rand_new_with_seed(7);
  FmnModelFile *file = fmn_model_file_new("compact", NULL, NULL, &error);
  g_assert_no_error(error);
  fmn_graph_foreach_param(file->graph, random_param, rand);
  file->temperature = 1;
  file->threshold = 0;
  fmn_model_file_save(file, model_path, FALSE, &error);
  g_assert_no_error(error);
  fmn_model_file_free(file);
  g_rand_free(rand);
}

void helper_init(int *argc, char ***argv) {
  g_test_init(argc, argv, NULL);
  folder = folder_new();
  model_path = g_build_filename(folder, FMN_DEFAULT_MODEL ".safetensors", NULL);
  make_model();
  g_setenv("FMNIST_MODEL_PATH", folder, TRUE);
  gst_init(argc, argv);
  g_assert_true(gst_fmnist_plugin_init(NULL));
}

int helper_run(void) {
  int status = g_test_run();
  folder_free(folder);
  g_free(model_path);
  gst_deinit();
  return status;
}

const char *helper_model(void) { return model_path; }

char *helper_path(const char *name) { return g_build_filename(folder, name, NULL); }

void helper_make_detector(void) {
  char *path = helper_path("yolov3-tiny.safetensors");
  write_detector(path, "size=64", "12,16 20,30 32,24 40,48 60,44 70,80");
  g_free(path);
}

const GstVideoFormat *helper_formats(guint *n) {
  static GArray *formats = NULL;
  if (formats == NULL) {
    const char *sample = g_getenv("FMNIST_TEST_FORMATS");
    guint step = sample != NULL ? (guint)MAX(atoi(sample), 1) : 1;
    GstElement *e = gst_element_factory_make("fmnistsegment", NULL);
    GstPad *pad = gst_element_get_static_pad(e, "sink");
    GstCaps *caps = gst_pad_get_pad_template_caps(pad);
    const GValue *list = gst_structure_get_value(gst_caps_get_structure(caps, 0), "format");
    formats = g_array_new(FALSE, FALSE, sizeof(GstVideoFormat));
    for (guint i = 0; i < gst_value_list_get_size(list); i += step) {
      GstVideoFormat f = gst_video_format_from_string(g_value_get_string(gst_value_list_get_value(list, i)));
      g_array_append_val(formats, f);
    }
    gst_caps_unref(caps);
    gst_object_unref(pad);
    gst_object_unref(e);
  }
  *n = formats->len;
  return (const GstVideoFormat *)(gpointer)formats->data;
}

GstVideoInfo helper_info(GstVideoFormat format, int width, int height) {
  GstVideoInfo info;
  if (format == GST_VIDEO_FORMAT_NV12_10LE32 || format == GST_VIDEO_FORMAT_NV16_10LE32)
    width += width & 1;
  g_assert_true(gst_video_info_set_format(&info, format, (guint)width, (guint)height));
  info.fps_n = 25;
  info.fps_d = 1;
  return info;
}

GstCaps *helper_caps(const GstVideoInfo *info) { return gst_video_info_to_caps((GstVideoInfo *)info); }

static gboolean can_be_mapped(GstBuffer *buffer, const GstVideoInfo *info) {
  GstVideoFrame frame;
  gboolean ok = gst_video_frame_map(&frame, info, buffer, GST_MAP_READ);
  if (ok)
    gst_video_frame_unmap(&frame);
  return ok;
}

/* A frame of one value with longer lines and further planes, but where GStreamer itself cannot map that, as 1.26 cannot
 * tiled formats. */
static GstBuffer *padded_buffer(const GstVideoInfo *info, guint pad) {
  GstVideoInfo own = *info;
  GstVideoAlignment align;
  GstBuffer *buffer;
  gst_video_alignment_reset(&align);
  align.padding_right = align.padding_left = align.padding_top = align.padding_bottom = pad;
  if (pad > 0)
    g_assert_true(gst_video_info_align(&own, &align));
  buffer = gst_buffer_new_allocate(NULL, own.size, NULL);
  gst_buffer_memset(buffer, 0, 0x5a, own.size);
  if (pad > 0)
    gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(info), (guint)info->width,
                                   (guint)info->height, GST_VIDEO_INFO_N_PLANES(info), own.offset, own.stride);
  if (pad > 0 && !can_be_mapped(buffer, info)) {
    gst_buffer_unref(buffer);
    return padded_buffer(info, 0);
  }
  return buffer;
}

static void draw_scene(GstVideoFrame *frame, const HelperScene *scene) {
  int w = frame->info.width, h = frame->info.height;
  for (int y = 0; y < h; y++) {
    guint8 *line = (guint8 *)GST_VIDEO_FRAME_PLANE_DATA(frame, 0) + y * GST_VIDEO_FRAME_PLANE_STRIDE(frame, 0);
    for (int x = 0; x < w; x++) {
      gboolean inside = x >= floor(scene->box.x * w) && x < ceil((scene->box.x + scene->box.w) * w) &&
                        y >= floor(scene->box.y * h) && y < ceil((scene->box.y + scene->box.h) * h);
      guint color = inside ? scene->object : scene->background;
      line[4 * x] = 255;
      line[4 * x + 1] = color >> 16 & 255;
      line[4 * x + 2] = color >> 8 & 255;
      line[4 * x + 3] = color & 255;
    }
  }
}

/* Copies one frame into another of other format, or crops one pixel out. */
static void convert(GstBuffer *from, const GstVideoInfo *from_info, GstBuffer *to, const GstVideoInfo *to_info,
                    GstStructure *config) {
  GstVideoConverter *converter = gst_video_converter_new(from_info, to_info, config);
  GstVideoFrame in, out;
  g_assert_nonnull(converter);
  g_assert_true(gst_video_frame_map(&in, from_info, from, GST_MAP_READ));
  g_assert_true(gst_video_frame_map(&out, to_info, to, GST_MAP_WRITE));
  gst_video_converter_frame(converter, &in, &out);
  gst_video_frame_unmap(&in);
  gst_video_frame_unmap(&out);
  gst_video_converter_free(converter);
}

GstBuffer *helper_frame(const GstVideoInfo *info, const HelperScene *scene, guint pad) {
  GstVideoInfo argb = helper_info(GST_VIDEO_FORMAT_ARGB, info->width, info->height);
  GstBuffer *drawn = gst_buffer_new_allocate(NULL, argb.size, NULL), *buffer = padded_buffer(info, pad);
  GstVideoFrame frame;
  g_assert_true(gst_video_frame_map(&frame, &argb, drawn, GST_MAP_WRITE));
  draw_scene(&frame, scene);
  gst_video_frame_unmap(&frame);
  convert(drawn, &argb, buffer, info, NULL);
  gst_buffer_unref(drawn);
  return buffer;
}

/* The harness says that it is live, and no test of results is to depend on the machine's speed. */
static void look_at_every_frame(GObject *element) {
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), "live") != NULL)
    gst_util_set_object_arg(element, "live", "off");
}

static void look_each(const GValue *item, gpointer user) { look_at_every_frame(g_value_get_object(item)); }

GstHarness *helper_harness(const char *launch, const GstVideoInfo *info) {
  GstHarness *h = gst_harness_new_parse(launch);
  g_assert_nonnull(h);
  if (GST_IS_BIN(h->element)) {
    GstIterator *elements = gst_bin_iterate_recurse(GST_BIN(h->element));
    gst_iterator_foreach(elements, look_each, NULL);
    gst_iterator_free(elements);
  } else {
    look_at_every_frame(G_OBJECT(h->element));
  }
  gst_harness_set_src_caps(h, helper_caps(info));
  return h;
}

GstBuffer *helper_pass(GstHarness *h, GstBuffer *frame, guint number) {
  GstBuffer *out;
  GST_BUFFER_PTS(frame) = number * 40 * GST_MSECOND;
  GST_BUFFER_DURATION(frame) = 40 * GST_MSECOND;
  g_assert_cmpint(gst_harness_push(h, frame), ==, GST_FLOW_OK);
  out = gst_harness_pull(h);
  g_assert_nonnull(out);
  return out;
}

GstBuffer *helper_look(const char *launch, const GstVideoInfo *info, const HelperScene *scene) {
  GstHarness *h = helper_harness(launch, info);
  GstBuffer *out = helper_pass(h, helper_frame(info, scene, 0), 0);
  gst_harness_teardown(h);
  return out;
}

guint helper_n_objects(GstBuffer *buffer) {
  const GstFmnistMeta *meta = gst_fmnist_meta_get(buffer);
  return meta != NULL ? gst_fmnist_meta_size(meta) : 0;
}

const GstFmnistObject *helper_object(GstBuffer *buffer, guint i) {
  g_assert_cmpuint(helper_n_objects(buffer), >, i);
  return gst_fmnist_meta_object(gst_fmnist_meta_get(buffer), i);
}

guint32 *helper_pixels(GstBuffer *buffer, const GstVideoInfo *info) {
  GstVideoInfo argb = helper_info(GST_VIDEO_FORMAT_ARGB, info->width, info->height);
  GstBuffer *converted = gst_buffer_new_allocate(NULL, argb.size, NULL);
  guint32 *pixels = g_new(guint32, argb.size / 4);
  convert(buffer, info, converted, &argb, NULL);
  gst_buffer_extract(converted, 0, pixels, argb.size);
  gst_buffer_unref(converted);
  for (gsize i = 0; i < argb.size / 4; i++)
    pixels[i] = GUINT32_FROM_BE(pixels[i]) & 0xffffff;
  return pixels;
}

guint helper_pixel(GstBuffer *buffer, const GstVideoInfo *info, int x, int y) {
  guint32 *pixels = helper_pixels(buffer, info);
  guint color = pixels[y * info->width + x];
  g_free(pixels);
  return color;
}

gboolean helper_color_close(guint a, guint b, int tolerance) {
  for (int shift = 0; shift <= 16; shift += 8) {
    if (ABS((int)(a >> shift & 255) - (int)(b >> shift & 255)) > tolerance)
      return FALSE;
  }
  return TRUE;
}

void helper_assert_box(const FmnBox *box, const FmnBox *expected, double tolerance) {
  g_assert_cmpfloat_with_epsilon(box->x, expected->x, tolerance);
  g_assert_cmpfloat_with_epsilon(box->y, expected->y, tolerance);
  g_assert_cmpfloat_with_epsilon(box->x + box->w, expected->x + expected->w, tolerance);
  g_assert_cmpfloat_with_epsilon(box->y + box->h, expected->y + expected->h, tolerance);
}

/* Plays until the stream ends, as expected: by an error or at its end. */
static GstMessage *play_until(GstElement *pipeline, GstMessageType expected) {
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *message;
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered(bus, 200 * GST_SECOND, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  g_assert_nonnull(message);
  g_assert_cmpint(GST_MESSAGE_TYPE(message), ==, expected);
  gst_object_unref(bus);
  return message;
}

void helper_play(GstElement *pipeline) { gst_message_unref(play_until(pipeline, GST_MESSAGE_EOS)); }

void helper_assert_error(const char *launch, const char *says) {
  GstElement *pipeline = gst_parse_launch(launch, NULL);
  GstMessage *message = play_until(pipeline, GST_MESSAGE_ERROR);
  GError *error = NULL;
  gst_message_parse_error(message, &error, NULL);
  g_test_message("%s", error->message);
  g_assert_nonnull(strstr(error->message, says));
  g_error_free(error);
  gst_message_unref(message);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
}
