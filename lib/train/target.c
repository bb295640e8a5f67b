#include "train/target.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "io/idx.h"
#include "train/data.h"

/* Only trying tells: root may write to folders in which no file can be made. */
static gboolean can_write_beside(const char *path) {
  g_autofree char *name = g_strconcat(path, ".XXXXXX", NULL);
  int fd = g_mkstemp(name);
  if (fd < 0)
    return FALSE;
  close(fd);
  g_unlink(name);
  return TRUE;
}

static void set_closed(const char *option, const char *path, const char *dir, GError **error) {
  int reason = errno;
  g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(reason),
              "%s %s: the folder %s can't be written to: %s", option, path, dir, g_strerror(reason));
}

gboolean fmn_target_check_file(const char *option, const char *path, GError **error) {
  g_autofree char *dir = g_path_get_dirname(path);
  if (g_file_test(path, G_FILE_TEST_IS_DIR))
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_ISDIR, "%s %s is a folder; give the name of a file", option, path);
  else if (g_file_test(path, G_FILE_TEST_EXISTS) && !g_file_test(path, G_FILE_TEST_IS_REGULAR))
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s %s is a device or a pipe; give the name of a file", option,
                path);
  else if (!g_file_test(dir, G_FILE_TEST_IS_DIR))
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "%s %s: there is no folder %s; make it first", option, path,
                dir);
  else if (!can_write_beside(path))
    set_closed(option, path, dir, error);
  else
    return TRUE;
  return FALSE;
}

gboolean fmn_target_check_not(const char *option, const char *path, const char *input, const char *what,
                              GError **error) {
  GStatBuf from, to;
  if (g_stat(path, &to) != 0 || g_stat(input, &from) != 0 || from.st_dev != to.st_dev || from.st_ino != to.st_ino)
    return TRUE;
  g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "%s is %s; give %s another file to write", path, what, option);
  return FALSE;
}

gboolean fmn_target_check_not_data(const char *option, const char *path, const char *dir, GError **error) {
  static const char *const files[] = {FMN_LABELS_FILE, "*-ubyte", "*-ubyte.gz"};
  const char *name, *data = fmn_data_dir(dir);
  gboolean ok = TRUE;
  g_autoptr(GDir) folder = g_dir_open(data, 0, NULL); /* where there is none, reading it will say so */
  while (ok && folder && (name = g_dir_read_name(folder)))
    for (gsize i = 0; ok && i < G_N_ELEMENTS(files); i++)
      if (g_pattern_match_simple(files[i], name)) {
        g_autofree char *file = g_build_filename(data, name, NULL);
        ok = fmn_target_check_not(option, path, file, "a file of the data set", error);
      }
  return ok;
}

gboolean fmn_target_check_not_train_data(const char *option, const char *path, char **data, GError **error) {
  gboolean ok = (data && *data) || fmn_target_check_not_data(option, path, NULL, error);
  for (char **text = data; ok && text && *text; text++) {
    g_autofree char *dir = fmn_train_data_dir(*text, error);
    ok = dir && fmn_target_check_not_data(option, path, dir, error);
  }
  return ok;
}

gboolean fmn_target_is_same(const char *path, const char *other) {
  g_autofree char *a = g_canonicalize_filename(path, NULL), *b = g_canonicalize_filename(other, NULL);
  return strcmp(a, b) == 0;
}

#define MOST_TARGETS 8

gboolean fmn_target_check_distinct(GError **error, ...) {
  const char *options[MOST_TARGETS], *paths[MOST_TARGETS];
  int n = 0, twin = -1;
  va_list args;
  va_start(args, error);
  while (n < MOST_TARGETS && twin < 0 && (options[n] = va_arg(args, const char *))) {
    if (!(paths[n] = va_arg(args, const char *)))
      continue;
    for (int i = 0; i < n && twin < 0; i++)
      if (fmn_target_is_same(paths[i], paths[n]))
        twin = i;
    n++;
  }
  va_end(args);
  if (twin >= 0)
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "%s and %s are both written to %s; give each a file of its own",
                options[twin], options[n - 1], paths[twin]);
  return twin < 0;
}

gboolean fmn_target_check_folder(const char *option, const char *path, GError **error) {
  g_autofree char *there = g_strdup(path);
  while (!g_file_test(there, G_FILE_TEST_EXISTS)) {
    char *above = g_path_get_dirname(there);
    g_free(there);
    there = above;
  }
  g_autofree char *inside = g_build_filename(there, "new", NULL);
  if (!g_file_test(there, G_FILE_TEST_IS_DIR))
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOTDIR, "%s %s: %s is no folder", option, path, there);
  else if (!can_write_beside(inside))
    set_closed(option, path, there, error);
  else
    return TRUE;
  return FALSE;
}
