/* JSON: of unknown origin, checked before and after json-glib has parsed it; and what is written. */
#ifndef FMN_IO_JSON_H
#define FMN_IO_JSON_H

#include <json-glib/json-glib.h>

/* Parses one object or list. Refused, with FMN_ERROR_FORMAT: text that is not UTF-8, more than max_depth levels of
 * brackets, anything beyond JSON that json-glib would let pass, a name twice in one object, integers of more than 18
 * digits. what stands for the text in messages. Release with json_node_unref(). */
JsonNode *fmn_json_parse(const char *text, gsize size, int max_depth, const char *what, GError **error);

/* FALSE, out untouched, where node is NULL, of another type or outside of min..max. */
gboolean fmn_json_get_int(JsonNode *node, gint64 min, gint64 max, gint64 *out);
gboolean fmn_json_get_number(JsonNode *node, double min, double max,
                             double *out); /* integers too; never NaN or infinite */
gboolean fmn_json_get_boolean(JsonNode *node, gboolean *out);
/* The string, owned by node; NULL where it is none or not valid UTF-8. */
const char *fmn_json_get_string(JsonNode *node);

/* Members of the object that a builder is in. A number that is none is written as null. */
void fmn_json_add_double(JsonBuilder *b, const char *name, double value);
void fmn_json_add_int(JsonBuilder *b, const char *name, gint64 value);
void fmn_json_add_boolean(JsonBuilder *b, const char *name, gboolean value);
void fmn_json_add_string(JsonBuilder *b, const char *name, const char *value);
/* What was built, on one line or indented; g_free. */
char *fmn_json_text(JsonBuilder *b, gboolean indented);

#endif
