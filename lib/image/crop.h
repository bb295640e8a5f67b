/* The small picture that a network sees: the object, centred, its longer side filling the input, as Fashion-MNIST's
 * makers prepared theirs (Xiao et al. 2017, section 2): on black, gray, bright where the garment is dark. */
#ifndef FMN_IMAGE_CROP_H
#define FMN_IMAGE_CROP_H

#include "fmnist.h"
#include "image/segment.h"

/* Fills out (p->channels × p->height × p->width bytes). mask NULL: everything inside of the box is object. box and mask
 * may reach outside of the picture. Never fails; an empty box gives an empty picture. Allocates where p's size
 * is another than in the call before, or the box larger than in all. */
void fmn_crop(FmnSampler *sampler, const FmnImage *image, const FmnBox *box, const FmnMask *mask,
              const FmnPreprocess *p, guint8 *out);

#endif
