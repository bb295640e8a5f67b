/* Where is the object: separates one or a few objects from the background that they lie on or stand before. */
#ifndef FMN_IMAGE_SEGMENT_H
#define FMN_IMAGE_SEGMENT_H

#include "image/image.h"

typedef enum {
  FMN_SEGMENT_BACKGROUND, /* distance from a smooth colour surface fitted to the picture's border; docs/segmentation.md
                           */
  FMN_SEGMENT_OTSU,       /* the original demo's: Otsu's threshold on blurred luminance */
} FmnSegmentMethod;

typedef enum { FMN_POLARITY_AUTO, FMN_POLARITY_DARK, FMN_POLARITY_LIGHT } FmnPolarity;

typedef struct {
  FmnSegmentMethod method;
  FmnPolarity polarity; /* otsu only: the object is darker or lighter than what is behind it */
  double min_area;      /* share of the picture below which an object is ignored; 0..1, 0.01 */
  int max_objects;      /* 1..64 */
  double min_outline;   /* background only: share of its outline across which colours must differ, or it is none; 0..1,
                           0.8 */
} FmnSegmentOptions;

#define FMN_SEGMENT_DEFAULTS                                                                                           \
  { FMN_SEGMENT_BACKGROUND, FMN_POLARITY_AUTO, 0.01, 1, 0.8 }
#define FMN_SEGMENT_MAX_OBJECTS 64

/* A mask over a part of a picture: 255 inside of the object, 0 outside, on a grid of its own. */
typedef struct {
  FmnBox box; /* the part of the picture that it covers */
  int width, height;
  const guint8 *data; /* width × height */
} FmnMask;

typedef struct {
  FmnBox box;   /* the object's bounding box */
  double area;  /* share of the picture */
  FmnMask mask; /* covers box; data owned by the segmenter, valid until its next run */
} FmnObject;

typedef struct FmnSegmenter FmnSegmenter;

/* For pictures of that format. For one thread at a time. */
FmnSegmenter *fmn_segmenter_new(const FmnImageFormat *format);
void fmn_segmenter_free(FmnSegmenter *s); /* NULL allowed */

/* Finds objects, the best first; returns how many. *objects is owned by s, valid until the next run. */
int fmn_segmenter_run(FmnSegmenter *s, const FmnImage *image, const FmnSegmentOptions *options,
                      const FmnObject **objects);

#endif
