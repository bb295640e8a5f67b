#define KERNELS fmn_kernels_avx512
#define GRAD_KERNELS fmn_grad_kernels_avx512
#define KERNELS_NAME "avx512"
#include "kernels/vector.h"
