#include "gstfmnisttracker.h"

#include "detect/nms.h"

#define MIN_OVERLAP 0.3 /* intersection over union */
/* For so long an object that is not seen is remembered: hands pass before it, single frames fail. */
#define KEEP_TIME (500 * GST_MSECOND)

struct GstFmnistTracker {
  GPtrArray *tracks; /* of GstFmnistTrack */
  guint last_id;
};

static void track_free(gpointer data) {
  GstFmnistTrack *t = data;
  gst_fmnist_result_unref(t->result);
  gst_fmnist_smoother_free(t->smoother);
  g_free(t);
}

GstFmnistTracker *gst_fmnist_tracker_new(void) {
  GstFmnistTracker *t = g_new0(GstFmnistTracker, 1);
  t->tracks = g_ptr_array_new_with_free_func(track_free);
  return t;
}

void gst_fmnist_tracker_free(GstFmnistTracker *t) {
  if (t == NULL)
    return;
  g_ptr_array_unref(t->tracks);
  g_free(t);
}

void gst_fmnist_tracker_reset(GstFmnistTracker *t) {
  g_ptr_array_set_size(t->tracks, 0);
  t->last_id = 0;
}

typedef struct {
  double overlap;
  guint track, box;
} Pair;

/* The largest overlap first; of equals the earlier track, then the earlier box. */
static int by_overlap(gconstpointer a, gconstpointer b) {
  const Pair *p = a, *q = b;
  if (p->overlap != q->overlap)
    return p->overlap < q->overlap ? 1 : -1;
  if (p->track != q->track)
    return p->track < q->track ? -1 : 1;
  return p->box < q->box ? -1 : p->box > q->box;
}

/* Of tracks and boxes those that overlap enough to be of one object. */
static GArray *find_pairs(const GstFmnistTracker *t, const FmnBox *boxes, guint n) {
  GArray *pairs = g_array_new(FALSE, FALSE, sizeof(Pair));
  for (guint k = 0; k < t->tracks->len; k++)
    for (guint i = 0; i < n; i++) {
      Pair pair = {fmn_box_iou(&boxes[i], &((const GstFmnistTrack *)g_ptr_array_index(t->tracks, k))->box), k, i};
      if (pair.overlap > MIN_OVERLAP)
        g_array_append_val(pairs, pair);
    }
  g_array_sort(pairs, by_overlap);
  return pairs;
}

static GstFmnistTrack *track_new(GstFmnistTracker *t, GstClockTime now) {
  GstFmnistTrack *track = g_new0(GstFmnistTrack, 1);
  track->id = ++t->last_id;
  track->first_seen = track->last_seen = now;
  g_ptr_array_add(t->tracks, track);
  return track;
}

/* However slow the frames come, the one before counts; without times no other does. */
static gboolean is_forgotten(const GstFmnistTrack *track, GstClockTime now) {
  gboolean timed = GST_CLOCK_TIME_IS_VALID(now) && GST_CLOCK_TIME_IS_VALID(track->last_seen);
  return track->missed > 1 && (!timed || now > track->last_seen + KEEP_TIME);
}

void gst_fmnist_tracker_update(GstFmnistTracker *t, const FmnBox *boxes, guint n, GstClockTime now,
                               GstFmnistTrack **tracks) {
  guint i;
  GstFmnistTrack *track;
  GArray *pairs;
  for (guint k = t->tracks->len; k-- > 0;) {
    track = g_ptr_array_index(t->tracks, k);
    track->missed++;
    track->result_age++;
    if (is_forgotten(track, now))
      g_ptr_array_remove_index_fast(t->tracks, k);
  }
  for (i = 0; i < n; i++)
    tracks[i] = NULL;
  pairs = find_pairs(t, boxes, n);
  for (i = 0; i < pairs->len; i++) {
    const Pair *pair = &g_array_index(pairs, Pair, i);
    track = g_ptr_array_index(t->tracks, pair->track);
    if (track->missed == 0 || tracks[pair->box] != NULL)
      continue;
    tracks[pair->box] = track;
    track->missed = 0;
    track->last_seen = now;
    track->box = boxes[pair->box];
  }
  g_array_unref(pairs);
  for (i = 0; i < n; i++) {
    if (tracks[i] != NULL)
      continue;
    tracks[i] = track_new(t, now);
    tracks[i]->box = boxes[i];
  }
}

GstFmnistTrack *gst_fmnist_tracker_find(GstFmnistTracker *t, guint id) {
  for (guint k = 0; k < t->tracks->len; k++) {
    GstFmnistTrack *track = g_ptr_array_index(t->tracks, k);
    if (track->id == id)
      return track;
  }
  return NULL;
}

void gst_fmnist_tracker_miss(GstFmnistTracker *t, GstClockTime time, GstClockTime frame_time, guint smoothing) {
  for (guint k = 0; k < t->tracks->len; k++) {
    GstFmnistTrack *track = g_ptr_array_index(t->tracks, k);
    if (track->missed > 0 && track->smoother != NULL)
      gst_fmnist_smoother_miss(track->smoother, time, frame_time, smoothing);
  }
}

void gst_fmnist_tracker_forget_smoothers(GstFmnistTracker *t) {
  for (guint k = 0; k < t->tracks->len; k++)
    g_clear_pointer(&((GstFmnistTrack *)g_ptr_array_index(t->tracks, k))->smoother, gst_fmnist_smoother_free);
}
