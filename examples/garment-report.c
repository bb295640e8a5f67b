/* Compares what a pipeline said about a video of garment-video with the truth, and makes a contact sheet of the annotated video.
 *   garment-report --truth truth.jsonl --results results.jsonl --video annotated.webm --sheet sheet.png */
#include <cairo.h>
#include <gst/app/gstappsink.h>
#include <gst/video/video.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#define TILE_WIDTH 320
#define TILE_HEIGHT 240
#define TILE_GAP 6

typedef struct {
  gint64 time;
  const char *label; /* owned by votes; NULL: none */
} Named;

typedef struct {
  char *label;
  gint64 from, to;     /* ns */
  GHashTable *votes;   /* label → number of frames */
  const char *said;    /* the label with most votes, NULL: none; owned by votes */
  GArray *named;         /* of Named, a frame each */
  gint64 shown;          /* time of the frame for the sheet: named so, nearest to the middle */
  cairo_surface_t *picture;
  gint64 off; /* how far the picture is from that time */
} Item;

static char *truth_path, *results_path, *video_path, *sheet_path;
static int columns = 6, first, limit;

static const GOptionEntry entries[] = {
    {"truth", 0, 0, G_OPTION_ARG_FILENAME, &truth_path, "JSON lines of garment-video", "FILE"},
    {"results", 0, 0, G_OPTION_ARG_FILENAME, &results_path, "JSON lines of fmnistjson", "FILE"},
    {"video", 0, 0, G_OPTION_ARG_FILENAME, &video_path, "The annotated video", "FILE"},
    {"sheet", 0, 0, G_OPTION_ARG_FILENAME, &sheet_path, "Write a picture with one frame an item", "FILE.png"},
    {"columns", 0, 0, G_OPTION_ARG_INT, &columns, "Frames in a row of the sheet, 1 to 20 (6)", "N"},
    {"first", 0, 0, G_OPTION_ARG_INT, &first, "First item on the sheet (0)", "N"},
    {"limit", 0, 0, G_OPTION_ARG_INT, &limit, "How many items on the sheet (0: all)", "N"},
    {NULL}};

static void item_free(gpointer data) {
  Item *item = data;
  g_free(item->label);
  g_hash_table_unref(item->votes);
  g_array_unref(item->named);
  if (item->picture)
    cairo_surface_destroy(item->picture);
  g_free(item);
}

typedef gboolean (*LineFunc)(JsonObject *line, GPtrArray *items);

static gboolean has(JsonObject *o, const char *name, GType type) {
  JsonNode *node = o ? json_object_get_member(o, name) : NULL;
  return node && (type == JSON_TYPE_OBJECT  ? JSON_NODE_HOLDS_OBJECT(node)
                  : type == JSON_TYPE_ARRAY ? JSON_NODE_HOLDS_ARRAY(node)
                                            : JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type);
}

/* Each line of a file is one JSON object. */
static gboolean for_each_line(const char *path, LineFunc func, GPtrArray *items, GError **error) {
  char *text;
  if (!g_file_get_contents(path, &text, NULL, error))
    return FALSE;
  char **lines = g_strsplit(text, "\n", -1);
  gboolean ok = TRUE;
  for (int i = 0; ok && lines[i]; i++) {
    if (!*g_strstrip(lines[i]))
      continue;
    JsonParser *parser = json_parser_new();
    JsonNode *root = json_parser_load_from_data(parser, lines[i], -1, NULL) ? json_parser_get_root(parser) : NULL;
    ok = root && JSON_NODE_HOLDS_OBJECT(root) && func(json_node_get_object(root), items);
    if (!ok)
      g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s, line %d: not what was expected there: %.80s", path, i + 1, lines[i]);
    g_object_unref(parser);
  }
  g_strfreev(lines);
  g_free(text);
  return ok;
}

static gboolean add_truth(JsonObject *line, GPtrArray *items) {
  if (!has(line, "label", G_TYPE_STRING) || !has(line, "from", G_TYPE_INT64) || !has(line, "to", G_TYPE_INT64))
    return FALSE;
  Item *item = g_new0(Item, 1);
  item->label = g_strdup(json_object_get_string_member(line, "label"));
  item->from = json_object_get_int_member(line, "from");
  item->to = json_object_get_int_member(line, "to");
  item->votes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  item->named = g_array_new(FALSE, FALSE, sizeof(Named));
  item->off = G_MAXINT64;
  g_ptr_array_add(items, item);
  return TRUE;
}

/* Containers round times to milliseconds. */
static Item *item_at(GPtrArray *items, gint64 time) {
  for (guint i = 0; i < items->len; i++) {
    Item *item = g_ptr_array_index(items, i);
    if (time + 2 * GST_MSECOND >= item->from && time + 2 * GST_MSECOND < item->to)
      return item;
  }
  return NULL;
}

/* The largest object speaks for the frame. */
static const char *label_of(JsonArray *objects) {
  const char *label = NULL;
  double largest = 0;
  for (guint i = 0; i < json_array_get_length(objects); i++) {
    JsonNode *node = json_array_get_element(objects, i);
    JsonObject *o = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    if (!has(o, "classification", JSON_TYPE_OBJECT) || !has(o, "w", G_TYPE_INT64) || !has(o, "h", G_TYPE_INT64))
      continue;
    JsonObject *c = json_object_get_object_member(o, "classification");
    double area = json_object_get_double_member(o, "w") * json_object_get_double_member(o, "h");
    if (area > largest && has(c, "label", G_TYPE_STRING)) {
      largest = area;
      label = json_object_get_string_member(c, "label");
    }
  }
  return label;
}

static gboolean add_result(JsonObject *line, GPtrArray *items) {
  if (!has(line, "timestamp", G_TYPE_INT64) || !has(line, "objects", JSON_TYPE_ARRAY))
    return FALSE;
  Named named = {json_object_get_int_member(line, "timestamp"), NULL};
  Item *item = item_at(items, named.time);
  const char *label = label_of(json_object_get_array_member(line, "objects"));
  if (!item)
    return TRUE;
  if (label) {
    gpointer key = g_strdup(label), old, votes = NULL;
    if (g_hash_table_steal_extended(item->votes, label, &old, &votes)) {
      g_free(key);
      key = old;
    }
    g_hash_table_insert(item->votes, key, GINT_TO_POINTER(GPOINTER_TO_INT(votes) + 1));
    named.label = key;
  }
  g_array_append_val(item->named, named);
  return TRUE;
}

static int compare_strings(gconstpointer a, gconstpointer b) { return strcmp(a, b); }

static void decide(Item *item) {
  GList *labels = g_list_sort(g_hash_table_get_keys(item->votes), compare_strings);
  int most = 0;
  for (GList *l = labels; l; l = l->next) {
    int n = GPOINTER_TO_INT(g_hash_table_lookup(item->votes, l->data));
    if (n > most) {
      most = n;
      item->said = l->data;
    }
  }
  g_list_free(labels);
  gint64 middle = item->shown = (item->from + item->to) / 2, nearest = G_MAXINT64;
  for (guint i = 0; i < item->named->len; i++) {
    const Named *n = &g_array_index(item->named, Named, i);
    if (n->label == item->said && ABS(n->time - middle) < nearest) {
      nearest = ABS(n->time - middle);
      item->shown = n->time;
    }
  }
}

static int print_items(GPtrArray *items) {
  int right = 0;
  for (guint i = 0; i < items->len; i++) {
    Item *item = g_ptr_array_index(items, i);
    decide(item);
    gboolean good = item->said && strcmp(item->said, item->label) == 0;
    int votes = item->said ? GPOINTER_TO_INT(g_hash_table_lookup(item->votes, item->said)) : 0;
    right += good;
    printf("%4u  %-12s %s %-12s in %d of %d frames\n", i, item->label, good ? "  named" : "x named", item->said ? item->said : "nothing",
           votes, (int)item->named->len);
  }
  return right;
}

static cairo_surface_t *make_tile(GstVideoFrame *frame) {
  cairo_surface_t *tile = cairo_image_surface_create(CAIRO_FORMAT_RGB24, TILE_WIDTH, TILE_HEIGHT);
  int width = GST_VIDEO_FRAME_WIDTH(frame), height = GST_VIDEO_FRAME_HEIGHT(frame);
  cairo_surface_t *whole = cairo_image_surface_create_for_data(GST_VIDEO_FRAME_PLANE_DATA(frame, 0), CAIRO_FORMAT_RGB24, width, height,
                                                               GST_VIDEO_FRAME_PLANE_STRIDE(frame, 0));
  double scale = MIN((double)TILE_WIDTH / width, (double)TILE_HEIGHT / height);
  cairo_t *cr = cairo_create(tile);
  cairo_translate(cr, (TILE_WIDTH - width * scale) / 2, (TILE_HEIGHT - height * scale) / 2);
  cairo_scale(cr, scale, scale);
  cairo_set_source_surface(cr, whole, 0, 0);
  cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_GOOD);
  cairo_paint(cr);
  cairo_destroy(cr);
  cairo_surface_destroy(whole);
  return tile;
}

static void keep_frame(GstSample *sample, GPtrArray *items) {
  GstBuffer *buffer = gst_sample_get_buffer(sample);
  gint64 time = (gint64)GST_BUFFER_PTS(buffer);
  Item *item = GST_BUFFER_PTS_IS_VALID(buffer) ? item_at(items, time) : NULL;
  gint64 off = item ? ABS(time - item->shown) : 0;
  GstVideoInfo info;
  GstVideoFrame frame;
  if (!item || off >= item->off || !gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) ||
      !gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ))
    return;
  if (item->picture)
    cairo_surface_destroy(item->picture);
  item->picture = make_tile(&frame);
  item->off = off;
  gst_video_frame_unmap(&frame);
}

/* NULL at the end, and with an error where the pipeline has one, after which no sample comes. */
static GstSample *next_sample(GstAppSink *sink, GstBus *bus, GError **error) {
  for (;;) {
    GstSample *sample = gst_app_sink_try_pull_sample(sink, GST_SECOND / 10);
    if (sample || gst_app_sink_is_eos(sink))
      return sample;
    GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    if (message) {
      gst_message_parse_error(message, error, NULL);
      gst_message_unref(message);
      return NULL;
    }
  }
}

static gboolean read_video(const char *path, GPtrArray *items, GError **error) {
  GError *failed = NULL;
  GstElement *pipeline = gst_parse_launch("filesrc name=file ! decodebin ! videoconvert ! video/x-raw,format=BGRx ! "
                                          "appsink name=sink sync=false max-buffers=4", error);
  if (!pipeline)
    return FALSE;
  GstElement *file = gst_bin_get_by_name(GST_BIN(pipeline), "file"), *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  GstBus *bus = gst_element_get_bus(pipeline);
  GstSample *sample;
  g_object_set(file, "location", path, NULL);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  while ((sample = next_sample(GST_APP_SINK(sink), bus, &failed))) {
    keep_frame(sample, items);
    gst_sample_unref(sample);
  }
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(file);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  if (failed)
    g_propagate_prefixed_error(error, failed, "%s: ", path);
  return !failed;
}

/* Green or red for a look at a glance, with a tick or a cross for those who do not see the difference. */
static void draw_tile(cairo_t *cr, const Item *item, double x, double y) {
  gboolean good = item->said && strcmp(item->said, item->label) == 0;
  cairo_set_source_rgb(cr, good ? 0.10 : 0.80, good ? 0.55 : 0.20, good ? 0.35 : 0.15);
  cairo_rectangle(cr, x - 3, y - 3, TILE_WIDTH + 6, TILE_HEIGHT + 6);
  cairo_fill(cr);
  if (item->picture) {
    cairo_set_source_surface(cr, item->picture, x, y);
    cairo_paint(cr);
  }
  double mx = x + TILE_WIDTH - 18, my = y + TILE_HEIGHT - 18;
  cairo_set_source_rgb(cr, good ? 0.10 : 0.80, good ? 0.55 : 0.20, good ? 0.35 : 0.15);
  cairo_arc(cr, mx, my, 13, 0, 2 * G_PI);
  cairo_fill(cr);
  cairo_set_source_rgb(cr, 1, 1, 1);
  cairo_set_line_width(cr, 3);
  cairo_move_to(cr, mx - 5, good ? my : my - 5);
  cairo_line_to(cr, good ? mx - 1 : mx + 5, my + 5);
  cairo_move_to(cr, good ? mx - 1 : mx - 5, my + 5);
  cairo_line_to(cr, good ? mx + 6 : mx + 5, my - 5);
  cairo_stroke(cr);
}

static gboolean write_sheet(GPtrArray *items, const char *path, GError **error) {
  int n = (int)items->len - MIN(first, (int)items->len);
  n = limit > 0 ? MIN(n, limit) : n;
  int across = MIN(MAX(n, 1), columns), rows = (MAX(n, 1) + across - 1) / across;
  cairo_surface_t *sheet = cairo_image_surface_create(CAIRO_FORMAT_RGB24, across * (TILE_WIDTH + TILE_GAP) + TILE_GAP,
                                                      rows * (TILE_HEIGHT + TILE_GAP) + TILE_GAP);
  cairo_t *cr = cairo_create(sheet);
  cairo_set_source_rgb(cr, 1, 1, 1);
  cairo_paint(cr);
  for (int i = 0; i < n; i++)
    draw_tile(cr, g_ptr_array_index(items, (guint)(first + i)), TILE_GAP + (i % across) * (TILE_WIDTH + TILE_GAP),
              TILE_GAP + (i / across) * (TILE_HEIGHT + TILE_GAP));
  cairo_destroy(cr);
  cairo_status_t status = cairo_surface_write_to_png(sheet, path);
  cairo_surface_destroy(sheet);
  if (status != CAIRO_STATUS_SUCCESS)
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", path, cairo_status_to_string(status));
  return status == CAIRO_STATUS_SUCCESS;
}

static gboolean run(GError **error) {
  GPtrArray *items = g_ptr_array_new_with_free_func(item_free);
  gboolean ok = for_each_line(truth_path, add_truth, items, error) && for_each_line(results_path, add_result, items, error);
  if (ok) {
    int right = print_items(items);
    if (video_path && sheet_path)
      ok = read_video(video_path, items, error) && write_sheet(items, sheet_path, error);
    printf("%d of %u items named right\n", right, items->len);
    if (ok && 2 * right < (int)items->len) {
      g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "expected at least half of the items to be named right: something is wrong with "
                  "the model, the video or the pipeline");
      ok = FALSE;
    }
  }
  g_ptr_array_unref(items);
  return ok;
}

int main(int argc, char **argv) {
  GError *error = NULL;
  GOptionContext *context = g_option_context_new(NULL);
  g_option_context_add_main_entries(context, entries, NULL);
  g_option_context_add_group(context, gst_init_get_option_group());
  gboolean ok = g_option_context_parse(context, &argc, &argv, &error);
  g_option_context_free(context);
  if (!ok || argc != 1 || !truth_path || !results_path || columns < 1 || columns > 20 || first < 0) {
    fprintf(stderr, "garment-report: %s; see --help\n", error ? error->message : "expected --truth FILE --results FILE");
    g_clear_error(&error);
    return 2;
  }
  ok = run(&error);
  fflush(stdout);
  if (!ok)
    fprintf(stderr, "garment-report: %s\n", error->message);
  g_clear_error(&error);
  g_free(truth_path);
  g_free(results_path);
  g_free(video_path);
  g_free(sheet_path);
  return ok ? 0 : 1;
}
