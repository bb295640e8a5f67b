#include "io/model_meta.h"

#include <string.h>

#include "error.h"
#include "io/json.h"
#include "io/safetensors.h"

#define MAX_SIDE 4096

static gboolean fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean fail(GError **error, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fmn_fail_va(error, FMN_ERROR_FORMAT, format, args);
  va_end(args);
  return FALSE;
}

static const char *required(const FmnModelFile *file, const char *key, GError **error) {
  const char *value = g_hash_table_lookup(file->metadata, key);
  if (!value)
    fail(error, "the metadata has no \"%s\"; expected format " FMN_MODEL_FORMAT ", as fmnist-train writes it", key);
  return value;
}

static gboolean check_format(const FmnModelFile *file, GError **error) {
  const char *format = g_hash_table_lookup(file->metadata, "format");
  if (!format)
    return fail(error, "a safetensors file, but not one of fmnist-train: the metadata has no \"format\"; expected "
                       "format " FMN_MODEL_FORMAT "; " FMN_TRAIN_ONE);
  if (g_str_equal(format, FMN_MODEL_FORMAT))
    return TRUE;
  return fail(error, "the format is \"%.40s\"; expected " FMN_MODEL_FORMAT "%s", format,
              g_str_has_prefix(format, "fmnist-checkpoint")
                  ? ": this is a checkpoint, go on from it with fmnist-train train --resume"
              : g_str_has_prefix(format, "fmnist-") ? ": a newer version of this program is needed"
                                                    : "");
}

gboolean fmn_model_is_label(const char *label) {
  if (!label || !*label || strlen(label) > FMN_MAX_LABEL_BYTES)
    return FALSE;
  for (; *label; label = g_utf8_next_char(label))
    if (!g_unichar_isprint(g_utf8_get_char(label)))
      return FALSE;
  return TRUE;
}

static gboolean parse_labels(FmnModelFile *file, GError **error) {
  const char *text = required(file, "labels", error);
  JsonNode *root = text ? fmn_json_parse(text, strlen(text), 1, "labels", error) : NULL;
  if (!root)
    return FALSE;
  JsonArray *list = JSON_NODE_HOLDS_ARRAY(root) ? json_node_get_array(root) : NULL;
  guint n = list ? json_array_get_length(list) : 0;
  gboolean ok = n >= 1 && n <= FMN_MAX_LABELS;
  if (!ok)
    fail(error, "labels: expected a JSON list of 1 to %d strings", FMN_MAX_LABELS);
  GHashTable *seen = g_hash_table_new(g_str_hash, g_str_equal);
  file->labels = g_new0(char *, (ok ? n : 0) + 1);
  for (guint i = 0; ok && i < n; i++) {
    const char *label = fmn_json_get_string(json_array_get_element(list, i));
    if (!(ok = fmn_model_is_label(label)))
      fail(error, "labels: label %u is no string of 1 to %d printable bytes", i, FMN_MAX_LABEL_BYTES);
    else if (!(ok = g_hash_table_add(seen, file->labels[i] = g_strdup(label))))
      fail(error, "labels: \"%s\" stands twice", label);
  }
  g_hash_table_destroy(seen);
  json_node_unref(root);
  return ok;
}

static gboolean parse_side(JsonObject *o, const char *key, int min, int max, int *out, GError **error) {
  gint64 value;
  if (!fmn_json_get_int(json_object_get_member(o, key), min, max, &value))
    return fail(error, "input: expected \"%s\" to be a whole number from %d to %d", key, min, max);
  *out = (int)value;
  return TRUE;
}

static gboolean parse_channels(JsonObject *o, const char *key, int n, double min, float *out, GError **error) {
  JsonNode *node = json_object_get_member(o, key);
  JsonArray *list = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
  gboolean ok = list && json_array_get_length(list) == (guint)n;
  for (int i = 0; ok && i < n; i++) {
    double value;
    ok = fmn_json_get_number(json_array_get_element(list, (guint)i), min, 1000, &value);
    out[i] = ok ? (float)value : 0;
  }
  return ok ||
         fail(error, "input: expected \"%s\" to be a list of %d numbers from %g to 1000, one a channel", key, n, min);
}

/* An object of known keys only: an unknown one would change the picture in a way that this program can't follow. */
static JsonNode *parse_object(const FmnModelFile *file, const char *key, gboolean (*known)(const char *),
                              GError **error) {
  const char *text = required(file, key, error), *member;
  JsonNode *root = text ? fmn_json_parse(text, strlen(text), 2, key, error) : NULL, *value;
  if (!root)
    return NULL;
  gboolean ok = JSON_NODE_HOLDS_OBJECT(root) || fail(error, "%s: expected a JSON object", key);
  JsonObjectIter iter;
  if (ok)
    json_object_iter_init(&iter, json_node_get_object(root));
  while (ok && json_object_iter_next(&iter, &member, &value))
    ok = known(member) || fail(error, "%s: \"%.100s\" is unknown to this version; a newer one is needed", key, member);
  if (!ok)
    g_clear_pointer(&root, json_node_unref);
  return root;
}

static gboolean known_input(const char *key) {
  static const char *const keys[] = {"width", "height", "channels", "mean", "std", NULL};
  return g_strv_contains(keys, key);
}

static gboolean parse_input(FmnModelFile *file, GError **error) {
  FmnPreprocess *p = &file->preprocess;
  JsonNode *root = parse_object(file, "input", known_input, error);
  if (!root)
    return FALSE;
  JsonObject *o = json_node_get_object(root);
  gboolean ok = parse_side(o, "width", 1, MAX_SIDE, &p->width, error) &&
                parse_side(o, "height", 1, MAX_SIDE, &p->height, error) &&
                parse_side(o, "channels", 1, 3, &p->channels, error) &&
                (p->channels != 2 || fail(error, "input: 2 channels; expected 1 (luminance) or 3 (R, G, B)")) &&
                parse_channels(o, "mean", p->channels, -1000, p->mean, error) &&
                parse_channels(o, "std", p->channels, 1e-6, p->std, error);
  json_node_unref(root);
  return ok;
}

/* The keys of `preprocess`: a new one is one line. */
static const struct {
  const char *key;
  enum { NUMBER, BOOLEAN } type;
  gsize offset;
  double initial, min, max;
} steps[] = {
    {"margin", NUMBER, G_STRUCT_OFFSET(FmnPreprocess, margin), 0, 0, 0.45},
    {"trim", NUMBER, G_STRUCT_OFFSET(FmnPreprocess, trim), 0.25, 0, 0.9},
    {"max_aspect", NUMBER, G_STRUCT_OFFSET(FmnPreprocess, max_aspect), 0.85, 0, 100},
    {"invert", BOOLEAN, G_STRUCT_OFFSET(FmnPreprocess, invert), TRUE, 0, 1},
};

static gboolean known_step(const char *key) {
  for (gsize i = 0; i < G_N_ELEMENTS(steps); i++)
    if (g_str_equal(steps[i].key, key))
      return TRUE;
  return FALSE;
}

void fmn_model_meta_preprocess_init(FmnPreprocess *p) {
  for (gsize i = 0; i < G_N_ELEMENTS(steps); i++) {
    if (steps[i].type == NUMBER)
      G_STRUCT_MEMBER(float, p, steps[i].offset) = (float)steps[i].initial;
    else
      G_STRUCT_MEMBER(gboolean, p, steps[i].offset) = steps[i].initial != 0;
  }
}

static gboolean parse_preprocess(FmnModelFile *file, GError **error) {
  FmnPreprocess *p = &file->preprocess;
  JsonNode *root = parse_object(file, "preprocess", known_step, error);
  if (!root)
    return FALSE;
  gboolean ok = TRUE;
  fmn_model_meta_preprocess_init(p);
  for (gsize i = 0; ok && i < G_N_ELEMENTS(steps); i++) {
    JsonNode *node = json_object_get_member(json_node_get_object(root), steps[i].key);
    double number;
    if (!node)
      continue;
    if (steps[i].type == BOOLEAN) {
      ok = fmn_json_get_boolean(node, &G_STRUCT_MEMBER(gboolean, p, steps[i].offset)) ||
           fail(error, "preprocess: expected \"%s\" to be true or false", steps[i].key);
    } else {
      ok = fmn_json_get_number(node, steps[i].min, steps[i].max, &number) ||
           fail(error, "preprocess: expected \"%s\" to be a number from %g to %g", steps[i].key, steps[i].min,
                steps[i].max);
      if (ok)
        G_STRUCT_MEMBER(float, p, steps[i].offset) = (float)number;
    }
  }
  json_node_unref(root);
  return ok;
}

static gboolean parse_number(const FmnModelFile *file, const char *key, double initial, double min, double max,
                             double *out, GError **error) {
  const char *text = g_hash_table_lookup(file->metadata, key);
  char *end = NULL;
  *out = text ? g_ascii_strtod(text, &end) : initial;
  if (text && (end == text || *end || !(*out >= min && *out <= max)))
    return fail(error, "%s is \"%.40s\"; expected a number from %g to %g", key, text, min, max);
  return TRUE;
}

gboolean fmn_model_meta_parse(FmnModelFile *file, GError **error) {
  if (!check_format(file, error))
    return FALSE;
  file->arch = g_strdup(required(file, "arch", error));
  if (!file->arch)
    return FALSE;
  const char *options = g_hash_table_lookup(file->metadata, "arch_options");
  file->arch_options = g_strdup(options ? options : "");
  if (!fmn_model_is_label(file->arch) || (*file->arch_options && !fmn_model_is_label(file->arch_options)))
    return fail(error, "\"arch\" or \"arch_options\" is no name of 1 to %d printable bytes", FMN_MAX_LABEL_BYTES);
  return parse_labels(file, error) && parse_input(file, error) && parse_preprocess(file, error) &&
         parse_number(file, "temperature", 1, 1e-3, 1e3, &file->temperature, error) &&
         parse_number(file, "threshold", 0, 0, 1, &file->threshold, error);
}

/* The shortest decimal that reads back as the same float. */
static void append_float(GString *out, float value) {
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  for (int digits = 6; digits <= 9; digits++) {
    char format[] = {'%', '.', (char)('0' + digits), 'g', 0};
    g_ascii_formatd(text, sizeof text, format, (double)value);
    if ((float)g_ascii_strtod(text, NULL) == value)
      break;
  }
  g_string_append(out, text);
}

static void append_channels(GString *out, const char *key, const float *values, int n) {
  g_string_append_printf(out, ",\"%s\":[", key);
  for (int i = 0; i < n; i++) {
    if (i)
      g_string_append_c(out, ',');
    append_float(out, values[i]);
  }
  g_string_append_c(out, ']');
}

static char *format_input(const FmnPreprocess *p) {
  GString *out = g_string_new(NULL);
  g_string_printf(out, "{\"width\":%d,\"height\":%d,\"channels\":%d", p->width, p->height, p->channels);
  append_channels(out, "mean", p->mean, p->channels);
  append_channels(out, "std", p->std, p->channels);
  g_string_append_c(out, '}');
  return g_string_free(out, FALSE);
}

static char *format_preprocess(const FmnPreprocess *p) {
  GString *out = g_string_new("{");
  for (gsize i = 0; i < G_N_ELEMENTS(steps); i++) {
    g_string_append_printf(out, "%s\"%s\":", i ? "," : "", steps[i].key);
    if (steps[i].type == NUMBER)
      append_float(out, G_STRUCT_MEMBER(float, p, steps[i].offset));
    else
      g_string_append(out, G_STRUCT_MEMBER(gboolean, p, steps[i].offset) ? "true" : "false");
  }
  g_string_append_c(out, '}');
  return g_string_free(out, FALSE);
}

char *fmn_labels_format(char *const *labels) {
  JsonArray *list = json_array_new();
  for (; *labels; labels++)
    json_array_add_string_element(list, *labels);
  JsonNode *node = json_node_init_array(json_node_alloc(), list);
  char *text = json_to_string(node, FALSE);
  json_node_unref(node);
  json_array_unref(list);
  return text;
}

static char *format_number(double value) {
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  return g_strdup(g_ascii_formatd(text, sizeof text, "%.6g", value));
}

GHashTable *fmn_model_meta_format(const FmnModelFile *file) {
  GHashTable *out = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  GHashTableIter iter;
  gpointer key, value;
  g_hash_table_iter_init(&iter, file->metadata);
  while (g_hash_table_iter_next(&iter, &key, &value))
    g_hash_table_insert(out, g_strdup(key), g_strdup(value));
  struct {
    const char *key;
    char *value;
  } own[] = {{"format", g_strdup(FMN_MODEL_FORMAT)},
             {"arch", g_strdup(file->arch)},
             {"arch_options", g_strdup(file->arch_options)},
             {"labels", fmn_labels_format(file->labels)},
             {"input", format_input(&file->preprocess)},
             {"preprocess", format_preprocess(&file->preprocess)},
             {"temperature", format_number(file->temperature)},
             {"threshold", format_number(file->threshold)}};
  for (gsize i = 0; i < G_N_ELEMENTS(own); i++)
    g_hash_table_insert(out, g_strdup(own[i].key), own[i].value);
  return out;
}
