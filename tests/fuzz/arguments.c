/* Any text as what a command line may hold; the first byte chooses what reads it. */
#include "detect/yolo.h"
#include "fuzz.h"
#include "nets/nets.h"
#include "train/augment.h"
#include "train/scene_plan.h"
#include "train/schedule.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) { return 0; }

static gboolean build(const char *text, GError **error) {
  g_auto(GStrv) parts = g_strsplit(text, ":", 2);
  FmnGraph *g = fmn_net_build_bare(parts[0] ? parts[0] : "", parts[0] ? parts[1] : NULL, 10, error);
  fmn_graph_free(g);
  return g != NULL;
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size) {
  g_autoptr(GError) error = NULL;
  FmnAnchor anchors[FMN_YOLO_ANCHORS];
  FmnAugment augment = {0};
  FmnSchedule schedule = {.rate = 0.1, .epochs = 10, .steps_per_epoch = 5};
  FmnSceneMix mix;
  FmnScenePreset preset;
  FmnSizes sizes;
  if (size == 0)
    return 0;
  g_autofree char *text = fuzz_text(data + 1, size - 1);
  if (!g_utf8_validate(text, -1, NULL)) /* GOption lets no other pass */
    return 0;
  switch (data[0] % 7) {
  case 0:
    fuzz_judge(fmn_anchors_parse(text, anchors, &error), &error);
    break;
  case 1:
    fuzz_judge(fmn_augment_parse(text, &augment, &error), &error);
    break;
  case 2:
    fuzz_judge(fmn_schedule_parse(text, &schedule, &error), &error);
    break;
  case 3:
    fuzz_judge(fmn_scene_mix_parse(text, &mix, &error), &error);
    break;
  case 4:
    fuzz_judge(fmn_scene_preset_parse(text, &preset, &error), &error);
    break;
  case 5:
    fuzz_judge(fmn_sizes_parse(text, &sizes, &error), &error);
    break;
  default:
    fuzz_judge(build(text, &error), &error);
  }
  return 0;
}
