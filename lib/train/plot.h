/* A picture of how a training went. */
#ifndef FMN_TRAIN_PLOT_H
#define FMN_TRAIN_PLOT_H

#include "train/session.h"

/* Writes an SVG with the loss, the accuracy and the learning rate of each epoch, training and validation; through a
 * temporary file, renamed. title names the network. */
gboolean fmn_plot_write(const char *path, const char *title, const FmnEpoch *history, int n, GError **error);

#endif
