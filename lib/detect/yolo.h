/* What the heads of a YOLOv3 network say (Redmon & Farhadi 2018): values to boxes.
 *
 * Each cell of a head has a few anchors, sizes that boxes are told by; the values of each are x, y, width, height,
 * objectness and one a class. The sigmoids of x and y place the centre within the cell, width and height multiply the
 * anchor's by their exponential; the sigmoid of the objectness times that of a class is the confidence that an object
 * of the class is there. */
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

/* Whether the graph ends in the heads of such a network with that many classes. */
gboolean fmn_yolo_fits(const FmnGraph *g, int classes);

/* Appends to found (of FmnDetection) what head `head` says with more confidence than threshold (0..1), boxes as shares
 * of the input of input_w × input_h pixels. values: out.h × out.w × out.c. Every class for itself: a box may come under
 * several. What is no number, or lies outside of the input altogether, is left out. */
void fmn_yolo_decode(const FmnYolo *y, int head, const float *values, FmnShape out, int input_w, int input_h,
                     double threshold, GArray *found);

/* Boxes of the input, of which the picture fills `place`, to boxes of the picture, cut at its edges; those outside of
 * it are removed. */
void fmn_detections_place(GArray *found, const FmnBox *place);

/* All of it: replaces what is in found by the objects in the picture, the best first. values: of every head, one image.
 */
void fmn_yolo_detect(const FmnYolo *y, const float *const values[FMN_YOLO_HEADS], const FmnShape out[FMN_YOLO_HEADS],
                     int input_w, int input_h, const FmnBox *place, const FmnDetectOptions *options, GArray *found);

#endif
