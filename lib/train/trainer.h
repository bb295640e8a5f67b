/* Forward and backward passes over a graph. */
#ifndef FMN_TRAIN_TRAINER_H
#define FMN_TRAIN_TRAINER_H

#include "nn/grad.h"

typedef struct FmnTrainer FmnTrainer;

/* A weight tensor of the graph and the gradient of the loss by it. */
typedef struct {
  char *name; /* "conv1.weight"; owned by the trainer */
  FmnParam *param;
  float *gradient; /* fmn_param_count() floats, owned by the trainer; NULL where the tensor is not trainable */
} FmnTrainParam;

/* Fills the graph's weights for the start of a training; a function of the seed alone. */
void fmn_trainer_init_weights(FmnGraph *g, guint64 seed);

/* Memory for training g on up to batch images at a time. g and pool (NULL: one thread) must outlive it.
 * Errors: FMN_ERROR_UNSUPPORTED, a layer has no gradient; FMN_ERROR_MEMORY, the batch is too large. For one thread at a time. */
FmnTrainer *fmn_trainer_new(FmnGraph *g, int batch, FmnPool *pool, GError **error);
/* The same for a graph of the same layers and another size of input, which trains the weights of `other` and puts the
 * gradients there; other must outlive it. */
FmnTrainer *fmn_trainer_new_sibling(FmnGraph *g, int batch, FmnPool *pool, const FmnTrainer *other, GError **error);
void fmn_trainer_free(FmnTrainer *t); /* NULL allowed */

float *fmn_trainer_input(FmnTrainer *t); /* batch × C × H × W, to be filled before forward() */
FmnShape fmn_trainer_output_shape(FmnTrainer *t, int i);
const float *fmn_trainer_output(FmnTrainer *t, int i);    /* result i of the last forward() */
float *fmn_trainer_output_gradient(FmnTrainer *t, int i); /* to be filled between forward() and backward() */

/* Runs n images; seed differs from step to step and drives random masks. Updates running statistics. No allocation. */
void fmn_trainer_forward(FmnTrainer *t, int n, guint64 seed);
/* The same, but the batch counts `momentum` in the running statistics, 0..1, whatever the layers say: 1/k for the k-th
 * of some batches makes them the mean over these. */
void fmn_trainer_forward_statistics(FmnTrainer *t, int n, guint64 seed, float momentum);
/* Fills in the gradient of every trainable weight for the images of the last forward(). No allocation. */
void fmn_trainer_backward(FmnTrainer *t);

/* Every weight tensor, in graph order; owned by t. */
const FmnTrainParam *fmn_trainer_params(const FmnTrainer *t, int *n_params);
/* Puts other arrays of weights (one a parameter, in that order) in place of the graph's and gives back those that were
 * there; twice is as before. */
void fmn_trainer_swap_weights(FmnTrainer *t, float **weights);

/* Called after each layer's forward and each layer's backward pass, to see where the time goes; NULL: no more. */
typedef void (*FmnTrainerProbe)(gpointer data, const FmnNode *node, gboolean backward);
void fmn_trainer_set_probe(FmnTrainer *t, FmnTrainerProbe probe, gpointer data);

#endif
