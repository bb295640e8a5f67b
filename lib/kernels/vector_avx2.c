#define KERNELS fmn_kernels_avx2
#define GRAD_KERNELS fmn_grad_kernels_avx2
#define KERNELS_NAME "avx2"
#include "kernels/vector.h"
