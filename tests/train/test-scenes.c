#include <stdlib.h>

#include "scene-items.h"

static FmnDataset *data;
static FmnImages *items;

static void assert_same(const FmnScene *a, const FmnScene *b) {
  gsize size = 3 * (gsize)a->width * (gsize)a->height;
  g_assert_cmpint(a->width, ==, b->width);
  g_assert_cmpint(a->height, ==, b->height);
  g_assert_cmpmem(a->pixels, size, b->pixels, size);
  g_assert_cmpint(a->n_boxes, ==, b->n_boxes);
  for (int i = 0; i < a->n_boxes; i++) {
    g_assert_cmpint(a->boxes[i].label, ==, b->boxes[i].label);
    g_assert_cmpint(a->boxes[i].item, ==, b->boxes[i].item);
    g_assert_true(a->boxes[i].x0 == b->boxes[i].x0 && a->boxes[i].y0 == b->boxes[i].y0 &&
                  a->boxes[i].x1 == b->boxes[i].x1 && a->boxes[i].y1 == b->boxes[i].y1);
    g_assert_true(a->boxes[i].visible == b->boxes[i].visible);
  }
}

/* --- determinism --- */

#define N_SCENES 24
#define N_THREADS 4

typedef struct {
  const FmnSceneSet *set;
  int first, step;
  FmnScene **expected;
} Turn;

/* Another order in each thread, one scene's memory for all. */
static gpointer render_turn(gpointer user) {
  const Turn *t = user;
  FmnScene *scene = fmn_scene_new();
  for (int i = 0, at = t->first; i < N_SCENES; i++, at = (at + t->step) % N_SCENES) {
    fmn_scene_render(t->set, (guint64)at, 160, 120, scene);
    assert_same(scene, t->expected[at]);
  }
  fmn_scene_free(scene);
  return NULL;
}

static void test_deterministic(void) {
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_MIXED, 7);
  FmnSceneSet *set = scene_set_new(items, &o);
  FmnScene *expected[N_SCENES];
  for (int i = 0; i < N_SCENES; i++) {
    expected[i] = fmn_scene_new();
    fmn_scene_render(set, (guint64)i, 160, 120, expected[i]);
  }
  const int steps[N_THREADS] = {1, 5, 7, 23};
  GThread *threads[N_THREADS];
  Turn turns[N_THREADS];
  for (int i = 0; i < N_THREADS; i++) {
    turns[i] = (Turn){set, 5 * i, steps[i], expected};
    threads[i] = g_thread_new("turn", render_turn, &turns[i]);
  }
  for (int i = 0; i < N_THREADS; i++)
    g_thread_join(threads[i]);
  /* Another seed, another index: another scene. */
  o.seed = 8;
  FmnSceneSet *other = scene_set_new(items, &o);
  FmnScene *scene = fmn_scene_new();
  fmn_scene_render(other, 0, 160, 120, scene);
  g_assert_cmpint(memcmp(scene->pixels, expected[0]->pixels, 3 * 160 * 120), !=, 0);
  g_assert_cmpint(memcmp(expected[1]->pixels, expected[0]->pixels, 3 * 160 * 120), !=, 0);
  fmn_scene_free(scene);
  fmn_scene_set_free(other);
  for (int i = 0; i < N_SCENES; i++)
    fmn_scene_free(expected[i]);
  fmn_scene_set_free(set);
}

/* --- green --- */

static const guint8 *pixel(const FmnScene *s, int x, int y) { return s->pixels + 3 * (y * s->width + x); }

/* Ten pixels a pixel of the item, linear from one's centre to the next's. */
static double enlarged(const guint8 *item, int x, int y) {
  double u = CLAMP((x + 0.5) / 10 - 0.5, 0, SIDE - 1), v = CLAMP((y + 0.5) / 10 - 0.5, 0, SIDE - 1), sum = 0;
  for (int j = 0; j < SIDE; j++)
    for (int i = 0; i < SIDE; i++)
      sum += item[j * SIDE + i] * MAX(0, 1 - fabs(u - i)) * MAX(0, 1 - fabs(v - j));
  return sum;
}

static void test_green(void) {
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_GREEN, 1);
  FmnSceneSet *set = scene_set_new(items, &o);
  FmnScene *scene = fmn_scene_new();
  for (int i = 0; i < 2 * items->n; i += 37) {
    fmn_scene_render(set, (guint64)i, 640, 480, scene);
    const FmnSceneBox *b = scene->boxes;
    const guint8 *item = items->images[i % items->n];
    g_assert_cmpint(scene->n_boxes, ==, 1);
    g_assert_cmpint(b->item, ==, i % items->n);
    g_assert_cmpint(b->label, ==, items->labels[i % items->n]);
    g_assert_true(b->x0 == 180 && b->y0 == 100 && b->x1 == 460 && b->y1 == 380);
    for (int y = 0; y < 480; y++)
      for (int x = 0; x < 640; x++) {
        const guint8 *p = pixel(scene, x, y);
        if (x < 180 || x >= 460 || y < 100 || y >= 380)
          g_assert_true(p[0] == 0 && p[1] == 255 && p[2] == 0);
        else
          g_assert_true(p[0] == p[1] && p[1] == p[2]);
      }
    for (int y = 0; y < 280; y += 3)
      for (int x = 0; x < 280; x++)
        g_assert_cmpfloat_with_epsilon(pixel(scene, 180 + x, 100 + y)[0], enlarged(item, x, y), 0.6);
  }
  fmn_scene_free(scene);
  fmn_scene_set_free(set);
}

static void test_green_jitter(void) {
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_GREEN, 1);
  float least = 1e9f, most = 0, left = 1e9f, right = 0;
  o.jitter = 1;
  FmnSceneSet *set = scene_set_new(items, &o);
  FmnScene *scene = fmn_scene_new();
  for (guint64 i = 0; i < 200; i++) {
    fmn_scene_render(set, i, 320, 240, scene);
    const FmnSceneBox *b = scene->boxes;
    g_assert_cmpint(b->label, ==, items->labels[b->item]);
    g_assert_true(b->x0 >= 0 && b->y0 >= 0 && b->x1 <= 320.001f && b->y1 <= 240.001f);
    g_assert_cmpfloat_with_epsilon(b->x1 - b->x0, b->y1 - b->y0, 0.01);
    least = MIN(least, b->x1 - b->x0);
    most = MAX(most, b->x1 - b->x0);
    left = MIN(left, b->x0);
    right = MAX(right, b->x1);
    /* green just outside of it, not within */
    int x = (int)b->x0 - 2, y = (int)(b->y0 + b->y1) / 2;
    if (x >= 0)
      g_assert_true(pixel(scene, x, y)[1] == 255 && pixel(scene, x, y)[0] == 0);
    g_assert_true(pixel(scene, x + 5, y)[1] == pixel(scene, x + 5, y)[0]);
  }
  g_assert_true(least < 85 && most > 190 && left < 20 && right > 300);
  fmn_scene_free(scene);
  fmn_scene_set_free(set);
}

/* --- mixed --- */

static int difference(const FmnScene *a, const FmnScene *b, int x, int y) {
  const guint8 *p = pixel(a, x, y), *q = pixel(b, x, y);
  return MAX(abs(p[0] - q[0]), MAX(abs(p[1] - q[1]), abs(p[2] - q[2])));
}

/* The same room without garments differs from it where these are: everywhere in the boxes' middle rows and columns'
 * ends, and hardly outside of them, where only shadows fall. */
static void test_boxes_are_tight(void) {
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_MIXED, 3);
  FmnSceneSet *full = scene_set_new(items, &o);
  o.min_items = o.max_items = 0;
  FmnSceneSet *empty = scene_set_new(items, &o);
  FmnScene *a = fmn_scene_new(), *b = fmn_scene_new();
  double inside = 0, outside = 0, n_inside = 0, n_outside = 0;
  int sides = 0, reached = 0;
  for (guint64 i = 0; i < 60; i++) {
    fmn_scene_render(full, i, 320, 240, a);
    fmn_scene_render(empty, i, 320, 240, b);
    check_boxes(items, a, 6);
    g_assert_cmpint(b->n_boxes, ==, 0);
    g_assert_cmpint(a->background, ==, b->background);
    g_autofree guint8 *in = g_new0(guint8, 320 * 240);
    for (int k = 0; k < a->n_boxes; k++) {
      const FmnSceneBox *box = &a->boxes[k];
      int most[4] = {0};
      for (int y = (int)box->y0; y < (int)box->y1; y++)
        for (int x = (int)box->x0; x < (int)box->x1; x++) {
          in[y * 320 + x] = 1;
          int d = difference(a, b, x, y);
          const gboolean near[4] = {x < (int)box->x0 + 3, x >= (int)box->x1 - 3, y < (int)box->y0 + 3,
                                    y >= (int)box->y1 - 3};
          for (int side = 0; side < 4; side++)
            most[side] = near[side] ? MAX(most[side], d) : most[side];
        }
      for (int side = 0; side < 4; side++, sides++)
        reached += most[side] > 20;
    }
    for (int y = 0; y < 240; y++)
      for (int x = 0; x < 320; x++) {
        *(in[y * 320 + x] ? &inside : &outside) += difference(a, b, x, y) > 20;
        *(in[y * 320 + x] ? &n_inside : &n_outside) += 1;
      }
  }
  g_test_message("changed inside %.3f, outside %.3f; sides reached %d of %d", inside / n_inside, outside / n_outside,
                 reached, sides);
  g_assert_cmpfloat(inside / n_inside, >, 0.5);
  g_assert_cmpfloat(outside / n_outside, <, 0.05);
  g_assert_cmpfloat(reached, >, 0.98 * sides);
  fmn_scene_free(a);
  fmn_scene_free(b);
  fmn_scene_set_free(full);
  fmn_scene_set_free(empty);
}

/* The same garments at the same places, whatever the picture's size and shape. */
static void test_sizes(void) {
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_MIXED, 5);
  FmnSceneSet *set = scene_set_new(items, &o);
  FmnScene *large = fmn_scene_new(), *small = fmn_scene_new();
  for (guint64 i = 0; i < 20; i++) {
    fmn_scene_render(set, i, 640, 480, large);
    fmn_scene_render(set, i, 224, 224, small);
    check_boxes(items, large, 6);
    check_boxes(items, small, 6);
    g_assert_cmpint(small->frame_width, ==, 224);
    g_assert_cmpint(small->frame_height, ==, 168);
    g_assert_cmpint(small->x, ==, 0);
    g_assert_cmpint(small->y, ==, 28);
    for (int x = 0; x < 224; x++)
      g_assert_true(pixel(small, x, 27)[0] == 128 && pixel(small, x, 196)[2] == 128 && pixel(small, x, 0)[1] == 128);
    g_assert_cmpint(small->n_boxes, ==, large->n_boxes);
    for (int k = 0; k < small->n_boxes; k++) {
      const FmnSceneBox *s = &small->boxes[k], *l = &large->boxes[k];
      g_assert_cmpint(s->item, ==, l->item);
      g_assert_true(s->visible == l->visible);
      g_assert_cmpfloat_with_epsilon(s->x0, l->x0 * 0.35f, 3);
      g_assert_cmpfloat_with_epsilon(s->x1, l->x1 * 0.35f, 3);
      g_assert_cmpfloat_with_epsilon(s->y0, 28 + l->y0 * 0.35f, 3);
      g_assert_cmpfloat_with_epsilon(s->y1, 28 + l->y1 * 0.35f, 3);
    }
  }
  fmn_scene_free(large);
  fmn_scene_free(small);
  fmn_scene_set_free(set);
}

/* Classes that are rare among the images are not rare in the scenes. */
static void test_balance(void) {
  FmnDataset *uneven = scene_items_new(400, 0, 10);
  for (int i = 0; i < uneven->n; i++)
    if (uneven->labels[i] >= 4 && i >= 20)
      uneven->labels[i] = 0; /* class 0: over half of them; 4 to 9: two each */
  FmnImages *images = fmn_images_from_dataset(uneven);
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_MIXED, 1);
  FmnSceneSet *set = fmn_scene_set_new(images, &o, NULL);
  FmnScene *scene = fmn_scene_new();
  int count[10] = {0}, sum = 0, fullest = 0;
  for (guint64 i = 0; i < 600; i++) {
    fmn_scene_render(set, i, 64, 48, scene);
    g_assert_cmpint(scene->n_boxes, >=, 1);
    fullest += scene->n_boxes == 6;
    for (int k = 0; k < scene->n_boxes; k++, sum++)
      count[scene->boxes[k].label]++;
  }
  g_assert_cmpint(sum, >, 1500);
  g_assert_cmpint(fullest, >, 30);
  for (int k = 0; k < 10; k++) {
    g_test_message("class %d: %d of %d", k, count[k], sum);
    g_assert_cmpfloat_with_epsilon((double)count[k] / sum, 0.1, 0.03);
  }
  fmn_scene_free(scene);
  fmn_scene_set_free(set);
  fmn_images_free(images);
  fmn_dataset_free(uneven);
}

static void test_backgrounds(void) {
  FmnSceneOptions o = fmn_scene_options(FMN_SCENE_MIXED, 2);
  FmnScene *scene = fmn_scene_new();
  int seen[FMN_N_BACKGROUNDS] = {0};
  for (int k = 0; k < FMN_N_BACKGROUNDS; k++) {
    o.background = (FmnBackground)k;
    FmnSceneSet *set = scene_set_new(items, &o);
    g_assert_nonnull(fmn_scene_background_name(o.background));
    for (guint64 i = 0; i < 40; i++) {
      fmn_scene_render(set, i, 96, 72, scene);
      g_assert_cmpint(scene->background, ==, k);
    }
    fmn_scene_set_free(set);
  }
  g_assert_null(fmn_scene_background_name(FMN_BACKGROUND_ANY));
  o.background = FMN_BACKGROUND_ANY;
  FmnSceneSet *set = scene_set_new(items, &o);
  for (guint64 i = 0; i < 200; i++) {
    fmn_scene_render(set, i, 32, 24, scene);
    seen[scene->background]++;
  }
  for (int k = 0; k < FMN_N_BACKGROUNDS; k++)
    g_assert_cmpint(seen[k], >, 5);
  fmn_scene_free(scene);
  fmn_scene_set_free(set);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  data = scene_items_new(120, 0, 10);
  items = fmn_images_from_dataset(data);
  g_test_add_func("/scenes/deterministic", test_deterministic);
  g_test_add_func("/scenes/green", test_green);
  g_test_add_func("/scenes/green-jitter", test_green_jitter);
  g_test_add_func("/scenes/boxes-are-tight", test_boxes_are_tight);
  g_test_add_func("/scenes/sizes", test_sizes);
  g_test_add_func("/scenes/balance", test_balance);
  g_test_add_func("/scenes/backgrounds", test_backgrounds);
  int status = g_test_run();
  fmn_images_free(items);
  fmn_dataset_free(data);
  return status;
}
