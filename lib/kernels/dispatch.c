#include "config.h"
#include "kernels/kernels.h"

#ifdef FMN_HAVE_X86
#include <cpuid.h>
#endif

extern const FmnKernels fmn_kernels_c;
#ifdef FMN_HAVE_X86
extern const FmnKernels fmn_kernels_avx2, fmn_kernels_avx512;
#endif

#define MAX_KERNELS 4

#ifdef FMN_HAVE_X86
/* clang's __builtin_cpu_supports() does not know this one. */
static gboolean has_f16c(void) {
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#endif

static void find(const FmnKernels **list) {
  const char *limit = g_getenv("FMNIST_CPU");
  int n = 0;

  list[n++] = &fmn_kernels_c;
#ifdef FMN_HAVE_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c())
    list[n++] = &fmn_kernels_avx2;
  if (n > 1 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
    list[n++] = &fmn_kernels_avx512;
#endif
  for (int i = 0; limit && i < n; i++)
    if (g_str_equal(limit, list[i]->name))
      n = i + 1;
  list[n] = NULL;
}

const FmnKernels *const *fmn_kernels_all(void) {
  static gsize once;
  static const FmnKernels *list[MAX_KERNELS];
  if (g_once_init_enter(&once)) {
    find(list);
    g_once_init_leave(&once, 1);
  }
  return list;
}

const FmnKernels *fmn_kernels(void) {
  static gsize best; /* a pointer: layers ask again and again */
  if (g_once_init_enter(&best)) {
    const FmnKernels *const *all = fmn_kernels_all();
    while (all[1])
      all++;
    g_once_init_leave(&best, (gsize)*all);
  }
  return (const FmnKernels *)best;
}
