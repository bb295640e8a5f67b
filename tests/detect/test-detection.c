/* Trainings of detectors: they learn, go on exactly, and say in the file what they are. */
#include <math.h>

#include "../train/synthetic.h"
#include "detect/yolo.h"
#include "error.h"
#include "io/model_file.h"
#include "train/anchors.h"
#include "train/scene_plan.h"
#include "train/session.h"

typedef struct {
  char *folder;
  int steps, stop_after; /* 0: never */
  double first_loss, last_loss, map50;
  GString *notices;
} Fixture;

static gboolean on_stop(gpointer user) {
  const Fixture *f = user;
  return f->stop_after > 0 && f->steps >= f->stop_after;
}

static void on_step(const FmnProgress *p, gpointer user) { ((Fixture *)user)->steps++; }

static void on_epoch(const FmnEpoch *e, gpointer user) {
  Fixture *f = user;
  g_assert_true(isnan(e->validation_loss));
  g_assert_true(e->validation_accuracy >= 0 && e->validation_accuracy <= 1 &&
                e->validation_map <= e->validation_accuracy);
  f->first_loss = e->epoch == 1 ? e->loss : f->first_loss;
  f->last_loss = e->loss;
  f->map50 = e->validation_accuracy;
}

static void on_notice(const char *text, gpointer user) { g_string_append(((Fixture *)user)->notices, text); }

static void set_up(Fixture *f, gconstpointer data) {
  f->folder = synthetic_folder(200);
  f->notices = g_string_new(NULL);
}

static void tear_down(Fixture *f, gconstpointer data) {
  folder_free(f->folder);
  g_string_free(f->notices, TRUE);
}

static char *in_folder(const Fixture *f, const char *name) { return g_build_filename(f->folder, name, NULL); }

static FmnTrainConfig *make_config(const Fixture *f, const char *arch, const char *out) {
  FmnTrainConfig *c = fmn_train_config_new(arch);
  FmnSceneRecipe *r = &c->recipe.scenes;
  c->out = in_folder(f, out);
  c->data = g_strdupv((char *[]){f->folder, NULL});
  c->threads = 1;
  c->seed = 7;
  c->recipe.epochs = 2;
  c->recipe.batch = 2;
  c->recipe.schedule = "cosine";
  c->recipe.warmup = 0;
  c->recipe.ema = .9;
  c->recipe.validation = .2;
  r->presets = "green:1,mixed:2";
  r->sizes = "32,64-96";
  r->epoch = 6;
  r->validation = r->test = 3;
  r->item_min = 16;
  r->item_max = 60;
  return c;
}

static FmnOutcome run(Fixture *f, const FmnTrainConfig *c, FmnResult *result, GError **error) {
  FmnListener listener = {on_step, on_epoch, on_notice, on_stop, f};
  FmnResult ignored;
  f->steps = 0;
  FmnSession *s = fmn_session_new(c, &listener, error);
  g_assert_true(!s || fmn_session_is_detector(s));
  FmnOutcome outcome = s ? fmn_session_run(s, result ? result : &ignored, error) : FMN_OUTCOME_FAILED;
  fmn_session_free(s);
  return outcome;
}

static FmnOutcome run_ok(Fixture *f, const FmnTrainConfig *c, FmnResult *result) {
  g_autoptr(GError) error = NULL;
  FmnOutcome outcome = run(f, c, result, &error);
  g_assert_no_error(error);
  return outcome;
}

static char *anchors_of(const FmnTrainConfig *c) {
  FmnModelFile *m = fmn_model_file_load(c->out, NULL);
  g_assert_nonnull(m);
  char *text = g_strdup(g_hash_table_lookup(m->metadata, "anchors"));
  fmn_model_file_free(m);
  return text;
}

/* Stopped within the second epoch, after the size has changed, and gone on: the same bytes. */
static void test_resume(Fixture *f, gconstpointer data) {
  FmnTrainConfig *a = make_config(f, "yolov3-tiny:size=64", "a.safetensors"),
                 *b = make_config(f, "yolov3-tiny:size=64", "b.safetensors");
  FmnResult result;
  g_assert_cmpint(run_ok(f, a, &result), ==, FMN_OUTCOME_FINISHED);
  g_assert_cmpint(f->steps, ==, 6);
  g_assert_false(isnan(result.map50) || isnan(result.validation_accuracy));
  f->stop_after = 4;
  g_assert_cmpint(run_ok(f, b, NULL), ==, FMN_OUTCOME_STOPPED);
  b->resume = TRUE;
  g_assert_cmpint(run_ok(f, b, NULL), ==, FMN_OUTCOME_FINISHED);
  synthetic_same_bytes(a->out, b->out);
  g_assert_nonnull(strstr(f->notices->str, "anchors "));
  fmn_train_config_free(a);
  fmn_train_config_free(b);
}

/* Sharpness-aware: a step uphill that is too short to change a weight is as none, at every size of the input. */
static void test_sam(Fixture *f, gconstpointer data) {
  const double radius[] = {0, 1e-30, 0.1};
  char *weights[G_N_ELEMENTS(radius)];
  for (gsize i = 0; i < G_N_ELEMENTS(radius); i++) {
    FmnTrainConfig *c = make_config(f, "yolov3-tiny:size=64", "a.safetensors");
    c->recipe.sam = radius[i];
    g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_FINISHED);
    weights[i] = synthetic_digest_of_weights(c->out);
    fmn_train_config_free(c);
  }
  g_assert_cmpstr(weights[1], ==, weights[0]);
  g_assert_cmpstr(weights[2], !=, weights[0]);
  for (gsize i = 0; i < G_N_ELEMENTS(radius); i++)
    g_free(weights[i]);
}

static char *write_teacher(const Fixture *f) {
  g_autoptr(GError) error = NULL;
  char *path = in_folder(f, "teacher.safetensors");
  FmnModelFile *m = fmn_model_file_new("base", "", NULL, &error);
  g_assert_no_error(error);
  fmn_trainer_init_weights(m->graph, 5);
  m->preprocess.mean[0] = .3f;
  m->preprocess.std[0] = .3f;
  fmn_model_file_save(m, path, TRUE, &error);
  g_assert_no_error(error);
  fmn_model_file_free(m);
  return path;
}

/* A teacher without weight changes nothing; with it, something, and that exactly again. */
static void test_teacher(Fixture *f, gconstpointer data) {
  const char *const names[] = {"none", "silent", "whole", "parts"};
  g_autofree char *teacher = write_teacher(f);
  FmnTrainConfig *c[4];
  for (int i = 0; i < 4; i++) {
    c[i] = make_config(f, "yolov3-tiny:size=32", names[i]);
    c[i]->recipe.scenes.sizes = "0";
    c[i]->recipe.scenes.presets = "green:1,mixed:1,worn:1";
    c[i]->teachers = i > 0 ? g_strdupv((char *[]){teacher, NULL}) : NULL;
    c[i]->distillation = (FmnDistillation){i > 1 ? .8 : 0, 1};
    f->stop_after = i == 3 ? 4 : 0;
    g_assert_cmpint(run_ok(f, c[i], NULL), ==, i == 3 ? FMN_OUTCOME_STOPPED : FMN_OUTCOME_FINISHED);
  }
  f->stop_after = 0;
  c[3]->resume = TRUE;
  g_assert_cmpint(run_ok(f, c[3], NULL), ==, FMN_OUTCOME_FINISHED);
  g_autofree char *none = synthetic_digest_of_weights(c[0]->out), *silent = synthetic_digest_of_weights(c[1]->out),
                  *heard = synthetic_digest_of_weights(c[2]->out);
  g_assert_cmpstr(none, ==, silent);
  g_assert_cmpstr(none, !=, heard);
  synthetic_same_bytes(c[2]->out, c[3]->out);
  for (int i = 0; i < 4; i++)
    fmn_train_config_free(c[i]);
}

/* The loss falls, the file opens as a detector, and a second training may start from it, with its anchors. */
static void test_learns(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "yolov3-tiny:size=64", "a.safetensors");
  g_autoptr(GError) error = NULL;
  c->recipe.batch = 4;
  c->recipe.ema = 0;
  c->recipe.epochs = 3;
  c->recipe.scenes.epoch = 48;
  c->recipe.scenes.sizes = "";
  c->recipe.scenes.presets = "mixed";
  c->threads = 2;
  g_assert_cmpint(run_ok(f, c, NULL), ==, FMN_OUTCOME_FINISHED);
  g_test_message("loss %.1f → %.1f", f->first_loss, f->last_loss);
  g_assert_cmpfloat(f->last_loss, <, .85 * f->first_loss);
  FmnModel *model = fmn_model_open(c->out, &error);
  g_assert_no_error(error);
  g_assert_true(fmn_model_is_detector(model));
  fmn_model_unref(model);
  double loss = f->last_loss;
  FmnTrainConfig *next = make_config(f, "yolov3-tiny:size=96", "b.safetensors");
  next->init = g_strdup(c->out);
  next->recipe.epochs = 1;
  next->recipe.rate = 1e-5;
  next->recipe.scenes.epoch = 16;
  next->recipe.scenes.sizes = "64";
  next->recipe.scenes.presets = "mixed";
  g_assert_cmpint(run_ok(f, next, NULL), ==, FMN_OUTCOME_FINISHED);
  g_test_message("and from there %.1f", f->last_loss);
  g_assert_cmpfloat(f->first_loss, <, 2.5 * loss);
  g_autofree char *before = anchors_of(c), *after = anchors_of(next);
  g_assert_cmpstr(before, ==, after);
  fmn_train_config_free(c);
  fmn_train_config_free(next);
}

static void test_original_anchors(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "yolov3-tiny:anchors=original,size=32", "a.safetensors");
  FmnResult result;
  c->recipe.epochs = 1;
  c->recipe.scenes.epoch = 2;
  c->recipe.scenes.sizes = "0";
  c->recipe.scenes.test = 0;
  c->recipe.validation = 0;
  g_autoptr(GError) error = NULL;
  FmnListener listener = {NULL, NULL, NULL, NULL, NULL};
  FmnSession *s = fmn_session_new(c, &listener, &error);
  g_assert_no_error(error);
  g_assert_cmpint(fmn_session_run(s, &result, &error), ==, FMN_OUTCOME_FINISHED);
  fmn_session_free(s);
  g_assert_true(isnan(result.map50) && isnan(result.validation_accuracy));
  g_autofree char *text = anchors_of(c);
  g_assert_cmpstr(text, ==, "10,14 28,28 37,58 81,82 135,169 288,288");
  fmn_train_config_free(c);
}

/* Test items that may be of several classes are left out of the figure at a training's end, which says so. */
static void test_items_of_sets(Fixture *f, gconstpointer data) {
  FmnTrainConfig *c = make_config(f, "yolov3-tiny:size=64", "a.safetensors");
  FmnDataset *test = synthetic_new(50, 2);
  FmnResult result;
  synthetic_name_classes(f->folder, "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\na|b\n");
  for (int k = 40; k < test->n; k++)
    test->labels[k] = 10;
  synthetic_write_split(f->folder, "t10k", test);
  g_assert_cmpint(run_ok(f, c, &result), ==, FMN_OUTCOME_FINISHED);
  g_assert_false(isnan(result.map50));
  g_assert_nonnull(strstr(f->notices->str, "10 test images that may be of several classes"));
  fmn_dataset_free(test);
  fmn_train_config_free(c);
}

static void test_anchors(void) {
  const FmnAnchor centres[] = {{20, 30}, {40, 25}, {50, 60}, {90, 70}, {100, 140}, {200, 180}};
  FmnAnchor sizes[600], anchors[FMN_YOLO_ANCHORS];
  FmnRandom r = {5};
  for (int i = 0; i < 600; i++)
    sizes[i] = (FmnAnchor){centres[i % 6].w * (float)fmn_random_range(&r, .95, 1.05),
                           centres[i % 6].h * (float)fmn_random_range(&r, .95, 1.05)};
  double overlap = fmn_anchors_fit(sizes, 600, anchors);
  g_assert_cmpfloat(overlap, >, .93);
  g_assert_cmpfloat_with_epsilon(overlap, fmn_anchors_mean_iou(sizes, 600, anchors), 1e-12);
  for (int a = 0; a < FMN_YOLO_ANCHORS; a++) {
    g_assert_cmpfloat_with_epsilon(anchors[a].w, centres[a].w, .02 * centres[a].w);
    g_assert_cmpfloat_with_epsilon(anchors[a].h, centres[a].h, .02 * centres[a].h);
  }
  fmn_anchors_fit(sizes, 1, anchors); /* fewer sizes than anchors */
  g_assert_cmpfloat_with_epsilon(fmn_anchors_mean_iou(sizes, 1, anchors), 1, .01);
}

static void test_sizes(void) {
  GError *error = NULL;
  FmnSizes s;
  int n;
  g_assert_true(fmn_sizes_parse("224:2,288-352:3,416", &s, &error));
  for (gint64 step = 0; step < 200; step++) {
    int size = fmn_sizes_at(&s, 64, 20, step, 9);
    if (step < 40)
      g_assert_cmpint(size, ==, 224);
    else if (step < 100)
      g_assert_true(size == 288 || size == 320 || size == 352);
    else
      g_assert_cmpint(size, ==, 416);
    g_assert_cmpint(size, ==, fmn_sizes_at(&s, 64, 20, step, 9));
  }
  g_autofree int *list = fmn_sizes_list(&s, 64, &n);
  g_assert_cmpint(n, ==, 5);
  g_assert_cmpint(list[0], ==, 224);
  g_assert_cmpint(list[4], ==, 416);
  g_assert_true(fmn_sizes_parse("0", &s, NULL));
  g_assert_cmpint(fmn_sizes_at(&s, 64, 20, 5, 9), ==, 64);
  const char *const bad[] = {"100", "64-32", "32:0", "32:", ":3", "32-", "4096", "32,,64", "x", "64 ", "-64"};
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_assert_false(fmn_sizes_parse(bad[i], &s, &error));
    g_assert_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT);
    g_clear_error(&error);
  }
}

static void test_mix(void) {
  GError *error = NULL;
  FmnSceneMix m;
  g_assert_true(fmn_scene_mix_parse("mixed:3,green", &m, &error));
  g_assert_cmpfloat(m.share[FMN_SCENE_GREEN], ==, .25);
  g_assert_true(fmn_scene_mix_parse("worn,mixed:2,worn", &m, &error));
  g_assert_cmpfloat(m.share[FMN_SCENE_WORN], ==, .5);
  g_assert_true(fmn_scene_mix_parse("green", &m, &error));
  g_assert_cmpfloat(m.share[FMN_SCENE_MIXED], ==, 0);
  const char *const bad[] = {"", "blue", "mixed:0", "mixed:-1", "mixed:x", "mixed:", "mixed,"};
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_assert_false(fmn_scene_mix_parse(bad[i], &m, &error));
    g_assert_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT);
    g_clear_error(&error);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/detection/anchors", test_anchors);
  g_test_add_func("/detection/sizes", test_sizes);
  g_test_add_func("/detection/mix", test_mix);
  g_test_add("/detection/items-of-sets", Fixture, NULL, set_up, test_items_of_sets, tear_down);
  g_test_add("/detection/original-anchors", Fixture, NULL, set_up, test_original_anchors, tear_down);
  g_test_add("/detection/resume", Fixture, NULL, set_up, test_resume, tear_down);
  g_test_add("/detection/sam", Fixture, NULL, set_up, test_sam, tear_down);
  g_test_add("/detection/teacher", Fixture, NULL, set_up, test_teacher, tear_down);
  g_test_add("/detection/learns", Fixture, NULL, set_up, test_learns, tear_down);
  return g_test_run();
}
