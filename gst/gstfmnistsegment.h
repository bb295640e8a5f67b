#ifndef GST_FMNIST_SEGMENT_H
#define GST_FMNIST_SEGMENT_H

#include "gstfmnistanalyser.h"

G_BEGIN_DECLS

#define GST_TYPE_FMNIST_SEGMENT (gst_fmnist_segment_get_type())
G_DECLARE_FINAL_TYPE(GstFmnistSegment, gst_fmnist_segment, GST, FMNIST_SEGMENT, GstFmnistAnalyser)

GST_ELEMENT_REGISTER_DECLARE(fmnistsegment)

G_END_DECLS

#endif
