/* Weights at the start of a training. */
#ifndef FMN_NN_LAYERS_INIT_H
#define FMN_NN_LAYERS_INIT_H

#include "nn/layer.h"
#include "train/random.h"

/* He et al. 2015: normal with variance 2 / fan-in. */
static inline void fmn_init_he(FmnParam *p, guint64 seed) {
  FmnRandom r = {seed};
  gsize n = fmn_param_count(p);
  double deviation = sqrt(2.0 * p->dims[0] / (double)n);
  for (gsize i = 0; i < n; i++)
    p->data[i] = (float)(deviation * fmn_random_normal(&r));
}

#endif
