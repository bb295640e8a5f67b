#include "io/label_file.h"

#include <glib/gstdio.h>
#include <string.h>

#include "error.h"
#include "io/model_meta.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* of Windows' editors */
#define MAX_LABELS_FILE (1 << 20)      /* bytes */

static GPtrArray *parse_labels(char *text, gsize length, const char *path, GError **error) {
  GPtrArray *labels;
  char **lines;
  const char *bad;
  if (!g_utf8_validate(text, (gssize)length, &bad)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT,
                "%s is no labels file: expected UTF-8 text with one label a line, found another byte at offset %td",
                path, bad - text);
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
    g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT,
                "line %u of labels file %s is %s; expected one label of at most %d bytes a line", i + 1, path,
                *label == '\0'                        ? "empty"
                : strlen(label) > FMN_MAX_LABEL_BYTES ? "too long"
                                                      : "not printable",
                FMN_MAX_LABEL_BYTES);
    g_ptr_array_unref(labels);
    return NULL;
  }
  return labels;
}

GPtrArray *fmn_label_file_read(const char *path, GError **error) {
  GStatBuf s;
  char *text = NULL;
  gsize length = 0;
  GPtrArray *labels;
  GError *reason = NULL;
  if (g_stat(path, &s) == 0 && (!S_ISREG(s.st_mode) || s.st_size > MAX_LABELS_FILE)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_FORMAT,
                "%s is no labels file: expected a text file of at most %d bytes with one label a line", path,
                MAX_LABELS_FILE);
    return NULL;
  }
  if (!g_file_get_contents(path, &text, &length, &reason)) {
    g_set_error(error, reason->domain, reason->code,
                "cannot read the labels file: %s; expected UTF-8 text with one label a line; without such a file the "
                "model's own labels are used",
                reason->message);
    g_error_free(reason);
    return NULL;
  }
  labels = parse_labels(text, length, path, error);
  g_free(text);
  return labels;
}
