#define LOOPS fmn_loops_avx2
#define LOOPS_NAME "avx2"
#include "image/loops_vector.h"
