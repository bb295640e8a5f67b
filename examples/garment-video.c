/* Renders a video of real Fashion-MNIST test items as garments that lie on changing floors, and writes down what they are.
 *   garment-video --truth truth.jsonl garments.webm */
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "garment-scene.h"
#include "io/idx.h"
#include "io/model_file.h"

#define WIDTH 640
#define HEIGHT 480
#define FPS 30
#define N_LABELS 10
#define ENCODER "videoconvert ! vp8enc deadline=1 cpu-used=8 target-bitrate=3000000 keyframe-max-dist=30 ! webmmux ! filesink name=file"

static char *data_dir, *truth_path;
static int n_items = 30, seed = 1;
static double seconds = 0.5;

static const GOptionEntry entries[] = {
    {"data", 0, 0, G_OPTION_ARG_FILENAME, &data_dir, "Folder with Fashion-MNIST's four files", "DIR"},
    {"truth", 0, 0, G_OPTION_ARG_FILENAME, &truth_path, "Write a JSON line an item: what it is and when it is seen", "FILE"},
    {"items", 0, 0, G_OPTION_ARG_INT, &n_items, "How many, 1 to 1000 (30); the classes take turns", "N"},
    {"seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "How long each is seen, 0.1 to 60 (0.5)", "S"},
    {"seed", 0, 0, G_OPTION_ARG_INT, &seed, "Another seed shows other items (1)", "N"},
    {NULL}};

/* n indices into the test set, as many of each class, in no order. */
static int *choose_items(const FmnDataset *data, int n) {
  guint64 random = (guint64)(guint)seed * 7919 + 104729;
  int *chosen = g_new(int, n);
  for (int i = 0; i < n; i++) {
    gboolean again;
    do {
      chosen[i] = (int)(garment_random(&random) * data->n);
      again = data->labels[chosen[i]] != i % N_LABELS;
    } while (again);
  }
  for (int i = n - 1; i > 0; i--) {
    int j = (int)(garment_random(&random) * (i + 1)), other = chosen[j];
    chosen[j] = chosen[i];
    chosen[i] = other;
  }
  return chosen;
}

static gboolean has_every_class(const FmnDataset *data) {
  gboolean seen[N_LABELS] = {FALSE};
  int n = 0;
  for (int i = 0; i < data->n; i++)
    if (data->labels[i] < N_LABELS && !seen[data->labels[i]]) {
      seen[data->labels[i]] = TRUE;
      n++;
    }
  return n == N_LABELS;
}

static gboolean push_item(GstAppSrc *source, const guint8 *item, int number, int frames) {
  GarmentScene *scene = garment_scene_new(item, (guint64)(guint)seed * 1000003 + (guint64)number, WIDTH, HEIGHT);
  GstFlowReturn flow = GST_FLOW_OK;
  for (int i = 0; i < frames && flow == GST_FLOW_OK; i++) {
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, WIDTH * HEIGHT * 4, NULL);
    GstMapInfo map;
    gst_buffer_map(buffer, &map, GST_MAP_WRITE);
    garment_scene_draw(scene, (i + 0.5) / frames, map.data, WIDTH * 4);
    gst_buffer_unmap(buffer, &map);
    GST_BUFFER_PTS(buffer) = gst_util_uint64_scale((guint64)number * (guint64)frames + (guint64)i, GST_SECOND, FPS);
    GST_BUFFER_DURATION(buffer) = GST_SECOND / FPS;
    flow = gst_app_src_push_buffer(source, buffer);
  }
  garment_scene_free(scene);
  return flow == GST_FLOW_OK;
}

static void write_truth(GString *truth, int number, int test_index, int label, int frames) {
  guint64 from = gst_util_uint64_scale((guint64)number * (guint64)frames, GST_SECOND, FPS);
  guint64 to = gst_util_uint64_scale(((guint64)number + 1) * (guint64)frames, GST_SECOND, FPS);
  g_string_append_printf(truth,
                         "{\"item\":%d,\"test_index\":%d,\"label_id\":%d,\"label\":\"%s\",\"from\":%" G_GUINT64_FORMAT
                         ",\"to\":%" G_GUINT64_FORMAT "}\n",
                         number, test_index, label, fmn_fashion_mnist_labels[label], from, to);
}

/* Waits for the file to be complete, or says why it is not. */
static gboolean finish(GstElement *pipeline, GError **error) {
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  gboolean ok = GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
  if (!ok)
    gst_message_parse_error(message, error, NULL);
  gst_message_unref(message);
  gst_object_unref(bus);
  return ok;
}

static gboolean render(const FmnDataset *data, const int *chosen, const char *path, GString *truth, GError **error) {
  GstElement *pipeline = gst_parse_launch("appsrc name=source format=time block=true max-buffers=8 ! " ENCODER, error);
  if (!pipeline)
    return FALSE;
  GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline), "source"), *file = gst_bin_get_by_name(GST_BIN(pipeline), "file");
  GstCaps *caps = gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "BGRx", "width", G_TYPE_INT, WIDTH, "height", G_TYPE_INT,
                                      HEIGHT, "framerate", GST_TYPE_FRACTION, FPS, 1, NULL);
  int frames = MAX(1, (int)(seconds * FPS + 0.5));
  gboolean ok = TRUE;
  g_object_set(source, "caps", caps, NULL);
  g_object_set(file, "location", path, NULL);
  ok = gst_element_set_state(pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
  for (int i = 0; ok && i < n_items; i++) {
    ok = push_item(GST_APP_SRC(source), data->images + (gsize)chosen[i] * data->width * data->height, i, frames);
    write_truth(truth, i, chosen[i], data->labels[chosen[i]], frames);
  }
  if (ok)
    gst_app_src_end_of_stream(GST_APP_SRC(source));
  ok = finish(pipeline, error) && ok;
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_caps_unref(caps);
  gst_object_unref(source);
  gst_object_unref(file);
  gst_object_unref(pipeline);
  return ok;
}

static gboolean run(const char *path, GError **error) {
  FmnDataset *data = fmn_dataset_load(fmn_data_dir(data_dir), FMN_SPLIT_TEST, error);
  if (!data)
    return FALSE;
  gboolean ok = data->width == GARMENT_ITEM_SIZE && data->height == GARMENT_ITEM_SIZE && data->channels == 1 && has_every_class(data);
  if (ok) {
    GString *truth = g_string_new(NULL);
    int *chosen = choose_items(data, n_items);
    ok = render(data, chosen, path, truth, error) &&
         (!truth_path || g_file_set_contents(truth_path, truth->str, (gssize)truth->len, error));
    g_free(chosen);
    g_string_free(truth, TRUE);
  } else
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: expected %d×%d gray pictures of all %d classes, found %d of %d×%d×%d",
                fmn_data_dir(data_dir), GARMENT_ITEM_SIZE, GARMENT_ITEM_SIZE, N_LABELS, data->n, data->width, data->height, data->channels);
  fmn_dataset_free(data);
  return ok;
}

int main(int argc, char **argv) {
  GError *error = NULL;
  GOptionContext *context = g_option_context_new("FILE.webm");
  g_option_context_add_main_entries(context, entries, NULL);
  g_option_context_add_group(context, gst_init_get_option_group());
  gboolean ok = g_option_context_parse(context, &argc, &argv, &error);
  g_option_context_free(context);
  if (!ok || argc != 2 || n_items < 1 || n_items > 1000 || !(seconds >= 0.1 && seconds <= 60)) {
    fprintf(stderr, "garment-video: %s; see --help\n",
            error       ? error->message
            : argc != 2 ? "expected one file to write"
                        : "--items must be 1 to 1000 and --seconds 0.1 to 60");
    g_clear_error(&error);
    return 2;
  }
  ok = run(argv[1], &error);
  if (!ok)
    fprintf(stderr, "garment-video: %s\n", error ? error->message : "the video could not be written");
  g_clear_error(&error);
  g_free(data_dir);
  g_free(truth_path);
  return ok ? 0 : 1;
}
