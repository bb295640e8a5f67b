#include "train/photo_view.h"

#include "train/scene_parts.h"

/* Standard deviations, and how many of them at most. */
#define TURN 7    /* degrees */
#define SCALE 0.1 /* of its logarithm */
#define NARROW 0.06
#define SHIFT 0.03 /* of the sides */
#define MOST 2.5
#define MEAN_SCALE 0.95

struct FmnPhotoViewer {
  FmnNoise noise;
  FmnCamera *camera;
  guint8 *rgb;
};

FmnPhotoViewer *fmn_photo_viewer_new(void) {
  FmnPhotoViewer *v = g_new0(FmnPhotoViewer, 1);
  fmn_noise_init(&v->noise);
  v->camera = fmn_camera_new();
  return v;
}

void fmn_photo_viewer_free(FmnPhotoViewer *v) {
  if (!v)
    return;
  fmn_camera_free(v->camera);
  g_free(v->rgb);
  g_free(v);
}

static double draw(FmnRandom *r, double deviation) { return CLAMP(fmn_random_normal(r), -MOST, MOST) * deviation; }

static cairo_surface_t *surface_of(const GdkPixbuf *photo) {
  int width = gdk_pixbuf_get_width(photo), height = gdk_pixbuf_get_height(photo);
  int channels = gdk_pixbuf_get_n_channels(photo), stride = gdk_pixbuf_get_rowstride(photo);
  const guint8 *pixels = gdk_pixbuf_read_pixels(photo);
  cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
  guint8 *to = cairo_image_surface_get_data(s);
  for (int y = 0; y < height && to; y++) {
    const guint8 *from = pixels + (gsize)y * (gsize)stride;
    guint32 *row = (guint32 *)(gpointer)(to + (gsize)y * (gsize)cairo_image_surface_get_stride(s));
    for (int x = 0; x < width; x++, from += channels)
      row[x] = (guint32)from[0] << 16 | (guint32)from[1] << 8 | from[2];
  }
  cairo_surface_mark_dirty(s);
  return s;
}

/* Paints the photo on a canvas of the size of the view. */
static void paint(cairo_t *cr, const GdkPixbuf *photo, FmnRandom *r, double width, double height) {
  double w = gdk_pixbuf_get_width(photo), h = gdk_pixbuf_get_height(photo);
  double scale = exp(draw(r, SCALE)) * MEAN_SCALE, narrow = exp(draw(r, NARROW));
  cairo_translate(cr, width * (0.5 + draw(r, SHIFT)), height * (0.5 + draw(r, SHIFT)));
  cairo_rotate(cr, draw(r, TURN) * G_PI / 180);
  cairo_scale(cr, width / w * scale * narrow, height / h * scale / narrow);
  cairo_translate(cr, -w / 2, -h / 2);
  cairo_surface_t *s = surface_of(photo);
  cairo_set_source_surface(cr, s, 0, 0);
  cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_REFLECT);
  cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_GOOD);
  cairo_paint(cr);
  cairo_surface_destroy(s);
}

const guint8 *fmn_photo_view(FmnPhotoViewer *v, const GdkPixbuf *photo, guint64 seed, int *width, int *height) {
  FmnRandom r = {seed};
  int w = gdk_pixbuf_get_width(photo), h = gdk_pixbuf_get_height(photo);
  double shrink = MIN(1, (double)FMN_PHOTO_VIEW_MAX / MAX(w, h));
  FmnCanvas c = {.noise = &v->noise, .width = MAX(1, (int)lrint(w * shrink)), .height = MAX(1, (int)lrint(h * shrink))};
  c.sx = c.sy = (float)MIN(c.width, c.height) / FMN_SCENE_UNITS;
  c.surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, c.width, c.height);
  c.cr = cairo_create(c.surface);
  paint(c.cr, photo, &r, c.width, c.height);
  cairo_surface_flush(c.surface);
  c.pixels = cairo_image_surface_get_data(c.surface);
  c.stride = cairo_image_surface_get_stride(c.surface);
  v->rgb = g_realloc(v->rgb, 3 * (gsize)c.width * (gsize)c.height);
  fmn_camera_take(v->camera, fmn_random_next(&r), &c, v->rgb, 3 * c.width);
  cairo_destroy(c.cr);
  cairo_surface_destroy(c.surface);
  *width = c.width;
  *height = c.height;
  return v->rgb;
}
