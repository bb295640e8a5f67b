#define LOOPS fmn_loops_c
#define LOOPS_NAME "c"
#include "image/loops_vector.h"
