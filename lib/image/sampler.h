/* Inside of lib/image: what the files behind image.h and crop.h share. */
#ifndef FMN_IMAGE_SAMPLER_H
#define FMN_IMAGE_SAMPLER_H

#include "image/image.h"
#include "image/resize.h"

/* Components that are shrunk together: those of one plane whose bytes can be used as they lie, or a single one that is
 * unpacked first. */
typedef struct {
  int plane, sub_x[3], sub_y;
  int n, component[3];
  int offset[3], pixel_stride[3]; /* in the line of bytes that is averaged */
  FmnUnpack unpack;               /* NULL: the bytes as they lie */
  guint8 table[256];
  FmnAxis rows, columns[3];
} FmnSampleGroup;

struct FmnSampler {
  FmnImageFormat format;
  FmnSampleGroup groups[3];
  int n_groups;
  FmnResizer resizer;
  FmnScratch means;
  FmnScratch crop, crop_mask; /* fmn_crop()'s */
  FmnAxis mask_rows, mask_columns;
};

/* means: one plane a component, at 8.8 bits, lines stride apart. out: channels planes of width × height bytes. */
void fmn_color_convert(const FmnImageFormat *format, const guint16 *const means[3], int stride, int channels, int width,
                       int height, guint8 *out);

#endif
