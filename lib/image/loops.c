#include "config.h"
#include "image/loops.h"
#include "kernels/kernels.h"

extern const FmnLoops fmn_loops_c;
#ifdef FMN_HAVE_X86
extern const FmnLoops fmn_loops_avx2, fmn_loops_avx512;
#endif

/* In the order of fmn_kernels_all(). */
static const FmnLoops *const all[] = {
    &fmn_loops_c,
#ifdef FMN_HAVE_X86
    &fmn_loops_avx2,
    &fmn_loops_avx512,
#endif
};

int fmn_loops_count(void) {
  int n = 0;
  while (fmn_kernels_all()[n])
    n++;
  return n;
}

const FmnLoops *fmn_loops_at(int i) { return all[i]; }

const FmnLoops *fmn_loops(void) { return all[fmn_loops_count() - 1]; }
