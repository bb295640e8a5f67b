/* Inside of lib/train: what cameras, light and cut-outs do to pictures of garments. */
#ifndef FMN_TRAIN_CAMERA_H
#define FMN_TRAIN_CAMERA_H

#include "train/augment.h"

/* Changes an image of floats 0..1, black where there is no object, by a's edge, tone, negative, texture and blur; those
 * that are off draw nothing from the stream. */
void fmn_camera_change(const FmnAugment *a, FmnRandom *r, float *image, int channels, int height, int width);

#endif
