/* Operations on pictures of width × height bytes, rows without gaps. */
#ifndef FMN_IMAGE_MORPHOLOGY_H
#define FMN_IMAGE_MORPHOLOGY_H

#include <glib.h>

/* Largest (smallest) value in the square of 2 × radius + 1 around each pixel; beyond the picture there is nothing.
 * scratch: width × height bytes. */
void fmn_dilate(guint8 *data, int width, int height, int radius, guint8 *scratch);
void fmn_erode(guint8 *data, int width, int height, int radius, guint8 *scratch);
/* Without specks, then without gaps, that the square does not fit into. */
void fmn_clean(guint8 *mask, int width, int height, int radius, guint8 *scratch);

/* Mean of the square of 2 × radius + 1, the edge repeated; repeated, it nears a Gaussian. radius ≤ 63.
 * scratch: width × height bytes. */
void fmn_box_blur(guint8 *data, int width, int height, int radius, guint8 *scratch);

/* The threshold t (values ≤ t against values > t) that parts the histogram into the two most separate classes; *spread
 * (NULL allowed): the share of the variance that lies between them, 0..1. An empty or uniform histogram gives 0. */
int fmn_otsu(const guint32 histogram[256], double *spread);

#endif
