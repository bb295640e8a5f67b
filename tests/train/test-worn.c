#include <string.h>

#include "scene-items.h"

/* Scenes of people in clothes. */

static FmnDataset *data;
static FmnImages *items;

static void check_worn(const FmnScene *s) {
  static const gboolean worn[10] = {TRUE, TRUE, TRUE, TRUE, TRUE, FALSE, TRUE};
  g_assert_cmpint(s->n_boxes, <=, 6);
  for (int i = 0; i < s->n_boxes; i++) {
    const FmnSceneBox *b = &s->boxes[i];
    g_assert_true(b->x0 >= (float)s->x && b->y0 >= (float)s->y && b->x0 < b->x1 && b->y0 < b->y1);
    g_assert_true(b->x1 <= (float)(s->x + s->frame_width) && b->y1 <= (float)(s->y + s->frame_height));
    g_assert_true(b->visible >= 0.25f && b->visible <= 1);
    g_assert_cmpint(b->item, ==, -1);
    g_assert_true(b->label >= 0 && b->label < 10 && worn[b->label]);
  }
}

/* Every kind of garment comes, in somewhat the shares that are meant; nobody is left out of most scenes. */
static void test_kinds(void) {
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_WORN, 3);
  FmnSceneSet *set = scene_set_new(items, &o);
  FmnScene *s = fmn_scene_new();
  int count[10] = {0}, empty = 0;
  for (guint64 i = 0; i < 400; i++) {
    fmn_scene_render(set, i, 96, 72, s);
    check_worn(s);
    empty += s->n_boxes == 0;
    for (int k = 0; k < s->n_boxes; k++)
      count[s->boxes[k].label]++;
  }
  g_test_message("T-shirt %d, trousers %d, pullover %d, dress %d, coat %d, shirt %d; %d scenes without", count[0],
                 count[1], count[2], count[3], count[4], count[6], empty);
  g_assert_cmpint(count[0], >, 100);
  g_assert_cmpint(count[1], >, 80);
  g_assert_cmpint(count[2], >, 100);
  g_assert_cmpint(MIN(MIN(count[3], count[4]), count[6]), >, 25);
  g_assert_cmpint(empty, <, 20);
  fmn_scene_free(s);
  fmn_scene_set_free(set);
}

/* The same bytes again, in any order; another index, another picture. */
static void test_deterministic(void) {
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_WORN, 8);
  FmnSceneSet *set = scene_set_new(items, &o), *again = scene_set_new(items, &o);
  FmnScene *a = fmn_scene_new(), *b = fmn_scene_new();
  gsize size = 3 * 160 * 120;
  g_autofree guint8 *before = g_malloc(size);
  for (guint64 i = 0; i < 12; i++) {
    fmn_scene_render(set, i, 160, 120, a);
    g_assert_true(i == 0 || memcmp(before, a->pixels, size) != 0);
    memcpy(before, a->pixels, size);
    fmn_scene_render(again, 11 - i, 160, 120, b);
    fmn_scene_render(again, i, 160, 120, b);
    g_assert_cmpmem(a->pixels, size, b->pixels, size);
    g_assert_cmpmem(a->boxes, sizeof *a->boxes * (gsize)a->n_boxes, b->boxes, sizeof *b->boxes * (gsize)b->n_boxes);
  }
  fmn_scene_free(a);
  fmn_scene_free(b);
  fmn_scene_set_free(set);
  fmn_scene_set_free(again);
}

/* At another size the same people stand at the same places. What is hardly seen may drop out. */
static void test_sizes(void) {
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_WORN, 5);
  FmnSceneSet *set = scene_set_new(items, &o);
  FmnScene *large = fmn_scene_new(), *small = fmn_scene_new();
  int found = 0, boxes = 0;
  for (guint64 i = 0; i < 30; i++) {
    fmn_scene_render(set, i, 640, 480, large);
    fmn_scene_render(set, i, 224, 224, small);
    check_worn(large);
    check_worn(small);
    boxes += large->n_boxes;
    for (int k = 0; k < large->n_boxes; k++)
      for (int j = 0; j < small->n_boxes; j++) {
        const FmnSceneBox *l = &large->boxes[k], *s = &small->boxes[j];
        found += s->label == l->label && fabsf(s->x0 - l->x0 * 0.35f) < 3 && fabsf(s->x1 - l->x1 * 0.35f) < 3 &&
                 fabsf(s->y0 - 28 - l->y0 * 0.35f) < 3 && fabsf(s->y1 - 28 - l->y1 * 0.35f) < 3;
      }
  }
  g_assert_cmpint(boxes, >, 30);
  g_assert_cmpint(found, >=, boxes - boxes / 20);
  fmn_scene_free(large);
  fmn_scene_free(small);
  fmn_scene_set_free(set);
}

/* Empty rooms have no boxes, and are other pictures than those with people. */
static void test_empty(void) {
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_WORN, 5), none = o;
  none.min_items = none.max_items = 0;
  FmnSceneSet *set = scene_set_new(items, &o), *rooms = scene_set_new(items, &none);
  FmnScene *a = fmn_scene_new(), *b = fmn_scene_new();
  for (guint64 i = 0; i < 5; i++) {
    fmn_scene_render(set, i, 160, 120, a);
    fmn_scene_render(rooms, i, 160, 120, b);
    g_assert_cmpint(b->n_boxes, ==, 0);
    g_assert_cmpint(memcmp(a->pixels, b->pixels, 3 * 160 * 120), !=, 0);
  }
  fmn_scene_free(a);
  fmn_scene_free(b);
  fmn_scene_set_free(set);
  fmn_scene_set_free(rooms);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  data = scene_items_new(20, 0, 10);
  items = fmn_images_from_dataset(data);
  g_test_add_func("/worn/kinds", test_kinds);
  g_test_add_func("/worn/deterministic", test_deterministic);
  g_test_add_func("/worn/sizes", test_sizes);
  g_test_add_func("/worn/empty", test_empty);
  int status = g_test_run();
  fmn_images_free(items);
  fmn_dataset_free(data);
  return status;
}
