#include "report.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "train/plot.h"

#define BAR_WIDTH 24
#define REDRAW_US (G_USEC_PER_SEC / 10)

static volatile sig_atomic_t interrupted;

struct Report {
  const FmnTrainConfig *config;
  const char *log_path, *plot_path;
  FmnSession *session;
  gboolean log_is_file; /* or a pipe, or a terminal: what is in it stays */
  FILE *log;            /* NULL between two writes to a file */
  int logged;           /* epochs in it */
  gboolean terminal, bar_shown;
  gboolean lost; /* the last epoch is not in the log or in the plot */
  gint64 drawn;  /* monotonic µs */
};

static void on_signal(int signal) { interrupted = signal; }

static gboolean stop(gpointer user) { return interrupted != 0; }

static void clear_bar(Report *r) {
  if (r->bar_shown)
    fputs("\r\033[K", stdout);
  r->bar_shown = FALSE;
}

static void format_time(double seconds, char *text, gsize size) {
  int s = seconds < 1e7 ? (int)seconds : 9999999;
  if (s >= 3600)
    g_snprintf(text, size, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
  else
    g_snprintf(text, size, "%d:%02d", s / 60, s % 60);
}

static void on_step(const FmnProgress *p, gpointer user) {
  Report *r = user;
  gint64 now = g_get_monotonic_time();
  if (!r->terminal || (r->bar_shown && now - r->drawn < REDRAW_US))
    return;
  char bar[BAR_WIDTH + 1], left[32];
  int done = BAR_WIDTH * p->step / p->steps;
  memset(bar, '#', (gsize)done);
  memset(bar + done, '.', (gsize)(BAR_WIDTH - done));
  bar[BAR_WIDTH] = 0;
  format_time(p->seconds_left, left, sizeof left);
  printf("\r\033[Kepoch %d/%d [%s] %.*f images/s  loss %.4f  accuracy %.4f  ETA %s", p->epoch, p->epochs, bar,
         p->images_per_s < 20, p->images_per_s, p->loss, p->accuracy, left);
  fflush(stdout);
  r->bar_shown = TRUE;
  r->drawn = now;
}

static void write_line(FILE *f, JsonBuilder *b) {
  g_autofree char *text = fmn_json_text(b, FALSE);
  fprintf(f, "%s\n", text);
}

static void log_start(const Report *r, FILE *f) {
  g_autoptr(JsonBuilder) b = json_builder_new();
  g_autofree char *command = fmn_train_config_command(r->config);
  json_builder_begin_object(b);
  fmn_json_add_string(b, "event", "start");
  fmn_json_add_string(b, "version", FMN_VERSION);
  fmn_json_add_string(b, "command", command);
  fmn_json_add_int(b, "parameters", (gint64)fmn_session_parameters(r->session));
  fmn_json_add_int(b, "images", fmn_session_n_images(r->session));
  fmn_json_add_int(b, "validation_images", fmn_session_n_validation(r->session));
  fmn_json_add_int(b, "steps_per_epoch", fmn_session_steps(r->session));
  json_builder_end_object(b);
  write_line(f, b);
}

static void log_epoch(const FmnEpoch *e, gboolean detector, FILE *f) {
  g_autoptr(JsonBuilder) b = json_builder_new();
  json_builder_begin_object(b);
  fmn_json_add_string(b, "event", "epoch");
  fmn_json_add_int(b, "epoch", e->epoch);
  fmn_json_add_double(b, "loss", e->loss);
  fmn_json_add_double(b, "accuracy", e->accuracy);
  if (detector) {
    fmn_json_add_double(b, "map50", e->validation_accuracy);
    fmn_json_add_double(b, "map50_95", e->validation_map);
  } else {
    fmn_json_add_double(b, "val_loss", e->validation_loss);
    fmn_json_add_double(b, "val_accuracy", e->validation_accuracy);
  }
  fmn_json_add_double(b, "lr", e->rate);
  fmn_json_add_double(b, "seconds", e->seconds);
  fmn_json_add_double(b, "images_per_s", e->images / e->seconds);
  fmn_json_add_boolean(b, "best", e->best);
  json_builder_end_object(b);
  write_line(f, b);
}

/* A file is written anew: an epoch that was done twice, because the program was killed before its checkpoint, is in it
 * once. */
static gboolean write_log(Report *r, GError **error) {
  int n;
  const FmnEpoch *history = fmn_session_history(r->session, &n);
  if (!r->log && (r->log = g_fopen(r->log_path, "w"))) {
    r->logged = 0;
    log_start(r, r->log);
  }
  while (r->log && r->logged < n)
    log_epoch(&history[r->logged++], fmn_session_is_detector(r->session), r->log);
  if (r->log && (r->log_is_file ? fclose(g_steal_pointer(&r->log)) : fflush(r->log)) == 0)
    return TRUE;
  g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "%s: the log can't be written: %s", r->log_path,
              g_strerror(errno));
  return FALSE;
}

static gboolean write_plot(const Report *r, GError **error) {
  int n;
  const FmnEpoch *history = fmn_session_history(r->session, &n);
  return n == 0 ||
         fmn_plot_write(r->plot_path, r->config->arch, fmn_session_is_detector(r->session), history, n, error);
}

static void on_epoch(const FmnEpoch *e, gpointer user) {
  Report *r = user;
  g_autoptr(GError) error = NULL;
  clear_bar(r);
  printf("epoch %d/%d  loss %.4f  accuracy %.4f", e->epoch, r->config->recipe.epochs, e->loss, e->accuracy);
  if (fmn_session_is_detector(r->session) && !isnan(e->validation_accuracy))
    printf("  mAP50 %.4f  mAP50:95 %.4f%s", e->validation_accuracy, e->validation_map, e->best ? " (best)" : "");
  else if (!isnan(e->validation_accuracy))
    printf("  validation loss %.4f  accuracy %.4f%s", e->validation_loss, e->validation_accuracy,
           e->best ? " (best)" : "");
  double images_per_s = e->images / e->seconds;
  printf("  lr %.3g  %.*f images/s  %.1f s\n", e->rate, images_per_s < 20, images_per_s, e->seconds);
  fflush(stdout);
  r->lost = (r->log_path && !write_log(r, &error)) || (r->plot_path && !write_plot(r, &error));
  if (r->lost)
    fprintf(stderr, "fmnist-train: %s\n", error->message);
}

static void on_notice(const char *text, gpointer user) {
  clear_bar(user);
  printf("%s\n", text);
  fflush(stdout);
}

Report *report_new(const FmnTrainConfig *config, const char *log, const char *plot) {
  Report *r = g_new0(Report, 1);
  r->config = config;
  r->log_path = log;
  r->plot_path = plot;
  r->log_is_file = log && (!g_file_test(log, G_FILE_TEST_EXISTS) || g_file_test(log, G_FILE_TEST_IS_REGULAR));
  r->terminal = isatty(STDOUT_FILENO);
  /* The first signal ends the training in good order, a second one at once. */
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  return r;
}

gboolean report_free(Report *r) {
  gboolean ok = !r->lost;
  clear_bar(r);
  fflush(stdout);
  if (r->log)
    fclose(r->log);
  g_free(r);
  return ok;
}

FmnListener report_listener(Report *r) { return (FmnListener){on_step, on_epoch, on_notice, stop, r}; }

gboolean report_start(Report *r, FmnSession *s, GError **error) {
  r->session = s;
  printf("%s: %" G_GUINT64_FORMAT " parameters; %d images for training, %d for validation; %d threads\n",
         r->config->arch, fmn_session_parameters(s), fmn_session_n_images(s), fmn_session_n_validation(s),
         r->config->threads);
  fflush(stdout);
  if (fmn_session_already(s)) /* log and plot are there, with what is no longer known here */
    return TRUE;
  return (!r->log_path || write_log(r, error)) && (!r->plot_path || write_plot(r, error));
}
