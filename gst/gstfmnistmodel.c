#include "gstfmnistmodel.h"

#include <glib/gstdio.h>
#include <string.h>

#include "error.h"
#include "io/model_file.h"
#include "io/model_meta.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* of Windows' editors */
#define MAX_LABELS_FILE (1 << 20) /* bytes */

typedef struct {
  char *key;
  FmnModel *model;
  guint users;
} CacheEntry;

static GMutex lock;
static GPtrArray *cache; /* of CacheEntry; NULL while nothing is open */

/* What tells two models apart: where the name leads, and the state of the file there. */
static char *cache_key(const char *name, GError **error) {
  GError *e = NULL;
  char *key, *path = fmn_model_find(name, &e);
  GStatBuf s;
  if (e != NULL) {
    g_propagate_error(error, e);
    return NULL;
  }
  if (path == NULL)
    return g_strdup("");
  if (g_stat(path, &s) == 0)
    key = g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT ":%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT ".%ld:%s",
                          (guint64)s.st_dev, (guint64)s.st_ino, (gint64)s.st_size, (gint64)s.st_mtim.tv_sec,
                          (long)s.st_mtim.tv_nsec, path);
  else
    key = g_strdup(path);
  g_free(path);
  return key;
}

static CacheEntry *find_entry(const char *key) {
  for (guint i = 0; cache != NULL && i < cache->len; i++) {
    CacheEntry *entry = g_ptr_array_index(cache, i);
    if (strcmp(entry->key, key) == 0)
      return entry;
  }
  return NULL;
}

FmnModel *gst_fmnist_model_acquire(const char *name, GError **error) {
  char *key = cache_key(name, error);
  FmnModel *model = NULL;
  CacheEntry *entry;
  if (key == NULL)
    return NULL;
  g_mutex_lock(&lock); /* also while opening, so that two elements that start together share one copy */
  entry = find_entry(key);
  if (entry == NULL && (model = fmn_model_open(name, error)) != NULL) {
    entry = g_new0(CacheEntry, 1);
    entry->key = g_steal_pointer(&key);
    entry->model = model;
    if (cache == NULL)
      cache = g_ptr_array_new();
    g_ptr_array_add(cache, entry);
  }
  if (entry != NULL) {
    entry->users++;
    model = entry->model;
  }
  g_mutex_unlock(&lock);
  g_free(key);
  return model;
}

void gst_fmnist_model_release(FmnModel *model) {
  g_mutex_lock(&lock);
  for (guint i = 0; model != NULL && cache != NULL && i < cache->len; i++) {
    CacheEntry *entry = g_ptr_array_index(cache, i);
    if (entry->model != model)
      continue;
    if (--entry->users == 0) {
      g_ptr_array_remove_index_fast(cache, i);
      fmn_model_unref(entry->model);
      g_free(entry->key);
      g_free(entry);
    }
    break;
  }
  if (cache != NULL && cache->len == 0)
    g_clear_pointer(&cache, g_ptr_array_unref);
  g_mutex_unlock(&lock);
}

static GPtrArray *parse_labels(char *text, gsize length, const char *path, GError **error) {
  GPtrArray *labels;
  char **lines;
  const char *bad;
  if (!g_utf8_validate(text, (gssize)length, &bad)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT,
                "%s is no labels file: expected UTF-8 text with one label a line, found another byte at offset %td", path, bad - text);
    return NULL;
  }
  if (g_str_has_prefix(text, BYTE_ORDER_MARK))
    text += strlen(BYTE_ORDER_MARK);
  labels = g_ptr_array_new_with_free_func(g_free);
  lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    g_ptr_array_add(labels, g_strdup(g_strstrip(*line)));
  while (labels->len > 0 && *(const char *)g_ptr_array_index(labels, labels->len - 1) == '\0')
    g_ptr_array_remove_index(labels, labels->len - 1);
  g_strfreev(lines);
  for (guint i = 0; i < labels->len; i++) {
    const char *label = g_ptr_array_index(labels, i);
    if (fmn_model_is_label(label))
      continue;
    g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT, "line %u of labels file %s is %s; expected one label of at most %d bytes a line",
                i + 1, path, *label == '\0' ? "empty" : strlen(label) > FMN_MAX_LABEL_BYTES ? "too long" : "not printable",
                FMN_MAX_LABEL_BYTES);
    g_ptr_array_unref(labels);
    return NULL;
  }
  return labels;
}

static GPtrArray *read_labels(const char *path, GError **error) {
  GStatBuf s;
  char *text = NULL;
  gsize length = 0;
  GPtrArray *labels;
  if (g_stat(path, &s) == 0 && (!S_ISREG(s.st_mode) || s.st_size > MAX_LABELS_FILE)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT, "%s is no labels file: expected a text file of at most %d bytes with one label a line",
                path, MAX_LABELS_FILE);
    return NULL;
  }
  if (!g_file_get_contents(path, &text, &length, error)) {
    g_prefix_error(error, "cannot read the labels file: ");
    return NULL;
  }
  labels = parse_labels(text, length, path, error);
  g_free(text);
  return labels;
}

GPtrArray *gst_fmnist_model_labels(const FmnModel *model, const char *path, GError **error) {
  int n = fmn_model_n_labels(model);
  GPtrArray *labels;
  if (path == NULL || *path == '\0') {
    labels = g_ptr_array_new_with_free_func(g_free);
    for (int i = 0; i < n; i++)
      g_ptr_array_add(labels, g_strdup(fmn_model_label(model, i)));
    return labels;
  }
  labels = read_labels(path, error);
  if (labels == NULL || (int)labels->len == n)
    return labels;
  g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT,
              "labels file %s has %u labels, but model %s has %d; write one label a line, in the order of the model's outputs", path,
              labels->len, fmn_model_name(model), n);
  g_ptr_array_unref(labels);
  return NULL;
}
