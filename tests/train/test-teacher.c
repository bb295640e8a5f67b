#include <math.h>

#include "error.h"
#include "synthetic.h"
#include "train/evaluate.h"
#include "train/loss.h"
#include "train/session.h"
#include "train/teacher.h"

#define N 12
#define CLASSES 10

static char *folder;

static char *path_of(const char *name) { return g_build_filename(folder, name, NULL); }

/* A model with random weights and a normalisation of its own; its path. */
static char *save_model(const char *arch, const char *options, const char *name, guint64 seed) {
  g_autoptr(GError) error = NULL;
  FmnModelFile *m = fmn_model_file_new(arch, options, NULL, &error);
  g_assert_no_error(error);
  fmn_trainer_init_weights(m->graph, seed);
  for (int c = 0; c < 3; c++) {
    m->preprocess.mean[c] = 0.2f + 0.1f * (float)c;
    m->preprocess.std[c] = 0.7f - 0.1f * (float)c;
  }
  char *path = path_of(name);
  fmn_model_file_save(m, path, TRUE, &error);
  g_assert_no_error(error);
  fmn_model_file_free(m);
  return path;
}

/* A teacher for a student of these classes whose images are grey. */
static FmnTeacher *hire(char *const *models, const FmnPreprocess *student, gboolean mirrored, int threads,
                        GError **error) {
  FmnTeacherConfig c = {.models = models,
                        .labels = (char *const *)fmn_fashion_mnist_labels,
                        .student = student,
                        .grey = TRUE,
                        .mirrored = mirrored,
                        .batch = N,
                        .threads = threads};
  return fmn_teacher_new(&c, error);
}

/* What the teacher says of images, also in the student's normalisation, is what the model says of them. */
static void test_normalisation(void) {
  const struct {
    const char *arch, *options;
    int channels; /* the student's */
  } cases[] = {{"compact", "", 1},
               {"compact", "", 3},
               {"efficientnet-b0", "strides=original", 1},
               {"efficientnet-b0", "strides=original", 3}};
  FmnDataset *set = synthetic_new(N, 3);
  FmnImages *images = fmn_images_from_dataset(set);
  for (gsize k = 0; k < G_N_ELEMENTS(cases); k++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *path = save_model(cases[k].arch, cases[k].options, "teacher.safetensors", 5);
    FmnModelFile *m = fmn_model_file_load(path, &error);
    g_assert_no_error(error);
    g_autofree float *expected = fmn_model_logits(m, images, FALSE, 1);
    FmnPreprocess student = {SIDE, SIDE, cases[k].channels, {0.5f, 0.4f, 0.3f}, {0.25f, 2, 1}};
    g_autofree float *x = g_new(float, N *SIDE *SIDE * 3);
    for (int i = 0, j = 0; i < N * SIDE * SIDE; i++)
      for (int c = 0; c < student.channels; c++)
        x[j++] = ((float)set->images[i] / 255 - student.mean[c]) / student.std[c];
    for (int threads = 1; threads <= 2; threads++) {
      FmnTeacher *t = hire((char *[]){path, NULL}, &student, FALSE, threads, &error);
      g_assert_no_error(error);
      const float *logits = fmn_teacher_run(t, x, N);
      for (int i = 0; i < N * CLASSES; i++)
        g_assert_cmpfloat_with_epsilon(logits[i], expected[i], 1e-3 * fmax(1, fabs((double)expected[i])));
      g_autofree float *same = g_new(float, N *CLASSES);
      fmn_teacher_evaluate(t, images, threads, same);
      g_assert_cmpmem(same, N * CLASSES * sizeof(float), expected, N * CLASSES * sizeof(float));
      fmn_teacher_free(t);
    }
    fmn_model_file_free(m);
  }
  fmn_images_free(images);
  fmn_dataset_free(set);
}

/* Several teachers say the mean of what each says, in both ways in which they can be asked. */
static void test_several(void) {
  g_autoptr(GError) error = NULL;
  g_autofree char *a = save_model("compact", "", "a.safetensors", 5), *b = save_model("base", "", "b.safetensors", 6),
                  *c = save_model("efficientnet-b0", "strides=original", "c.safetensors", 7);
  char *all[] = {a, b, c, NULL};
  FmnDataset *set = synthetic_new(N, 3);
  FmnImages *images = fmn_images_from_dataset(set);
  FmnPreprocess student = {SIDE, SIDE, 1, {0.4f}, {0.3f}};
  double expected[N * CLASSES] = {0};
  g_autofree float *x = g_new(float, N *SIDE *SIDE), *evaluated = g_new(float, N *CLASSES);
  g_autoptr(GString) sums = g_string_new(NULL);

  for (int i = 0; i < N * SIDE * SIDE; i++)
    x[i] = ((float)set->images[i] / 255 - student.mean[0]) / student.std[0];
  for (char **path = all; *path; path++) {
    FmnTeacher *one = hire((char *[]){*path, NULL}, &student, FALSE, 1, &error);
    g_assert_no_error(error);
    const float *logits = fmn_teacher_run(one, x, N);
    for (int i = 0; i < N * CLASSES; i++)
      expected[i] += (double)logits[i] / 3;
    g_string_append_printf(sums, "%s%s", sums->len ? "," : "", fmn_teacher_sha256(one));
    fmn_teacher_free(one);
  }
  FmnTeacher *t = hire(all, &student, FALSE, 2, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(fmn_teacher_sha256(t), ==, sums->str);
  const float *logits = fmn_teacher_run(t, x, N);
  fmn_teacher_evaluate(t, images, 2, evaluated);
  for (int i = 0; i < N * CLASSES; i++) {
    g_assert_cmpfloat_with_epsilon(logits[i], expected[i], 1e-5 * fmax(1, fabs(expected[i])));
    g_assert_cmpfloat_with_epsilon(evaluated[i], expected[i], 1e-3 * fmax(1, fabs(expected[i])));
  }
  fmn_teacher_free(t);

  all[1] = (char *)"nosuchmodel"; /* one of them is not there: none is used */
  g_assert_null(hire(all, &student, FALSE, 1, &error));
  g_assert_nonnull(strstr(error->message, "nosuchmodel"));
  fmn_images_free(images);
  fmn_dataset_free(set);
}

/* Asked about mirror images, too, several teachers say the mean of what each says of both, in both ways in which they
 * can be asked. */
static void test_mirrored(void) {
  g_autoptr(GError) error = NULL;
  g_autofree char *a = save_model("compact", "", "a.safetensors", 5), *b = save_model("base", "", "b.safetensors", 6);
  char *all[] = {a, b, NULL};
  FmnDataset *set = synthetic_new(N, 3);
  FmnImages *images = fmn_images_from_dataset(set);
  const float std[] = {0.3f, 2, 1};
  double expected[N * CLASSES] = {0};
  g_autofree float *x = g_new(float, N *SIDE *SIDE * 3), *evaluated = g_new(float, N *CLASSES);

  for (char **path = all; *path; path++) {
    FmnModelFile *m = fmn_model_file_load(*path, &error);
    g_assert_no_error(error);
    g_autofree float *plain = fmn_model_logits(m, images, FALSE, 1), *flipped = fmn_model_logits(m, images, TRUE, 1);
    double apart = 0;
    for (int i = 0; i < N * CLASSES; i++) {
      expected[i] += ((double)plain[i] + (double)flipped[i]) / 4;
      apart = fmax(apart, fabs((double)(plain[i] - flipped[i])) / fmax(1, fabs((double)plain[i])));
    }
    g_assert_cmpfloat(apart, >, 1e-2); /* else the test could not tell them apart */
    fmn_model_file_free(m);
  }
  for (int channels = 1; channels <= 3; channels += 2) {
    FmnPreprocess student = {SIDE, SIDE, channels, {0.4f, 0.5f, 0.6f}, {std[0], std[1], std[2]}};
    for (int i = 0, j = 0; i < N * SIDE * SIDE; i++)
      for (int c = 0; c < channels; c++)
        x[j++] = ((float)set->images[i] / 255 - student.mean[c]) / std[c];
    FmnTeacher *t = hire(all, &student, TRUE, channels, &error);
    g_assert_no_error(error);
    const float *logits = fmn_teacher_run(t, x, N);
    fmn_teacher_evaluate(t, images, channels, evaluated);
    for (int i = 0; i < N * CLASSES; i++) {
      g_assert_cmpfloat_with_epsilon(logits[i], expected[i], 1e-3 * fmax(1, fabs(expected[i])));
      g_assert_cmpfloat_with_epsilon(evaluated[i], expected[i], 1e-5 * fmax(1, fabs(expected[i])));
    }
    fmn_teacher_free(t);
  }
  fmn_images_free(images);
  fmn_dataset_free(set);
}

static void test_errors(void) {
  g_autofree char *classifier = save_model("base", "", "base.safetensors", 1),
                  *detector = save_model("yolov3-tiny", "", "yolo.safetensors", 1),
                  *nowhere = path_of("none.safetensors");
  char *labels[] = {(char *)"a", (char *)"b", NULL};
  const struct {
    const char *model;
    char **labels;
    FmnPreprocess student;
    gboolean grey;
    const char *message;
  } cases[] = {
      {nowhere, NULL, {SIDE, SIDE, 1}, TRUE, "none.safetensors"},
      {"nosuchmodel", NULL, {SIDE, SIDE, 1}, TRUE, "nosuchmodel"},
      {detector, NULL, {SIDE, SIDE, 1}, TRUE, "no classifier"},
      {classifier, labels, {SIDE, SIDE, 1}, TRUE, "other labels"},
      {classifier, NULL, {SIDE, 32, 1}, TRUE, "28×32"},
      {classifier, NULL, {SIDE, SIDE, 3}, FALSE, "28×28×3"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    char **names = cases[i].labels ? cases[i].labels : (char **)fmn_fashion_mnist_labels;
    FmnTeacherConfig c = {.models = (char *[]){(char *)cases[i].model, NULL},
                          .labels = names,
                          .student = &cases[i].student,
                          .grey = cases[i].grey,
                          .batch = 4,
                          .threads = 1};
    g_assert_null(fmn_teacher_new(&c, &error));
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, cases[i].message));
  }
}

static void test_loss_by_hand(void) {
  const float logits[] = {1, 0, -1, 0.5f, 0.5f, 2}, targets[] = {1, 0, 0, 0, 0, 1}, teacher[] = {4, 2, 0, 0, 3, 3};
  float gradient[6], hard_gradient[6];
  FmnDistillation d = {0, 4};
  FmnLoss hard = fmn_loss_cross_entropy(logits, targets, 2, 3, 0.1, hard_gradient);
  FmnLoss l = fmn_loss_distilled(logits, targets, teacher, 2, 3, 0.1, &d, gradient);
  g_assert_cmpfloat(l.loss, ==, hard.loss); /* without weight the teacher says nothing */
  g_assert_cmpmem(gradient, sizeof gradient, hard_gradient, sizeof gradient);
  g_assert_cmpint(l.correct, ==, hard.correct);

  d = (FmnDistillation){0.7, 2};
  l = fmn_loss_distilled(logits, targets, teacher, 2, 3, 0.1, &d, gradient);
  double divergence = 0;
  for (int i = 0; i < 2; i++) {
    float p[3], q[3];
    fmn_softmax(logits + 3 * i, 1, 3, 2, p);
    fmn_softmax(teacher + 3 * i, 1, 3, 2, q);
    for (int k = 0; k < 3; k++) {
      divergence += (double)q[k] * log((double)q[k] / (double)p[k]);
      g_assert_cmpfloat_with_epsilon(
          gradient[3 * i + k], 0.3 * (double)hard_gradient[3 * i + k] + 0.7 * 2 * (double)(p[k] - q[k]) / 2, 1e-6);
    }
  }
  g_assert_cmpfloat_with_epsilon(l.loss, 0.3 * hard.loss + 0.7 * 4 * divergence, 1e-6);

  d.weight = 1; /* who says the same has nothing to learn */
  l = fmn_loss_distilled(teacher, targets, teacher, 2, 3, 0.1, &d, gradient);
  g_assert_cmpfloat_with_epsilon(l.loss, 0, 1e-9);
  for (int i = 0; i < 6; i++)
    g_assert_cmpfloat_with_epsilon(gradient[i], 0, 1e-9);
}

static void test_loss_gradient(void) {
  FmnRandom r = {3};
  FmnDistillation d = {0.6, 3};
  float logits[2 * 5], teacher[2 * 5], targets[2 * 5] = {0}, gradient[2 * 5];
  for (int i = 0; i < 10; i++) {
    logits[i] = (float)fmn_random_normal(&r) * 2;
    teacher[i] = (float)fmn_random_normal(&r) * 4;
  }
  targets[1] = 1, targets[7] = 0.4f, targets[9] = 0.6f;
  fmn_loss_distilled(logits, targets, teacher, 2, 5, 0.1, &d, gradient);
  for (int i = 0; i < 10; i++) {
    float before = logits[i];
    logits[i] = before + 0.01f;
    double high = fmn_loss_distilled(logits, targets, teacher, 2, 5, 0.1, &d, NULL).loss;
    logits[i] = before - 0.01f;
    double low = fmn_loss_distilled(logits, targets, teacher, 2, 5, 0.1, &d, NULL).loss;
    logits[i] = before;
    g_assert_cmpfloat_with_epsilon(gradient[i], (high - low) / 0.02 / 2, 1e-4);
  }
}

typedef struct {
  int stop_after, steps;
} Run;

static gboolean on_stop(gpointer user) {
  const Run *r = user;
  return r->stop_after > 0 && r->steps >= r->stop_after;
}

static void on_step(const FmnProgress *p, gpointer user) { ((Run *)user)->steps++; }

static FmnOutcome run(const FmnTrainConfig *c, int stop_after, FmnResult *result, GError **error) {
  Run r = {stop_after, 0};
  FmnResult ignored;
  FmnListener listener = {.step = on_step, .stop = on_stop, .user = &r};
  FmnSession *s = fmn_session_new(c, &listener, error);
  FmnOutcome outcome = s ? fmn_session_run(s, result ? result : &ignored, error) : FMN_OUTCOME_FAILED;
  fmn_session_free(s);
  return outcome;
}

static FmnTrainConfig *make_config(const char *out, const char *teacher) {
  FmnTrainConfig *c = fmn_train_config_new("compact");
  c->out = path_of(out);
  c->data = g_strdupv((char *[]){folder, NULL});
  c->teachers = teacher ? g_strsplit(teacher, ",", -1) : NULL;
  c->distillation = (FmnDistillation){1, 2};
  c->threads = 1;
  c->seed = 7;
  c->recipe = (FmnRecipe){.epochs = 12,
                          .batch = 16,
                          .optimizer = {FMN_OPTIMIZER_ADAM, 0.9, 0, FALSE},
                          .rate = 3e-3,
                          .schedule = "cosine",
                          .augment = "none",
                          .validation = 0.25};
  return c;
}

/* A student that listens to its teacher alone learns the classes from it, without a look at the labels: its teacher has
 * them all exchanged. */
static void test_student(void) {
  g_autoptr(GError) error = NULL;
  FmnTrainConfig *t = make_config("taught.safetensors", NULL);
  FmnResult result;
  g_assert_cmpint(run(t, 0, &result, &error), ==, FMN_OUTCOME_FINISHED);
  g_assert_cmpfloat(result.validation_accuracy, >=, 0.9);

  /* Class k now is called k + 1. */
  FmnModelFile *m = fmn_model_file_load(t->out, &error);
  g_assert_no_error(error);
  FmnNode *last = fmn_graph_node(m->graph, fmn_graph_size(m->graph) - 1);
  gsize row = fmn_param_count(&last->params[0]) / CLASSES;
  for (int p = 0; p < 2; p++) {
    gsize n = p == 0 ? row : 1;
    float *w = last->params[p].data;
    g_autofree float *first = g_memdup2(w, n * sizeof(float));
    memmove(w, w + n, n * (CLASSES - 1) * sizeof(float));
    memcpy(w + n * (CLASSES - 1), first, n * sizeof(float));
  }
  g_autofree char *liar = path_of("liar.safetensors");
  fmn_model_file_save(m, liar, TRUE, &error);
  g_assert_no_error(error);

  FmnTrainConfig *c = make_config("student.safetensors", liar);
  c->recipe.validation = 0; /* by the labels the best epoch would be the one that has learnt least */
  g_assert_cmpint(run(c, 0, &result, &error), ==, FMN_OUTCOME_FINISHED);
  g_assert_no_error(error);
  g_assert_cmpfloat(result.test_accuracy, <, 0.1);
  FmnModelFile *student = fmn_model_file_load(c->out, &error);
  g_assert_no_error(error);
  FmnDataset *set = synthetic_new(50, 2);
  FmnImages *images = fmn_images_from_dataset(set);
  g_autofree float *logits = fmn_model_logits(student, images, FALSE, 1);
  int shifted = 0;
  for (int i = 0; i < 50; i++)
    shifted += (fmn_argmax(logits + i * CLASSES, CLASSES) + 1) % CLASSES == images->labels[i];
  g_test_message("%d of 50", shifted);
  g_assert_cmpint(shifted, >=, 45);
  g_assert_nonnull(
      strstr(g_hash_table_lookup(student->metadata, "command"), "--teacher-weight 1 --teacher-temperature 2"));
  g_assert_cmpuint(strlen(g_hash_table_lookup(student->metadata, "teacher_sha256")), ==, 64);
  fmn_images_free(images);
  fmn_dataset_free(set);
  fmn_model_file_free(student);
  fmn_model_file_free(m);
  fmn_train_config_free(c);
  fmn_train_config_free(t);
}

/* Stopped and resumed: the same bytes. With another teacher in the file's place: refused. */
static void test_resume(void) {
  g_autoptr(GError) error = NULL;
  g_autofree char *teacher = save_model("base", "", "old.safetensors", 1), *other = NULL;
  FmnTrainConfig *a = make_config("whole.safetensors", teacher), *b = make_config("parts.safetensors", teacher);
  a->recipe.epochs = b->recipe.epochs = 3;
  a->recipe.augment = b->recipe.augment = "flip,cutmix";
  a->distillation.weight = b->distillation.weight = 0.5;
  g_assert_cmpint(run(a, 0, NULL, &error), ==, FMN_OUTCOME_FINISHED);
  for (int i = 0; i < 3; i++) {
    g_assert_cmpint(run(b, 2, NULL, &error), ==, FMN_OUTCOME_STOPPED);
    b->resume = TRUE;
  }
  g_autofree char *kept = path_of("kept.safetensors");
  g_assert_cmpint(g_rename(teacher, kept), ==, 0);
  other = save_model("base", "", "old.safetensors", 2);
  g_assert_cmpint(run(b, 0, NULL, &error), ==, FMN_OUTCOME_FAILED);
  g_assert_nonnull(strstr(error->message, "the teacher"));
  g_clear_error(&error);
  g_assert_cmpint(g_rename(kept, teacher), ==, 0);
  b->distillation.weight = 0.6;
  g_assert_cmpint(run(b, 0, NULL, &error), ==, FMN_OUTCOME_FAILED);
  g_assert_nonnull(strstr(error->message, "--teacher-weight"));
  g_clear_error(&error);
  b->distillation.weight = 0.5;
  b->teacher_mirrored = TRUE;
  g_assert_cmpint(run(b, 0, NULL, &error), ==, FMN_OUTCOME_FAILED);
  g_assert_nonnull(strstr(error->message, "--teacher-mirrored"));
  g_clear_error(&error);
  b->teacher_mirrored = FALSE;
  g_assert_cmpint(run(b, 0, NULL, &error), ==, FMN_OUTCOME_FINISHED);
  synthetic_same_bytes(a->out, b->out);
  fmn_train_config_free(a);
  fmn_train_config_free(b);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  folder = synthetic_folder(80);
  g_test_add_func("/teacher/normalisation", test_normalisation);
  g_test_add_func("/teacher/several", test_several);
  g_test_add_func("/teacher/mirrored", test_mirrored);
  g_test_add_func("/teacher/errors", test_errors);
  g_test_add_func("/teacher/loss-by-hand", test_loss_by_hand);
  g_test_add_func("/teacher/loss-gradient", test_loss_gradient);
  g_test_add_func("/teacher/student", test_student);
  g_test_add_func("/teacher/resume", test_resume);
  int status = g_test_run();
  folder_free(folder);
  return status;
}
