#include "image/unpack.h"

#include <string.h>

static inline guint32 load(const guint8 *p, int word, gboolean big_endian) {
  guint16 v16;
  guint32 v32;
  switch (word) {
  case 1:
    return *p;
  case 2:
    memcpy(&v16, p, 2);
    return big_endian ? GUINT16_FROM_BE(v16) : GUINT16_FROM_LE(v16);
  default:
    memcpy(&v32, p, 4);
    return big_endian ? GUINT32_FROM_BE(v32) : GUINT32_FROM_LE(v32);
  }
}

static inline void unpack(const FmnComponent *c, const guint8 *table, const guint8 *line, int first, int count,
                          guint8 *out, int word, gboolean big_endian) {
  const guint8 *p = line + c->offset + (gsize)first * c->pixel_stride;
  int step = c->pixel_stride, shift = c->shift;
  if (c->depth <= 8) {
    guint32 mask = (1u << c->depth) - 1;
    for (int i = 0; i < count; i++, p += step)
      out[i] = table[load(p, word, big_endian) >> shift & mask];
  } else {
    guint32 mask = (1u << c->depth) - 1, half = 1u << (c->depth - 9);
    int down = c->depth - 8;
    for (int i = 0; i < count; i++, p += step) {
      guint32 v = ((load(p, word, big_endian) >> shift & mask) + half) >> down;
      out[i] = MIN(v, 255);
    }
  }
}

#define UNPACK(name, word, big_endian)                                                                                 \
  static void name(const FmnComponent *c, const guint8 *table, const guint8 *line, int first, int count,               \
                   guint8 *out) {                                                                                      \
    unpack(c, table, line, first, count, out, word, big_endian);                                                       \
  }
UNPACK(unpack_8, 1, FALSE)
UNPACK(unpack_16le, 2, FALSE)
UNPACK(unpack_16be, 2, TRUE)
UNPACK(unpack_32le, 4, FALSE)
UNPACK(unpack_32be, 4, TRUE)

FmnUnpack fmn_unpack_choose(const FmnComponent *c, guint8 table[256]) {
  if (c->word == 1 && c->depth == 8 && c->shift == 0)
    return NULL;
  if (c->depth <= 8) {
    int max = (1 << c->depth) - 1;
    for (int v = 0; v <= max; v++)
      table[v] = (v * 255 + max / 2) / max;
  }
  if (c->word == 1)
    return unpack_8;
  if (c->word == 2)
    return c->big_endian ? unpack_16be : unpack_16le;
  return c->big_endian ? unpack_32be : unpack_32le;
}
