#include <string.h>

#include "error.h"
#include "io/model_file.h"
#include "io/safetensors.h"

#define ENDING ".safetensors"

/* Where named models are looked for, first to last, NULL-ended (g_strfreev). */
static char **folders(void) {
  GStrvBuilder *builder = g_strv_builder_new();
  char **path =
      g_strsplit(g_getenv("FMNIST_MODEL_PATH") ? g_getenv("FMNIST_MODEL_PATH") : "", G_SEARCHPATH_SEPARATOR_S, -1);
  for (char **folder = path; *folder; folder++)
    if (**folder)
      g_strv_builder_add(builder, *folder);
  g_strv_builder_add(builder, FMN_MODELS_DIR);
  g_strfreev(path);
  char **out = g_strv_builder_end(builder);
  g_strv_builder_unref(builder);
  return out;
}

/* Adds the names of the models in a folder. */
static void list_models(const char *folder, GTree *names) {
  GDir *dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name(dir)))
    if (g_str_has_suffix(name, ENDING))
      g_tree_replace(names, g_strndup(name, strlen(name) - strlen(ENDING)), NULL);
  g_clear_pointer(&dir, g_dir_close);
}

static gboolean append_name(gpointer name, gpointer value, gpointer list) {
  GString *text = list;
  char *shown = g_filename_display_name(name);
  g_string_append_printf(text, "%s%s", text->len ? ", " : "", shown);
  g_free(shown);
  return FALSE;
}

static int compare_names(gconstpointer a, gconstpointer b, gpointer user) { return strcmp(a, b); }

static void set_not_found(const char *name, char **places, gboolean embedded, GError **error) {
  GTree *names = g_tree_new_full(compare_names, NULL, g_free, NULL);
  if (embedded)
    g_tree_replace(names, g_strdup(FMN_DEFAULT_MODEL), NULL);
  for (char **folder = places; *folder; folder++)
    list_models(*folder, names);
  GString *list = g_string_new(NULL);
  g_tree_foreach(names, append_name, list);
  char *where = g_strjoinv(", ", places), *shown = g_filename_display_name(where);
  g_set_error(error, FMN_ERROR, FMN_ERROR_NOT_FOUND,
              "no model is called \"%s\" in %s; there %s%s. Give the name of one, the path of a .safetensors file, its "
              "folder in FMNIST_MODEL_PATH, or " FMN_TRAIN_ONE,
              name, shown, list->len ? "are: " : "is none", list->str);
  g_free(shown);
  g_free(where);
  g_string_free(list, TRUE);
  g_tree_unref(names);
}

static gboolean is_path(const char *name) {
  return strchr(name, G_DIR_SEPARATOR) || g_str_has_suffix(name, ENDING) ||
         (strchr(name, '.') &&
          g_file_test(name, G_FILE_TEST_IS_REGULAR)); /* model.h5: the reader will say what it is */
}

static char *find(const char *name_or_path, gboolean embedded, GError **error) {
  if (is_path(name_or_path)) {
    if (g_file_test(name_or_path, G_FILE_TEST_EXISTS))
      return g_strdup(name_or_path);
    char *shown = g_filename_display_name(name_or_path);
    g_set_error(error, FMN_ERROR, FMN_ERROR_NOT_FOUND, "%s: no such file; expected a model; " FMN_TRAIN_ONE, shown);
    g_free(shown);
    return NULL;
  }
  char **places = folders(), *file = g_strconcat(name_or_path, ENDING, NULL), *found = NULL;
  for (char **folder = places; *folder && !found; folder++) {
    found = g_build_filename(*folder, file, NULL);
    if (!g_file_test(found, G_FILE_TEST_EXISTS))
      g_clear_pointer(&found, g_free);
  }
  if (!found && !(embedded && g_str_equal(name_or_path, FMN_DEFAULT_MODEL))) {
    char *shown = g_utf8_make_valid(name_or_path, -1);
    set_not_found(shown, places, embedded, error);
    g_free(shown);
  }
  g_strfreev(places);
  g_free(file);
  return found;
}

char *fmn_model_find(const char *name_or_path, GError **error) {
  return name_or_path && *name_or_path ? find(name_or_path, TRUE, error) : NULL;
}

char *fmn_model_find_file(const char *name_or_path, GError **error) {
  return find(name_or_path ? name_or_path : "", FALSE, error);
}

char *fmn_model_file_sha256(const char *path, GError **error) {
  g_autofree char *data = NULL;
  gsize size;
  return g_file_get_contents(path, &data, &size, error)
             ? g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)data, size)
             : NULL;
}
