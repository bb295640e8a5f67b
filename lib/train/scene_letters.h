/* Writing in strokes. Not a font's: which fonts there are differs from one machine to the next, and so would the
 * scenes. Private to lib/train/scene*.c. */
#ifndef FMN_TRAIN_SCENE_LETTERS_H
#define FMN_TRAIN_SCENE_LETTERS_H

#include <cairo.h>

#include "train/random.h"

/* Width of a letter and the gap after it, of a height of 1. */
#define FMN_LETTER_WIDTH 0.66
#define FMN_LETTER_STEP 0.9

/* Adds one letter or digit, drawn by r, to the path: its upper left corner at (x, y). */
void fmn_letter_path(cairo_t *cr, FmnRandom *r, double x, double y, double height);
/* A digit, 0 to 9. */
void fmn_digit_path(cairo_t *cr, int digit, double x, double y, double height);

#endif
