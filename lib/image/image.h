/* A raw picture in the memory of somebody else, in almost any layout of components. */
#ifndef FMN_IMAGE_H
#define FMN_IMAGE_H

#include <glib.h>

typedef enum { FMN_COLOR_GRAY, FMN_COLOR_YUV, FMN_COLOR_RGB } FmnColor;

/* Where one component (Y, U, V or R, G, B; gray: one) of each pixel lies. */
typedef struct {
  int plane;
  int offset;       /* bytes from the start of a line */
  int pixel_stride; /* bytes from one sample to the next */
  int depth;        /* bits, 1..16 */
  int shift;        /* right shift that brings the value to bit 0 */
  int word;         /* bytes a sample is read as: 1 or 2 (or 4, for 10-bit packed RGB) */
  gboolean big_endian;
  int sub_x, sub_y; /* log2 of the subsampling */
} FmnComponent;

typedef struct {
  int width, height; /* pixels, ≥ 1 */
  FmnColor color;
  FmnComponent component[3]; /* one for gray */
  gboolean full_range;       /* luma 0..255; otherwise 16..235 (at 8 bits) */
  float kr, kb;              /* of the YUV matrix: .299 .114 for BT.601, .2126 .0722 for BT.709 */
  float pixel_aspect;        /* width of a pixel as it is shown / its height; 0: 1, a square */
} FmnImageFormat;

typedef struct {
  const FmnImageFormat *format;
  const guint8 *plane[4];
  int stride[4]; /* bytes from one line to the next */
} FmnImage;

/* A rectangle in shares of the picture, 0..1. */
typedef struct {
  double x, y, w, h;
} FmnBox;

/* Formats for one's own pictures: interleaved 8-bit RGB and 8-bit gray, full range. */
void fmn_image_format_rgb(FmnImageFormat *format, int width, int height);
void fmn_image_format_gray(FmnImageFormat *format, int width, int height);

/* Mean colours of the picture, or of a part of it, on a small grid: out is 3 planes (R, G, B; full range) or 1
 * (luminance) of width × height bytes. Each grid cell is the mean of the pixels under it, an enlarged one is
 * interpolated. */
typedef struct FmnSampler FmnSampler;

/* A reader for pictures of that format (copied). Chooses the functions for its layout once. For one thread at a time.
 */
FmnSampler *fmn_sampler_new(const FmnImageFormat *format);
void fmn_sampler_free(FmnSampler *sampler); /* NULL allowed */
const FmnImageFormat *fmn_sampler_format(const FmnSampler *sampler);

/* box may reach outside of the picture: there its edge is repeated. out: channels × height × width; channels 1 or 3. */
void fmn_sampler_read(FmnSampler *sampler, const FmnImage *image, const FmnBox *box, int channels, int width,
                      int height, guint8 *out);

#endif
