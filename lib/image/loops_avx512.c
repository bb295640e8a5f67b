#define LOOPS fmn_loops_avx512
#define LOOPS_NAME "avx512"
#include "image/loops_vector.h"
