#ifndef GST_FMNIST_PLUGIN_H
#define GST_FMNIST_PLUGIN_H

#include <gst/gst.h>

/* Registers the elements; plugin NULL: with this process alone. */
gboolean gst_fmnist_plugin_init(GstPlugin *plugin);

#endif
