/* How long an object that is not seen keeps its id. */
#include <gst/gst.h>

#include "detect/nms.h"
#include "gstfmnisttracker.h"

static const FmnBox place = {0.3, 0.3, 0.4, 0.4};

static guint see(GstFmnistTracker *t, GstClockTime now) {
  GstFmnistTrack *track;
  gst_fmnist_tracker_update(t, &place, 1, now, &track);
  return track->id;
}

/* Sees the object, then nothing in `missing` frames, then the object again. */
static gboolean is_remembered(GstClockTime frame, guint missing) {
  GstFmnistTracker *t = gst_fmnist_tracker_new();
  guint id = see(t, 0), i;
  for (i = 1; i <= missing; i++)
    gst_fmnist_tracker_update(t, NULL, 0, i * frame, NULL);
  gboolean same = see(t, i * frame) == id;
  gst_fmnist_tracker_free(t);
  return same;
}

static void test_time(void) {
  g_assert_true(is_remembered(GST_SECOND / 60, 25));
  g_assert_false(is_remembered(GST_SECOND / 60, 35));
  g_assert_true(is_remembered(GST_SECOND / 5, 1));
  g_assert_false(is_remembered(GST_SECOND / 5, 3));
  g_assert_true(is_remembered(10 * GST_SECOND, 0));
  g_assert_false(is_remembered(10 * GST_SECOND, 1));
}

static void test_no_time(void) {
  GstFmnistTracker *t = gst_fmnist_tracker_new();
  guint id = see(t, GST_CLOCK_TIME_NONE);
  g_assert_cmpuint(see(t, GST_CLOCK_TIME_NONE), ==, id);
  gst_fmnist_tracker_update(t, NULL, 0, GST_CLOCK_TIME_NONE, NULL);
  g_assert_cmpuint(see(t, GST_CLOCK_TIME_NONE), !=, id);
  gst_fmnist_tracker_free(t);
}

/* Of two boxes the one that overlaps more keeps the id, whichever comes first. */
static void test_best_overlap(void) {
  const FmnBox boxes[] = {{0.45, 0.3, 0.4, 0.4}, {0.32, 0.3, 0.4, 0.4}};
  GstFmnistTracker *t = gst_fmnist_tracker_new();
  GstFmnistTrack *tracks[2];
  guint id = see(t, 0);
  gst_fmnist_tracker_update(t, boxes, 2, GST_SECOND / 30, tracks);
  g_assert_cmpuint(tracks[1]->id, ==, id);
  g_assert_cmpuint(tracks[0]->id, !=, id);
  g_assert_true(tracks[0]->first_seen == GST_SECOND / 30 && tracks[1]->first_seen == 0);
  gst_fmnist_tracker_free(t);
}

/* Many boxes at once: each time the best of all pairs left, as one would look for it. */
static void test_many(void) {
  enum { N = 60, ROUNDS = 20 };
  GRand *rand = g_rand_new_with_seed(3);
  for (int round = 0; round < ROUNDS; round++) {
    GstFmnistTracker *t = gst_fmnist_tracker_new();
    GstFmnistTrack *tracks[N];
    FmnBox boxes[2][N];
    guint ids[N], expected[N] = {0}, pairs = 0;
    gboolean taken[N] = {FALSE};
    for (int i = 0; i < 2 * N; i++)
      boxes[i / N][i % N] = (FmnBox){g_rand_double_range(rand, 0, 0.6), g_rand_double_range(rand, 0, 0.6), 0.2, 0.2};
    gst_fmnist_tracker_update(t, boxes[0], N, 0, tracks);
    for (int i = 0; i < N; i++)
      ids[i] = tracks[i]->id;
    for (double best = 1; best > 0;) {
      int box = 0, old = 0;
      best = 0;
      for (int k = 0; k < N; k++)
        for (int i = 0; i < N; i++) {
          double overlap = taken[k] || expected[i] != 0 ? 0 : fmn_box_iou(&boxes[1][i], &boxes[0][k]);
          if (overlap > 0.3 && overlap > best) {
            best = overlap;
            box = i;
            old = k;
          }
        }
      if (best > 0) {
        taken[old] = TRUE;
        expected[box] = ids[old];
        pairs++;
      }
    }
    g_assert_cmpuint(pairs, >, N / 4);
    gst_fmnist_tracker_update(t, boxes[1], N, GST_SECOND / 30, tracks);
    for (int i = 0; i < N; i++) {
      if (expected[i] != 0)
        g_assert_cmpuint(tracks[i]->id, ==, expected[i]);
      else
        g_assert_cmpuint(tracks[i]->id, >, N); /* a new one */
    }
    gst_fmnist_tracker_free(t);
  }
  g_rand_free(rand);
}

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/tracker/time", test_time);
  g_test_add_func("/tracker/no-time", test_no_time);
  g_test_add_func("/tracker/best-overlap", test_best_overlap);
  g_test_add_func("/tracker/many", test_many);
  return g_test_run();
}
