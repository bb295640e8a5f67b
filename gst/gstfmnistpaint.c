#include "gstfmnistpaint.h"

#include <math.h>
#include <string.h>

#define ONE 65536 /* in the fixed point of Weights */

/* A component of a premultiplied colour: (alpha·a + red·r + green·g + blue·b) / ONE. */
typedef struct {
  gint32 alpha, red, green, blue;
} Weights;

/* A component's samples in a frame. */
typedef struct {
  guint8 *data;
  gssize stride;
  int step;         /* from one sample to the next */
  int sub_x, sub_y; /* 0 or 1 */
} Plane;

/* Lines of premultiplied 0xAARRGGBB in native byte order. */
typedef struct {
  const guint8 *data;
  gsize stride;
  int x, y, width, height; /* x, y: in the frame */
} Pixels;

static int n_components(const FmnImageFormat *image) { return image->color == FMN_COLOR_GRAY ? 1 : 3; }

gboolean gst_fmnist_paint_knows(const GstFmnistFormat *format) {
  const FmnImageFormat *image = gst_fmnist_format_image(format);
  gboolean known =
      gst_fmnist_format_is_native(format) && GST_VIDEO_INFO_N_COMPONENTS(gst_fmnist_format_info(format)) < 4;
  for (int i = 0; i < n_components(image); i++) {
    const FmnComponent *c = &image->component[i];
    known &= c->depth == 8 && c->word == 1 && c->shift == 0 && c->sub_x <= 1 && c->sub_y <= c->sub_x;
  }
  return known;
}

static Weights weights_of(const FmnImageFormat *image, int component) {
  double kr = (double)image->kr, kb = (double)image->kb, kg = 1 - kr - kb, r = kr, g = kg, b = kb;
  double offset = image->full_range ? 0 : 16, gain = image->full_range ? 1 : 219.0 / 255;
  if (image->color == FMN_COLOR_RGB) {
    r = component == 0;
    g = component == 1;
    b = component == 2;
  } else if (component > 0) { /* blue or red less luma */
    double away = component == 1 ? kb : kr;
    r = component == 1 ? -kr : 1 - kr;
    g = -kg;
    b = component == 1 ? 1 - kb : -kb;
    offset = 128;
    gain = (image->full_range ? 1 : 224.0 / 255) / (2 * (1 - away));
  }
  return (Weights){(gint32)lround(offset * ONE / 255), (gint32)lround(gain * r * ONE), (gint32)lround(gain * g * ONE),
                   (gint32)lround(gain * b * ONE)};
}

static Plane plane_of(GstVideoFrame *frame, const FmnComponent *c) {
  return (Plane){(guint8 *)GST_VIDEO_FRAME_PLANE_DATA(frame, c->plane) + c->offset,
                 GST_VIDEO_FRAME_PLANE_STRIDE(frame, c->plane), c->pixel_stride, c->sub_x, c->sub_y};
}

static inline gint32 weigh(const Weights *w, guint32 argb) {
  return w->alpha * (gint32)(argb >> 24) + w->red * (gint32)(argb >> 16 & 255) + w->green * (gint32)(argb >> 8 & 255) +
         w->blue * (gint32)(argb & 255);
}

void gst_fmnist_paint_rectangle(GstVideoFrame *frame, const FmnImageFormat *image, const GstFmnistPixelBox *r,
                                guint rgb) {
  if (r->w <= 0 || r->h <= 0)
    return;
  for (int i = 0; i < n_components(image); i++) {
    Plane p = plane_of(frame, &image->component[i]);
    Weights weights = weights_of(image, i);
    guint8 value = (guint8)CLAMP((weigh(&weights, 0xff000000 | rgb) + ONE / 2) / ONE, 0, 255);
    int x0 = r->x >> p.sub_x, x1 = (r->x + r->w + p.sub_x) >> p.sub_x;
    int y0 = r->y >> p.sub_y, y1 = (r->y + r->h + p.sub_y) >> p.sub_y;
    for (int y = y0; y < y1; y++) {
      guint8 *line = p.data + y * p.stride;
      if (p.step == 1)
        memset(line + x0, value, (gsize)(x1 - x0));
      for (int x = x0; x < x1 && p.step > 1; x++)
        line[x * p.step] = value;
    }
  }
}

/* dest·(1 − alpha) + value. */
static inline guint8 over(guint8 dest, guint32 argb, const Weights *w) {
  gint32 under = dest * (255 - (gint32)(argb >> 24)) * (ONE / 255);
  gint32 sum = weigh(w, argb) + under + ONE / 2;
  return (guint8)CLAMP(sum / ONE, 0, 255);
}

static void blend_line(guint8 *dest, int step, const guint32 *line, int n, const Weights *w) {
  if (step == 1) {
    for (int i = 0; i < n; i++)
      dest[i] = over(dest[i], line[i], w);
  } else {
    for (int i = 0; i < n; i++)
      dest[i * step] = over(dest[i * step], line[i], w);
  }
}

/* What the picture adds to the sums of a subsampled line's even and odd bytes: pixels x0, x0 + 1, … of the frame. */
static void add_line(const guint32 *line, int n, int shift, guint32 *even, guint32 *odd) {
  for (int i = 0; i < n; i++) {
    even[(i + shift) >> 1] += line[i] & 0x00ff00ff;
    odd[(i + shift) >> 1] += line[i] >> 8 & 0x00ff00ff;
  }
}

/* Means of the frame's pixels under each chroma sample of line y: n of them; where the picture does not reach it is
 * clear. */
static void subsample(const Pixels *p, const Plane *plane, int y, int n, int frame_width, int frame_height,
                      guint32 *sums, guint32 *out) {
  guint32 *even = sums, *odd = sums + n;
  int x0 = p->x >> plane->sub_x, lines = MIN(1 << plane->sub_y, frame_height - (y << plane->sub_y));
  memset(sums, 0, sizeof *sums * 2 * (gsize)n);
  for (int k = 0; k < lines; k++) {
    int line = (y << plane->sub_y) + k - p->y;
    if (line >= 0 && line < p->height)
      add_line((const guint32 *)(gconstpointer)(p->data + (gsize)line * p->stride), p->width, p->x & 1, even, odd);
  }
  for (int i = 0; i < n; i++) {
    int columns = MIN(2, frame_width - 2 * (x0 + i)), shift = (columns == 2) + (lines == 2);
    guint32 half = shift > 0 ? 0x00010001u << (shift - 1) : 0;
    out[i] = ((even[i] + half) >> shift & 0x00ff00ff) | ((odd[i] + half) >> shift & 0x00ff00ff) << 8;
  }
}

static void blend(GstVideoFrame *frame, const Plane *plane, const Weights *w, const Pixels *p, guint32 *scratch) {
  int x0 = p->x >> plane->sub_x, n = ((p->x + p->width + plane->sub_x) >> plane->sub_x) - x0;
  int y0 = p->y >> plane->sub_y, y1 = (p->y + p->height + plane->sub_y) >> plane->sub_y;
  for (int y = y0; y < y1; y++) {
    const guint32 *line = scratch;
    if (plane->sub_x)
      subsample(p, plane, y, n, GST_VIDEO_FRAME_WIDTH(frame), GST_VIDEO_FRAME_HEIGHT(frame), scratch + n, scratch);
    else
      line = (const guint32 *)(gconstpointer)(p->data + (gsize)(y - p->y) * p->stride);
    blend_line(plane->data + y * plane->stride + x0 * plane->step, plane->step, line, n, w);
  }
}

void gst_fmnist_paint_picture(GstVideoFrame *frame, const FmnImageFormat *image, int x, int y, GstBuffer *picture) {
  const GstVideoMeta *meta = gst_buffer_get_video_meta(picture);
  guint32 *scratch = g_new(guint32, 3 * ((gsize)meta->width + 1));
  GstMapInfo map;
  if (gst_buffer_map(picture, &map, GST_MAP_READ)) {
    Pixels p = {map.data, (gsize)meta->stride[0], x, y, (int)meta->width, (int)meta->height};
    for (int i = 0; i < n_components(image); i++) {
      Plane plane = plane_of(frame, &image->component[i]);
      Weights weights = weights_of(image, i);
      blend(frame, &plane, &weights, &p, scratch);
    }
    gst_buffer_unmap(picture, &map);
  }
  g_free(scratch);
}
