/* The inside of a session, for the files that work on it: session.c, init.c, checkpoint.c, finish.c and what is
 * trained, classification.c, detection.c. */
#ifndef FMN_TRAIN_SESSION_STATE_H
#define FMN_TRAIN_SESSION_STATE_H

#include "io/model_file.h"
#include "nn/plan.h"
#include "train/data.h"
#include "train/trainer.h"
#include "train/session.h"
#include "train/teacher.h"

/* What a step of training came to. */
typedef struct {
  double loss;         /* sum over the images */
  int correct, judged; /* answers that were right, of how many */
} FmnStep;

/* What differs between trainings of different kinds of networks. */
typedef struct {
  /* Figures of the network and the data before anything is built: model->preprocess, classes, data, batch, steps. */
  gboolean (*open)(FmnSession *s, GError **error);
  /* After the trainer is made; fresh: the weights are not those of a checkpoint. May be NULL. */
  gboolean (*start)(FmnSession *s, gboolean fresh, GError **error);
  gboolean (*load)(FmnSession *s, GError **error); /* starts preparing batches from epoch and step on */
  /* Takes the next batch. */
  void (*next)(FmnSession *s);
  /* Forward and backward pass over it; may be called again, for other weights. */
  FmnStep (*pass)(FmnSession *s, guint64 seed);
  /* Takes the statistics of the graph's batch norms anew, with the weights that it has now. May be NULL. */
  void (*renew_statistics)(FmnSession *s);
  /* Measures a plan on the validation images; fills in that part of *e, which is NAN. */
  void (*validate)(FmnSession *s, FmnPlan *plan, FmnEpoch *e);
  /* Measures the written model, read back; writes what was found into *result and the metadata of s->model. */
  gboolean (*measure)(FmnSession *s, FmnModelFile *read, gboolean complete, FmnResult *result, GError **error);
  void (*close)(FmnSession *s); /* frees s->work */
} FmnTask;

extern const FmnTask fmn_task_classification, fmn_task_detection;

struct FmnSession {
  const FmnTask *task;
  gpointer work; /* the task's own */
  const FmnTrainConfig *config;
  FmnListener listener;
  FmnModelFile *model;
  FmnTrainData *data;
  FmnPool *pool;
  FmnTrainer *trainer;
  const FmnTrainParam *params; /* the trainer's */
  int n_params, classes, batch, steps;
  FmnOptimizer *optimizer;
  FmnSam *sam;         /* NULL: none */
  FmnEma *ema;         /* NULL: none */
  FmnTeacher *teacher; /* NULL: none */
  gint64 started;      /* monotonic µs */
  gboolean already;    /* finished before */

  /* Position and what a checkpoint keeps besides the weights. */
  FmnSchedule schedule;
  int epoch, step; /* done */
  double loss_sum; /* of this epoch */
  gint64 correct, judged;
  double seconds;  /* spent on this epoch */
  GArray *history; /* of FmnEpoch */
  int best_epoch;  /* 0: none */
  double best_accuracy, best_loss;
  float **best; /* weights, one array a parameter; NULL before the first choice */
};

/* Writes or reads all of it. load() checks that the options are those of the checkpoint. */
gboolean fmn_checkpoint_save(FmnSession *s, GError **error);
gboolean fmn_checkpoint_load(FmnSession *s, const char *path, GError **error);

/* Takes over every weight of a model file that this network has too, by name, and as far as it has use for it. */
gboolean fmn_session_start_from(FmnSession *s, const char *path, GError **error);

/* The arrays that validation looks at and best keeps: the average, or the weights. (g_free, only the outer array) */
float **fmn_session_watched(FmnSession *s);
void fmn_session_keep_best(FmnSession *s);
gboolean fmn_session_finite(const FmnSession *s);
void fmn_session_notice(const FmnSession *s, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The test split beside the first data set; errors are those of fmn_dataset_load(). */
FmnDataset *fmn_session_test_split(const FmnSession *s, GError **error);

/* Sets a string of the model's metadata, which it takes over; a number that is NAN is removed. */
void fmn_session_describe(FmnSession *s, const char *key, char *value);
void fmn_session_describe_number(FmnSession *s, const char *key, double value);

/* The model file, and what is measured through it. */
gboolean fmn_session_finish(FmnSession *s, gboolean complete, FmnResult *result, GError **error);
/* Whether the model file at config->out is what this training would end with. */
gboolean fmn_session_is_finished(const FmnSession *s);

#endif
