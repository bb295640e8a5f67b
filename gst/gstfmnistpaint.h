/* Rectangles and small pictures painted straight into a frame's memory, in the frame's own matrix and range.
 * GStreamer's blending, which knows every format, unpacks and packs whole lines of the frame for each line of what is
 * laid over it: most of an overlay's time. */
#ifndef GST_FMNIST_PAINT_H
#define GST_FMNIST_PAINT_H

#include "gstfmnistformat.h"
#include "gstfmnistroi.h"

G_BEGIN_DECLS

/* Whether frames of the format can be painted on: bytes where they lie, chroma at most halved, no alpha. */
gboolean gst_fmnist_paint_knows(const GstFmnistFormat *format);

/* Fills a rectangle that lies inside of the frame, mapped for writing, with a colour (0xRRGGBB), opaque; nothing where
 * w or h ≤ 0. Subsampled chroma takes its colour where it touches the rectangle. */
void gst_fmnist_paint_rectangle(GstVideoFrame *frame, const FmnImageFormat *image, const GstFmnistPixelBox *r,
                                guint rgb);

/* Lays a picture over the frame, its upper left corner at x, y; all of it lies inside. picture: premultiplied, as
 * gstfmnistpicture.h makes them. */
void gst_fmnist_paint_picture(GstVideoFrame *frame, const FmnImageFormat *image, int x, int y, GstBuffer *picture);

G_END_DECLS

#endif
