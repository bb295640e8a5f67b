#include "gstfmnistanalyser.h"

#include "gstfmnistanalytics.h"
#include "gstfmnistroi.h"
#include "gstfmnisttime.h"

GST_DEBUG_CATEGORY_STATIC(fmnistanalyser_debug);
#define GST_CAT_DEFAULT fmnistanalyser_debug

#define DEFAULT_FRAME_TIME (40 * GST_MSECOND)
#define SHARE 16 /* of one frame in the running mean of times */

typedef struct {
  GstFmnistFormat *format;
  GstClockTime spent;    /* on a frame in the streaming thread: running mean; like the next under the object lock */
  GstClockTime reported; /* latency; 0: none, or the source is not live */
  gboolean renewed;      /* in the present frame, whose time is not like that of others */
  gboolean warned;       /* of an unreadable frame with these caps; for the streaming thread */
} GstFmnistAnalyserPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE(GstFmnistAnalyser, gst_fmnist_analyser, GST_TYPE_BASE_TRANSFORM)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(GST_VIDEO_FORMATS_ALL)));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(GST_VIDEO_FORMATS_ALL)));

GstFmnistFormat *gst_fmnist_analyser_format(GstFmnistAnalyser *self) {
  GstFmnistAnalyserPrivate *p = gst_fmnist_analyser_get_instance_private(self);
  return p->format;
}

const GstVideoInfo *gst_fmnist_analyser_info(GstFmnistAnalyser *self) {
  return gst_fmnist_format_info(gst_fmnist_analyser_format(self));
}

GstClockTime gst_fmnist_analyser_frame_time(GstFmnistAnalyser *self) {
  const GstVideoInfo *info = gst_fmnist_analyser_info(self);
  return info->fps_n > 0 ? gst_util_uint64_scale_int(GST_SECOND, info->fps_d, info->fps_n) : DEFAULT_FRAME_TIME;
}

GstClockTime gst_fmnist_analyser_running_time(GstFmnistAnalyser *self, GstBuffer *buffer) {
  return gst_fmnist_running_time(&GST_BASE_TRANSFORM(self)->segment, GST_BUFFER_PTS(buffer));
}

gboolean gst_fmnist_analyser_map(GstFmnistAnalyser *self, GstBuffer *buffer, FmnImage *image) {
  GstFmnistAnalyserPrivate *p = gst_fmnist_analyser_get_instance_private(self);
  const GstVideoInfo *info = gst_fmnist_analyser_info(self);
  const GstVideoMeta *meta;
  char *larger;
  if (gst_fmnist_format_map(gst_fmnist_analyser_format(self), buffer, image))
    return TRUE;
  if (p->warned) {
    GST_LOG_OBJECT(self, "another frame could not be read");
    return FALSE;
  }
  p->warned = TRUE;
  meta = gst_buffer_get_video_meta(buffer);
  larger = meta != NULL ? g_strdup_printf(", a picture of %u×%u%s", meta->width, meta->height,
                                          gst_buffer_get_video_crop_meta(buffer) != NULL
                                              ? " to be cropped; have videoconvert before this crop it"
                                              : "")
                        : g_strdup("");
  GST_ELEMENT_WARNING(self, STREAM, FORMAT, ("A frame could not be read and was let through unseen."),
                      ("expected %d×%d %s, %" G_GSIZE_FORMAT " bytes; the buffer has %" G_GSIZE_FORMAT " bytes%s",
                       info->width, info->height, GST_VIDEO_INFO_NAME(info), info->size, gst_buffer_get_size(buffer),
                       larger));
  g_free(larger);
  return FALSE;
}

void gst_fmnist_analyser_unmap(GstFmnistAnalyser *self) { gst_fmnist_format_unmap(gst_fmnist_analyser_format(self)); }

void gst_fmnist_analyser_post(GstFmnistAnalyser *self, GstBuffer *buffer, const guint *indices, guint n) {
  const GstSegment *segment = &GST_BASE_TRANSFORM(self)->segment;
  const GstVideoInfo *info = gst_fmnist_analyser_info(self);
  GstClockTime pts = GST_BUFFER_PTS(buffer);
  GstFmnistMeta *meta = gst_fmnist_meta_get(buffer);
  GstStructure *s;
  GValue list = G_VALUE_INIT;
  if (n == 0)
    return;
  gst_value_array_init(&list, n);
  for (guint i = 0; i < n; i++) {
    GValue item = G_VALUE_INIT;
    g_value_init(&item, GST_TYPE_STRUCTURE);
    g_value_take_boxed(
        &item, gst_fmnist_object_structure(gst_fmnist_meta_object(meta, indices[i]), info->width, info->height));
    gst_value_array_append_and_take_value(&list, &item);
  }
  s = gst_structure_new("fmnist", "timestamp", G_TYPE_UINT64, pts, "stream-time", G_TYPE_UINT64,
                        gst_fmnist_stream_time(segment, pts), "running-time", G_TYPE_UINT64,
                        gst_fmnist_running_time(segment, pts), "duration", G_TYPE_UINT64, GST_BUFFER_DURATION(buffer),
                        NULL);
  gst_structure_take_value(s, "objects", &list);
  gst_element_post_message(GST_ELEMENT(self), gst_message_new_element(GST_OBJECT(self), s));
}

/* Half as much again as is needed, in whole ms; locked. */
static GstClockTime latency(GstFmnistAnalyser *self) {
  GstFmnistAnalyserPrivate *p = gst_fmnist_analyser_get_instance_private(self);
  GstFmnistAnalyserClass *klass = GST_FMNIST_ANALYSER_GET_CLASS(self);
  GstClockTime expected = klass->expected != NULL ? klass->expected(self) : 0;
  GstClockTime time = MAX(expected + expected / 2 + GST_MSECOND / 2, p->spent + p->spent / 2);
  return (time + GST_MSECOND - 1) / GST_MSECOND * GST_MSECOND;
}

static void post_latency(GstFmnistAnalyser *self) {
  gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
}

static void add_spent(GstFmnistAnalyser *self, GstClockTime spent) {
  GstFmnistAnalyserPrivate *p = gst_fmnist_analyser_get_instance_private(self);
  gboolean slower;
  GST_OBJECT_LOCK(self);
  if (!p->renewed)
    p->spent = p->spent == 0 ? spent : p->spent - p->spent / SHARE + spent / SHARE;
  p->renewed = FALSE;
  slower = p->reported != 0 && p->spent > p->reported;
  if (slower) /* say so once */
    p->reported = 0;
  GST_OBJECT_UNLOCK(self);
  if (slower)
    post_latency(self);
}

void gst_fmnist_analyser_renew_latency(GstFmnistAnalyser *self) {
  GstFmnistAnalyserPrivate *p = gst_fmnist_analyser_get_instance_private(self);
  gboolean other;
  GST_OBJECT_LOCK(self);
  p->spent = 0;
  p->renewed = TRUE;
  other = p->reported != 0 && latency(self) != p->reported;
  if (other)
    p->reported = 0;
  GST_OBJECT_UNLOCK(self);
  if (other)
    post_latency(self);
}

static gboolean gst_fmnist_analyser_query(GstBaseTransform *trans, GstPadDirection direction, GstQuery *query) {
  GstFmnistAnalyser *self = GST_FMNIST_ANALYSER(trans);
  GstFmnistAnalyserPrivate *p = gst_fmnist_analyser_get_instance_private(self);
  GstClockTime min, max, own;
  gboolean live;
  if (!GST_BASE_TRANSFORM_CLASS(gst_fmnist_analyser_parent_class)->query(trans, direction, query))
    return FALSE;
  gst_fmnist_format_refuse_crop(query);
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY || direction != GST_PAD_SRC)
    return TRUE;
  gst_query_parse_latency(query, &live, &min, &max);
  GST_OBJECT_LOCK(self);
  own = live ? latency(self) : 0;
  if (p->reported == 0 || !live) /* what was distributed; who asks again, and does not distribute, changes nothing */
    p->reported = own;
  GST_OBJECT_UNLOCK(self);
  if (live)
    gst_query_set_latency(query, TRUE, min + own, GST_CLOCK_TIME_IS_VALID(max) ? max + own : max);
  GST_DEBUG_OBJECT(self, "own latency %" GST_TIME_FORMAT, GST_TIME_ARGS(own));
  return TRUE;
}

static void reset(GstFmnistAnalyser *self) {
  GstFmnistAnalyserClass *klass = GST_FMNIST_ANALYSER_GET_CLASS(self);
  if (klass->reset != NULL)
    klass->reset(self);
}

static gboolean gst_fmnist_analyser_set_caps(GstBaseTransform *trans, GstCaps *in, GstCaps *out) {
  GstFmnistAnalyser *self = GST_FMNIST_ANALYSER(trans);
  GstFmnistAnalyserPrivate *p = gst_fmnist_analyser_get_instance_private(self);
  GstVideoInfo info;
  p->warned = FALSE;
  if (!gst_video_info_from_caps(&info, in)) {
    GST_ERROR_OBJECT(self, "no raw video: %" GST_PTR_FORMAT, in);
    return FALSE;
  }
  if (MAX(info.width, info.height) > FMN_IMAGE_MAX) {
    GST_ELEMENT_ERROR(self, STREAM, FORMAT, ("Frames of %d×%d are too large.", info.width, info.height),
                      ("the longer side may be %d pixels at most; scale or crop before this", FMN_IMAGE_MAX));
    return FALSE;
  }
  gst_fmnist_format_free(p->format);
  p->format = gst_fmnist_format_new(&info);
  GST_DEBUG_OBJECT(self, "%" GST_PTR_FORMAT " is %s", in,
                   gst_fmnist_format_is_native(p->format) ? "read in place" : "unpacked");
  GST_FMNIST_ANALYSER_GET_CLASS(self)->set_format(self, gst_fmnist_format_image(p->format));
  return TRUE;
}

/* Metadata is added to a buffer of our own; a buffer that others hold too is copied without its pixels. */
static GstFlowReturn gst_fmnist_analyser_prepare_output_buffer(GstBaseTransform *trans, GstBuffer *in,
                                                               GstBuffer **out) {
  *out = gst_buffer_is_writable(in) ? in : gst_buffer_copy(in);
  return GST_FLOW_OK;
}

static GstFlowReturn gst_fmnist_analyser_transform_ip(GstBaseTransform *trans, GstBuffer *buffer) {
  GstFmnistAnalyser *self = GST_FMNIST_ANALYSER(trans);
  GstClockTime time = gst_fmnist_stream_time(&trans->segment, GST_BUFFER_PTS(buffer));
  GstClockTime start = gst_util_get_timestamp();
  const GstVideoInfo *info;
  GstFlowReturn result;
  if (gst_fmnist_analyser_format(self) == NULL) /* what passes through may come without caps */
    return GST_FLOW_NOT_NEGOTIATED;
  if (GST_CLOCK_TIME_IS_VALID(time))
    gst_object_sync_values(GST_OBJECT(self), time);
  result = GST_FMNIST_ANALYSER_GET_CLASS(self)->analyse(self, buffer);
  info = gst_fmnist_analyser_info(self);
  gst_fmnist_analytics_publish(buffer, info->width, info->height, gst_fmnist_analyser_running_time(self, buffer));
  add_spent(self, gst_util_get_timestamp() - start);
  return result;
}

static gboolean gst_fmnist_analyser_sink_event(GstBaseTransform *trans, GstEvent *event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP || GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START)
    reset(GST_FMNIST_ANALYSER(trans));
  return GST_BASE_TRANSFORM_CLASS(gst_fmnist_analyser_parent_class)->sink_event(trans, event);
}

static gboolean gst_fmnist_analyser_stop(GstBaseTransform *trans) {
  GstFmnistAnalyser *self = GST_FMNIST_ANALYSER(trans);
  GstFmnistAnalyserPrivate *p = gst_fmnist_analyser_get_instance_private(self);
  reset(self);
  g_clear_pointer(&p->format, gst_fmnist_format_free);
  GST_OBJECT_LOCK(self);
  p->spent = p->reported = 0;
  GST_OBJECT_UNLOCK(self);
  return TRUE;
}

static void gst_fmnist_analyser_finalize(GObject *object) {
  GstFmnistAnalyserPrivate *p = gst_fmnist_analyser_get_instance_private(GST_FMNIST_ANALYSER(object));
  gst_fmnist_format_free(p->format);
  G_OBJECT_CLASS(gst_fmnist_analyser_parent_class)->finalize(object);
}

static void gst_fmnist_analyser_class_init(GstFmnistAnalyserClass *klass) {
  GstBaseTransformClass *trans = GST_BASE_TRANSFORM_CLASS(klass);
  GstElementClass *element = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  G_OBJECT_CLASS(klass)->finalize = gst_fmnist_analyser_finalize;
  trans->set_caps = gst_fmnist_analyser_set_caps;
  trans->prepare_output_buffer = gst_fmnist_analyser_prepare_output_buffer;
  trans->transform_ip = gst_fmnist_analyser_transform_ip;
  trans->sink_event = gst_fmnist_analyser_sink_event;
  trans->query = gst_fmnist_analyser_query;
  trans->stop = gst_fmnist_analyser_stop;
  trans->transform_ip_on_passthrough = TRUE;
  GST_DEBUG_CATEGORY_INIT(fmnistanalyser_debug, "fmnistanalyser", 0, "formats and latency of what looks at frames");
}

/* Passing through makes ALLOCATION queries reach downstream: the buffers that upstream fills go there, so what may lie
 * in them (padded lines, told by GstVideoMeta) is for downstream to say. */
static void gst_fmnist_analyser_init(GstFmnistAnalyser *self) {
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
  gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), TRUE);
}
