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

/* Pixels x0 … x1 - 1 of a line that belong to one component. */
typedef struct {
  int y, x0, x1;
  int component; /* index into stats */
} FmnRun;

typedef struct {
  int n, n_runs;
  const FmnComponentStats *stats; /* n */
  const FmnRun *runs;             /* n_runs, by line and column */
} FmnComponents;

/* Memory for pictures of up to a size; owned by whoever calls new. */
typedef struct FmnLabeller FmnLabeller;
FmnLabeller *fmn_labeller_new(int width, int height);
void fmn_labeller_free(FmnLabeller *labeller); /* NULL allowed */

/* The components of pixels that are 255, others being 0 (with `inside` FALSE: of those that are 0), touching sides
 * making neighbours, with `inside` corners too; in the order of their first pixels. Owned by the labeller, held until
 * its next run. */
FmnComponents fmn_labeller_run(FmnLabeller *labeller, const guint8 *mask, gboolean inside);

#endif
