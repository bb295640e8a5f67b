#include <math.h>

#include "gstfmnistdraw.h"
#include "gstfmnistformat.h"
#include "gstfmnistmeta.h"
#include "helper.h"

/* Labels and colours as people see them, measured on rendered pictures. */

static double linear(guint byte) {
  return byte <= 10 ? byte / 255.0 / 12.92 : pow((byte / 255.0 + 0.055) / 1.055, 2.4);
}

static void linear_rgb(guint rgb, double out[3]) {
  for (int i = 0; i < 3; i++)
    out[i] = linear(rgb >> (16 - 8 * i) & 255);
}

static double luminance(guint rgb) {
  double c[3];
  linear_rgb(rgb, c);
  return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
}

/* A frame with one labelled object in its middle. */
static guint32 *render(int width, int height, guint color, guint ground) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_BGRx, width, height);
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, info.size, NULL);
  GstFmnistDraw *draw = gst_fmnist_draw_new();
  GstFmnistFormat *format = gst_fmnist_format_new(&info);
  GstFmnistDrawOptions options = {.labels = TRUE, .font = (char *)"Sans Bold", .color = color};
  const FmnBox box = {0.25, 0.25, 0.5, 0.5};
  GstVideoFrame frame;
  guint32 *pixels;
  gst_fmnist_meta_add(gst_fmnist_meta_ensure(buffer), &box, 1)->label = g_quark_from_static_string("Hill");
  g_assert_true(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READWRITE));
  for (gsize i = 0; i < info.size / 4; i++)
    ((guint32 *)GST_VIDEO_FRAME_PLANE_DATA(&frame, 0))[i] = GUINT32_TO_LE(ground);
  gst_fmnist_draw_paint(draw, buffer, &frame, gst_fmnist_format_image(format), &options, 0);
  gst_video_frame_unmap(&frame);
  pixels = helper_pixels(buffer, &info);
  gst_fmnist_format_free(format);
  gst_fmnist_draw_free(draw);
  gst_buffer_unref(buffer);
  return pixels;
}

/* On the brightest and the darkest of frames, small and large, capitals are 7 pixels high or more, and letters stand off their
 * ground by the contrast that WCAG 2.1 asks for text. */
static void test_labels(void) {
  static const int sizes[][2] = {{320, 240}, {640, 480}, {3840, 2160}};
  for (int i = 0; i < (int)G_N_ELEMENTS(sizes) * 22; i++) {
    int w = sizes[i / 22][0], h = sizes[i / 22][1], class = i % 11 - 1;
    guint color = 0xff000000 | gst_fmnist_draw_class_color(class), ground = i / 11 % 2 ? 0xffffff : 0;
    guint32 *pixels = render(w, h, color, ground);
    /* a line through the foot of the label is ground alone; the stem of H and l is pure ink */
    int x = w / 4 + 1, foot = h / 4 - 1, lines = 0;
    guint label = pixels[foot * w + x], ink = label;
    double contrast;
    g_assert_cmpuint(label, !=, ground);
    for (int y = foot; y >= 0 && pixels[y * w + x] != ground; y--) {
      gboolean inked = FALSE;
      for (int k = x; k < x + w / 4 && pixels[foot * w + k] == label; k++) {
        double far = fabs(luminance(pixels[y * w + k]) - luminance(label));
        if (far > fabs(luminance(ink) - luminance(label)))
          ink = pixels[y * w + k];
        inked |= far > 0.1;
      }
      lines += inked;
    }
    contrast = (MAX(luminance(ink), luminance(label)) + 0.05) / (MIN(luminance(ink), luminance(label)) + 0.05);
    g_test_message("%dx%d class %d on %06x: contrast %.1f, %d lines", w, h, class, ground, contrast, lines);
    g_assert_cmpfloat(contrast, >=, 4.5);
    g_assert_cmpint(lines, >=, MAX(7, h / 40));
    g_free(pixels);
  }
}

static double cube_root(double t) { return t > 0.008856 ? cbrt(t) : 7.787 * t + 16 / 116.0; }

/* CIE L*a*b* of linear sRGB under D65. */
static void lab(const double c[3], double out[3]) {
  double x = cube_root((0.4124 * c[0] + 0.3576 * c[1] + 0.1805 * c[2]) / 0.9505);
  double y = cube_root(0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]);
  double z = cube_root((0.0193 * c[0] + 0.1192 * c[1] + 0.9505 * c[2]) / 1.089);
  out[0] = 116 * y - 16;
  out[1] = 500 * (x - y);
  out[2] = 200 * (y - z);
}

/* To all and to those without one kind of cones (Machado, Oliveira & Fernandes 2009, severity 1), any two colours of boxes differ by
 * five times what can just be told apart. */
static void test_colors(void) {
  static const double sights[][3][3] = {
      {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
      {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
      {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
      {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}}};
  for (gsize s = 0; s < G_N_ELEMENTS(sights); s++) {
    double seen[11][3];
    for (int i = 0; i < 11; i++) {
      double c[3], d[3];
      linear_rgb(gst_fmnist_draw_class_color(i - 1), c);
      for (int k = 0; k < 3; k++)
        d[k] = CLAMP(sights[s][k][0] * c[0] + sights[s][k][1] * c[1] + sights[s][k][2] * c[2], 0, 1);
      lab(d, seen[i]);
      for (int k = 0; k < i; k++) {
        double distance = hypot(hypot(seen[i][0] - seen[k][0], seen[i][1] - seen[k][1]), seen[i][2] - seen[k][2]);
        g_assert_cmpfloat(distance, >, 5 * 2.3);
      }
    }
  }
  g_assert_cmpuint(gst_fmnist_draw_class_color(10), ==, gst_fmnist_draw_class_color(0));
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  g_test_add_func("/overlay-readable/labels", test_labels);
  g_test_add_func("/overlay-readable/colors", test_colors);
  return helper_run();
}
