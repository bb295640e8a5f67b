/* Memory that grows: frames with moving, coming and going objects through the elements; what the process holds after
 * the first thousand is what it holds at the end. `test-hostile-growth -m thorough` does 100,000. */
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "../detect/model.h"
#include "../elements/helper.h"

#define WARM_UP 1000
#define FRAMES 2500
#define MANY_FRAMES 100000
#define ALLOWED (1 << 20)
#define SCENES 16

static gsize resident(void) {
  unsigned long pages = 0, all;
  FILE *f = fopen("/proc/self/statm", "r");
  malloc_trim(0); /* what is free is not held */
  g_assert_true(f && fscanf(f, "%lu %lu", &all, &pages) == 2);
  fclose(f);
  return pages * (gsize)sysconf(_SC_PAGESIZE);
}

static void test_growth(gconstpointer launch) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 160, 120);
  GstHarness *h = helper_harness(launch, &info);
  GstBuffer *frames[SCENES];
  gsize before = 0, after = 0;
  guint n = g_test_thorough() ? MANY_FRAMES : FRAMES;
  for (guint i = 0; i < SCENES; i++) {
    HelperScene scene = {
        {0.03 * i, 0.02 * i, 0.2 + 0.02 * (i % 5), 0.3}, i % 7 ? 0x202040 + i * 0x050301 : 0xd8d8c8, 0xd8d8c8};
    frames[i] = helper_frame(&info, &scene, 0);
  }
  for (guint i = 0; i < n; i++) {
    gst_buffer_unref(helper_pass(h, gst_buffer_copy_deep(frames[i / 3 % SCENES]), i));
    if (i + 1 == WARM_UP)
      before = resident();
    else if (i % (n / 10) == 0 && i > WARM_UP)
      g_test_message("%u frames: %+d KiB", i, ((int)resident() - (int)before) / 1024);
  }
  after = resident();
  g_test_message("%u frames: %" G_GSIZE_FORMAT " KiB, then %+d KiB", n, before / 1024,
                 ((int)after - (int)before) / 1024);
  g_assert_cmpint((int)after - (int)before, <=, ALLOWED);
  for (guint i = 0; i < SCENES; i++)
    gst_buffer_unref(frames[i]);
  gst_harness_teardown(h);
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  g_autofree char *detector = helper_path("yolov3-tiny.safetensors");
  write_detector(detector, "size=32", "10,14 28,28 37,58 81,82 135,169 288,288");
  g_test_add_data_func("/growth/classify",
                       "fmnistsegment max-objects=3 ! fmnistclassify smoothing=300 post-events=true ! "
                       "fmnistoverlay show-mask=true show-input=true show-fps=true ! fmnistjson location=/dev/null",
                       test_growth);
  g_test_add_data_func("/growth/detect", "fmnistyolo threshold=0.3 ! fmnistoverlay ! fmnistjson location=/dev/null",
                       test_growth);
  return helper_run();
}
