#ifndef GST_FMNIST_CLASSIFY_H
#define GST_FMNIST_CLASSIFY_H

#include "gstfmnistinference.h"

G_BEGIN_DECLS

#define GST_TYPE_FMNIST_CLASSIFY (gst_fmnist_classify_get_type())
G_DECLARE_FINAL_TYPE(GstFmnistClassify, gst_fmnist_classify, GST, FMNIST_CLASSIFY, GstFmnistInference)

GST_ELEMENT_REGISTER_DECLARE(fmnistclassify)

G_END_DECLS

#endif
