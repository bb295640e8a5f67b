/* Distillation (Hinton, Vinyals & Dean 2015): a trained classifier, or several as one, looks at the very images, as
 * augmented, that another one is being trained on. */
#ifndef FMN_TRAIN_TEACHER_H
#define FMN_TRAIN_TEACHER_H

#include "io/model_file.h"
#include "train/data.h"

typedef struct FmnTeacher FmnTeacher;

/* Whom to ask, and about what; all is borrowed for the call of fmn_teacher_new(). */
typedef struct {
  char *const *models;          /* at least one, NULL-ended, each by name or path as fmn_model_find_file() takes it */
  char *const *labels;          /* the student's; each model must have the same, and the student's input size */
  const FmnPreprocess *student; /* how its images are normalised */
  gboolean grey;                /* all their channels are the same */
  gboolean mirrored;            /* ask about each image's left-right mirror image, too; the answer is the mean */
  int batch;                    /* at most so many images at once */
  int threads;
} FmnTeacherConfig;

/* Loads the models. Free with fmn_teacher_free(). */
FmnTeacher *fmn_teacher_new(const FmnTeacherConfig *config, GError **error);
void fmn_teacher_free(FmnTeacher *t); /* NULL allowed */

const char *fmn_teacher_sha256(const FmnTeacher *t); /* of the files, hex, a comma between two */

/* Logits (n × labels), the mean of all models' and of both mirror images' where these are asked about, for n images in
 * the student's normalisation (n × height × width × channels); owned by t, valid until the next call. The same for any
 * number of threads. No allocation. */
const float *fmn_teacher_run(FmnTeacher *t, const float *x, int n);

/* Logits (images->n × labels) for images of the student's size, as they are and whatever their number. The work is
 * shared by threads (≥ 1); the result does not depend on how many. */
void fmn_teacher_evaluate(const FmnTeacher *t, const FmnImages *images, int threads, float *logits);

#endif
