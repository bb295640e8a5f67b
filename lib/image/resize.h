/* Inside of lib/image: means of lines of samples on a grid. */
#ifndef FMN_IMAGE_RESIZE_H
#define FMN_IMAGE_RESIZE_H

#include "image/loops.h"
#include "image/unpack.h"

typedef struct {
  gpointer data;
  gsize size;
} FmnScratch;

/* At least size bytes, at a multiple of 64; what was in it is lost when it grows. */
gpointer fmn_scratch_get(FmnScratch *scratch, gsize size);
void fmn_scratch_clear(FmnScratch *scratch);

/* Lines of bytes, or of a component that is unpacked to bytes first. */
typedef struct {
  const guint8 *data;
  gssize stride;
  FmnUnpack unpack; /* NULL: the bytes as they lie */
  const FmnComponent *component;
  const guint8 *table;
} FmnLines;

/* One grid that is made of them: samples at offset, offset + step, … of each line. */
typedef struct {
  int offset, step;
  const FmnAxis *columns;
  guint16 *means; /* at 8.8 bits */
} FmnPart;

/* Memory for resizing. Zero-filled at first. */
typedef struct {
  FmnScratch means, turned, cells, lines;
} FmnResizer;

void fmn_resizer_clear(FmnResizer *resizer);

/* means: rows->cells lines of columns->cells values, stride apart, both rounded up: fmn_resize_stride(),
 * fmn_resize_lines(). */
void fmn_resize(FmnResizer *resizer, const FmnLines *lines, const FmnAxis *rows, const FmnPart *parts, int n_parts,
                int stride);

static inline int fmn_resize_stride(int columns) { return (columns + 7) & ~7; }
static inline int fmn_resize_lines(int rows) { return (rows + FMN_LOOPS_LANES - 1) & ~(FMN_LOOPS_LANES - 1); }

#endif
