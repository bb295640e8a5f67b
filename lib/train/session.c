#include <math.h>
#include <string.h>

#include "detect/yolo.h"
#include "error.h"
#include "train/session_state.h"
#include "train/target.h"

void fmn_session_notice(const FmnSession *s, const char *format, ...) {
  va_list args;
  if (!s->listener.notice)
    return;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  s->listener.notice(text, s->listener.user);
}

FmnDataset *fmn_session_test_split(const FmnSession *s, GError **error) {
  g_autofree char *dir = s->config->data ? fmn_train_data_dir(s->config->data[0], NULL) : NULL;
  return fmn_dataset_load(dir, FMN_SPLIT_TEST, error);
}

float **fmn_session_watched(FmnSession *s) {
  float **watched = g_new(float *, MAX(1, s->n_params));
  for (int i = 0; i < s->n_params; i++)
    watched[i] = s->ema ? fmn_ema_average(s->ema, i) : s->params[i].param->data;
  return watched;
}

void fmn_session_keep_best(FmnSession *s) {
  g_autofree float **watched = fmn_session_watched(s);
  if (!s->best)
    s->best = g_new0(float *, MAX(1, s->n_params));
  for (int i = 0; i < s->n_params; i++) {
    gsize n = fmn_param_count(s->params[i].param);
    if (!s->best[i])
      s->best[i] = fmn_floats_new(n);
    memcpy(s->best[i], watched[i], n * sizeof(float));
  }
}

gboolean fmn_session_finite(const FmnSession *s) {
  for (int i = 0; i < s->n_params; i++) {
    gsize n = fmn_param_count(s->params[i].param);
    for (gsize k = 0; k < n; k++)
      if (!isfinite(s->params[i].param->data[k]))
        return FALSE;
  }
  return TRUE;
}

static gboolean make_trainer(FmnSession *s, GError **error) {
  const FmnTrainConfig *c = s->config;
  fmn_trainer_init_weights(s->model->graph, fmn_random_derive(c->seed, 1));
  s->pool = fmn_pool_new(c->threads);
  s->trainer = fmn_trainer_new(s->model->graph, s->batch, s->pool, error);
  if (!s->trainer)
    return FALSE;
  s->params = fmn_trainer_params(s->trainer, &s->n_params);
  s->optimizer = fmn_optimizer_new(&c->recipe.optimizer, s->params, s->n_params, s->pool);
  if (c->recipe.sam > 0)
    s->sam = fmn_sam_new(c->recipe.sam, s->params, s->n_params, s->pool);
  s->schedule.rate = c->recipe.rate;
  s->schedule.epochs = c->recipe.epochs;
  s->schedule.steps_per_epoch = s->steps;
  s->schedule.warmup = c->recipe.warmup;
  return fmn_schedule_parse(c->recipe.schedule, &s->schedule, error);
}

static void warn_of_warmup(const FmnSession *s) {
  const FmnRecipe *r = &s->config->recipe;
  if (r->warmup >= r->epochs)
    fmn_session_notice(s,
                       "the learning rate only rises: %g epochs of warm-up and %d of training; train longer or give "
                       "--warmup less",
                       r->warmup, r->epochs);
}

/* Weights to begin with: a checkpoint's, a model's, or those of the seed. */
static gboolean make_start(FmnSession *s, GError **error) {
  g_autofree char *checkpoint = fmn_train_config_checkpoint(s->config);
  gboolean found = g_file_test(checkpoint, G_FILE_TEST_EXISTS);
  if (s->config->resume && !found && fmn_session_is_finished(s)) {
    s->already = TRUE;
    return TRUE;
  }
  gboolean fresh = !s->config->resume || !found;
  if (fresh)
    warn_of_warmup(s);
  if (fresh && ((s->config->init && !fmn_session_start_from(s, s->config->init, error)) ||
                (s->task->start && !s->task->start(s, TRUE, error))))
    return FALSE;
  if (s->config->recipe.ema > 0)
    s->ema = fmn_ema_new(s->config->recipe.ema, s->params, s->n_params, s->pool);
  if (s->config->resume && !found)
    fmn_session_notice(s, "no checkpoint %s: starting afresh", checkpoint);
  if (found && !s->config->resume)
    fmn_session_notice(
        s, "%s is of a training that was interrupted: it will be written over; --resume would go on with it",
        checkpoint);
  if (fresh)
    return TRUE;
  if (!fmn_checkpoint_load(s, checkpoint, error) || (s->task->start && !s->task->start(s, FALSE, error)))
    return FALSE;
  fmn_session_notice(s, "going on from %s: epoch %d of %d, step %d of %d", checkpoint,
                     MIN(s->epoch + 1, s->config->recipe.epochs), s->config->recipe.epochs, s->step, s->steps);
  return TRUE;
}

/* Those of the first data set, without its sets of classes; g_strfreev. */
static char **classes_of(const FmnTrainConfig *c, GError **error) {
  g_autofree char *dir = c->data ? fmn_train_data_dir(c->data[0], NULL) : NULL;
  char **names = fmn_dataset_names(dir, error);
  int n = 0;
  for (int i = 0; names && names[i]; i++)
    if (strchr(names[i], '|') || strcmp(names[i], FMN_LABEL_UNKNOWN) == 0)
      g_free(names[i]);
    else
      names[n++] = names[i];
  if (names)
    names[n] = NULL;
  if (names && n == 0) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "%s names no class: sets of classes (A|B) and “unknown” are none; give a data set with classes first",
                fmn_data_dir(dir));
    g_clear_pointer(&names, g_strfreev);
  }
  return names;
}

FmnSession *fmn_session_new(const FmnTrainConfig *config, const FmnListener *listener, GError **error) {
  FmnSession *s = g_new0(FmnSession, 1);
  s->config = config;
  s->listener = *listener;
  s->started = g_get_monotonic_time();
  s->history = g_array_new(FALSE, FALSE, sizeof(FmnEpoch));
  s->best_accuracy = -1;
  s->best_loss = HUGE_VAL;
  g_auto(GStrv) classes = fmn_target_check_file("--out", config->out, error) ? classes_of(config, error) : NULL;
  if (classes)
    s->model = fmn_model_file_new(config->arch, config->arch_options, (const char *const *)classes, error);
  if (s->model)
    s->classes = (int)g_strv_length(s->model->labels);
  s->task = s->model && fmn_yolo_fits(s->model->graph, s->classes) ? &fmn_task_detection : &fmn_task_classification;
  if (s->model && s->task->open(s, error) && make_trainer(s, error) && make_start(s, error))
    return s;
  fmn_session_free(s);
  return NULL;
}

void fmn_session_free(FmnSession *s) {
  if (!s)
    return;
  for (int i = 0; s->best && i < s->n_params; i++)
    fmn_floats_free(s->best[i]);
  if (s->work)
    s->task->close(s);
  fmn_teacher_free(s->teacher);
  fmn_ema_free(s->ema);
  fmn_sam_free(s->sam);
  fmn_optimizer_free(s->optimizer);
  fmn_trainer_free(s->trainer);
  fmn_pool_free(s->pool);
  fmn_train_data_free(s->data);
  fmn_model_file_free(s->model);
  g_array_free(s->history, TRUE);
  g_free(s->best);
  g_free(s);
}

/* What is left in the trainer is the gradient that the weights are to be moved by. */
static FmnStep take_gradient(FmnSession *s, guint64 seed) {
  s->task->next(s);
  FmnStep step = s->task->pass(s, seed);
  if (s->sam) { /* running statistics of the weights uphill are left there */
    float **weights = fmn_sam_climb(s->sam);
    fmn_trainer_swap_weights(s->trainer, weights);
    s->task->pass(s, seed);
    fmn_trainer_swap_weights(s->trainer, weights);
  }
  return step;
}

static gboolean train_step(FmnSession *s, GError **error) {
  gint64 number = (gint64)s->epoch * s->steps + s->step;
  FmnStep step = take_gradient(s, fmn_random_derive(fmn_random_derive(s->config->seed, 2), (guint64)number));
  if (!isfinite(step.loss)) {
    g_set_error(
        error, FMN_ERROR, FMN_ERROR_ARGUMENT,
        "the loss is no number any more (epoch %d, step %d): the training has diverged; try a lower --lr or a longer "
        "--warmup (the last checkpoint is left as it was)",
        s->epoch + 1, s->step + 1);
    return FALSE;
  }
  fmn_optimizer_step(s->optimizer, fmn_schedule_rate(&s->schedule, number));
  if (s->ema)
    fmn_ema_step(s->ema);
  s->loss_sum += step.loss;
  s->correct += step.correct;
  s->judged += step.judged;
  s->step++;
  return TRUE;
}

static void validate(FmnSession *s, FmnEpoch *e) {
  g_autofree float **watched = fmn_session_watched(s);
  e->validation_loss = e->validation_accuracy = e->validation_map = NAN;
  fmn_trainer_swap_weights(s->trainer, watched);
  if (s->config->recipe.bn_images)
    s->task->renew_statistics(s);
  FmnPlan *plan = fmn_plan_new(s->model->graph);
  fmn_trainer_swap_weights(s->trainer, watched);
  s->task->validate(s, plan, e);
  fmn_plan_unref(plan);
}

static gboolean end_epoch(FmnSession *s, GError **error) {
  double n = (double)s->steps * s->batch;
  FmnEpoch e = {.epoch = s->epoch + 1,
                .loss = s->loss_sum / n,
                .accuracy = (double)s->correct / (double)MAX(1, s->judged),
                .seconds = s->seconds,
                .images = s->steps * s->batch};
  e.rate = fmn_schedule_rate(&s->schedule, (gint64)s->epoch * s->steps + s->steps - 1);
  if (!fmn_session_finite(s)) {
    g_set_error(
        error, FMN_ERROR, FMN_ERROR_ARGUMENT,
        "weights are no numbers any more at the end of epoch %d: the training has diverged; try a lower --lr (the last "
        "checkpoint is left as it was)",
        e.epoch);
    return FALSE;
  }
  validate(s, &e);
  e.best = e.validation_accuracy > s->best_accuracy ||
           (e.validation_accuracy == s->best_accuracy && e.validation_loss < s->best_loss);
  if (e.best) {
    fmn_session_keep_best(s); /* with keep_last, too: that may be another when the training is resumed */
    s->best_epoch = e.epoch;
    s->best_accuracy = e.validation_accuracy;
    s->best_loss = e.validation_loss;
  }
  g_array_append_val(s->history, e);
  fmn_schedule_epoch(&s->schedule, isnan(e.validation_loss) ? e.loss : e.validation_loss);
  s->epoch++;
  s->step = 0;
  s->loss_sum = s->seconds = 0;
  s->correct = s->judged = 0;
  if (!fmn_checkpoint_save(s, error))
    return FALSE;
  if (s->listener.epoch)
    s->listener.epoch(&e, s->listener.user);
  return TRUE;
}

static void tell_progress(const FmnSession *s, double rate) {
  double done = (double)s->step * s->batch;
  double left = ((double)(s->config->recipe.epochs - s->epoch) * s->steps - s->step) * s->batch;
  FmnProgress p = {s->epoch + 1,
                   s->config->recipe.epochs,
                   s->step,
                   s->steps,
                   s->loss_sum / done,
                   (double)s->correct / (double)MAX(1, s->judged),
                   rate,
                   left / rate};
  if (s->listener.step)
    s->listener.step(&p, s->listener.user);
}

FmnOutcome fmn_session_run(FmnSession *s, FmnResult *result, GError **error) {
  const FmnTrainConfig *c = s->config;
  gint64 first = g_get_monotonic_time(), seen = 0;
  if (s->already)
    return FMN_OUTCOME_ALREADY;
  if (!s->task->load(s, error))
    return FMN_OUTCOME_FAILED;
  while (s->epoch < c->recipe.epochs) {
    gint64 now = g_get_monotonic_time();
    if (s->listener.stop && s->listener.stop(s->listener.user))
      return fmn_checkpoint_save(s, error) ? FMN_OUTCOME_STOPPED : FMN_OUTCOME_FAILED;
    if (c->time_limit > 0 && (double)(now - s->started) / G_USEC_PER_SEC >= c->time_limit)
      return fmn_checkpoint_save(s, error) && fmn_session_finish(s, FALSE, result, error) ? FMN_OUTCOME_TIME_LIMIT
                                                                                          : FMN_OUTCOME_FAILED;
    if (!train_step(s, error))
      return FMN_OUTCOME_FAILED;
    gint64 after = g_get_monotonic_time();
    seen += s->batch;
    s->seconds += (double)(after - now) / G_USEC_PER_SEC;
    tell_progress(s, (double)seen * G_USEC_PER_SEC / (double)MAX(1, after - first));
    if (s->step == s->steps && !end_epoch(s, error))
      return FMN_OUTCOME_FAILED;
  }
  return fmn_session_finish(s, TRUE, result, error) ? FMN_OUTCOME_FINISHED : FMN_OUTCOME_FAILED;
}

const FmnEpoch *fmn_session_history(const FmnSession *s, int *n) {
  *n = (int)s->history->len;
  return (const FmnEpoch *)(gpointer)s->history->data;
}

gboolean fmn_session_already(const FmnSession *s) { return s->already; }
int fmn_session_steps(const FmnSession *s) { return s->steps; }
int fmn_session_n_images(const FmnSession *s) { return fmn_train_data_n_images(s->data); }
int fmn_session_n_validation(const FmnSession *s) { return fmn_train_data_validation(s->data)->n; }
guint64 fmn_session_parameters(const FmnSession *s) { return fmn_graph_parameters(s->model->graph); }
gboolean fmn_session_is_detector(const FmnSession *s) { return s->task == &fmn_task_detection; }
