/* The training half of a layer: named by lib/train and its tests only. */
#ifndef FMN_NN_GRAD_H
#define FMN_NN_GRAD_H

#include "nn/graph.h"

/* Arguments of one training call; backward() gets what forward() of the same step got. */
typedef struct {
  const FmnNode *node;
  int batch;                        /* images that memory was made for; the last batch may have fewer */
  FmnShape in[FMN_MAX_INPUTS], out; /* n = images in this batch */
  const float *x[FMN_MAX_INPUTS];
  float *y;
  const float *dy;              /* gradient of the loss by y; backward() only */
  float *dx[FMN_MAX_INPUTS];    /* overwritten by backward(); NULL where not wanted */
  gboolean add[FMN_MAX_INPUTS]; /* backward() adds to that dx instead; only with FmnLayerGrad.adds */
  float *w[FMN_MAX_PARAMS];     /* forward() may update those that are not trainable (running statistics) */
  float *dw[FMN_MAX_PARAMS];    /* overwritten by backward(); NULL for those not trainable */
  void *state;                  /* state() bytes kept from forward() to backward(), 64-byte aligned */
  float *scratch;               /* fmn_pool_threads(pool) × scratch_size floats */
  gsize scratch_size;
  float *shared; /* shared_scratch() floats */
  FmnPool *pool;
  FmnActivation act; /* follows the layer, which does it along; only with FmnLayerGrad.activates */
  float slope;
  guint64 seed;   /* differs between steps and nodes: for random masks */
  float momentum; /* weight of this batch in running statistics; 0: as the layer has it */
} FmnTrainCall;

/* A shape on which the gradient check tries the layer. */
typedef struct {
  FmnShape in;  /* of the inputs; n images */
  int n_inputs; /* 0: 1 */
  const void *config;
  FmnShape second; /* of the second input where it differs; n = 0: it does not */
  float step;      /* of the differences; 0: 2e-3. A linear layer takes a larger one, where rounding counts less */
} FmnGradSample;

typedef struct {
  const FmnLayerOps *ops;
  /* Fills the weights at the start of a training; NULL: they stay zero. */
  void (*init)(FmnNode *node, guint64 seed);
  gsize (*state)(const FmnNode *node, int batch);                /* bytes; NULL: none */
  gsize (*scratch)(const FmnNode *node, int batch, int threads); /* floats for each thread; NULL: none */
  gsize (*shared_scratch)(const FmnNode *node, int batch);       /* floats for all threads together; NULL: none */
  gboolean adds;            /* knows FmnTrainCall.add */
  gboolean activates;       /* knows FmnTrainCall.act: y is what comes after it, dy the gradient by that */
  gboolean shares_gradient; /* each dx is dy, which may be used in its place: dx is NULL then */
  void (*forward)(const FmnTrainCall *c);
  void (*backward)(const FmnTrainCall *c);
  const FmnGradSample *samples; /* ended by one with in.n = 0 */
} FmnLayerGrad;

/* Every layer that can be trained; NULL-ended. */
extern const FmnLayerGrad *const fmn_layer_grads[];
const FmnLayerGrad *fmn_layer_grad_find(const FmnLayerOps *ops); /* NULL where there is none */

#endif
