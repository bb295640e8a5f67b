#include "gstfmnistsmoother.h"

#include <math.h>
#include <string.h>

#define SHORT 80.0      /* ms */
#define SHORT_SHARE 0.5 /* at most: a single frame, however long after the one before, is no other object */
#define LEAD 0.3

struct GstFmnistSmoother {
  guint n;
  GstClockTime time;
  double weight, short_weight; /* sums of the weights of all frames, the newest having 1 */
  float *mean, *short_mean;    /* n each */
};

GstFmnistSmoother *gst_fmnist_smoother_new(guint n) {
  GstFmnistSmoother *s = g_new0(GstFmnistSmoother, 1);
  s->n = n;
  s->time = GST_CLOCK_TIME_NONE;
  s->mean = g_new0(float, n);
  s->short_mean = g_new0(float, n);
  return s;
}

void gst_fmnist_smoother_free(GstFmnistSmoother *s) {
  if (s == NULL)
    return;
  g_free(s->mean);
  g_free(s->short_mean);
  g_free(s);
}

static void add(float *mean, const float *probabilities, guint n, double share) {
  for (guint i = 0; i < n; i++)
    mean[i] += (float)share * (probabilities[i] - mean[i]);
}

static guint best(const float *mean, guint n) {
  guint k = 0;
  for (guint i = 1; i < n; i++)
    k = mean[i] > mean[k] ? i : k;
  return k;
}

static gboolean is_another(const GstFmnistSmoother *s) {
  const float *now = s->short_mean;
  return now[best(now, s->n)] - now[best(s->mean, s->n)] > (float)LEAD;
}

guint gst_fmnist_smoother_update(GstFmnistSmoother *s, float *probabilities, GstClockTime time, GstClockTime frame_time,
                                 guint smoothing) {
  gboolean timed = GST_CLOCK_TIME_IS_VALID(time) && GST_CLOCK_TIME_IS_VALID(s->time) && time >= s->time;
  double ms = (double)(timed ? time - s->time : frame_time) / GST_MSECOND;
  s->time = time;
  s->weight = smoothing > 0 ? s->weight * exp(-ms / smoothing) + 1 : 1;
  s->short_weight = s->short_weight * exp(-ms / SHORT) + 1;
  add(s->mean, probabilities, s->n, 1 / s->weight);
  add(s->short_mean, probabilities, s->n,
      s->weight > 1 ? MIN(1 / s->short_weight, MAX(SHORT_SHARE, 1 / s->weight)) : 1);
  if (is_another(s)) {
    memcpy(s->mean, s->short_mean, s->n * sizeof(float));
    s->weight = s->short_weight;
  }
  memcpy(probabilities, s->mean, s->n * sizeof(float));
  return best(s->mean, s->n);
}

void gst_fmnist_smoother_miss(GstFmnistSmoother *s, GstClockTime time, GstClockTime frame_time, guint smoothing) {
  float *nothing = g_new0(float, s->n);
  gst_fmnist_smoother_update(s, nothing, time, frame_time, smoothing);
  g_free(nothing);
}

guint gst_fmnist_smoother_size(const GstFmnistSmoother *s) { return s->n; }
