#include <string.h>

#include "scene-items.h"
#include "train/extract.h"
#include "train/scene_plan.h"

/* Scenes of garments cut out of photos. */

enum { SIZE = 48, PLANE = SIZE * SIZE, CLASSES = 3 };

static const guint8 colors[CLASSES][3] = {{230, 30, 30}, {30, 220, 30}, {30, 30, 240}};
static guint8 pictures[CLASSES][FMN_CUTOUT_CHANNELS * PLANE];
static FmnImages cutouts = {.n = CLASSES, .channels = FMN_CUTOUT_CHANNELS, .height = SIZE, .width = SIZE};

/* A disc each, on a ground that must not be seen. */
static void make_cutouts(void) {
  cutouts.images = g_new(const guint8 *, CLASSES);
  cutouts.labels = g_new(guint8, CLASSES);
  for (int k = 0; k < CLASSES; k++) {
    for (int i = 0; i < PLANE; i++) {
      int x = i % SIZE - SIZE / 2, y = i / SIZE - SIZE / 2;
      gboolean inside = x * x + y * y < 22 * 22;
      for (int c = 0; c < 3; c++)
        pictures[k][c * PLANE + i] = inside ? colors[k][c] : 255 - colors[k][c];
      pictures[k][3 * PLANE + i] = inside ? 255 : 0;
    }
    cutouts.images[k] = pictures[k];
    cutouts.labels[k] = (guint8)(2 * k);
  }
}

static FmnSceneSet *photo_set(guint64 seed) {
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_PHOTOS, seed);
  o.background = FMN_BACKGROUND_PLAIN;
  return scene_set_new(&cutouts, &o);
}

/* The largest channel in the middle half of a box. */
static int main_channel(const FmnScene *s, const FmnSceneBox *b) {
  int sum[3] = {0}, best = 0, w = (int)(b->x1 - b->x0), h = (int)(b->y1 - b->y0);
  for (int y = (int)b->y0 + h / 4; y < (int)b->y1 - h / 4; y++)
    for (int x = (int)b->x0 + w / 4; x < (int)b->x1 - w / 4; x++)
      for (int c = 0; c < 3; c++)
        sum[c] += s->pixels[3 * (y * s->width + x) + c];
  for (int c = 1; c < 3; c++)
    best = sum[c] > sum[best] ? c : best;
  return best;
}

/* Laid or worn (then there may be trousers, which are drawn), a garment has its own colour, whatever the light. */
static void test_colors(void) {
  FmnSceneSet *set = photo_set(3);
  FmnScene *s = fmn_scene_new();
  int seen[CLASSES] = {0}, right = 0, n = 0, trousers = 0;
  for (guint64 i = 0; i < 60; i++) {
    fmn_scene_render(set, i, 320, 240, s);
    for (int k = 0; k < s->n_boxes; k++) {
      const FmnSceneBox *b = &s->boxes[k];
      g_assert_true(b->x0 >= 0 && b->y0 >= 0 && b->x0 < b->x1 && b->y0 < b->y1 && b->x1 <= 320 && b->y1 <= 240);
      if (b->item < 0) {
        g_assert_cmpint(b->label, ==, 1);
        trousers++;
        continue;
      }
      g_assert_cmpint(b->label, ==, cutouts.labels[b->item]);
      seen[b->item]++;
      right += main_channel(s, b) == b->item;
      n++;
    }
  }
  g_test_message("%d of %d garments in their colour, %d trousers", right, n, trousers);
  g_assert_cmpint(trousers, >, 5);
  g_assert_cmpint(MIN(MIN(seen[0], seen[1]), seen[2]), >, 20);
  g_assert_cmpint(right, >=, 0.9 * n);
  fmn_scene_free(s);
  fmn_scene_set_free(set);
}

/* People wear the photo, not its mean colour: of a cut-out that is dark above and bright below both are seen. */
static void test_cloth(void) {
  enum { ABOVE = 40, BELOW = 220 };
  static guint8 picture[FMN_CUTOUT_CHANNELS * PLANE];
  const guint8 *images[] = {picture};
  guint8 labels[] = {2}; /* of long sleeves */
  FmnImages one = {
      .n = 1, .channels = FMN_CUTOUT_CHANNELS, .height = SIZE, .width = SIZE, .images = images, .labels = labels};
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_PHOTOS, 11);
  int worn = 0, both = 0;
  for (int i = 0; i < PLANE; i++) {
    gboolean inside = i % SIZE >= 4 && i % SIZE < SIZE - 4;
    for (int c = 0; c < 3; c++)
      picture[c * PLANE + i] = i / SIZE < SIZE / 2 ? ABOVE : BELOW;
    picture[3 * PLANE + i] = inside ? 255 : 0;
  }
  o.background = FMN_BACKGROUND_PLAIN;
  o.min_size = 0.5;
  FmnSceneSet *set = scene_set_new(&one, &o);
  FmnScene *s = fmn_scene_new();
  for (guint64 i = 0; i < 60; i++) {
    fmn_scene_render(set, i, 160, 120, s);
    gboolean people = FALSE;
    for (int k = 0; k < s->n_boxes; k++)
      people |= s->boxes[k].item < 0; /* their trousers */
    for (int k = 0; people && k < s->n_boxes; k++) {
      const FmnSceneBox *b = &s->boxes[k];
      double mean[2] = {0, 0}; /* of the upper and the lower third, about the middle */
      if (b->item < 0)
        continue;
      int w = (int)(b->x1 - b->x0), h = (int)(b->y1 - b->y0), x0 = (int)b->x0 + w / 3, n = 0;
      for (int y = 0; y < h / 3; y++)
        for (int x = x0; x < x0 + w / 3; x++, n++) {
          mean[0] += s->pixels[3 * (((int)b->y0 + y) * 160 + x)];
          mean[1] += s->pixels[3 * (((int)b->y1 - 1 - y) * 160 + x)];
        }
      worn++;
      both += n > 0 && (mean[1] - mean[0]) / n > 30;
    }
  }
  g_test_message("%d of %d are darker above", both, worn);
  g_assert_cmpint(worn, >=, 10);
  g_assert_cmpint(both, >=, 0.7 * worn);
  fmn_scene_free(s);
  fmn_scene_set_free(set);
}

static void test_deterministic(void) {
  FmnSceneSet *set = photo_set(8), *again = photo_set(8);
  FmnScene *a = fmn_scene_new(), *b = fmn_scene_new();
  for (guint64 i = 0; i < 8; i++) {
    fmn_scene_render(set, i, 160, 120, a);
    fmn_scene_render(again, 7 - i, 96, 96, b);
    fmn_scene_render(again, i, 160, 120, b);
    g_assert_cmpmem(a->pixels, 3 * 160 * 120, b->pixels, 3 * 160 * 120);
    g_assert_cmpint(a->n_boxes, ==, b->n_boxes);
  }
  fmn_scene_free(a);
  fmn_scene_free(b);
  fmn_scene_set_free(set);
  fmn_scene_set_free(again);
}

static void expect_refused(FmnScenePreset preset, const FmnImages *images, const char *words) {
  g_autoptr(GError) error = NULL;
  FmnSceneOptions o = fmn_scene_options(preset, 1);
  g_assert_null(fmn_scene_set_new(images, &o, &error));
  g_assert_nonnull(error);
  g_assert_nonnull(strstr(error->message, words));
}

/* Each preset wants its own kind of items. */
static void test_items(void) {
  FmnDataset *gray = scene_items_new(10, 0, 10);
  FmnImages *items = fmn_images_from_dataset(gray);
  expect_refused(FMN_SCENE_PHOTOS, items, "extract --cutouts");
  expect_refused(FMN_SCENE_MIXED, &cutouts, "grey images");
  fmn_images_free(items);
  fmn_dataset_free(gray);
}

/* As often as the recipe says, and never without cut-outs. */
static void test_mix(void) {
  const FmnSceneRecipe recipe = {.presets = "mixed:1,photos:3", .dense = 0.5, .item_min = 20, .item_max = 90};
  FmnDataset *gray = scene_items_new(10, 0, 10);
  FmnImages *items = fmn_images_from_dataset(gray);
  g_autoptr(GError) error = NULL;
  FmnSceneSource *source = fmn_scene_source_new(items, &cutouts, TRUE, &recipe, 96, 5, &error);
  g_assert_no_error(error);
  FmnScene *s = fmn_scene_new();
  int count[FMN_N_SCENE_PRESETS] = {0};
  for (guint64 i = 0; i < 200; i++) {
    fmn_scene_source_render(source, i, s);
    count[s->preset]++;
  }
  g_assert_cmpint(count[FMN_SCENE_MIXED] + count[FMN_SCENE_PHOTOS], ==, 200);
  g_assert_cmpint(ABS(count[FMN_SCENE_PHOTOS] - 150), <, 25);
  fmn_scene_free(s);
  fmn_scene_source_free(source);
  fmn_images_free(items);
  fmn_dataset_free(gray);
}

/* People are drawn where their labels, Fashion-MNIST's, are those of the cut-outs, too. */
static void test_people(void) {
  FmnScene *s = fmn_scene_new();
  for (int people = 0; people < 2; people++) {
    FmnSceneOptions o = fmn_scene_options(FMN_SCENE_PHOTOS, 4);
    o.people = people;
    FmnSceneSet *set = fmn_scene_set_new(&cutouts, &o, NULL);
    int drawn = 0, boxes = 0;
    for (guint64 i = 0; i < 60; i++) {
      fmn_scene_render(set, i, 96, 96, s);
      for (int k = 0; k < s->n_boxes; k++, boxes++) {
        const FmnSceneBox *b = &s->boxes[k];
        gboolean own = b->item >= 0 && b->label == cutouts.labels[b->item];
        drawn += !own;
      }
    }
    g_test_message("people=%d: %d of %d boxes drawn", people, drawn, boxes);
    g_assert_cmpint(boxes, >, 60);
    g_assert_true((drawn > 0) == people);
    fmn_scene_set_free(set);
  }
  fmn_scene_free(s);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  make_cutouts();
  g_test_add_func("/scene-photos/colors", test_colors);
  g_test_add_func("/scene-photos/cloth", test_cloth);
  g_test_add_func("/scene-photos/deterministic", test_deterministic);
  g_test_add_func("/scene-photos/items", test_items);
  g_test_add_func("/scene-photos/people", test_people);
  g_test_add_func("/scene-photos/mix", test_mix);
  int status = g_test_run();
  g_free(cutouts.images);
  g_free(cutouts.labels);
  return status;
}
