#include "io/json.h"

#include <math.h>
#include <string.h>

#include "error.h"

#define MAX_DIGITS 18 /* any integer of that many fits in 64 bits */

typedef struct {
  const char *text, *end, *p;
  const char *what;
  GError **error;
} Scan;

static gboolean scan_fail(const Scan *s, const char *problem) {
  g_set_error(s->error, FMN_ERROR, FMN_ERROR_FORMAT, "%s: not proper JSON at byte %" G_GSIZE_FORMAT ": %s", s->what,
              (gsize)(s->p - s->text), problem);
  return FALSE;
}

/* The number behind a \u at s->p, or -1. */
static int scan_hex(const Scan *s) {
  int value = 0;
  if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u')
    return -1;
  for (int i = 2; i < 6; i++) {
    int digit = g_ascii_xdigit_value(s->p[i]);
    if (digit < 0)
      return -1;
    value = value * 16 + digit;
  }
  return value;
}

/* Half a surrogate pair would become a string that is not UTF-8. */
static gboolean scan_unicode(Scan *s) {
  int value = scan_hex(s);
  if (value < 0)
    return scan_fail(s, "\\u without four hexadecimal digits");
  if (value == 0)
    return scan_fail(s, "a string with a zero character");
  s->p += 6;
  if ((value & 0xf800) != 0xd800)
    return TRUE;
  if ((value & 0xfc00) != 0xd800 || (scan_hex(s) & 0xfc00) != 0xdc00)
    return scan_fail(s, "half a surrogate pair in a string");
  s->p += 6;
  return TRUE;
}

static gboolean scan_escape(Scan *s) {
  if (s->end - s->p < 2 || !strchr("\"\\/bfnrtu", s->p[1]) || s->p[1] == 0)
    return scan_fail(s, "unknown escape in a string");
  if (s->p[1] == 'u')
    return scan_unicode(s);
  s->p += 2;
  return TRUE;
}

static gboolean scan_string(Scan *s) {
  for (s->p++; s->p < s->end;) {
    if (*s->p == '"') {
      s->p++;
      return TRUE;
    }
    if ((guchar)*s->p < 0x20)
      return scan_fail(s, "a control character in a string");
    if (*s->p != '\\')
      s->p++;
    else if (!scan_escape(s))
      return FALSE;
  }
  return scan_fail(s, "a string without an end");
}

static gsize scan_digits(Scan *s) {
  const char *begin = s->p;
  while (s->p < s->end && g_ascii_isdigit(*s->p))
    s->p++;
  return (gsize)(s->p - begin);
}

static gboolean scan_number(Scan *s) {
  s->p += *s->p == '-';
  const char *begin = s->p;
  gsize digits = scan_digits(s);
  if (digits == 0 || (digits > 1 && *begin == '0'))
    return scan_fail(s, "a malformed number");
  gboolean integer = TRUE;
  if (s->p < s->end && *s->p == '.') {
    s->p++;
    integer = FALSE;
    if (scan_digits(s) == 0)
      return scan_fail(s, "a malformed number");
  }
  if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
    s->p++;
    integer = FALSE;
    if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
      s->p++;
    if (scan_digits(s) == 0)
      return scan_fail(s, "a malformed number");
  }
  if (integer && digits > MAX_DIGITS)
    return scan_fail(s, "a number of more than 18 digits");
  return TRUE;
}

static gboolean scan_literal(Scan *s) {
  static const char *const literals[] = {"true", "false", "null"};
  for (gsize i = 0; i < G_N_ELEMENTS(literals); i++) {
    gsize n = strlen(literals[i]);
    if ((gsize)(s->end - s->p) >= n && !memcmp(s->p, literals[i], n)) {
      s->p += n;
      return TRUE;
    }
  }
  return scan_fail(s, "expected a value");
}

/* json-glib recurses once a bracket and takes comments, single quotes, octal and several roots: such text must not
 * reach it. */
static gboolean scan_tokens(Scan *s, int max_depth) {
  int depth = 0;
  gboolean closed = FALSE;
  while (s->p < s->end) {
    char c = *s->p;
    if (strchr(" \t\r\n", c) && c) {
      s->p++;
      continue;
    }
    if (closed)
      return scan_fail(s, "something after the end");
    if (c == '{' || c == '[') {
      if (++depth > max_depth)
        return scan_fail(s, "brackets nested too deeply");
      s->p++;
      continue;
    }
    if (depth == 0)
      return scan_fail(s, "expected an object or a list");
    if (c == '}' || c == ']') {
      closed = --depth == 0;
      s->p++;
    } else if (c == ',' || c == ':') {
      s->p++;
    } else if (!(c == '"' ? scan_string(s) : c == '-' || g_ascii_isdigit(c) ? scan_number(s) : scan_literal(s))) {
      return FALSE;
    }
  }
  return closed || scan_fail(s, "the text ends too early");
}

typedef struct {
  GHashTable *seen;
  char *twice;
} Names;

static void note_member(JsonParser *parser, JsonObject *object, const char *member, Names *names) {
  if (!g_hash_table_add(names->seen, g_strdup_printf("%p %s", (void *)object, member)) && !names->twice)
    names->twice = g_utf8_make_valid(member, -1);
}

JsonNode *fmn_json_parse(const char *text, gsize size, int max_depth, const char *what, GError **error) {
  Scan scan = {text, text + size, text, what, error};
  const char *bad;
  if (!g_utf8_validate_len(text, size, &bad)) {
    scan.p = bad;
    scan_fail(&scan, "not UTF-8");
    return NULL;
  }
  if (!scan_tokens(&scan, max_depth))
    return NULL;

  Names names = {g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL), NULL};
  JsonParser *parser = json_parser_new_immutable();
  g_signal_connect(parser, "object-member", G_CALLBACK(note_member), &names);
  GError *reason = NULL;
  JsonNode *root = NULL;
  if (!json_parser_load_from_data(parser, text, (gssize)size, &reason))
    fmn_fail(error, FMN_ERROR_FORMAT, "%s: not proper JSON: %s", what, reason->message);
  else if (names.twice)
    fmn_fail(error, FMN_ERROR_FORMAT, "%s: the name \"%.100s\" stands twice in one JSON object", what, names.twice);
  else
    root = json_parser_steal_root(parser);
  g_clear_error(&reason);
  g_object_unref(parser);
  g_hash_table_destroy(names.seen);
  g_free(names.twice);
  return root;
}

gboolean fmn_json_get_int(JsonNode *node, gint64 min, gint64 max, gint64 *out) {
  if (!node || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64)
    return FALSE;
  gint64 value = json_node_get_int(node);
  if (value < min || value > max)
    return FALSE;
  *out = value;
  return TRUE;
}

gboolean fmn_json_get_number(JsonNode *node, double min, double max, double *out) {
  if (!node || !JSON_NODE_HOLDS_VALUE(node) ||
      (json_node_get_value_type(node) != G_TYPE_INT64 && json_node_get_value_type(node) != G_TYPE_DOUBLE))
    return FALSE;
  double value = json_node_get_double(node);
  if (!isfinite(value) || value < min || value > max)
    return FALSE;
  *out = value;
  return TRUE;
}

gboolean fmn_json_get_boolean(JsonNode *node, gboolean *out) {
  if (!node || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_BOOLEAN)
    return FALSE;
  *out = json_node_get_boolean(node);
  return TRUE;
}

const char *fmn_json_get_string(JsonNode *node) {
  if (!node || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
    return NULL;
  const char *string = json_node_get_string(node);
  return g_utf8_validate(string, -1, NULL) ? string : NULL;
}

void fmn_json_add_double(JsonBuilder *b, const char *name, double value) {
  json_builder_set_member_name(b, name);
  if (isfinite(value))
    json_builder_add_double_value(b, value);
  else
    json_builder_add_null_value(b);
}

void fmn_json_add_int(JsonBuilder *b, const char *name, gint64 value) {
  json_builder_set_member_name(b, name);
  json_builder_add_int_value(b, value);
}

void fmn_json_add_boolean(JsonBuilder *b, const char *name, gboolean value) {
  json_builder_set_member_name(b, name);
  json_builder_add_boolean_value(b, value);
}

void fmn_json_add_string(JsonBuilder *b, const char *name, const char *value) {
  json_builder_set_member_name(b, name);
  json_builder_add_string_value(b, value);
}

char *fmn_json_text(JsonBuilder *b, gboolean indented) {
  JsonNode *root = json_builder_get_root(b);
  char *text = json_to_string(root, indented);
  json_node_unref(root);
  return text;
}
