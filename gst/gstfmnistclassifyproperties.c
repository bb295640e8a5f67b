#include "gstfmnistclassifyproperties.h"

#include "fmnist.h"
#include "gstfmnistinference.h"
#include "gstfmnistinferenceproperties.h"

#define MODEL_THRESHOLD -1.0

enum {
  PROP_LABELS_FILE = GST_FMNIST_INFERENCE_PROPERTIES,
  PROP_THRESHOLD,
  PROP_TOP_K,
  PROP_INFERENCE_REGION,
  PROP_OBJECT_CLASS,
  PROP_SMOOTHING,
};

GType gst_fmnist_classify_region_get_type(void) {
  static gsize type = 0;
  static const GEnumValue values[] = {
      {GST_FMNIST_REGION_AUTO, "The objects found before, or the whole frame where nobody looked for objects", "auto"},
      {GST_FMNIST_REGION_FULL_FRAME, "The whole frame", "full-frame"},
      {GST_FMNIST_REGION_ROI_LIST, "The objects found before", "roi-list"},
      {0, NULL, NULL},
  };
  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("GstFmnistClassifyRegion", values));
  return type;
}

static void set_string(char **s, const GValue *value) {
  const char *text = g_value_get_string(value);
  g_clear_pointer(s, g_ref_string_release);
  if (text != NULL && *text != '\0')
    *s = g_ref_string_new(text);
}

gboolean gst_fmnist_classify_properties_set(GstFmnistClassifyProperties *p, guint id, const GValue *value) {
  switch (id) {
  case PROP_LABELS_FILE:
    set_string(&p->labels_file, value);
    return TRUE;
  case PROP_THRESHOLD:
    p->threshold = g_value_get_double(value);
    return TRUE;
  case PROP_TOP_K:
    p->top_k = g_value_get_int(value);
    return TRUE;
  case PROP_INFERENCE_REGION:
    p->region = (GstFmnistRegion)g_value_get_enum(value);
    return TRUE;
  case PROP_OBJECT_CLASS:
    set_string(&p->object_class, value);
    return TRUE;
  case PROP_SMOOTHING:
    p->smoothing = g_value_get_uint(value);
    return TRUE;
  default:
    return FALSE;
  }
}

gboolean gst_fmnist_classify_properties_get(const GstFmnistClassifyProperties *p, guint id, GValue *value) {
  switch (id) {
  case PROP_LABELS_FILE:
    g_value_set_string(value, p->labels_file);
    return TRUE;
  case PROP_THRESHOLD:
    g_value_set_double(value, p->threshold);
    return TRUE;
  case PROP_TOP_K:
    g_value_set_int(value, p->top_k);
    return TRUE;
  case PROP_INFERENCE_REGION:
    g_value_set_enum(value, (gint)p->region);
    return TRUE;
  case PROP_OBJECT_CLASS:
    g_value_set_string(value, p->object_class);
    return TRUE;
  case PROP_SMOOTHING:
    g_value_set_uint(value, p->smoothing);
    return TRUE;
  default:
    return FALSE;
  }
}

void gst_fmnist_classify_properties_init(GstFmnistClassifyProperties *p) {
  *p = (GstFmnistClassifyProperties){.threshold = MODEL_THRESHOLD, .top_k = 1};
}

void gst_fmnist_classify_properties_clear(GstFmnistClassifyProperties *p) {
  g_clear_pointer(&p->labels_file, g_ref_string_release);
  g_clear_pointer(&p->object_class, g_ref_string_release);
}

GstFmnistClassifyProperties gst_fmnist_classify_properties_copy(const GstFmnistClassifyProperties *p) {
  char *const strings[] = {p->labels_file, p->object_class};
  for (gsize i = 0; i < G_N_ELEMENTS(strings); i++)
    if (strings[i] != NULL)
      g_ref_string_acquire(strings[i]);
  return *p;
}

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)
#define FLAGS_READY (FLAGS | (GParamFlags)GST_PARAM_MUTABLE_READY)
#define FLAGS_PLAYING (FLAGS | (GParamFlags)GST_PARAM_MUTABLE_PLAYING)

void gst_fmnist_classify_properties_install(GObjectClass *object) {
  g_object_class_install_property(
      object, GST_FMNIST_PROP_MODEL,
      g_param_spec_string("model", "Model",
                          "Name of a model (searched in the folders of FMNIST_MODEL_PATH, then in the installed models; the default is "
                          "built in) or path of a .safetensors file; set while PLAYING, it is opened aside and used when it is ready",
                          FMN_DEFAULT_MODEL, FLAGS_PLAYING));
  g_object_class_install_property(
      object, PROP_LABELS_FILE,
      g_param_spec_string("labels-file", "Labels file", "Text file with one label a line in place of the model's own (NULL = the model's)",
                          NULL, FLAGS_READY));
  g_object_class_install_property(
      object, PROP_THRESHOLD,
      g_param_spec_double("threshold", "Threshold",
                          "Confidence (0 to 1) under which an object is called unknown (any negative value = the model's own threshold)",
                          -1, 1, MODEL_THRESHOLD, FLAGS_PLAYING | (GParamFlags)GST_PARAM_CONTROLLABLE));
  g_object_class_install_property(object, PROP_TOP_K,
                                  g_param_spec_int("top-k", "Best guesses", "How many of the best guesses are reported with each object",
                                                   1, 1000, 1, FLAGS_PLAYING));
  g_object_class_install_property(object, PROP_INFERENCE_REGION,
                                  g_param_spec_enum("inference-region", "Inference region", "What is classified",
                                                    GST_TYPE_FMNIST_CLASSIFY_REGION, GST_FMNIST_REGION_AUTO, FLAGS_PLAYING));
  g_object_class_install_property(
      object, PROP_OBJECT_CLASS,
      g_param_spec_string("object-class", "Object class", "Classify objects with this label only (NULL = all)", NULL, FLAGS_PLAYING));
  g_object_class_install_property(
      object, PROP_SMOOTHING,
      g_param_spec_uint("smoothing", "Smoothing",
                        "Time constant, in milliseconds, of the running mean of each object's probabilities, which begins anew with "
                        "another object in its place (0 = none)", 0, 60000, 0,
                        FLAGS_PLAYING));
}
