/* What the analysing elements share: they let every frame through in place, attach what they found, and read pixels only. */
#ifndef GST_FMNIST_ANALYSER_H
#define GST_FMNIST_ANALYSER_H

#include <gst/base/gstbasetransform.h>

#include "gstfmnistformat.h"
#include "gstfmnistmeta.h"

G_BEGIN_DECLS

#define GST_TYPE_FMNIST_ANALYSER (gst_fmnist_analyser_get_type())
G_DECLARE_DERIVABLE_TYPE(GstFmnistAnalyser, gst_fmnist_analyser, GST, FMNIST_ANALYSER, GstBaseTransform)

struct _GstFmnistAnalyserClass {
  GstBaseTransformClass parent_class;
  /* Caps are known or have changed; image describes the frames. */
  void (*set_format)(GstFmnistAnalyser *self, const FmnImageFormat *image);
  /* One frame. Its metadata is writable; so is its memory where somebody maps it for writing, by a copy when it is shared. */
  GstFlowReturn (*analyse)(GstFmnistAnalyser *self, GstBuffer *buffer);
  /* Time jumps (flush, new stream) or processing ends: what is known of earlier frames no longer counts. May be NULL. */
  void (*reset)(GstFmnistAnalyser *self);
  /* ns that a frame will take, as far as is known before one has come; the object is locked. May be NULL. */
  GstClockTime (*expected)(GstFmnistAnalyser *self);
};

/* For the streaming thread, between set_format() and stop(). */
GstFmnistFormat *gst_fmnist_analyser_format(GstFmnistAnalyser *self);
const GstVideoInfo *gst_fmnist_analyser_info(GstFmnistAnalyser *self);

/* How long a frame lasts by the caps; 40 ms where these do not tell. */
GstClockTime gst_fmnist_analyser_frame_time(GstFmnistAnalyser *self);
/* GST_CLOCK_TIME_NONE for a buffer without timestamp. */
GstClockTime gst_fmnist_analyser_running_time(GstFmnistAnalyser *self, GstBuffer *buffer);

/* gst_fmnist_format_map(), with a warning on the bus when it fails. */
gboolean gst_fmnist_analyser_map(GstFmnistAnalyser *self, GstBuffer *buffer, FmnImage *image);
void gst_fmnist_analyser_unmap(GstFmnistAnalyser *self);

/* Posts the element message `fmnist` {timestamp, stream-time, running-time, duration, objects} with n objects of the buffer's
 * GstFmnistMeta, told by their indices; nothing for n = 0. */
void gst_fmnist_analyser_post(GstFmnistAnalyser *self, GstBuffer *buffer, const guint *indices, guint n);

/* From analyse(): the time a frame takes has become another: what frames took until now is forgotten, and a LATENCY message is posted where
 * another latency was reported in a live pipeline. Frames that take longer than was reported have that done by themselves. */
void gst_fmnist_analyser_renew_latency(GstFmnistAnalyser *self);

G_END_DECLS

#endif
