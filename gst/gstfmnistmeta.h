/* What was found in a frame, attached to its buffer.
 *
 * There is one GstFmnistMeta a buffer. Its presence says that somebody looked for objects, also where none was found. Boxes are
 * shares of the frame, so that they hold for any scaled copy; what the objects point to is immutable and shared by all copies of
 * the metadata. For other software each object also has a GstVideoRegionOfInterestMeta: docs/metadata.md. */
#ifndef GST_FMNIST_META_H
#define GST_FMNIST_META_H

#include <gst/video/video.h>

#include "image/segment.h"

G_BEGIN_DECLS

#define GST_FMNIST_UNKNOWN "unknown"
#define GST_FMNIST_OBJECT "object" /* label of something found but not yet named */

/* The shape of an object on a small grid over its box: 255 inside, 0 outside. */
typedef struct {
  int width, height;
  GBytes *data; /* width × height; owned */
} GstFmnistGrid;

/* What a network said about one object. Made by gst_fmnist_result_new(), constant from then on; reference-counted. */
typedef struct {
  GPtrArray *labels;  /* of the model, of char *; owned reference */
  char *model_name;   /* a GRefString; owned reference */
  int label_id;       /* -1: below the threshold */
  double confidence;  /* of the most probable label, 0..1 */
  int top_k;          /* how many guesses are worth reporting; 1..n */
  GBytes *input;      /* the picture that the network saw, channels × height × width, or NULL; owned */
  int input_width, input_height, input_channels;
  int n;
  float probabilities[]; /* n, one a label */
} GstFmnistResult;

/* labels and model_name are referenced; probabilities copied. threshold: under it label_id is -1. input may be NULL, taken over. */
GstFmnistResult *gst_fmnist_result_new(GPtrArray *labels, char *model_name, const float *probabilities, double threshold, int top_k,
                                       GBytes *input, int width, int height, int channels);
GstFmnistResult *gst_fmnist_result_ref(GstFmnistResult *r);
void gst_fmnist_result_unref(GstFmnistResult *r); /* NULL allowed */
const char *gst_fmnist_result_label(const GstFmnistResult *r); /* GST_FMNIST_UNKNOWN below the threshold */
const char *gst_fmnist_result_label_at(const GstFmnistResult *r, int i);
/* Indices of the k most probable labels, the best first; k: 1..n. */
void gst_fmnist_result_top(const GstFmnistResult *r, int k, int *indices);

typedef struct {
  FmnBox box;
  guint id;            /* stays with an object from frame to frame; ≥ 1 */
  GQuark roi_type;     /* and roi_id: of the GstVideoRegionOfInterestMeta that stands for it */
  gint roi_id;
  gboolean foreign;    /* that meta was added by another element, whose label stays in it */
  GQuark label;        /* of the detection: "object", or what a detector called it */
  int label_id;
  double confidence;   /* of the detection, 0..1 */
  guint found_ago;     /* how many frames old the detection is; 0: of this frame */
  GstFmnistGrid mask;  /* data NULL: none */
  GstFmnistResult *result; /* NULL: not classified; owned reference */
  guint frames_ago;    /* how many frames old result is; 0: of this frame */
  GstClockTime first_seen; /* running time of the frame that showed it first, or GST_CLOCK_TIME_NONE */
} GstFmnistObject;

typedef struct {
  GstMeta meta;
  GArray *objects; /* of GstFmnistObject; owned */
  guint analytics_first, analytics_n; /* which entries of the buffer's GstAnalyticsRelationMeta stand for them */
} GstFmnistMeta;

GType gst_fmnist_meta_api_get_type(void);
const GstMetaInfo *gst_fmnist_meta_get_info(void);

/* The buffer's, or NULL. */
GstFmnistMeta *gst_fmnist_meta_get(GstBuffer *buffer);
/* The buffer's, added where it has none; the buffer must be writable. */
GstFmnistMeta *gst_fmnist_meta_ensure(GstBuffer *buffer);

static inline guint gst_fmnist_meta_size(const GstFmnistMeta *m) { return m->objects->len; }
static inline GstFmnistObject *gst_fmnist_meta_object(const GstFmnistMeta *m, guint i) {
  return &g_array_index(m->objects, GstFmnistObject, i);
}

/* id, or the next higher one that no object and no region of interest of the buffer has and that other elements' objects do
 * not come to. */
guint gst_fmnist_meta_free_id(GstBuffer *buffer, guint id);

/* Adds an object without mask and result. The pointer holds until the next addition. */
GstFmnistObject *gst_fmnist_meta_add(GstFmnistMeta *m, const FmnBox *box, guint id);
void gst_fmnist_object_set_mask(GstFmnistObject *o, const FmnMask *mask);
void gst_fmnist_object_set_result(GstFmnistObject *o, GstFmnistResult *result, guint frames_ago); /* result: referenced */

/* What the object is called: the classification's label, else the detection's. */
const char *gst_fmnist_object_label(const GstFmnistObject *o);

G_END_DECLS

#endif
