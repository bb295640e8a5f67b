#include <cairo.h>
#include <unistd.h>

#include "scene-items.h"
#include "tool.h"

/* fmnist-train scenes as a user runs it: train has classes 0 to 4, test 5 to 9. */

#define SCENES(...) RUN("scenes", __VA_ARGS__)

static char *text_of(const char *dir, const char *name) {
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename(dir, name, NULL);
  char *text;
  g_file_get_contents(path, &text, NULL, &error);
  g_assert_no_error(error);
  return text;
}

static FmnDataset *load(FmnSplit split) {
  g_autoptr(GError) error = NULL;
  FmnDataset *d = fmn_dataset_load(folder, split, &error);
  g_assert_no_error(error);
  return d;
}

static void assert_png(const char *dir, const char *name, const FmnScene *scene) {
  g_autofree char *path = g_build_filename(dir, name, NULL);
  cairo_surface_t *s = cairo_image_surface_create_from_png(path);
  g_assert_cmpint(cairo_surface_status(s), ==, CAIRO_STATUS_SUCCESS);
  g_assert_cmpint(cairo_image_surface_get_width(s), ==, scene->width);
  g_assert_cmpint(cairo_image_surface_get_height(s), ==, scene->height);
  for (int y = 0; y < scene->height; y++) {
    const guint8 *p = cairo_image_surface_get_data(s) + y * cairo_image_surface_get_stride(s);
    for (int x = 0; x < scene->width; x++) {
      guint32 v;
      const guint8 *rgb = scene->pixels + 3 * (y * scene->width + x);
      memcpy(&v, p + 4 * x, 4);
      g_assert_cmphex(v & 0xffffff, ==, (guint32)(rgb[0] << 16 | rgb[1] << 8 | rgb[2]));
    }
  }
  cairo_surface_destroy(s);
}

/* The lines say what the boxes are, to half a millionth of the picture. */
static void assert_labels(const char *text, const FmnScene *scene) {
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_assert_cmpint((int)g_strv_length(lines), ==, scene->n_boxes ? scene->n_boxes + 1 : 0);
  g_assert_true(scene->n_boxes == 0 || *lines[scene->n_boxes] == 0);
  for (int i = 0; i < scene->n_boxes; i++) {
    const FmnSceneBox *b = &scene->boxes[i];
    g_auto(GStrv) words = g_strsplit(lines[i], " ", -1);
    g_assert_cmpint((int)g_strv_length(words), ==, 5);
    g_assert_cmpint((int)g_ascii_strtoll(words[0], NULL, 10), ==, b->label);
    double v[4];
    for (int k = 0; k < 4; k++) {
      v[k] = g_ascii_strtod(words[k + 1], NULL);
      g_assert_true(v[k] > 0 && v[k] <= 1);
    }
    g_assert_cmpfloat_with_epsilon((v[0] - v[2] / 2) * scene->width, b->x0, 1e-3);
    g_assert_cmpfloat_with_epsilon((v[0] + v[2] / 2) * scene->width, b->x1, 1e-3);
    g_assert_cmpfloat_with_epsilon((v[1] - v[3] / 2) * scene->height, b->y0, 1e-3);
    g_assert_cmpfloat_with_epsilon((v[1] + v[3] / 2) * scene->height, b->y1, 1e-3);
  }
}

/* Files are what the library makes, whatever the number of threads. */
static void check_preset(const char *preset, FmnScenePreset kind) {
  g_autofree char *one = folder_new(), *three = folder_new();
  g_auto(Result) a =
      SCENES("--preset", preset, "--data", folder, "--count", "7", "--seed", "11", "--out", one, "--threads", "1");
  g_auto(Result) b =
      SCENES("--preset", preset, "--data", folder, "--count", "7", "--seed", "11", "--out", three, "--threads", "3");
  g_assert_cmpint(a.status, ==, 0);
  g_assert_cmpint(b.status, ==, 0);
  g_assert_nonnull(strstr(a.out, "7 scenes"));
  FmnDataset *data = load(FMN_SPLIT_TRAIN);
  FmnImages *items = fmn_images_from_dataset(data);
  FmnSceneOptions o = fmn_scene_options(kind, 11);
  FmnSceneSet *set = fmn_scene_set_new(items, &o, NULL);
  FmnScene *scene = fmn_scene_new();
  for (int i = 0; i < 7; i++) {
    g_autofree char *png = g_strdup_printf("%06d.png", i), *txt = g_strdup_printf("%06d.txt", i);
    g_autofree char *labels = text_of(one, txt), *same = text_of(three, txt);
    fmn_scene_render(set, (guint64)i, 640, 480, scene);
    assert_png(one, png, scene);
    assert_png(three, png, scene);
    assert_labels(labels, scene);
    g_assert_cmpstr(labels, ==, same);
  }
  g_autofree char *classes = text_of(one, "classes.txt");
  g_assert_true(g_str_has_prefix(classes, "T-shirt/top\nTrouser\n") && g_str_has_suffix(classes, "\nAnkle boot\n"));
  fmn_scene_free(scene);
  fmn_scene_set_free(set);
  fmn_images_free(items);
  fmn_dataset_free(data);
  folder_remove(one);
  folder_remove(three);
}

static void test_green(void) { check_preset("green", FMN_SCENE_GREEN); }

static void test_mixed(void) { check_preset("mixed", FMN_SCENE_MIXED); }

static void test_worn(void) { check_preset("worn", FMN_SCENE_WORN); }

static void test_nothing(void) { check_preset("nothing", FMN_SCENE_NOTHING); }

static void check_split(const char *preset, const char *split, int first) {
  g_autofree char *out = folder_new();
  g_auto(Result) r = SCENES("--preset", preset, "--split", split, "--data", folder, "--count", "12", "--out", out,
                            "--width", "64", "--height", "48");
  g_assert_cmpint(r.status, ==, 0);
  int n = 0;
  for (int i = 0; i < 12; i++) {
    g_autofree char *name = g_strdup_printf("%06d.txt", i), *text = text_of(out, name);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (int k = 0; lines[k] && *lines[k]; k++, n++) {
      int label = (int)g_ascii_strtoll(lines[k], NULL, 10);
      g_assert_cmpint(label, >=, first);
      g_assert_cmpint(label, <, first + 5);
    }
  }
  g_assert_cmpint(n, >=, 12);
  folder_remove(out);
}

static void test_splits(void) {
  check_split("green", "train", 0);
  check_split("green", "test", 5);
  check_split("mixed", "train", 0);
  check_split("mixed", "test", 5);
}

/* No garment tells the splits of these apart. */
static void test_splits_without_items(void) {
  static const char *const presets[] = {"worn", "nothing"};
  for (gsize i = 0; i < G_N_ELEMENTS(presets); i++) {
    g_autofree char *train_folder = folder_new(), *test_folder = folder_new();
    const char *const folders[] = {train_folder, test_folder};
    for (int k = 0; k < 2; k++) {
      g_auto(Result) r =
          SCENES("--preset", presets[i], "--split", k ? "test" : "train", "--count", "3", "--out", folders[k]);
      g_assert_cmpint(r.status, ==, 0);
    }
    for (int k = 0; k < 3; k++) {
      g_autofree char *name = g_strdup_printf("%06d.png", k), *train = text_of(folders[0], name),
                      *test = text_of(folders[1], name);
      g_assert_cmpint(memcmp(train, test, 64), !=, 0);
    }
    folder_remove(train_folder);
    folder_remove(test_folder);
  }
}

static void test_empty_rooms(void) {
  g_autofree char *out = folder_new();
  g_auto(Result) r = SCENES("--preset", "mixed", "--items", "0", "--background", "room", "--data", folder, "--count",
                            "3", "--out", out);
  g_assert_cmpint(r.status, ==, 0);
  g_assert_nonnull(strstr(r.out, "3 scenes, 0 garments"));
  for (int i = 0; i < 3; i++) {
    g_autofree char *name = g_strdup_printf("%06d.txt", i), *text = text_of(out, name);
    g_assert_cmpstr(text, ==, "");
  }
  folder_remove(out);
}

static void test_usage(void) {
  const struct {
    const char *args[8];
    const char *message;
  } cases[] = {
      {{"scenes"}, "--preset"},
      {{"scenes", "--preset", "mixed"}, "--out"},
      {{"scenes", "--preset", "blue", "--out", "/tmp/x"}, "blue"},
      {{"scenes", "--preset", "green", "--out", "/tmp/x", "--split", "both"}, "both"},
      {{"scenes", "--preset", "green", "--out", "/tmp/x", "--count", "0"}, "--count"},
      {{"scenes", "--preset", "green", "--out", "/tmp/x", "--count", "1000001"}, "--count"},
      {{"scenes", "--preset", "green", "--out", "/tmp/x", "--seed", "-1"}, "--seed"},
      {{"scenes", "--preset", "green", "--out", "/tmp/x", "--threads", "0"}, "--threads"},
      {{"scenes", "--preset", "green", "--out", "/tmp/x", "--width", "15"}, "--width"},
      {{"scenes", "--preset", "green", "--out", "/tmp/x", "--items", "2"}, "--items"},
      {{"scenes", "--preset", "mixed", "--out", "/tmp/x", "--items", "5-2"}, "5-2"},
      {{"scenes", "--preset", "mixed", "--out", "/tmp/x", "--items", "17"}, "17"},
      {{"scenes", "--preset", "mixed", "--out", "/tmp/x", "--items", ""}, "--items"},
      {{"scenes", "--preset", "mixed", "--out", "/tmp/x", "--background", "sea"}, "sea"},
      {{"scenes", "--preset", "mixed", "--out", "/tmp/x", "stray"}, "stray"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(Result) r = run(cases[i].args);
    g_test_message("%s", r.err);
    g_assert_cmpint(r.status, ==, 2);
    g_assert_cmpstr(r.out, ==, "");
    g_assert_nonnull(strstr(r.err, cases[i].message));
  }
  g_auto(Result) help = SCENES("--help");
  g_assert_cmpint(help.status, ==, 0);
  g_assert_nonnull(strstr(help.out, "--preset"));
}

static void test_failures(void) {
  g_autofree char *out = folder_new(), *under = g_build_filename(out, "file", "scenes", NULL);
  g_autofree char *file = g_build_filename(out, "file", NULL);
  {
    g_auto(Result) r = SCENES("--preset", "green", "--data", "/nowhere", "--out", out);
    g_assert_cmpint(r.status, ==, 1);
    g_assert_nonnull(strstr(r.err, "dataset-fashion-mnist"));
  }
  g_assert_true(g_file_set_contents(file, "here already", -1, NULL));
  {
    g_auto(Result) r = SCENES("--preset", "green", "--data", folder, "--out", out, "--count", "1");
    g_assert_cmpint(r.status, ==, 1);
    g_assert_nonnull(strstr(r.err, "not empty"));
  }
  {
    g_auto(Result) r = SCENES("--preset", "green", "--data", folder, "--out", under, "--count", "1");
    g_assert_cmpint(r.status, ==, 1);
    g_assert_nonnull(strstr(r.err, under));
  }
  {
    g_auto(Result) r = SCENES("--preset", "green", "--data", folder, "--out", file, "--count", "1");
    g_assert_cmpint(r.status, ==, 1);
    g_assert_nonnull(strstr(r.err, file));
  }
  folder_remove(out);
  if (geteuid() != 0) {
    g_auto(Result) r = SCENES("--preset", "green", "--data", folder, "--out", "/sys/scenes", "--count", "1");
    g_assert_cmpint(r.status, ==, 1);
    g_assert_nonnull(strstr(r.err, "/sys/scenes"));
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  program = g_getenv("FMNIST_TRAIN");
  g_assert_nonnull(program);
  folder = folder_new();
  FmnDataset *train = scene_items_new(50, 0, 5), *test = scene_items_new(30, 5, 5);
  synthetic_write_split(folder, "train", train);
  synthetic_write_split(folder, "t10k", test);
  fmn_dataset_free(train);
  fmn_dataset_free(test);
  g_test_add_func("/scenes-tool/green", test_green);
  g_test_add_func("/scenes-tool/mixed", test_mixed);
  g_test_add_func("/scenes-tool/worn", test_worn);
  g_test_add_func("/scenes-tool/nothing", test_nothing);
  g_test_add_func("/scenes-tool/splits", test_splits);
  g_test_add_func("/scenes-tool/splits-without-items", test_splits_without_items);
  g_test_add_func("/scenes-tool/empty-rooms", test_empty_rooms);
  g_test_add_func("/scenes-tool/usage", test_usage);
  g_test_add_func("/scenes-tool/failures", test_failures);
  int status = g_test_run();
  folder_free(folder);
  return status;
}
