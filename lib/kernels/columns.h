/* Convolution as a matrix product: its inputs as columns (im2col), for the gradients. */
#ifndef FMN_KERNELS_COLUMNS_H
#define FMN_KERNELS_COLUMNS_H

#include "kernels/conv.h"

/* Output pixels row0 ≤ r < row1 of one image as rows of a matrix of k·k·in_c columns (ky, kx, channel), zeros where padded. */
void fmn_columns(const FmnConvShape *s, const float *x, int row0, int row1, float *columns);

/* Its transpose: adds the columns to dx. */
void fmn_columns_add(const FmnConvShape *s, const float *columns, int row0, int row1, float *dx);

#endif
