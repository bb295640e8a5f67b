#include "gstfmnistevents.h"

#include "gstfmnistroi.h"
#include "gstfmnisttime.h"

#define UNTIMED (40 * GST_MSECOND) /* a frame without timestamp comes so long after the one before */

typedef struct {
  guint id;
  GQuark label;           /* that was told; 0: none yet */
  GQuark candidate;       /* what it has been called since then; 0: label */
  GstClockTime since;     /* candidate began */
  GstClockTime last_seen; /* under any name */
  gboolean seen;          /* in the present frame */
  double confidence;
  FmnBox box;
} Garment;

struct GstFmnistEvents {
  GArray *garments; /* of Garment */
  GstClockTime time;
};

GstFmnistEvents *gst_fmnist_events_new(void) {
  GstFmnistEvents *e = g_new0(GstFmnistEvents, 1);
  e->garments = g_array_new(FALSE, TRUE, sizeof(Garment));
  e->time = GST_CLOCK_TIME_NONE;
  return e;
}

void gst_fmnist_events_free(GstFmnistEvents *e) {
  if (e == NULL)
    return;
  g_array_unref(e->garments);
  g_free(e);
}

void gst_fmnist_events_reset(GstFmnistEvents *e) {
  g_array_set_size(e->garments, 0);
  e->time = GST_CLOCK_TIME_NONE;
}

static void tell(const Garment *g, GstFmnistEventType type, GQuark label, GstClockTime time, GArray *out) {
  GstFmnistEvent event = {type,          g->id,  label, type == GST_FMNIST_CHANGE ? g->label : 0,
                          g->confidence, g->box, time,  g->since};
  if (type == GST_FMNIST_LEAVE)
    event.since = g->last_seen;
  g_array_append_val(out, event);
}

static Garment *garment_of(GstFmnistEvents *e, guint id) {
  Garment new = {.id = id, .since = GST_CLOCK_TIME_NONE};
  for (guint i = 0; i < e->garments->len; i++) {
    if (g_array_index(e->garments, Garment, i).id == id)
      return &g_array_index(e->garments, Garment, i);
  }
  g_array_append_val(e->garments, new);
  return &g_array_index(e->garments, Garment, e->garments->len - 1);
}

/* 0: not named, or unknown. */
static GQuark name_of(const GstFmnistObject *o) {
  const char *label = gst_fmnist_object_label(o);
  if (o->result != NULL ? o->result->label_id < 0 : g_strcmp0(label, GST_FMNIST_OBJECT) == 0)
    return 0;
  return g_quark_from_string(label);
}

static void see(GstFmnistEvents *e, const GstFmnistObject *o, GstClockTime delay, GArray *out) {
  GQuark name = name_of(o);
  Garment *g;
  if (name == 0)
    return;
  g = garment_of(e, o->id);
  g->seen = TRUE;
  g->last_seen = e->time;
  g->confidence = o->result != NULL ? o->result->confidence : o->confidence;
  g->box = o->box;
  if (name == g->label) {
    g->candidate = 0;
    return;
  }
  if (name != g->candidate) {
    g->candidate = name;
    g->since = e->time;
  }
  if (e->time - g->since < delay)
    return;
  tell(g, g->label != 0 ? GST_FMNIST_CHANGE : GST_FMNIST_APPEAR, name, e->time, out);
  g->label = name;
  g->candidate = 0;
}

static void miss(GstFmnistEvents *e, GstClockTime delay, GArray *out) {
  for (guint i = e->garments->len; i-- > 0;) {
    Garment *g = &g_array_index(e->garments, Garment, i);
    if (g->seen || e->time - g->last_seen < delay)
      continue;
    if (g->label != 0)
      tell(g, GST_FMNIST_LEAVE, g->label, e->time, out);
    g_array_remove_index(e->garments, i);
  }
}

void gst_fmnist_events_update(GstFmnistEvents *e, const GstFmnistMeta *meta, const guint *indices, guint n,
                              GstClockTime time, GstClockTime delay, GArray *out) {
  if (!GST_CLOCK_TIME_IS_VALID(time))
    time = GST_CLOCK_TIME_IS_VALID(e->time) ? e->time + UNTIMED : 0;
  if (GST_CLOCK_TIME_IS_VALID(e->time) && time < e->time)
    gst_fmnist_events_end(e, out);
  e->time = time;
  for (guint i = 0; i < e->garments->len; i++)
    g_array_index(e->garments, Garment, i).seen = FALSE;
  gboolean all = n == GST_FMNIST_EVENTS_ALL;
  if (meta != NULL && all)
    n = gst_fmnist_meta_size(meta);
  for (guint i = 0; meta != NULL && i < n; i++)
    see(e, gst_fmnist_meta_object(meta, all ? i : indices[i]), delay, out);
  miss(e, delay, out);
}

void gst_fmnist_events_end(GstFmnistEvents *e, GArray *out) {
  for (guint i = 0; i < e->garments->len; i++) {
    const Garment *g = &g_array_index(e->garments, Garment, i);
    if (g->label != 0)
      tell(g, GST_FMNIST_LEAVE, g->label, e->time, out);
  }
  gst_fmnist_events_reset(e);
}

const char *gst_fmnist_event_name(const GstFmnistEvent *event) {
  static const char *const names[] = {"appear", "change", "leave"};
  return names[event->type];
}

GstStructure *gst_fmnist_event_structure(const GstFmnistEvent *event, const GstSegment *segment, int width,
                                         int height) {
  GstFmnistPixelBox b = gst_fmnist_box_pixels(&event->box, width, height);
  GstStructure *s = gst_structure_new(
      "fmnist-event", "type", G_TYPE_STRING, gst_fmnist_event_name(event), "id", G_TYPE_UINT, event->id, "label",
      G_TYPE_STRING, g_quark_to_string(event->label), "confidence", G_TYPE_DOUBLE, event->confidence, "x", G_TYPE_INT,
      b.x, "y", G_TYPE_INT, b.y, "w", G_TYPE_INT, b.w, "h", G_TYPE_INT, b.h, "timestamp", G_TYPE_UINT64, event->time,
      "stream-time", G_TYPE_UINT64, gst_fmnist_stream_time(segment, event->time), "running-time", G_TYPE_UINT64,
      gst_fmnist_running_time(segment, event->time), "since", G_TYPE_UINT64, event->since, NULL);
  if (event->previous != 0)
    gst_structure_set(s, "previous", G_TYPE_STRING, g_quark_to_string(event->previous), NULL);
  return s;
}
