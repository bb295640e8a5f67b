/* The small picture against what one works out by hand. */
#include <glib.h>
#include <math.h>
#include <string.h>

#include "image/crop.h"
#include "image/letterbox.h"

#define N 28

static const FmnPreprocess plain = {.width = N, .height = N, .channels = 1, .invert = TRUE};

typedef struct {
  FmnImageFormat format;
  FmnImage image;
  FmnSampler *sampler;
  guint8 *data;
} Picture;

static Picture *picture_new(int width, int height, guint8 level) {
  Picture *p = g_new0(Picture, 1);
  fmn_image_format_gray(&p->format, width, height);
  p->data = g_malloc((gsize)width * height);
  memset(p->data, level, (gsize)width * height);
  p->image = (FmnImage){&p->format, {p->data}, {width}};
  p->sampler = fmn_sampler_new(&p->format);
  return p;
}

static void picture_free(Picture *p) {
  fmn_sampler_free(p->sampler);
  g_free(p->data);
  g_free(p);
}

/* Columns c0 … c1 - 1 of rows r0 … r1 - 1 are value, the rest is black. */
static void check_block(const guint8 *out, int c0, int c1, int r0, int r1, int value) {
  for (int y = 0; y < N; y++)
    for (int x = 0; x < N; x++) {
      gboolean in = x >= c0 && x < c1 && y >= r0 && y < r1;
      if (abs(out[y * N + x] - (in ? value : 0)) > 1)
        g_error("cell %d,%d is %d; expected %d", x, y, out[y * N + x], in ? value : 0);
    }
}

static void test_proportions(void) {
  Picture *p = picture_new(400, 200, 55);
  guint8 out[N * N];
  FmnPreprocess way = plain;
  /* 100 × 100 pixels fill everything. */
  fmn_crop(p->sampler, &p->image, &(FmnBox){0.25, 0.25, 0.25, 0.5}, NULL, &way, out);
  check_block(out, 0, N, 0, N, 200);
  /* 50 × 100 pixels: half of the width, in the middle. */
  fmn_crop(p->sampler, &p->image, &(FmnBox){0.25, 0.25, 0.125, 0.5}, NULL, &way, out);
  check_block(out, 7, 21, 0, N, 200);
  /* 400 × 200: half of the height. */
  fmn_crop(p->sampler, &p->image, &(FmnBox){0, 0, 1, 1}, NULL, &way, out);
  check_block(out, 0, N, 7, 21, 200);
  /* 300 × 200, squeezed to a square, and to half as wide as high. */
  way.max_aspect = 1;
  fmn_crop(p->sampler, &p->image, &(FmnBox){0.1, 0, 0.75, 1}, NULL, &way, out);
  check_block(out, 0, N, 0, N, 200);
  way.max_aspect = 0.5;
  fmn_crop(p->sampler, &p->image, &(FmnBox){0.1, 0, 0.75, 1}, NULL, &way, out);
  check_block(out, 7, 21, 0, N, 200);
  /* What is as wide as a shoe keeps its proportions. */
  fmn_crop(p->sampler, &p->image, &(FmnBox){0, 0, 1, 1}, NULL, &way, out);
  check_block(out, 0, N, 7, 21, 200);
  /* A narrow one is not widened. */
  fmn_crop(p->sampler, &p->image, &(FmnBox){0.25, 0, 1.0 / 7, 1}, NULL, &way, out);
  check_block(out, 10, 18, 0, N, 200);
  way = plain;
  way.margin = 1.f / 7;
  fmn_crop(p->sampler, &p->image, &(FmnBox){0.25, 0.25, 0.25, 0.5}, NULL, &way, out);
  check_block(out, 4, 24, 4, 24, 200);
  way.margin = 0;
  way.invert = FALSE;
  fmn_crop(p->sampler, &p->image, &(FmnBox){0.25, 0.25, 0.25, 0.5}, NULL, &way, out);
  check_block(out, 0, N, 0, N, 55);
  picture_free(p);
}

/* Pixels twice as wide as high: 200 of them by 200 are a rectangle of 2:1, 100 by 200 a square. */
static void test_pixel_aspect(void) {
  Picture *p = picture_new(400, 400, 55);
  guint8 out[N * N];
  FmnPreprocess way = plain;
  FmnSampler *square = p->sampler;
  p->format.pixel_aspect = 2;
  p->sampler = fmn_sampler_new(&p->format);
  fmn_crop(p->sampler, &p->image, &(FmnBox){0.25, 0.25, 0.5, 0.5}, NULL, &way, out);
  check_block(out, 0, N, 7, 21, 200);
  fmn_crop(p->sampler, &p->image, &(FmnBox){0.25, 0.25, 0.25, 0.5}, NULL, &way, out);
  check_block(out, 0, N, 0, N, 200);
  fmn_crop(square, &p->image, &(FmnBox){0.25, 0.25, 0.25, 0.5}, NULL, &way, out);
  check_block(out, 7, 21, 0, N, 200);
  /* What is too wide is so as it is shown: 3:2 here, in 300 by 400 pixels. */
  way.max_aspect = 1;
  fmn_crop(p->sampler, &p->image, &(FmnBox){0.1, 0, 0.75, 1}, NULL, &way, out);
  check_block(out, 0, N, 0, N, 200);
  way.max_aspect = 0.5;
  fmn_crop(p->sampler, &p->image, &(FmnBox){0.1, 0, 0.75, 1}, NULL, &way, out);
  check_block(out, 7, 21, 0, N, 200);
  fmn_sampler_free(square);
  FmnBox place;
  guint8 letter[32 * 32];
  fmn_letterbox(p->sampler, &p->image, 1, 32, letter, &place);
  g_assert_cmpfloat_with_epsilon(place.w, 1, 1e-9);
  g_assert_cmpfloat_with_epsilon(place.h, 0.5, 1e-9);
  g_assert_cmpint(letter[7 * 32], ==, FMN_LETTERBOX_GRAY);
  g_assert_cmpint(letter[8 * 32], ==, 55);
  picture_free(p);
}

static void test_mask(void) {
  Picture *p = picture_new(280, 280, 155);
  guint8 out[N * N], mask[20 * 20] = {0};
  FmnBox box = {0.25, 0.25, 0.5, 0.5};
  FmnMask m = {box, 20, 20, mask};
  fmn_crop(p->sampler, &p->image, &box, &m, &plain, out);
  check_block(out, 0, 0, 0, 0, 0);
  /* The left half of the mask; its edge is soft by half a cell of the mask to either side. */
  for (int i = 0; i < 400; i++)
    mask[i] = i % 20 < 10 ? 255 : 0;
  fmn_crop(p->sampler, &p->image, &box, &m, &plain, out);
  for (int y = 2; y < 26; y++) {
    g_assert_cmpint(abs(out[y * N + 5] - 100), <=, 1);
    g_assert_cmpint(out[y * N + 13], <, 100);
    g_assert_cmpint(out[y * N + 13] + out[y * N + 14], >, 60);
    g_assert_cmpint(out[y * N + 13] + out[y * N + 14], <, 140);
    g_assert_cmpint(out[y * N + 15], ==, 0);
  }
  picture_free(p);
}

/* A large input shows what a small one does, of which each pixel is the mean of as many of the large one's; of any
 * proportions and channels. */
static void check_large(int width, int height, int channels) {
  enum { TIMES = 4 };
  int w = width * TIMES, h = height * TIMES;
  FmnImageFormat format;
  guint8 *data = g_malloc(3 * 400 * 320), *small = g_malloc((gsize)(channels * width * height)),
         *large = g_malloc((gsize)(channels * w * h)), mask[50 * 40];
  FmnBox box = {0.1, 0.15, 0.7, 0.8};
  FmnMask m = {box, 50, 40, mask};
  FmnPreprocess way = {.channels = channels};
  fmn_image_format_rgb(&format, 400, 320);
  FmnImage image = {&format, {data}, {3 * 400}};
  FmnSampler *sampler = fmn_sampler_new(&format);
  for (int i = 0; i < 3 * 400 * 320; i++)
    data[i] = (guint8)(20 + 30 * (i % 3) + i / 3 % 400 / 4 + i / 1200 / 4);
  for (int i = 0; i < 50 * 40; i++) { /* an ellipse */
    int x = 2 * (i % 50) - 49, y = 2 * (i / 50) - 39;
    mask[i] = 16 * x * x + 25 * y * y < 16 * 48 * 48 ? 255 : 0;
  }
  for (int invert = 0; invert < 2; invert++) {
    way.invert = invert;
    way.width = width;
    way.height = height;
    fmn_crop(sampler, &image, &box, &m, &way, small);
    way.width = w;
    way.height = h;
    fmn_crop(sampler, &image, &box, &m, &way, large);
    for (int i = 0; i < channels * width * height; i++) {
      int sum = 0;
      for (int k = 0; k < TIMES * TIMES; k++)
        sum += large[(i / width * TIMES + k / TIMES) * w + i % width * TIMES + k % TIMES];
      g_assert_cmpint(abs(sum / (TIMES * TIMES) - small[i]), <=, 2);
    }
    g_assert_cmpint(small[(height / 2) * width + width / 2], >, 50);
    g_assert_cmpint(small[0], ==, 0);
  }
  fmn_sampler_free(sampler);
  g_free(data);
  g_free(small);
  g_free(large);
}

static void test_large(void) {
  check_large(N, N, 1);
  check_large(N, N, 3);
  check_large(24, 16, 3);
}

/* A hook of two columns above a body of twenty, in a mask of 20 × 40, is cut off; the body fills the height. */
static void test_trim(void) {
  Picture *p = picture_new(200, 400, 55);
  guint8 out[N * N], mask[20 * 40];
  for (int i = 0; i < 800; i++)
    mask[i] = i / 20 >= 20 || i % 20 == 9 || i % 20 == 10 ? 255 : 0;
  FmnBox box = {0, 0, 1, 1};
  FmnMask m = {box, 20, 40, mask};
  FmnPreprocess way = plain;
  fmn_crop(p->sampler, &p->image, &box, &m, &way, out);
  g_assert_cmpint(out[5 * N + 9], ==, 0);
  way.trim = 0.2f;
  fmn_crop(p->sampler, &p->image, &box, &m, &way, out);
  for (int y = 2; y < 26; y++)
    for (int x = 2; x < 26; x++)
      g_assert_cmpint(abs(out[y * N + x] - 200), <=, 1);
  way.trim = 0.05f; /* the hook is a tenth of the widest row: it stays */
  fmn_crop(p->sampler, &p->image, &box, &m, &way, out);
  g_assert_cmpint(out[5 * N + 9], ==, 0);
  g_assert_cmpint(out[20 * N + 9], >, 190);
  picture_free(p);
}

/* A shape that mirrors itself is squeezed, one that does not (a boot: high at one side, flat at the other) is not. */
static void test_shoe(void) {
  Picture *p = picture_new(280, 200, 55);
  guint8 out[N * N], shirt[28 * 20], boot[28 * 20];
  for (int i = 0; i < 28 * 20; i++) {
    int x = i % 28, y = i / 28;
    shirt[i] = y < 8 || (x > 6 && x < 21) ? 255 : 0;
    boot[i] = y > 12 || x > 17 ? 255 : 0;
  }
  FmnBox box = {0, 0, 1, 1};
  FmnPreprocess way = plain;
  way.max_aspect = 0.7f;
  way.trim = 0.25f;
  fmn_crop(p->sampler, &p->image, &box, &(FmnMask){box, 28, 20, shirt}, &way, out);
  g_assert_cmpint(out[3 * N + 2], ==, 0);
  g_assert_cmpint(out[3 * N + 7], >, 190);
  g_assert_cmpint(out[1 * N + 14], >, 190);
  g_assert_cmpint(out[26 * N + 14], >, 190);
  fmn_crop(p->sampler, &p->image, &box, &(FmnMask){box, 28, 20, boot}, &way, out);
  g_assert_cmpint(out[22 * N + 1], >, 190);
  g_assert_cmpint(out[22 * N + 26], >, 190);
  g_assert_cmpint(out[8 * N + 5], ==, 0);
  g_assert_cmpint(out[1 * N + 24], ==, 0);
  picture_free(p);
}

static void test_colour(void) {
  FmnImageFormat f;
  fmn_image_format_rgb(&f, 10, 10);
  guint8 data[300], out[3 * N * N];
  for (int i = 0; i < 300; i++)
    data[i] = (guint8)(10 + 100 * (i % 3));
  FmnImage image = {&f, {data}, {30}};
  FmnSampler *s = fmn_sampler_new(&f);
  FmnPreprocess way = {.width = N, .height = N, .channels = 3};
  fmn_crop(s, &image, &(FmnBox){0, 0, 1, 1}, NULL, &way, out);
  for (int c = 0; c < 3; c++)
    check_block(out + c * N * N, 0, N, 0, N, 10 + 100 * c);
  fmn_sampler_free(s);
}

static void test_outside(void) {
  static const FmnBox boxes[] = {{-0.5, 0, 1, 1},     {0.9, 0.9, 5, 5},  {2, 2, 1, 1},
                                 {0, 0, 0, 0},        {NAN, 0, 1, 1},    {0.5, 0.5, -1, -1},
                                 {0, 0, INFINITY, 1}, {-1e9, 0, 2e9, 1}, {0, 0, 1e-7, 1}};
  Picture *p = picture_new(31, 17, 55);
  guint8 out[N * N], mask[6] = {255, 0, 255, 255, 0, 255};
  FmnPreprocess way = plain;
  way.trim = 0.2f;
  way.max_aspect = 0.8f;
  fmn_crop(p->sampler, &p->image, &boxes[0], NULL, &plain, out);
  g_assert_cmpint(out[14 * N + 5], ==, 0); /* outside of the picture there is nothing */
  g_assert_cmpint(out[14 * N + 20], ==, 200);
  for (guint i = 0; i < G_N_ELEMENTS(boxes); i++)
    for (guint k = 0; k < G_N_ELEMENTS(boxes); k++) {
      FmnMask m = {boxes[k], 3, 2, mask};
      fmn_crop(p->sampler, &p->image, &boxes[i], &m, &way, out);
      fmn_crop(p->sampler, &p->image, &boxes[i], NULL, &way, out);
      if (i == 3 || i == 4 || i == 5 || i == 6)
        check_block(out, 0, 0, 0, 0, 0);
    }
  picture_free(p);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/image/crop/proportions", test_proportions);
  g_test_add_func("/image/crop/pixel-aspect", test_pixel_aspect);
  g_test_add_func("/image/crop/mask", test_mask);
  g_test_add_func("/image/crop/large", test_large);
  g_test_add_func("/image/crop/trim", test_trim);
  g_test_add_func("/image/crop/shoe", test_shoe);
  g_test_add_func("/image/crop/colour", test_colour);
  g_test_add_func("/image/crop/outside", test_outside);
  return g_test_run();
}
