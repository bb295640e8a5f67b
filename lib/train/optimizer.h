/* Optimizers, and the moving average of the weights that they move. */
#ifndef FMN_TRAIN_OPTIMIZER_H
#define FMN_TRAIN_OPTIMIZER_H

#include "train/trainer.h"

typedef enum {
  FMN_OPTIMIZER_ADAM, /* Kingma & Ba 2015, weight decay decoupled (Loshchilov & Hutter 2019) */
  FMN_OPTIMIZER_SGD, /* with momentum, Nesterov's where asked for (Sutskever et al. 2013); weight decay as L2 penalty */
} FmnOptimizerKind;

typedef struct {
  FmnOptimizerKind kind;
  double momentum;     /* 0..1; Adam's beta1 */
  double weight_decay; /* ≥ 0; only for weights with FmnParam.decay */
  gboolean nesterov;   /* SGD only */
  double clip_norm; /* a gradient that is longer, of all weights as one vector, is scaled to it (Pascanu et al. 2013);
                     * 0: none is */
} FmnOptimizerConfig;

typedef struct FmnOptimizer FmnOptimizer;

/* State for the given weights, which must outlive it, as must pool (NULL: one thread). Free with fmn_optimizer_free().
 */
FmnOptimizer *fmn_optimizer_new(const FmnOptimizerConfig *config, const FmnTrainParam *params, int n_params,
                                FmnPool *pool);
void fmn_optimizer_free(FmnOptimizer *o); /* NULL allowed */

/* Moves every trainable weight by its gradient. No allocation. */
void fmn_optimizer_step(FmnOptimizer *o, double learning_rate);

/* What a checkpoint keeps: the number of steps, and n_states arrays a weight tensor, as long as it. */
gint64 *fmn_optimizer_steps(FmnOptimizer *o);
int fmn_optimizer_n_states(const FmnOptimizer *o);
float *fmn_optimizer_state(FmnOptimizer *o, int param, int state); /* NULL where the tensor is not trainable */

/* Sharpness-aware minimisation (Foret, Kleiner, Mobahi & Neyshabur 2021, arXiv:2010.01412): weights are moved by the
 * gradient that they have a little uphill, which leads to minima around which the loss stays low, too. A step is two
 * passes over its batch: one at the weights, one at what fmn_sam_climb() gives, whose gradient the optimizer takes. */
typedef struct FmnSam FmnSam;

/* radius: > 0, how far uphill, the length of the way of all weights as one vector. The weights must outlive it, as must
 * pool (NULL: one thread). Free with fmn_sam_free(). */
FmnSam *fmn_sam_new(double radius, const FmnTrainParam *params, int n_params, FmnPool *pool);
void fmn_sam_free(FmnSam *s); /* NULL allowed */

/* Weights `radius` along the gradient from those that there are, one array a parameter; copies of those that are not
 * trainable. Owned by s, overwritten by the next call. No allocation. */
float **fmn_sam_climb(FmnSam *s);

/* Exponential moving average of all weights, running statistics too (Polyak & Juditsky 1992). */
typedef struct FmnEma FmnEma;
FmnEma *fmn_ema_new(double decay, const FmnTrainParam *params, int n_params, FmnPool *pool);
void fmn_ema_free(FmnEma *e); /* NULL allowed */

/* Moves the average toward the weights. The decay of step t is min(decay, (1 + t) / (10 + t)), so that the random start
 * is soon forgotten. */
void fmn_ema_step(FmnEma *e);
gint64 *fmn_ema_steps(FmnEma *e);
float *fmn_ema_average(FmnEma *e, int param);

#endif
