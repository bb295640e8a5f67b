/* Live video with the garments' names on a web page, beside a list of what comes and goes.
 *
 *   browser v4l2:///dev/video0     then open the address that it prints
 *
 * Frames are JPEG pictures in one response that does not end, events are server-sent events: any browser shows both,
 * without more than the page that is built in. A file begins anew where it ends; a lost camera is opened again. */
#include <glib-unix.h>
#include <gst/app/app.h>
#include <json-glib/json-glib.h>
#include <locale.h>
#include <stdio.h>

#include "../c/source.h"
#include "server.h"

#define NAME_ONE "fmnistsegment ! fmnistclassify name=fmnist smoothing=500"
#define NAME_MANY "fmnistyolo name=fmnist"
#define LINE                                                                                                           \
  "uridecodebin name=in ! videoconvert ! %s ! fmnistoverlay ! videoconvert ! queue leaky=downstream "                  \
  "max-size-buffers=2 ! jpegenc "                                                                                      \
  "quality=%d ! appsink name=out max-buffers=2 drop=true"

typedef struct {
  GMainLoop *loop;
  Server *server;
  gboolean failed;
} Browser;

typedef struct {
  Browser *browser;
  GBytes *jpeg;
} Frame;

static gboolean send_frame(gpointer user) {
  Frame *f = user;
  server_send_frame(f->browser->server, f->jpeg);
  return G_SOURCE_REMOVE;
}

static void frame_free(gpointer user) {
  Frame *f = user;
  g_bytes_unref(f->jpeg);
  g_free(f);
}

/* On a streaming thread; the server lives in the main one. */
static GstFlowReturn on_sample(GstAppSink *sink, gpointer user) {
  g_autoptr(GstSample) sample = gst_app_sink_pull_sample(sink);
  GstBuffer *buffer = sample != NULL ? gst_sample_get_buffer(sample) : NULL;
  gpointer data;
  gsize size;
  if (buffer == NULL)
    return GST_FLOW_EOS;
  gst_buffer_extract_dup(buffer, 0, G_MAXSIZE, &data, &size);
  Frame *f = g_new(Frame, 1);
  *f = (Frame){user, g_bytes_new_take(data, size)};
  g_main_context_invoke_full(NULL, G_PRIORITY_DEFAULT, send_frame, f, frame_free);
  return GST_FLOW_OK;
}

static void on_opened(GstElement *pipeline, gpointer user) {
  GstAppSinkCallbacks callbacks = {.new_sample = on_sample};
  g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline), "out");
  gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, user, NULL);
}

static void on_event(const char *uri, const GstStructure *event, gpointer user) {
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
  g_autoptr(JsonBuilder) b = json_builder_new();
  static const char *const texts[] = {"type", "label", "previous"};
  double confidence = 0;
  guint id = 0;
  gst_structure_get(event, "id", G_TYPE_UINT, &id, "confidence", G_TYPE_DOUBLE, &confidence, NULL);
  json_builder_begin_object(b);
  json_builder_set_member_name(b, "time");
  json_builder_add_string_value(b, time);
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
    const char *text = gst_structure_get_string(event, texts[i]);
    if (text == NULL)
      continue;
    json_builder_set_member_name(b, texts[i]);
    json_builder_add_string_value(b, text);
  }
  json_builder_set_member_name(b, "id");
  json_builder_add_int_value(b, id);
  json_builder_set_member_name(b, "confidence");
  json_builder_add_double_value(b, confidence);
  json_builder_end_object(b);
  g_autoptr(JsonNode) root = json_builder_get_root(b);
  g_autofree char *json = json_to_string(root, FALSE);
  server_send_event(((Browser *)user)->server, json);
}

static void on_ended(gboolean failed, gpointer user) {
  Browser *b = user;
  b->failed = failed;
  g_main_loop_quit(b->loop);
}

static gboolean on_signal(gpointer user) {
  g_main_loop_quit(((Browser *)user)->loop);
  return G_SOURCE_CONTINUE;
}

typedef struct {
  int port, quality, silence;
  gboolean everywhere, detector;
  char *model;
} Options;

static gboolean parse(int *argc, char ***argv, Options *o) {
  const GOptionEntry entries[] = {
      {"port", 'p', 0, G_OPTION_ARG_INT, &o->port, "Where the page is (8080; 0: one that is free)", "N"},
      {"everywhere", 'e', 0, G_OPTION_ARG_NONE, &o->everywhere,
       "Show it to other machines too: anybody who finds the page sees the picture", NULL},
      {"quality", 'q', 0, G_OPTION_ARG_INT, &o->quality, "Of the pictures, 1 to 100 (80)", "N"},
      {"model", 'm', 0, G_OPTION_ARG_STRING, &o->model, "Model: a name or a file (the element's default)", "NAME"},
      {"detector", 'd', 0, G_OPTION_ARG_NONE, &o->detector,
       "Look with fmnistyolo: several garments, whatever is behind them", NULL},
      {"silence", 's', 0, G_OPTION_ARG_INT, &o->silence, "Without a picture for so long a camera counts as lost (10)",
       "SECONDS"},
      G_OPTION_ENTRY_NULL};
  g_autoptr(GOptionContext) context = g_option_context_new("ADDRESS");
  g_autoptr(GError) error = NULL;
  g_option_context_set_summary(context, "Shows a camera or a file, with the names of garments, on a web page.");
  g_option_context_add_main_entries(context, entries, NULL);
  g_option_context_add_group(context, gst_init_get_option_group());
  if (!g_option_context_parse(context, argc, argv, &error))
    g_printerr("%s\n", error->message);
  else if (*argc != 2)
    g_printerr("Usage: browser [OPTION…] ADDRESS (--help lists the options)\n");
  else if (o->port < 0 || o->port > 65535 || o->quality < 1 || o->quality > 100 || o->silence < 1)
    g_printerr("--port must be from 0 to 65535, --quality from 1 to 100, --silence at least 1\n");
  else
    return TRUE;
  return FALSE;
}

static void serve(Browser *b, Source *source) {
  guint signals[] = {g_unix_signal_add(SIGINT, on_signal, b), g_unix_signal_add(SIGTERM, on_signal, b)};
  b->loop = g_main_loop_new(NULL, FALSE);
  printf("%s\n", server_address(b->server));
  fflush(stdout);
  source_open(source);
  if (!b->failed)
    g_main_loop_run(b->loop);
  for (gsize i = 0; i < G_N_ELEMENTS(signals); i++)
    g_source_remove(signals[i]);
}

int main(int argc, char **argv) {
  Options o = {.port = 8080, .quality = 80, .silence = 10};
  Browser b = {0};
  g_autoptr(GError) error = NULL;
  setlocale(LC_ALL, "");
  if (!parse(&argc, &argv, &o))
    return 2;
  g_autofree char *line = g_strdup_printf(LINE, o.detector ? NAME_MANY : NAME_ONE, o.quality);
  SourceOptions options = {.line = line,
                           .model = o.model,
                           .silence = o.silence,
                           .loop = TRUE,
                           .opened = on_opened,
                           .event = on_event,
                           .ended = on_ended,
                           .user = &b};
  Source *source = source_new(argv[1], &options, &error);
  if (source != NULL && (b.server = server_new((guint)o.port, o.everywhere, &error)) != NULL)
    serve(&b, source);
  g_clear_pointer(&source, source_free);
  while (g_main_context_iteration(NULL, FALSE))
    ; /* frames that are under way */
  g_clear_pointer(&b.server, server_free);
  g_clear_pointer(&b.loop, g_main_loop_unref);
  g_free(o.model);
  if (error != NULL)
    g_printerr("%s\n", error->message);
  return b.failed || error != NULL ? 1 : 0;
}
