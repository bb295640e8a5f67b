/* What a layer is: two const tables, one for inference and one for training.
 *
 * Only lib/train names the second kind, so that a program which does not train links none of it. */
#ifndef FMN_NN_LAYER_H
#define FMN_NN_LAYER_H

#include "nn/pool.h"
#include "nn/tensor.h"

#define FMN_MAX_INPUTS 4 /* values a layer may read */
#define FMN_MAX_PARAMS 4 /* weight tensors a layer may own */

typedef enum {
  FMN_ACT_NONE,
  FMN_ACT_RELU,
  FMN_ACT_LEAKY_RELU, /* slope below zero: FmnEpilogue.slope */
  FMN_ACT_SIGMOID,
  FMN_ACT_SWISH, /* x·sigmoid(x); Ramachandran et al. 2017, "SiLU" in PyTorch */
} FmnActivation;

/* What happens to each output of a linear layer before it is stored, per channel c:
 *   y = act(y · gain[c] + bias[c]) · scale[c] + shift[c]
 * Each may be NULL (1, 0, 1, 0), but scale and shift come together. A batch norm before the activation becomes gain and bias, so
 * that weights stay what the file has, exact in half precision; one after it becomes scale and shift. */
typedef struct {
  FmnActivation act;
  float slope;
  const float *gain, *bias, *scale, *shift;
} FmnEpilogue;

/* The epilogue of the channels from the given one on. */
static inline FmnEpilogue fmn_epilogue_from(const FmnEpilogue *e, int channel) {
  FmnEpilogue part = *e;
  part.gain = e->gain ? e->gain + channel : NULL;
  part.bias = e->bias ? e->bias + channel : NULL;
  part.scale = e->scale ? e->scale + channel : NULL;
  part.shift = e->shift ? e->shift + channel : NULL;
  return part;
}

/* One weight tensor of a layer, in PyTorch's name and layout. */
typedef struct {
  const char *name; /* "weight", "bias", "running_mean", ...; static */
  int n_dims, dims[4];
  gboolean trainable; /* changed by the optimizer (running statistics are not) */
  gboolean decay;     /* weight decay applies (not to biases and batch norm) */
  float *data;        /* owned by the graph */
} FmnParam;

static inline gsize fmn_param_count(const FmnParam *p) {
  gsize n = 1;
  for (int i = 0; i < p->n_dims; i++)
    n *= (gsize)p->dims[i];
  return n;
}

typedef struct FmnLayerOps FmnLayerOps;

/* A layer placed in a graph. */
typedef struct {
  const FmnLayerOps *ops;
  char *name;      /* prefix of its weights' names, "conv1"; owned */
  gpointer config; /* ops->config_size bytes; owned */
  int n_inputs, inputs[FMN_MAX_INPUTS]; /* indices of the nodes that it reads */
  FmnShape in[FMN_MAX_INPUTS], out;     /* with n = 1 */
  int n_params;
  FmnParam params[FMN_MAX_PARAMS];
} FmnNode;

/* A node as an operation on each channel alone, for fusing it into the epilogue of the layer before. */
typedef struct {
  enum { FMN_POINTWISE_IDENTITY, FMN_POINTWISE_ACTIVATION, FMN_POINTWISE_AFFINE } kind;
  FmnActivation act;
  float slope;
  float *scale, *shift; /* affine: one a channel, filled in by pointwise() */
} FmnPointwise;

/* Arguments of one forward call at inference. Nothing in it is owned; w is never written. */
typedef struct {
  const void *config;
  int n_inputs;
  FmnShape in[FMN_MAX_INPUTS], out; /* n = images in this batch */
  const float *x[FMN_MAX_INPUTS];
  float *y; /* never overlaps an x */
  const float *w[FMN_MAX_PARAMS];
  FmnEpilogue epilogue; /* set only for layers with has_epilogue */
  float *scratch;       /* fmn_pool_threads(pool) × scratch_size floats */
  gsize scratch_size;   /* floats a thread, as scratch() said */
  FmnPool *pool;        /* NULL: the calling thread alone */
} FmnForward;

struct FmnLayerOps {
  const char *name;
  gsize config_size;
  int n_inputs;          /* how many values it reads; 0: any number from 1 to FMN_MAX_INPUTS */
  gboolean has_epilogue; /* forward() applies FmnForward.epilogue; its weights, if any, are w[0] and the epilogue's bias */
  /* Checks node->in and config, fills in node->out and node->params (all but data). */
  gboolean (*setup)(FmnNode *node, GError **error);
  /* Floats of scratch a thread needs; NULL: none. Values lie pixel by pixel, channels innermost (nn/tensor.h). */
  gsize (*scratch)(const FmnNode *node);
  /* NULL where the layer is no pointwise operation. p->scale and p->shift have room for out.c floats each. */
  void (*pointwise)(const FmnNode *node, FmnPointwise *p);
  /* Once a step's weights are folded: turns w[0] into what forward() wants to read (another order, fewer bits). Takes w
   * over, returns it or its replacement, to be freed with fmn_floats_free(), or NULL when memory is exhausted. NULL: as
   * it is. */
  float *(*prepare)(const void *config, FmnShape in, FmnShape out, float *w);
  /* NULL only for layers whose pointwise() is the identity. */
  void (*forward)(const FmnForward *f);
  /* Multiply-adds for one image; NULL: counted as none. */
  guint64 (*multiply_adds)(const FmnNode *node);
};

#endif
