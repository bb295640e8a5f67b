/* Drawn objects of known outline on lit, noisy grounds; the share of overlap (IoU) tells how well they are found. */
#include <glib.h>
#include <math.h>
#include <string.h>

#include "image/segment.h"

typedef struct {
  const char *name;
  int width, height;
  int object[3], ground[3]; /* R, G, B */
  int slope;                /* of the light over the ground, levels from corner to corner */
  int noise, texture;
  double least; /* IoU */
} Scene;

typedef struct {
  FmnImageFormat format;
  FmnImage image;
  guint8 *rgb, *truth;
} Picture;

/* A shirt: body, two sleeves, a neck. */
static gboolean in_shirt(double x, double y) {
  gboolean body = fabs(x) < 0.2 && y > -0.3 && y < 0.35;
  gboolean sleeves =
      fabs(x) >= 0.2 && fabs(x) < 0.36 && y > -0.3 + 0.5 * (fabs(x) - 0.2) && y < -0.08 + 0.5 * (fabs(x) - 0.2);
  gboolean neck = x * x + (y + 0.3) * (y + 0.3) < 0.006;
  return (body || sleeves) && !neck;
}

static guint8 to_byte(double v) { return (guint8)CLAMP(v, 0, 255); }

static void put(Picture *p, int x, int y, const int color[3], double light, int noise, GRand *rand) {
  for (int c = 0; c < 3; c++) {
    double v = color[c] * light + (noise ? g_rand_int_range(rand, -noise, noise + 1) : 0);
    p->rgb[3 * (y * p->format.width + x) + c] = to_byte(v);
  }
}

static Picture *picture_new(int width, int height) {
  Picture *p = g_new0(Picture, 1);
  fmn_image_format_rgb(&p->format, width, height);
  p->rgb = g_malloc0(3 * (gsize)width * height);
  p->truth = g_malloc0((gsize)width * height);
  p->image = (FmnImage){&p->format, {p->rgb}, {3 * width}};
  return p;
}

static void picture_free(Picture *p) {
  g_free(p->rgb);
  g_free(p->truth);
  g_free(p);
}

static Picture *draw(const Scene *s, double cx, double cy, double size) {
  Picture *p = picture_new(s->width, s->height);
  GRand *rand = g_rand_new_with_seed(7);
  for (int y = 0; y < s->height; y++)
    for (int x = 0; x < s->width; x++) {
      double u = (x + 0.5) / s->width, v = (y + 0.5) / s->height, unit = MIN(s->width, s->height) * size;
      double light = 1 + s->slope * (u + v - 1) / 255 + s->texture * sin(x * 0.21) * sin(y * 0.17) / 255;
      gboolean in = in_shirt(((u - cx) * s->width) / unit, ((v - cy) * s->height) / unit);
      p->truth[y * s->width + x] = in;
      put(p, x, y, in ? s->object : s->ground, light, s->noise, rand);
    }
  g_rand_free(rand);
  return p;
}

static int in_object(const FmnObject *o, double x, double y) {
  int mx = (int)floor((x - o->mask.box.x) / o->mask.box.w * o->mask.width);
  int my = (int)floor((y - o->mask.box.y) / o->mask.box.h * o->mask.height);
  return mx >= 0 && my >= 0 && mx < o->mask.width && my < o->mask.height && o->mask.data[my * o->mask.width + mx] > 127;
}

static double overlap(const Picture *p, const FmnObject *o) {
  int w = p->format.width, h = p->format.height, both = 0, either = 0;
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      int a = p->truth[y * w + x] != 0, b = in_object(o, (x + 0.5) / w, (y + 0.5) / h);
      both += a && b;
      either += a || b;
    }
  return either ? (double)both / either : 0;
}

static void check_object(const FmnObject *o) {
  g_assert_cmpfloat(o->box.x, >=, 0);
  g_assert_cmpfloat(o->box.y, >=, 0);
  g_assert_cmpfloat(o->box.w, >, 0);
  g_assert_cmpfloat(o->box.h, >, 0);
  g_assert_cmpfloat(o->box.x + o->box.w, <=, 1 + 1e-9);
  g_assert_cmpfloat(o->box.y + o->box.h, <=, 1 + 1e-9);
  double inside = 0;
  for (int i = 0; i < o->mask.width * o->mask.height; i++) {
    g_assert_true(o->mask.data[i] == 0 || o->mask.data[i] == 255);
    inside += o->mask.data[i] != 0;
  }
  double share = inside / (o->mask.width * o->mask.height) * o->mask.box.w * o->mask.box.h;
  g_assert_cmpfloat_with_epsilon(share, o->area, 1e-6);
}

static int segment(FmnSegmenter *s, const Picture *p, const FmnSegmentOptions *options, const FmnObject **objects) {
  int n = fmn_segmenter_run(s, &p->image, options, objects);
  for (int i = 0; i < n; i++)
    check_object(&(*objects)[i]);
  return n;
}

static const Scene scenes[] = {
    {"dark-on-light", 640, 480, {40, 45, 60}, {205, 200, 190}, 40, 10, 0, 0.93},
    {"light-on-dark", 640, 480, {225, 222, 215}, {90, 60, 40}, 40, 10, 0, 0.93},
    {"colour-alone", 640, 480, {170, 70, 80}, {110, 110, 90}, 30, 12, 0, 0.93},
    {"textured-ground", 640, 480, {40, 60, 120}, {170, 160, 150}, 20, 15, 40, 0.90},
    {"strong-light", 480, 640, {60, 60, 65}, {180, 175, 170}, 150, 6, 0, 0.90},
    {"small-picture", 64, 48, {40, 45, 60}, {205, 200, 190}, 30, 5, 0, 0.80},
    {"odd-size", 333, 251, {200, 60, 60}, {160, 165, 160}, 30, 10, 10, 0.92},
    {"wide", 1280, 240, {40, 90, 60}, {205, 200, 190}, 30, 10, 10, 0.80},
    {"large", 1920, 1080, {140, 40, 60}, {205, 200, 190}, 60, 20, 20, 0.90},
};

static void test_scene(gconstpointer data) {
  const Scene *s = data;
  Picture *p = draw(s, 0.52, 0.5, 1);
  FmnSegmenter *segmenter = fmn_segmenter_new(&p->format);
  FmnSegmentOptions options = FMN_SEGMENT_DEFAULTS;
  const FmnObject *objects;
  g_assert_cmpint(segment(segmenter, p, &options, &objects), ==, 1);
  double iou = overlap(p, &objects[0]);
  double truth = 0;
  for (int i = 0; i < s->width * s->height; i++)
    truth += p->truth[i];
  g_test_message("%s: IoU %.3f, area %.3f of the true one", s->name, iou,
                 objects[0].area * s->width * s->height / truth);
  g_assert_cmpfloat(iou, >=, s->least);
  fmn_segmenter_free(segmenter);
  picture_free(p);
}

static void test_otsu(void) {
  const Scene *dark = &scenes[0], *light = &scenes[1];
  for (int i = 0; i < 2; i++) {
    Picture *p = draw(i ? light : dark, 0.5, 0.5, 1);
    FmnSegmenter *s = fmn_segmenter_new(&p->format);
    FmnSegmentOptions options = {FMN_SEGMENT_OTSU, FMN_POLARITY_AUTO, 0.01, 1, 1};
    const FmnObject *objects;
    g_assert_cmpint(segment(s, p, &options, &objects), ==, 1);
    g_assert_cmpfloat(overlap(p, &objects[0]), >=, 0.75); /* it is dilated, as the original is */
    options.polarity = i ? FMN_POLARITY_LIGHT : FMN_POLARITY_DARK;
    g_assert_cmpint(segment(s, p, &options, &objects), ==, 1);
    g_assert_cmpfloat(overlap(p, &objects[0]), >=, 0.75);
    options.polarity = i ? FMN_POLARITY_DARK : FMN_POLARITY_LIGHT;
    int n = segment(s, p, &options, &objects);
    g_assert_true(n == 0 || overlap(p, &objects[0]) < 0.3);
    fmn_segmenter_free(s);
    picture_free(p);
  }
}

/* Two shirts: with one object wanted the pair is one, with several each is its own. */
static void test_two(void) {
  Scene s = {"two", 640, 360, {50, 60, 120}, {200, 200, 190}, 20, 8, 0, 0};
  Picture *a = draw(&s, 0.27, 0.5, 0.9), *b = draw(&s, 0.73, 0.5, 0.9);
  for (int i = 0; i < 640 * 360; i++)
    if (b->truth[i])
      memcpy(a->rgb + 3 * i, b->rgb + 3 * i, 3);
  FmnSegmenter *segmenter = fmn_segmenter_new(&a->format);
  FmnSegmentOptions options = FMN_SEGMENT_DEFAULTS;
  const FmnObject *objects;
  g_assert_cmpint(segment(segmenter, a, &options, &objects), ==, 1);
  g_assert_cmpfloat(objects[0].box.x, <, 0.15);
  g_assert_cmpfloat(objects[0].box.x + objects[0].box.w, >, 0.85);
  options.max_objects = 5;
  g_assert_cmpint(segment(segmenter, a, &options, &objects), ==, 2);
  gboolean first_is_left = objects[0].box.x < objects[1].box.x;
  g_assert_cmpfloat(overlap(a, &objects[first_is_left ? 0 : 1]), >=, 0.9);
  g_assert_cmpfloat(overlap(b, &objects[first_is_left ? 1 : 0]), >=, 0.9);
  options.min_area = 0.5;
  g_assert_cmpint(segment(segmenter, a, &options, &objects), ==, 0);
  fmn_segmenter_free(segmenter);
  picture_free(a);
  picture_free(b);
}

static void test_nothing(void) {
  static const int sizes[][2] = {{1, 1}, {2, 3}, {1, 200}, {200, 1}, {5, 5}, {640, 480}, {4000, 2}};
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (int level = 0; level < 256; level += 51)
      for (int noise = 0; noise < 2; noise++) {
        Picture *p = picture_new(sizes[i][0], sizes[i][1]);
        GRand *rand = g_rand_new_with_seed(i);
        for (int k = 0; k < 3 * sizes[i][0] * sizes[i][1]; k++)
          p->rgb[k] = to_byte(level + (noise ? g_rand_int_range(rand, -6, 7) : 0));
        FmnSegmenter *s = fmn_segmenter_new(&p->format);
        const FmnObject *objects;
        FmnSegmentOptions options = FMN_SEGMENT_DEFAULTS;
        options.max_objects = 64;
        g_assert_cmpint(segment(s, p, &options, &objects), ==, 0);
        options.method = FMN_SEGMENT_OTSU;
        int n = segment(s, p, &options, &objects);
        g_assert_true(n == 0 || noise);
        fmn_segmenter_free(s);
        picture_free(p);
        g_rand_free(rand);
      }
}

/* Lines of letters: what would be cut out of them ends in the empty space around them. */
static void test_outline(void) {
  Picture *p = picture_new(320, 240);
  FmnSegmenter *s = fmn_segmenter_new(&p->format);
  FmnSegmentOptions options = FMN_SEGMENT_DEFAULTS;
  const FmnObject *objects;
  memset(p->rgb, 200, 3 * 320 * 240);
  for (int y = 60; y < 180; y++)
    for (int x = 70; x < 250; x++)
      if (y % 24 < 12 && x % 10 < 5 && (x / 10 + y / 24) % 5)
        memset(p->rgb + 3 * (y * 320 + x), 40, 3);
  g_assert_cmpint(segment(s, p, &options, &objects), ==, 0);
  options.min_outline = 0;
  g_assert_cmpint(segment(s, p, &options, &objects), ==, 1);
  g_assert_cmpfloat(objects[0].area, >, 0.1);
  fmn_segmenter_free(s);
  picture_free(p);
}

/* Colours of the ground's other half lead astray where object and ground are grey; what they began with has an outline.
 */
static void test_gradient(void) {
  const int grays[] = {80, 140, 170};
  for (gsize i = 0; i < G_N_ELEMENTS(grays); i++) {
    const Scene scene = {"gradient", 320, 240, {grays[i], grays[i], grays[i]}, {120, 120, 120}, 160, 3, 0, 0.9};
    Picture *p = draw(&scene, 0.5, 0.5, 0.8);
    FmnSegmenter *s = fmn_segmenter_new(&p->format);
    FmnSegmentOptions options = FMN_SEGMENT_DEFAULTS;
    const FmnObject *objects;
    g_assert_cmpint(segment(s, p, &options, &objects), ==, 1);
    g_assert_cmpfloat(overlap(p, &objects[0]), >, scene.least);
    fmn_segmenter_free(s);
    picture_free(p);
  }
}

/* Noise, odd sizes and foolish options: nothing breaks, and the same frame always gives the same objects. */
static void test_any(void) {
  GRand *rand = g_rand_new_with_seed(11);
  for (int round = 0; round < 60; round++) {
    Picture *p = picture_new(g_rand_int_range(rand, 1, 90), g_rand_int_range(rand, 1, 90));
    int coarse = g_rand_int_range(rand, 1, 12);
    for (int y = 0; y < p->format.height; y++)
      for (int x = 0; x < p->format.width; x++)
        for (int c = 0; c < 3; c++)
          p->rgb[3 * (y * p->format.width + x) + c] =
              x % coarse || y % coarse ? p->rgb[3 * ((y - y % coarse) * p->format.width + x - x % coarse) + c]
                                       : (guint8)g_rand_int_range(rand, 0, 256);
    FmnSegmentOptions options = {round % 2, round % 3, (round % 5) * 0.01 - 0.01, round % 70 - 2, round % 4 * 0.4};
    FmnSegmenter *a = fmn_segmenter_new(&p->format), *b = fmn_segmenter_new(&p->format);
    const FmnObject *first, *second;
    segment(b, p, &(FmnSegmentOptions)FMN_SEGMENT_DEFAULTS, &second);
    int n = segment(a, p, &options, &first);
    g_assert_cmpint(segment(b, p, &options, &second), ==, n);
    g_assert_cmpint(n, <=, MAX(1, options.max_objects));
    for (int i = 0; i < n; i++) {
      g_assert_cmpmem(&first[i].box, sizeof(FmnBox), &second[i].box, sizeof(FmnBox));
      g_assert_cmpmem(first[i].mask.data, first[i].mask.width * first[i].mask.height, second[i].mask.data,
                      second[i].mask.width * second[i].mask.height);
    }
    fmn_segmenter_free(a);
    fmn_segmenter_free(b);
    picture_free(p);
  }
  g_rand_free(rand);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(scenes); i++) {
    g_autofree char *path = g_strconcat("/image/segment/", scenes[i].name, NULL);
    g_test_add_data_func(path, &scenes[i], test_scene);
  }
  g_test_add_func("/image/segment/otsu", test_otsu);
  g_test_add_func("/image/segment/two", test_two);
  g_test_add_func("/image/segment/nothing", test_nothing);
  g_test_add_func("/image/segment/outline", test_outline);
  g_test_add_func("/image/segment/gradient", test_gradient);
  g_test_add_func("/image/segment/any", test_any);
  return g_test_run();
}
