/* Times of frames; GST_CLOCK_TIME_NONE where the stream counts bytes or frames instead. */
#ifndef GST_FMNIST_TIME_H
#define GST_FMNIST_TIME_H

#include <gst/gst.h>

static inline GstClockTime gst_fmnist_stream_time(const GstSegment *segment, GstClockTime time) {
  return segment->format == GST_FORMAT_TIME ? gst_segment_to_stream_time(segment, GST_FORMAT_TIME, time)
                                            : GST_CLOCK_TIME_NONE;
}

static inline GstClockTime gst_fmnist_running_time(const GstSegment *segment, GstClockTime time) {
  return segment->format == GST_FORMAT_TIME ? gst_segment_to_running_time(segment, GST_FORMAT_TIME, time)
                                            : GST_CLOCK_TIME_NONE;
}

#endif
