/* A picture of how a training went. */
#ifndef FMN_TRAIN_PLOT_H
#define FMN_TRAIN_PLOT_H

#include "train/session.h"

/* Draws the loss, the accuracy and the learning rate of each epoch, training and validation, as SVG or, where path ends
 * in .png, as PNG. title names the network; detector: its mAP in place of the accuracy. */
gboolean fmn_plot_write(const char *path, const char *title, gboolean detector, const FmnEpoch *history, int n,
                        GError **error);

#endif
