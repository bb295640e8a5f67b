/* What the labels of data sets mean to a network: one of its classes, or any of several. */
#ifndef FMN_TRAIN_LABELS_H
#define FMN_TRAIN_LABELS_H

#include "io/idx.h"

/* What a data set calls pictures of none of the classes. A network is to be undecided about them. */
#define FMN_LABEL_UNKNOWN "unknown"

/* The classes of a network, and after them the sets of classes that come in its data. A picture that is labelled with a
 * set is right when it is taken for any of its members; FMN_LABEL_UNKNOWN is the set without members. */
typedef struct {
  int n_classes, n; /* n ≤ 256: classes and sets */
  char **names;     /* n, NULL-ended: of a set, its members joined by '|' */
  guint8 *members;  /* n × n_classes: 1 where the class belongs to the label */
} FmnLabels;

/* FMN_ERROR_UNSUPPORTED: there are more than 256, which is what a data set's labels can tell apart. */
FmnLabels *fmn_labels_new(const char *const *classes, GError **error);
void fmn_labels_free(FmnLabels *l); /* NULL allowed */

/* Renumbers the labels of a data set, which go by its names, to those of l, and adds the sets that l has not yet. A
 * data set without names goes by the classes of l. FMN_ERROR_UNSUPPORTED: it has a class that the network has not. */
gboolean fmn_labels_join(FmnLabels *l, FmnDataset *data, GError **error);

/* Rows over labels (n × l->n, each sums to 1) become rows over classes (n × n_classes): what a set has is dealt out to
 * its members as the network's probabilities stand to each other, so that the gradient of the cross-entropy is that of
 * -log of the sum of their probabilities; what FMN_LABEL_UNKNOWN has is spread evenly over all classes (outlier
 * exposure, Hendrycks, Mazeika & Dietterich 2019). */
void fmn_labels_targets(const FmnLabels *l, const float *shares, const float *logits, int n, float *targets);

/* Whether a label stands for none of the classes. */
gboolean fmn_labels_is_unknown(const FmnLabels *l, int label);

/* Replaces each set by that of its members which the logits (n × n_classes) hold likeliest; in place allowed. None of
 * them may be FMN_LABEL_UNKNOWN. */
void fmn_labels_choose(const FmnLabels *l, const guint8 *labels, const float *logits, int n, guint8 *chosen);

#endif
