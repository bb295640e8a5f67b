/* Draws a frame's objects: into the frame, or as a list of small overlay rectangles. */
#ifndef GST_FMNIST_DRAW_H
#define GST_FMNIST_DRAW_H

#include <gst/video/video.h>

#include "image/image.h"

G_BEGIN_DECLS

typedef struct {
  gboolean boxes, labels, confidence, fps, mask, input;
  char *font;       /* a Pango font description; without a size in it, the size follows the frame's height; owned by the
                       holder */
  guint line_width; /* pixels; 0: follows the frame's height */
  guint color;      /* 0xFFRRGGBB; 0: one a class */
} GstFmnistDrawOptions;

typedef struct GstFmnistDraw GstFmnistDraw;

/* For one thread at a time. */
GstFmnistDraw *gst_fmnist_draw_new(void);
void gst_fmnist_draw_free(GstFmnistDraw *d); /* NULL allowed */

/* What to lay over the buffer, a frame of width × height; NULL: nothing. now: monotonic time in microseconds, for the
 * frame rate. The caller owns the reference. While nothing changes the same composition is returned. */
GstVideoOverlayComposition *gst_fmnist_draw_compose(GstFmnistDraw *d, GstBuffer *buffer, int width, int height,
                                                    const GstFmnistDrawOptions *options, gint64 now);

/* Draws the same into the frame (the buffer's, mapped for reading and writing) of a format that
 * gst_fmnist_paint_knows(). */
void gst_fmnist_draw_paint(GstFmnistDraw *d, GstBuffer *buffer, GstVideoFrame *frame, const FmnImageFormat *image,
                           const GstFmnistDrawOptions *options, gint64 now);

/* 0xRRGGBB of class i; i < 0: of what is unknown or not yet named. Distinct for at least ten classes, also to the
 * colour-blind. */
guint gst_fmnist_draw_class_color(int i);

G_END_DECLS

#endif
