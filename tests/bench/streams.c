/* How many live cameras of 640×480 at 30 frames a second one process holds, by model: streams [OPTIONS] [MODEL...]
 *
 * Streams are held when no frame is lost, so each comes to its sink, with a result of its own, and in each stream 99 of
 * 100 come within two frame times. The cameras are the program itself, one after the other, and cost next to nothing:
 * each frame is a copy of a picture of one object, which is found and named. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <gst/app/gstappsrc.h>

#include "fmnist.h"
#include "plugin.h"

#define WIDTH 640
#define HEIGHT 480
#define FPS 30
#define ALLOWED (2 * GST_SECOND / FPS)
#define SHARE 0.99
#define GRACE 2 /* seconds */
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
  GstElement *pipeline, *camera, *element;
  GstClockTime start; /* running time of the first frame */
  guint frames, late;
  GstClockTime latest; /* greatest time from a frame's timestamp to the sink */
} Stream;

typedef struct {
  guint lost;    /* frames, of all streams */
  double worst;  /* share of the frames that came in time, in the stream with the fewest */
  double latest; /* ms */
  double cpu;    /* seconds of processor time a second */
  long kb;       /* of memory, all of the process */
} Result;

static GstPadProbeReturn count(GstPad *pad, GstPadProbeInfo *info, gpointer user) {
  Stream *s = user;
  GstClockTime now = gst_element_get_current_running_time(s->pipeline);
  GstClockTime made = GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info));
  s->frames++;
  s->late += now > made + ALLOWED;
  s->latest = MAX(s->latest, now > made ? now - made : 0);
  return GST_PAD_PROBE_OK;
}

/* I420: a dark garment's size of pixels on light ones. */
static GstBuffer *draw_frame(void) {
  GstBuffer *frame = gst_buffer_new_allocate(NULL, WIDTH * HEIGHT * 3 / 2, NULL);
  GstMapInfo map;
  gst_buffer_map(frame, &map, GST_MAP_WRITE);
  memset(map.data, 200, WIDTH * HEIGHT);
  memset(map.data + WIDTH * HEIGHT, 128, WIDTH * HEIGHT / 2);
  for (int y = HEIGHT / 5; y < HEIGHT * 4 / 5; y++)
    memset(map.data + y * WIDTH + WIDTH / 3, 60, WIDTH / 3);
  gst_buffer_unmap(frame, &map);
  return frame;
}

static void start_stream(Stream *s, const char *model, gboolean detector) {
  char *launch = g_strdup_printf(
      "appsrc name=c is-live=true format=time caps=video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1 ! "
      "%s name=e ! fakesink name=s sync=false",
      WIDTH, HEIGHT, FPS, detector ? "fmnistyolo" : "fmnistsegment ! fmnistclassify");
  GstElement *sink;
  GstPad *pad;
  s->pipeline = gst_parse_launch(launch, NULL);
  s->camera = gst_bin_get_by_name(GST_BIN(s->pipeline), "c");
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

/* Each camera has its turn once in a frame time. */
static void film(Stream *streams, int n) {
  GstBuffer *picture = draw_frame();
  const gint64 start = g_get_monotonic_time();
  for (int i = 0; i < n; i++)
    streams[i].start = gst_element_get_current_running_time(streams[i].pipeline);
  for (gint64 i = 0; i < (gint64)seconds * FPS * n; i++) {
    const gint64 due = i * G_USEC_PER_SEC / ((gint64)FPS * n), wait = start + due - g_get_monotonic_time();
    GstBuffer *frame;
    if (wait > 0)
      g_usleep((gulong)wait);
    frame = gst_buffer_copy_deep(picture);
    GST_BUFFER_PTS(frame) = streams[i % n].start + (GstClockTime)due * GST_USECOND;
    gst_app_src_push_buffer(GST_APP_SRC(streams[i % n].camera), frame);
  }
  for (int i = 0; i < n; i++)
    gst_app_src_end_of_stream(GST_APP_SRC(streams[i].camera));
  gst_buffer_unref(picture);
}

/* What has not come by the deadline is lost. */
static void wait_for_end(Stream *s, gint64 deadline) {
  gint64 left = MAX(0, deadline - g_get_monotonic_time());
  GstBus *bus = gst_element_get_bus(s->pipeline);
  GstMessage *message =
      gst_bus_timed_pop_filtered(bus, (GstClockTime)left * GST_USECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  if (message != NULL)
    gst_message_unref(message);
  gst_object_unref(bus);
}

static void add_stream(Result *r, Stream *s) {
  GstStructure *stats = NULL;
  guint64 inferred = 0;
  guint n = (guint)(seconds * FPS);
  g_object_get(s->element, "stats", &stats, NULL);
  gst_structure_get_uint64(stats, "inferred", &inferred);
  gst_structure_free(stats);
  r->lost += n - MIN(n, (guint)MIN(inferred, s->frames));
  r->worst = MIN(r->worst, (double)(s->frames - s->late) / n);
  r->latest = MAX(r->latest, (double)s->latest / GST_MSECOND);
}

/* What former tries have freed would hide what a new one takes. */
static void give_back(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
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

static void free_stream(Stream *s) {
  gst_object_unref(s->camera);
  gst_object_unref(s->element);
  gst_object_unref(s->pipeline);
}

static Result try_streams(const char *model, gboolean detector, int n) {
  Stream *streams = g_new0(Stream, n);
  Result r = {.worst = 1};
  double cpu;
  gint64 start;
  give_back();
  for (int i = 0; i < n; i++)
    start_stream(&streams[i], model, detector);
  cpu = processor_seconds();
  start = g_get_monotonic_time();
  film(streams, n);
  for (int i = 0; i < n; i++)
    wait_for_end(&streams[i], start + (seconds + GRACE) * G_USEC_PER_SEC);
  r.cpu = (processor_seconds() - cpu) * G_USEC_PER_SEC / (double)(g_get_monotonic_time() - start);
  r.kb = resident_kb();
  for (int i = 0; i < n; i++) {
    gst_element_set_state(streams[i].pipeline, GST_STATE_NULL); /* nobody counts any longer */
    add_stream(&r, &streams[i]);
    free_stream(&streams[i]);
  }
  g_free(streams);
  return r;
}

static gboolean is_held(const Result *r) { return r->lost == 0 && r->worst >= SHARE; }

/* The greatest number that is held, to one in ten. */
static int find_most(const char *model, gboolean detector, Result *result) {
  int held = 0, failed = MOST;
  for (int n = 1; held + MAX(1, held / 10) < failed; n = failed == MOST ? 2 * held : (held + failed) / 2) {
    Result r = try_streams(model, detector, n);
    if (is_held(&r)) {
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
  printf("| %s | %d | %.2f | %u | %.1f | %.0f | %ld |\n", model, n, r.cpu, r.lost, 100 * r.worst, r.latest, kb);
  fflush(stdout);
  return streams_option == 0 || (is_held(&r) && (max_kb == 0 || kb <= max_kb));
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
  printf(
      "| model | streams | processors used | frames lost | %% in time in the worst stream | greatest ms | kB a further "
      "stream |\n|---|---|---|---|---|---|---|\n");
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
