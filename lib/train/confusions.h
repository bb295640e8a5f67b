/* A picture of what a classifier takes for what. */
#ifndef FMN_TRAIN_CONFUSIONS_H
#define FMN_TRAIN_CONFUSIONS_H

#include "io/model_file.h"
#include "train/data.h"

typedef struct {
  int truth, answer, count; /* classes, images */
} FmnConfusion;

/* The pairs of different classes with the most images in a confusion matrix (classes × classes; row: the true class),
 * the most first, none without an image; returns how many of at most max there are. */
int fmn_confusions_worst(const int *confusion, int classes, FmnConfusion *worst, int max);

/* Draws, as SVG or PNG by the ending of path, the confusion matrix and the worst pairs with the images that were
 * mistaken with the greatest confidence. probabilities: images->n × labels. */
gboolean fmn_confusions_write(const char *path, const FmnModelFile *model, const FmnImages *images,
                              const float *probabilities, GError **error);

#endif
