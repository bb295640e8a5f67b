#include "train/photo_folders.h"

#include <string.h>

#include "error.h"
#include "io/model_file.h"
#include "train/labels.h"

static void folder_clear(gpointer data) { g_free(((FmnPhotoFolder *)data)->path); }

static int compare(gconstpointer a, gconstpointer b) { return strcmp(*(char *const *)a, *(char *const *)b); }

GPtrArray *fmn_photo_folder_list(const char *path, GError **error) {
  GError *reason = NULL;
  GDir *dir = g_dir_open(path, 0, &reason);
  if (!dir) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_NOT_FOUND,
                "%s: %s; --photos is for a folder with one sub-folder of pictures a class", path, reason->message);
    g_error_free(reason);
    return NULL;
  }
  GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
  for (const char *name; (name = g_dir_read_name(dir));)
    if (name[0] != '.')
      g_ptr_array_add(names, g_strdup(name));
  g_dir_close(dir);
  g_ptr_array_sort(names, compare);
  return names;
}

/* The number of a name among names, which gets it where it is new. */
static int number_of(GPtrArray *names, const char *name) {
  guint i = 0;
  while (i < names->len && strcmp(names->pdata[i], name) != 0)
    i++;
  if (i == names->len)
    g_ptr_array_add(names, g_strdup(name));
  return (int)i;
}

/* A class of Fashion-MNIST by its name, whatever the case, or its number. */
static const char *find_class(const char *text) {
  guint64 number;
  int n = (int)g_strv_length((char **)fmn_fashion_mnist_labels);
  if (g_ascii_string_to_unsigned(text, 10, 0, (guint64)n - 1, &number, NULL))
    return fmn_fashion_mnist_labels[number];
  for (int i = 0; i < n; i++)
    if (g_ascii_strcasecmp(text, fmn_fashion_mnist_labels[i]) == 0)
      return fmn_fashion_mnist_labels[i];
  return NULL;
}

/* What stands behind FOLDER= in maps, or NULL. */
static const char *find_map(char *const *maps, const char *folder) {
  gsize length = strlen(folder);
  for (; *maps; maps++)
    if (strncmp(*maps, folder, length) == 0 && (*maps)[length] == '=')
      return *maps + length + 1;
  return NULL;
}

/* "5|7" as "Sandal|Sneaker"; "" for none. NULL with an error. */
static char *parse_classes(const char *text, const char *folder, GError **error) {
  if (strcmp(text, FMN_LABEL_UNKNOWN) == 0)
    return g_strdup(text);
  GString *s = g_string_new(NULL);
  g_auto(GStrv) parts = g_strsplit(text, "|", -1);
  for (int i = 0; parts[i]; i++) {
    const char *class = find_class(parts[i]);
    if (!class) {
      g_autofree char *classes = g_strjoinv(", ", (char **)fmn_fashion_mnist_labels);
      g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                  "--map %s=%s: “%s” is no class; expected 0 to 9, “unknown” alone or one of %s", folder, text,
                  parts[i], classes);
      g_string_free(s, TRUE);
      return NULL;
    }
    g_string_append_printf(s, "%s%s", i ? "|" : "", class);
  }
  return g_string_free(s, FALSE);
}

gboolean fmn_photo_folders_check_maps(char *const *maps, GError **error) {
  for (; *maps; maps++) {
    const char *equals = strchr(*maps, '=');
    if (!equals || equals == *maps) {
      g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "--map %s: expected FOLDER=CLASS[|CLASS...]", *maps);
      return FALSE;
    }
    g_autofree char *name = g_strndup(*maps, (gsize)(equals - *maps)),
                    *classes = parse_classes(equals + 1, name, error);
    if (!classes)
      return FALSE;
  }
  return TRUE;
}

/* Each of the maps, which make sense, must be of a folder that is there. */
static gboolean check_folders(const char *photos, char *const *maps, GError **error) {
  for (; *maps; maps++) {
    g_autofree char *name = g_strndup(*maps, strcspn(*maps, "="));
    g_autofree char *path = g_build_filename(photos, name, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
      continue;
    g_set_error(error, FMN_ERROR, FMN_ERROR_NOT_FOUND, "--map %s: there is no such folder among the photos", *maps);
    return FALSE;
  }
  return TRUE;
}

/* Which label a folder has: -1 for none, -2 with an error. */
static int label_of(const char *folder, char *const *maps, GPtrArray *names, GError **error) {
  if (!maps)
    return number_of(names, folder);
  const char *text = find_map(maps, folder), *same = text ? NULL : find_class(folder);
  if (!text && !same) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                "folder “%s” bears no class's name; say which it is with --map \"%s=CLASS\", or leave it out with "
                "--map \"%s=\"",
                folder, folder, folder);
    return -2;
  }
  g_autofree char *classes = text ? parse_classes(text, folder, error) : g_strdup(same);
  return !classes ? -2 : *classes ? number_of(names, classes) : -1;
}

GArray *fmn_photo_folders_find(const char *photos, char *const *maps, GPtrArray *names, GError **error) {
  gboolean ok = !maps || (fmn_photo_folders_check_maps(maps, error) && check_folders(photos, maps, error));
  g_autoptr(GPtrArray) entries = ok ? fmn_photo_folder_list(photos, error) : NULL;
  g_autoptr(GArray) folders = g_array_new(FALSE, FALSE, sizeof(FmnPhotoFolder));
  g_array_set_clear_func(folders, folder_clear);
  for (int i = 0; maps && fmn_fashion_mnist_labels[i]; i++)
    g_ptr_array_add(names, g_strdup(fmn_fashion_mnist_labels[i]));
  for (guint i = 0; entries && i < entries->len; i++) {
    FmnPhotoFolder f = {g_build_filename(photos, entries->pdata[i], NULL), -1};
    if (g_file_test(f.path, G_FILE_TEST_IS_DIR))
      f.label = label_of(entries->pdata[i], maps, names, error);
    if (f.label >= 0)
      g_array_append_val(folders, f);
    else
      g_free(f.path);
    if (f.label < -1)
      return NULL;
  }
  if (!entries)
    return NULL;
  if (folders->len > 0 && names->len <= FMN_MAX_NAMES)
    return g_steal_pointer(&folders);
  if (folders->len == 0)
    g_set_error(error, FMN_ERROR, FMN_ERROR_NOT_FOUND,
                "%s: no folder for any class in it; expected a folder with one sub-folder of pictures a class", photos);
  else
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED, "%s: %u classes; there can be %d", photos, names->len,
                FMN_MAX_NAMES);
  return NULL;
}
