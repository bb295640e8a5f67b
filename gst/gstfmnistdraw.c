#include "gstfmnistdraw.h"

#include <pango/pangocairo.h>
#include <string.h>

#include "gstfmnistfill.h"
#include "gstfmnistroi.h"

#define MAX_CACHED_LABELS 64
#define MAX_INPUTS 6
#define FPS_COLOR 0x202020

/* A drawn picture, ready for an overlay. */
typedef struct {
  GstBuffer *pixels; /* with GstVideoMeta; owned */
  int width, height;
} Picture;

struct GstFmnistDraw {
  PangoContext *pango;
  GHashTable *labels; /* key → Picture */
  GString *signature; /* of everything that goes into the composition being made */
  char *last_signature;
  GstVideoOverlayComposition *last;
  gint64 fps_since;
  guint fps_frames;
  double fps;
};

/* One object, whoever has found it. */
typedef struct {
  GstFmnistPixelBox box;
  guint color; /* 0xRRGGBB */
  char text[96];
  const GstFmnistGrid *mask;
  const GstFmnistResult *result;
} Item;

/* Where the parts go and how large they are. */
typedef struct {
  const GstFmnistDrawOptions *options;
  int width, height, line_width;
  GPtrArray *rectangles; /* of GstVideoOverlayRectangle */
} Scene;

/* Okabe & Ito 2008 without black, then three of Paul Tol's muted scheme. */
guint gst_fmnist_draw_class_color(int i) {
  static const guint colors[] = {0xe69f00, 0x56b4e9, 0x009e73, 0xf0e442, 0x0072b2, 0xd55e00, 0xcc79a7, 0x882255, 0x999933, 0x332288};
  return i < 0 ? 0xbbbbbb : colors[(guint)i % G_N_ELEMENTS(colors)];
}

static void picture_free(gpointer data) {
  Picture *p = data;
  gst_buffer_unref(p->pixels);
  g_free(p);
}

GstFmnistDraw *gst_fmnist_draw_new(void) {
  GstFmnistDraw *d = g_new0(GstFmnistDraw, 1);
  PangoFontMap *map = pango_cairo_font_map_new(); /* an own one: Pango's default belongs to a thread */
  d->pango = pango_font_map_create_context(map);
  g_object_unref(map);
  d->labels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, picture_free);
  d->signature = g_string_new(NULL);
  return d;
}

void gst_fmnist_draw_free(GstFmnistDraw *d) {
  if (d == NULL)
    return;
  g_object_unref(d->pango);
  g_hash_table_unref(d->labels);
  g_string_free(d->signature, TRUE);
  g_free(d->last_signature);
  if (d->last != NULL)
    gst_video_overlay_composition_unref(d->last);
  g_free(d);
}

static void set_color(cairo_t *cr, guint rgb, double alpha) {
  cairo_set_source_rgba(cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0, alpha);
}

static guint contrasting(guint rgb) {
  double luma = 0.299 * (rgb >> 16 & 255) + 0.587 * (rgb >> 8 & 255) + 0.114 * (rgb & 255);
  return luma > 128 ? 0x000000 : 0xffffff;
}

/* Takes the surface over. */
static GstBuffer *surface_to_buffer(cairo_surface_t *surface) {
  int width = cairo_image_surface_get_width(surface), height = cairo_image_surface_get_height(surface);
  gint stride[GST_VIDEO_MAX_PLANES] = {cairo_image_surface_get_stride(surface)};
  gsize offset[GST_VIDEO_MAX_PLANES] = {0}, size = (gsize)stride[0] * (gsize)height;
  GstBuffer *buffer;
  cairo_surface_flush(surface);
  buffer = gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, cairo_image_surface_get_data(surface), size, 0, size, surface,
                                       (GDestroyNotify)cairo_surface_destroy);
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, (guint)width,
                                 (guint)height, 1, offset, stride);
  return buffer;
}

static void add_rectangle(Scene *s, GstBuffer *pixels, int x, int y, int w, int h) {
  g_ptr_array_add(s->rectangles, gst_video_overlay_rectangle_new_raw(pixels, x, y, (guint)w, (guint)h,
                                                                     GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA));
}

/* Adds what is drawn on surface, which is taken over. */
static void add_surface(Scene *s, cairo_surface_t *surface, int x, int y) {
  int w = cairo_image_surface_get_width(surface), h = cairo_image_surface_get_height(surface);
  GstBuffer *pixels = surface_to_buffer(surface);
  add_rectangle(s, pixels, x, y, w, h);
  gst_buffer_unref(pixels);
}

static void add_strip(Scene *s, guint color, int x, int y, int w, int h) {
  cairo_surface_t *surface;
  cairo_t *cr;
  if (w <= 0 || h <= 0)
    return;
  surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, w, h);
  cr = cairo_create(surface);
  set_color(cr, color, 1);
  cairo_paint(cr);
  cairo_destroy(cr);
  add_surface(s, surface, x, y);
}

static void add_box(Scene *s, const Item *item) {
  GstFmnistPixelBox sides[4];
  gst_fmnist_box_sides(&item->box, s->line_width, s->width, s->height, sides);
  for (int i = 0; i < 4; i++)
    add_strip(s, item->color, sides[i].x, sides[i].y, sides[i].w, sides[i].h);
}

static void add_mask(Scene *s, const Item *item) {
  const GstFmnistPixelBox *b = &item->box;
  const GstFmnistGrid *m = item->mask;
  const guint8 *data = g_bytes_get_data(m->data, NULL);
  cairo_surface_t *grid = cairo_image_surface_create(CAIRO_FORMAT_A8, m->width, m->height);
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, b->w, b->h);
  cairo_t *cr = cairo_create(surface);
  cairo_pattern_t *pattern;
  for (int y = 0; y < m->height; y++)
    memcpy(cairo_image_surface_get_data(grid) + y * cairo_image_surface_get_stride(grid), data + y * m->width, (gsize)m->width);
  cairo_surface_mark_dirty(grid);
  pattern = cairo_pattern_create_for_surface(grid);
  cairo_pattern_set_filter(pattern, CAIRO_FILTER_BILINEAR);
  cairo_pattern_set_extend(pattern, CAIRO_EXTEND_PAD);
  cairo_scale(cr, (double)b->w / m->width, (double)b->h / m->height);
  set_color(cr, item->color, 0.4);
  cairo_mask(cr, pattern);
  cairo_pattern_destroy(pattern);
  cairo_surface_destroy(grid);
  cairo_destroy(cr);
  add_surface(s, surface, b->x, b->y);
}

static PangoLayout *layout_text(GstFmnistDraw *d, const Scene *s, const char *text, int pad) {
  PangoLayout *layout = pango_layout_new(d->pango);
  PangoFontDescription *font = pango_font_description_from_string(s->options->font != NULL ? s->options->font : "");
  if (!(pango_font_description_get_set_fields(font) & PANGO_FONT_MASK_SIZE))
    pango_font_description_set_absolute_size(font, MAX(s->height / 26.0, 9.0) * PANGO_SCALE);
  pango_layout_set_font_description(layout, font);
  pango_font_description_free(font);
  pango_layout_set_single_paragraph_mode(layout, TRUE);
  pango_layout_set_width(layout, MAX(s->width - 2 * pad, 1) * PANGO_SCALE);
  pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
  pango_layout_set_text(layout, text, -1);
  return layout;
}

static Picture *draw_label(GstFmnistDraw *d, const Scene *s, const char *text, guint color) {
  Picture *p = g_new0(Picture, 1);
  int w, h, pad = MAX(s->height / 160, 2);
  PangoLayout *layout = layout_text(d, s, text, pad);
  cairo_surface_t *surface;
  cairo_t *cr;
  pango_layout_get_pixel_size(layout, &w, &h);
  p->width = CLAMP(w + 2 * pad, 1, s->width);
  p->height = CLAMP(h + pad, 1, s->height);
  surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, p->width, p->height);
  cr = cairo_create(surface);
  set_color(cr, color, 0.85);
  cairo_paint(cr);
  set_color(cr, contrasting(color), 1);
  cairo_move_to(cr, pad, pad / 2.0);
  pango_cairo_show_layout(cr, layout);
  cairo_destroy(cr);
  g_object_unref(layout);
  p->pixels = surface_to_buffer(surface);
  return p;
}

static const Picture *label_picture(GstFmnistDraw *d, const Scene *s, const char *text, guint color) {
  char *key = g_strdup_printf("%06x %dx%d %s\n%s", color, s->width, s->height, s->options->font, text);
  Picture *p = g_hash_table_lookup(d->labels, key);
  if (p != NULL) {
    g_free(key);
    return p;
  }
  if (g_hash_table_size(d->labels) >= MAX_CACHED_LABELS)
    g_hash_table_remove_all(d->labels);
  p = draw_label(d, s, text, color);
  g_hash_table_insert(d->labels, key, p);
  return p;
}

/* Above the box, or in it where there is no room above; always inside of the frame. */
static void add_label(GstFmnistDraw *d, Scene *s, const char *text, guint color, int x, int box_y) {
  const Picture *p = label_picture(d, s, text, color);
  int y = box_y >= p->height ? box_y - p->height : box_y;
  add_rectangle(s, p->pixels, CLAMP(x, 0, s->width - p->width), CLAMP(y, 0, s->height - p->height), p->width, p->height);
}

static cairo_surface_t *input_surface(const GstFmnistResult *r) {
  const guint8 *v = g_bytes_get_data(r->input, NULL);
  gsize plane = (gsize)r->input_width * (gsize)r->input_height;
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, r->input_width, r->input_height);
  for (int y = 0; y < r->input_height; y++) {
    guint32 *line = (guint32 *)(gpointer)(cairo_image_surface_get_data(surface) + y * cairo_image_surface_get_stride(surface));
    for (int x = 0; x < r->input_width; x++) {
      const guint8 *c = v + (gsize)y * (gsize)r->input_width + x;
      guint red = c[0], green = r->input_channels == 3 ? c[plane] : red, blue = r->input_channels == 3 ? c[2 * plane] : red;
      line[x] = red << 16 | green << 8 | blue;
    }
  }
  cairo_surface_mark_dirty(surface);
  return surface;
}

/* The picture that the network saw, enlarged, framed in the object's colour; column 0 is the rightmost. */
static void add_input(Scene *s, const Item *item, int column) {
  int side = MIN(MAX(s->height / 5, 28), MIN(s->width, s->height)), x = s->width - (column + 1) * side;
  cairo_surface_t *input, *surface;
  cairo_t *cr;
  double scale;
  if (x < 0)
    return;
  input = input_surface(item->result);
  surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, side, side);
  cr = cairo_create(surface);
  scale = (double)side / MAX(item->result->input_width, item->result->input_height);
  cairo_save(cr);
  cairo_scale(cr, scale, scale);
  cairo_set_source_surface(cr, input, 0, 0);
  cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_NEAREST);
  cairo_paint(cr);
  cairo_restore(cr);
  set_color(cr, item->color, 1);
  cairo_set_line_width(cr, 2 * MIN(s->line_width, side / 4));
  cairo_rectangle(cr, 0, 0, side, side);
  cairo_stroke(cr);
  cairo_destroy(cr);
  cairo_surface_destroy(input);
  add_surface(s, surface, x, s->height - side);
}

static void item_text(Item *item, const char *label, double confidence, const GstFmnistDrawOptions *o) {
  char percent[16] = "", *valid = g_utf8_make_valid(label != NULL ? label : "", -1);
  const char *end;
  if (o->confidence && confidence >= 0)
    g_snprintf(percent, sizeof percent, "%d%%", (int)(confidence * 100 + 0.5));
  g_snprintf(item->text, sizeof item->text, "%s%s%s", o->labels ? valid : "", o->labels && *percent != '\0' ? " " : "", percent);
  if (!g_utf8_validate(item->text, -1, &end)) /* cut in the middle of a character */
    item->text[end - item->text] = '\0';
  g_free(valid);
}

static void item_of_object(Item *item, const GstFmnistObject *o, const Scene *s) {
  gboolean classified = o->result != NULL, found = !classified && o->label != g_quark_from_static_string(GST_FMNIST_OBJECT);
  int label_id = classified ? o->result->label_id : found ? o->label_id : -1;
  gboolean known = label_id >= 0;
  item->box = gst_fmnist_box_pixels(&o->box, s->width, s->height);
  item->color = gst_fmnist_draw_class_color(label_id);
  item->mask = o->mask.data != NULL ? &o->mask : NULL;
  item->result = o->result;
  item_text(item, gst_fmnist_object_label(o), !known ? -1 : classified ? o->result->confidence : o->confidence,
            s->options);
}

static void item_of_roi(Item *item, GstVideoRegionOfInterestMeta *roi, const Scene *s) {
  const GstStructure *detection = gst_video_region_of_interest_meta_get_param(roi, "detection");
  FmnBox box = gst_fmnist_roi_box(roi, s->width, s->height);
  double confidence = -1;
  int label_id = -1;
  if (detection != NULL) {
    gst_structure_get_double(detection, "confidence", &confidence);
    gst_structure_get_int(detection, "label_id", &label_id);
  }
  *item = (Item){.box = gst_fmnist_box_pixels(&box, s->width, s->height), .color = gst_fmnist_draw_class_color(label_id)};
  item_text(item, g_quark_to_string(roi->roi_type), confidence, s->options);
}

static GArray *collect(GstBuffer *buffer, const Scene *s) {
  const GstFmnistMeta *meta = gst_fmnist_meta_get(buffer);
  GArray *items = g_array_new(FALSE, TRUE, sizeof(Item));
  GstVideoRegionOfInterestMeta *roi;
  gpointer state = NULL;
  Item item;
  for (guint i = 0; meta != NULL && i < gst_fmnist_meta_size(meta); i++) {
    item_of_object(&item, gst_fmnist_meta_object(meta, i), s);
    g_array_append_val(items, item);
  }
  while ((roi = gst_fmnist_roi_next_foreign(buffer, meta, &state)) != NULL) {
    item_of_roi(&item, roi, s);
    g_array_append_val(items, item);
  }
  for (guint i = 0; s->options->color != 0 && i < items->len; i++)
    g_array_index(items, Item, i).color = s->options->color & 0xffffff;
  return items;
}

/* The mean over the last second or so. */
static void count_frame(GstFmnistDraw *d, gint64 now) {
  if (d->fps_since == 0 || now < d->fps_since) {
    d->fps_since = now;
    d->fps_frames = 0;
    return;
  }
  d->fps_frames++;
  if (now - d->fps_since >= G_USEC_PER_SEC || (d->fps == 0 && now > d->fps_since))
    d->fps = d->fps_frames * (double)G_USEC_PER_SEC / (double)(now - d->fps_since);
  if (now - d->fps_since >= G_USEC_PER_SEC) {
    d->fps_since = now;
    d->fps_frames = 0;
  }
}

/* All that is drawn but masks and inputs. */
static void sign(GstFmnistDraw *d, const Scene *s, const GArray *items, const char *fps) {
  const GstFmnistDrawOptions *o = s->options;
  g_string_printf(d->signature, "%dx%d %d%d%d %d %s %s", s->width, s->height, o->boxes, o->mask, o->input, s->line_width, o->font, fps);
  for (guint i = 0; i < items->len; i++) {
    const Item *item = &g_array_index(items, Item, i);
    g_string_append_printf(d->signature, "\n%d %d %d %d %06x %s", item->box.x, item->box.y, item->box.w, item->box.h, item->color,
                           item->text);
  }
}

static void build(GstFmnistDraw *d, Scene *s, const GArray *items, const char *fps) {
  int column = 0;
  for (guint i = 0; i < items->len; i++) {
    const Item *item = &g_array_index(items, Item, i);
    if (s->options->mask && item->mask != NULL)
      add_mask(s, item);
    if (s->options->boxes)
      add_box(s, item);
  }
  for (guint i = 0; i < items->len; i++) { /* over all boxes */
    const Item *item = &g_array_index(items, Item, i);
    if (s->options->input && item->result != NULL && item->result->input != NULL && column < MAX_INPUTS)
      add_input(s, item, column++);
    if (*item->text != '\0')
      add_label(d, s, item->text, item->color, item->box.x, item->box.y);
  }
  if (*fps != '\0')
    add_label(d, s, fps, FPS_COLOR, 0, 0);
}

static GstVideoOverlayComposition *compose(const GPtrArray *rectangles) {
  GstVideoOverlayComposition *c = NULL;
  for (guint i = 0; i < rectangles->len; i++) {
    if (c == NULL)
      c = gst_video_overlay_composition_new(g_ptr_array_index(rectangles, i));
    else
      gst_video_overlay_composition_add_rectangle(c, g_ptr_array_index(rectangles, i));
  }
  return c;
}

static int line_width(const GstFmnistDrawOptions *o, int height) {
  return o->line_width > 0 ? (int)MIN(o->line_width, (guint)height) : MAX(height / 400, 1) * 2;
}

void gst_fmnist_draw_boxes(GstBuffer *buffer, GstVideoFrame *frame, const FmnImageFormat *image, const GstFmnistDrawOptions *options) {
  int w = GST_VIDEO_FRAME_WIDTH(frame), h = GST_VIDEO_FRAME_HEIGHT(frame);
  Scene s = {options, w, h, line_width(options, h), NULL};
  GArray *items = collect(buffer, &s);
  for (guint i = 0; i < items->len; i++) {
    const Item *item = &g_array_index(items, Item, i);
    GstFmnistPixelBox sides[4];
    gst_fmnist_box_sides(&item->box, s.line_width, w, h, sides);
    for (int k = 0; k < 4; k++)
      gst_fmnist_fill(frame, image, &sides[k], item->color);
  }
  g_array_unref(items);
}

GstVideoOverlayComposition *gst_fmnist_draw_compose(GstFmnistDraw *d, GstBuffer *buffer, int width, int height,
                                                    const GstFmnistDrawOptions *options, gint64 now) {
  Scene s = {options, width, height, line_width(options, height), NULL};
  GArray *items = collect(buffer, &s);
  gboolean changing = options->mask || options->input; /* pictures of their own, new in every frame */
  char fps[32] = "";
  count_frame(d, now);
  if (options->fps && d->fps > 0)
    g_snprintf(fps, sizeof fps, "%.1f fps", d->fps);
  sign(d, &s, items, fps);
  if (changing || g_strcmp0(d->signature->str, d->last_signature) != 0) {
    s.rectangles = g_ptr_array_new_with_free_func((GDestroyNotify)gst_video_overlay_rectangle_unref);
    build(d, &s, items, fps);
    g_clear_pointer(&d->last, gst_video_overlay_composition_unref);
    d->last = compose(s.rectangles);
    g_ptr_array_unref(s.rectangles);
    g_free(d->last_signature);
    d->last_signature = g_strdup(d->signature->str);
  }
  g_array_unref(items);
  return d->last != NULL ? gst_video_overlay_composition_ref(d->last) : NULL;
}
