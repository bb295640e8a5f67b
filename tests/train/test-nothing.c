#include <string.h>

#include "scene-items.h"

/* Scenes without a garment. */

#define W 160
#define H 120

/* Pictures, no two alike and few of one colour, the same in any order, without boxes; also tiny and odd ones. */
static void test_pictures(FmnImages *items) {
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_NOTHING, 8);
  FmnSceneSet *set = scene_set_new(items, &o), *again = scene_set_new(items, &o);
  FmnScene *a = fmn_scene_new(), *b = fmn_scene_new();
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  int flat = 0;
  for (guint64 i = 0; i < 60; i++) {
    fmn_scene_render(set, i, W, H, a);
    fmn_scene_render(again, 59 - i, W, H, b);
    fmn_scene_render(again, i, W, H, b);
    g_assert_cmpmem(a->pixels, 3 * W * H, b->pixels, 3 * W * H);
    g_assert_cmpint(a->n_boxes, ==, 0);
    g_assert_true(g_hash_table_add(seen, g_compute_checksum_for_data(G_CHECKSUM_SHA1, a->pixels, 3 * W * H)));
    guint8 low = 255, high = 0;
    for (int k = 0; k < 3 * W * H; k++) {
      low = MIN(low, a->pixels[k]);
      high = MAX(high, a->pixels[k]);
    }
    flat += high - low < 40;
    fmn_scene_render(set, i, 17, 33, b);
    g_assert_cmpint(b->n_boxes, ==, 0);
  }
  g_assert_cmpint(flat, <, 20);
  fmn_scene_free(a);
  fmn_scene_free(b);
  fmn_scene_set_free(set);
  fmn_scene_set_free(again);
}

/* A background that is asked for is that of the rooms. */
static void test_background(FmnImages *items) {
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_NOTHING, 3);
  o.background = FMN_BACKGROUND_WOOD;
  FmnSceneSet *set = scene_set_new(items, &o);
  FmnScene *s = fmn_scene_new();
  for (guint64 i = 0; i < 5; i++) {
    fmn_scene_render(set, i, W, H, s);
    g_assert_cmpint(s->background, ==, FMN_BACKGROUND_WOOD);
  }
  fmn_scene_free(s);
  fmn_scene_set_free(set);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  FmnDataset *data = scene_items_new(20, 0, 10);
  FmnImages *items = fmn_images_from_dataset(data);
  g_test_add_data_func("/nothing/pictures", items, (GTestDataFunc)test_pictures);
  g_test_add_data_func("/nothing/background", items, (GTestDataFunc)test_background);
  int status = g_test_run();
  fmn_images_free(items);
  fmn_dataset_free(data);
  return status;
}
