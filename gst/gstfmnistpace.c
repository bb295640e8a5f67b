#include "gstfmnistpace.h"

#define DEFAULT_FRAME_TIME (GST_SECOND / 30)
#define MAX_UNSEEN (250 * GST_MSECOND) /* so long no frame is looked at when all are late */

GType gst_fmnist_live_get_type(void) {
  static gsize type = 0;
  static const GEnumValue values[] = {
      {GST_FMNIST_LIVE_AUTO, "As the source says when asked for its latency", "auto"},
      {GST_FMNIST_LIVE_ON, "Keep up with the source: the newest frame is looked at, others go on with the last result",
       "on"},
      {GST_FMNIST_LIVE_OFF, "Look at every frame, however long it takes", "off"},
      {0, NULL, NULL},
  };
  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("GstFmnistLive", values));
  return type;
}

static void learn(GstClockTime *mean, GstClockTime value, guint share) {
  *mean = *mean == 0 ? value : *mean - *mean / share + value / share;
}

void gst_fmnist_pace_reset(GstFmnistPace *p) {
  p->live = p->asked = p->upstream_live = p->aside = FALSE;
  p->last = p->earliest = p->looked = GST_CLOCK_TIME_NONE;
}

void gst_fmnist_pace_set_rate(GstFmnistPace *p, int fps_n, int fps_d) {
  p->from_caps = fps_n > 0 && fps_d > 0;
  p->frame_time = p->from_caps ? gst_util_uint64_scale_int(GST_SECOND, fps_d, fps_n) : DEFAULT_FRAME_TIME;
}

void gst_fmnist_pace_frame(GstFmnistPace *p, GstClockTime timestamp) {
  if (!p->from_caps && GST_CLOCK_TIME_IS_VALID(timestamp) && GST_CLOCK_TIME_IS_VALID(p->last) && timestamp > p->last)
    learn(&p->frame_time, CLAMP(timestamp - p->last, GST_MSECOND, GST_SECOND), 8);
  p->last = timestamp;
}

/* As GstBaseTransform has it. */
void gst_fmnist_pace_qos(GstFmnistPace *p, GstClockTimeDiff diff, GstClockTime timestamp) {
  if (!GST_CLOCK_TIME_IS_VALID(timestamp))
    p->earliest = GST_CLOCK_TIME_NONE;
  else if (diff > 0)
    p->earliest = timestamp + 2 * (GstClockTime)diff + p->frame_time;
  else
    p->earliest = timestamp > (GstClockTime)-diff ? timestamp - (GstClockTime)-diff : 0;
}

gboolean gst_fmnist_pace_is_late(GstFmnistPace *p, GstClockTime running_time) {
  if (!p->live || !GST_CLOCK_TIME_IS_VALID(p->earliest) || !GST_CLOCK_TIME_IS_VALID(running_time) ||
      running_time > p->earliest)
    return FALSE;
  if (p->cost < p->frame_time / 10) /* that is not what makes it late */
    return FALSE;
  return GST_CLOCK_TIME_IS_VALID(p->looked) && running_time >= p->looked && running_time - p->looked < MAX_UNSEEN;
}

gboolean gst_fmnist_pace_goes_aside(GstFmnistPace *p, guint n) {
  p->aside = p->live && p->cost * n > p->frame_time / (p->aside ? 3 : 2);
  return p->aside;
}

void gst_fmnist_pace_add_cost(GstFmnistPace *p, guint n, GstClockTime took) {
  learn(&p->cost, MAX(took / MAX(n, 1), 1), 8);
}

GstClockTime gst_fmnist_pace_expected(const GstFmnistPace *p) { return p->cost <= p->frame_time / 2 ? p->cost : 0; }
