/* One direction of a resize: which samples each cell of the result is made of, and in which shares. */
#ifndef FMN_IMAGE_AXIS_H
#define FMN_IMAGE_AXIS_H

#include <glib.h>

typedef struct {
  int first, count; /* samples first … first + count - 1, always inside of the line */
  int weights;      /* index of the first one's weight */
} FmnTap;

typedef struct {
  int lo, hi; /* all samples touched are in lo … hi - 1 */
  FmnTap *taps;
  guint16 *weights; /* of one cell: sum total */
  int taps_size, weights_size;
} FmnAxis;

/* Cells cells over the stretch from … to (in samples, may reach outside: the first and the last sample are repeated) of
 * a line of samples samples: means where it shrinks, linear interpolation where it enlarges. total ≤ 65535. */
void fmn_axis_set(FmnAxis *axis, int samples, double from, double to, int cells, int total);
void fmn_axis_clear(FmnAxis *axis);

#endif
