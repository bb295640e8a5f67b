#include <gst/gst.h>

#include "gstfmnistclassify.h"
#include "gstfmnistjson.h"
#include "gstfmnistoverlay.h"
#include "gstfmnistsegment.h"
#include "gstfmnistyolo.h"
#include "plugin.h"

gboolean gst_fmnist_plugin_init(GstPlugin *plugin) {
  return GST_ELEMENT_REGISTER(fmnistsegment, plugin) && GST_ELEMENT_REGISTER(fmnistclassify, plugin) &&
         GST_ELEMENT_REGISTER(fmnistyolo, plugin) && GST_ELEMENT_REGISTER(fmnistoverlay, plugin) && GST_ELEMENT_REGISTER(fmnistjson, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, fmnist, "Finds garments in video and names them", gst_fmnist_plugin_init,
                  PACKAGE_VERSION, "MIT/X11", "gst-fmnist", "gst-fmnist")
