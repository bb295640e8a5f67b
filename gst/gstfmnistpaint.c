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

/* A pixel's even and odd bytes, with room for sums of up to 256. */
static inline guint32 even_of(guint32 argb) { return argb & 0x00ff00ff; }
static inline guint32 odd_of(guint32 argb) { return argb >> 8 & 0x00ff00ff; }

/* What n pixels of the picture add to a subsampled line's sums; with shift 1 the first of them is the second of its
 * pair. */
static void add_line(const guint32 *restrict line, int n, int shift, guint32 *restrict even, guint32 *restrict odd) {
  if (shift > 0 && n > 0) {
    *even++ += even_of(line[0]);
    *odd++ += odd_of(line[0]);
    line++;
    n--;
  }
  for (int i = 0; i < n / 2; i++) {
    even[i] += even_of(line[2 * i]) + even_of(line[2 * i + 1]);
    odd[i] += odd_of(line[2 * i]) + odd_of(line[2 * i + 1]);
  }
  if (n % 2) {
    even[n / 2] += even_of(line[n - 1]);
    odd[n / 2] += odd_of(line[n - 1]);
  }
}

/* Means of 2 to the power of `shift` pixels each. */
static void mean_line(const guint32 *restrict even, const guint32 *restrict odd, int n, int shift,
                      guint32 *restrict out) {
  guint32 half = shift > 0 ? 0x00010001u << (shift - 1) : 0;
  for (int i = 0; i < n; i++)
    out[i] = even_of((even[i] + half) >> shift) | even_of((odd[i] + half) >> shift) << 8;
}

/* The picture as chroma samples have it, means of the frame's pixels under each; where the picture does not reach they
 * are clear. scratch: (width + 2) × (height + 4) of the picture. */
static Pixels subsample(const Pixels *p, const Plane *plane, int frame_width, int frame_height, guint32 *scratch) {
  int x0 = p->x >> 1, n = ((p->x + p->width + 1) >> 1) - x0, y0 = p->y >> plane->sub_y,
      y1 = (p->y + p->height + plane->sub_y) >> plane->sub_y;
  guint32 *even = scratch, *odd = even + n, *out = odd + n;
  Pixels half = {(const guint8 *)out, sizeof *out * (gsize)n, x0, y0, n, y1 - y0};
  gboolean cut = 2 * (x0 + n) > frame_width; /* there is but one pixel under the last sample */
  for (int y = y0; y < y1; y++, out += n) {
    int lines = MIN(1 << plane->sub_y, frame_height - (y << plane->sub_y));
    memset(even, 0, sizeof *even * 2 * (gsize)n);
    for (int k = 0; k < lines; k++) {
      int line = (y << plane->sub_y) + k - p->y;
      if (line >= 0 && line < p->height)
        add_line((const guint32 *)(gconstpointer)(p->data + (gsize)line * p->stride), p->width, p->x & 1, even, odd);
    }
    mean_line(even, odd, n, lines, out);
    if (cut)
      mean_line(even + n - 1, odd + n - 1, 1, lines - 1, out + n - 1);
  }
  return half;
}

/* p: on the plane's own grid. */
static void blend(const Plane *plane, const Weights *w, const Pixels *p) {
  for (int y = 0; y < p->height; y++)
    blend_line(plane->data + (p->y + y) * plane->stride + p->x * plane->step, plane->step,
               (const guint32 *)(gconstpointer)(p->data + (gsize)y * p->stride), p->width, w);
}

void gst_fmnist_paint_picture(GstVideoFrame *frame, const FmnImageFormat *image, int x, int y, GstBuffer *picture) {
  const GstVideoMeta *meta = gst_buffer_get_video_meta(picture);
  guint32 *scratch = g_try_new(guint32, ((gsize)meta->width + 2) * ((gsize)meta->height + 4));
  GstMapInfo map;
  if (scratch != NULL && gst_buffer_map(picture, &map, GST_MAP_READ)) {
    Pixels p = {map.data, (gsize)meta->stride[0], x, y, (int)meta->width, (int)meta->height};
    Pixels half = {0};
    for (int i = 0; i < n_components(image); i++) {
      Plane plane = plane_of(frame, &image->component[i]);
      Weights weights = weights_of(image, i);
      if (plane.sub_x && half.data == NULL)
        half = subsample(&p, &plane, GST_VIDEO_FRAME_WIDTH(frame), GST_VIDEO_FRAME_HEIGHT(frame), scratch);
      blend(&plane, &weights, plane.sub_x ? &half : &p);
    }
    gst_buffer_unmap(picture, &map);
  }
  g_free(scratch);
}
