#include "gstfmnistmodel.h"

#include <glib/gstdio.h>
#include <string.h>

#include "error.h"
#include "io/label_file.h"
#include "io/model_file.h"

typedef struct {
  char *key;
  FmnModel *model; /* NULL while it is being opened */
  guint users;
} CacheEntry;

static GMutex lock;
static GCond opened;     /* one was, or could not be */
static GPtrArray *cache; /* of CacheEntry; NULL while there is none */

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

static CacheEntry *add_entry(const char *key) {
  CacheEntry *entry = g_new0(CacheEntry, 1);
  entry->key = g_strdup(key);
  if (cache == NULL)
    cache = g_ptr_array_new();
  g_ptr_array_add(cache, entry);
  return entry;
}

static void remove_entry(CacheEntry *entry) {
  g_ptr_array_remove_fast(cache, entry);
  if (cache->len == 0)
    g_clear_pointer(&cache, g_ptr_array_unref);
  g_free(entry->key);
  g_free(entry);
}

/* Two elements that start together share one copy, for which the second waits; nobody else does. */
FmnModel *gst_fmnist_model_acquire(const char *name, GError **error) {
  char *key = cache_key(name, error);
  FmnModel *model = NULL;
  CacheEntry *entry;
  if (key == NULL)
    return NULL;
  g_mutex_lock(&lock);
  while ((entry = find_entry(key)) != NULL && entry->model == NULL)
    g_cond_wait(&opened, &lock);
  if (entry == NULL) {
    entry = add_entry(key);
    g_mutex_unlock(&lock);
    model = fmn_model_open(name, error);
    g_mutex_lock(&lock);
    entry->model = model;
    if (model == NULL)
      g_clear_pointer(&entry, remove_entry);
    g_cond_broadcast(&opened);
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
  FmnModel *unused = NULL;
  g_mutex_lock(&lock);
  for (guint i = 0; model != NULL && cache != NULL && i < cache->len; i++) {
    CacheEntry *entry = g_ptr_array_index(cache, i);
    if (entry->model != model)
      continue;
    if (--entry->users == 0) {
      unused = model;
      remove_entry(entry);
    }
    break;
  }
  g_mutex_unlock(&lock);
  fmn_model_unref(unused);
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
  labels = fmn_label_file_read(path, error);
  if (labels == NULL || (int)labels->len == n)
    return labels;
  g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT,
              "labels file %s has %u labels, but model %s has %d; write one label a line, in the order of the model's outputs", path,
              labels->len, fmn_model_name(model), n);
  g_ptr_array_unref(labels);
  return NULL;
}
