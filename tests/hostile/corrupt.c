/* H.264 with flipped bits in front: what a decoder makes of it, frames half grey, of other sizes, or none, goes through
 * the elements, whole and in order, and the stream ends. `test-hostile-corrupt -m thorough` does 40 times as many. */
#include "../detect/model.h"
#include "../elements/helper.h"

#define FRAMES 24
#define TRIES 4
#define CHAIN                                                                                                          \
  "fmnistsegment output=cutout ! fmnistclassify live=off smoothing=200 post-events=true ! "                            \
  "fmnistyolo live=off threshold=0.3 ! fmnistoverlay show-mask=true show-input=true ! fmnistjson location=/dev/null"

typedef struct {
  const char *name;
  double rate;   /* of bytes with a flipped bit */
  gsize begin;   /* the first byte of a picture that may be flipped; 0: with them the headers, which say its size */
  gboolean lose; /* some pictures altogether */
} Damage;

static GstBuffer *encoded[FRAMES];

static gboolean available(const char *element) {
  g_autoptr(GstElementFactory) factory = gst_element_factory_find(element);
  return factory != NULL;
}

static void encode(void) {
  GstVideoInfo info = helper_info(GST_VIDEO_FORMAT_I420, 160, 120);
  GstHarness *h = helper_harness("x264enc tune=zerolatency key-int-max=8 byte-stream=true threads=1", &info);
  for (guint i = 0; i < FRAMES; i++) {
    HelperScene scene = {
        {0.05 + 0.02 * i, 0.05 + 0.015 * i, 0.4, 0.5}, 0x203060, 0xd8d8c8}; /* off the edges: found in each */
    encoded[i] = helper_pass(h, helper_frame(&info, &scene, 0), i);
  }
  gst_harness_teardown(h);
}

static GstBuffer *damaged(GstBuffer *picture, const Damage *d, GRand *rand) {
  GstBuffer *copy = gst_buffer_copy_deep(picture);
  GstMapInfo map;
  g_assert_true(gst_buffer_map(copy, &map, GST_MAP_READWRITE));
  for (gsize i = d->begin; i < map.size; i++) {
    if (g_rand_double(rand) < d->rate)
      map.data[i] ^= (guint8)(1 << g_rand_int_range(rand, 0, 8));
  }
  gst_buffer_unmap(copy, &map);
  return copy;
}

/* Whatever gives up, it is not one of ours. */
static void check_errors(GstBus *bus) {
  GstMessage *message;
  while ((message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR | GST_MESSAGE_WARNING)) != NULL) {
    g_assert_false(g_str_has_prefix(G_OBJECT_TYPE_NAME(GST_MESSAGE_SRC(message)), "GstFmnist"));
    gst_message_unref(message);
  }
}

static GstPadProbeReturn count(GstPad *pad, GstPadProbeInfo *info, gpointer n) {
  ++*(guint *)n;
  return GST_PAD_PROBE_OK;
}

typedef struct {
  guint decoded, named;
  gboolean ended;
} Outcome;

static void take(GstHarness *h, Outcome *o) {
  GstBuffer *out;
  GstEvent *event;
  while ((out = gst_harness_try_pull(h)) != NULL) {
    const GstFmnistMeta *meta = gst_fmnist_meta_get(out);
    o->named += meta != NULL && gst_fmnist_meta_size(meta) > 0;
    gst_buffer_unref(out);
  }
  while ((event = gst_harness_try_pull_event(h)) != NULL) {
    o->ended |= GST_EVENT_TYPE(event) == GST_EVENT_EOS;
    gst_event_unref(event);
  }
}

static Outcome decode(const char *decoder, const Damage *d, GRand *rand) {
  g_autofree char *launch = g_strdup_printf("%s ! identity name=decoded ! " CHAIN, decoder);
  GstHarness *h = gst_harness_new_parse(launch);
  GstElement *identity = gst_harness_find_element(h, "identity");
  GstPad *pad = gst_element_get_static_pad(identity, "src");
  GstBus *bus = gst_bus_new();
  Outcome o = {0};
  gst_element_set_bus(h->element, bus);
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, count, &o.decoded, NULL);
  gst_harness_set_src_caps_str(h, "video/x-h264,stream-format=byte-stream,alignment=au,width=160,height=120,"
                                  "framerate=25/1");
  for (guint i = 0; i < FRAMES; i++) {
    if (!d->lose || g_rand_int_range(rand, 0, 4))
      gst_harness_push(h, damaged(encoded[i], d, rand));
    take(h, &o);
  }
  gst_harness_push_event(h, gst_event_new_eos());
  take(h, &o);
  g_assert_true(o.ended);
  g_assert_cmpuint(gst_harness_buffers_received(h), ==, o.decoded);
  check_errors(bus);
  gst_element_set_bus(h->element, NULL);
  gst_object_unref(bus);
  gst_object_unref(pad);
  gst_object_unref(identity);
  gst_harness_teardown(h);
  return o;
}

static void test_corrupt(gconstpointer decoder) {
  static const Damage damages[] = {{"bits of pictures", 2e-3, 64, FALSE},
                                   {"many bits of pictures", 5e-2, 48, FALSE},
                                   {"any bits", 2e-3, 0, FALSE},
                                   {"many of any bits", 3e-2, 0, FALSE},
                                   {"bits and pictures", 2e-3, 0, TRUE}};
  static const Damage none = {"nothing", 0, 0, FALSE};
  g_autoptr(GRand) rand = g_rand_new_with_seed(9);
  if (!available("x264enc") || !available("avdec_h264")) {
    g_test_skip("no x264enc or avdec_h264: Debian has them as gstreamer1.0-plugins-ugly and gstreamer1.0-libav");
    return;
  }
  if (encoded[0] == NULL)
    encode();
  Outcome whole = decode(decoder, &none, rand);
  g_assert_cmpuint(whole.decoded, ==, FRAMES);
  g_assert_cmpuint(whole.named, ==, FRAMES);
  for (gsize i = 0; i < G_N_ELEMENTS(damages); i++) {
    Outcome sum = {0};
    guint n = g_test_thorough() ? 40 * TRIES : TRIES;
    for (guint k = 0; k < n; k++) {
      Outcome o = decode(decoder, &damages[i], rand);
      sum.decoded += o.decoded;
      sum.named += o.named;
    }
    g_test_message("%s: of %u pictures %u were decoded, in %u was something", damages[i].name, n * FRAMES, sum.decoded,
                   sum.named);
    g_assert_cmpuint(sum.decoded, >, 0);
  }
}

int main(int argc, char **argv) {
  helper_init(&argc, &argv);
  g_autofree char *detector = helper_path("yolov3-tiny.safetensors");
  write_detector(detector, "size=32", "10,14 28,28 37,58 81,82 135,169 288,288");
  g_test_add_data_func("/corrupt/decoder", "avdec_h264 max-threads=1", test_corrupt);
  if (available("h264parse")) /* which believes the headers */
    g_test_add_data_func("/corrupt/parser", "h264parse ! avdec_h264 max-threads=1", test_corrupt);
  return helper_run();
}
