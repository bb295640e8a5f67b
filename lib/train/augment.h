/* Random changes to training images. */
#ifndef FMN_TRAIN_AUGMENT_H
#define FMN_TRAIN_AUGMENT_H

#include "train/random.h"

/* Strengths; 0 is off. */
typedef struct {
  double pair;        /* probability that something low and wide, as a shoe from the side is, becomes a pair */
  double flip;        /* probability of a left-right mirror image */
  double shift;       /* pixels, up to which the image moves in each direction, whole ones */
  double rotate;      /* degrees, up to which it turns either way */
  double zoom;        /* share by which it grows or shrinks at most */
  double stretch;     /* share by which it becomes wider or narrower at most, its height kept */
  double perspective; /* share by which its sides become longer or shorter than those opposite at most */
  double edge;        /* probability of errors of the mask: pieces that are missing, or of the ground */
  double tone;        /* exposure, contrast and light from a side, 1 being as far as cameras go */
  double negative;    /* probability that light is dark within the object */
  double texture;     /* amplitude of stripes, folds and noise on the object, of the whole range */
  double blur;        /* pixels that it is blurred by at most, in each direction by as many as it likes */
  double erase;       /* probability of a rectangle of noise (random erasing, Zhong et al. 2017) */
  double cutmix;      /* probability of a rectangle from another image (CutMix, Yun et al. 2019) */
  double mixup;       /* alpha of the beta distribution by which two images are blended (mixup, Zhang et al. 2018) */
} FmnAugment;

/* A list such as "flip,shift:2,erase", each with its strength or a default; "none" or "": none.
 * FMN_ERROR_ARGUMENT names what there is. */
gboolean fmn_augment_parse(const char *text, FmnAugment *a, GError **error);
/* The list with every strength, as parse() takes it; g_free. */
char *fmn_augment_to_string(const FmnAugment *a);
/* A line an entry, for --help; g_free. */
char *fmn_augment_help(void);

/* One image of channels × height × width bytes → floats of 0..1, changed as the stream says (all but cutmix and mixup).
 * What comes in from outside is 0. */
void fmn_augment_image(const FmnAugment *a, FmnRandom *r, const guint8 *image, int channels, int height, int width,
                       float *out);

/* What is done with a second image. */
typedef struct {
  enum { FMN_MIX_NONE, FMN_MIX_CUT, FMN_MIX_BLEND } kind;
  double own;         /* share of the first image, also of its target */
  int x0, y0, x1, y1; /* FMN_MIX_CUT: the rectangle taken from the second; x1, y1 excluded */
} FmnMix;

FmnMix fmn_augment_draw_mix(const FmnAugment *a, FmnRandom *r, int height, int width);
void fmn_augment_mix(const FmnMix *mix, float *image, const float *other, int channels, int height, int width);

#endif
