/* Runs a target over files: replay FOLDER-OR-FILE..., one TAP case an argument. */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"

static int compare(gconstpointer a, gconstpointer b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void replay(gconstpointer path) {
  g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name(dir)))
    g_ptr_array_add(files, g_build_filename(path, name, NULL));
  if (!dir)
    g_ptr_array_add(files, g_strdup(path));
  g_ptr_array_sort(files, compare);
  g_assert_cmpuint(files->len, >, 0);
  for (guint i = 0; i < files->len; i++) {
    g_autofree char *content = NULL;
    gsize size;
    g_test_message("%s", (char *)files->pdata[i]);
    g_assert_true(g_file_get_contents(files->pdata[i], &content, &size, NULL));
    g_autofree guint8 *exact = size ? g_memdup2(content, size) : NULL; /* nothing behind it */
    LLVMFuzzerTestOneInput(exact, size);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  LLVMFuzzerInitialize(&argc, &argv);
  for (int i = 1; i < argc; i++) {
    g_autofree char *base = g_path_get_basename(argv[i]), *name = g_strconcat("/fuzz/", base, NULL);
    g_test_add_data_func(name, argv[i], replay);
  }
  return g_test_run();
}
