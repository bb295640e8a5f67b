/* Ten classes of plain shapes, black around them. */
#ifndef TESTS_TRAIN_SCENE_ITEMS_H
#define TESTS_TRAIN_SCENE_ITEMS_H

#include "synthetic.h"
#include "train/scenes.h"

/* Half the width of class k's shape in row y, 0 where there is none. */
static inline int scene_item_half(int k, int y) {
  if (y < 3 || y > 24)
    return 0;
  return k % 2 ? 2 + k / 2 + (y - 3) / 4 : 10 - k / 2;
}

/* labels[i] = first + i mod n_classes */
static inline FmnDataset *scene_items_new(int n, int first, int n_classes) {
  FmnDataset *d = g_new0(FmnDataset, 1);
  *d = (FmnDataset){n, 1, SIDE, SIDE, g_new0(guint8, (gsize)n * SIDE * SIDE), g_new(guint8, n)};
  for (int i = 0; i < n; i++) {
    int k = first + i % n_classes;
    d->labels[i] = (guint8)k;
    for (int y = 0; y < SIDE; y++)
      for (int x = 14 - scene_item_half(k, y); x < 14 + scene_item_half(k, y); x++)
        d->images[(i * SIDE + y) * SIDE + x] = (guint8)(90 + (i * 7 + x * 3 + y) % 120);
  }
  return d;
}

static inline FmnSceneSet *scene_set_new(const FmnImages *items, const FmnSceneOptions *o) {
  g_autoptr(GError) error = NULL;
  FmnSceneSet *set = fmn_scene_set_new(items, o, &error);
  g_assert_no_error(error);
  return set;
}

static inline void check_boxes(const FmnImages *items, const FmnScene *s, int most) {
  g_assert_cmpint(s->n_boxes, >=, 0);
  g_assert_cmpint(s->n_boxes, <=, most);
  for (int i = 0; i < s->n_boxes; i++) {
    const FmnSceneBox *b = &s->boxes[i];
    g_assert_true(b->x0 >= (float)s->x && b->y0 >= (float)s->y);
    g_assert_true(b->x1 <= (float)(s->x + s->frame_width) && b->y1 <= (float)(s->y + s->frame_height));
    g_assert_true(b->x0 < b->x1 && b->y0 < b->y1);
    g_assert_true(b->visible >= 0.55f && b->visible <= 1);
    g_assert_true(b->item >= 0 && b->item < items->n);
    g_assert_cmpint(b->label, ==, items->labels[b->item]);
  }
}

#endif
