#ifndef GST_FMNIST_JSON_H
#define GST_FMNIST_JSON_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_FMNIST_JSON (gst_fmnist_json_get_type())
G_DECLARE_FINAL_TYPE(GstFmnistJson, gst_fmnist_json, GST, FMNIST_JSON, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(fmnistjson)

G_END_DECLS

#endif
