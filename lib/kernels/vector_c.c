#define KERNELS fmn_kernels_c
#define GRAD_KERNELS fmn_grad_kernels_c
#define KERNELS_NAME "c"
#include "kernels/vector.h"
