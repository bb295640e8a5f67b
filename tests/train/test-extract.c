#include <cairo.h>
#include <glib/gstdio.h>
#include <string.h>

#include "../folder.h"
#include "error.h"
#include "image/crop.h"
#include "io/model_file.h"
#include "train/extract.h"

#define WIDTH 96
#define HEIGHT 72

static const FmnPreprocess *preprocess;
static char *photos;

static guint32 color_at(int x, int y, guint32 garment) {
  return x >= 30 && x < 60 && y >= 15 && y < 60 ? garment : 0xd8d0c8;
}

static void write_photo(const char *folder, const char *name, guint32 garment) {
  g_autofree char *dir = g_build_filename(photos, folder, NULL);
  g_autofree char *path = g_build_filename(dir, name, NULL);
  cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, HEIGHT);
  g_mkdir_with_parents(dir, 0777);
  for (int i = 0; i < WIDTH * HEIGHT; i++)
    ((guint32 *)(gpointer)cairo_image_surface_get_data(s))[i] = color_at(i % WIDTH, i / WIDTH, garment);
  cairo_surface_mark_dirty(s);
  g_assert_cmpint(cairo_surface_write_to_png(s, path), ==, CAIRO_STATUS_SUCCESS);
  cairo_surface_destroy(s);
}

static void write_text(const char *folder, const char *name, const char *text) {
  g_autofree char *path = g_build_filename(photos, folder, name, NULL);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void count_notice(const char *path, const char *why, gpointer user) {
  g_assert_true(*path && *why);
  ++*(int *)user;
}

static FmnDataset *extract(char *const *maps, FmnExtractCounts *counts, GError **error) {
  int notices = 0;
  FmnDataset *d = fmn_extract(photos, maps, preprocess, 0, count_notice, &notices, counts, error);
  g_assert_cmpint(notices, ==, counts->nothing + counts->unreadable);
  return d;
}

static void expect_error(char *const *maps, const char *message) {
  GError *error = NULL;
  FmnExtractCounts counts;
  g_assert_null(extract(maps, &counts, &error));
  g_assert_nonnull(error);
  if (!strstr(error->message, message))
    g_error("expected \"%s\" in \"%s\"", message, error->message);
  g_error_free(error);
}

/* The very bytes that segmentation and crop give for the picture in memory. */
static void test_pictures(void) {
  guint32 garments[] = {0x203060, 0x803020};
  write_photo("hat", "a.png", garments[0]);
  write_photo("Scarf", "1.png", garments[1]);
  write_photo("Scarf", ".hidden.png", 0);
  FmnExtractCounts counts;
  GError *error = NULL;
  FmnDataset *d = extract(NULL, &counts, &error);
  g_assert_no_error(error);
  g_assert_cmpint(d->n, ==, 2);
  g_assert_cmpstr(d->names[0], ==, "Scarf");
  g_assert_cmpstr(d->names[1], ==, "hat");
  g_assert_null(d->names[2]);
  g_assert_cmpmem(d->labels, 2, ((const guint8[]){0, 1}), 2);
  for (int i = 0; i < 2; i++) {
    const gsize size = (gsize)preprocess->width * (gsize)preprocess->height;
    g_autofree guint8 *expected = g_malloc(size);
    guint8 rgb[3 * WIDTH * HEIGHT];
    FmnImageFormat format;
    FmnSegmentOptions options = FMN_SEGMENT_DEFAULTS;
    const FmnObject *o;
    fmn_image_format_rgb(&format, WIDTH, HEIGHT);
    for (int k = 0; k < WIDTH * HEIGHT; k++)
      for (int c = 0; c < 3; c++)
        rgb[3 * k + c] = (guint8)(color_at(k % WIDTH, k / WIDTH, garments[1 - i]) >> (16 - 8 * c));
    FmnImage image = {&format, {rgb}, {3 * WIDTH}};
    FmnSegmenter *s = fmn_segmenter_new(&format);
    FmnSampler *sampler = fmn_sampler_new(&format);
    g_assert_cmpint(fmn_segmenter_run(s, &image, &options, &o), ==, 1);
    fmn_crop(sampler, &image, &o->box, o->mask.data ? &o->mask : NULL, preprocess, expected);
    g_assert_cmpmem(d->images + (gsize)i * size, size, expected, size);
    fmn_sampler_free(sampler);
    fmn_segmenter_free(s);
  }
  fmn_dataset_free(d);
}

/* In its own colours, covered where the garment is, with a pixel of margin; saved and loaded it is the same. */
static void test_cutouts(void) {
  enum { SIZE = 40, PLANE = SIZE * SIZE };
  const FmnPreprocess p = {.width = SIZE, .height = SIZE, .channels = FMN_CUTOUT_CHANNELS};
  g_autofree char *out = g_build_filename(photos, "cut", NULL);
  FmnExtractCounts counts;
  g_autoptr(GError) error = NULL;
  write_photo("hat", "a.png", 0x203060);
  FmnDataset *d = fmn_extract(photos, NULL, &p, 0, NULL, NULL, &counts, &error);
  g_assert_no_error(error);
  const FmnPreprocess gray = {.width = SIZE, .height = SIZE, .channels = 1, .mean = {0}, .std = {1}};
  FmnDataset *g = fmn_extract(photos, NULL, &gray, 0, NULL, NULL, &counts, &error);
  g_assert_no_error(error);
  g_assert_cmpint(d->channels, ==, FMN_CUTOUT_CHANNELS);
  const guint8 *hat = d->images + (gsize)(d->n - 1) * FMN_CUTOUT_CHANNELS * PLANE, color[3] = {0x20, 0x30, 0x60};
  int covered = 0;
  for (int i = 0; i < PLANE; i++) {
    const int x = i % SIZE, y = i / SIZE;
    const guint8 cover = hat[3 * PLANE + i];
    g_assert_true(cover == 0 || (x > 0 && y > 0 && x < SIZE - 1 && y < SIZE - 1));
    covered += cover == 255;
    for (int k = 0; k < 3 && abs(x - SIZE / 2) < 8 && abs(y - SIZE / 2) < 12; k++)
      g_assert_cmpint(abs(hat[k * PLANE + i] - color[k]), <=, 1);
  }
  g_assert_cmpint(covered, >, 23 * 34); /* 30 × 45 pixels of the photo, the longer side 38 here */
  g_assert_cmpint(covered, <=, 27 * 38);
  g_assert_true(fmn_dataset_save(d, out, FMN_SPLIT_TRAIN, &error));
  FmnDataset *again = fmn_dataset_load(out, FMN_SPLIT_TRAIN, &error);
  g_assert_no_error(error);
  const gsize size = (gsize)d->n * FMN_CUTOUT_CHANNELS * PLANE;
  g_assert_cmpint(again->channels, ==, FMN_CUTOUT_CHANNELS);
  g_assert_cmpmem(again->images, (gsize)again->n * FMN_CUTOUT_CHANNELS * PLANE, d->images, size);
  fmn_dataset_free(again);

  /* In place of a grey set, and the other way round. */
  for (int i = 0; i < 2; i++) {
    g_assert_true(fmn_dataset_save(i ? d : g, out, FMN_SPLIT_TRAIN, &error));
    again = fmn_dataset_load(out, FMN_SPLIT_TRAIN, &error);
    g_assert_no_error(error);
    g_assert_cmpint(again->channels, ==, i ? FMN_CUTOUT_CHANNELS : 1);
    fmn_dataset_free(again);
  }
  fmn_dataset_free(g);

  /* What would be read in its place is in the way. */
  g_autofree char *plain = g_build_filename(out, "train-labels-idx1-ubyte", NULL);
  g_assert_true(g_file_set_contents(plain, "mine", -1, NULL));
  g_assert_false(fmn_dataset_save(d, out, FMN_SPLIT_TRAIN, &error));
  g_assert_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT);
  g_assert_nonnull(strstr(error->message, "train-labels-idx1-ubyte"));
  fmn_dataset_free(d);
  folder_remove(out);
}

static void test_left_out(void) {
  FmnExtractCounts counts;
  write_text("hat", "b.jpg", "no picture");
  write_text("hat", "a.txt", "0 0.5 0.5 1 1"); /* a label, of which nothing is said */
  write_photo("hat", "c.png", 0xd8d0c8);
  g_autofree char *whole = g_build_filename(photos, "hat", "a.png", NULL),
                  *plain = g_build_filename(photos, "hat", "c.png", NULL),
                  *cut = g_build_filename(photos, "hat", "d.png", NULL), *png = NULL;
  gsize length;
  g_assert_true(g_file_get_contents(whole, &png, &length, NULL));
  g_assert_true(g_file_set_contents(cut, png, (gssize)length / 2, NULL));
  FmnDataset *d = extract(NULL, &counts, NULL);
  g_assert_cmpint(counts.pictures, ==, 2);
  g_assert_cmpint(counts.unreadable, ==, 2);
  g_assert_cmpint(counts.nothing, ==, 1);
  fmn_dataset_free(d);
  g_remove(plain);
  g_remove(cut);
}

static void test_maps(void) {
  FmnExtractCounts counts;
  write_photo("ankle BOOT", "a.png", 0x203020);
  write_photo("shoes", "a.png", 0x101010);
  char *const maps[] = {(char *)"hat=", (char *)"Scarf=bag", (char *)"shoes=5|Sneaker|9", NULL};
  FmnDataset *d = extract(maps, &counts, NULL);
  g_assert_cmpint(d->n, ==, 3);
  g_assert_cmpint((int)g_strv_length(d->names), ==, 11);
  g_assert_cmpstr(d->names[10], ==, "Sandal|Sneaker|Ankle boot");
  g_assert_cmpmem(d->labels, 3, ((const guint8[]){8, 9, 10}), 3); /* Scarf, ankle BOOT, shoes */
  fmn_dataset_free(d);
  char *const none[] = {(char *)"hat=", (char *)"Scarf=unknown", (char *)"shoes=", NULL};
  d = extract(none, &counts, NULL);
  g_assert_cmpstr(d->names[10], ==, "unknown");
  g_assert_cmpmem(d->labels, 2, ((const guint8[]){10, 9}), 2);
  fmn_dataset_free(d);
  expect_error((char *const[]){(char *)"Scarf=5|unknown", (char *)"hat=", NULL}, "“unknown” is no class");
  expect_error((char *const[]){(char *)"hat=", (char *)"shoes=5", NULL}, "folder “Scarf” bears no class's name");
  expect_error((char *const[]){(char *)"Scarf=", (char *)"hat=Hood", NULL}, "“Hood” is no class");
  expect_error((char *const[]){(char *)"Scarf=", (char *)"hat=10", NULL}, "“10” is no class");
  expect_error((char *const[]){(char *)"hood=1", NULL}, "no such folder");
  expect_error((char *const[]){(char *)"hat", NULL}, "expected FOLDER=CLASS");
  expect_error((char *const[]){(char *)"hat=", (char *)"Scarf=", (char *)"shoes=", (char *)"ankle BOOT=", NULL},
               "no folder for any class");
}

/* Further views are other pictures of the same garments, the same again, and go to files and back. */
static void test_views(void) {
  FmnExtractCounts counts;
  GError *error = NULL;
  char *const maps[] = {(char *)"hat=", (char *)"Scarf=bag", (char *)"shoes=", NULL};
  g_autofree char *out = g_build_filename(photos, "..", "fmnist-views", NULL);
  FmnDataset *d = fmn_extract(photos, maps, preprocess, 4, NULL, NULL, &counts, &error);
  g_assert_no_error(error);
  FmnDataset *same = fmn_extract(photos, maps, preprocess, 4, NULL, NULL, &counts, NULL),
             *plain = fmn_extract(photos, maps, preprocess, 0, NULL, NULL, &counts, NULL);
  gsize size = (gsize)preprocess->width * (gsize)preprocess->height;
  g_assert_cmpint(d->n_views, ==, 4);
  g_assert_cmpmem(d->images, (gsize)d->n * size, plain->images, (gsize)plain->n * size);
  g_assert_cmpmem(d->views, 4 * (gsize)d->n * size, same->views, 4 * (gsize)d->n * size);
  for (int i = 0; i < 4; i++)
    for (int k = -1; k < i; k++)
      g_assert_cmpint(memcmp(d->views + i * size, k < 0 ? d->images : d->views + k * size, size), !=, 0);
  g_assert_true(fmn_dataset_save(d, out, FMN_SPLIT_TRAIN, &error));
  FmnDataset *again = fmn_dataset_load(out, FMN_SPLIT_TRAIN, &error);
  g_assert_no_error(error);
  g_assert_cmpint(again->n_views, ==, 4);
  g_assert_cmpmem(d->views, 4 * (gsize)d->n * size, again->views, 4 * (gsize)d->n * size);
  g_autofree char *hash = fmn_dataset_sha256(again), *without = fmn_dataset_sha256(plain);
  g_assert_cmpstr(hash, !=, without);
  g_assert_true(fmn_dataset_save(plain, out, FMN_SPLIT_TRAIN, &error));
  fmn_dataset_free(again);
  again = fmn_dataset_load(out, FMN_SPLIT_TRAIN, &error);
  g_assert_cmpint(again->n_views, ==, 0);
  folder_remove(out);
  fmn_dataset_free(again);
  fmn_dataset_free(d);
  fmn_dataset_free(same);
  fmn_dataset_free(plain);
}

static void test_save(void) {
  FmnExtractCounts counts;
  GError *error = NULL;
  g_autofree char *out = g_build_filename(photos, "out", "data", NULL);
  char *const maps[] = {(char *)"hat=", (char *)"Scarf=bag", (char *)"shoes=5|Sneaker|9", NULL};
  FmnDataset *d = extract(maps, &counts, NULL), *again, *own;
  g_assert_true(fmn_dataset_save(d, out, FMN_SPLIT_TRAIN, &error));
  g_assert_true(fmn_dataset_save(d, out, FMN_SPLIT_TEST, &error));
  g_assert_no_error(error);
  again = fmn_dataset_load(out, FMN_SPLIT_TEST, &error);
  g_assert_no_error(error);
  g_assert_cmpmem(again->images, (gsize)again->n * 784, d->images, (gsize)d->n * 784);
  g_assert_cmpmem(again->labels, (gsize)again->n, d->labels, (gsize)d->n);
  g_assert_true(g_strv_equal((const char *const *)again->names, (const char *const *)d->names));
  g_autofree char *folder = g_build_filename(photos, "out", NULL);
  folder_remove(folder);
  g_assert_true(fmn_dataset_save(d, out, FMN_SPLIT_TRAIN, &error));
  own = extract(NULL, &counts, &error); /* "out" has become a folder of its own, without pictures */
  g_assert_no_error(error);
  g_assert_false(fmn_dataset_save(own, out, FMN_SPLIT_TRAIN, &error));
  g_assert_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT);
  g_clear_error(&error);
  g_assert_false(fmn_dataset_save(own, "/proc/none", FMN_SPLIT_TRAIN, &error));
  g_clear_error(&error);
  fmn_dataset_free(d);
  fmn_dataset_free(again);
  fmn_dataset_free(own);
}

static void test_nothing_there(void) {
  FmnExtractCounts counts;
  GError *error = NULL;
  g_assert_null(fmn_extract("/no/such/folder", NULL, preprocess, 0, NULL, NULL, &counts, &error));
  g_assert_nonnull(strstr(error->message, "/no/such/folder"));
  g_clear_error(&error);
  folder_remove(photos);
  g_mkdir_with_parents(photos, 0777);
  expect_error(NULL, "no folder for any class");
  g_autofree char *empty = g_build_filename(photos, "hat", NULL);
  g_mkdir_with_parents(empty, 0777);
  expect_error(NULL, "no picture in which a garment was found");
}

static FmnDataset *extract_scenes(const char *presets, const FmnImages *cutouts, guint64 seed, const char *message) {
  GError *error = NULL;
  FmnDataset *d = fmn_extract_scenes(presets, cutouts, 12, seed, preprocess, &error);
  g_assert_true((d == NULL) == (message != NULL));
  if (message && !strstr(error->message, message))
    g_error("expected \"%s\" in \"%s\"", message, error->message);
  g_clear_error(&error);
  return d;
}

/* Boxes of people and of nothing, each with something in it, the same for the same seed; and of cut-outs. */
static void test_scenes(void) {
  enum { UNKNOWN = 10 };
  const gsize size = (gsize)preprocess->width * (gsize)preprocess->height;
  FmnDataset *d = extract_scenes("worn,nothing", NULL, 1, NULL), *same = extract_scenes("worn,nothing", NULL, 1, NULL),
             *other = extract_scenes("worn,nothing", NULL, 2, NULL);
  g_assert_cmpint(d->n, >=, 12);
  g_assert_cmpstr(d->names[UNKNOWN], ==, "unknown");
  g_assert_null(d->names[UNKNOWN + 1]);
  g_assert_cmpmem(d->labels, d->n, same->labels, same->n);
  g_assert_cmpmem(d->images, (gsize)d->n * size, same->images, (gsize)same->n * size);
  g_assert_true(d->n != other->n || memcmp(d->images, other->images, (gsize)d->n * size) != 0);
  int unknown = 0, varied = 0;
  for (int i = 0; i < d->n; i++) {
    guint8 low = 255, high = 0;
    for (gsize k = (gsize)i * size; k < (gsize)(i + 1) * size; k++) {
      low = MIN(low, d->images[k]);
      high = MAX(high, d->images[k]);
    }
    varied += high > low + 30;
    unknown += d->labels[i] == UNKNOWN;
    g_assert_cmpint(d->labels[i], <=, UNKNOWN);
  }
  g_assert_true(unknown > 0 && unknown < 12);
  g_assert_cmpint(varied, >, d->n / 2);
  fmn_dataset_free(other);
  fmn_dataset_free(same);
  fmn_dataset_free(d);

  static guint8 cutout[4 * 32 * 32], label = 3;
  memset(cutout, 200, sizeof cutout);
  const FmnImages cutouts = {
      .n = 1, .channels = 4, .height = 32, .width = 32, .images = (const guint8 *[]){cutout}, .labels = &label};
  d = extract_scenes("photos", &cutouts, 1, NULL);
  g_assert_cmpint(d->n, >=, 12);
  for (int i = 0; i < d->n; i++)
    g_assert_true(d->labels[i] == 3 || d->labels[i] == 1); /* trousers are drawn */
  fmn_dataset_free(d);
  extract_scenes("photos,worn", NULL, 1, "photos need --data");
  extract_scenes("worn", &cutouts, 1, "leave --data out");
  extract_scenes("worn,green", NULL, 1, "photos, worn and nothing");
  extract_scenes("worn:x", NULL, 1, "worn:x");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  FmnModel *model = fmn_model_open(NULL, NULL);
  preprocess = fmn_model_preprocess(model);
  photos = folder_new();
  g_test_add_func("/extract/pictures", test_pictures);
  g_test_add_func("/extract/cutouts", test_cutouts);
  g_test_add_func("/extract/left-out", test_left_out);
  g_test_add_func("/extract/maps", test_maps);
  g_test_add_func("/extract/views", test_views);
  g_test_add_func("/extract/save", test_save);
  g_test_add_func("/extract/scenes", test_scenes);
  g_test_add_func("/extract/nothing-there", test_nothing_there);
  int status = g_test_run();
  folder_free(photos);
  fmn_model_unref(model);
  return status;
}
