#include "image/morphology.h"

#include <string.h>

#include "image/loops.h"

typedef void (*Extreme)(const guint8 *const lines[3], gsize n, guint8 *out);

/* The whole picture as one line: where lines end, neighbours are those of the next one, and are put right after. */
static void along_lines(const guint8 *in, int w, int h, Extreme op, guint8 *out) {
  gsize n = (gsize)w * h;
  if (w == 1) {
    memcpy(out, in, n);
    return;
  }
  op((const guint8 *const[3]){in, in + 1, in + 2}, n - 2, out + 1);
  for (const guint8 *line = in; line < in + n; line += w, out += w) {
    const guint8 *last = line + w - 1;
    op((const guint8 *const[3]){line, line, line + 1}, 1, out);
    op((const guint8 *const[3]){last, last, last - 1}, 1, out + w - 1);
  }
}

static void across_lines(const guint8 *in, int w, int h, Extreme op, guint8 *out) {
  gsize line = w, last = (gsize)w * (h - 1);
  if (h == 1) {
    memcpy(out, in, line);
    return;
  }
  op((const guint8 *const[3]){in, in, in + line}, line, out);
  op((const guint8 *const[3]){in, in + line, in + 2 * line}, last - line, out + line);
  op((const guint8 *const[3]){in + last - line, in + last, in + last}, line, out + last);
}

static void square(guint8 *data, int w, int h, int radius, guint8 *scratch, Extreme op) {
  for (int r = 0; r < radius; r++) {
    along_lines(data, w, h, op, scratch);
    across_lines(scratch, w, h, op, data);
  }
}

void fmn_dilate(guint8 *data, int w, int h, int radius, guint8 *scratch) {
  square(data, w, h, radius, scratch, fmn_loops()->largest_of);
}

void fmn_erode(guint8 *data, int w, int h, int radius, guint8 *scratch) {
  square(data, w, h, radius, scratch, fmn_loops()->smallest_of);
}

void fmn_clean(guint8 *mask, int w, int h, int radius, guint8 *scratch) {
  fmn_erode(mask, w, h, radius, scratch);
  fmn_dilate(mask, w, h, 2 * radius, scratch);
  fmn_erode(mask, w, h, radius, scratch);
}

/* The `radius` values at an end of the line, which goes on as it ends; step 1 from its first value, −1 from its last.
 */
static void blur_end(const guint8 *line, int n, int radius, int step, guint8 *out) {
  int count = 2 * radius + 1, sum = count / 2 + *line * (radius + 1), scale = (65536 + count - 1) / count;
  for (int k = 1; k <= radius; k++)
    sum += line[MIN(k, n - 1) * step];
  for (int i = 0; i < MIN(radius, n); i++) {
    out[i * step] = (guint8)(sum * scale >> 16);
    sum += line[MIN(i + radius + 1, n - 1) * step] - *line;
  }
}

/* As along_lines() above. */
static void blur_lines(const guint8 *in, int w, int h, int radius, guint8 *out) {
  const guint8 *lines[2 * FMN_BLUR_RADIUS + 1];
  gsize n = (gsize)w * h, ends = 2 * (gsize)radius;
  for (int k = 0; k <= 2 * radius; k++)
    lines[k] = in + k;
  if (n > ends)
    fmn_loops()->mean_of(lines, 2 * radius + 1, n - ends, out + radius);
  for (int y = 0; y < h; y++, in += w, out += w) {
    blur_end(in, w, radius, 1, out);
    blur_end(in + w - 1, w, radius, -1, out + w - 1);
  }
}

static void blur_columns(const guint8 *in, int w, int h, int radius, guint8 *out) {
  const guint8 *lines[2 * FMN_BLUR_RADIUS + 1];
  for (int y = 0; y < h;) {
    int together = y == radius ? MAX(h - 2 * radius, 1) : 1;
    for (int k = 0; k <= 2 * radius; k++)
      lines[k] = in + (gsize)CLAMP(y + k - radius, 0, h - 1) * w;
    fmn_loops()->mean_of(lines, 2 * radius + 1, (gsize)together * w, out + (gsize)y * w);
    y += together;
  }
}

void fmn_box_blur(guint8 *data, int w, int h, int radius, guint8 *scratch) {
  if (radius < 1)
    return;
  g_assert(radius <= FMN_BLUR_RADIUS);
  blur_lines(data, w, h, radius, scratch);
  blur_columns(scratch, w, h, radius, data);
}

int fmn_otsu(const guint32 histogram[256], double *spread) {
  double total = 0, sum = 0, squares = 0;
  for (int i = 0; i < 256; i++) {
    total += histogram[i];
    sum += (double)i * histogram[i];
    squares += (double)i * i * histogram[i];
  }
  double below = 0, below_sum = 0, best = 0;
  int threshold = 0;
  for (int i = 0; i < 255; i++) {
    below += histogram[i];
    below_sum += (double)i * histogram[i];
    double above = total - below;
    if (below == 0 || above == 0)
      continue;
    double d = below_sum / below - (sum - below_sum) / above, between = below * above * d * d;
    if (between > best) {
      best = between;
      threshold = i;
    }
  }
  double variance = total > 0 ? (squares - sum * sum / total) / total : 0;
  if (spread)
    *spread = variance > 1e-9 ? best / (total * total) / variance : 0;
  return threshold;
}
