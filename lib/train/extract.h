/* Photos of garments as a data set: what a network would be shown of each, by the code that the elements run. */
#ifndef FMN_TRAIN_EXTRACT_H
#define FMN_TRAIN_EXTRACT_H

#include "fmnist.h"
#include "io/idx.h"
#include "train/data.h"

typedef struct {
  int pictures;   /* in the data set */
  int nothing;    /* photos in which nothing stood out; left out */
  int unreadable; /* files that are no pictures, or broken; left out */
} FmnExtractCounts;

#define FMN_EXTRACT_MAX_VIEWS 100
#define FMN_CUTOUT_CHANNELS 4

/* Told of each file that is left out, and why. */
typedef void (*FmnExtractNotice)(const char *path, const char *why, gpointer user);

/* Every picture file (of any format that gdk-pixbuf reads, turned as its EXIF says) in the folders of `photos`, one
 * folder a class, hidden ones left out; sorted by name. Each is segmented as fmnistsegment does by default, and cropped
 * as p says, which must be of one channel; or, where p has FMN_CUTOUT_CHANNELS of them, cut out in its colours: planes
 * R, G, B and cover (255 where the garment is), its longer side filling the picture but for a pixel; the rest of p is
 * not used.
 *
 * maps: as photo_folders.h says; NULL for none.
 *
 * views: how many further views of each picture to make (0 to FMN_EXTRACT_MAX_VIEWS), by fmn_photo_view(); one in which
 * nothing stands out is the picture again. Photos and number of views decide them, so that they come out the same
 * again.
 *
 * NULL with an error: no such folder, none in it, a map that makes no sense, no picture at all. Free with
 * fmn_dataset_free(). */
FmnDataset *fmn_extract(const char *photos, char *const *maps, const FmnPreprocess *p, int views,
                        FmnExtractNotice notice, gpointer user, FmnExtractCounts *counts, GError **error);

/* What a classifier is shown of what a detector finds (inference-region=roi-list), without a mask: of each of n scenes
 * (scenes.h) the boxes, off as far as a detector's are, and of scenes of nothing one box anywhere, labelled "unknown".
 * presets: "PRESET[:WEIGHT],..." of photos, worn and nothing; cutouts: for photos, labelled as Fashion-MNIST is, else
 * NULL; p: of one channel. The same arguments give the same data. NULL with an error: presets that make no sense,
 * cut-outs that are none, or missing. Free with fmn_dataset_free(). */
FmnDataset *fmn_extract_scenes(const char *presets, const FmnImages *cutouts, int n, guint64 seed,
                               const FmnPreprocess *p, GError **error);

/* Writes a split of a data set: {train,t10k}-images-idx3-ubyte.gz, -labels-idx1-ubyte.gz, -views-idx4-ubyte.gz where
 * there are views and labels.txt, into a folder that is made where there is none. A labels.txt that is there already
 * must be the same. */
gboolean fmn_dataset_save(const FmnDataset *data, const char *dir, FmnSplit split, GError **error);

#endif
