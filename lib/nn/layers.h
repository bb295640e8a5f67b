/* The layers, as builder calls. Each reads values of the graph and yields a new one; after an error in the graph
 * they do nothing and yield -1, so that a network reads as a plain chain and is checked once, at its end.
 *
 *   x = fmn_conv2d(g, x, "conv1", .out = 32, .k = 3, .pad = 1);
 *
 * An option left out is 0 and means the default that its comment gives. */
#ifndef FMN_NN_LAYERS_H
#define FMN_NN_LAYERS_H

#include "nn/graph.h"

/* Cross-correlation with weights out×in×k×k and, unless no_bias, a bias; zero padding on all sides. */
typedef struct {
  int out;    /* output channels */
  int k;      /* kernel width and height */
  int stride; /* default 1 */
  int pad;    /* pixels of zeros on each side */
  gboolean no_bias;
} FmnConv2d;

/* Depthwise convolution: each channel with a kernel of its own; weights c×1×k×k, otherwise as conv2d. */
typedef struct {
  int k;
  int stride; /* default 1 */
  int pad;
  gboolean no_bias;
} FmnDwConv;

/* Fully connected: flattens C×H×W; weights out×in, bias. */
typedef struct {
  int out;
  gboolean no_bias;
} FmnDense;

/* Ioffe & Szegedy 2015, per channel; works on maps and on vectors. */
typedef struct {
  float eps;      /* default 1e-5 */
  float momentum; /* weight of the newest batch in the running statistics; default 0.1 */
} FmnBatchNorm;

typedef struct {
  FmnActivation act;
  float slope; /* leaky ReLU only */
} FmnActivationConfig;

/* Maximum of each k×k window; the output is ⌊(in + pad_end − k) / stride⌋ + 1 wide. Padding never is the maximum. */
typedef struct {
  int k;       /* default 2 */
  int stride;  /* default k */
  int pad_end; /* pixels added at the right and below */
} FmnMaxPool;

/* Each pixel becomes factor × factor equal ones. */
typedef struct {
  int factor; /* default 2 */
} FmnUpsample;

/* Inverted dropout (Srivastava et al. 2014): values are dropped with probability rate and the rest scaled by
 * 1 / (1 − rate) in training, untouched at inference. */
typedef struct {
  float rate;
} FmnDropout;

#define FMN_LAYER_(g, x, name, ops, type, ...) \
  fmn_graph_add((g), &(ops), (name), (const FmnValue[]){(x)}, 1, &(const type){__VA_ARGS__})

#define fmn_conv2d(g, x, name, ...) FMN_LAYER_(g, x, name, fmn_conv2d_ops, FmnConv2d, __VA_ARGS__)
#define fmn_dwconv(g, x, name, ...) FMN_LAYER_(g, x, name, fmn_dwconv_ops, FmnDwConv, __VA_ARGS__)
#define fmn_dense(g, x, name, ...) FMN_LAYER_(g, x, name, fmn_dense_ops, FmnDense, __VA_ARGS__)
#define fmn_batchnorm(g, x, name, ...) FMN_LAYER_(g, x, name, fmn_batchnorm_ops, FmnBatchNorm, __VA_ARGS__)
#define fmn_maxpool(g, x, ...) FMN_LAYER_(g, x, NULL, fmn_maxpool_ops, FmnMaxPool, __VA_ARGS__)

static inline FmnValue fmn_graph_input(const FmnGraph *g) { return g->error ? -1 : 0; }
FmnValue fmn_activation(FmnGraph *g, FmnValue x, FmnActivation act, float slope); /* slope: leaky ReLU only */
FmnValue fmn_relu(FmnGraph *g, FmnValue x);
FmnValue fmn_global_avgpool(FmnGraph *g, FmnValue x); /* C×H×W → C×1×1, the mean of each channel */
FmnValue fmn_dropout(FmnGraph *g, FmnValue x, float rate);
FmnValue fmn_add(FmnGraph *g, FmnValue a, FmnValue b);    /* element by element, equal shapes */
FmnValue fmn_scale(FmnGraph *g, FmnValue x, FmnValue s);  /* each channel of x by its element of s (C×1×1) */
FmnValue fmn_concat(FmnGraph *g, FmnValue a, FmnValue b); /* channels of a, then those of b; equal height and width */
FmnValue fmn_upsample(FmnGraph *g, FmnValue x, int factor);

extern const FmnLayerOps fmn_input_ops, fmn_conv2d_ops, fmn_dense_ops, fmn_batchnorm_ops, fmn_activation_ops,
    fmn_maxpool_ops, fmn_global_avgpool_ops, fmn_dropout_ops, fmn_add_ops, fmn_dwconv_ops, fmn_scale_ops, fmn_concat_ops,
    fmn_upsample_ops;

#endif
