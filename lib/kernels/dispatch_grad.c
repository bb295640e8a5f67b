#include "config.h"
#include "kernels/kernels.h"

extern const FmnGradKernels fmn_grad_kernels_c;
#ifdef FMN_HAVE_X86
extern const FmnGradKernels fmn_grad_kernels_avx2, fmn_grad_kernels_avx512;
#endif

/* In the order of fmn_kernels_all(). */
const FmnGradKernels *fmn_grad_kernels_at(int i) {
  static const FmnGradKernels *const all[] = {
      &fmn_grad_kernels_c,
#ifdef FMN_HAVE_X86
      &fmn_grad_kernels_avx2, &fmn_grad_kernels_avx512,
#endif
  };
  return all[i];
}

const FmnGradKernels *fmn_grad_kernels(void) {
  int i = 0;
  while (fmn_kernels_all()[i + 1])
    i++;
  return fmn_grad_kernels_at(i);
}
