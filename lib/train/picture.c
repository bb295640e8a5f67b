#include "train/picture.h"

#include <cairo-svg.h>

#include "error.h"

static const cairo_user_data_key_t bytes_key;

static cairo_status_t append(void *closure, const unsigned char *data, unsigned int length) {
  g_byte_array_append(closure, data, length);
  return CAIRO_STATUS_SUCCESS;
}

static gboolean ends_in(const char *path, const char *ending) {
  g_autofree char *name = g_ascii_strdown(path, -1);
  return g_str_has_suffix(name, ending);
}

static gboolean is_png(const char *path) { return ends_in(path, ".png"); }

gboolean fmn_picture_check_name(const char *option, const char *path, GError **error) {
  if (is_png(path) || ends_in(path, ".svg"))
    return TRUE;
  g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
              "%s %s: pictures are SVG or PNG; give a name that ends in .svg or .png", option, path);
  return FALSE;
}

cairo_t *fmn_picture_begin(const char *path, double width, double height) {
  GByteArray *bytes = g_byte_array_new();
  cairo_surface_t *surface = is_png(path) ? cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height)
                                          : cairo_svg_surface_create_for_stream(append, bytes, width, height);
  cairo_t *cr = cairo_create(surface);
  cairo_set_user_data(cr, &bytes_key, bytes, NULL);
  cairo_surface_destroy(surface);
  cairo_set_source_rgb(cr, 1, 1, 1);
  cairo_paint(cr);
  cairo_set_source_rgb(cr, 0, 0, 0);
  cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  return cr;
}

gboolean fmn_picture_save(cairo_t *cr, const char *path, GError **error) {
  GByteArray *bytes = cairo_get_user_data(cr, &bytes_key);
  cairo_surface_t *surface = cairo_surface_reference(cairo_get_target(cr));
  cairo_status_t status = cairo_status(cr);
  cairo_destroy(cr);
  if (status == CAIRO_STATUS_SUCCESS && is_png(path))
    status = cairo_surface_write_to_png_stream(surface, append, bytes);
  cairo_surface_finish(surface);
  if (status == CAIRO_STATUS_SUCCESS)
    status = cairo_surface_status(surface);
  cairo_surface_destroy(surface);
  gboolean ok = status == CAIRO_STATUS_SUCCESS;
  if (ok)
    ok = g_file_set_contents(path, (const char *)bytes->data, (gssize)bytes->len, error);
  else
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: the picture can't be drawn: %s", path,
                cairo_status_to_string(status));
  g_byte_array_unref(bytes);
  return ok;
}

void fmn_picture_text(cairo_t *cr, double x, double y, double align, const char *text) {
  cairo_text_extents_t e;
  cairo_text_extents(cr, text, &e);
  cairo_move_to(cr, x - align * e.x_advance, y);
  cairo_show_text(cr, text);
}
