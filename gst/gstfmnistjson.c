/**
 * SECTION:element-fmnistjson
 * @title: fmnistjson
 * @short_description: writes what was found in each frame as a line of JSON
 *
 * Passes frames through and writes one JSON object a line and frame, with the keys that Intel's gvametaconvert uses, to
 * a file or to standard output. With #GstFmnistJson:events it also writes when a garment appears, changes its name or
 * leaves.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -q filesrc location=video.mp4 ! decodebin ! videoconvert ! fmnistsegment ! fmnistclassify top-k=3 !
 * fmnistjson ! fakesink
 * ]|
 */
#include "gstfmnistjson.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "gstfmnistline.h"

GST_DEBUG_CATEGORY_STATIC(fmnistjson_debug);
#define GST_CAT_DEFAULT fmnistjson_debug

#define STANDARD_OUTPUT "-"

typedef enum { EVENTS_NONE, EVENTS_ADD, EVENTS_ONLY } Events;

struct _GstFmnistJson {
  GstBaseTransform parent;
  char *location; /* from here on under the object lock */
  gboolean add_empty_results;
  Events write_events;
  guint event_delay; /* ms */

  FILE *file;       /* between start() and stop() */
  char *name;       /* of file, for messages */
  gboolean at_once; /* somebody may wait for each line: no regular file */
  int width, height;
  GString *line;
  GstFmnistEvents *events;
  GArray *told; /* of GstFmnistEvent */
};

enum { PROP_0, PROP_LOCATION, PROP_ADD_EMPTY_RESULTS, PROP_EVENTS, PROP_EVENT_DELAY };

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));

G_DEFINE_TYPE(GstFmnistJson, gst_fmnist_json, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(fmnistjson, "fmnistjson", GST_RANK_NONE, GST_TYPE_FMNIST_JSON,
                                      GST_DEBUG_CATEGORY_INIT(fmnistjson_debug, "fmnistjson", 0,
                                                              "writes results as JSON"))

#define GST_TYPE_FMNIST_JSON_EVENTS (gst_fmnist_json_events_get_type())
static GType gst_fmnist_json_events_get_type(void) {
  static gsize type = 0;
  static const GEnumValue values[] = {
      {EVENTS_NONE, "No events, a line a frame", "none"},
      {EVENTS_ADD, "Lines of events between the lines of frames", "add"},
      {EVENTS_ONLY, "Lines of events alone", "only"},
      {0, NULL, NULL},
  };
  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("GstFmnistJsonEvents", values));
  return type;
}

static void gst_fmnist_json_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  GstFmnistJson *self = GST_FMNIST_JSON(object);
  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_LOCATION:
    g_free(self->location);
    self->location = g_value_dup_string(value);
    break;
  case PROP_ADD_EMPTY_RESULTS:
    self->add_empty_results = g_value_get_boolean(value);
    break;
  case PROP_EVENTS:
    self->write_events = (Events)g_value_get_enum(value);
    break;
  case PROP_EVENT_DELAY:
    self->event_delay = g_value_get_uint(value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void gst_fmnist_json_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  GstFmnistJson *self = GST_FMNIST_JSON(object);
  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_LOCATION:
    g_value_set_string(value, self->location);
    break;
  case PROP_ADD_EMPTY_RESULTS:
    g_value_set_boolean(value, self->add_empty_results);
    break;
  case PROP_EVENTS:
    g_value_set_enum(value, (gint)self->write_events);
    break;
  case PROP_EVENT_DELAY:
    g_value_set_uint(value, self->event_delay);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

/* For writing, empty; a regular file is this element's alone while it is open. NULL with errno, EWOULDBLOCK where it is
 * another's. */
static FILE *open_file(const char *name, gboolean regular) {
  int fd = g_open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666), error;
  FILE *file = NULL;
  if (fd < 0)
    return NULL;
  /* where a file system knows no locks, there is none */
  if (!regular || ((flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) && ftruncate(fd, 0) == 0))
    file = fdopen(fd, "wb");
  error = errno;
  if (file == NULL)
    close(fd);
  errno = error;
  return file;
}

static gboolean gst_fmnist_json_start(GstBaseTransform *trans) {
  GstFmnistJson *self = GST_FMNIST_JSON(trans);
  GST_OBJECT_LOCK(self);
  self->name = g_strdup(self->location);
  GST_OBJECT_UNLOCK(self);
  if (self->name == NULL || *self->name == '\0' || strcmp(self->name, STANDARD_OUTPUT) == 0) {
    self->file = stdout;
    self->at_once = TRUE;
    GST_DEBUG_OBJECT(self, "writing to standard output");
    return TRUE;
  }
  self->at_once = g_file_test(self->name, G_FILE_TEST_EXISTS) && !g_file_test(self->name, G_FILE_TEST_IS_REGULAR);
  self->file = open_file(self->name, !self->at_once);
  if (self->file != NULL) {
    GST_DEBUG_OBJECT(self, "writing to %s, %s", self->name,
                     self->at_once ? "each line at once" : "as its buffer fills");
    return TRUE;
  }
  if (errno == EWOULDBLOCK)
    GST_ELEMENT_ERROR(self, RESOURCE, BUSY,
                      ("Cannot write the results to %s: another fmnistjson is writing to it.", self->name),
                      ("set location to a file of its own"));
  else
    GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE,
                      ("Cannot write the results to %s: %s.", self->name, g_strerror(errno)),
                      ("set location to a file that can be written, or to - for standard output"));
  g_clear_pointer(&self->name, g_free);
  return FALSE;
}

static gboolean write_failed(GstFmnistJson *self) {
  GST_ELEMENT_ERROR(self, RESOURCE, WRITE,
                    ("Writing the results to %s failed: %s.", self->name != NULL ? self->name : "-", g_strerror(errno)),
                    ("make room there, or set location to another file"));
  return FALSE;
}

static gboolean flush(GstFmnistJson *self) {
  return self->file == NULL || fflush(self->file) == 0 || write_failed(self);
}

static gboolean write_line(GstFmnistJson *self) {
  if (fwrite(self->line->str, 1, self->line->len, self->file) != self->line->len)
    return write_failed(self);
  return !self->at_once || flush(self);
}

static void take_events(GstFmnistJson *self) {
  for (guint i = 0; i < self->told->len; i++)
    gst_fmnist_line_append_event(self->line, &g_array_index(self->told, GstFmnistEvent, i), self->width, self->height);
  g_array_set_size(self->told, 0);
}

/* Whoever is there when the stream ends leaves. */
static gboolean end_events(GstFmnistJson *self) {
  g_string_truncate(self->line, 0);
  gst_fmnist_events_end(self->events, self->told);
  take_events(self);
  return self->line->len == 0 || write_line(self);
}

static gboolean gst_fmnist_json_stop(GstBaseTransform *trans) {
  GstFmnistJson *self = GST_FMNIST_JSON(trans);
  gboolean ok = (self->file == NULL || end_events(self)) && flush(self);
  if (self->file != NULL && self->file != stdout && fclose(self->file) != 0 && ok)
    write_failed(self);
  self->file = NULL;
  self->width = self->height = 0;
  g_clear_pointer(&self->name, g_free);
  return TRUE; /* the error is posted; with FALSE the pipeline would stay where it is */
}

static gboolean gst_fmnist_json_set_caps(GstBaseTransform *trans, GstCaps *in, GstCaps *out) {
  GstFmnistJson *self = GST_FMNIST_JSON(trans);
  const GstStructure *s = gst_caps_get_structure(in, 0);
  return gst_structure_get_int(s, "width", &self->width) && gst_structure_get_int(s, "height", &self->height);
}

static GstFlowReturn gst_fmnist_json_transform_ip(GstBaseTransform *trans, GstBuffer *buffer) {
  GstFmnistJson *self = GST_FMNIST_JSON(trans);
  gboolean add_empty_results;
  GstClockTime delay;
  Events events;
  if (self->width == 0) /* what passes through may come without caps */
    return GST_FLOW_NOT_NEGOTIATED;
  GST_OBJECT_LOCK(self);
  add_empty_results = self->add_empty_results;
  events = self->write_events;
  delay = self->event_delay * GST_MSECOND;
  GST_OBJECT_UNLOCK(self);
  g_string_truncate(self->line, 0);
  if (events != EVENTS_ONLY && (add_empty_results || gst_fmnist_line_count(buffer) > 0))
    gst_fmnist_line_append(self->line, buffer, self->width, self->height);
  if (events != EVENTS_NONE) {
    gst_fmnist_events_update(self->events, gst_fmnist_meta_get(buffer), NULL, GST_FMNIST_EVENTS_ALL,
                             GST_BUFFER_PTS(buffer), delay, self->told);
    take_events(self);
  } else {
    gst_fmnist_events_reset(self->events); /* of what was told before, no end is told either */
  }
  return self->line->len == 0 || write_line(self) ? GST_FLOW_OK : GST_FLOW_ERROR;
}

static gboolean gst_fmnist_json_sink_event(GstBaseTransform *trans, GstEvent *event) {
  GstFmnistJson *self = GST_FMNIST_JSON(trans);
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS || GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP ||
      GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START) {
    end_events(self);
    flush(self);
  }
  return GST_BASE_TRANSFORM_CLASS(gst_fmnist_json_parent_class)->sink_event(trans, event);
}

static void gst_fmnist_json_finalize(GObject *object) {
  GstFmnistJson *self = GST_FMNIST_JSON(object);
  g_free(self->location);
  g_string_free(self->line, TRUE);
  g_array_unref(self->told);
  gst_fmnist_events_free(self->events);
  G_OBJECT_CLASS(gst_fmnist_json_parent_class)->finalize(object);
}

static void gst_fmnist_json_class_init(GstFmnistJsonClass *klass) {
  GObjectClass *object = G_OBJECT_CLASS(klass);
  GstElementClass *element = GST_ELEMENT_CLASS(klass);
  GstBaseTransformClass *trans = GST_BASE_TRANSFORM_CLASS(klass);
  object->set_property = gst_fmnist_json_set_property;
  object->get_property = gst_fmnist_json_get_property;
  object->finalize = gst_fmnist_json_finalize;
  g_object_class_install_property(
      object, PROP_LOCATION,
      g_param_spec_string("location", "Location", "File to write to, replaced if it is there (- = standard output)",
                          STANDARD_OUTPUT,
                          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | (GParamFlags)GST_PARAM_MUTABLE_READY));
  g_object_class_install_property(
      object, PROP_ADD_EMPTY_RESULTS,
      g_param_spec_boolean("add-empty-results", "Add empty results",
                           "Write a line also for frames in which nothing was found", TRUE,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | (GParamFlags)GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property(
      object, PROP_EVENTS,
      g_param_spec_enum("events", "Events",
                        "Whether to write a line when a garment appears, changes its name or leaves",
                        GST_TYPE_FMNIST_JSON_EVENTS, EVENTS_NONE,
                        G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | (GParamFlags)GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property(
      object, PROP_EVENT_DELAY,
      g_param_spec_uint(
          "event-delay", "Event delay",
          "How long, in milliseconds, a garment has to bear its name, or to be gone, before an event tells so", 0,
          60000, GST_FMNIST_EVENT_DELAY,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | (GParamFlags)GST_PARAM_MUTABLE_PLAYING));
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_set_static_metadata(element, "Fashion-MNIST result writer", "Filter/Analyzer/Video",
                                        "Writes the objects of each frame as a line of JSON",
                                        "The gst-fmnist developers");
  trans->start = gst_fmnist_json_start;
  trans->stop = gst_fmnist_json_stop;
  trans->set_caps = gst_fmnist_json_set_caps;
  trans->transform_ip = gst_fmnist_json_transform_ip;
  trans->sink_event = gst_fmnist_json_sink_event;
  trans->transform_ip_on_passthrough = TRUE;
  gst_type_mark_as_plugin_api(GST_TYPE_FMNIST_JSON_EVENTS, 0);
}

static void gst_fmnist_json_init(GstFmnistJson *self) {
  self->location = g_strdup(STANDARD_OUTPUT);
  self->add_empty_results = TRUE;
  self->line = g_string_new(NULL);
  self->event_delay = GST_FMNIST_EVENT_DELAY;
  self->told = g_array_new(FALSE, FALSE, sizeof(GstFmnistEvent));
  self->events = gst_fmnist_events_new();
  gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), TRUE);
}
