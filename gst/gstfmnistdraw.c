#include "gstfmnistdraw.h"

#include "gstfmnistpaint.h"
#include "gstfmnistpicture.h"
#include "gstfmnistroi.h"

#define MAX_INPUTS 6
#define FPS_COLOR 0x202020

struct GstFmnistDraw {
  GstFmnistLabels *labels;
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
  guint color;                /* 0xRRGGBB */
  char name[96], percent[16]; /* "": not to be written */
  const GstFmnistGrid *mask;
  const GstFmnistResult *result;
} Item;

/* What is drawn, how large, and where it goes: into a frame or, where that is NULL, into a list for a composition. */
typedef struct {
  const GstFmnistDrawOptions *options;
  int width, height, line_width;
  char fps[32];
  GstVideoFrame *frame;
  const FmnImageFormat *image;
  GPtrArray *rectangles; /* of GstVideoOverlayRectangle */
} Scene;

/* Okabe & Ito 2008 without black, then three of Paul Tol's muted scheme. */
guint gst_fmnist_draw_class_color(int i) {
  static const guint colors[] = {0xe69f00, 0x56b4e9, 0x009e73, 0xf0e442, 0x0072b2,
                                 0xd55e00, 0xcc79a7, 0x882255, 0x999933, 0x332288};
  return i < 0 ? 0xbbbbbb : colors[(guint)i % G_N_ELEMENTS(colors)];
}

GstFmnistDraw *gst_fmnist_draw_new(void) {
  GstFmnistDraw *d = g_new0(GstFmnistDraw, 1);
  d->labels = gst_fmnist_labels_new();
  d->signature = g_string_new(NULL);
  return d;
}

void gst_fmnist_draw_free(GstFmnistDraw *d) {
  if (d == NULL)
    return;
  gst_fmnist_labels_free(d->labels);
  g_string_free(d->signature, TRUE);
  g_free(d->last_signature);
  if (d->last != NULL)
    gst_video_overlay_composition_unref(d->last);
  g_free(d);
}

static void add_picture(Scene *s, GstBuffer *picture, int x, int y) {
  const GstVideoMeta *meta = gst_buffer_get_video_meta(picture);
  if (s->frame != NULL)
    gst_fmnist_paint_picture(s->frame, s->image, x, y, picture);
  else
    g_ptr_array_add(s->rectangles,
                    gst_video_overlay_rectangle_new_raw(picture, x, y, meta->width, meta->height,
                                                        GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA));
}

/* Takes the picture over. One that there was no memory for is not drawn. */
static void add_new_picture(Scene *s, GstBuffer *picture, int x, int y) {
  if (picture == NULL)
    return;
  add_picture(s, picture, x, y);
  gst_buffer_unref(picture);
}

/* The four sides of a box, t pixels thick, inside of a frame of width × height; those that are not to be seen have w or
 * h ≤ 0. They begin at even pixels, so that subsampled chroma takes their colour. */
static void box_sides(const GstFmnistPixelBox *b, int t, int width, int height, GstFmnistPixelBox sides[4]) {
  int x0 = b->x & ~1, y0 = b->y & ~1;
  int x1 = MAX(x0, (b->x + b->w - t) & ~1), y1 = MAX(y0, (b->y + b->h - t) & ~1), w = MIN(x1 + t, width) - x0;
  sides[0] = (GstFmnistPixelBox){x0, y0, w, MIN(t, height - y0)};
  sides[1] = (GstFmnistPixelBox){x0, y1, w, MIN(t, height - y1)};
  sides[2] = (GstFmnistPixelBox){x0, y0 + t, MIN(t, width - x0), y1 - y0 - t};
  sides[3] = (GstFmnistPixelBox){x1, y0 + t, MIN(t, width - x1), y1 - y0 - t};
}

static void add_box(Scene *s, const Item *item) {
  GstFmnistPixelBox sides[4];
  box_sides(&item->box, s->line_width, s->width, s->height, sides);
  for (int i = 0; i < 4; i++) {
    if (s->frame != NULL)
      gst_fmnist_paint_rectangle(s->frame, s->image, &sides[i], item->color);
    else if (sides[i].w > 0 && sides[i].h > 0)
      add_new_picture(s, gst_fmnist_picture_new_plain(item->color, sides[i].w, sides[i].h), sides[i].x, sides[i].y);
  }
}

/* Above the box, or in it where there is no room above; always inside of the frame. Name and number are pictures of
 * their own: there are few of either, and many pairs. */
static void add_label(GstFmnistDraw *d, Scene *s, const char *name, const char *percent, guint color, int x,
                      int box_y) {
  const char *texts[] = {percent, name};
  GstBuffer *pictures[2] = {NULL};
  int room = s->width, tallest = 0;
  for (int i = 0; i < 2; i++)
    if (*texts[i] != '\0') {
      const GstVideoMeta *meta;
      GstBuffer *label = gst_fmnist_labels_get(d->labels, texts[i], s->options->font, color, MAX(room, 1), s->height);
      if (label == NULL)
        continue;
      pictures[i] = gst_buffer_ref(label);
      meta = gst_buffer_get_video_meta(label);
      room -= (int)meta->width;
      tallest = MAX(tallest, (int)meta->height);
    }
  x = MAX(0, MIN(x, room));
  for (int i = 1; i >= 0; i--)
    if (pictures[i] != NULL) {
      const GstVideoMeta *meta = gst_buffer_get_video_meta(pictures[i]);
      int w = (int)meta->width, h = (int)meta->height, y = box_y >= tallest ? box_y - h : box_y;
      add_new_picture(s, pictures[i], CLAMP(x, 0, s->width - w), CLAMP(y, 0, s->height - h));
      x += w;
    }
}

/* In the lower right corner; column 0 is the rightmost. */
static void add_input(Scene *s, const Item *item, int column) {
  int side = MIN(MAX(s->height / 5, 28), MIN(s->width, s->height)), x = s->width - (column + 1) * side;
  if (x >= 0)
    add_new_picture(s, gst_fmnist_picture_new_input(item->result, item->color, s->line_width, side), x,
                    s->height - side);
}

static void item_text(Item *item, const char *label, double confidence, const GstFmnistDrawOptions *o) {
  char *valid = g_utf8_make_valid(label != NULL ? label : "", -1);
  const char *end;
  *item->name = *item->percent = '\0';
  if (o->labels)
    g_strlcpy(item->name, valid, sizeof item->name);
  if (!g_utf8_validate(item->name, -1, &end)) /* cut in the middle of a character */
    item->name[end - item->name] = '\0';
  if (o->confidence && confidence >= 0)
    g_snprintf(item->percent, sizeof item->percent, "%d%%", (int)(confidence * 100 + 0.5));
  g_free(valid);
}

static void item_of_object(Item *item, const GstFmnistObject *o, const Scene *s) {
  gboolean classified = o->result != NULL,
           found = !classified && o->label != g_quark_from_static_string(GST_FMNIST_OBJECT);
  int label_id = classified ? o->result->label_id : found ? o->label_id : -1;
  gboolean known = label_id >= 0;
  item->box = gst_fmnist_box_pixels(&o->box, s->width, s->height);
  item->color = gst_fmnist_draw_class_color(label_id);
  item->mask = o->mask.data != NULL ? &o->mask : NULL;
  item->result = o->result;
  item_text(item, gst_fmnist_object_label(o),
            !known       ? -1
            : classified ? o->result->confidence
                         : o->confidence,
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
  *item =
      (Item){.box = gst_fmnist_box_pixels(&box, s->width, s->height), .color = gst_fmnist_draw_class_color(label_id)};
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

static void add_all(GstFmnistDraw *d, Scene *s, const GArray *items) {
  int column = 0;
  for (guint i = 0; i < items->len; i++) {
    const Item *item = &g_array_index(items, Item, i);
    if (s->options->mask && item->mask != NULL)
      add_new_picture(s, gst_fmnist_picture_new_mask(item->mask, item->color, item->box.w, item->box.h), item->box.x,
                      item->box.y);
    if (s->options->boxes)
      add_box(s, item);
  }
  for (guint i = 0; i < items->len; i++) { /* over all boxes */
    const Item *item = &g_array_index(items, Item, i);
    if (s->options->input && item->result != NULL && item->result->input != NULL && column < MAX_INPUTS)
      add_input(s, item, column++);
    add_label(d, s, item->name, item->percent, item->color, item->box.x, item->box.y);
  }
  if (*s->fps != '\0')
    add_label(d, s, s->fps, "", FPS_COLOR, 0, 0);
}

/* All that is drawn but masks and inputs. */
static void sign(GstFmnistDraw *d, const Scene *s, const GArray *items) {
  const GstFmnistDrawOptions *o = s->options;
  g_string_printf(d->signature, "%dx%d %d%d%d %d %s %s", s->width, s->height, o->boxes, o->mask, o->input,
                  s->line_width, o->font, s->fps);
  for (guint i = 0; i < items->len; i++) {
    const Item *item = &g_array_index(items, Item, i);
    g_string_append_printf(d->signature, "\n%d %d %d %d %06x %s %s", item->box.x, item->box.y, item->box.w, item->box.h,
                           item->color, item->name, item->percent);
  }
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

static Scene make_scene(GstFmnistDraw *d, int width, int height, const GstFmnistDrawOptions *o, gint64 now) {
  Scene s = {.options = o, .width = width, .height = height};
  s.line_width = o->line_width > 0 ? (int)MIN(o->line_width, (guint)height) : MAX(height / 400, 1) * 2;
  count_frame(d, now);
  if (o->fps && d->fps > 0)
    g_snprintf(s.fps, sizeof s.fps, "%.1f fps", d->fps);
  return s;
}

void gst_fmnist_draw_paint(GstFmnistDraw *d, GstBuffer *buffer, GstVideoFrame *frame, const FmnImageFormat *image,
                           const GstFmnistDrawOptions *options, gint64 now) {
  Scene s = make_scene(d, GST_VIDEO_FRAME_WIDTH(frame), GST_VIDEO_FRAME_HEIGHT(frame), options, now);
  GArray *items = collect(buffer, &s);
  s.frame = frame;
  s.image = image;
  add_all(d, &s, items);
  g_array_unref(items);
}

GstVideoOverlayComposition *gst_fmnist_draw_compose(GstFmnistDraw *d, GstBuffer *buffer, int width, int height,
                                                    const GstFmnistDrawOptions *options, gint64 now) {
  Scene s = make_scene(d, width, height, options, now);
  GArray *items = collect(buffer, &s);
  gboolean changing = options->mask || options->input; /* pictures of their own, new in every frame */
  sign(d, &s, items);
  if (changing || g_strcmp0(d->signature->str, d->last_signature) != 0) {
    s.rectangles = g_ptr_array_new_with_free_func((GDestroyNotify)gst_video_overlay_rectangle_unref);
    add_all(d, &s, items);
    g_clear_pointer(&d->last, gst_video_overlay_composition_unref);
    d->last = compose(s.rectangles);
    g_ptr_array_unref(s.rectangles);
    g_free(d->last_signature);
    d->last_signature = g_strdup(d->signature->str);
  }
  g_array_unref(items);
  return d->last != NULL ? gst_video_overlay_composition_ref(d->last) : NULL;
}
