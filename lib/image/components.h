/* Connected components of a mask. */
#ifndef FMN_IMAGE_COMPONENTS_H
#define FMN_IMAGE_COMPONENTS_H

#include <glib.h>

typedef struct {
  int area;
  int x0, y0, x1, y1; /* bounding box, x1 and y1 just outside */
  double sum_x, sum_y;
  int border; /* pixels on the picture's border */
} FmnComponentStats;

/* Memory for pictures of up to a size; owned by whoever calls new. */
typedef struct FmnLabeller FmnLabeller;
FmnLabeller *fmn_labeller_new(int width, int height);
void fmn_labeller_free(FmnLabeller *labeller); /* NULL allowed */

/* Labels the pixels that are not 0 (with `inside` FALSE: those that are 0), touching sides making neighbours, with
 * `inside` corners too. *labels: one a pixel, 0 elsewhere, else index + 1 into *stats. Both belong to the labeller and
 * hold until its next run. Returns how many. */
int fmn_labeller_run(FmnLabeller *labeller, const guint8 *mask, gboolean inside, const guint32 **labels,
                     const FmnComponentStats **stats);

#endif
