#include "gstfmnistline.h"

#include <json-glib/json-glib.h>
#include <math.h>

#include "gstfmnistroi.h"

static void append_string(GString *s, const char *text) {
  char *valid = g_utf8_make_valid(text != NULL ? text : "", -1);
  JsonNode *node = json_node_init_string(json_node_alloc(), valid);
  char *quoted = json_to_string(node, FALSE);
  for (const char *c = quoted; *c != '\0'; c++) {
    if (*c == '\x1f') /* json-glib 1.6 lets this control character through */
      g_string_append(s, "\\u001f");
    else
      g_string_append_c(s, *c);
  }
  g_free(quoted);
  json_node_unref(node);
  g_free(valid);
}

/* Appends format with each %f written with six digits and a point (null: no number), each %s as a JSON string, each %d
 * as it is. */
static void append(GString *s, const char *format, ...) {
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  va_list args;
  va_start(args, format);
  for (const char *c = format; *c != '\0'; c++) {
    if (*c != '%') {
      g_string_append_c(s, *c);
      continue;
    }
    c++;
    if (*c == 'f') {
      double value = va_arg(args, double);
      g_string_append(s, isfinite(value) ? g_ascii_formatd(number, sizeof number, "%.6f", value) : "null");
    } else if (*c == 's')
      append_string(s, va_arg(args, const char *));
    else
      g_string_append_printf(s, "%d", va_arg(args, int));
  }
  va_end(args);
}

static void append_region(GString *s, const FmnBox *box, const char *roi_type, int id, int width, int height) {
  GstFmnistPixelBox p = gst_fmnist_box_pixels(box, width, height);
  append(s, "{\"x\":%d,\"y\":%d,\"w\":%d,\"h\":%d,\"roi_type\":%s,\"id\":%d", p.x, p.y, p.w, p.h, roi_type, id);
}

static void append_detection(GString *s, const FmnBox *box, double confidence, int label_id, const char *label,
                             guint frames_ago) {
  append(s, ",\"detection\":{\"bounding_box\":{\"x_min\":%f,\"x_max\":%f,\"y_min\":%f,\"y_max\":%f},", box->x,
         box->x + box->w, box->y, box->y + box->h);
  append(s, "\"confidence\":%f,\"label_id\":%d,\"label\":%s", confidence, label_id, label);
  append(s, frames_ago > 0 ? ",\"frames_ago\":%d}" : "}", (int)frames_ago);
}

static void append_classification(GString *s, const GstFmnistObject *o) {
  const GstFmnistResult *r = o->result;
  int *top = g_new(int, r->top_k);
  gst_fmnist_result_top(r, r->top_k, top);
  append(s, ",\"classification\":{\"label\":%s,\"label_id\":%d,\"confidence\":%f,\"model\":{\"name\":%s},\"top\":[",
         gst_fmnist_result_label(r), r->label_id, r->confidence, r->model_name);
  for (int i = 0; i < r->top_k; i++)
    append(s, i > 0 ? ",{\"label\":%s,\"confidence\":%f}" : "{\"label\":%s,\"confidence\":%f}",
           gst_fmnist_result_label_at(r, top[i]), (double)r->probabilities[top[i]]);
  append(s, "],\"frames_ago\":%d}", (int)o->frames_ago);
  g_free(top);
}

static void append_foreign(GString *s, const GstVideoRegionOfInterestMeta *roi, int width, int height) {
  GstStructure *detection =
      gst_video_region_of_interest_meta_get_param((GstVideoRegionOfInterestMeta *)roi, "detection");
  FmnBox box = gst_fmnist_roi_box(roi, width, height);
  const char *type = g_quark_to_string(roi->roi_type), *label = NULL;
  double confidence = 1;
  int label_id = 0;
  guint frames_ago = 0;
  append_region(s, &box, type, roi->id, width, height);
  if (detection != NULL) {
    gst_structure_get_double(detection, "confidence", &confidence);
    gst_structure_get_int(detection, "label_id", &label_id);
    gst_structure_get_uint(detection, "frames_ago", &frames_ago);
    label = gst_structure_get_string(detection, "label");
  }
  append_detection(s, &box, confidence, label_id, label != NULL ? label : type, frames_ago);
  g_string_append_c(s, '}');
}

static void append_time(GString *s, GstClockTime time) {
  if (GST_CLOCK_TIME_IS_VALID(time))
    g_string_append_printf(s, "%" G_GUINT64_FORMAT, time);
  else
    g_string_append(s, "null");
}

guint gst_fmnist_line_count(GstBuffer *buffer) {
  const GstFmnistMeta *meta = gst_fmnist_meta_get(buffer);
  guint n = meta != NULL ? gst_fmnist_meta_size(meta) : 0;
  gpointer state = NULL;
  while (gst_fmnist_roi_next_foreign(buffer, meta, &state) != NULL)
    n++;
  return n;
}

void gst_fmnist_line_append(GString *line, GstBuffer *buffer, int width, int height) {
  const GstFmnistMeta *meta = gst_fmnist_meta_get(buffer);
  const GstVideoRegionOfInterestMeta *roi;
  gpointer state = NULL;
  const char *separator = "";
  g_string_append(line, "{\"timestamp\":");
  append_time(line, GST_BUFFER_PTS(buffer));
  append(line, ",\"resolution\":{\"width\":%d,\"height\":%d},\"objects\":[", width, height);
  for (guint i = 0; meta != NULL && i < gst_fmnist_meta_size(meta); i++) {
    const GstFmnistObject *o = gst_fmnist_meta_object(meta, i);
    g_string_append(line, separator);
    append_region(line, &o->box, g_quark_to_string(o->roi_type), (int)o->id, width, height);
    append_detection(line, &o->box, o->confidence, o->label_id, g_quark_to_string(o->label), o->found_ago);
    if (o->result != NULL)
      append_classification(line, o);
    g_string_append_c(line, '}');
    separator = ",";
  }
  while ((roi = gst_fmnist_roi_next_foreign(buffer, meta, &state)) != NULL) {
    g_string_append(line, separator);
    append_foreign(line, roi, width, height);
    separator = ",";
  }
  g_string_append(line, "]}\n");
}

void gst_fmnist_line_append_event(GString *line, const GstFmnistEvent *event, int width, int height) {
  GstFmnistPixelBox b = gst_fmnist_box_pixels(&event->box, width, height);
  g_string_append(line, "{\"timestamp\":");
  append_time(line, event->time);
  append(line, ",\"resolution\":{\"width\":%d,\"height\":%d},\"event\":{\"type\":%s,\"id\":%d,\"label\":%s", width,
         height, gst_fmnist_event_name(event), (int)event->id, g_quark_to_string(event->label));
  if (event->previous != 0)
    append(line, ",\"previous\":%s", g_quark_to_string(event->previous));
  append(line, ",\"confidence\":%f,\"x\":%d,\"y\":%d,\"w\":%d,\"h\":%d,\"since\":", event->confidence, b.x, b.y, b.w,
         b.h);
  append_time(line, event->since);
  g_string_append(line, "}}\n");
}
