#include "gstfmnistfill.h"

#include <math.h>
#include <string.h>

void gst_fmnist_box_sides(const GstFmnistPixelBox *b, int t, int width, int height, GstFmnistPixelBox sides[4]) {
  int x0 = b->x & ~1, y0 = b->y & ~1;
  int x1 = MAX(x0, (b->x + b->w - t) & ~1), y1 = MAX(y0, (b->y + b->h - t) & ~1), w = MIN(x1 + t, width) - x0;
  sides[0] = (GstFmnistPixelBox){x0, y0, w, MIN(t, height - y0)};
  sides[1] = (GstFmnistPixelBox){x0, y1, w, MIN(t, height - y1)};
  sides[2] = (GstFmnistPixelBox){x0, y0 + t, MIN(t, width - x0), y1 - y0 - t};
  sides[3] = (GstFmnistPixelBox){x1, y0 + t, MIN(t, width - x1), y1 - y0 - t};
}

static int n_components(const FmnImageFormat *image) { return image->color == FMN_COLOR_GRAY ? 1 : 3; }

gboolean gst_fmnist_fill_knows(const GstFmnistFormat *format) {
  const FmnImageFormat *image = gst_fmnist_format_image(format);
  gboolean known = gst_fmnist_format_is_native(format);
  for (int i = 0; i < n_components(image); i++) {
    const FmnComponent *c = &image->component[i];
    known &= c->depth == 8 && c->word == 1 && c->shift == 0 && c->sub_x <= 1 && c->sub_y <= 1;
  }
  return known;
}

static guint8 to_byte(double v) { return (guint8)CLAMP(lround(v), 0, 255); }

/* The colour in the image's components. */
static void components_of(const FmnImageFormat *image, guint rgb, guint8 value[3]) {
  double r = rgb >> 16 & 255, g = rgb >> 8 & 255, b = rgb & 255, kr = (double)image->kr, kb = (double)image->kb;
  double luma = kr * r + (1 - kr - kb) * g + kb * b, chroma = image->full_range ? 1 : 224.0 / 255;
  double black = image->full_range ? 0 : 16, gain = image->full_range ? 1 : 219.0 / 255;
  if (image->color == FMN_COLOR_RGB) {
    value[0] = to_byte(black + gain * r);
    value[1] = to_byte(black + gain * g);
    value[2] = to_byte(black + gain * b);
    return;
  }
  value[0] = to_byte(black + gain * luma);
  value[1] = to_byte(128 + chroma * (b - luma) / (2 * (1 - kb)));
  value[2] = to_byte(128 + chroma * (r - luma) / (2 * (1 - kr)));
}

static void fill(guint8 *line, gssize stride, int pixel_stride, int w, int h, guint8 value) {
  for (int y = 0; y < h; y++, line += stride) {
    if (pixel_stride == 1)
      memset(line, value, (gsize)w);
    for (int x = 0; x < w && pixel_stride > 1; x++)
      line[x * pixel_stride] = value;
  }
}

static guint8 *sample(GstVideoFrame *frame, int plane, int offset, int pixel_stride, int x, int y) {
  return (guint8 *)GST_VIDEO_FRAME_PLANE_DATA(frame, plane) + (gssize)y * GST_VIDEO_FRAME_PLANE_STRIDE(frame, plane) + offset +
         x * pixel_stride;
}

void gst_fmnist_fill(GstVideoFrame *frame, const FmnImageFormat *image, const GstFmnistPixelBox *r, guint rgb) {
  guint8 value[3];
  if (r->w <= 0 || r->h <= 0)
    return;
  components_of(image, rgb, value);
  for (int i = 0; i < n_components(image); i++) {
    const FmnComponent *c = &image->component[i];
    int x0 = r->x >> c->sub_x, x1 = (r->x + r->w + c->sub_x) >> c->sub_x; /* sub_x, sub_y: 0 or 1 */
    int y0 = r->y >> c->sub_y, y1 = (r->y + r->h + c->sub_y) >> c->sub_y;
    fill(sample(frame, c->plane, c->offset, c->pixel_stride, x0, y0), GST_VIDEO_FRAME_PLANE_STRIDE(frame, c->plane), c->pixel_stride,
         x1 - x0, y1 - y0, value[i]);
  }
  if (GST_VIDEO_FRAME_N_COMPONENTS(frame) == 4) {
    int plane = GST_VIDEO_FRAME_COMP_PLANE(frame, 3), step = GST_VIDEO_FRAME_COMP_PSTRIDE(frame, 3);
    fill(sample(frame, plane, GST_VIDEO_FRAME_COMP_POFFSET(frame, 3), step, r->x, r->y), GST_VIDEO_FRAME_PLANE_STRIDE(frame, plane), step,
         r->w, r->h, 255);
  }
}
