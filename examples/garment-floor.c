#include "garment-floor.h"

#include <math.h>

#include "garment-scene.h"

static float lattice(int x, int y, guint32 seed) {
  guint32 h = (guint32)x * 374761393u + (guint32)y * 668265263u + seed * 2246822519u;
  h = (h ^ (h >> 13)) * 1274126177u;
  return (float)((h ^ (h >> 16)) & 0xffff) / 32767.5f - 1;
}

/* Smooth noise in -1..1 that varies over one unit. */
static float noise(float x, float y, guint32 seed) {
  int ix = (int)floorf(x), iy = (int)floorf(y);
  float fx = x - ix, fy = y - iy;
  fx = fx * fx * (3 - 2 * fx);
  fy = fy * fy * (3 - 2 * fy);
  float top = lattice(ix, iy, seed) * (1 - fx) + lattice(ix + 1, iy, seed) * fx;
  float bottom = lattice(ix, iy + 1, seed) * (1 - fx) + lattice(ix + 1, iy + 1, seed) * fx;
  return top * (1 - fy) + bottom * fy;
}

static float octaves(float x, float y, guint32 seed) {
  return 0.55f * noise(x, y, seed) + 0.3f * noise(2.1f * x, 2.1f * y, seed + 1) + 0.15f * noise(4.3f * x, 4.3f * y, seed + 2);
}

static float fabric(float x, float y, float period, guint32 seed) {
  float u = x / period, v = y / period;
  gboolean over = ((int)floorf(u) + (int)floorf(v)) & 1;
  float across = over ? u - floorf(u) : v - floorf(v);
  return 0.035f * (sinf(across * (float)G_PI) - 0.6f) * (over ? 1 : 0.8f) +
         0.02f * noise(over ? x * 0.4f : x * 0.02f, over ? y * 0.02f : y * 0.4f, seed) + 0.02f * octaves(x / 90, y / 90, seed + 7);
}

static float wood(float x, float y, float plank, guint32 seed) {
  int row = (int)floorf(y / plank);
  float tone = 0.035f * lattice(row, 3, seed), in_row = y - row * plank;
  float grain = octaves(x / 150 + row * 17.3f, y / 5 + 1.5f * noise(x / 120, y / 40, seed + 5), seed + (guint32)row);
  float seam = in_row < 2 ? -0.06f : 0;
  return tone + 0.045f * grain + seam;
}

void garment_floor_fill(GarmentFloor kind, const float base[3], guint64 *random, float *rgb, int width, int height) {
  guint32 seed = (guint32)(garment_random(random) * 1e6);
  float angle = (float)(garment_random(random) * 2 * G_PI), period = (float)(4 + 4 * garment_random(random));
  float plank = (float)(70 + 60 * garment_random(random)), ramp = (float)(0.12 + 0.14 * garment_random(random));
  float dx = cosf(angle) / width, dy = sinf(angle) / height;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      float v = 0.02f * octaves(x / 130.f, y / 130.f, seed + 40), warm = 0;
      switch (kind) {
      case GARMENT_FLOOR_GRADIENT:
        v += ramp * (dx * (x - width / 2) + dy * (y - height / 2)) * 2;
        warm = v * 0.5f;
        break;
      case GARMENT_FLOOR_FABRIC: v += fabric(x, y, period, seed); break;
      case GARMENT_FLOOR_WOOD:
        v += wood(x, y, plank, seed);
        warm = v * 0.4f;
        break;
      case GARMENT_FLOOR_CARPET: v += 0.05f * noise(x / 2.2f, y / 2.2f, seed) + 0.03f * octaves(x / 14.f, y / 14.f, seed + 9); break;
      default: break;
      }
      float *p = rgb + 3 * ((gsize)y * width + x);
      p[0] = base[0] * (1 + 1.6f * (v + warm));
      p[1] = base[1] * (1 + 1.6f * v);
      p[2] = base[2] * (1 + 1.6f * (v - warm));
    }
}
