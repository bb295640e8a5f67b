/* Small pictures to lay over a frame, drawn by cairo and Pango: premultiplied,
 * GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, with GstVideoMeta that says how large they are. Those that are new are the
 * caller's; NULL where there is no memory for one. */
#ifndef GST_FMNIST_PICTURE_H
#define GST_FMNIST_PICTURE_H

#include <gst/video/video.h>

#include "gstfmnistmeta.h"

G_BEGIN_DECLS

/* Of one colour (0xRRGGBB), opaque. */
GstBuffer *gst_fmnist_picture_new_plain(guint rgb, int w, int h);

/* A tint where the mask is, w × h pixels. */
GstBuffer *gst_fmnist_picture_new_mask(const GstFmnistGrid *m, guint rgb, int w, int h);

/* The input that the network saw (not NULL in r), enlarged to side × side and framed in a colour. */
GstBuffer *gst_fmnist_picture_new_input(const GstFmnistResult *r, guint rgb, int line_width, int side);

/* Written labels, kept for the next frame. For one thread at a time. */
typedef struct GstFmnistLabels GstFmnistLabels;
GstFmnistLabels *gst_fmnist_labels_new(void);
void gst_fmnist_labels_free(GstFmnistLabels *l); /* NULL allowed */

/* The text on a ground of the colour, for a frame of width × height, never larger than that. font: a Pango description;
 * without a size in it the size follows the frame's height; NULL: Pango's default. The picture belongs to l and is
 * valid until the next call. */
GstBuffer *gst_fmnist_labels_get(GstFmnistLabels *l, const char *text, const char *font, guint rgb, int width,
                                 int height);

G_END_DECLS

#endif
