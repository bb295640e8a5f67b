/* Pictures in the memory of somebody else, in almost any layout of components: how they are read. What they look like
 * (FmnImageFormat, FmnImage, FmnBox) is in fmnist.h. */
#ifndef FMN_IMAGE_H
#define FMN_IMAGE_H

#include "fmnist.h"

/* Whether pictures of it can be read: every field within its range. */
gboolean fmn_image_format_is_valid(const FmnImageFormat *format);

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
