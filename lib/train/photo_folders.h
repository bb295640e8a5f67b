/* Folders of photos, one a class, and which class of Fashion-MNIST each is.
 *
 * maps: NULL, or a NULL-ended list of FOLDER=CLASS[|CLASS...]. Without it the names of the folders become the classes.
 * With it the classes are Fashion-MNIST's, by name or number: several where any of them is right, "unknown" where none
 * is, nothing ("FOLDER=") to leave the folder out; a folder that bears a class's name needs no entry. */
#ifndef FMN_TRAIN_PHOTO_FOLDERS_H
#define FMN_TRAIN_PHOTO_FOLDERS_H

#include <glib.h>

typedef struct {
  char *path;
  int label; /* among the names of fmn_photo_folders_find() */
} FmnPhotoFolder;

/* Whether each of the maps is written as above, of classes that there are; FMN_ERROR_ARGUMENT. */
gboolean fmn_photo_folders_check_maps(char *const *maps, GError **error);

/* The folders in `photos` that have a class, sorted, as an array of FmnPhotoFolder to g_array_unref(), and the names of
 * the classes, which are added to `names`. NULL with an error: no such folder, none in it, a map that makes no sense,
 * more than FMN_MAX_NAMES classes. */
GArray *fmn_photo_folders_find(const char *photos, char *const *maps, GPtrArray *names, GError **error);

/* Names in a folder, sorted, without hidden ones, as an array that frees them. NULL with an error. */
GPtrArray *fmn_photo_folder_list(const char *path, GError **error);

#endif
