/* Any numbers as what a detector says: the first 16 bytes are settings, the rest the heads' values. */
#include <math.h>
#include <string.h>

#include "detect/yolo.h"
#include "fuzz.h"

#define CLASSES 2
#define VALUES (FMN_YOLO_HEAD_ANCHORS * (CLASSES + FMN_YOLO_BOX_VALUES))

int LLVMFuzzerInitialize(int *argc, char ***argv) { return 0; }

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size) {
  static const FmnShape out[FMN_YOLO_HEADS] = {{1, VALUES, 1, 1}, {1, VALUES, 2, 2}};
  float values[FMN_YOLO_HEADS][4 * VALUES] = {{0}};
  const float *heads[FMN_YOLO_HEADS] = {values[0], values[1]};
  guint8 settings[16] = {0};
  FmnYolo yolo = {.classes = CLASSES};
  memcpy(yolo.anchors, fmn_anchors_original, sizeof yolo.anchors);
  if (size < sizeof settings)
    return 0;
  memcpy(settings, data, sizeof settings);
  data += sizeof settings;
  size -= sizeof settings;
  if (size)
    memcpy(values, data, MIN(size, sizeof values));
  FmnDetectOptions options = {settings[0] / 255.0, settings[1] / 255.0, settings[2]};
  FmnBox place = {settings[3] / 512.0, settings[4] / 512.0, (settings[5] + 1) / 512.0, (settings[6] + 1) / 512.0};
  g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(FmnDetection));
  g_autoptr(GArray) boxes = g_array_new(FALSE, FALSE, sizeof(FmnYoloBox));
  fmn_yolo_detect(&yolo, heads, out, 64, 64, &place, &options, boxes, found);
  g_assert((int)found->len <= options.max_detections);
  for (guint i = 0; i < found->len; i++) {
    const FmnDetection *d = &g_array_index(found, FmnDetection, i);
    g_assert(d->label >= 0 && d->label < CLASSES && d->confidence >= 0 && d->confidence <= 1);
    g_assert(d->box.x >= 0 && d->box.y >= 0 && d->box.w > 0 && d->box.h > 0);
    g_assert(d->box.x + d->box.w <= 1 + 1e-9 && d->box.y + d->box.h <= 1 + 1e-9);
  }
  return 0;
}
