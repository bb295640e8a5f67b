/* Inside of lib/image: what a segmenter's methods work on, the picture shrunk to a small grid. */
#ifndef FMN_IMAGE_WORK_H
#define FMN_IMAGE_WORK_H

#include "image/components.h"
#include "image/sampler.h"
#include "image/segment.h"

/* A colour that changes smoothly over the picture: for each channel the factors of 1, x, y, x², xy, y² (x, y: -1..1).
 */
typedef struct {
  float factor[3][6];
} FmnSurface;

/* Residuals and costs are whole numbers, this many to a level. */
#define FMN_WORK_STEPS 4

typedef struct {
  int width, height;
  guint8 *rgb;     /* planes */
  float *color[3]; /* lightness and two opponent colours, about as far apart as the eye finds them, 0..255 */
  guint8 *mask, *scratch;
  guint8 *distance; /* from the ground, in levels; with the method otsu: gray */
  int *border;      /* pixels of the frame's border that the surface is fitted to */
  float *weight;
  int n_border;
  FmnScratch ranges;
  gint16 *residual[3]; /* color less the surface */
  guint16 *cost;
  float *line; /* 3 × width */
  FmnLabeller *labeller;
} FmnWork;

/* The least that a path from outside of the frame (where residuals are 0) to each pixel has to put up with: the sum
 * over the channels of the difference between its largest and its smallest residual (the minimum barrier distance,
 * Zhang et al. 2015). Texture of the ground adds up to little, an object's outline must be crossed, and within it a
 * pattern can only add. Reads residual, writes cost; passes sweeps over the picture, alternately down and up. */
void fmn_barrier(FmnWork *work, int passes);

/* Pixels of a distance above it are object. noise: the usual distance of the ground's own pixels from their surface. */
int fmn_choose_threshold(const FmnWork *work, const guint32 histogram[256], float noise);

/* Both write work->mask: 255 where an object may be, 0 elsewhere. */
void fmn_background_mask(FmnWork *work);
void fmn_otsu_mask(FmnWork *work, FmnPolarity polarity);

/* Fits a surface to pixels (indices) with weights; where there are too few the mean is taken. */
void fmn_surface_fit(FmnSurface *surface, const FmnWork *work, const int *pixels, const float *weights, int n);

/* The surface's colours along line y: out[c][x] for 0 ≤ x < width. */
void fmn_surface_line(const FmnSurface *surface, const FmnWork *work, int y, float *const out[3]);

#endif
