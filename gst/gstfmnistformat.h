/* From GStreamer's raw video to the pictures of libfmnist, and back for painting.
 *
 * Regular formats are read where they lie; packed, tiled and palette ones are unpacked by GStreamer's own functions
 * into an intermediate A-Y-U-V or A-R-G-B frame first. The way is chosen once, when the caps are known. */
#ifndef GST_FMNIST_FORMAT_H
#define GST_FMNIST_FORMAT_H

#include <gst/video/video.h>

#include "image/image.h"

typedef struct GstFmnistFormat GstFmnistFormat;

/* Reads buffers with that info (copied). For one thread at a time. Free with gst_fmnist_format_free(). */
GstFmnistFormat *gst_fmnist_format_new(const GstVideoInfo *info);
/* The same, always through the intermediate frame. */
GstFmnistFormat *gst_fmnist_format_new_unpacking(const GstVideoInfo *info);
void gst_fmnist_format_free(GstFmnistFormat *f); /* NULL allowed */

const FmnImageFormat *gst_fmnist_format_image(const GstFmnistFormat *f);
const GstVideoInfo *gst_fmnist_format_info(const GstFmnistFormat *f);
gboolean gst_fmnist_format_is_native(const GstFmnistFormat *f); /* no intermediate frame */

/* As gst_video_frame_map(); FALSE, too, where the buffer's picture is larger than the caps say, to be cropped by
 * whoever shows it (GstVideoCropMeta). */
gboolean gst_fmnist_format_map_frame(const GstFmnistFormat *f, GstBuffer *buffer, GstMapFlags flags,
                                     GstVideoFrame *frame);

/* Of an answered ALLOCATION query: upstream is to crop frames itself, whatever downstream can do. Other queries stay as
 * they are. */
void gst_fmnist_format_refuse_crop(GstQuery *query);

/* Maps the buffer for reading only; image points into it, or into f, until gst_fmnist_format_unmap(). FALSE: the buffer
 * does not hold a frame of that info. */
gboolean gst_fmnist_format_map(GstFmnistFormat *f, GstBuffer *buffer, FmnImage *image);
void gst_fmnist_format_unmap(GstFmnistFormat *f);

/* Says which pixels of line y belong to an object: 255 in line (width bytes), else 0. */
typedef void (*GstFmnistCoverFunc)(gpointer user, int y, guint8 *line);

/* Blackens the buffer's pixels outside of objects and, with white, whitens those inside. The buffer's memory must be
 * writable. FALSE as for mapping. */
gboolean gst_fmnist_format_paint(GstFmnistFormat *f, GstBuffer *buffer, GstFmnistCoverFunc cover, gpointer user,
                                 gboolean white);

#endif
