/* Inside of lib/image: what a segmenter's methods work on, the picture shrunk to a small grid. */
#ifndef FMN_IMAGE_WORK_H
#define FMN_IMAGE_WORK_H

#include "image/components.h"
#include "image/sampler.h"
#include "image/segment.h"

/* A colour that changes smoothly over the picture: for each channel the factors of 1, x, y, x², xy, y² (x, y: -1..1).
 */
typedef struct {
  float factor[3][FMN_TERMS];
} FmnSurface;

/* Residuals and costs are whole numbers, this many to a level. */
#define FMN_WORK_STEPS 4

typedef struct {
  int width, height;
  guint8 *rgb; /* planes */
  guint8 *mask, *scratch;
  guint8 *distance; /* from the ground, in levels; with the method otsu: gray */
  FmnBorder border; /* pixels of the frame's border that the surface is fitted to */
  int *border_pixel;
  guint8 *border_rgb; /* planes */
  FmnField field;     /* colours less the surface, and what fmn_barrier() makes of them */
  FmnScratch planes, sweep;
  FmnLabeller *labeller;
} FmnWork;

/* For pictures shrunk to width × height. border_width in pixels, border_most: pixels of it that are looked at; with 0
 * for both only what fmn_otsu_mask() needs. */
void fmn_work_init(FmnWork *work, int width, int height, int border_width, int border_most);
void fmn_work_clear(FmnWork *work);

/* The least that a path from outside of the frame (where residuals are 0) to each pixel has to put up with: the sum
 * over the channels of the difference between its largest and its smallest residual (the minimum barrier distance,
 * Zhang et al. 2015). Texture of the ground adds up to little, an object's outline must be crossed, and within it a
 * pattern can only add. Reads the field's residuals, writes its cost; passes sweeps over the picture, alternately down
 * and up. */
void fmn_barrier(FmnField *field, int passes, FmnScratch *scratch);

/* Memory for a field, in planes: margins for fmn_barrier(), FMN_RESIDUAL_NONE outside of the picture. */
void fmn_field_init(FmnField *field, int width, int height, FmnScratch *planes);

/* Which share of the pixels at the frame's edge is above a threshold. */
double fmn_border_share(const guint8 *values, int width, int height, int threshold);

/* Pixels of a distance above it are object. noise: the usual distance of the ground's own pixels from their surface. */
int fmn_choose_threshold(const FmnWork *work, const guint32 histogram[256], float noise);

/* Both write work->mask: 255 where an object may be, 0 elsewhere. */
void fmn_background_mask(FmnWork *work);
void fmn_otsu_mask(FmnWork *work, FmnPolarity polarity);

/* Fits a surface to what moments() has found; where there are too few pixels the mean is taken. */
void fmn_surface_fit(FmnSurface *surface, const FmnMoments *moments);

/* The surface along a line, 0 ≤ y < height: for each channel the factors of 1, x, x². */
void fmn_surface_line(const FmnSurface *surface, int y, int height, float factor[3][3]);

#endif
