/* Batches, prepared by threads of their own beside the training. */
#ifndef FMN_TRAIN_LOADER_H
#define FMN_TRAIN_LOADER_H

#include "train/augment.h"
#include "train/data.h"

typedef struct {
  int n;         /* images */
  float *x;      /* n × height × width × channels, normalised */
  float *shares; /* n × labels, each row sums to 1 */
} FmnBatch;

typedef struct {
  FmnAugment augment, last_augment;
  int last_from;           /* epoch from which on last_augment is in place of augment; 0: never */
  int channels;            /* of the network: those of the data, or up to 3 for grey data, the same in each */
  const float *mean, *std; /* one a channel, copied */
  int batch;               /* ≤ epoch size */
  guint64 seed;
  int epoch, step; /* where to begin */
  int threads;     /* ≥ 1 */
} FmnLoaderConfig;

typedef struct FmnLoader FmnLoader;

/* data must outlive it. The batches depend on the data and the configuration alone (not on threads or time). An epoch
 * has epoch size / batch steps; the images left over take part in other epochs. */
FmnLoader *fmn_loader_new(const FmnTrainData *data, const FmnLoaderConfig *config);
void fmn_loader_free(FmnLoader *l); /* NULL allowed; stops the threads */

/* The next batch, valid until the next call. Waits for it; goes on from epoch to epoch without end. */
const FmnBatch *fmn_loader_next(FmnLoader *l);

#endif
