/* Inside of lib/image: what the files behind image.h and crop.h share. */
#ifndef FMN_IMAGE_SAMPLER_H
#define FMN_IMAGE_SAMPLER_H

#include "image/axis.h"
#include "image/image.h"

/* Samples first … first + count - 1 of a line, as 8 bits. table: values of depths under 8 */
typedef void (*FmnUnpack)(const FmnComponent *component, const guint8 *table, const guint8 *line, int first, int count,
                          guint8 *out);

/* Components that are shrunk together: those of one plane whose bytes can be used as they lie, or a single one that is
 * unpacked first. */
typedef struct {
  int plane, sub_x[3], sub_y;
  int n, component[3];
  int offset[3], pixel_stride[3]; /* in the line of bytes that is averaged */
  FmnUnpack unpack;               /* NULL: the bytes as they lie */
  guint8 table[256];
} FmnSampleGroup;

typedef struct {
  gpointer data;
  gsize size;
} FmnScratch;

struct FmnSampler {
  FmnImageFormat format;
  FmnSampleGroup groups[3];
  int n_groups;
  FmnAxis rows, columns[3];
  FmnScratch sums, sums_32, line, means, crop;
};

/* At least size bytes; what was in it is lost when it grows. */
gpointer fmn_scratch_get(FmnScratch *scratch, gsize size);

/* How to read a component; NULL: its bytes as they lie. Fills table where the depth asks for it. */
FmnUnpack fmn_unpack_choose(const FmnComponent *component, guint8 *table);

/* means: one plane of n values at 8.8 bits a component. out: channels planes of n bytes. */
void fmn_color_convert(const FmnImageFormat *format, const guint16 *const *means, int channels, int n, guint8 *out);

#endif
