/* Probabilities made steady: what the average is, and when it begins anew. */
#include <math.h>

#include "gstfmnistsmoother.h"

static const float A[3] = {0.9f, 0.1f, 0}, B[3] = {0.2f, 0.7f, 0.1f};

static void update(GstFmnistSmoother *s, const float *p, double ms, float *out) {
  for (guint i = 0; i < 3; i++)
    out[i] = p[i];
  gst_fmnist_smoother_update(s, out, (GstClockTime)(ms * GST_MSECOND), 40 * GST_MSECOND, 500);
}

/* Σ exp(-age / 500) p / Σ exp(-age / 500), whatever the times. */
static void test_mean(void) {
  static const double times[] = {0, 33, 70, 100, 300, 333, 350};
  static const float values[] = {0.5f, 0.7f, 0.4f, 0.6f, 0.5f, 0.45f, 0.6f};
  GstFmnistSmoother *s = gst_fmnist_smoother_new(2);
  for (guint i = 0; i < G_N_ELEMENTS(times); i++) {
    float p[2] = {values[i], 1 - values[i]};
    double sum = 0, weights = 0;
    gst_fmnist_smoother_update(s, p, (GstClockTime)(times[i] * GST_MSECOND), 0, 500);
    for (guint k = 0; k <= i; k++) {
      double w = exp(-(times[i] - times[k]) / 500);
      sum += w * (double)values[k];
      weights += w;
    }
    g_assert_cmpfloat_with_epsilon((double)p[0], sum / weights, 1e-5);
    g_assert_cmpfloat_with_epsilon((double)p[0] + (double)p[1], 1, 1e-5);
  }
  gst_fmnist_smoother_free(s);
}

/* One frame or two of something else leave the name, at any rate; what stays is named within 300 ms. */
static void test_another(void) {
  static const double frame_ms[] = {1000 / 60.0, 1000 / 30.0, 40, 1000 / 15.0, 100};
  for (guint f = 0; f < G_N_ELEMENTS(frame_ms); f++) {
    GstFmnistSmoother *s = gst_fmnist_smoother_new(3);
    double now = 0, since;
    float p[3];
    for (; now < 2000; now += frame_ms[f])
      update(s, A, now, p);
    update(s, B, now, p);
    g_assert_cmpfloat(p[0], >, p[1]);
    for (now += frame_ms[f]; now < 4000; now += frame_ms[f])
      update(s, A, now, p);
    since = now;
    do {
      update(s, B, now, p);
      now += frame_ms[f];
    } while (p[1] < p[0]);
    g_test_message("%.0f ms a frame: another name after %.0f ms", frame_ms[f], now - since);
    g_assert_cmpfloat(now - since, <=, 300);
    gst_fmnist_smoother_free(s);
  }
}

static void test_none(void) {
  GstFmnistSmoother *s = gst_fmnist_smoother_new(3);
  for (guint i = 0; i < 10; i++) {
    const float *v = i % 2 ? A : B;
    float p[3] = {v[0], v[1], v[2]};
    gst_fmnist_smoother_update(s, p, GST_CLOCK_TIME_NONE, 0, 0);
    for (guint k = 0; k < 3; k++)
      g_assert_cmpfloat_with_epsilon((double)p[k], (double)v[k], 1e-6);
  }
  gst_fmnist_smoother_free(s);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/smoother/mean", test_mean);
  g_test_add_func("/smoother/another", test_another);
  g_test_add_func("/smoother/none", test_none);
  return g_test_run();
}
