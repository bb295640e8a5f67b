/* One direction of a resize: which samples each cell of the result is made of, and in which shares. */
#ifndef FMN_IMAGE_AXIS_H
#define FMN_IMAGE_AXIS_H

#include <glib.h>

typedef struct {
  int first, count; /* samples first … first + count - 1, always inside of the line */
  int weights;      /* index of the first one's weight */
} FmnTap;

/* Zero-filled at first. */
typedef struct {
  int lo, hi;  /* all samples touched are in lo … hi - 1 */
  int longest; /* the most samples that a cell has */
  int even;    /* each cell is so many whole samples, 2, 4 or 8, the first one's from lo on; else 0 */
  FmnTap *taps;
  guint16 *weights; /* of one cell: sum FMN_AXIS_TOTAL */
  int taps_size, weights_size;
  int samples, cells; /* what it is set to */
  double from, to;
} FmnAxis;

#define FMN_AXIS_TOTAL 65535

/* Cells cells over the stretch from … to (in samples, may reach outside: the first and the last sample are repeated) of
 * a line of samples samples: means where it shrinks, linear interpolation where it enlarges. Does nothing where it is
 * set so. */
void fmn_axis_set(FmnAxis *axis, int samples, double from, double to, int cells);
void fmn_axis_clear(FmnAxis *axis);

#endif
