/* Temporary folders of tests. */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

#include <glib.h>
#include <glib/gstdio.h>

static inline char *folder_new(void) {
  g_autoptr(GError) error = NULL;
  char *folder = g_dir_make_tmp("fmnist-test-XXXXXX", &error);
  g_assert_no_error(error);
  return folder;
}

/* Removes a folder with all that is in it, where it exists; returns how many files and folders that were. */
static inline guint folder_remove(const char *path) {
  GDir *dir = g_dir_open(path, 0, NULL);
  guint n = 0;
  for (const char *name; dir && (name = g_dir_read_name(dir)); n++) {
    g_autofree char *inner = g_build_filename(path, name, NULL);
    if (g_file_test(inner, G_FILE_TEST_IS_DIR) && !g_file_test(inner, G_FILE_TEST_IS_SYMLINK))
      n += folder_remove(inner);
    else
      g_assert_cmpint(g_remove(inner), ==, 0);
  }
  if (dir) {
    g_dir_close(dir);
    g_assert_cmpint(g_rmdir(path), ==, 0);
  }
  return n;
}

/* The same, and frees the name. */
static inline guint folder_free(char *folder) {
  guint n = folder_remove(folder);
  g_free(folder);
  return n;
}

#endif
