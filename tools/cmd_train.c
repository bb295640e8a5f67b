#include <math.h>
#include <stdio.h>

#include "command.h"
#include "io/model_file.h"
#include "report.h"
#include "train/picture.h"
#include "train/target.h"
#include "train_options.h"

static void print_result(const FmnTrainConfig *c, const FmnResult *r) {
  printf("%s: epoch %d", c->out, r->best_epoch ? r->best_epoch : r->epochs_done);
  if (c->recipe.scenes.epoch) {
    if (!isnan(r->validation_accuracy))
      printf(", validation scenes: mAP50 %.4f, mAP50:95 %.4f", r->validation_accuracy, r->validation_map);
    if (!isnan(r->map50))
      printf(", test scenes: mAP50 %.4f, mAP50:95 %.4f", r->map50, r->map50_95);
    puts("");
    return;
  }
  if (!isnan(r->validation_accuracy))
    printf(", validation accuracy %.4f, temperature %.3f, threshold %.4f", r->validation_accuracy,
           r->calibration.temperature, r->calibration.threshold);
  if (!isnan(r->test_accuracy))
    printf(", test accuracy %.4f", r->test_accuracy);
  puts("");
}

/* A pipe or a terminal will do for a log, which is written in place. */
static const char *log_file(const TrainOptions *o) {
  gboolean device = o->log && g_file_test(o->log, G_FILE_TEST_EXISTS) && !g_file_test(o->log, G_FILE_TEST_IS_DIR) &&
                    !g_file_test(o->log, G_FILE_TEST_IS_REGULAR);
  return device ? NULL : o->log;
}

/* A model that is started or learned from is needed again by --resume, even when all else is done. */
static gboolean check_no_input(const FmnTrainConfig *c, const char *option, const char *path, GError **error) {
  if (!path)
    return TRUE;
  gboolean ok = !c->init || fmn_target_check_not(option, path, c->init, "the model of --init", error);
  for (char **name = c->teachers; ok && name && *name; name++) {
    g_autofree char *teacher = fmn_model_find_file(*name, NULL); /* of what is nowhere, loading it will say so */
    ok = !teacher || fmn_target_check_not(option, path, teacher, "the model of --teacher", error);
  }
  return ok && fmn_target_check_not_train_data(option, path, c->data, error) &&
         (!c->cutouts || fmn_target_check_not_data(option, path, c->cutouts, error));
}

static gboolean check_names(const TrainOptions *o, GError **error) {
  const FmnTrainConfig *c = o->config;
  g_autofree char *checkpoint = fmn_train_config_checkpoint(c);
  return fmn_target_check_distinct(error, "--out", c->out, "its checkpoint", checkpoint, "--log", log_file(o), "--plot",
                                   o->plot, NULL) &&
         (!o->plot || fmn_picture_check_name("--plot", o->plot, error)) && check_no_input(c, "--out", c->out, error) &&
         check_no_input(c, "--out", checkpoint, error) && check_no_input(c, "--log", log_file(o), error) &&
         check_no_input(c, "--plot", o->plot, error);
}

static gboolean check_targets(const TrainOptions *o, GError **error) {
  g_autofree char *checkpoint = fmn_train_config_checkpoint(o->config);
  return fmn_target_check_file("--out", o->config->out, error) &&
         fmn_target_check_file("--out's checkpoint", checkpoint, error) &&
         (!log_file(o) || fmn_target_check_file("--log", o->log, error)) &&
         (!o->plot || fmn_target_check_file("--plot", o->plot, error));
}

static int train(const TrainOptions *o) {
  const FmnTrainConfig *c = o->config;
  GError *error = NULL;
  FmnResult result;
  FmnOutcome outcome = FMN_OUTCOME_FAILED;
  if (!check_names(o, &error))
    return command_usage_error(error);
  if (!check_targets(o, &error))
    return command_fail(error);
  Report *report = report_new(c, o->log, o->plot);
  FmnListener listener = report_listener(report);
  FmnSession *session = fmn_session_new(c, &listener, &error);
  if (session && report_start(report, session, &error))
    outcome = fmn_session_run(session, &result, &error);
  fmn_session_free(session);
  int status = report_free(report) ? EXIT_OK : EXIT_FAILED;
  switch (outcome) {
  case FMN_OUTCOME_FINISHED:
    print_result(c, &result);
    return status;
  case FMN_OUTCOME_ALREADY:
    printf("%s: this training is already finished; the file is left as it is\n", c->out);
    return EXIT_OK;
  case FMN_OUTCOME_TIME_LIMIT:
    print_result(c, &result);
    printf("not finished: the time limit came after %d of %d epochs; the same command with --resume goes on\n",
           result.epochs_done, c->recipe.epochs);
    return status;
  case FMN_OUTCOME_STOPPED:
    fprintf(stderr, "fmnist-train: interrupted; the same command with --resume goes on from %s.ckpt\n", c->out);
    return EXIT_FAILED;
  default:
    return command_fail(error);
  }
}

static int run(int argc, char **argv) {
  TrainOptions o;
  int status = train_options_read(&o, argc, argv) ? train(&o) : EXIT_USAGE;
  train_options_clear(&o);
  return status;
}

const Command command_train = {"train", "train a network and write it as a model file", run};
