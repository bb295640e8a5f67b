/**
 * SECTION:element-fmnistoverlay
 * @title: fmnistoverlay
 * @short_description: draws the objects of a frame and their names
 *
 * Draws what fmnistsegment and fmnistclassify, or any element that attaches GstVideoRegionOfInterestMeta, have found.
 * Sinks that lay overlays over the picture themselves are handed the drawing as GstVideoOverlayCompositionMeta; for
 * others it is blended into the frame, in whatever raw format that has.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! fmnistsegment ! fmnistclassify ! fmnistoverlay show-input=true ! videoconvert
 * ! autovideosink
 * ]|
 */
#include "gstfmnistoverlay.h"

#include "gstfmnistdraw.h"
#include "gstfmnistpaint.h"

GST_DEBUG_CATEGORY_STATIC(fmnistoverlay_debug);
#define GST_CAT_DEFAULT fmnistoverlay_debug

#define DEFAULT_FONT "Sans Bold"

/* Negotiation, attaching and blending into unusual formats are overlaycomposition's, which asks for what to draw. Into
 * usual formats it is drawn before. */
struct _GstFmnistOverlay {
  GstBin parent;
  GstFmnistDrawOptions options; /* under the object lock */
  GstElement *composition;      /* owned by the bin; NULL where the element is not installed */
  GstFmnistDraw *draw;          /* these for the streaming thread */
  GstFmnistFormat *format;      /* of the frames; NULL where these cannot be painted on */
  gboolean painted;             /* the present frame */
  gboolean warned;              /* of a frame of these caps that cannot be drawn on */
};

enum {
  PROP_0,
  PROP_SHOW_BOXES,
  PROP_SHOW_LABELS,
  PROP_SHOW_CONFIDENCE,
  PROP_SHOW_FPS,
  PROP_SHOW_MASK,
  PROP_SHOW_INPUT,
  PROP_FONT,
  PROP_LINE_WIDTH,
  PROP_COLOR,
};

#define CAPS                                                                                                           \
  GST_VIDEO_CAPS_MAKE(GST_VIDEO_OVERLAY_COMPOSITION_BLEND_FORMATS)                                                     \
  ";" GST_VIDEO_CAPS_MAKE_WITH_FEATURES("ANY", GST_VIDEO_FORMATS_ALL)

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(CAPS));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(CAPS));

G_DEFINE_TYPE(GstFmnistOverlay, gst_fmnist_overlay, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(fmnistoverlay, "fmnistoverlay", GST_RANK_NONE, GST_TYPE_FMNIST_OVERLAY,
                                      GST_DEBUG_CATEGORY_INIT(fmnistoverlay_debug, "fmnistoverlay", 0, "draws results"))

static gboolean *boolean_option(GstFmnistDrawOptions *o, guint id) {
  switch (id) {
  case PROP_SHOW_BOXES:
    return &o->boxes;
  case PROP_SHOW_LABELS:
    return &o->labels;
  case PROP_SHOW_CONFIDENCE:
    return &o->confidence;
  case PROP_SHOW_FPS:
    return &o->fps;
  case PROP_SHOW_MASK:
    return &o->mask;
  case PROP_SHOW_INPUT:
    return &o->input;
  default:
    return NULL;
  }
}

static void gst_fmnist_overlay_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  GstFmnistOverlay *self = GST_FMNIST_OVERLAY(object);
  gboolean *flag = boolean_option(&self->options, id);
  GST_OBJECT_LOCK(self);
  if (flag != NULL) {
    *flag = g_value_get_boolean(value);
  } else if (id == PROP_FONT) {
    g_clear_pointer(&self->options.font, g_ref_string_release);
    self->options.font = g_ref_string_new(g_value_get_string(value) != NULL ? g_value_get_string(value) : DEFAULT_FONT);
  } else if (id == PROP_LINE_WIDTH) {
    self->options.line_width = g_value_get_uint(value);
  } else if (id == PROP_COLOR) {
    self->options.color = g_value_get_uint(value);
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void gst_fmnist_overlay_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  GstFmnistOverlay *self = GST_FMNIST_OVERLAY(object);
  const gboolean *flag = boolean_option(&self->options, id);
  GST_OBJECT_LOCK(self);
  if (flag != NULL)
    g_value_set_boolean(value, *flag);
  else if (id == PROP_FONT)
    g_value_set_string(value, self->options.font);
  else if (id == PROP_LINE_WIDTH)
    g_value_set_uint(value, self->options.line_width);
  else if (id == PROP_COLOR)
    g_value_set_uint(value, self->options.color);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  GST_OBJECT_UNLOCK(self);
}

static GstFmnistDrawOptions take_options(GstFmnistOverlay *self) {
  GstFmnistDrawOptions options;
  GST_OBJECT_LOCK(self);
  options = self->options;
  g_ref_string_acquire(options.font);
  GST_OBJECT_UNLOCK(self);
  return options;
}

static void take_caps(GstFmnistOverlay *self, GstCaps *caps) {
  GstCapsFeatures *features = gst_caps_get_features(caps, 0);
  GstVideoInfo info;
  g_clear_pointer(&self->format, gst_fmnist_format_free);
  self->warned = FALSE;
  if (!gst_caps_features_is_equal(features, GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY) ||
      !gst_video_info_from_caps(&info, caps))
    return;
  self->format = gst_fmnist_format_new(&info);
  if (!gst_fmnist_paint_knows(self->format))
    g_clear_pointer(&self->format, gst_fmnist_format_free);
  GST_DEBUG_OBJECT(self, "%" GST_PTR_FORMAT " is %s", caps,
                   self->format != NULL ? "painted on in place" : "left to overlaycomposition");
}

/* Whether what is drawn is handed on, to be laid over the frame further down. */
static gboolean is_handed_on(GstFmnistOverlay *self) {
  GstPad *src = gst_element_get_static_pad(self->composition, "src");
  GstCaps *caps = gst_pad_get_current_caps(src);
  gboolean yes = caps == NULL || gst_caps_features_contains(gst_caps_get_features(caps, 0),
                                                            GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION);
  gst_clear_caps(&caps);
  gst_object_unref(src);
  return yes;
}

static GstFmnistDraw *ensure_draw(GstFmnistOverlay *self) {
  if (self->draw == NULL)
    self->draw = gst_fmnist_draw_new();
  return self->draw;
}

static GstBuffer *paint(GstFmnistOverlay *self, GstBuffer *buffer) {
  GstFmnistDrawOptions options = take_options(self);
  gboolean any = options.fps || gst_fmnist_meta_get(buffer) != NULL ||
                 gst_buffer_get_video_region_of_interest_meta(buffer) != NULL;
  GstVideoFrame frame;
  if (any && !is_handed_on(self)) {
    buffer = gst_buffer_make_writable(buffer);
    if (gst_fmnist_format_map_frame(self->format, buffer,
                                    GST_MAP_READWRITE | (GstMapFlags)GST_VIDEO_FRAME_MAP_FLAG_NO_REF, &frame)) {
      gst_fmnist_draw_paint(ensure_draw(self), buffer, &frame, gst_fmnist_format_image(self->format), &options,
                            g_get_monotonic_time());
      gst_video_frame_unmap(&frame);
    } else if (!self->warned) {
      self->warned = TRUE;
      GST_ELEMENT_WARNING(
          self, STREAM, FORMAT, ("A frame could not be drawn on and was let through as it is."),
          ("the buffer, of %" G_GSIZE_FORMAT " bytes, is not what its caps say", gst_buffer_get_size(buffer)));
    }
    self->painted = TRUE;
  }
  g_ref_string_release(options.font);
  return buffer;
}

/* What is drawn has its place in the frame that the caps tell of. */
static GstPadProbeReturn after_query(GstPad *pad, GstPadProbeInfo *probe, gpointer user) {
  gst_fmnist_format_refuse_crop(GST_PAD_PROBE_INFO_QUERY(probe));
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn before_composition(GstPad *pad, GstPadProbeInfo *probe, gpointer user) {
  GstFmnistOverlay *self = GST_FMNIST_OVERLAY(user);
  if (GST_PAD_PROBE_INFO_TYPE(probe) & GST_PAD_PROBE_TYPE_BUFFER) {
    self->painted = FALSE;
    if (self->format != NULL)
      GST_PAD_PROBE_INFO_DATA(probe) = paint(self, GST_PAD_PROBE_INFO_BUFFER(probe));
  } else if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(probe)) == GST_EVENT_CAPS) {
    GstCaps *caps;
    gst_event_parse_caps(GST_PAD_PROBE_INFO_EVENT(probe), &caps);
    take_caps(self, caps);
  }
  return GST_PAD_PROBE_OK;
}

static GstVideoOverlayComposition *draw(GstElement *composition, GstSample *sample, gpointer user) {
  GstFmnistOverlay *self = GST_FMNIST_OVERLAY(user);
  GstVideoOverlayComposition *drawn;
  GstFmnistDrawOptions options;
  GstBuffer *buffer = gst_sample_get_buffer(sample);
  GstCaps *caps = gst_sample_get_caps(sample);
  int width, height;
  if (self->painted || buffer == NULL || caps == NULL ||
      !gst_structure_get_int(gst_caps_get_structure(caps, 0), "width", &width) ||
      !gst_structure_get_int(gst_caps_get_structure(caps, 0), "height", &height))
    return NULL;
  options = take_options(self);
  drawn = gst_fmnist_draw_compose(ensure_draw(self), buffer, width, height, &options, g_get_monotonic_time());
  g_ref_string_release(options.font);
  return drawn;
}

static GstStateChangeReturn gst_fmnist_overlay_change_state(GstElement *element, GstStateChange change) {
  GstFmnistOverlay *self = GST_FMNIST_OVERLAY(element);
  GstStateChangeReturn result;
  if (change == GST_STATE_CHANGE_NULL_TO_READY && self->composition == NULL) {
    GST_ELEMENT_ERROR(self, CORE, MISSING_PLUGIN, ("The element overlaycomposition is missing."),
                      ("it is part of gst-plugins-base"));
    return GST_STATE_CHANGE_FAILURE;
  }
  result = GST_ELEMENT_CLASS(gst_fmnist_overlay_parent_class)->change_state(element, change);
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY)
    g_clear_pointer(&self->draw, gst_fmnist_draw_free);
  return result;
}

static void gst_fmnist_overlay_finalize(GObject *object) {
  GstFmnistOverlay *self = GST_FMNIST_OVERLAY(object);
  gst_fmnist_draw_free(self->draw);
  gst_fmnist_format_free(self->format);
  g_ref_string_release(self->options.font);
  G_OBJECT_CLASS(gst_fmnist_overlay_parent_class)->finalize(object);
}

static void install_boolean(GObjectClass *object, guint id, const char *name, const char *nick, const char *blurb,
                            gboolean value) {
  g_object_class_install_property(
      object, id,
      g_param_spec_boolean(name, nick, blurb, value,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | (GParamFlags)GST_PARAM_MUTABLE_PLAYING));
}

static void install_properties(GObjectClass *object) {
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | (GParamFlags)GST_PARAM_MUTABLE_PLAYING;
  install_boolean(object, PROP_SHOW_BOXES, "show-boxes", "Show boxes", "Draw a box around each object", TRUE);
  install_boolean(object, PROP_SHOW_LABELS, "show-labels", "Show labels", "Write what each object is", TRUE);
  install_boolean(object, PROP_SHOW_CONFIDENCE, "show-confidence", "Show confidence",
                  "Write how sure that is, in per cent", TRUE);
  install_boolean(object, PROP_SHOW_FPS, "show-fps", "Show frame rate", "Write how many frames a second arrive", FALSE);
  install_boolean(object, PROP_SHOW_MASK, "show-mask", "Show mask", "Tint the pixels of each object", FALSE);
  install_boolean(object, PROP_SHOW_INPUT, "show-input", "Show input",
                  "Show in a corner the small pictures that the network saw", FALSE);
  g_object_class_install_property(
      object, PROP_FONT,
      g_param_spec_string("font", "Font",
                          "Pango font description; without a size in it the size follows the frame's height",
                          DEFAULT_FONT, flags));
  g_object_class_install_property(object, PROP_LINE_WIDTH,
                                  g_param_spec_uint("line-width", "Line width",
                                                    "Width of a box's lines in pixels (0 = follows the frame's height)",
                                                    0, 256, 0, flags));
  g_object_class_install_property(object, PROP_COLOR,
                                  g_param_spec_uint("color", "Colour",
                                                    "Colour of boxes and labels, 0xFFRRGGBB (0 = one for each class)",
                                                    0, G_MAXUINT32, 0, flags));
}

static void gst_fmnist_overlay_class_init(GstFmnistOverlayClass *klass) {
  GObjectClass *object = G_OBJECT_CLASS(klass);
  GstElementClass *element = GST_ELEMENT_CLASS(klass);
  object->set_property = gst_fmnist_overlay_set_property;
  object->get_property = gst_fmnist_overlay_get_property;
  object->finalize = gst_fmnist_overlay_finalize;
  install_properties(object);
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_set_static_metadata(element, "Fashion-MNIST overlay", "Filter/Effect/Video",
                                        "Draws boxes and names of the objects of each frame",
                                        "The gst-fmnist developers");
  element->change_state = gst_fmnist_overlay_change_state;
}

static void watch_input(GstFmnistOverlay *self) {
  GstPad *sink = gst_element_get_static_pad(self->composition, "sink");
  gst_pad_add_probe(sink, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, before_composition, self,
                    NULL);
  gst_pad_add_probe(sink, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM | GST_PAD_PROBE_TYPE_PULL, after_query, self, NULL);
  gst_object_unref(sink);
}

/* Without overlaycomposition it has pads all the same, so that it can be linked and say what is missing. */
static void add_ghost_pad(GstFmnistOverlay *self, const char *name, GstStaticPadTemplate *pad_template) {
  GstPadTemplate *t = gst_static_pad_template_get(pad_template);
  GstPad *pad = gst_ghost_pad_new_no_target_from_template(name, t);
  if (self->composition != NULL) {
    GstPad *target = gst_element_get_static_pad(self->composition, name);
    gst_ghost_pad_set_target(GST_GHOST_PAD(pad), target);
    gst_object_unref(target);
  }
  gst_element_add_pad(GST_ELEMENT(self), pad);
  gst_object_unref(t);
}

static void gst_fmnist_overlay_init(GstFmnistOverlay *self) {
  self->options =
      (GstFmnistDrawOptions){.boxes = TRUE, .labels = TRUE, .confidence = TRUE, .font = g_ref_string_new(DEFAULT_FONT)};
  self->composition = gst_element_factory_make("overlaycomposition", "composition");
  if (self->composition != NULL) {
    gst_bin_add(GST_BIN(self), self->composition);
    g_signal_connect(self->composition, "draw", G_CALLBACK(draw), self);
    watch_input(self);
  }
  add_ghost_pad(self, "sink", &sink_template);
  add_ghost_pad(self, "src", &src_template);
}
