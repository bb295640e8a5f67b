#include "train/teacher.h"

#include <string.h>

#include "error.h"
#include "nn/plan.h"
#include "train/evaluate.h"

struct FmnTeacher {
  FmnPlan *plan;
  FmnRun *run;
  char *sha256;
  FmnPreprocess own;
  int given;                /* the student's channels */
  float gain[3], offset[3]; /* from the student's normalisation to its own */
};

static gboolean check(const FmnModelFile *m, char *const *labels, const FmnPreprocess *student, gboolean grey,
                      GError **error) {
  const FmnPreprocess *p = &m->preprocess;
  if (!fmn_check_classifier(m, error))
    return FALSE;
  if (!g_strv_equal((const char *const *)m->labels, (const char *const *)labels)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "teacher “%s” has other labels (%s, ...) than the network to be trained (%s, ...); use one that was "
                "trained on the same classes",
                m->name, m->labels[0], labels[0]);
    return FALSE;
  }
  if (p->width == student->width && p->height == student->height &&
      (p->channels == student->channels || student->channels == 1 || grey))
    return TRUE;
  g_set_error(
      error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
      "teacher “%s” takes images of %d×%d×%d (width, height, channels), the network to be trained %d×%d×%d; use "
      "one of the same size",
      m->name, p->width, p->height, p->channels, student->width, student->height, student->channels);
  return FALSE;
}

static FmnModelFile *load(const char *model, char **sha256, GError **error) {
  GError *inner = NULL;
  g_autofree char *path = fmn_model_find(model, &inner), *data = NULL;
  gsize size;
  if (!path && !inner)
    g_set_error(&inner, FMN_ERROR, FMN_ERROR_NOT_FOUND,
                "no file of model “%s” in FMNIST_MODEL_PATH or the installed models folder; give the path of a "
                ".safetensors file",
                model);
  if (!path || !g_file_get_contents(path, &data, &size, &inner)) {
    g_propagate_prefixed_error(error, inner, "--teacher: ");
    return NULL;
  }
  *sha256 = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)data, size);
  return fmn_model_file_load(path, error);
}

FmnTeacher *fmn_teacher_new(const char *model, char *const *labels, const FmnPreprocess *student, gboolean grey,
                            int batch, int threads, GError **error) {
  g_autofree char *sha256 = NULL;
  FmnModelFile *m = load(model, &sha256, error);
  FmnTeacher *t = NULL;
  if (m && check(m, labels, student, grey, error)) {
    const FmnPreprocess *p = &m->preprocess;
    t = g_new0(FmnTeacher, 1);
    t->sha256 = g_steal_pointer(&sha256);
    t->own = *p;
    t->given = student->channels;
    for (int c = 0; c < p->channels; c++) {
      int from = MIN(c, student->channels - 1);
      t->gain[c] = student->std[from] / p->std[c];
      t->offset[c] = (student->mean[from] - p->mean[c]) / p->std[c];
    }
    t->plan = fmn_plan_new(m->graph);
    t->run = fmn_run_new(t->plan, batch, threads);
  }
  fmn_model_file_free(m);
  return t;
}

void fmn_teacher_free(FmnTeacher *t) {
  if (!t)
    return;
  fmn_run_free(t->run);
  fmn_plan_unref(t->plan);
  g_free(t->sha256);
  g_free(t);
}

const char *fmn_teacher_sha256(const FmnTeacher *t) { return t->sha256; }

const float *fmn_teacher_run(FmnTeacher *t, const float *x, int n) {
  gsize pixels = (gsize)n * (gsize)t->own.width * (gsize)t->own.height;
  float *to = fmn_run_input(t->run);
  for (gsize i = 0; i < pixels; i++, x += t->given)
    for (int c = 0; c < t->own.channels; c++)
      *to++ = x[MIN(c, t->given - 1)] * t->gain[c] + t->offset[c];
  fmn_run(t->run, n);
  return fmn_run_output(t->run, 0);
}

void fmn_teacher_evaluate(const FmnTeacher *t, const FmnImages *images, int threads, float *logits) {
  fmn_evaluate(t->plan, &t->own, images, FALSE, threads, logits);
}
