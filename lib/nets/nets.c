#include "nets/nets.h"

#include <string.h>

#include "error.h"

extern const FmnNet fmn_net_base, fmn_net_deep, fmn_net_efficientnet_b0, fmn_net_wide, fmn_net_compact, fmn_net_yolov3_tiny;

const FmnNet *const fmn_nets[] = {
    &fmn_net_base, &fmn_net_deep, &fmn_net_efficientnet_b0, &fmn_net_wide, &fmn_net_compact, &fmn_net_yolov3_tiny, NULL,
};

struct FmnNetOptions {
  GHashTable *values; /* those not yet asked for */
  GString *known;     /* "strides (a|b), ..." */
  GError **error;     /* the graph's */
};

const FmnNet *fmn_net_find(const char *name) {
  for (const FmnNet *const *net = fmn_nets; *net; net++)
    if (g_str_equal((*net)->name, name))
      return *net;
  return NULL;
}

/* The text given for key, then forgotten: what is left at the end was no option. g_free it; NULL: not given. */
static char *take(FmnNetOptions *o, const char *key) {
  gpointer stored_key = NULL, value = NULL;
  if (!g_hash_table_steal_extended(o->values, key, &stored_key, &value))
    return NULL;
  g_free(stored_key);
  return value;
}

int fmn_net_option_int(FmnNetOptions *o, const char *key, int value, int min, int max) {
  char *text = take(o, key);
  gint64 number = value;

  g_string_append_printf(o->known, "%s%s (%d to %d)", o->known->len ? ", " : "", key, min, max);
  if (text && !*o->error && !g_ascii_string_to_signed(text, 10, min, max, &number, NULL))
    g_set_error(o->error, FMN_ERROR, FMN_ERROR_ARGUMENT, "option %s: expected a whole number from %d to %d, found “%s”", key,
                min, max, text);
  g_free(text);
  return (int)number;
}

void fmn_net_option_refuse(FmnNetOptions *o, const char *key, const char *expected, int found) {
  if (!*o->error)
    g_set_error(o->error, FMN_ERROR, FMN_ERROR_ARGUMENT, "option %s: expected %s, found %d", key, expected, found);
}

const char *fmn_net_option_choice(FmnNetOptions *o, const char *key, const char *const *choices) {
  char *text = take(o, key), *list = g_strjoinv("|", (char **)choices);
  const char *found = text ? NULL : choices[0];

  g_string_append_printf(o->known, "%s%s (%s)", o->known->len ? ", " : "", key, list);
  for (const char *const *c = choices; text && *c; c++)
    if (g_str_equal(*c, text))
      found = *c;
  if (!found && !*o->error)
    g_set_error(o->error, FMN_ERROR, FMN_ERROR_ARGUMENT, "option %s: expected %s, found “%s”", key, list, text);
  g_free(list);
  g_free(text);
  return found ? found : choices[0];
}

static gboolean parse_options(GHashTable *values, const char *options, GError **error) {
  char **pairs = g_strsplit(options, ",", -1);
  gboolean ok = TRUE;

  for (char **pair = pairs; ok && *pair; pair++) {
    char *equals = strchr(*pair, '=');
    ok = equals && equals > *pair;
    if (ok)
      g_hash_table_insert(values, g_strndup(*pair, (gsize)(equals - *pair)), g_strdup(equals + 1));
    else
      g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "expected options as KEY=VALUE,..., found “%s”", options);
  }
  g_strfreev(pairs);
  return ok;
}

static void check_all_known(FmnNetOptions *o, const char *name) {
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init(&iter, o->values);
  if (!*o->error && g_hash_table_iter_next(&iter, &key, NULL))
    g_set_error(o->error, FMN_ERROR, FMN_ERROR_ARGUMENT, "network %s has no option “%s”; it has: %s", name, (char *)key,
                o->known->len ? o->known->str : "none");
}

static void set_unknown_net(const char *name, GError **error) {
  GString *names = g_string_new(NULL);
  for (const FmnNet *const *net = fmn_nets; *net; net++)
    g_string_append_printf(names, "%s%s", names->len ? ", " : "", (*net)->name);
  g_set_error(error, FMN_ERROR, FMN_ERROR_NOT_FOUND, "no network is called “%s”; there are: %s", name, names->str);
  g_string_free(names, TRUE);
}

static FmnGraph *build(const char *name, const char *options, int classes, gboolean bare, GError **error) {
  const FmnNet *net = fmn_net_find(name);
  if (!net) {
    set_unknown_net(name, error);
    return NULL;
  }
  FmnGraph *g = fmn_graph_new(net->channels, net->height, net->width);
  g->bare = bare;
  FmnNetOptions o = {g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free), g_string_new(NULL), &g->error};

  if (!options || !*options || parse_options(o.values, options, &g->error)) {
    net->build(g, classes, &o);
    check_all_known(&o, name);
  }
  g_hash_table_unref(o.values);
  g_string_free(o.known, TRUE);
  if (g->error) {
    g_propagate_error(error, g_steal_pointer(&g->error));
    fmn_graph_free(g);
    return NULL;
  }
  return g;
}

FmnGraph *fmn_net_build(const char *name, const char *options, int classes, GError **error) {
  return build(name, options, classes, FALSE, error);
}

FmnGraph *fmn_net_build_bare(const char *name, const char *options, int classes, GError **error) {
  return build(name, options, classes, TRUE, error);
}

char *fmn_net_options_set(const char *options, const char *key, const char *value) {
  char **pairs = g_strsplit(options ? options : "", ",", -1), *prefix = g_strconcat(key, "=", NULL);
  GString *s = g_string_new(NULL);
  for (char **pair = pairs; *pair; pair++)
    if (**pair && !g_str_has_prefix(*pair, prefix))
      g_string_append_printf(s, "%s,", *pair);
  g_string_append_printf(s, "%s%s", prefix, value);
  g_strfreev(pairs);
  g_free(prefix);
  return g_string_free(s, FALSE);
}
