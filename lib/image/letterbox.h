/* The whole picture in the middle of a square input, as large as fits with its proportions kept, the rest gray: what
 * detectors look at. */
#ifndef FMN_IMAGE_LETTERBOX_H
#define FMN_IMAGE_LETTERBOX_H

#include "image/image.h"

#define FMN_LETTERBOX_GRAY 128

/* Fills out: channels (1 or 3) planes of size × size bytes. place: the part of the input that the picture fills, in
 * shares of the input; may be NULL. Allocates nothing after the first call with that size. */
void fmn_letterbox(FmnSampler *sampler, const FmnImage *image, int channels, int size, guint8 *out, FmnBox *place);

#endif
