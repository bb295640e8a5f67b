#define KERNELS fmn_kernels_c
#define KERNELS_NAME "c"
#include "kernels/vector.h"
