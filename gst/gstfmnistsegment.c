/**
 * SECTION:element-fmnistsegment
 * @title: fmnistsegment
 * @short_description: finds the object that lies or stands before a plainer background
 *
 * Looks at each frame for one or a few objects and attaches their boxes and outlines as metadata, for fmnistclassify to name and
 * fmnistoverlay to draw; for other software there is a GstVideoRegionOfInterestMeta of type "object" each. The frame itself is
 * passed on untouched, unless #GstFmnistSegment:output asks for its mask or its cut-out.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=shirt.jpg ! decodebin ! videoconvert ! fmnistsegment output=cutout ! imagefreeze ! videoconvert ! autovideosink
 * ]|
 */
#include "gstfmnistsegment.h"

#include <math.h>
#include <string.h>

#include "gstfmnistroi.h"
#include "gstfmnisttracker.h"

GST_DEBUG_CATEGORY_STATIC(fmnistsegment_debug);
#define GST_CAT_DEFAULT fmnistsegment_debug

typedef enum { OUTPUT_ORIGINAL, OUTPUT_MASK, OUTPUT_CUTOUT } Output;

static const FmnSegmentOptions defaults = FMN_SEGMENT_DEFAULTS;

struct _GstFmnistSegment {
  GstFmnistAnalyser parent;
  FmnSegmentOptions options; /* these two under the object lock */
  Output output;
  FmnSegmenter *segmenter;
  GstFmnistTracker *tracker;
};

enum { PROP_0, PROP_METHOD, PROP_POLARITY, PROP_MIN_AREA, PROP_MAX_OBJECTS, PROP_MIN_OUTLINE, PROP_OUTPUT };

G_DEFINE_TYPE(GstFmnistSegment, gst_fmnist_segment, GST_TYPE_FMNIST_ANALYSER)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(fmnistsegment, "fmnistsegment", GST_RANK_NONE, GST_TYPE_FMNIST_SEGMENT,
                                      GST_DEBUG_CATEGORY_INIT(fmnistsegment_debug, "fmnistsegment", 0, "finds objects"))

#define GST_TYPE_FMNIST_SEGMENT_METHOD (gst_fmnist_segment_method_get_type())
static GType gst_fmnist_segment_method_get_type(void) {
  static gsize type = 0;
  static const GEnumValue values[] = {
      {FMN_SEGMENT_BACKGROUND, "Distance from a smooth background fitted to the frame's border", "background"},
      {FMN_SEGMENT_OTSU, "Otsu's threshold on the luminance", "otsu"},
      {0, NULL, NULL},
  };
  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("GstFmnistSegmentMethod", values));
  return type;
}

#define GST_TYPE_FMNIST_SEGMENT_POLARITY (gst_fmnist_segment_polarity_get_type())
static GType gst_fmnist_segment_polarity_get_type(void) {
  static gsize type = 0;
  static const GEnumValue values[] = {
      {FMN_POLARITY_AUTO, "What the frame's border is not", "auto"},
      {FMN_POLARITY_DARK, "The object is darker than the background", "dark"},
      {FMN_POLARITY_LIGHT, "The object is lighter than the background", "light"},
      {0, NULL, NULL},
  };
  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("GstFmnistSegmentPolarity", values));
  return type;
}

#define GST_TYPE_FMNIST_SEGMENT_OUTPUT (gst_fmnist_segment_output_get_type())
static GType gst_fmnist_segment_output_get_type(void) {
  static gsize type = 0;
  static const GEnumValue values[] = {
      {OUTPUT_ORIGINAL, "The frame as it came", "original"},
      {OUTPUT_MASK, "White objects on black", "mask"},
      {OUTPUT_CUTOUT, "The objects on black", "cutout"},
      {0, NULL, NULL},
  };
  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("GstFmnistSegmentOutput", values));
  return type;
}

static void gst_fmnist_segment_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  GstFmnistSegment *self = GST_FMNIST_SEGMENT(object);
  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_METHOD:
    self->options.method = (FmnSegmentMethod)g_value_get_enum(value);
    break;
  case PROP_POLARITY:
    self->options.polarity = (FmnPolarity)g_value_get_enum(value);
    break;
  case PROP_MIN_AREA:
    self->options.min_area = g_value_get_double(value);
    break;
  case PROP_MIN_OUTLINE:
    self->options.min_outline = g_value_get_double(value);
    break;
  case PROP_MAX_OBJECTS:
    self->options.max_objects = g_value_get_int(value);
    break;
  case PROP_OUTPUT:
    self->output = (Output)g_value_get_enum(value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void gst_fmnist_segment_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  GstFmnistSegment *self = GST_FMNIST_SEGMENT(object);
  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_METHOD:
    g_value_set_enum(value, (gint)self->options.method);
    break;
  case PROP_POLARITY:
    g_value_set_enum(value, (gint)self->options.polarity);
    break;
  case PROP_MIN_AREA:
    g_value_set_double(value, self->options.min_area);
    break;
  case PROP_MIN_OUTLINE:
    g_value_set_double(value, self->options.min_outline);
    break;
  case PROP_MAX_OBJECTS:
    g_value_set_int(value, self->options.max_objects);
    break;
  case PROP_OUTPUT:
    g_value_set_enum(value, (gint)self->output);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void gst_fmnist_segment_set_format(GstFmnistAnalyser *analyser, const FmnImageFormat *image) {
  GstFmnistSegment *self = GST_FMNIST_SEGMENT(analyser);
  fmn_segmenter_free(self->segmenter);
  self->segmenter = fmn_segmenter_new(image);
}

static void gst_fmnist_segment_reset(GstFmnistAnalyser *analyser) {
  gst_fmnist_tracker_reset(GST_FMNIST_SEGMENT(analyser)->tracker);
}

/* What paint_cover() needs: the objects of one frame and its size. */
typedef struct {
  const FmnObject *objects;
  int n, width, height;
} Cover;

static void paint_cover(gpointer user, int y, guint8 *line) {
  const Cover *c = user;
  double fy = (y + 0.5) / c->height;
  memset(line, 0, (gsize)c->width);
  for (int i = 0; i < c->n; i++) {
    const FmnMask *m = &c->objects[i].mask;
    int row = m->box.h > 0 ? (int)floor((fy - m->box.y) / m->box.h * m->height) : -1;
    int x0 = (int)MAX(0, floor(m->box.x * c->width)), x1 = (int)MIN(c->width, ceil((m->box.x + m->box.w) * c->width));
    if (row < 0 || row >= m->height)
      continue;
    for (int x = x0; x < x1; x++) {
      int column = (int)floor(((x + 0.5) / c->width - m->box.x) / m->box.w * m->width);
      if (column >= 0 && column < m->width && m->data[row * m->width + column] > 127)
        line[x] = 255;
    }
  }
}

static void attach(GstFmnistSegment *self, GstBuffer *buffer, const FmnObject *objects, int n) {
  const GstVideoInfo *info = gst_fmnist_analyser_info(GST_FMNIST_ANALYSER(self));
  GstFmnistMeta *meta = gst_fmnist_meta_ensure(buffer);
  GstFmnistTrack *tracks[FMN_SEGMENT_MAX_OBJECTS];
  FmnBox boxes[FMN_SEGMENT_MAX_OBJECTS];
  for (int i = 0; i < n; i++)
    boxes[i] = objects[i].box;
  gst_fmnist_tracker_update(self->tracker, boxes, (guint)n, gst_fmnist_analyser_running_time(GST_FMNIST_ANALYSER(self), buffer),
                            tracks);
  for (int i = 0; i < n; i++) {
    GstFmnistObject *o = gst_fmnist_meta_add(meta, &boxes[i], gst_fmnist_meta_free_id(buffer, tracks[i]->id));
    gst_fmnist_object_set_mask(o, &objects[i].mask);
    o->first_seen = tracks[i]->first_seen;
    gst_fmnist_roi_publish(buffer, o, info->width, info->height);
  }
}

static GstFlowReturn gst_fmnist_segment_analyse(GstFmnistAnalyser *analyser, GstBuffer *buffer) {
  GstFmnistSegment *self = GST_FMNIST_SEGMENT(analyser);
  const GstVideoInfo *info = gst_fmnist_analyser_info(analyser);
  const FmnObject *objects;
  FmnSegmentOptions options;
  FmnImage image;
  Output output;
  int n;
  GST_OBJECT_LOCK(self);
  options = self->options;
  output = self->output;
  GST_OBJECT_UNLOCK(self);
  if (!gst_fmnist_analyser_map(analyser, buffer, &image))
    return GST_FLOW_OK;
  n = fmn_segmenter_run(self->segmenter, &image, &options, &objects);
  gst_fmnist_analyser_unmap(analyser);
  GST_LOG_OBJECT(self, "%d objects", n);
  attach(self, buffer, objects, n);
  if (output != OUTPUT_ORIGINAL) {
    Cover cover = {objects, n, info->width, info->height};
    if (!gst_fmnist_format_paint(gst_fmnist_analyser_format(analyser), buffer, paint_cover, &cover, output == OUTPUT_MASK)) {
      GST_ELEMENT_ERROR(self, RESOURCE, WRITE, ("The frame's memory cannot be written."), ("output=mask and output=cutout change it"));
      return GST_FLOW_ERROR;
    }
  }
  return GST_FLOW_OK;
}

static gboolean gst_fmnist_segment_stop(GstBaseTransform *trans) {
  GstFmnistSegment *self = GST_FMNIST_SEGMENT(trans);
  g_clear_pointer(&self->segmenter, fmn_segmenter_free);
  return GST_BASE_TRANSFORM_CLASS(gst_fmnist_segment_parent_class)->stop(trans);
}

static void gst_fmnist_segment_finalize(GObject *object) {
  GstFmnistSegment *self = GST_FMNIST_SEGMENT(object);
  fmn_segmenter_free(self->segmenter);
  gst_fmnist_tracker_free(self->tracker);
  G_OBJECT_CLASS(gst_fmnist_segment_parent_class)->finalize(object);
}

static void install_properties(GObjectClass *object) {
  const GParamFlags flags =
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | (GParamFlags)GST_PARAM_MUTABLE_PLAYING | (GParamFlags)GST_PARAM_CONTROLLABLE;
  g_object_class_install_property(
      object, PROP_METHOD,
      g_param_spec_enum("method", "Method", "How an object is told from what is behind it", GST_TYPE_FMNIST_SEGMENT_METHOD,
                        (gint)defaults.method, flags));
  g_object_class_install_property(
      object, PROP_POLARITY,
      g_param_spec_enum("polarity", "Polarity", "Whether objects are darker or lighter than the background (method=otsu only)",
                        GST_TYPE_FMNIST_SEGMENT_POLARITY, (gint)defaults.polarity, flags));
  g_object_class_install_property(
      object, PROP_MIN_AREA,
      g_param_spec_double("min-area", "Smallest area", "Share of the frame's area below which an object is ignored", 0, 1,
                          defaults.min_area, flags));
  g_object_class_install_property(
      object, PROP_MAX_OBJECTS,
      g_param_spec_int("max-objects", "Most objects", "How many objects a frame can have, the best first", 1, FMN_SEGMENT_MAX_OBJECTS,
                       defaults.max_objects, flags));
  g_object_class_install_property(
      object, PROP_MIN_OUTLINE,
      g_param_spec_double("min-outline", "Least outline",
                          "Share of an object's outline across which colours must differ; what has less is part of the "
                          "background (method=background only; 0 = everything is an object)",
                          0, 1, defaults.min_outline, flags));
  g_object_class_install_property(object, PROP_OUTPUT,
                                  g_param_spec_enum("output", "Output", "What becomes of the frame's pixels",
                                                    GST_TYPE_FMNIST_SEGMENT_OUTPUT, OUTPUT_ORIGINAL, flags));
}

static void gst_fmnist_segment_class_init(GstFmnistSegmentClass *klass) {
  GObjectClass *object = G_OBJECT_CLASS(klass);
  GstFmnistAnalyserClass *analyser = GST_FMNIST_ANALYSER_CLASS(klass);
  object->set_property = gst_fmnist_segment_set_property;
  object->get_property = gst_fmnist_segment_get_property;
  object->finalize = gst_fmnist_segment_finalize;
  install_properties(object);
  gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(klass), "Fashion-MNIST object finder", "Filter/Analyzer/Video",
                                        "Finds objects before a plain background and attaches their boxes and masks",
                                        "The gst-fmnist developers");
  GST_BASE_TRANSFORM_CLASS(klass)->stop = gst_fmnist_segment_stop;
  analyser->set_format = gst_fmnist_segment_set_format;
  analyser->analyse = gst_fmnist_segment_analyse;
  analyser->reset = gst_fmnist_segment_reset;
  gst_type_mark_as_plugin_api(GST_TYPE_FMNIST_SEGMENT_METHOD, 0);
  gst_type_mark_as_plugin_api(GST_TYPE_FMNIST_SEGMENT_POLARITY, 0);
  gst_type_mark_as_plugin_api(GST_TYPE_FMNIST_SEGMENT_OUTPUT, 0);
  gst_type_mark_as_plugin_api(GST_TYPE_FMNIST_ANALYSER, 0);
}

static void gst_fmnist_segment_init(GstFmnistSegment *self) {
  self->options = defaults;
  self->tracker = gst_fmnist_tracker_new();
}
