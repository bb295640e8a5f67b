#ifndef GST_FMNIST_YOLO_H
#define GST_FMNIST_YOLO_H

#include "gstfmnistinference.h"

G_BEGIN_DECLS

#define GST_TYPE_FMNIST_YOLO (gst_fmnist_yolo_get_type())
G_DECLARE_FINAL_TYPE(GstFmnistYolo, gst_fmnist_yolo, GST, FMNIST_YOLO, GstFmnistInference)

GST_ELEMENT_REGISTER_DECLARE(fmnistyolo)

G_END_DECLS

#endif
