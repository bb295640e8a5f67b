/* How many live cameras of 640×480 at 30 frames a second one process holds, by model: streams [OPTIONS] [MODEL...]
 *
 * A stream is held when 99 of 100 frames come to the sink within two frame times, each with a result of its own. The
 * test picture has no garment, so the whole frame is classified, besides being searched for objects. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fmnist.h"
#include "plugin.h"

#define FPS 30
#define ALLOWED (2 * GST_SECOND / FPS)
#define SHARE 0.99
#define MOST 1024

static int streams_option, seconds = 4, max_kb;
static char **models;

static const GOptionEntry options[] = {
    {"streams", 'n', 0, G_OPTION_ARG_INT, &streams_option,
     "Only so many, and exit with 1 where they are not held (default: find how many)", "N"},
    {"seconds", 's', 0, G_OPTION_ARG_INT, &seconds, "How long a try takes (default 4)", "S"},
    {"max-kb", 'm', 0, G_OPTION_ARG_INT, &max_kb, "With --streams: exit with 1 where one more stream takes more memory",
     "KB"},
    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &models, NULL, "MODEL"},
    {NULL}};

typedef struct {
  GstElement *pipeline, *element;
  guint frames, late;
} Stream;

typedef struct {
  double worst; /* share of the frames that came in time and were looked at, in the stream with the fewest */
  double cpu;   /* seconds of processor time a second */
  long kb;      /* of memory, all of the process */
} Result;

static GstPadProbeReturn count(GstPad *pad, GstPadProbeInfo *info, gpointer user) {
  Stream *s = user;
  GstClockTime now = gst_element_get_current_running_time(s->pipeline);
  s->frames++;
  s->late += now > GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info)) + ALLOWED;
  return GST_PAD_PROBE_OK;
}

static void start_stream(Stream *s, const char *model, gboolean detector) {
  char *launch = g_strdup_printf(
      "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=640,height=480,framerate=%d/1 ! "
      "%s name=e ! fakesink name=s sync=false",
      FPS, detector ? "fmnistyolo" : "fmnistsegment ! fmnistclassify inference-region=full-frame");
  GstElement *sink;
  GstPad *pad;
  s->pipeline = gst_parse_launch(launch, NULL);
  s->element = gst_bin_get_by_name(GST_BIN(s->pipeline), "e");
  sink = gst_bin_get_by_name(GST_BIN(s->pipeline), "s");
  pad = gst_element_get_static_pad(sink, "sink");
  g_object_set(s->element, "model", model, NULL);
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, count, s, NULL);
  gst_element_set_state(s->pipeline, GST_STATE_PLAYING);
  gst_object_unref(pad);
  gst_object_unref(sink);
  g_free(launch);
}

static double share_held(Stream *s) {
  GstStructure *stats = NULL;
  guint64 inferred = 0;
  guint expected = (guint)(seconds * FPS);
  g_object_get(s->element, "stats", &stats, NULL);
  gst_structure_get_uint64(stats, "inferred", &inferred);
  gst_structure_free(stats);
  return (double)MIN(MIN(inferred + 2, expected), s->frames - MIN(s->frames, s->late) + 1) / expected;
}

static long resident_kb(void) {
  char *text = NULL, *line;
  long kb = 0;
  if (g_file_get_contents("/proc/self/status", &text, NULL, NULL) && (line = strstr(text, "VmRSS:")) != NULL)
    kb = (long)g_ascii_strtoll(line + 6, NULL, 10);
  g_free(text);
  return kb;
}

static double processor_seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

static Result try_streams(const char *model, gboolean detector, int n) {
  Stream *streams = g_new0(Stream, n);
  Result r = {.worst = 1};
  double before;
  for (int i = 0; i < n; i++)
    start_stream(&streams[i], model, detector);
  before = processor_seconds();
  g_usleep((gulong)(seconds * G_USEC_PER_SEC) + G_USEC_PER_SEC / FPS);
  r.cpu = (processor_seconds() - before) / seconds;
  for (int i = 0; i < n; i++)
    r.worst = MIN(r.worst, share_held(&streams[i]));
  r.kb = resident_kb();
  for (int i = 0; i < n; i++) {
    gst_element_set_state(streams[i].pipeline, GST_STATE_NULL);
    gst_object_unref(streams[i].element);
    gst_object_unref(streams[i].pipeline);
  }
  g_free(streams);
  return r;
}

/* The greatest number that is held, to one in ten. */
static int find_most(const char *model, gboolean detector, Result *result) {
  int held = 0, failed = MOST;
  for (int n = 1; held + MAX(1, held / 10) < failed; n = failed == MOST ? 2 * held : (held + failed) / 2) {
    Result r = try_streams(model, detector, n);
    if (r.worst >= SHARE) {
      held = n;
      *result = r;
    } else {
      failed = n;
    }
    if (n >= MOST)
      break;
  }
  return held;
}

/* FALSE: less than was asked for. */
static gboolean measure(const char *model, gboolean detector) {
  Result one = try_streams(model, detector, 1),
         r = try_streams(model, detector, streams_option > 0 ? streams_option : 5);
  int n = streams_option > 0 ? streams_option : 5;
  long kb = n > 1 ? (r.kb - one.kb) / (n - 1) : 0; /* before a try that is too much */
  if (streams_option == 0)
    n = find_most(model, detector, &r);
  printf("| %s | %d | %.2f | %.1f | %ld |\n", model, n, r.cpu, 100 * r.worst, kb);
  fflush(stdout);
  return streams_option == 0 || (r.worst >= SHARE && (max_kb == 0 || kb <= max_kb));
}

int main(int argc, char **argv) {
  static char *default_models[] = {(char *)FMN_DEFAULT_MODEL, NULL};
  GOptionContext *context = g_option_context_new("[MODEL...] - live streams that one process holds");
  GError *error = NULL;
  gboolean ok = TRUE;
  g_option_context_add_main_entries(context, options, NULL);
  if (!g_option_context_parse(context, &argc, &argv, &error)) {
    fprintf(stderr, "streams: %s\n", error->message);
    return 2;
  }
  gst_init(NULL, NULL);
  gst_fmnist_plugin_init(NULL);
  printf("| model | streams | processors used | %% of frames held in the worst stream | kB a further stream "
         "|\n|---|---|---|---|---|\n");
  for (char **model = models != NULL ? models : default_models; *model != NULL; model++) {
    FmnModel *m = fmn_model_open(*model, &error);
    if (m == NULL) {
      fprintf(stderr, "streams: %s\n", error->message);
      g_clear_error(&error);
      ok = FALSE;
      continue;
    }
    ok &= measure(*model, fmn_model_is_detector(m));
    fmn_model_unref(m);
  }
  g_option_context_free(context);
  g_strfreev(models);
  return ok ? 0 : 1;
}
