/* The inside of a session, for the three files that work on it: session.c, checkpoint.c, finish.c. */
#ifndef FMN_TRAIN_SESSION_STATE_H
#define FMN_TRAIN_SESSION_STATE_H

#include "io/model_file.h"
#include "train/loader.h"
#include "train/session.h"
#include "train/teacher.h"

struct FmnSession {
  const FmnTrainConfig *config;
  FmnListener listener;
  FmnModelFile *model;
  FmnTrainData *data;
  FmnPool *pool;
  FmnTrainer *trainer;
  const FmnTrainParam *params; /* the trainer's */
  int n_params, classes, batch, steps;
  FmnOptimizer *optimizer;
  FmnEma *ema;         /* NULL: none */
  FmnTeacher *teacher; /* NULL: none */
  FmnLoader *loader;
  gint64 started;   /* monotonic µs */
  gboolean already; /* finished before */

  /* Position and what a checkpoint keeps besides the weights. */
  FmnSchedule schedule;
  int epoch, step; /* done */
  double loss_sum; /* of this epoch */
  gint64 correct;
  double seconds;  /* spent on this epoch */
  GArray *history; /* of FmnEpoch */
  int best_epoch;  /* 0: none */
  double best_accuracy, best_loss;
  float **best; /* weights, one array a parameter; NULL before the first choice */
};

/* Writes or reads all of it. load() checks that the options are those of the checkpoint. */
gboolean fmn_checkpoint_save(FmnSession *s, GError **error);
gboolean fmn_checkpoint_load(FmnSession *s, const char *path, GError **error);

/* Puts other arrays of weights (one a parameter) in place of the graph's and gives back those that were there; twice is
 * as before. */
void fmn_session_swap_weights(FmnSession *s, float **weights);
/* The arrays that validation looks at and best keeps: the average, or the weights. (g_free, only the outer array) */
float **fmn_session_watched(FmnSession *s);
void fmn_session_keep_best(FmnSession *s);
gboolean fmn_session_finite(const FmnSession *s);
void fmn_session_notice(const FmnSession *s, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The model file, and what is measured through it. */
gboolean fmn_session_finish(FmnSession *s, gboolean complete, FmnResult *result, GError **error);
/* Whether the model file at config->out is what this training would end with. */
gboolean fmn_session_is_finished(const FmnSession *s);

#endif
