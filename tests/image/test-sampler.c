/* The sampler against a slow reference that looks at every pixel by itself, over layouts, odd sizes and boxes. Planes
 * are allocated to the exact byte, so that the sanitizers and valgrind see a read outside. */
#include <glib.h>
#include <math.h>
#include <string.h>

#include "image/image.h"

typedef struct {
  const char *name;
  FmnColor color;
  gboolean full_range;
  FmnComponent component[3]; /* plane, offset, pixel_stride, depth, shift, word, big_endian, sub_x, sub_y */
} Layout;

static const Layout layouts[] = {
    {"i420",
     FMN_COLOR_YUV,
     FALSE,
     {{0, 0, 1, 8, 0, 1, 0, 0, 0}, {1, 0, 1, 8, 0, 1, 0, 1, 1}, {2, 0, 1, 8, 0, 1, 0, 1, 1}}},
    {"y444-full", FMN_COLOR_YUV, TRUE, {{0, 0, 1, 8, 0, 1}, {1, 0, 1, 8, 0, 1}, {2, 0, 1, 8, 0, 1}}},
    {"y41b", FMN_COLOR_YUV, FALSE, {{0, 0, 1, 8, 0, 1}, {1, 0, 1, 8, 0, 1, 0, 2, 0}, {2, 0, 1, 8, 0, 1, 0, 2, 0}}},
    {"yuv9", FMN_COLOR_YUV, FALSE, {{0, 0, 1, 8, 0, 1}, {1, 0, 1, 8, 0, 1, 0, 2, 2}, {2, 0, 1, 8, 0, 1, 0, 2, 2}}},
    {"nv12",
     FMN_COLOR_YUV,
     FALSE,
     {{0, 0, 1, 8, 0, 1, 0, 0, 0}, {1, 0, 2, 8, 0, 1, 0, 1, 1}, {1, 1, 2, 8, 0, 1, 0, 1, 1}}},
    {"nv21",
     FMN_COLOR_YUV,
     FALSE,
     {{0, 0, 1, 8, 0, 1, 0, 0, 0}, {1, 1, 2, 8, 0, 1, 0, 1, 1}, {1, 0, 2, 8, 0, 1, 0, 1, 1}}},
    {"yuy2", FMN_COLOR_YUV, FALSE, {{0, 0, 2, 8, 0, 1}, {0, 1, 4, 8, 0, 1, 0, 1, 0}, {0, 3, 4, 8, 0, 1, 0, 1, 0}}},
    {"uyvy", FMN_COLOR_YUV, FALSE, {{0, 1, 2, 8, 0, 1}, {0, 0, 4, 8, 0, 1, 0, 1, 0}, {0, 2, 4, 8, 0, 1, 0, 1, 0}}},
    {"ayuv", FMN_COLOR_YUV, FALSE, {{0, 1, 4, 8, 0, 1}, {0, 2, 4, 8, 0, 1}, {0, 3, 4, 8, 0, 1}}},
    {"v308", FMN_COLOR_YUV, FALSE, {{0, 0, 3, 8, 0, 1}, {0, 1, 3, 8, 0, 1}, {0, 2, 3, 8, 0, 1}}},
    {"i420-10le",
     FMN_COLOR_YUV,
     FALSE,
     {{0, 0, 2, 10, 0, 2}, {1, 0, 2, 10, 0, 2, 0, 1, 1}, {2, 0, 2, 10, 0, 2, 0, 1, 1}}},
    {"i422-12be", FMN_COLOR_YUV, FALSE, {{0, 0, 2, 12, 0, 2, 1}, {1, 0, 2, 12, 0, 2, 1, 1}, {2, 0, 2, 12, 0, 2, 1, 1}}},
    {"p010", FMN_COLOR_YUV, FALSE, {{0, 0, 2, 10, 6, 2}, {1, 0, 4, 10, 6, 2, 0, 1, 1}, {1, 2, 4, 10, 6, 2, 0, 1, 1}}},
    {"ayuv64", FMN_COLOR_YUV, FALSE, {{0, 2, 8, 16, 0, 2}, {0, 4, 8, 16, 0, 2}, {0, 6, 8, 16, 0, 2}}},
    {"rgb", FMN_COLOR_RGB, TRUE, {{0, 0, 3, 8, 0, 1}, {0, 1, 3, 8, 0, 1}, {0, 2, 3, 8, 0, 1}}},
    {"bgrx", FMN_COLOR_RGB, TRUE, {{0, 2, 4, 8, 0, 1}, {0, 1, 4, 8, 0, 1}, {0, 0, 4, 8, 0, 1}}},
    {"gbr", FMN_COLOR_RGB, TRUE, {{2, 0, 1, 8, 0, 1}, {0, 0, 1, 8, 0, 1}, {1, 0, 1, 8, 0, 1}}},
    {"rgb16", FMN_COLOR_RGB, TRUE, {{0, 0, 2, 5, 11, 2}, {0, 0, 2, 6, 5, 2}, {0, 0, 2, 5, 0, 2}}},
    {"rgb10a2", FMN_COLOR_RGB, TRUE, {{0, 0, 4, 10, 0, 4}, {0, 0, 4, 10, 10, 4}, {0, 0, 4, 10, 20, 4}}},
    {"r210", FMN_COLOR_RGB, TRUE, {{0, 0, 4, 10, 20, 4, 1}, {0, 0, 4, 10, 10, 4, 1}, {0, 0, 4, 10, 0, 4, 1}}},
    {"gray8", FMN_COLOR_GRAY, TRUE, {{0, 0, 1, 8, 0, 1}}},
    {"gray16be", FMN_COLOR_GRAY, TRUE, {{0, 0, 2, 16, 0, 2, 1}}},
};

typedef struct {
  FmnImageFormat format;
  FmnImage image;
  guint8 *memory[4];
} Picture;

static int n_components(const FmnImageFormat *f) { return f->color == FMN_COLOR_GRAY ? 1 : 3; }

static int size_of(int pixels, int sub) { return (pixels + (1 << sub) - 1) >> sub; }

/* smooth: few surprises between neighbours; otherwise noise. Lines are padded, but not after the last one. */
static Picture *picture_new(const Layout *l, int width, int height, gboolean smooth, GRand *rand) {
  Picture *p = g_new0(Picture, 1);
  p->format = (FmnImageFormat){width, height, l->color, .full_range = l->full_range, .kr = 0.2126f, .kb = 0.0722f};
  p->image.format = &p->format;
  int line[4] = {0}, rows[4] = {0};
  for (int c = 0; c < n_components(&p->format); c++) {
    FmnComponent k = p->format.component[c] = l->component[c];
    line[k.plane] = MAX(line[k.plane], k.offset + (size_of(width, k.sub_x) - 1) * k.pixel_stride + k.word);
    rows[k.plane] = size_of(height, k.sub_y);
  }
  for (int i = 0; i < 4; i++) {
    if (!rows[i])
      continue;
    gsize stride = line[i] + 5, size = stride * (rows[i] - 1) + line[i];
    p->memory[i] = g_malloc(size);
    for (gsize k = 0; k < size; k++)
      p->memory[i][k] = smooth ? (guint8)(100 + 60 * sin(k * 0.01)) : (guint8)g_rand_int_range(rand, 0, 256);
    p->image.plane[i] = p->memory[i];
    p->image.stride[i] = (int)stride;
  }
  return p;
}

static void picture_free(Picture *p) {
  for (int i = 0; i < 4; i++)
    g_free(p->memory[i]);
  g_free(p);
}

static double sample(const Picture *p, int component, int x, int y) {
  const FmnComponent *k = &p->format.component[component];
  x = CLAMP(x, 0, size_of(p->format.width, k->sub_x) - 1);
  y = CLAMP(y, 0, size_of(p->format.height, k->sub_y) - 1);
  const guint8 *b = p->memory[k->plane] + (gsize)y * p->image.stride[k->plane] + k->offset + x * k->pixel_stride;
  guint32 v = 0;
  for (int i = 0; i < k->word; i++)
    v |= (guint32)b[k->big_endian ? k->word - 1 - i : i] << 8 * i;
  v = v >> k->shift & ((1u << k->depth) - 1);
  return k->depth < 8 ? v * 255.0 / ((1 << k->depth) - 1) : MIN(255.0, (double)v / (1 << (k->depth - 8)));
}

/* Share of sample i in the cell from … to; linear where the cell is smaller than a sample. */
static double share(int i, double from, double to) {
  if (to - from >= 1)
    return MAX(0, MIN(i + 1, to) - MAX(i, from)) / (to - from);
  return MAX(0, 1 - fabs((from + to) / 2 - 0.5 - i));
}

static double cell(const Picture *p, int component, const FmnBox *box, int width, int height, int x, int y) {
  const FmnComponent *k = &p->format.component[component];
  double w = (double)p->format.width / (1 << k->sub_x), h = (double)p->format.height / (1 << k->sub_y), sum = 0;
  double x0 = (box->x + box->w * x / width) * w, x1 = (box->x + box->w * (x + 1) / width) * w;
  double y0 = (box->y + box->h * y / height) * h, y1 = (box->y + box->h * (y + 1) / height) * h;
  for (int v = (int)floor(y0) - 1; v <= (int)ceil(y1); v++)
    for (int u = (int)floor(x0) - 1; u <= (int)ceil(x1); u++)
      sum += share(u, x0, x1) * share(v, y0, y1) * sample(p, component, u, v);
  return sum;
}

static void reference(const Picture *p, const double v[3], double rgb[3]) {
  const FmnImageFormat *f = &p->format;
  double scale = f->full_range ? 1 : 255.0 / 219, chroma = f->full_range ? 1 : 255.0 / 224;
  double y = f->color == FMN_COLOR_RGB ? 0 : (v[0] - (f->full_range ? 0 : 16)) * scale;
  double kg = 1 - f->kr - f->kb, u = (v[1] - 128) * chroma, w = (v[2] - 128) * chroma;
  rgb[0] = rgb[1] = rgb[2] = y;
  if (f->color == FMN_COLOR_RGB)
    memcpy(rgb, v, 3 * sizeof *rgb);
  else if (f->color == FMN_COLOR_YUV) {
    rgb[0] += 2 * (1 - f->kr) * w;
    rgb[1] -= 2 * (1 - f->kr) * f->kr / kg * w + 2 * (1 - f->kb) * f->kb / kg * u;
    rgb[2] += 2 * (1 - f->kb) * u;
  }
}

static void compare(const Layout *l, const Picture *p, const FmnBox *box, int width, int height, double tolerance) {
  int n = width * height;
  g_autofree guint8 *color = g_malloc(3 * n), *gray = g_malloc(n);
  FmnSampler *s = fmn_sampler_new(&p->format);
  fmn_sampler_read(s, &p->image, box, 3, width, height, color);
  fmn_sampler_read(s, &p->image, box, 1, width, height, gray);
  fmn_sampler_free(s);
  for (int i = 0; i < n; i++) {
    double v[3] = {0}, rgb[3];
    for (int c = 0; c < n_components(&p->format); c++)
      v[c] = cell(p, c, box, width, height, i % width, i / width);
    reference(p, v, rgb);
    double luma = p->format.color == FMN_COLOR_RGB ? 0.299 * v[0] + 0.587 * v[1] + 0.114 * v[2]
                  : p->format.full_range           ? v[0]
                                                   : (v[0] - 16) * 255 / 219;
    for (int c = 0; c < 4; c++) {
      double expected = CLAMP(c < 3 ? rgb[c] : luma, 0, 255), got = c < 3 ? color[c * n + i] : gray[i];
      if (fabs(expected - got) > tolerance)
        g_error("%s %d×%d → %d×%d, cell %d,%d, channel %d: expected %.2f, got %.0f", l->name, p->format.width,
                p->format.height, width, height, i % width, i / width, c, expected, got);
    }
  }
}

static void test_layout(gconstpointer data) {
  static const int sizes[][2] = {{64, 48}, {33, 17}, {7, 5}, {3, 3}, {2, 1}, {1, 1}, {1, 9}, {190, 3}, {641, 31}};
  static const FmnBox boxes[] = {
      {0, 0, 1, 1}, {0.25, 0.5, 0.5, 0.5}, {0.21, 0.13, 0.5, 0.72}, {-0.4, 0.6, 1.9, 0.9}, {0.4, 0.4, 0.01, 0.02}};
  static const int grids[][2] = {{12, 9}, {5, 7}, {1, 1}, {28, 28}, {32, 24}, {16, 12}, {8, 6}};
  const Layout *l = data;
  GRand *rand = g_rand_new_with_seed(1);
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (int smooth = 0; smooth < 2; smooth++) {
      Picture *p = picture_new(l, sizes[i][0], sizes[i][1], smooth, rand);
      for (guint b = 0; b < G_N_ELEMENTS(boxes); b++)
        for (guint g = 0; g < (i == 0 ? G_N_ELEMENTS(grids) : 4); g++) /* whole samples: of the first size alone */
          compare(l, p, &boxes[b], grids[g][0], grids[g][1], l->color == FMN_COLOR_YUV ? 3.5 : 2);
      picture_free(p);
    }
  g_rand_free(rand);
}

/* A flat picture stays exactly flat, at every scale: weights must not lose or gain anything. */
static void test_flat(void) {
  FmnImageFormat f;
  fmn_image_format_gray(&f, 613, 407);
  g_autofree guint8 *data = g_malloc(613 * 407), *out = g_malloc(400 * 300);
  FmnImage image = {&f, {data}, {613}};
  FmnSampler *s = fmn_sampler_new(&f);
  for (int v = 0; v < 256; v += 17)
    for (int w = 1; w < 400; w += 57) {
      memset(data, v, 613 * 407);
      fmn_sampler_read(s, &image, &(FmnBox){0, 0, 1, 1}, 1, w, 300, out);
      for (int i = 0; i < w * 300; i++)
        g_assert_cmpint(out[i], ==, v);
    }
  fmn_sampler_free(s);
}

static void test_strange_boxes(void) {
  static const FmnBox boxes[] = {{0, 0, 0, 0}, {NAN, 0, 1, 1},        {0, 0, INFINITY, -INFINITY},
                                 {5, 5, 1, 1}, {-1e300, 0, 1e300, 1}, {0.5, 0.5, -0.2, -0.2}};
  FmnImageFormat f;
  fmn_image_format_rgb(&f, 9, 7);
  guint8 data[9 * 7 * 3], out[3 * 8 * 8];
  memset(data, 99, sizeof data);
  FmnImage image = {&f, {data}, {27}};
  FmnSampler *s = fmn_sampler_new(&f);
  for (guint i = 0; i < G_N_ELEMENTS(boxes); i++) {
    fmn_sampler_read(s, &image, &boxes[i], 3, 8, 8, out);
    for (guint k = 0; k < sizeof out; k++)
      g_assert_cmpint(out[k], ==, 99);
  }
  fmn_sampler_free(s);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(layouts); i++) {
    g_autofree char *path = g_strconcat("/image/sampler/", layouts[i].name, NULL);
    g_test_add_data_func(path, &layouts[i], test_layout);
  }
  g_test_add_func("/image/sampler/flat", test_flat);
  g_test_add_func("/image/sampler/strange-boxes", test_strange_boxes);
  return g_test_run();
}
