/* The weights and pictures for which golden.py computes what a network gives, from the same numbers. */
#ifndef TESTS_NETS_FILLING_H
#define TESTS_NETS_FILLING_H

#include <math.h>

#include "io/half.h"
#include "nn/graph.h"
#include "train/random.h"

/* As golden.py's uniform(): number i of a seed, 0 ≤ x < 1. */
static inline double filling_sample(guint64 seed, guint64 i) {
  return (double)(fmn_random_mix(i + (seed << 32)) >> 11) * 0x1p-53;
}

/* As golden.py's fill(), for fmn_graph_foreach_param(); seed: a guint64 that begins with 0. */
static inline void filling_fill_param(const char *name, FmnParam *p, gpointer seed) {
  guint64 own = ++*(guint64 *)seed;
  gsize n = fmn_param_count(p);
  double spread = sqrt(6.0 * p->dims[0] / (double)n);
  for (gsize i = 0; i < n; i++) {
    double u = filling_sample(own, i);
    if (p->n_dims > 1)
      u = fmn_half_to_float(fmn_float_to_half((float)((u * 2 - 1) * spread)));
    else if (g_str_has_suffix(name, "running_var") || g_str_has_suffix(name, "weight"))
      u += .5;
    else
      u = (u * 2 - 1) * .2;
    p->data[i] = (float)u;
  }
}

#endif
