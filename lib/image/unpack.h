/* Inside of lib/image: samples that are not bytes. */
#ifndef FMN_IMAGE_UNPACK_H
#define FMN_IMAGE_UNPACK_H

#include "image/image.h"

/* Samples first … first + count - 1 of a line, as 8 bits. table: values of depths under 8 */
typedef void (*FmnUnpack)(const FmnComponent *component, const guint8 *table, const guint8 *line, int first, int count,
                          guint8 *out);

/* How to read a component; NULL: its bytes as they lie. Fills table where the depth asks for it. */
FmnUnpack fmn_unpack_choose(const FmnComponent *component, guint8 table[256]);

#endif
