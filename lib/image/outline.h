/* Inside of lib/image: how much of an object's outline can be seen. */
#ifndef FMN_IMAGE_OUTLINE_H
#define FMN_IMAGE_OUTLINE_H

#include "image/components.h"

/* Places where an object ends and the ground begins, along lines and columns, as far as there is picture enough on both
 * sides; those at which the colour changes. */
typedef struct {
  int all, seen;
} FmnOutlineCount;

/* Of each component of the mask (255 and 0; components: of what is 255): outlines, as many. rgb: planes of width ×
 * height. What is cut out of an even wall, a gradient or the space between lines of writing ends where nothing does; a
 * thing nearly always ends where its colour does. */
void fmn_outline_measure(const guint8 *rgb, const guint8 *mask, int width, int height, const FmnComponents *components,
                         FmnOutlineCount *outlines);

#endif
