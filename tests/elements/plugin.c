/* The plugin file as programs load it: elements, properties, defaults. */
#include <gst/gst.h>
#include <string.h>

typedef struct {
  const char *element, *property, *value; /* the default as text */
} Default;

static const Default defaults[] = {
    {"fmnistsegment", "method", "background"},
    {"fmnistsegment", "polarity", "auto"},
    {"fmnistsegment", "min-area", "0.01"},
    {"fmnistsegment", "min-outline", "0.8"},
    {"fmnistsegment", "max-objects", "1"},
    {"fmnistsegment", "output", "original"},
    {"fmnistclassify", "model", "camera"},
    {"fmnistclassify", "labels-file", NULL},
    {"fmnistclassify", "threshold", "-1"},
    {"fmnistclassify", "top-k", "1"},
    {"fmnistclassify", "inference-interval", "1"},
    {"fmnistclassify", "inference-region", "auto"},
    {"fmnistclassify", "object-class", NULL},
    {"fmnistclassify", "smoothing", "0"},
    {"fmnistclassify", "threads", "1"},
    {"fmnistclassify", "post-messages", "false"},
    {"fmnistyolo", "model", "yolov3-tiny"},
    {"fmnistyolo", "threshold", "0.5"},
    {"fmnistyolo", "iou-threshold", "0.45"},
    {"fmnistyolo", "max-detections", "50"},
    {"fmnistyolo", "size", "0"},
    {"fmnistyolo", "smoothing", "0"},
    {"fmnistyolo", "inference-interval", "1"},
    {"fmnistyolo", "threads", "1"},
    {"fmnistyolo", "post-messages", "false"},
    {"fmnistoverlay", "show-boxes", "true"},
    {"fmnistoverlay", "show-labels", "true"},
    {"fmnistoverlay", "show-confidence", "true"},
    {"fmnistoverlay", "show-fps", "false"},
    {"fmnistoverlay", "show-mask", "false"},
    {"fmnistoverlay", "show-input", "false"},
    {"fmnistoverlay", "font", "Sans Bold"},
    {"fmnistoverlay", "line-width", "0"},
    {"fmnistoverlay", "color", "0"},
    {"fmnistjson", "location", "-"},
    {"fmnistjson", "add-empty-results", "true"},
};

static void test_defaults(void) {
  for (gsize i = 0; i < G_N_ELEMENTS(defaults); i++) {
    GstElement *e = gst_element_factory_make(defaults[i].element, NULL);
    GParamSpec *spec;
    GValue value = G_VALUE_INIT, expected = G_VALUE_INIT;
    g_assert_nonnull(e);
    spec = g_object_class_find_property(G_OBJECT_GET_CLASS(e), defaults[i].property);
    g_test_message("%s %s", defaults[i].element, defaults[i].property);
    g_assert_nonnull(spec);
    g_value_init(&value, spec->value_type);
    g_value_init(&expected, spec->value_type);
    g_object_get_property(G_OBJECT(e), defaults[i].property, &value);
    if (defaults[i].value != NULL)
      g_assert_true(gst_value_deserialize(&expected, defaults[i].value));
    g_assert_cmpint(g_param_values_cmp(spec, &value, &expected), ==, 0);
    g_assert_cmpint(g_param_values_cmp(spec, &value, g_param_spec_get_default_value(spec)), ==, 0);
    g_assert_nonnull(g_param_spec_get_blurb(spec));
    g_value_unset(&value);
    g_value_unset(&expected);
    gst_object_unref(e);
  }
}

static void test_klass(void) {
  static const char *names[] = {"fmnistsegment", "fmnistclassify", "fmnistjson"};
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    GstElementFactory *f = gst_element_factory_find(names[i]);
    g_assert_cmpstr(gst_element_factory_get_metadata(f, GST_ELEMENT_METADATA_KLASS), ==, "Filter/Analyzer/Video");
    gst_object_unref(f);
  }
}

int main(int argc, char **argv) {
  GError *error = NULL;
  GstPlugin *plugin;
  int status;
  g_test_init(&argc, &argv, NULL);
  gst_init(&argc, &argv);
  plugin = gst_plugin_load_file(g_getenv("FMNIST_PLUGIN"), &error);
  g_assert_no_error(error);
  g_test_add_func("/plugin/defaults", test_defaults);
  g_test_add_func("/plugin/klass", test_klass);
  status = g_test_run();
  gst_object_unref(plugin);
  gst_deinit();
  return status;
}
