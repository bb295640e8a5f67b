/* What the tests of the elements share. */
#ifndef TEST_HELPER_H
#define TEST_HELPER_H

#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include "gstfmnistmeta.h"

/* Initialises g_test and GStreamer, registers the elements, and puts a model FMN_DEFAULT_MODEL with random weights
 * where they find it. */
void helper_init(int *argc, char ***argv);
/* Runs the tests and removes what helper_init() has made. */
int helper_run(void);

/* Path of the model, and a folder for files of the tests. */
const char *helper_model(void);
char *helper_path(const char *name); /* g_free */
/* Puts a detector of random weights for frames of 64×64 there, where fmnistyolo finds it. */
void helper_make_detector(void);

/* Every raw format of the elements' pad templates, or every N-th with FMNIST_TEST_FORMATS=N in the environment (for
 * valgrind); *n of them. */
const GstVideoFormat *helper_formats(guint *n);

/* A dark rectangle (the given share of the frame, 0xRRGGBB) on a light one, in any format. pad: bytes by which lines
 * are longer and planes further apart than usual, told by GstVideoMeta. */
typedef struct {
  FmnBox box;
  guint object, background;
} HelperScene;

#define HELPER_SCENE                                                                                                   \
  { {0.25, 0.25, 0.4, 0.5}, 0x202040, 0xd8d8c8 }

GstBuffer *helper_frame(const GstVideoInfo *info, const HelperScene *scene, guint pad);
/* GStreamer 1.22 itself leaves the last chroma undefined where it writes NV12_10LE32 or NV16_10LE32 with an odd width:
 * even there. */
GstVideoInfo helper_info(GstVideoFormat format, int width, int height);

/* caps of info, with framerate 25/1; the caller owns them */
GstCaps *helper_caps(const GstVideoInfo *info);
/* A harness around launch-line elements, its source caps set. */
GstHarness *helper_harness(const char *launch, const GstVideoInfo *info);
/* Timestamps the frame and sends it through. */
GstBuffer *helper_pass(GstHarness *h, GstBuffer *frame, guint number);
/* What launch-line elements, gone by then, have made of one frame with that scene. */
GstBuffer *helper_look(const char *launch, const GstVideoInfo *info, const HelperScene *scene);

/* How many objects a buffer has, 0 where nobody looked, and one that must be there. */
guint helper_n_objects(GstBuffer *buffer);
const GstFmnistObject *helper_object(GstBuffer *buffer, guint i);

/* The colours of all pixels, line by line, or of one, 0xRRGGBB, as GStreamer's own converter has them. */
guint32 *helper_pixels(GstBuffer *buffer, const GstVideoInfo *info);
guint helper_pixel(GstBuffer *buffer, const GstVideoInfo *info, int x, int y);
gboolean helper_color_close(guint a, guint b, int tolerance);

void helper_assert_box(const FmnBox *box, const FmnBox *expected, double tolerance);

/* Plays to the end of the stream; the pipeline is left as it is then. */
void helper_play(GstElement *pipeline);
/* A pipeline of that launch line ends in an error that says so. */
void helper_assert_error(const char *launch, const char *says);

#endif
