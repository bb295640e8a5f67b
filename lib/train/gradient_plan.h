/* Which layers of a graph a training runs, and where it puts the gradients of their results: a function of the graph
 * alone. Values whose gradients are never alive together have them in the same place, a slot. */
#ifndef FMN_TRAIN_GRADIENT_PLAN_H
#define FMN_TRAIN_GRADIENT_PLAN_H

#include "nn/grad.h"

/* How a layer's gradient gets to that of a value that it reads. */
typedef enum {
  FMN_DX_NONE,     /* nobody wants it */
  FMN_DX_WRITE,    /* the layer writes it */
  FMN_DX_SHARE,    /* it is that of the layer's result, and lies there */
  FMN_DX_ADD_SELF, /* there is one of another reader; the layer adds to it */
  FMN_DX_ADD,      /* the same, but the layer cannot add */
} FmnDxMode;

typedef struct {
  const FmnLayerGrad *grad; /* NULL: its passes are not called. The input, nodes that no output needs, and activations
                               that the layer before does along */
  gboolean needed;          /* some output needs its result */
  gboolean wants_gradient;  /* there is a trainable weight in it or before it */
  int result;               /* the node whose result its calls have: itself, or an activation done along */
  int maker;                /* the node that has this one as its result */
  FmnActivation act;        /* the activation done along; FMN_ACT_NONE: none */
  float slope;
  int slot; /* of its result's gradient; -1: there is none */
  FmnDxMode mode[FMN_MAX_INPUTS];
} FmnGradientNode;

typedef struct {
  FmnGradientNode *nodes; /* one for each of the graph */
  int n_slots;
  gsize *slots;                /* floats an image of each */
  gsize extra[FMN_MAX_INPUTS]; /* floats an image that FMN_DX_ADD needs for each input; 0: none */
  gsize floats; /* an image, of all results and all of the above; what layers keep for themselves is not counted */
} FmnGradientPlan;

/* NULL and FMN_ERROR_UNSUPPORTED where a layer that an output needs has no gradient. g is read only here; layers that
 * the plan names are constants. */
FmnGradientPlan *fmn_gradient_plan_new(const FmnGraph *g, GError **error);
void fmn_gradient_plan_free(FmnGradientPlan *p); /* NULL allowed */

#endif
