/* element-reference PLUGIN FOLDER [FILE]: writes the reference of the plugin's elements, in Markdown: what the section
 * comments of FOLDER/gstNAME.c say, and the properties as the elements themselves describe them. */
#include <gst/gst.h>
#include <stdio.h>
#include <string.h>

static const char *const elements[] = {"fmnistsegment", "fmnistclassify", "fmnistyolo", "fmnistoverlay", "fmnistjson"};

#define INTRODUCTION                                                                                                   \
  "# Elements\n\n"                                                                                                     \
  "Made from the code by `ninja -C build reference`: write there what should stand here. `gst-inspect-1.0` tells the " \
  "same of the elements that are installed.\n\n"                                                                       \
  "Those that look at frames take every format of raw video in system memory, up to 32767 pixels a side; "             \
  "`fmnistjson` takes any memory, and `fmnistoverlay` too, where an element downstream draws overlay compositions. "   \
  "`GST_DEBUG=fmnist*:5` tells what they do. What is controllable can be moved over time by a GstController.\n"

/* #GstFmnistSegment:output is how GObject's documents call a property. */
static char *plain_links(const char *text) {
  g_autoptr(GRegex) regex = g_regex_new("#Gst\\w+:([\\w-]+)", 0, 0, NULL);
  return g_regex_replace(regex, text, -1, 0, "`\\1`", 0, NULL);
}

/* One line of the comment; `fenced`: within |[ ]|. */
static void append_line(GString *out, const char *line, gboolean *fenced, gboolean *begun) {
  if (g_str_has_prefix(line, "|[")) {
    *fenced = TRUE;
  } else if (g_str_has_prefix(line, "]|")) {
    *fenced = FALSE;
  } else if (*fenced) {
    if (!g_str_has_prefix(line, "gst-launch") && out->str[out->len - 2] != '\n') { /* the rest of a long one */
      g_string_truncate(out, out->len - 1);
      g_string_append_printf(out, " %s\n", line);
    } else {
      g_string_append_printf(out, "    %s\n", line);
    }
  } else if (g_str_has_prefix(line, "## ")) {
    g_string_append_printf(out, "%s:\n\n", line + 3);
  } else if (!g_str_has_prefix(line, "@") && (*line != '\0' || *begun)) {
    g_autofree char *text = plain_links(line);
    g_string_append_printf(out, "%s\n", text);
    *begun = TRUE;
  }
}

/* Appends the section comment of the element; FALSE where there is none. */
static gboolean append_section(GString *out, const char *folder, const char *name) {
  g_autofree char *path = g_strdup_printf("%s/gst%s.c", folder, name), *text = NULL;
  g_autofree char *mark = g_strdup_printf(" * SECTION:element-%s\n", name);
  gboolean fenced = FALSE, begun = FALSE;
  char *start, *end;
  if (!g_file_get_contents(path, &text, NULL, NULL) || (start = strstr(text, mark)) == NULL ||
      (end = strstr(start, "\n */")) == NULL)
    return FALSE;
  *end = '\0';
  g_auto(GStrv) lines = g_strsplit(start + strlen(mark), "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    append_line(out, strlen(*line) > 3 ? *line + 3 : "", &fenced, &begun);
  g_string_append_c(out, '\n');
  return TRUE;
}

static void append_number(GString *out, double value) {
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  g_string_append(out, g_ascii_formatd(text, sizeof text, "%.10g", value));
}

static void append_range(GString *out, double low, double high, const char *kind) {
  append_number(out, low);
  g_string_append(out, " … ");
  append_number(out, high);
  g_string_append_printf(out, ", %s", kind);
}

static void append_type(GString *out, GParamSpec *p) {
  if (G_IS_PARAM_SPEC_ENUM(p)) {
    const GEnumClass *values = G_PARAM_SPEC_ENUM(p)->enum_class;
    for (guint i = 0; i < values->n_values; i++)
      g_string_append_printf(out, "%s`%s`", i > 0 ? ", " : "", values->values[i].value_nick);
  } else if (G_IS_PARAM_SPEC_INT(p)) {
    append_range(out, G_PARAM_SPEC_INT(p)->minimum, G_PARAM_SPEC_INT(p)->maximum, "whole");
  } else if (G_IS_PARAM_SPEC_UINT(p)) {
    append_range(out, G_PARAM_SPEC_UINT(p)->minimum, G_PARAM_SPEC_UINT(p)->maximum, "whole");
  } else if (G_IS_PARAM_SPEC_DOUBLE(p)) {
    append_range(out, G_PARAM_SPEC_DOUBLE(p)->minimum, G_PARAM_SPEC_DOUBLE(p)->maximum, "number");
  } else if (G_IS_PARAM_SPEC_BOOLEAN(p)) {
    g_string_append(out, "true, false");
  } else {
    g_string_append(out, G_IS_PARAM_SPEC_STRING(p) ? "text" : g_type_name(p->value_type));
  }
}

static void append_default(GString *out, GParamSpec *p) {
  const GValue *value = g_param_spec_get_default_value(p);
  if (!(p->flags & G_PARAM_WRITABLE)) {
    g_string_append(out, "read only");
  } else if (G_IS_PARAM_SPEC_STRING(p)) {
    const char *text = g_value_get_string(value);
    g_string_append_printf(out, text != NULL ? "`%s`" : "none", text);
  } else {
    g_autofree char *text = gst_value_serialize(value);
    if (G_IS_PARAM_SPEC_DOUBLE(p))
      append_number(out, g_value_get_double(value));
    else
      g_string_append(out, text);
  }
}

/* What a table's cell may hold. */
static void append_cell(GString *out, const char *text) {
  g_auto(GStrv) parts = g_strsplit(text, "|", -1);
  g_autofree char *escaped = g_strjoinv("\\|", parts);
  g_string_append(out, escaped);
}

static void append_meaning(GString *out, GParamSpec *p) {
  append_cell(out, g_param_spec_get_blurb(p));
  if (!G_IS_PARAM_SPEC_ENUM(p))
    return;
  const GEnumClass *values = G_PARAM_SPEC_ENUM(p)->enum_class;
  for (guint i = 0; i < values->n_values; i++) {
    g_string_append_printf(out, "%s`%s`: ", i > 0 ? "; " : ". ", values->values[i].value_nick);
    append_cell(out, values->values[i].value_name);
  }
}

static const char *when(const GParamSpec *p) {
  if (!(p->flags & G_PARAM_WRITABLE))
    return "";
  if (!(p->flags & (GParamFlags)GST_PARAM_MUTABLE_PLAYING))
    return "stopped";
  return p->flags & (GParamFlags)GST_PARAM_CONTROLLABLE ? "any time, controllable" : "any time";
}

static void append_properties(GString *out, GObjectClass *klass) {
  guint n;
  g_autofree GParamSpec **specs = g_object_class_list_properties(klass, &n);
  g_string_append(out, "| property | values | default | set when | what it does |\n|---|---|---|---|---|\n");
  for (guint i = 0; i < n; i++) {
    GParamSpec *p = specs[i];
    if (!g_str_has_prefix(g_type_name(p->owner_type), "GstFmnist"))
      continue;
    g_string_append_printf(out, "| `%s` | ", p->name);
    append_type(out, p);
    g_string_append(out, " | ");
    append_default(out, p);
    g_string_append_printf(out, " | %s | ", when(p));
    append_meaning(out, p);
    g_string_append(out, " |\n");
  }
}

static gboolean append_element(GString *out, const char *folder, const char *name) {
  GstElement *e = gst_element_factory_make(name, NULL);
  if (e == NULL) {
    fprintf(stderr, "element-reference: the plugin has no element %s\n", name);
    return FALSE;
  }
  g_string_append_printf(out, "\n## %s\n\n", name);
  gboolean ok = append_section(out, folder, name);
  if (ok)
    append_properties(out, G_OBJECT_GET_CLASS(e));
  else
    fprintf(stderr, "element-reference: no comment with SECTION:element-%s in %s/gst%s.c\n", name, folder, name);
  gst_object_unref(e);
  return ok;
}

int main(int argc, char **argv) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GString) out = g_string_new(INTRODUCTION);
  gboolean ok = TRUE;
  gst_init(&argc, &argv);
  if (argc < 3 || argc > 4) {
    fprintf(stderr, "Usage: element-reference PLUGIN FOLDER [FILE]\n");
    return 2;
  }
  GstPlugin *plugin = gst_plugin_load_file(argv[1], &error);
  if (plugin == NULL) {
    fprintf(stderr, "element-reference: %s\n", error->message);
    return 1;
  }
  for (gsize i = 0; ok && i < G_N_ELEMENTS(elements); i++)
    ok = append_element(out, argv[2], elements[i]);
  if (ok && argc > 3)
    ok = g_file_set_contents(argv[3], out->str, (gssize)out->len, &error);
  else if (ok)
    fputs(out->str, stdout);
  if (error != NULL)
    fprintf(stderr, "element-reference: %s\n", error->message);
  gst_object_unref(plugin);
  return ok ? 0 : 1;
}
