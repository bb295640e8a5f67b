#include "gstfmnistfound.h"

#define SAME_PLACE 0.5 /* overlap (intersection over union) from which on two boxes are of one object */

struct GstFmnistFound {
  GArray *detections; /* of FmnDetection */
  GArray *boxes;      /* of FmnBox: theirs */
  GArray *scores;     /* of float: of each a confidence a label; empty without smoothing */
  GArray *names;      /* of GQuark */
  GstFmnistSmoothing smoothing;
  gboolean fresh; /* not steadied yet */
};

GstFmnistFound *gst_fmnist_found_new(void) {
  GstFmnistFound *f = g_new0(GstFmnistFound, 1);
  f->detections = g_array_new(FALSE, FALSE, sizeof(FmnDetection));
  f->boxes = g_array_new(FALSE, FALSE, sizeof(FmnBox));
  f->scores = g_array_new(FALSE, TRUE, sizeof(float));
  f->names = g_array_new(FALSE, FALSE, sizeof(GQuark));
  return f;
}

void gst_fmnist_found_free(GstFmnistFound *f) {
  g_array_unref(f->detections);
  g_array_unref(f->boxes);
  g_array_unref(f->scores);
  g_array_unref(f->names);
  g_free(f);
}

void gst_fmnist_found_clear(GstFmnistFound *f) {
  g_array_set_size(f->detections, 0);
  g_array_set_size(f->boxes, 0);
  g_array_set_size(f->scores, 0);
  f->fresh = FALSE;
}

/* The object that already is in the place of d, or how many there are. */
static guint place_of(const GstFmnistFound *f, const FmnDetection *d) {
  guint i = 0;
  while (i < f->boxes->len && fmn_box_iou(&g_array_index(f->boxes, FmnBox, i), &d->box) <= SAME_PLACE)
    i++;
  return i;
}

void gst_fmnist_found_set(GstFmnistFound *f, const FmnDetection *detections, guint n, guint most, const GQuark *names,
                          guint n_labels, const GstFmnistSmoothing *smoothing) {
  gst_fmnist_found_clear(f);
  g_array_set_size(f->names, 0);
  g_array_append_vals(f->names, names, n_labels);
  f->smoothing = *smoothing;
  f->fresh = smoothing->smoothing > 0;
  for (guint i = 0; i < n; i++) {
    const FmnDetection *d = &detections[i];
    guint at = f->fresh ? place_of(f, d) : i;
    if (at == f->detections->len) {
      if (f->fresh && at == most)
        continue;
      g_array_append_val(f->detections, *d);
      g_array_append_val(f->boxes, d->box);
      if (f->fresh)
        g_array_set_size(f->scores, (at + 1) * n_labels);
    }
    if (f->fresh) {
      float *score = &g_array_index(f->scores, float, at *n_labels + (guint)d->label);
      *score = MAX(*score, d->confidence);
    }
  }
}

guint gst_fmnist_found_size(const GstFmnistFound *f) { return f->detections->len; }

const FmnBox *gst_fmnist_found_boxes(const GstFmnistFound *f) { return (const FmnBox *)(gpointer)f->boxes->data; }

void gst_fmnist_found_steady(GstFmnistFound *f, GstFmnistTracker *tracker, GstFmnistTrack *const *tracks) {
  const GstFmnistSmoothing *s = &f->smoothing;
  guint n = f->names->len;
  if (f->fresh)
    gst_fmnist_tracker_miss(tracker, s->time, s->frame_time, s->smoothing);
  for (guint i = 0; i < f->detections->len && f->fresh; i++) {
    FmnDetection *d = &g_array_index(f->detections, FmnDetection, i);
    float *scores = &g_array_index(f->scores, float, i *n);
    if (tracks[i]->smoother != NULL && gst_fmnist_smoother_size(tracks[i]->smoother) != n) /* another model's */
      g_clear_pointer(&tracks[i]->smoother, gst_fmnist_smoother_free);
    if (tracks[i]->smoother == NULL)
      tracks[i]->smoother = gst_fmnist_smoother_new(n);
    d->label = (int)gst_fmnist_smoother_update(tracks[i]->smoother, scores, s->time, s->frame_time, s->smoothing);
    d->confidence = scores[d->label];
  }
  f->fresh = FALSE;
}

gboolean gst_fmnist_found_get(const GstFmnistFound *f, guint i, FmnDetection *detection, GQuark *name) {
  *detection = g_array_index(f->detections, FmnDetection, i);
  *name = g_array_index(f->names, GQuark, detection->label);
  return f->smoothing.smoothing == 0 || (double)detection->confidence > f->smoothing.threshold;
}
