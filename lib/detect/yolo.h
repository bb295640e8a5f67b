/* What the heads of a YOLOv3 network say (Redmon & Farhadi 2018): values to boxes.
 *
 * Each cell of a head has a few anchors, sizes that boxes are told by; the values of each are x, y, width, height,
 * objectness and one a class. The sigmoids of x and y place the centre within the cell, width and height multiply the
 * anchor's by their exponential; the sigmoids of the others are the chances that an object is there and of which
 * class. */
#ifndef FMN_DETECT_YOLO_H
#define FMN_DETECT_YOLO_H

#include "fmnist.h"
#include "nn/graph.h"

#define FMN_YOLO_HEADS 2        /* the first of the network's outputs has the larger anchors and the wider cells */
#define FMN_YOLO_HEAD_ANCHORS 3 /* of each cell of a head */
#define FMN_YOLO_ANCHORS (FMN_YOLO_HEADS * FMN_YOLO_HEAD_ANCHORS)
#define FMN_YOLO_BOX_VALUES 5  /* values of an anchor before those of the classes */
#define FMN_YOLO_MAX_SIDE 2048 /* of the input */
#define FMN_YOLO_STRIDE 32     /* the input's sides are multiples of it */
#define FMN_YOLO_MAX_BOXES 1000

typedef struct {
  float w, h; /* pixels of the input */
} FmnAnchor;

typedef struct {
  int classes;
  FmnAnchor anchors[FMN_YOLO_ANCHORS]; /* the small ones first */
} FmnYolo;

/* The anchors of head i. */
static inline const FmnAnchor *fmn_yolo_head_anchors(const FmnYolo *y, int head) {
  return y->anchors + (FMN_YOLO_HEADS - 1 - head) * FMN_YOLO_HEAD_ANCHORS;
}
static inline int fmn_yolo_values(const FmnYolo *y) { return FMN_YOLO_BOX_VALUES + y->classes; }

/* Anchors as model files have them: "10,14 28,28 ..." Error FMN_ERROR_FORMAT; the text: g_free. */
gboolean fmn_anchors_parse(const char *text, FmnAnchor anchors[FMN_YOLO_ANCHORS], GError **error);
char *fmn_anchors_format(const FmnAnchor anchors[FMN_YOLO_ANCHORS]);
/* Those of the network's authors, for inputs of 416×416. */
extern const FmnAnchor fmn_anchors_original[FMN_YOLO_ANCHORS];

/* Whether an input may be that many pixels wide or high. */
static inline gboolean fmn_yolo_side_fits(gint64 pixels) {
  return pixels > 0 && pixels <= FMN_YOLO_MAX_SIDE && pixels % FMN_YOLO_STRIDE == 0;
}

/* Whether the graph ends in the heads of such a network with that many classes. */
gboolean fmn_yolo_fits(const FmnGraph *g, int classes);

/* A place where something may be. */
typedef struct {
  FmnBox box;           /* shares of the input */
  double objectness;    /* 0..1 */
  const float *classes; /* log-odds of each; borrowed from the head's values */
} FmnYoloBox;

/* Appends to boxes (of FmnYoloBox) those of head `head` whose objectness is above threshold (0..1); the input has
 * input_w × input_h pixels. values: out.h × out.w × out.c. What is no number is left out. */
void fmn_yolo_decode(const FmnYolo *y, int head, const float *values, FmnShape out, int input_w, int input_h,
                     double threshold, GArray *boxes);

/* Appends to found (of FmnDetection) what the boxes are with more confidence than threshold. Of more than
 * FMN_YOLO_MAX_BOXES boxes the surest are looked at, and left in boxes. Boxes that overlap by FMN_VOTE_OVERLAP or more
 * have a say in each other's class, weighed by objectness and overlap: the cells around an object, and both heads, see
 * it differently. A class's confidence is its share of what all classes of the box add up to, times the objectness.
 * Every class stands for itself: a box may come under several. */
void fmn_yolo_name(const FmnYolo *y, GArray *boxes, double threshold, GArray *found);

/* Boxes of the input, of which the picture fills `place`, to boxes of the picture, cut at its edges; those outside of
 * it are removed. */
void fmn_detections_place(GArray *found, const FmnBox *place);

/* All of it: replaces what is in found by the objects in the picture, the best first. values: of every head, one image.
 * boxes: of FmnYoloBox, for use in between. */
void fmn_yolo_detect(const FmnYolo *y, const float *const values[FMN_YOLO_HEADS], const FmnShape out[FMN_YOLO_HEADS],
                     int input_w, int input_h, const FmnBox *place, const FmnDetectOptions *options, GArray *boxes,
                     GArray *found);

#endif
