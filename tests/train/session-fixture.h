/* A small training in a folder of its own, as the tests of sessions run it. */
#ifndef TESTS_TRAIN_SESSION_FIXTURE_H
#define TESTS_TRAIN_SESSION_FIXTURE_H

#include <math.h>

#include "synthetic.h"
#include "train/session.h"

#define IMAGES 80
#define EPOCHS 3

typedef struct {
  char *folder;
  int stop_after; /* steps; 0: never */
  int steps, epochs;
  GString *notices;
} Fixture;

static inline gboolean on_stop(gpointer user) {
  const Fixture *f = user;
  return f->stop_after > 0 && f->steps >= f->stop_after;
}

static inline void on_step(const FmnProgress *p, gpointer user) {
  Fixture *f = user;
  f->steps++;
  g_assert_cmpint(p->step, <=, p->steps);
  g_assert_true(isfinite(p->loss) && p->images_per_s > 0 && p->seconds_left >= 0);
}

static inline void on_epoch(const FmnEpoch *e, gpointer user) { ((Fixture *)user)->epochs++; }

static inline void on_notice(const char *text, gpointer user) { g_string_append(((Fixture *)user)->notices, text); }

static inline void set_up(Fixture *f, gconstpointer data) {
  f->folder = synthetic_folder(IMAGES);
  f->notices = g_string_new(NULL);
}

static inline void tear_down(Fixture *f, gconstpointer data) {
  folder_free(f->folder);
  g_string_free(f->notices, TRUE);
}

static inline char *in_folder(const Fixture *f, const char *name) { return g_build_filename(f->folder, name, NULL); }

/* Everything that has a state is on. */
static inline FmnTrainConfig *make_config(const Fixture *f, const char *out, int threads) {
  FmnTrainConfig *c = fmn_train_config_new("compact");
  c->out = in_folder(f, out);
  c->data = g_strdupv((char *[]){f->folder, NULL});
  c->threads = threads;
  c->seed = 7;
  c->recipe = (FmnRecipe){.epochs = EPOCHS,
                          .batch = 16,
                          .optimizer = {FMN_OPTIMIZER_ADAM, 0.9, 0.01, FALSE, .clip_norm = 1},
                          .rate = 3e-3,
                          .schedule = "plateau:0.5:1",
                          .augment = "shift:1,erase:0.2,cutmix:0.2",
                          .last_epochs = 1,
                          .last_augment = "flip",
                          .label_smoothing = 0.1,
                          .ema = 0.9,
                          .bn_images = 32,
                          .validation = 0.25};
  return c;
}

static inline FmnOutcome run(Fixture *f, const FmnTrainConfig *c, FmnResult *result, GError **error) {
  FmnListener listener = {on_step, on_epoch, on_notice, on_stop, f};
  FmnResult ignored;
  f->steps = f->epochs = 0;
  FmnSession *s = fmn_session_new(c, &listener, error);
  FmnOutcome outcome = s ? fmn_session_run(s, result ? result : &ignored, error) : FMN_OUTCOME_FAILED;
  fmn_session_free(s);
  return outcome;
}

static inline FmnOutcome run_ok(Fixture *f, const FmnTrainConfig *c, FmnResult *result) {
  g_autoptr(GError) error = NULL;
  FmnOutcome outcome = run(f, c, result, &error);
  g_assert_no_error(error);
  return outcome;
}

static inline gboolean exists(const Fixture *f, const char *name) {
  g_autofree char *path = in_folder(f, name);
  return g_file_test(path, G_FILE_TEST_EXISTS);
}

#define ADD(path, data, func) g_test_add(path, Fixture, data, set_up, func, tear_down)

#endif
