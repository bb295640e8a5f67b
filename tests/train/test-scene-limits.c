#include "error.h"
#include "scene-items.h"

static FmnImages *items;

/* Frames and pictures of any shape, and as many garments as there may be. */
static void test_shapes(void) {
  const int sizes[][4] = {{16, 16, 16, 16},     {16, 8192, 17, 501}, {1920, 1080, 96, 54}, {640, 480, 481, 17},
                          {480, 640, 160, 160}, {333, 777, 99, 100}, {8192, 16, 8192, 16}};
  FmnScene *scene = fmn_scene_new();
  for (gsize k = 0; k < G_N_ELEMENTS(sizes); k++) {
    FmnSceneOptions o = fmn_scene_options(FMN_SCENE_MIXED, k);
    o.frame_width = sizes[k][0];
    o.frame_height = sizes[k][1];
    o.min_items = o.max_items = FMN_SCENE_MAX_ITEMS;
    o.min_size = 0.05;
    o.max_size = 1;
    FmnSceneSet *set = scene_set_new(items, &o);
    for (guint64 i = 0; i < 12; i++) {
      fmn_scene_render(set, i, sizes[k][2], sizes[k][3], scene);
      g_assert_cmpint(scene->width, ==, sizes[k][2]);
      g_assert_cmpint(scene->height, ==, sizes[k][3]);
      check_boxes(items, scene, FMN_SCENE_MAX_ITEMS);
    }
    fmn_scene_set_free(set);
  }
  fmn_scene_free(scene);
}

/* Pictures without a garment in them, all white, of a dot, of noise up to the rim. */
static void test_odd_items(void) {
  FmnDataset *odd = scene_items_new(8, 0, 8);
  memset(odd->images, 0, 3 * SIDE * SIDE);
  memset(odd->images + SIDE * SIDE, 255, SIDE * SIDE);
  odd->images[2 * SIDE * SIDE + 400] = 255;
  for (int i = 3 * SIDE * SIDE; i < 4 * SIDE * SIDE; i++)
    odd->images[i] = (guint8)(i * 37 % 251);
  FmnImages *images = fmn_images_from_dataset(odd);
  FmnScene *scene = fmn_scene_new();
  for (int n = 1; n <= 8; n++) {
    images->n = n; /* first nothing but black ones */
    FmnSceneOptions o = fmn_scene_options(FMN_SCENE_MIXED, (guint64)n);
    FmnSceneSet *set = fmn_scene_set_new(images, &o, NULL);
    for (guint64 i = 0; i < 10; i++) {
      fmn_scene_render(set, i, 128, 96, scene);
      g_assert_true(n > 1 || scene->n_boxes == 0);
      for (int k = 0; k < scene->n_boxes; k++)
        g_assert_true(scene->boxes[k].item != 0 && scene->boxes[k].item != 2);
    }
    fmn_scene_set_free(set);
  }
  fmn_scene_free(scene);
  fmn_images_free(images);
  fmn_dataset_free(odd);
}

static void test_errors(void) {
  const struct {
    gsize offset;
    int value;
    const char *message;
  } cases[] = {{G_STRUCT_OFFSET(FmnSceneOptions, preset), 7, "preset"},
               {G_STRUCT_OFFSET(FmnSceneOptions, frame_width), 0, "width"},
               {G_STRUCT_OFFSET(FmnSceneOptions, frame_height), 1 << 20, "height"},
               {G_STRUCT_OFFSET(FmnSceneOptions, min_items), 7, "items"},
               {G_STRUCT_OFFSET(FmnSceneOptions, min_items), -1, "items"},
               {G_STRUCT_OFFSET(FmnSceneOptions, max_items), FMN_SCENE_MAX_ITEMS + 1, "items"},
               {G_STRUCT_OFFSET(FmnSceneOptions, background), 99, "background"}};
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    FmnSceneOptions o = fmn_scene_options(FMN_SCENE_MIXED, 1);
    G_STRUCT_MEMBER(int, &o, cases[i].offset) = cases[i].value;
    g_assert_null(fmn_scene_set_new(items, &o, &error));
    g_assert_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT);
    g_assert_nonnull(strstr(error->message, cases[i].message));
  }
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_MIXED, 1);
  const double bad[] = {NAN, -1, 1.5};
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
    o.jitter = bad[i];
    g_assert_null(fmn_scene_set_new(items, &o, NULL));
  }
  o.jitter = 0;
  for (int i = 0; i < 4; i++) {
    g_autoptr(GError) error = NULL;
    FmnImages none = *items;
    none.n = i == 0 ? 0 : none.n;
    none.channels = i == 1 ? 3 : 1;
    none.width = i == 2 ? 7 : SIDE;
    none.height = i == 3 ? 257 : SIDE;
    g_assert_null(fmn_scene_set_new(&none, &o, &error));
    g_assert_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED);
  }
  fmn_scene_set_free(NULL);
  fmn_scene_free(NULL);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  FmnDataset *data = scene_items_new(120, 0, 10);
  items = fmn_images_from_dataset(data);
  g_test_add_func("/scene-limits/shapes", test_shapes);
  g_test_add_func("/scene-limits/odd-items", test_odd_items);
  g_test_add_func("/scene-limits/errors", test_errors);
  int status = g_test_run();
  fmn_images_free(items);
  fmn_dataset_free(data);
  return status;
}
