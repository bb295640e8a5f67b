#include "train/extent.h"

gboolean fmn_extent_find(const guint8 *pixels, int stride, int width, int height, guint8 level, FmnExtent *e) {
  *e = (FmnExtent){width, height, 0, 0};
  for (int y = 0; y < height; y++) {
    const guint8 *line = pixels + (gsize)y * (gsize)stride;
    int left = 0, right = width;
    while (left < width && line[left] <= level)
      left++;
    while (right > left && line[right - 1] <= level)
      right--;
    if (left == right)
      continue;
    e->left = MIN(e->left, left);
    e->right = MAX(e->right, right);
    e->top = MIN(e->top, y);
    e->bottom = y + 1;
  }
  return e->right > e->left;
}
