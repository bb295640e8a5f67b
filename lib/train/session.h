/* A training from its start to the model file. */
#ifndef FMN_TRAIN_SESSION_H
#define FMN_TRAIN_SESSION_H

#include "train/calibrate.h"
#include "train/recipes.h"

/* How one epoch went. Validation figures are NAN where no image is set aside. The accuracy of a detector is that of the
 * classes of its boxes, its validation accuracy the mAP at an overlap of .50. */
typedef struct {
  int epoch;             /* from 1 */
  double loss, accuracy; /* over the epoch's batches, as augmented */
  double validation_loss, validation_accuracy;
  double validation_map; /* of a detector: mAP over overlaps of .50 to .95; NAN for classifiers */
  double rate;           /* of the last step */
  double seconds;        /* without validation */
  int images;
  gboolean best; /* the best so far on the validation images */
} FmnEpoch;

typedef struct {
  int epoch, epochs, step, steps;    /* epoch from 1; step: how many of the epoch are done */
  double loss, accuracy;             /* of the epoch so far */
  double images_per_s, seconds_left; /* seconds_left of the whole training */
} FmnProgress;

/* What the training tells while it runs; any may be NULL. Called in the thread of fmn_session_run(). */
typedef struct {
  void (*step)(const FmnProgress *progress, gpointer user);
  void (*epoch)(const FmnEpoch *epoch, gpointer user);
  void (*notice)(const char *text, gpointer user);
  gboolean (*stop)(gpointer user); /* TRUE: write a checkpoint and return */
  gpointer user;
} FmnListener;

typedef enum {
  FMN_OUTCOME_FAILED,
  FMN_OUTCOME_FINISHED,
  FMN_OUTCOME_ALREADY,    /* resumed, but the model was already there, finished by the same command: left as it is */
  FMN_OUTCOME_STOPPED,    /* by the listener; a checkpoint is there, the model file is not touched */
  FMN_OUTCOME_TIME_LIMIT, /* a checkpoint and a model file of what there is are written */
} FmnOutcome;

typedef struct {
  double validation_accuracy; /* through the written file; NAN where no image is set aside */
  double test_accuracy;       /* NAN where there is no test split beside the training data */
  double validation_map;      /* of a detector, as in FmnEpoch, through the written file; NAN for others */
  double map50, map50_95;     /* of a finished detector on test scenes; NAN otherwise */
  FmnCalibration calibration; /* by the validation images */
  int best_epoch, epochs_done;
} FmnResult;

typedef struct FmnSession FmnSession;

/* Loads the data and builds all that the training needs; config is copied as far as it is needed later and must outlive
 * the session. With config->resume it goes on from the checkpoint, where there is one. Errors say what to do. */
FmnSession *fmn_session_new(const FmnTrainConfig *config, const FmnListener *listener, GError **error);
void fmn_session_free(FmnSession *s); /* NULL allowed */

/* Trains, writing a checkpoint after every epoch, then writes the model (F16), reloads it, fits its temperature and
 * threshold on the validation images and measures it. On an error the last checkpoint stays as it was. */
FmnOutcome fmn_session_run(FmnSession *s, FmnResult *result, GError **error);

const FmnEpoch *fmn_session_history(const FmnSession *s, int *n);
gboolean fmn_session_already(const FmnSession *s); /* whether FMN_OUTCOME_ALREADY is what run() will give */
int fmn_session_steps(const FmnSession *s); /* an epoch */
int fmn_session_n_images(const FmnSession *s);
int fmn_session_n_validation(const FmnSession *s);
gboolean fmn_session_is_detector(const FmnSession *s);
guint64 fmn_session_parameters(const FmnSession *s);

#endif
