/* Watches cameras and says which garments come and go: addresses in, a line for each event out.
 *
 *   watch rtsp://camera/stream v4l2:///dev/video0 clip.mp4
 *
 * A line on standard output has, with tabs between: time, address, appear|change|leave, id, label, confidence. What
 * becomes of the sources is told on standard error. A file ends; a camera that ends, fails or falls silent is opened
 * again until it is back. Ctrl-C ends it all in order: everything that is there leaves first. Exit status: 0 when
 * everything has ended, 1 when a file could not be read, 2 for wrong usage. */
#include <glib-unix.h>
#include <gst/gst.h>
#include <locale.h>
#include <stdio.h>

#define FIRST_WAIT 1 /* seconds before a lost camera is opened again; each failure doubles them */
#define LONGEST_WAIT 30
#define END_WAIT 2000 /* ms that a pipeline has to drain in */

typedef struct {
  char *model;
  gboolean detector;
  int silence; /* seconds */
} Options;

typedef struct {
  GMainLoop *loop;
  Options options;
  GPtrArray *sources; /* of Source */
  guint running;
  gboolean ending, failed;
} Watch;

typedef struct {
  Watch *watch;
  char *uri;
  GstElement *pipeline;    /* NULL: waiting, or ended */
  guint bus, check, again; /* GLib's sources; 0: none */
  gint frames;             /* since the last check; written by a streaming thread */
  int wait, silent;        /* seconds */
  gboolean ended;
} Source;

static void source_open(Source *s);

static void source_close(Source *s) {
  g_clear_handle_id(&s->bus, g_source_remove);
  g_clear_handle_id(&s->check, g_source_remove);
  g_clear_handle_id(&s->again, g_source_remove);
  if (s->pipeline != NULL)
    gst_element_set_state(s->pipeline, GST_STATE_NULL);
  gst_clear_object(&s->pipeline);
}

static void source_end(Source *s, gboolean failed) {
  if (s->ended)
    return;
  source_close(s);
  s->ended = TRUE;
  s->watch->failed |= failed;
  if (--s->watch->running == 0)
    g_main_loop_quit(s->watch->loop);
}

static gboolean open_again(gpointer user) {
  Source *s = user;
  s->again = 0;
  source_open(s);
  return G_SOURCE_REMOVE;
}

static void source_lost(Source *s, const char *why) {
  source_close(s);
  g_printerr("%s: lost (%s), next try in %d s\n", s->uri, why, s->wait);
  s->again = g_timeout_add_seconds((guint)s->wait, open_again, s);
  s->wait = MIN(2 * s->wait, LONGEST_WAIT);
}

/* What has a length is a file, and so is what was meant to be one. */
static gboolean is_file(const Source *s) {
  gint64 duration;
  return g_str_has_prefix(s->uri, "file:") ||
         (gst_element_query_duration(s->pipeline, GST_FORMAT_TIME, &duration) && duration > 0);
}

static void print_event(const Source *s, const GstStructure *event) {
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree char *time = g_date_time_format_iso8601(now);
  double confidence = 0;
  guint id = 0;
  gst_structure_get(event, "id", G_TYPE_UINT, &id, "confidence", G_TYPE_DOUBLE, &confidence, NULL);
  printf("%s\t%s\t%s\t%u\t%s\t%.2f\n", time, s->uri, gst_structure_get_string(event, "type"), id,
         gst_structure_get_string(event, "label"), confidence);
  fflush(stdout);
}

static void on_error(Source *s, GstMessage *message) {
  g_autoptr(GError) error = NULL;
  gst_message_parse_error(message, &error, NULL);
  if (s->watch->ending) {
    source_end(s, FALSE);
  } else if (is_file(s) || error->domain == GST_CORE_ERROR || error->domain == GST_LIBRARY_ERROR ||
             g_str_has_prefix(GST_OBJECT_NAME(message->src), "fmnist")) { /* trying again would not help */
    g_printerr("%s: %s\n", s->uri, error->message);
    source_end(s, TRUE);
  } else {
    source_lost(s, error->message);
  }
}

static gboolean on_message(GstBus *bus, GstMessage *message, gpointer user) {
  Source *s = user;
  switch (GST_MESSAGE_TYPE(message)) {
  case GST_MESSAGE_ELEMENT:
    if (gst_message_has_name(message, "fmnist-event"))
      print_event(s, gst_message_get_structure(message));
    break;
  case GST_MESSAGE_ERROR:
    on_error(s, message);
    return s->bus != 0;
  case GST_MESSAGE_EOS:
    if (s->watch->ending || is_file(s))
      source_end(s, FALSE);
    else
      source_lost(s, "the stream has ended");
    return s->bus != 0;
  case GST_MESSAGE_LATENCY:
    gst_bin_recalculate_latency(GST_BIN(s->pipeline));
    break;
  default:
    break;
  }
  return G_SOURCE_CONTINUE;
}

static GstPadProbeReturn count_frame(GstPad *pad, GstPadProbeInfo *info, gpointer user) {
  g_atomic_int_inc(&((Source *)user)->frames);
  return GST_PAD_PROBE_OK;
}

/* Once a second: has anything come? A cable that is pulled out is no error to anybody. */
static gboolean check_frames(gpointer user) {
  Source *s = user;
  int frames = g_atomic_int_exchange(&s->frames, 0);
  if (frames > 0 && s->wait != FIRST_WAIT)
    g_printerr("%s: is back\n", s->uri);
  if (frames > 0)
    s->wait = FIRST_WAIT;
  s->silent = frames > 0 ? 0 : s->silent + 1;
  if (s->silent < s->watch->options.silence || s->watch->ending || is_file(s))
    return G_SOURCE_CONTINUE;
  s->check = 0;
  source_lost(s, "no picture comes");
  return G_SOURCE_REMOVE;
}

/* uridecodebin for the pictures alone: a camera's sound is nobody's business here. */
static GstElement *build(Source *s) {
  const Options *o = &s->watch->options;
  g_autoptr(GError) error = NULL;
  GstElement *pipeline = gst_parse_launch(
      o->detector ? "uridecodebin name=in ! videoconvert ! fmnistyolo name=fmnist post-events=true ! fakesink"
                  : "uridecodebin name=in ! videoconvert ! fmnistsegment ! fmnistclassify name=fmnist "
                    "post-events=true smoothing=500 ! fakesink",
      &error);
  if (error != NULL) {
    g_printerr("%s\n", error->message);
    g_clear_pointer(&pipeline, gst_object_unref);
    return NULL;
  }
  g_autoptr(GstElement) in = gst_bin_get_by_name(GST_BIN(pipeline), "in"),
                        namer = gst_bin_get_by_name(GST_BIN(pipeline), "fmnist");
  g_autoptr(GstCaps) caps = gst_caps_from_string("video/x-raw");
  g_autoptr(GstPad) pad = gst_element_get_static_pad(namer, "sink");
  g_object_set(in, "uri", s->uri, "caps", caps, "expose-all-streams", FALSE, NULL);
  if (o->model != NULL)
    g_object_set(namer, "model", o->model, NULL);
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, count_frame, s, NULL);
  return pipeline;
}

static void source_open(Source *s) {
  s->pipeline = build(s);
  if (s->pipeline == NULL) {
    source_end(s, TRUE);
    return;
  }
  g_autoptr(GstBus) bus = gst_element_get_bus(s->pipeline);
  s->bus = gst_bus_add_watch(bus, on_message, s);
  s->silent = 0;
  s->check = g_timeout_add_seconds(1, check_frames, s);
  gst_element_set_state(s->pipeline, GST_STATE_PLAYING); /* a failure comes as a message */
}

static gboolean end_now(gpointer user) {
  Watch *w = user;
  for (guint i = 0; i < w->sources->len; i++)
    source_end(g_ptr_array_index(w->sources, i), FALSE);
  return G_SOURCE_REMOVE;
}

/* The first time in order, the second time at once. */
static gboolean on_signal(gpointer user) {
  Watch *w = user;
  if (w->ending)
    return end_now(w), G_SOURCE_CONTINUE;
  w->ending = TRUE;
  for (guint i = 0; i < w->sources->len; i++) {
    Source *s = g_ptr_array_index(w->sources, i);
    if (s->pipeline == NULL)
      source_end(s, FALSE);
    else
      gst_element_send_event(s->pipeline, gst_event_new_eos());
  }
  g_timeout_add(END_WAIT, end_now, w);
  return G_SOURCE_CONTINUE;
}

static void source_free(gpointer data) {
  Source *s = data;
  source_close(s);
  g_free(s->uri);
  g_free(s);
}

static gboolean add_source(Watch *w, const char *argument) {
  g_autoptr(GError) error = NULL;
  char *uri = gst_uri_is_valid(argument) ? g_strdup(argument) : gst_filename_to_uri(argument, &error);
  if (uri == NULL) {
    g_printerr("%s\n", error->message);
    return FALSE;
  }
  Source *s = g_new0(Source, 1);
  s->watch = w;
  s->uri = uri;
  s->wait = FIRST_WAIT;
  g_ptr_array_add(w->sources, s);
  return TRUE;
}

static gboolean parse(int *argc, char ***argv, Options *o) {
  const GOptionEntry entries[] = {
      {"model", 'm', 0, G_OPTION_ARG_STRING, &o->model, "Model: a name or a file (the element's default)", "NAME"},
      {"detector", 'd', 0, G_OPTION_ARG_NONE, &o->detector,
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
  if (!g_option_context_parse(context, argc, argv, &error))
    g_printerr("%s\n", error->message);
  else if (*argc < 2 || o->silence < 1)
    g_printerr(*argc < 2 ? "Usage: watch [OPTION…] ADDRESS… (--help lists the options)\n"
                         : "--silence must be at least 1 second\n");
  else
    return TRUE;
  return FALSE;
}

int main(int argc, char **argv) {
  Watch w = {.options = {.silence = 10}};
  setlocale(LC_ALL, "");
  if (!parse(&argc, &argv, &w.options))
    return 2;
  w.loop = g_main_loop_new(NULL, FALSE);
  w.sources = g_ptr_array_new_with_free_func(source_free);
  gboolean ok = TRUE;
  for (int i = 1; i < argc && ok; i++)
    ok = add_source(&w, argv[i]);
  w.running = w.sources->len;
  guint signals[] = {g_unix_signal_add(SIGINT, on_signal, &w), g_unix_signal_add(SIGTERM, on_signal, &w)};
  for (guint i = 0; ok && i < w.sources->len; i++)
    source_open(g_ptr_array_index(w.sources, i));
  if (ok && w.running > 0)
    g_main_loop_run(w.loop);
  for (gsize i = 0; i < G_N_ELEMENTS(signals); i++)
    g_source_remove(signals[i]);
  g_ptr_array_unref(w.sources);
  g_main_loop_unref(w.loop);
  g_free(w.options.model);
  return ok && !w.failed ? 0 : 1;
}
