/* Part of loops_vector.h: means over cells of whole samples. A register's values are added two by two, by seeing it as
 * half as many numbers of twice the size. */

typedef guint32 Lanes32 __attribute__((vector_size(2 * LANES), aligned(2), may_alias));
typedef guint64 Lanes64 __attribute__((vector_size(2 * LANES), aligned(2), may_alias));
typedef guint16 Half __attribute__((vector_size(LANES), aligned(2), may_alias));
typedef guint16 Quarter __attribute__((vector_size(LANES / 2), aligned(2), may_alias));

/* The 2 · LANES / side cells that begin at value `at` of the lines. */
INLINE void mean_cells_at(guint16 *means, const guint8 *const *lines, int n_lines, const int side, int at) {
  Lanes sum = broadcast(0);
  int scale = 256 / (side * n_lines);
  for (int k = 0; k < n_lines; k++) {
    Lanes pairs = *(const Lanes *)(lines[k] + at);
    sum += (pairs & 255) + (pairs >> 8);
  }
  if (side == 2) {
    *(Lanes *)(means + at / 2) = sum * (guint16)scale;
    return;
  }
  Lanes32 fours = (Lanes32)sum;
  fours = (fours & 0xffff) + (fours >> 16);
  if (side == 4) {
    *(Half *)(means + at / 4) = __builtin_convertvector(fours * (guint32)scale, Half);
    return;
  }
  Lanes64 eights = (Lanes64)fours;
  eights = (eights & 0xffffffff) + (eights >> 32);
  *(Quarter *)(means + at / 8) = __builtin_convertvector(eights * (guint64)scale, Quarter);
}

INLINE void mean_cells_of(guint16 *means, const guint8 *const *lines, int n_lines, const int side, int n) {
  int i = 0, values = n * side;
  for (; i + 2 * LANES <= values; i += 2 * LANES)
    mean_cells_at(means, lines, n_lines, side, i);
  if (i < values && values >= 2 * LANES) {
    mean_cells_at(means, lines, n_lines, side, values - 2 * LANES);
    return;
  }
  for (; i < values; i += side) {
    int sum = 0;
    for (int k = 0; k < n_lines; k++)
      for (int j = 0; j < side; j++)
        sum += lines[k][i + j];
    means[i / side] = (guint16)(sum * (256 / (side * n_lines)));
  }
}

static void mean_cells(guint16 *means, const guint8 *const *lines, int n_lines, int side, int n) {
  if (side == 2)
    mean_cells_of(means, lines, n_lines, 2, n);
  else if (side == 4)
    mean_cells_of(means, lines, n_lines, 4, n);
  else
    mean_cells_of(means, lines, n_lines, 8, n);
}
