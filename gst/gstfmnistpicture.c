#include "gstfmnistpicture.h"

#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

#define MAX_CACHED_BYTES (4 << 20) /* of pictures of labels: some 270 in frames of 640×480 */

struct GstFmnistLabels {
  PangoContext *pango;
  GHashTable *pictures; /* text, font, colour and size of frame → GstBuffer */
  gsize bytes;          /* of these */
};

static void set_color(cairo_t *cr, guint rgb, double alpha) {
  cairo_set_source_rgba(cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0, alpha);
}

static double linear(guint byte) {
  return byte <= 10 ? byte / 255.0 / 12.92 : pow((byte / 255.0 + 0.055) / 1.055, 2.4);
}

/* Black or white, whichever has the higher contrast as WCAG 2.1 defines it. */
static guint contrasting(guint rgb) {
  double luminance = 0.2126 * linear(rgb >> 16 & 255) + 0.7152 * linear(rgb >> 8 & 255) + 0.0722 * linear(rgb & 255);
  return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? 0x000000 : 0xffffff;
}

/* Takes the surface over; NULL where there was no memory for it. */
static GstBuffer *surface_to_buffer(cairo_surface_t *surface) {
  int width = cairo_image_surface_get_width(surface), height = cairo_image_surface_get_height(surface);
  gint stride[GST_VIDEO_MAX_PLANES] = {cairo_image_surface_get_stride(surface)};
  gsize offset[GST_VIDEO_MAX_PLANES] = {0}, size = (gsize)stride[0] * (gsize)height;
  GstBuffer *buffer;
  cairo_surface_flush(surface);
  if (cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS) {
    cairo_surface_destroy(surface);
    return NULL;
  }
  buffer = gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, cairo_image_surface_get_data(surface), size, 0, size,
                                       surface, (GDestroyNotify)cairo_surface_destroy);
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB,
                                 (guint)width, (guint)height, 1, offset, stride);
  return buffer;
}

GstBuffer *gst_fmnist_picture_new_plain(guint rgb, int w, int h) {
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, w, h);
  cairo_t *cr = cairo_create(surface);
  set_color(cr, rgb, 1);
  cairo_paint(cr);
  cairo_destroy(cr);
  return surface_to_buffer(surface);
}

GstBuffer *gst_fmnist_picture_new_mask(const GstFmnistGrid *m, guint rgb, int w, int h) {
  const guint8 *data = g_bytes_get_data(m->data, NULL);
  cairo_surface_t *grid = cairo_image_surface_create(CAIRO_FORMAT_A8, m->width, m->height);
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, w, h);
  cairo_t *cr = cairo_create(surface);
  cairo_pattern_t *pattern;
  for (int y = 0; y < m->height; y++)
    memcpy(cairo_image_surface_get_data(grid) + y * cairo_image_surface_get_stride(grid), data + y * m->width,
           (gsize)m->width);
  cairo_surface_mark_dirty(grid);
  pattern = cairo_pattern_create_for_surface(grid);
  cairo_pattern_set_filter(pattern, CAIRO_FILTER_BILINEAR);
  cairo_pattern_set_extend(pattern, CAIRO_EXTEND_PAD);
  cairo_scale(cr, (double)w / m->width, (double)h / m->height);
  set_color(cr, rgb, 0.4);
  cairo_mask(cr, pattern);
  cairo_pattern_destroy(pattern);
  cairo_surface_destroy(grid);
  cairo_destroy(cr);
  return surface_to_buffer(surface);
}

static cairo_surface_t *input_surface(const GstFmnistResult *r) {
  const guint8 *v = g_bytes_get_data(r->input, NULL);
  gsize plane = (gsize)r->input_width * (gsize)r->input_height;
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, r->input_width, r->input_height);
  for (int y = 0; y < r->input_height; y++) {
    guint32 *line =
        (guint32 *)(gpointer)(cairo_image_surface_get_data(surface) + y * cairo_image_surface_get_stride(surface));
    for (int x = 0; x < r->input_width; x++) {
      const guint8 *c = v + (gsize)y * (gsize)r->input_width + x;
      guint red = c[0], green = r->input_channels == 3 ? c[plane] : red,
            blue = r->input_channels == 3 ? c[2 * plane] : red;
      line[x] = red << 16 | green << 8 | blue;
    }
  }
  cairo_surface_mark_dirty(surface);
  return surface;
}

GstBuffer *gst_fmnist_picture_new_input(const GstFmnistResult *r, guint rgb, int line_width, int side) {
  cairo_surface_t *input = input_surface(r), *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, side, side);
  cairo_t *cr = cairo_create(surface);
  double scale = (double)side / MAX(r->input_width, r->input_height);
  cairo_save(cr);
  cairo_scale(cr, scale, scale);
  cairo_set_source_surface(cr, input, 0, 0);
  cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_NEAREST);
  cairo_paint(cr);
  cairo_restore(cr);
  set_color(cr, rgb, 1);
  cairo_set_line_width(cr, 2 * MIN(line_width, side / 4));
  cairo_rectangle(cr, 0, 0, side, side);
  cairo_stroke(cr);
  cairo_destroy(cr);
  cairo_surface_destroy(input);
  return surface_to_buffer(surface);
}

GstFmnistLabels *gst_fmnist_labels_new(void) {
  GstFmnistLabels *l = g_new0(GstFmnistLabels, 1);
  PangoFontMap *map = pango_cairo_font_map_new(); /* an own one: Pango's default belongs to a thread */
  l->pango = pango_font_map_create_context(map);
  g_object_unref(map);
  l->pictures = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)gst_buffer_unref);
  return l;
}

void gst_fmnist_labels_free(GstFmnistLabels *l) {
  if (l == NULL)
    return;
  g_object_unref(l->pango);
  g_hash_table_unref(l->pictures);
  g_free(l);
}

static PangoLayout *layout_text(GstFmnistLabels *l, const char *text, const char *font, int pad, int width,
                                int height) {
  PangoLayout *layout = pango_layout_new(l->pango);
  PangoFontDescription *description = pango_font_description_from_string(font != NULL ? font : "");
  if (!(pango_font_description_get_set_fields(description) & PANGO_FONT_MASK_SIZE))
    pango_font_description_set_absolute_size(description, MAX(height / 26.0, 11.0) * PANGO_SCALE);
  pango_layout_set_font_description(layout, description);
  pango_font_description_free(description);
  pango_layout_set_single_paragraph_mode(layout, TRUE);
  pango_layout_set_width(layout, MAX(width - 2 * pad, 1) * PANGO_SCALE);
  pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
  pango_layout_set_text(layout, text, -1);
  return layout;
}

static GstBuffer *draw_label(GstFmnistLabels *l, const char *text, const char *font, guint rgb, int width, int height) {
  int w, h, pad = MAX(height / 160, 2);
  PangoLayout *layout = layout_text(l, text, font, pad, width, height);
  cairo_surface_t *surface;
  cairo_t *cr;
  pango_layout_get_pixel_size(layout, &w, &h);
  surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, CLAMP(w + 2 * pad, 1, width), CLAMP(h + pad, 1, height));
  cr = cairo_create(surface);
  set_color(cr, rgb, 1);
  cairo_paint(cr);
  set_color(cr, contrasting(rgb), 1);
  cairo_move_to(cr, pad, pad / 2.0);
  pango_cairo_show_layout(cr, layout);
  cairo_destroy(cr);
  g_object_unref(layout);
  return surface_to_buffer(surface);
}

GstBuffer *gst_fmnist_labels_get(GstFmnistLabels *l, const char *text, const char *font, guint rgb, int width,
                                 int height) {
  char *key = g_strdup_printf("%06x %dx%d %s\n%s", rgb, width, height, font, text);
  GstBuffer *picture = g_hash_table_lookup(l->pictures, key);
  if (picture != NULL) {
    g_free(key);
    return picture;
  }
  picture = draw_label(l, text, font, rgb, width, height);
  if (picture == NULL) {
    g_free(key);
    return NULL;
  }
  if (l->bytes + gst_buffer_get_size(picture) > MAX_CACHED_BYTES) {
    g_hash_table_remove_all(l->pictures);
    l->bytes = 0;
  }
  l->bytes += gst_buffer_get_size(picture);
  g_hash_table_insert(l->pictures, key, picture);
  return picture;
}
