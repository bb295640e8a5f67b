/* The part of a mask or a picture in which something is. */
#ifndef FMN_TRAIN_EXTENT_H
#define FMN_TRAIN_EXTENT_H

#include <glib.h>

typedef struct {
  int left, top, right, bottom; /* pixels; right and bottom excluded */
} FmnExtent;

/* That of the pixels above `level`, in lines `stride` bytes apart. FALSE: there is none. */
gboolean fmn_extent_find(const guint8 *pixels, int stride, int width, int height, guint8 level, FmnExtent *e);

#endif
