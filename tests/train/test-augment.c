#include <math.h>
#include <string.h>

#include "parse-augment.h"
#include "synthetic.h"

static void test_parse(void) {
  FmnAugment a = parse_augment("flip, shift:3,erase:0.25");
  g_assert_cmpfloat(a.flip, ==, 0.5);
  g_assert_cmpfloat(a.shift, ==, 3);
  g_assert_cmpfloat(a.erase, ==, 0.25);
  g_assert_cmpfloat(a.cutmix, ==, 0);
  g_autofree char *text = fmn_augment_to_string(&a);
  FmnAugment b = parse_augment(text);
  g_assert_cmpmem(&a, sizeof a, &b, sizeof b);
  a = parse_augment("none");
  g_autofree char *none = fmn_augment_to_string(&a);
  g_assert_cmpstr(none, ==, "none");
  const char *wrong[] = {"flop", "flip:2", "shift:", "shift:x", "flip,,erase", "mixup:-1", "zoom:nan", ",", "shift:1.5"};
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_false(fmn_augment_parse(wrong[i], &a, &error));
    g_assert_nonnull(strstr(error->message, "cutmix"));
  }
  g_autoptr(GError) twice = NULL;
  g_assert_false(fmn_augment_parse("flip:0.2,erase,flip:0.9", &a, &twice));
  g_assert_nonnull(strstr(twice->message, "flip is given twice"));
}

/* Moves of whole pixels against a reference for each. */
static void test_flip_shift(void) {
  FmnDataset *d = synthetic_new(1, 5);
  FmnAugment a = parse_augment("flip,shift:2");
  float out[SIDE * SIDE];
  gboolean found[2][5][5] = {0};
  for (guint64 seed = 0; seed < 600; seed++) {
    FmnRandom r = {fmn_random_derive(3, seed)};
    fmn_augment_image(&a, &r, d->images, 1, SIDE, SIDE, out);
    int matches = 0;
    for (int flip = 0; flip < 2; flip++)
      for (int dy = -2; dy <= 2; dy++)
        for (int dx = -2; dx <= 2; dx++) {
          gboolean same = TRUE;
          for (int y = 0; same && y < SIDE; y++)
            for (int x = 0; same && x < SIDE; x++) {
              int sx = (flip ? SIDE - 1 - x : x) - dx, sy = y - dy;
              int v = sx < 0 || sy < 0 || sx >= SIDE || sy >= SIDE ? 0 : d->images[sy * SIDE + sx];
              same = out[y * SIDE + x] == (float)v / 255;
            }
          if (same)
            matches++, found[flip][dy + 2][dx + 2] = TRUE;
        }
    g_assert_cmpint(matches, ==, 1);
  }
  for (int i = 0; i < 50; i++)
    g_assert_true(found[i / 25][i / 5 % 5][i % 5]);
  fmn_dataset_free(d);
}

static void fill(guint8 *image, int x0, int y0, int w, int h) {
  memset(image, 0, SIDE * SIDE);
  for (int y = y0; y < y0 + h; y++)
    memset(image + y * SIDE + x0, 200, (gsize)w);
}

/* What is low becomes two of it, within the image, most of them upright; anything else stays as it is. */
static void test_pair(void) {
  const int kept[][4] = {{8, 2, 12, 24}, {4, 4, 20, 20}, {0, 0, 0, 0}};
  FmnAugment a = parse_augment("pair:1");
  guint8 image[SIDE * SIDE];
  float out[SIDE * SIDE];
  int upright = 0;
  for (gsize i = 0; i < G_N_ELEMENTS(kept); i++) {
    FmnRandom r = {i};
    fill(image, kept[i][0], kept[i][1], kept[i][2], kept[i][3]);
    fmn_augment_image(&a, &r, image, 1, SIDE, SIDE, out);
    for (int k = 0; k < SIDE * SIDE; k++)
      g_assert_cmpfloat(out[k], ==, (float)image[k] / 255);
  }
  fill(image, 4, 9, 20, 9);
  for (guint64 seed = 0; seed < 200; seed++) {
    FmnRandom r = {fmn_random_derive(4, seed)};
    int x0 = SIDE, x1 = -1, y0 = SIDE, y1 = -1;
    double sum = 0;
    fmn_augment_image(&a, &r, image, 1, SIDE, SIDE, out);
    for (int k = 0; k < SIDE * SIDE; k++) {
      sum += (double)out[k] * 255 / 200;
      if (out[k] > 0.4f)
        x0 = MIN(x0, k % SIDE), x1 = MAX(x1, k % SIDE), y0 = MIN(y0, k / SIDE), y1 = MAX(y1, k / SIDE);
    }
    /* each between .75² and .95² of the area; they may overlap */
    g_assert_cmpfloat(sum, >, 1.5 * 0.56 * 180);
    g_assert_cmpfloat(sum, <, 2.1 * 0.91 * 180);
    g_assert_cmpint(MAX(x1 - x0, y1 - y0), >=, 14);
    upright += y1 - y0 >= x1 - x0;
  }
  g_assert_cmpint(upright, >, 90);
  g_assert_cmpint(upright, <, 199);
}

/* A turn by 90 degrees, there and the zoom by nothing, of a plane that is linear in x. */
static void test_rotate_zoom(void) {
  guint8 image[SIDE * SIDE];
  float out[SIDE * SIDE];
  for (int i = 0; i < SIDE * SIDE; i++)
    image[i] = (guint8)(40 + 6 * (i % SIDE));
  const struct {
    const char *text;
    double largest; /* change of the gradient's length */
  } cases[] = {{"rotate:30", 1e-3}, {"zoom:0.3", 0.5}};
  for (gsize k = 0; k < G_N_ELEMENTS(cases); k++) {
    FmnAugment a = parse_augment(cases[k].text);
    double low = 1e9, high = 0, slant = 0;
    for (guint64 seed = 0; seed < 50; seed++) {
      FmnRandom r = {fmn_random_derive(9, seed)};
      fmn_augment_image(&a, &r, image, 1, SIDE, SIDE, out);
      double gx = (double)(out[14 * SIDE + 18] - out[14 * SIDE + 10]) / 8,
             gy = (double)(out[18 * SIDE + 14] - out[10 * SIDE + 14]) / 8;
      double length = hypot(gx, gy) * 255 / 6;
      low = fmin(low, length);
      high = fmax(high, length);
      slant = fmax(slant, fabs(atan2(gy, gx)));
      /* The centre stays where it is. */
      g_assert_cmpfloat_with_epsilon((out[13 * SIDE + 13] + out[14 * SIDE + 14]) / 2, (40 + 6 * 13.5) / 255, 1e-3);
    }
    g_assert_cmpfloat(fmax(high - 1, 1 - low), <, cases[k].largest);
    if (k == 0) {
      g_assert_cmpfloat(slant, <, 30 * G_PI / 180 + 1e-3);
      g_assert_cmpfloat(slant, >, 20 * G_PI / 180);
    } else {
      g_assert_cmpfloat(high, >, 1.2);
      g_assert_cmpfloat(low, <, 0.85);
    }
  }
}

/* One rectangle changes, of an area within bounds; about every second image has one. */
static void test_erase(void) {
  guint8 image[SIDE * SIDE] = {0};
  float out[SIDE * SIDE];
  FmnAugment a = parse_augment("erase");
  int erased = 0;
  for (guint64 seed = 0; seed < 400; seed++) {
    FmnRandom r = {fmn_random_derive(2, seed)};
    fmn_augment_image(&a, &r, image, 1, SIDE, SIDE, out);
    int x0 = SIDE, x1 = -1, y0 = SIDE, y1 = -1, n = 0;
    for (int i = 0; i < SIDE * SIDE; i++)
      if (out[i] > 0) {
        n++;
        x0 = MIN(x0, i % SIDE), x1 = MAX(x1, i % SIDE), y0 = MIN(y0, i / SIDE), y1 = MAX(y1, i / SIDE);
      }
    if (!n)
      continue;
    erased++;
    g_assert_cmpint(n, ==, (x1 - x0 + 1) * (y1 - y0 + 1));
    g_assert_cmpint(n, >=, (int)(0.015 * SIDE * SIDE));
    g_assert_cmpint(n, <=, (int)(0.43 * SIDE * SIDE));
  }
  g_assert_cmpint(erased, >, 160);
  g_assert_cmpint(erased, <, 240);
}

static void test_mix(void) {
  float black[SIDE * SIDE], white[SIDE * SIDE];
  const char *names[] = {"cutmix:1", "mixup:0.4", "mixup:1e-12"}; /* the last: one of the two, none mixed */
  for (int k = 0; k < 3; k++) {
    FmnAugment a = parse_augment(names[k]);
    double own = 0;
    for (guint64 seed = 0; seed < 300; seed++) {
      FmnRandom r = {fmn_random_derive(6, seed)};
      FmnMix mix = fmn_augment_draw_mix(&a, &r, SIDE, SIDE);
      double sum = 0;
      for (int i = 0; i < SIDE * SIDE; i++)
        black[i] = 0, white[i] = 1;
      fmn_augment_mix(&mix, black, white, 1, SIDE, SIDE);
      for (int i = 0; i < SIDE * SIDE; i++)
        sum += (double)black[i];
      g_assert_cmpfloat_with_epsilon(1 - sum / (SIDE * SIDE), mix.own, 1e-4);
      own += mix.own / 300;
    }
    g_assert_cmpfloat(own, >, k ? 0.43 : 0.5); /* cut rectangles lose what sticks out */
    g_assert_cmpfloat(own, <, k ? 0.57 : 0.85);
  }
}

/* A garment: lighter than black, on black. */
static void draw_garment(float *image) {
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++)
      image[y * SIDE + x] = x >= 6 && x < 22 && y >= 3 && y < 25 ? 0.3f + 0.02f * (float)x : 0;
}

static void change(const char *text, guint64 seed, float *image) {
  FmnAugment a = parse_augment(text);
  FmnRandom r = {fmn_random_derive(21, seed)};
  guint8 bytes[SIDE * SIDE];
  draw_garment(image);
  for (int i = 0; i < SIDE * SIDE; i++)
    bytes[i] = (guint8)lrintf(image[i] * 255);
  fmn_augment_image(&a, &r, bytes, 1, SIDE, SIDE, image);
}

/* What cameras do: in range, the same for the same seed, another for others, and what only changes the object leaves
 * the black around it. */
static void test_camera(void) {
  static const struct {
    const char *text;
    gboolean inside; /* changes nothing but the object */
  } cases[] = {{"tone:1", TRUE},  {"negative:1", TRUE},       {"texture:1", TRUE},   {"edge:1", FALSE},
               {"blur:3", FALSE}, {"perspective:0.5", FALSE}, {"stretch:0.5", FALSE}};
  for (gsize k = 0; k < G_N_ELEMENTS(cases); k++) {
    int differ = 0;
    for (guint64 seed = 0; seed < 40; seed++) {
      float plain[SIDE * SIDE], first[SIDE * SIDE], again[SIDE * SIDE], next[SIDE * SIDE];
      draw_garment(plain);
      change(cases[k].text, seed, first);
      change(cases[k].text, seed, again);
      change(cases[k].text, seed + 1, next);
      g_assert_cmpmem(first, sizeof first, again, sizeof again);
      differ += memcmp(first, next, sizeof first) != 0;
      for (int i = 0; i < SIDE * SIDE; i++) {
        g_assert_true(first[i] >= 0 && first[i] <= 1);
        if (cases[k].inside && plain[i] == 0)
          g_assert_cmpfloat(first[i], ==, 0);
      }
    }
    g_assert_cmpint(differ, >=, strcmp(cases[k].text, "negative:1") == 0 ? 0 : 38);
  }
}

/* Each by what it is for. */
static void test_camera_kinds(void) {
  float plain[SIDE * SIDE], image[SIDE * SIDE];
  int missing = 0, added = 0, kept = 0;
  draw_garment(plain);
  change("negative:1", 1, image);
  g_assert_cmpfloat_with_epsilon(image[14 * SIDE + 8], 1 - plain[14 * SIDE + 8], 0.01);
  for (guint64 seed = 0; seed < 40; seed++) {
    change("edge:1", seed, image);
    for (int i = 0; i < SIDE * SIDE; i++) {
      missing += plain[i] > 0 && image[i] == 0;
      added += plain[i] == 0 && image[i] > 0;
      kept += plain[i] > 0 && fabsf(image[i] - plain[i]) < 0.01f;
    }
    double before = 0, after = 0;
    change("blur:3", seed, image);
    for (int i = 0; i < SIDE * SIDE; i++) {
      before += plain[i];
      after += image[i];
    }
    g_assert_cmpfloat_with_epsilon(after / before, 1, 0.02); /* light is kept */
    g_assert_cmpfloat(image[14 * SIDE + 21], <=, plain[14 * SIDE + 21] + 0.01f);
  }
  g_assert_cmpint(missing, >, 200);
  g_assert_cmpint(added, >, 200);
  g_assert_cmpint(kept, >, 40 * 16 * 22 / 2);
}

/* What turning makes of white, a little more than 1 here and there, remains a number whatever follows. */
static void test_camera_white(void) {
  guint8 white[SIDE * SIDE];
  float out[SIDE * SIDE];
  FmnAugment a = parse_augment("rotate:12,zoom:0.12,negative:1,tone:1,texture:1,blur:2");
  memset(white, 255, sizeof white);
  for (guint64 seed = 0; seed < 200; seed++) {
    FmnRandom r = {fmn_random_derive(1, seed)};
    fmn_augment_image(&a, &r, white, 1, SIDE, SIDE, out);
    for (int i = 0; i < SIDE * SIDE; i++)
      g_assert_true(out[i] >= 0 && out[i] <= 1.0001f);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/augment/parse", test_parse);
  g_test_add_func("/augment/flip-shift", test_flip_shift);
  g_test_add_func("/augment/pair", test_pair);
  g_test_add_func("/augment/rotate-zoom", test_rotate_zoom);
  g_test_add_func("/augment/erase", test_erase);
  g_test_add_func("/augment/mix", test_mix);
  g_test_add_func("/augment/camera", test_camera);
  g_test_add_func("/augment/camera-kinds", test_camera_kinds);
  g_test_add_func("/augment/camera-white", test_camera_white);
  return g_test_run();
}
