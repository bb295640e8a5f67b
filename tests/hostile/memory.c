/* No memory: every allocation of MUCH or more between the opening of a model and the first picture is refused in turn.
 * Each time there is a clean error, never an abort, and afterwards all works. What is smaller is of sizes that nobody
 * from outside decides, or of a header, which has a megabyte at most; it aborts as GLib does. */
#include <glib/gstdio.h>
#include <stdatomic.h>

#include "../detect/model.h"
#include "../elements/helper.h"
#include "../malloc-hook.h"
#include "error.h"
#include "io/idx.h"

#define MUCH (64 << 10)
#define NEVER (1 << 30)

static atomic_int armed, seen, refused = NEVER;

static gboolean allocation_allowed(gsize size) {
  return size < MUCH || !atomic_load(&armed) || atomic_fetch_add(&seen, 1) != atomic_load(&refused);
}

/* Does something with each of its large allocations refused, then with none; FALSE and an error, or TRUE. */
typedef gboolean (*Attempt)(const char *what, GError **error);

static void walk(const char *name, Attempt attempt, const char *what, int least) {
  int n = 0, errors = 0;
  g_assert_true(attempt(what, NULL)); /* libraries allocate something the first time */
  for (gboolean done = FALSE; !done; n++) {
    GError *error = NULL;
    atomic_store(&refused, n);
    atomic_store(&seen, 0);
    gboolean ok = attempt(what, &error);
    g_assert_true(ok == (error == NULL));
    done = atomic_load(&seen) <= n;
    if (done)
      g_assert_no_error(error);
    if (error) {
      g_assert_nonnull(strstr(error->message, "emory"));
      if (!errors++)
        g_test_message("%s", error->message);
    }
    g_clear_error(&error);
  }
  atomic_store(&refused, NEVER);
  g_test_message("%s %s: %d large allocations, %d refusals told", name, what, n - 1, errors);
  g_assert_cmpint(n - 1, >=, least);
  g_assert_cmpint(errors, >=, least);
}

static void arm(gboolean on) { atomic_store(&armed, on); }

/* A model file of an architecture, of random weights; g_free. */
static char *write_model(const char *arch, const char *options) {
  GError *error = NULL;
  g_autofree char *file_name = g_strconcat(arch, "-memory.safetensors", NULL);
  char *path = helper_path(file_name);
  GRand *rand = g_rand_new_with_seed(3);
  FmnModelFile *file = fmn_model_file_new(arch, options, NULL, &error);
  g_assert_no_error(error);
  fmn_graph_foreach_param(file->graph, random_param, rand);
  if (g_str_equal(arch, "yolov3-tiny"))
    g_hash_table_insert(file->metadata, g_strdup("anchors"), g_strdup("10,14 28,28 37,58 81,82 135,169 288,288"));
  g_assert_true(fmn_model_file_save(file, path, TRUE, NULL));
  fmn_model_file_free(file);
  g_rand_free(rand);
  return path;
}

static gboolean open_and_run(const char *path, GError **error) {
  arm(TRUE);
  FmnModel *model = fmn_model_open(path, error);
  FmnClassifier *c = NULL;
  FmnDetector *d = NULL;
  gboolean detector = model && fmn_model_is_detector(model);
  if (detector)
    d = fmn_detector_new(model, 64, 2, error);
  else if (model && !(c = fmn_classifier_new(model, 2)))
    g_set_error(error, FMN_ERROR, FMN_ERROR_MEMORY, "no memory for a classifier");
  arm(FALSE);
  if (c) {
    g_autofree guint8 *pixels = g_malloc0(3 * 64 * 64);
    float p[10];
    fmn_classifier_run(c, pixels, p);
    g_assert_cmpfloat_with_epsilon(p[0] + p[1] + p[2] + p[3] + p[4] + p[5] + p[6] + p[7] + p[8] + p[9], 1, 1e-3);
  }
  fmn_classifier_free(c);
  fmn_detector_free(d);
  fmn_model_unref(model);
  return c || d;
}

static void test_models(gconstpointer data) {
  g_auto(GStrv) parts = g_strsplit(data, ":", 2);
  g_autofree char *path = write_model(parts[0], parts[1]);
  walk(data, open_and_run, path, 4);
  g_remove(path);
}

static gboolean start_element(const char *launch, GError **error) {
  GstElement *element = gst_parse_launch(launch, error);
  GstBus *bus = gst_bus_new();
  GstMessage *message;
  gst_element_set_bus(element, bus);
  gst_element_set_state(element, GST_STATE_READY);
  arm(TRUE);
  GstStateChangeReturn change = gst_element_set_state(element, GST_STATE_PAUSED);
  arm(FALSE);
  message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  if (message)
    gst_message_parse_error(message, error, NULL);
  g_assert_true((change == GST_STATE_CHANGE_FAILURE) == (message != NULL));
  gst_clear_message(&message);
  gst_element_set_state(element, GST_STATE_NULL);
  gst_element_set_bus(element, NULL);
  gst_object_unref(bus);
  gst_object_unref(element);
  return change != GST_STATE_CHANGE_FAILURE;
}

static void test_start(void) {
  g_autofree char *detector = write_model("yolov3-tiny", "size=64"),
                  *launch = g_strdup_printf("fmnistyolo model=%s size=96 threads=2", detector);
  walk("start", start_element, "fmnistclassify threads=2", 8);
  walk("start", start_element, launch, 8);
  walk("start", start_element, "fmnistsegment", 0);
  walk("start", start_element, "fmnistjson location=/dev/null", 0);
  g_remove(detector);
}

static gboolean read_idx(const char *path, GError **error) {
  int dims[4];
  arm(TRUE);
  guint8 *data = fmn_idx_read(path, 3, dims, error);
  arm(FALSE);
  g_free(data);
  return data != NULL;
}

static void test_idx(void) {
  g_autofree char *path = helper_path("images"), *zipped = helper_path("images.gz");
  g_autofree guint8 *data = g_malloc0(100 * 28 * 28);
  g_assert_true(fmn_idx_write(path, data, (int[]){100, 28, 28}, 3, NULL));
  g_assert_true(fmn_idx_write(zipped, data, (int[]){100, 28, 28}, 3, NULL));
  walk("idx", read_idx, path, 1);
  walk("idx", read_idx, zipped, 1);
}

/* A frame that has to be unpacked first, without memory for that: it goes on unseen, with a warning. */
static void test_frame(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_v210, 640, 480);
  GstHarness *h = helper_harness("fmnistclassify inference-region=full-frame threshold=0", &info);
  const HelperScene scene = HELPER_SCENE;
  GstBus *bus = gst_bus_new();
  gst_element_set_bus(h->element, bus);
  for (guint i = 0; i < 2; i++) {
    GstBuffer *frame = helper_frame(&info, &scene, 0);
    atomic_store(&refused, 0);
    atomic_store(&seen, 0);
    arm(i == 0);
    GstBuffer *out = helper_pass(h, frame, i);
    arm(FALSE);
    GstFmnistMeta *meta = gst_fmnist_meta_get(out);
    GstMessage *warning = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING);
    g_assert_true((warning != NULL) == (i == 0));
    g_assert_true((meta && gst_fmnist_meta_size(meta) && gst_fmnist_meta_object(meta, 0)->result) == (i == 1));
    gst_clear_message(&warning);
    gst_buffer_unref(out);
  }
  atomic_store(&refused, NEVER);
  gst_element_set_bus(h->element, NULL);
  gst_object_unref(bus);
  gst_harness_teardown(h);
}

int main(int argc, char **argv) {
  static const char *const nets[] = {"compact", "wide:depth=10,width=1", "base", "efficientnet-b0",
                                     "yolov3-tiny:size=64"};
  helper_init(&argc, &argv);
  for (gsize i = 0; i < G_N_ELEMENTS(nets); i++) {
    g_autofree char *name = g_strconcat("/memory/open/", nets[i], NULL);
    g_test_add_data_func(name, nets[i], test_models);
  }
  g_test_add_func("/memory/start", test_start);
  g_test_add_func("/memory/idx", test_idx);
  g_test_add_func("/memory/frame", test_frame);
  return helper_run();
}
