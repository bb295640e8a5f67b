#include "train/camera.h"

#include <string.h>

/* What is darker than this is no object's; between that and twice as much changes come in. */
#define BLACK 0.04f
#define BLOBS 3
#define BLOB_LEAST 0.04
#define BLOB_MOST 0.2
#define GAMMA 0.9
#define OFFSET 0.35
#define SLOPE 0.5
#define WAVES 3

static float presence(float v) { return CLAMP(v / BLACK - 1, 0.0f, 1.0f); }

static float clamp(float v) { return CLAMP(v, 0.0f, 1.0f); }

/* A pixel of the object beside one that is none; FALSE: not found in so many draws. */
static gboolean draw_outline(FmnRandom *r, const float *plane, int height, int width, int *x, int *y) {
  for (int attempt = 0; attempt < 200; attempt++) {
    *x = (int)fmn_random_below(r, (guint64)width);
    *y = (int)fmn_random_below(r, (guint64)height);
    const float *p = plane + *y * width + *x;
    if (*p > BLACK && ((*x > 0 && p[-1] <= BLACK) || (*x < width - 1 && p[1] <= BLACK) ||
                       (*y > 0 && p[-width] <= BLACK) || (*y < height - 1 && p[width] <= BLACK)))
      return TRUE;
  }
  return FALSE;
}

/* A mask's errors: ellipses about the outline that are missing, or show what lies behind. */
static void edge(FmnRandom *r, float *image, int channels, int height, int width) {
  int blobs = 1 + (int)fmn_random_below(r, BLOBS), size = MAX(height, width);
  for (int b = 0; b < blobs; b++) {
    int x0, y0;
    gboolean more = fmn_random_uniform(r) < 0.5;
    float ground = (float)fmn_random_range(r, 0.05, 1);
    double rx = fmn_random_range(r, BLOB_LEAST, BLOB_MOST) * size,
           ry = fmn_random_range(r, BLOB_LEAST, BLOB_MOST) * size;
    if (!draw_outline(r, image, height, width, &x0, &y0))
      return;
    for (int y = 0; y < height; y++)
      for (int x = 0; x < width; x++) {
        double dx = (x - x0) / rx, dy = (y - y0) / ry;
        for (int c = 0; c < channels && dx * dx + dy * dy < 1; c++) {
          float *v = image + (c * height + y) * width + x;
          *v = !more ? 0 : *v <= BLACK ? ground : *v;
        }
      }
  }
}

/* Exposure, contrast and light from a side. */
static void tone(FmnRandom *r, float strength, float *image, int channels, int height, int width) {
  float gamma = (float)exp(fmn_random_range(r, -GAMMA, GAMMA) * strength);
  float low = (float)fmn_random_range(r, -OFFSET, OFFSET) * strength,
        high = (float)fmn_random_range(r, -OFFSET, OFFSET) * strength;
  float sx = (float)fmn_random_range(r, -SLOPE, SLOPE) * strength,
        sy = (float)fmn_random_range(r, -SLOPE, SLOPE) * strength;
  for (int c = 0; c < channels; c++)
    for (int y = 0; y < height; y++)
      for (int x = 0; x < width; x++) {
        float *v = image + (c * height + y) * width + x, in = presence(*v);
        float light = 1 + sx * ((2 * x + 1) / (float)width - 1) + sy * ((2 * y + 1) / (float)height - 1);
        float now = (low + powf(*v, gamma) * (1 + high - low)) * light;
        *v += in * (clamp(now) - *v);
      }
}

static void negative(float *image, gsize n) {
  for (gsize i = 0; i < n; i++)
    image[i] = clamp(image[i] + presence(image[i]) * (1 - 2 * image[i])); /* turning leaves values just above 1 */
}

/* Stripes, checks and folds: a few waves of any direction, and noise. */
static void texture(FmnRandom *r, float strength, float *image, int channels, int height, int width) {
  float wave[WAVES][4], grain = (float)fmn_random_range(r, 0, strength) / 2;
  for (int i = 0; i < WAVES; i++) {
    double angle = fmn_random_range(r, 0, G_PI), length = fmn_random_range(r, 2, 14);
    wave[i][0] = (float)(2 * G_PI * cos(angle) / length);
    wave[i][1] = (float)(2 * G_PI * sin(angle) / length);
    wave[i][2] = (float)fmn_random_range(r, 0, 2 * G_PI);
    wave[i][3] = (float)fmn_random_range(r, 0, strength) / WAVES;
  }
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      float sum = grain * (float)fmn_random_range(r, -1, 1);
      for (int i = 0; i < WAVES; i++)
        sum += wave[i][3] * sinf(wave[i][0] * (float)x + wave[i][1] * (float)y + wave[i][2]);
      for (int c = 0; c < channels; c++) {
        float *v = image + (c * height + y) * width + x;
        *v = clamp(*v + presence(*v) * sum);
      }
    }
}

static float at(const float *line, int i, int n, int step) { return line[CLAMP(i, 0, n - 1) * step]; }

static void blur_lines(float share, float *plane, int lines, int line_step, int n, int step) {
  for (int l = 0; l < lines; l++) {
    float *line = plane + l * line_step, before = line[0];
    for (int i = 0; i < n; i++) {
      float own = line[i * step], mean = 0.25f * before + 0.5f * own + 0.25f * at(line, i + 1, n, step);
      before = own;
      line[i * step] = own + share * (mean - own);
    }
  }
}

/* Out of focus or in motion: along lines and columns each by a share of its own, once for each pixel of the strength.
 */
static void blur(FmnRandom *r, double strength, float *image, int channels, int height, int width) {
  double x = fmn_random_range(r, 0, strength), y = fmn_random_range(r, 0, strength);
  for (int c = 0; c < channels; c++) {
    float *plane = image + c * height * width;
    for (double left = x; left > 0; left--)
      blur_lines((float)MIN(left, 1), plane, height, width, width, 1);
    for (double left = y; left > 0; left--)
      blur_lines((float)MIN(left, 1), plane, width, 1, height, width);
  }
}

void fmn_camera_change(const FmnAugment *a, FmnRandom *r, float *image, int channels, int height, int width) {
  if (a->edge > 0 && fmn_random_uniform(r) < a->edge)
    edge(r, image, channels, height, width);
  if (a->negative > 0 && fmn_random_uniform(r) < a->negative)
    negative(image, (gsize)channels * height * width);
  if (a->tone > 0)
    tone(r, (float)a->tone, image, channels, height, width);
  if (a->texture > 0)
    texture(r, (float)a->texture, image, channels, height, width);
  if (a->blur > 0)
    blur(r, a->blur, image, channels, height, width);
}
