/* How a live stream is kept up with: whether a frame is looked at in its own thread, aside, or not at all. */
#ifndef GST_FMNIST_PACE_H
#define GST_FMNIST_PACE_H

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum { GST_FMNIST_LIVE_AUTO, GST_FMNIST_LIVE_ON, GST_FMNIST_LIVE_OFF } GstFmnistLive;

#define GST_TYPE_FMNIST_LIVE (gst_fmnist_live_get_type())
GType gst_fmnist_live_get_type(void);

/* Times in ns. All of it is under the lock of whoever has it. */
typedef struct {
  gboolean live;           /* to be kept up with */
  gboolean asked;          /* upstream, */
  gboolean upstream_live;  /* and that is what it said */
  gboolean aside;          /* the last job was for a thread of its own */
  GstClockTime frame_time; /* between two frames */
  gboolean from_caps;      /* frame_time is; else it is learnt */
  GstClockTime last;       /* timestamp of the last frame */
  GstClockTime cost;       /* of one picture through the network: running mean */
  GstClockTime
      earliest; /* running time: frames up to it come too late, says downstream; GST_CLOCK_TIME_NONE: all are in time */
  GstClockTime looked; /* running time of the last frame that was looked at */
} GstFmnistPace;

/* A new stream: what is known of frames and of being live is forgotten, costs are not. */
void gst_fmnist_pace_reset(GstFmnistPace *p);
void gst_fmnist_pace_set_rate(GstFmnistPace *p, int fps_n, int fps_d); /* n = 0: unknown */
/* A frame with that timestamp has come. */
void gst_fmnist_pace_frame(GstFmnistPace *p, GstClockTime timestamp);

/* A QoS event of downstream. */
void gst_fmnist_pace_qos(GstFmnistPace *p, GstClockTimeDiff diff, GstClockTime timestamp);
/* Looking at a frame with that running time would make what is late later. */
gboolean gst_fmnist_pace_is_late(GstFmnistPace *p, GstClockTime running_time);

/* n pictures are for a thread of their own, since the streaming thread would be held up too long. */
gboolean gst_fmnist_pace_goes_aside(GstFmnistPace *p, guint n);
/* They took that long. */
void gst_fmnist_pace_add_cost(GstFmnistPace *p, guint n, GstClockTime took);

/* How long one picture will hold the streaming thread up, ns. */
GstClockTime gst_fmnist_pace_expected(const GstFmnistPace *p);

G_END_DECLS

#endif
