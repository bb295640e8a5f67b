/* Models shared by all elements of a process: the weights are in memory once, however many elements use them. */
#ifndef GST_FMNIST_MODEL_H
#define GST_FMNIST_MODEL_H

#include <gst/gst.h>

#include "fmnist.h"

G_BEGIN_DECLS

/* fmn_model_open() through the cache; NULL and an error when it fails. A file that has changed since is opened anew. The
 * caller owns a use of it and ends that with gst_fmnist_model_release(); with the last use the model goes. Thread-safe. */
FmnModel *gst_fmnist_model_acquire(const char *name, GError **error);
void gst_fmnist_model_release(FmnModel *model); /* NULL allowed */

/* The labels of the model, or with path those in that file, one a line; their number must be the model's. An array of char *,
 * the caller owns the reference; NULL and an error when the file is not like that. */
GPtrArray *gst_fmnist_model_labels(const FmnModel *model, const char *path, GError **error);

G_END_DECLS

#endif
