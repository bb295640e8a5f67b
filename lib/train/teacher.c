#include "train/teacher.h"

#include <string.h>

#include "error.h"
#include "nn/plan.h"
#include "train/evaluate.h"

typedef struct {
  FmnPlan *plan;
  FmnRun *run;
  FmnPreprocess own;
  float gain[3], offset[3]; /* from the student's normalisation to its own */
} Member;

struct FmnTeacher {
  GArray *members; /* of Member */
  char *sha256;
  gboolean mirrored;
  int given; /* the student's channels */
  int classes;
  float *mean; /* batch × classes, of all answers' logits */
};

static gboolean check(const FmnModelFile *m, const FmnTeacherConfig *c, GError **error) {
  const FmnPreprocess *p = &m->preprocess, *student = c->student;
  if (!fmn_check_classifier(m, error))
    return FALSE;
  if (!g_strv_equal((const char *const *)m->labels, (const char *const *)c->labels)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "teacher “%s” has other labels (%s, ...) than the network to be trained (%s, ...); use one that was "
                "trained on the same classes",
                m->name, m->labels[0], c->labels[0]);
    return FALSE;
  }
  if (p->width == student->width && p->height == student->height &&
      (p->channels == student->channels || student->channels == 1 || c->grey))
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
  g_autofree char *path = fmn_model_find_file(model, &inner);
  if (!path || !(*sha256 = fmn_model_file_sha256(path, &inner))) {
    g_propagate_prefixed_error(error, inner, "--teacher: ");
    return NULL;
  }
  return fmn_model_file_load(path, error);
}

static void add_member(FmnTeacher *t, const FmnModelFile *m, const FmnTeacherConfig *c) {
  const FmnPreprocess *p = &m->preprocess, *student = c->student;
  Member member = {.own = *p};
  for (int i = 0; i < p->channels; i++) {
    int from = MIN(i, student->channels - 1);
    member.gain[i] = student->std[from] / p->std[i];
    member.offset[i] = (student->mean[from] - p->mean[i]) / p->std[i];
  }
  member.plan = fmn_plan_new(m->graph);
  member.run = fmn_run_new(member.plan, c->batch, c->threads);
  g_array_append_val(t->members, member);
}

FmnTeacher *fmn_teacher_new(const FmnTeacherConfig *c, GError **error) {
  FmnTeacher *t = g_new0(FmnTeacher, 1);
  GString *sums = g_string_new(NULL);
  gboolean ok = TRUE;

  t->members = g_array_new(FALSE, FALSE, sizeof(Member));
  t->mirrored = c->mirrored;
  t->given = c->student->channels;
  t->classes = (int)g_strv_length((char **)c->labels);
  t->mean = g_new(float, (gsize)c->batch *(gsize)t->classes);
  for (char *const *model = c->models; *model && ok; model++) {
    g_autofree char *sha256 = NULL;
    FmnModelFile *m = load(*model, &sha256, error);
    ok = m && check(m, c, error);
    if (ok) {
      add_member(t, m, c);
      g_string_append_printf(sums, "%s%s", sums->len ? "," : "", sha256);
    }
    fmn_model_file_free(m);
  }
  t->sha256 = g_string_free(sums, FALSE);
  if (!ok)
    g_clear_pointer(&t, fmn_teacher_free);
  return t;
}

void fmn_teacher_free(FmnTeacher *t) {
  if (!t)
    return;
  for (guint i = 0; i < t->members->len; i++) {
    Member *m = &g_array_index(t->members, Member, i);
    fmn_run_free(m->run);
    fmn_plan_unref(m->plan);
  }
  g_array_unref(t->members);
  g_free(t->mean);
  g_free(t->sha256);
  g_free(t);
}

const char *fmn_teacher_sha256(const FmnTeacher *t) { return t->sha256; }

static const float *ask(Member *m, const float *x, int n, int given, gboolean flip) {
  int rows = n * m->own.height, width = m->own.width;
  float *to = fmn_run_input(m->run);
  for (int row = 0; row < rows; row++, x += width * given)
    for (int i = 0; i < width; i++) {
      const float *pixel = x + (flip ? width - 1 - i : i) * given;
      for (int c = 0; c < m->own.channels; c++)
        *to++ = pixel[MIN(c, given - 1)] * m->gain[c] + m->offset[c];
    }
  fmn_run(m->run, n);
  return fmn_run_output(m->run, 0);
}

/* All members answer about the images, and then, where asked, all of them about the mirror images. */
static guint count_answers(const FmnTeacher *t) { return t->members->len * (t->mirrored ? 2 : 1); }

static Member *member_of(const FmnTeacher *t, guint answer) {
  return &g_array_index(t->members, Member, answer % t->members->len);
}

static gboolean is_flipped(const FmnTeacher *t, guint answer) { return answer >= t->members->len; }

/* Adds one answer's logits, as its share of the mean; the first one's overwrite what is there. */
static void add_share(const FmnTeacher *t, guint answer, const float *logits, gsize count, float *mean) {
  float share = 1 / (float)count_answers(t);
  for (gsize i = 0; i < count; i++)
    mean[i] = share * logits[i] + (answer > 0 ? mean[i] : 0);
}

const float *fmn_teacher_run(FmnTeacher *t, const float *x, int n) {
  for (guint i = 0; i < count_answers(t); i++)
    add_share(t, i, ask(member_of(t, i), x, n, t->given, is_flipped(t, i)), (gsize)n * (gsize)t->classes, t->mean);
  return t->mean;
}

void fmn_teacher_evaluate(const FmnTeacher *t, const FmnImages *images, int threads, float *logits) {
  gsize count = (gsize)images->n * (gsize)t->classes;
  g_autofree float *own = g_new(float, count);
  for (guint i = 0; i < count_answers(t); i++) {
    const Member *m = member_of(t, i);
    fmn_evaluate(m->plan, &m->own, images, is_flipped(t, i), threads, own);
    add_share(t, i, own, count, logits);
  }
}
