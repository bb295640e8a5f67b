/* Boxes drawn straight into a frame's memory. Blending, which knows every format, unpacks and packs whole lines of the frame for each
 * line of what is laid over it: for the sides of a box that is most of an overlay's time. */
#ifndef GST_FMNIST_FILL_H
#define GST_FMNIST_FILL_H

#include "gstfmnistformat.h"
#include "gstfmnistroi.h"

G_BEGIN_DECLS

/* The four sides of a box, t pixels thick, inside of a frame of width × height; those that are not to be seen have w or h ≤ 0.
 * They begin at even pixels, so that subsampled chroma takes their colour. */
void gst_fmnist_box_sides(const GstFmnistPixelBox *box, int t, int width, int height, GstFmnistPixelBox sides[4]);

/* Whether gst_fmnist_fill() knows the format: bytes where they lie, chroma at most halved. */
gboolean gst_fmnist_fill_knows(const GstFmnistFormat *format);

/* Fills a rectangle that lies inside of the frame, mapped for writing, with a colour (0xRRGGBB), opaque. */
void gst_fmnist_fill(GstVideoFrame *frame, const FmnImageFormat *image, const GstFmnistPixelBox *r, guint rgb);

G_END_DECLS

#endif
