/* Watches cameras and says which garments come and go: addresses in, a line for each event out.
 *
 *   watch rtsp://camera/stream v4l2:///dev/video0 clip.mp4
 *
 * A line on standard output has, with tabs between: time, address, appear|change|leave, id, label, confidence. What
 * becomes of the sources is told on standard error. A file ends; a camera that ends, fails or falls silent is opened
 * again until it is back (source.c). Ctrl-C ends it all in order: everything that is there leaves first. Exit status: 0
 * when everything has ended, 1 when a file could not be read, 2 for wrong usage. */
#include <glib-unix.h>
#include <locale.h>
#include <stdio.h>

#include "source.h"

#define END_WAIT 2000 /* ms that the sources have to drain in */
#define LOOK_FOR_ONE                                                                                                   \
  "uridecodebin name=in ! videoconvert ! fmnistsegment ! fmnistclassify name=fmnist smoothing=500 ! fakesink"
#define LOOK_FOR_MANY "uridecodebin name=in ! videoconvert ! fmnistyolo name=fmnist ! fakesink"

typedef struct {
  GMainLoop *loop;
  GPtrArray *sources;
  guint running;
  gboolean ending, failed;
} Watch;

static void on_event(const char *uri, const GstStructure *event, gpointer user) {
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree char *time = g_date_time_format_iso8601(now);
  double confidence = 0;
  guint id = 0;
  gst_structure_get(event, "id", G_TYPE_UINT, &id, "confidence", G_TYPE_DOUBLE, &confidence, NULL);
  printf("%s\t%s\t%s\t%u\t%s\t%.2f\n", time, uri, gst_structure_get_string(event, "type"), id,
         gst_structure_get_string(event, "label"), confidence);
  fflush(stdout);
}

static void on_ended(gboolean failed, gpointer user) {
  Watch *w = user;
  w->failed |= failed;
  if (--w->running == 0)
    g_main_loop_quit(w->loop);
}

static gboolean end_now(gpointer user) {
  Watch *w = user;
  for (guint i = 0; i < w->sources->len; i++)
    source_kill(g_ptr_array_index(w->sources, i));
  return G_SOURCE_REMOVE;
}

/* The first time in order, the second time at once. */
static gboolean on_signal(gpointer user) {
  Watch *w = user;
  if (w->ending) {
    end_now(w);
    return G_SOURCE_CONTINUE;
  }
  w->ending = TRUE;
  for (guint i = 0; i < w->sources->len; i++)
    source_stop(g_ptr_array_index(w->sources, i));
  g_timeout_add(END_WAIT, end_now, w);
  return G_SOURCE_CONTINUE;
}

static gboolean parse(int *argc, char ***argv, SourceOptions *o, char **model) {
  gboolean detector = FALSE;
  const GOptionEntry entries[] = {
      {"model", 'm', 0, G_OPTION_ARG_STRING, model, "Model: a name or a file (the element's default)", "NAME"},
      {"detector", 'd', 0, G_OPTION_ARG_NONE, &detector,
       "Look with fmnistyolo: several garments, whatever is behind them", NULL},
      {"silence", 's', 0, G_OPTION_ARG_INT, &o->silence, "Without a picture for so long a camera counts as lost (10)",
       "SECONDS"},
      G_OPTION_ENTRY_NULL};
  g_autoptr(GOptionContext) context = g_option_context_new("ADDRESS…");
  g_autoptr(GError) error = NULL;
  g_option_context_set_summary(context,
                               "Says which garments come and go before cameras: RTSP and other addresses, or files.");
  g_option_context_add_main_entries(context, entries, NULL);
  g_option_context_add_group(context, gst_init_get_option_group());
  gboolean ok = g_option_context_parse(context, argc, argv, &error);
  o->line = detector ? LOOK_FOR_MANY : LOOK_FOR_ONE;
  o->model = *model;
  if (!ok)
    g_printerr("%s\n", error->message);
  else if (*argc < 2)
    g_printerr("Usage: watch [OPTION…] ADDRESS… (--help lists the options)\n");
  else if (o->silence < 1)
    g_printerr("--silence must be at least 1 second\n");
  return ok && *argc >= 2 && o->silence >= 1;
}

static gboolean open_all(Watch *w, char **addresses, const SourceOptions *options) {
  g_autoptr(GError) error = NULL;
  for (; *addresses != NULL; addresses++) {
    Source *s = source_new(*addresses, options, &error);
    if (s == NULL) {
      g_printerr("%s\n", error->message);
      return FALSE;
    }
    g_ptr_array_add(w->sources, s);
  }
  w->running = w->sources->len;
  for (guint i = 0; i < w->sources->len; i++)
    source_open(g_ptr_array_index(w->sources, i));
  return TRUE;
}

int main(int argc, char **argv) {
  Watch w = {0};
  SourceOptions options = {.silence = 10, .event = on_event, .ended = on_ended, .user = &w};
  g_autofree char *model = NULL;
  setlocale(LC_ALL, "");
  if (!parse(&argc, &argv, &options, &model))
    return 2;
  w.loop = g_main_loop_new(NULL, FALSE);
  w.sources = g_ptr_array_new_with_free_func((GDestroyNotify)source_free);
  guint signals[] = {g_unix_signal_add(SIGINT, on_signal, &w), g_unix_signal_add(SIGTERM, on_signal, &w)};
  if (!open_all(&w, argv + 1, &options))
    w.failed = TRUE;
  else if (w.running > 0)
    g_main_loop_run(w.loop);
  for (gsize i = 0; i < G_N_ELEMENTS(signals); i++)
    g_source_remove(signals[i]);
  g_ptr_array_unref(w.sources);
  g_main_loop_unref(w.loop);
  return w.failed ? 1 : 0;
}
