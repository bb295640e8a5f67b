/* The images of a training: one or several data sets, a validation split, an order for every epoch. */
#ifndef FMN_TRAIN_DATA_H
#define FMN_TRAIN_DATA_H

#include "train/labels.h"

/* Pointers into data sets; an image is channels × height × width bytes. */
typedef struct {
  int n, channels, height, width;
  const guint8 **images;
  guint8 *labels; /* below 256 */
} FmnImages;

typedef struct FmnTrainData FmnTrainData;

/* Makes pictures height × width where one size is a whole multiple of the other, the same along both sides: enlarges
 * them linearly, or shrinks them to means. Others are left as they are. Error FMN_ERROR_MEMORY; then the data set is as
 * it was. */
gboolean fmn_dataset_fit(FmnDataset *data, int height, int width, GError **error);

/* Loads the training splits of `dirs` (NULL-ended list of DIR[:WEIGHT]; NULL: the default folder). An epoch has WEIGHT
 * (> 0, default 1) times the images of its data set. `validation` (0 ≤ v < 1) is the share of each class of each data
 * set that is set aside, drawn by seed. classes: of the network; height and width: those of the pictures that it takes,
 * which others are made to fit as by fmn_dataset_fit(), or 0 to leave all as they are. Errors are those of
 * fmn_dataset_load(), fmn_dataset_fit() and fmn_labels_join(), and sizes that differ from each other.
 * Immutable: any number of threads. */
FmnTrainData *fmn_train_data_load(char **dirs, const char *const *classes, int height, int width, double validation,
                                  guint64 seed, GError **error);
/* The folder in DIR[:WEIGHT]; g_free. FMN_ERROR_ARGUMENT: no name, or a weight out of its range. */
char *fmn_train_data_dir(const char *text, GError **error);
/* The same from data sets in memory, which it takes over; weights may be NULL. */
FmnTrainData *fmn_train_data_new(FmnDataset **sets, const double *weights, int n_sets, const char *const *classes,
                                 double validation, guint64 seed, GError **error);
void fmn_train_data_free(FmnTrainData *d); /* NULL allowed */

/* What the numbers that are labels stand for: the classes, and then the sets of these in the data. Owned by d. */
const FmnLabels *fmn_train_data_labels(const FmnTrainData *d);
void fmn_train_data_shape(const FmnTrainData *d, int *channels, int *height, int *width);
int fmn_train_data_n_images(const FmnTrainData *d);   /* for training, without weights */
int fmn_train_data_epoch_size(const FmnTrainData *d); /* images an epoch */
/* Those of each data set, "60000,1200"; g_free. */
char *fmn_train_data_epoch_sizes(const FmnTrainData *d);
/* The images set aside that have a class, data set by data set; and those of FMN_LABEL_UNKNOWN. */
const FmnImages *fmn_train_data_validation(const FmnTrainData *d);
const FmnImages *fmn_train_data_unknown(const FmnTrainData *d);
int fmn_train_data_n_sets(const FmnTrainData *d);
/* Which of the images set aside that have a class are of that data set: their number, and in *first where they begin.
 */
int fmn_train_data_set(const FmnTrainData *d, int set, int *first);
/* Of the training images, in 0..1, one a channel. */
void fmn_train_data_mean_std(const FmnTrainData *d, float *mean, float *std);
/* The names of each data set's labels, a JSON list each, joined by commas; owned by d. */
const char *fmn_train_data_meaning(const FmnTrainData *d);
/* Of all data sets, joined by commas; owned by d. */
const char *fmn_train_data_sha256(const FmnTrainData *d);

typedef struct {
  const guint8 *image;
  int label;
  guint64 id; /* names the image and its repetition within an epoch */
} FmnPick;

/* Image at a position (0 ≤ position < epoch_size) of an epoch: each epoch goes through all of them in another order. Of
 * a picture with further views it is any of these or the picture itself, another one each time; what is set aside is
 * always the picture itself. */
FmnPick fmn_train_data_pick(const FmnTrainData *d, int epoch, int position);

/* A random order of 0..n-1: what stands at position i. A keyed Feistel network with cycle walking (Black & Rogaway
 * 2002), so that it needs no memory. */
guint64 fmn_permute(guint64 seed, guint64 n, guint64 i);

/* Whether a network that takes images of that size can be given these: grey ones also go to several channels, the same
 * to each. */
gboolean fmn_images_fit(const FmnImages *images, int channels, int height, int width);
FmnImages *fmn_images_from_dataset(const FmnDataset *data); /* data must outlive it */
void fmn_images_free(FmnImages *images);                    /* NULL allowed */
/* The images of a data set that are of one class each, labelled with its number among `classes`; *left_out: how many
 * are not. Renumbers the labels of the data, which must outlive it, by fmn_labels_join(), whose errors it has. */
FmnImages *fmn_images_of_classes(FmnDataset *data, const char *const *classes, int *left_out, GError **error);
/* Takes the images of FMN_LABEL_UNKNOWN out of these, and returns them. */
FmnImages *fmn_images_take_unknown(FmnImages *images, const FmnLabels *l);

#endif
