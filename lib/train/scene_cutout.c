#include <string.h>

#include "train/extract.h"
#include "train/scene_parts.h"

#define PAD FMN_ITEM_PAD
#define BLACK (6 / 255.f) /* at most this bright is what lies outside */
#define PALE 0.3f         /* mean brightness under which an item is of white cloth, and then this is what is outside: */
#define WHITE_CLOTH (1 / 255.f)
#define SPECK 0.04 /* of the largest part */
/* What one may see through is as dark as HOLE somewhere and nowhere brighter than HOLE_EDGE. */
#define HOLE (8 / 255.f)
#define HOLE_EDGE (30 / 255.f)

static void flood(const FmnCutout *c, int start, float level, guint8 *seen, int *stack, int *n_seen) {
  int n = 0, from = 0;
  stack[n++] = start;
  seen[start] = 1;
  while (from < n) {
    int at = stack[from++], x = at % c->width, y = at / c->width;
    const int next[4][2] = {{x - 1, y}, {x + 1, y}, {x, y - 1}, {x, y + 1}};
    for (int i = 0; i < 4; i++) {
      int nx = next[i][0], ny = next[i][1], to = ny * c->width + nx;
      if (nx < 0 || ny < 0 || nx >= c->width || ny >= c->height || seen[to] || c->value[to] > level)
        continue;
      seen[to] = 1;
      stack[n++] = to;
    }
  }
  *n_seen = n;
}

/* Mean of the neighbours that are marked; FALSE without any. */
static gboolean neighbours(const FmnCutout *c, const guint8 *marked, int at, float *mean) {
  float sum = 0;
  int n = 0, x0 = at % c->width, y0 = at / c->width;
  for (int y = MAX(0, y0 - 1); y <= MIN(c->height - 1, y0 + 1); y++)
    for (int x = MAX(0, x0 - 1); x <= MIN(c->width - 1, x0 + 1); x++)
      if (marked[y * c->width + x]) {
        sum += c->value[y * c->width + x];
        n++;
      }
  *mean = n > 0 ? sum / (float)n : 0;
  return n > 0;
}

/* White cloth, hardly brighter than black, must not be taken for it. */
static float black_level(const FmnCutout *c) {
  float sum = 0;
  int n = 0;
  for (int i = 0; i < c->width * c->height; i++)
    if (c->value[i] > BLACK) {
      sum += c->value[i];
      n++;
    }
  return sum < PALE * (float)n ? WHITE_CLOTH : BLACK;
}

/* Grows the part of the garment that `start` is in; its pixels are in stack. */
static int grow_part(const FmnCutout *c, int start, const guint8 *outside, guint8 *seen, int *stack) {
  int n = 0;
  stack[n++] = start;
  seen[start] = 1;
  for (int from = 0; from < n; from++) {
    int x0 = stack[from] % c->width, y0 = stack[from] / c->width;
    for (int y = MAX(0, y0 - 1); y <= MIN(c->height - 1, y0 + 1); y++)
      for (int x = MAX(0, x0 - 1); x <= MIN(c->width - 1, x0 + 1); x++) {
        int to = y * c->width + x;
        if (seen[to] || outside[to])
          continue;
        seen[to] = 1;
        stack[n++] = to;
      }
  }
  return n;
}

/* What the data set's makers left of the picture around it. */
static void drop_specks(const FmnCutout *c, guint8 *outside, guint8 *seen, int *stack) {
  int size = c->width * c->height, largest = 0;
  for (int round = 0; round < 2; round++) {
    memset(seen, 0, (gsize)size);
    for (int i = 0; i < size; i++) {
      if (outside[i] || seen[i])
        continue;
      int n = grow_part(c, i, outside, seen, stack);
      if (round == 0)
        largest = MAX(largest, n);
      else if (n < SPECK * largest)
        for (int k = 0; k < n; k++)
          outside[stack[k]] = 1;
    }
  }
}

/* Dark parts within a bright garment are white cloth, or one sees through there: in bags, sandals and trousers
 * anywhere, in others only at the sides, between sleeves and body. */
static gboolean is_hole(const FmnCutout *c, int label, const int *part, int n) {
  const int steps[4] = {-1, 1, -c->width, c->width};
  double x = 0, around = 0;
  int rim = 0;
  for (int k = 0; k < n; k++) {
    x += part[k] % c->width + 0.5;
    for (int i = 0; i < 4; i++) {
      float v = c->value[part[k] + steps[i]];
      around += v > HOLE_EDGE ? v : 0;
      rim += v > HOLE_EDGE;
    }
  }
  gboolean anywhere = label == 1 || label == 5 || label == 8;
  double off = fabs(x / n - c->width / 2.0) / (c->width - 2 * PAD);
  return n >= 3 && around > 0.25 * rim && (anywhere || off > 0.12);
}

static void open_holes(const FmnCutout *c, int label, guint8 *outside, guint8 *seen, int *stack) {
  int size = c->width * c->height, n;
  memcpy(seen, outside, (gsize)size);
  for (int i = 0; i < size; i++) {
    if (seen[i] || c->value[i] > HOLE)
      continue;
    flood(c, i, HOLE_EDGE, seen, stack, &n);
    for (int k = 0, hole = is_hole(c, label, stack, n); hole && k < n; k++)
      outside[stack[k]] = 1;
  }
}

/* A rim pixel is partly garment and partly black: takes the two apart, and lets the garment's brightness go on beyond
 * its rim, so that enlarging mixes no black in. */
static void split_rim(FmnCutout *c, const guint8 *outside, guint8 *known, guint8 *core) {
  int size = c->width * c->height;
  float mean;
  for (int i = 0; i < size; i++)
    known[i] = !outside[i];
  for (int i = 0; i < size; i++)
    core[i] = known[i] && !neighbours(c, outside, i, &mean);
  for (int i = 0; i < size; i++) {
    c->cover[i] = outside[i] ? 0 : 1;
    if (!known[i] || core[i] || !(neighbours(c, core, i, &mean) || neighbours(c, known, i, &mean)))
      continue;
    if (c->value[i] < mean) {
      c->cover[i] = MAX(c->value[i] / mean, 0.3f);
      c->value[i] = mean;
    }
  }
  for (int round = 0; round < PAD + 1; round++) {
    memcpy(core, known, (gsize)size);
    for (int i = 0; i < size; i++)
      if (!core[i])
        known[i] = neighbours(c, core, i, &c->value[i]);
  }
}

static void measure(FmnCutout *c) {
  double sum = 0, n = 0;
  c->x0 = (float)c->width;
  c->y0 = (float)c->height;
  c->x1 = c->y1 = 0;
  for (int y = 0; y < c->height; y++)
    for (int x = 0; x < c->width; x++) {
      if (c->cover[y * c->width + x] < 0.5f)
        continue;
      c->x0 = MIN(c->x0, (float)x);
      c->y0 = MIN(c->y0, (float)y);
      c->x1 = MAX(c->x1, (float)x + 1);
      c->y1 = MAX(c->y1, (float)y + 1);
      sum += c->value ? c->value[y * c->width + x] : 0;
      n++;
    }
  c->mean = n > 0 ? (float)(sum / n) : 0;
  c->area = (int)n;
}

static void cut_gray(FmnCutout *c, const guint8 *item, int width, int height, int label) {
  c->width = width + 2 * PAD;
  c->height = height + 2 * PAD;
  gsize size = (gsize)c->width * (gsize)c->height;
  c->value = g_new0(float, 2 * size);
  c->cover = c->value + size;
  guint8 *outside = g_new0(guint8, 3 * size), *known = outside + size, *core = known + size;
  int *stack = g_new(int, size), n;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      c->value[(y + PAD) * c->width + x + PAD] = (float)item[y * width + x] / 255;
  flood(c, 0, black_level(c), outside, stack, &n);
  drop_specks(c, outside, known, stack);
  open_holes(c, label, outside, known, stack);
  split_rim(c, outside, known, core);
  g_free(outside);
  g_free(stack);
}

static void cut_photo(FmnCutout *c, const guint8 *item, int width, int height) {
  gsize size = (gsize)width * (gsize)height;
  c->width = width;
  c->height = height;
  c->planes = item;
  c->cover = g_new(float, size);
  for (gsize i = 0; i < size; i++)
    c->cover[i] = (float)item[3 * size + i] / 255;
}

FmnCutout *fmn_cutout_new(const FmnImages *items, int index) {
  FmnCutout *c = g_new0(FmnCutout, 1);
  if (items->channels == FMN_CUTOUT_CHANNELS)
    cut_photo(c, items->images[index], items->width, items->height);
  else
    cut_gray(c, items->images[index], items->width, items->height, items->labels[index]);
  measure(c);
  return c;
}

void fmn_cutout_free(FmnCutout *c) {
  if (!c)
    return;
  g_free(c->value ? c->value : c->cover);
  g_free(c);
}
