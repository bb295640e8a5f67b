/* When a frame was made, painted into it: it stays readable through an encoder, a network and a decoder. */
#ifndef TESTS_LIVE_STAMP_H
#define TESTS_LIVE_STAMP_H

#include <gst/video/video.h>

#define STAMP_BLOCK 16 /* pixels; the upper left corner has a row of 40: 32 bits of µs, 8 that check them */
#define STAMP_BITS 40

static inline guint64 stamp_code(guint32 us) {
  guint8 check = (guint8)(us ^ us >> 8 ^ us >> 16 ^ us >> 24 ^ 0x5a);
  return (guint64)check << 32 | us;
}

static inline gboolean stamp_map(GstVideoFrame *frame, GstPad *pad, GstBuffer *buffer, GstMapFlags flags) {
  GstCaps *caps = gst_pad_get_current_caps(pad);
  GstVideoInfo info;
  gboolean ok = caps != NULL && gst_video_info_from_caps(&info, caps) && info.width >= STAMP_BITS * STAMP_BLOCK &&
                info.height >= STAMP_BLOCK && gst_video_frame_map(frame, &info, buffer, flags);
  gst_clear_caps(&caps);
  return ok;
}

/* A probe for buffers of planar YUV. */
static inline GstPadProbeReturn stamp_write(GstPad *pad, GstPadProbeInfo *info, gpointer user) {
  guint64 code = stamp_code((guint32)g_get_monotonic_time());
  GstVideoFrame frame;
  info->data = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
  g_assert_true(stamp_map(&frame, pad, info->data, GST_MAP_READWRITE));
  for (int y = 0; y < STAMP_BLOCK; y++) {
    guint8 *line = (guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&frame, 0) + y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
    for (int x = 0; x < STAMP_BITS * STAMP_BLOCK; x++)
      line[x] = code >> (x / STAMP_BLOCK) & 1 ? 235 : 16;
  }
  gst_video_frame_unmap(&frame);
  return GST_PAD_PROBE_OK;
}

/* ms since then; negative: none can be read. */
static inline double stamp_age(GstPad *pad, GstBuffer *buffer) {
  guint32 now = (guint32)g_get_monotonic_time(), us;
  guint64 code = 0;
  GstVideoFrame frame;
  if (!stamp_map(&frame, pad, buffer, GST_MAP_READ))
    return -1;
  for (int i = 0; i < STAMP_BITS; i++) {
    const guint8 *middle = (const guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&frame, 0) +
                           STAMP_BLOCK / 2 * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0) + i * STAMP_BLOCK +
                           STAMP_BLOCK / 2;
    code |= (guint64)(*middle > 126) << i;
  }
  gst_video_frame_unmap(&frame);
  us = (guint32)code;
  return code == stamp_code(us) ? (guint32)(now - us) / 1000.0 : -1;
}

#endif
