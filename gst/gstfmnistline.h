/* A frame's objects as one line of JSON. */
#ifndef GST_FMNIST_LINE_H
#define GST_FMNIST_LINE_H

#include "gstfmnistevents.h"

G_BEGIN_DECLS

/* How many objects and foreign regions of interest the buffer has. */
guint gst_fmnist_line_count(GstBuffer *buffer);

/* Appends {"timestamp":..,"resolution":{..},"objects":[..]} and a line break; the keys are explained in
 * docs/metadata.md. */
void gst_fmnist_line_append(GString *line, GstBuffer *buffer, int width, int height);

/* The same of an event: {"timestamp":..,"resolution":{..},"event":{..}}. */
void gst_fmnist_line_append_event(GString *line, const GstFmnistEvent *event, int width, int height);

G_END_DECLS

#endif
