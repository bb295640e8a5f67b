/* The command line of fmnist-train train. */
#ifndef FMNIST_TRAIN_TRAIN_OPTIONS_H
#define FMNIST_TRAIN_TRAIN_OPTIONS_H

#include "train/recipes.h"

typedef struct {
  FmnTrainConfig *config;
  char *log, *plot; /* paths; NULL: none */
} TrainOptions;

/* FALSE where the options are wrong: the message is on stderr, return EXIT_USAGE. */
gboolean train_options_read(TrainOptions *o, int argc, char **argv);
void train_options_clear(TrainOptions *o); /* also after train_options_read() has failed */

#endif
