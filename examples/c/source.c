#include "source.h"

#define FIRST_WAIT 1 /* seconds before a lost camera is opened again; each failure doubles them */
#define LONGEST_WAIT 30

struct Source {
  const SourceOptions *options;
  char *uri;
  GstElement *pipeline;    /* NULL: waiting, or ended */
  guint bus, check, again; /* GLib's sources; 0: none */
  gint frames;             /* since the last check; written by a streaming thread */
  int wait, silent;        /* seconds */
  gboolean stopping, ended;
};

static void close_pipeline(Source *s) {
  g_clear_handle_id(&s->bus, g_source_remove);
  g_clear_handle_id(&s->check, g_source_remove);
  g_clear_handle_id(&s->again, g_source_remove);
  if (s->pipeline != NULL)
    gst_element_set_state(s->pipeline, GST_STATE_NULL);
  gst_clear_object(&s->pipeline);
}

static void end(Source *s, gboolean failed) {
  if (s->ended)
    return;
  close_pipeline(s);
  s->ended = TRUE;
  s->options->ended(failed, s->options->user);
}

static gboolean open_again(gpointer user) {
  Source *s = user;
  s->again = 0;
  source_open(s);
  return G_SOURCE_REMOVE;
}

static void lose(Source *s, const char *why) {
  close_pipeline(s);
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

static void on_error(Source *s, GstMessage *message) {
  g_autoptr(GError) error = NULL;
  gst_message_parse_error(message, &error, NULL);
  if (s->stopping) {
    end(s, FALSE);
  } else if (is_file(s) || error->domain == GST_CORE_ERROR || error->domain == GST_LIBRARY_ERROR ||
             g_str_has_prefix(GST_OBJECT_NAME(message->src), "fmnist")) { /* trying again would not help */
    g_printerr("%s: %s\n", s->uri, error->message);
    end(s, TRUE);
  } else {
    lose(s, error->message);
  }
}

static void on_eos(Source *s) {
  if (s->stopping || !is_file(s)) {
    s->stopping ? end(s, FALSE) : lose(s, "the stream has ended");
  } else if (!s->options->loop ||
             !gst_element_seek_simple(s->pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT, 0)) {
    end(s, FALSE);
  }
}

static gboolean on_message(GstBus *bus, GstMessage *message, gpointer user) {
  Source *s = user;
  switch (GST_MESSAGE_TYPE(message)) {
  case GST_MESSAGE_ELEMENT:
    if (gst_message_has_name(message, "fmnist-event"))
      s->options->event(s->uri, gst_message_get_structure(message), s->options->user);
    break;
  case GST_MESSAGE_ERROR:
    on_error(s, message);
    break;
  case GST_MESSAGE_EOS:
    on_eos(s);
    break;
  case GST_MESSAGE_LATENCY:
    gst_bin_recalculate_latency(GST_BIN(s->pipeline));
    break;
  default:
    break;
  }
  return s->bus != 0;
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
  if (s->silent < s->options->silence || s->stopping || is_file(s))
    return G_SOURCE_CONTINUE;
  s->check = 0;
  lose(s, "no picture comes");
  return G_SOURCE_REMOVE;
}

/* Pictures alone: a camera's sound is nobody's business here. */
static GstElement *build(Source *s, GError **error) {
  GstElement *pipeline = gst_parse_launch_full(s->options->line, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  if (pipeline == NULL)
    return NULL;
  g_autoptr(GstElement) in = gst_bin_get_by_name(GST_BIN(pipeline), "in");
  g_autoptr(GstElement) namer = gst_bin_get_by_name(GST_BIN(pipeline), "fmnist");
  g_autoptr(GstCaps) caps = gst_caps_from_string("video/x-raw");
  g_autoptr(GstPad) pad = gst_element_get_static_pad(namer, "sink");
  g_object_set(in, "uri", s->uri, "caps", caps, "expose-all-streams", FALSE, NULL);
  g_object_set(namer, "post-events", TRUE, NULL);
  if (s->options->model != NULL)
    g_object_set(namer, "model", s->options->model, NULL);
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, count_frame, s, NULL);
  return pipeline;
}

void source_open(Source *s) {
  g_autoptr(GError) error = NULL;
  s->pipeline = build(s, &error);
  if (s->pipeline == NULL) {
    g_printerr("%s\n", error->message);
    end(s, TRUE);
    return;
  }
  g_autoptr(GstBus) bus = gst_element_get_bus(s->pipeline);
  s->bus = gst_bus_add_watch(bus, on_message, s);
  s->silent = 0;
  s->check = g_timeout_add_seconds(1, check_frames, s);
  if (s->options->opened != NULL)
    s->options->opened(s->pipeline, s->options->user);
  gst_element_set_state(s->pipeline, GST_STATE_PLAYING); /* a failure comes as a message */
}

void source_stop(Source *s) {
  s->stopping = TRUE;
  if (s->pipeline == NULL)
    end(s, FALSE);
  else
    gst_element_send_event(s->pipeline, gst_event_new_eos());
}

void source_kill(Source *s) { end(s, FALSE); }

Source *source_new(const char *uri, const SourceOptions *options, GError **error) {
  char *valid = gst_uri_is_valid(uri) ? g_strdup(uri) : gst_filename_to_uri(uri, error);
  if (valid == NULL)
    return NULL;
  Source *s = g_new0(Source, 1);
  s->options = options;
  s->uri = valid;
  s->wait = FIRST_WAIT;
  return s;
}

void source_free(Source *s) {
  close_pipeline(s);
  g_free(s->uri);
  g_free(s);
}
