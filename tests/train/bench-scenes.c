/* Milliseconds of processor time a scene takes: bench-scenes [COUNT] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "scene-items.h"

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The least of five rounds. */
static double measure(const FmnImages *items, const FmnSceneOptions *o, int width, int height, int n) {
  FmnSceneSet *set = scene_set_new(items, o);
  FmnScene *scene = fmn_scene_new();
  double best = G_MAXDOUBLE;
  for (int round = 0; round < 5; round++) {
    double start = now_ms();
    for (int i = 0; i < n; i++)
      fmn_scene_render(set, (guint64)i, width, height, scene);
    best = MIN(best, (now_ms() - start) / n);
  }
  fmn_scene_free(scene);
  fmn_scene_set_free(set);
  return best;
}

static void print(const FmnImages *items, const char *name, FmnSceneOptions *o, int n) {
  const int sizes[][2] = {{256, 256}, {416, 416}, {640, 480}};
  printf("%-9s", name);
  for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++)
    printf("  %8.2f", measure(items, o, sizes[i][0], sizes[i][1], n));
  puts("");
  fflush(stdout);
}

int main(int argc, char **argv) {
  g_autoptr(GError) error = NULL;
  int n = argc > 1 ? atoi(argv[1]) : 100;
  FmnDataset *data = fmn_dataset_load(NULL, FMN_SPLIT_TRAIN, &error);
  if (!data || n < 1) {
    fprintf(stderr, "bench-scenes: %s\n", data ? "the count must be 1 or more" : error->message);
    return 1;
  }
  FmnImages *items = fmn_images_from_dataset(data);
  puts("            256×256   416×416   640×480");
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_GREEN, 1);
  print(items, "green", &o, n);
  o = fmn_scene_options(FMN_SCENE_MIXED, 1);
  print(items, "mixed", &o, n);
  FmnSceneOptions worn = fmn_scene_options(FMN_SCENE_WORN, 1);
  print(items, "worn", &worn, n);
  for (int k = 0; k < FMN_N_BACKGROUNDS; k++) {
    o.background = (FmnBackground)k;
    print(items, fmn_scene_background_name(o.background), &o, n);
  }
  fmn_images_free(items);
  fmn_dataset_free(data);
  return 0;
}
