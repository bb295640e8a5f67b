/* Inside of lib/image: a rough mask made exact by the colours that are found inside and outside of it. */
#ifndef FMN_IMAGE_REFINE_H
#define FMN_IMAGE_REFINE_H

#include <glib.h>

/* For pictures of width × height; owned by whoever calls new. */
typedef struct FmnRefiner FmnRefiner;
FmnRefiner *fmn_refiner_new(int width, int height);
void fmn_refiner_free(FmnRefiner *refiner); /* NULL allowed */

/* The grid of rough masks: half of the picture's, rounded up, or the whole of small ones. */
int fmn_refiner_width(const FmnRefiner *refiner);
int fmn_refiner_height(const FmnRefiner *refiner);

/* The picture, planes of R, G and B, on the rough grid. */
void fmn_refiner_shrink(const FmnRefiner *refiner, const guint8 *rgb, guint8 *rough);

/* What belongs to an object is learnt in rounds from the colours of the mask, those near the middle of the picture
 * counting more, and what belongs to the ground from those outside of it, near the frame counting more (as GrabCut
 * does, Rother et al. 2004, with histograms and means in place of mixtures and cuts). rough_rgb: from shrink(); rough:
 * 255 where an object may be, 0 elsewhere, changed; rgb, mask: planes of the picture, and what is found. */
void fmn_refine(FmnRefiner *refiner, const guint8 *rough_rgb, guint8 *rough, const guint8 *rgb, guint8 *mask);

#endif
