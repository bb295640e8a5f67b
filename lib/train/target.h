/* Whether what takes long to make can be written where it is to go: to be asked before. */
#ifndef FMN_TRAIN_TARGET_H
#define FMN_TRAIN_TARGET_H

#include <glib.h>

/* A file, new or to be replaced, in a folder that is there. option, such as --out, is named in the error. */
gboolean fmn_target_check_file(const char *option, const char *path, GError **error);

/* Whether path is another file than `input`, which is read; what: what it is, for the error. */
gboolean fmn_target_check_not(const char *option, const char *path, const char *input, const char *what,
                              GError **error);
/* The same for all files of a data set; dir as fmn_data_dir() takes it. */
gboolean fmn_target_check_not_data(const char *option, const char *path, const char *dir, GError **error);
/* The same for all data sets of a training; data as fmn_train_data_load() takes it. */
gboolean fmn_target_check_not_train_data(const char *option, const char *path, char **data, GError **error);

/* Whether both lead to one place, by their names alone. */
gboolean fmn_target_is_same(const char *path, const char *other);

/* Files that are written to, in pairs of option and path (or NULL), NULL at the end: no two may be the same. */
gboolean fmn_target_check_distinct(GError **error, ...) G_GNUC_NULL_TERMINATED;

/* A folder, there already or to be made. */
gboolean fmn_target_check_folder(const char *option, const char *path, GError **error);

#endif
