#ifndef GST_FMNIST_OVERLAY_H
#define GST_FMNIST_OVERLAY_H

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_FMNIST_OVERLAY (gst_fmnist_overlay_get_type())
G_DECLARE_FINAL_TYPE(GstFmnistOverlay, gst_fmnist_overlay, GST, FMNIST_OVERLAY, GstBin)

GST_ELEMENT_REGISTER_DECLARE(fmnistoverlay)

G_END_DECLS

#endif
