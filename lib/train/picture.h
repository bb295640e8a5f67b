/* A white sheet to draw on, written as SVG or PNG. */
#ifndef FMN_TRAIN_PICTURE_H
#define FMN_TRAIN_PICTURE_H

#include <cairo.h>
#include <glib.h>

/* Whether path, of an option such as --plot, ends in .svg or .png. */
gboolean fmn_picture_check_name(const char *option, const char *path, GError **error);
/* Begins a sheet of width × height units (pixels of a PNG); fmn_picture_save() ends it. PNG where path ends in .png,
 * else SVG. */
cairo_t *fmn_picture_begin(const char *path, double width, double height);
/* Writes what was drawn, through a temporary file, renamed; cr is no longer there afterwards. */
gboolean fmn_picture_save(cairo_t *cr, const char *path, GError **error);

/* A line of text at its base line; align: 0 begins at x, 0.5 centred, 1 ends there. */
void fmn_picture_text(cairo_t *cr, double x, double y, double align, const char *text);

#endif
