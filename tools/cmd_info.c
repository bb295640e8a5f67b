#include <glib/gstdio.h>
#include <stdio.h>

#include "command.h"
#include "error.h"
#include "io/model_file.h"
#include "nets/nets.h"

static gint64 file_size(const char *path) {
  GStatBuf st;
  return g_stat(path, &st) == 0 ? (gint64)st.st_size : 0;
}

static GList *sorted_keys(const FmnModelFile *m) {
  return g_list_sort(g_hash_table_get_keys(m->metadata), (GCompareFunc)g_strcmp0);
}

static void print_json(const FmnModelFile *m, const char *path) {
  g_autoptr(JsonBuilder) b = json_builder_new();
  g_autoptr(GList) keys = sorted_keys(m);
  json_builder_begin_object(b);
  fmn_json_add_string(b, "model", m->name);
  fmn_json_add_string(b, "arch", m->arch);
  fmn_json_add_string(b, "arch_options", m->arch_options);
  json_builder_set_member_name(b, "labels");
  json_builder_begin_array(b);
  for (int i = 0; m->labels[i]; i++)
    json_builder_add_string_value(b, m->labels[i]);
  json_builder_end_array(b);
  fmn_json_add_int(b, "parameters", (gint64)fmn_graph_parameters(m->graph));
  fmn_json_add_int(b, "multiply_adds", (gint64)fmn_graph_multiply_adds(m->graph));
  fmn_json_add_int(b, "size", file_size(path));
  json_builder_set_member_name(b, "metadata");
  json_builder_begin_object(b);
  for (GList *l = keys; l; l = l->next)
    fmn_json_add_string(b, l->data, g_hash_table_lookup(m->metadata, l->data));
  json_builder_end_object(b);
  json_builder_end_object(b);
  command_print_json(b);
}

static void print_text(const FmnModelFile *m, const char *path) {
  g_autoptr(GList) keys = sorted_keys(m);
  g_autofree char *labels = g_strjoinv(", ", m->labels);
  const FmnPreprocess *p = &m->preprocess;
  printf("model          %s\narch           %s%s%s\nlabels         %s\n", m->name, m->arch, *m->arch_options ? ":" : "",
         m->arch_options, labels);
  printf("input          %d×%d×%d\n", p->width, p->height, p->channels);
  printf("parameters     %" G_GUINT64_FORMAT "\nmultiply-adds  %" G_GUINT64_FORMAT "\nsize           %" G_GINT64_FORMAT
         " bytes\n\nmetadata\n",
         fmn_graph_parameters(m->graph), fmn_graph_multiply_adds(m->graph), file_size(path));
  for (GList *l = keys; l; l = l->next) {
    g_autofree char *key = fmn_printable(l->data), *value = fmn_printable(g_hash_table_lookup(m->metadata, l->data));
    printf("  %-20s %s\n", key, value);
  }
}

static int run(int argc, char **argv) {
  char *format = NULL;
  const GOptionEntry entries[] = {{"format", 'f', 0, G_OPTION_ARG_STRING, &format, "text or json (text)", "NAME"},
                                  G_OPTION_ENTRY_NULL};
  GError *error = NULL;
  gboolean ok;
  int status = EXIT_USAGE;
  if (command_parse(&argc, &argv, "FILE", "Tells what is in a model file.", NULL, entries, 1)) {
    gboolean json = command_json(format, &ok);
    if (ok && argc < 2) {
      command_usage("FILE is missing");
    } else if (ok) {
      g_autofree char *path = fmn_model_find_file(argv[1], &error);
      FmnModelFile *m = path ? fmn_model_file_load(path, &error) : NULL;
      status = m ? EXIT_OK : command_fail(error);
      if (m)
        (json ? print_json : print_text)(m, path);
      fmn_model_file_free(m);
    }
  }
  g_free(format);
  return status;
}

const Command command_info = {"info", "tell what is in a model file", run};
