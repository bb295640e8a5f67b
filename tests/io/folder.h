/* A temporary folder for one test. */
#ifndef TESTS_IO_FOLDER_H
#define TESTS_IO_FOLDER_H

#include <glib.h>
#include <glib/gstdio.h>

static inline char *folder_new(void) {
  GError *error = NULL;
  char *folder = g_dir_make_tmp("fmnist-io-XXXXXX", &error);
  g_assert_no_error(error);
  return folder;
}

/* Removes it with the files in it, and frees the name; returns how many files there were. */
static inline guint folder_free(char *folder) {
  GDir *dir = g_dir_open(folder, 0, NULL);
  const char *name;
  guint n = 0;
  while ((name = g_dir_read_name(dir))) {
    char *path = g_build_filename(folder, name, NULL);
    g_assert_cmpint(g_remove(path), ==, 0);
    g_free(path);
    n++;
  }
  g_dir_close(dir);
  g_assert_cmpint(g_rmdir(folder), ==, 0);
  g_free(folder);
  return n;
}

#endif
