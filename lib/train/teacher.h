/* Distillation (Hinton, Vinyals & Dean 2015): a trained classifier, or several as one, looks at the very images, as
 * augmented, that another one is being trained on. */
#ifndef FMN_TRAIN_TEACHER_H
#define FMN_TRAIN_TEACHER_H

#include "io/model_file.h"
#include "train/data.h"

typedef struct FmnTeacher FmnTeacher;

/* Loads models, at least one, NULL-ended, each by name or path as fmn_model_find_file() takes it, for batches of up to
 * `batch` images that are normalised as `student` says; grey: all their channels are the same. Each must have the
 * labels and the input size of the student. Free with fmn_teacher_free(). */
FmnTeacher *fmn_teacher_new(char *const *models, char *const *labels, const FmnPreprocess *student, gboolean grey,
                            int batch, int threads, GError **error);
void fmn_teacher_free(FmnTeacher *t); /* NULL allowed */

const char *fmn_teacher_sha256(const FmnTeacher *t); /* of the files, hex, a comma between two */

/* Logits (n × labels), the mean of all models', for n images in the student's normalisation (n × height × width ×
 * channels); owned by t, valid until the next call. The same for any number of threads. No allocation. */
const float *fmn_teacher_run(FmnTeacher *t, const float *x, int n);

/* Logits (images->n × labels) for images of the student's size, as they are and whatever their number. The work is
 * shared by threads (≥ 1); the result does not depend on how many. */
void fmn_teacher_evaluate(const FmnTeacher *t, const FmnImages *images, int threads, float *logits);

#endif
