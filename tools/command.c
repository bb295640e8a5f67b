#include "command.h"

#include <stdio.h>
#include <string.h>

#include "error.h"

gboolean command_parse(int *argc, char ***argv, const char *arguments, const char *summary, const char *description,
                       const GOptionEntry *entries, int max_args) {
  g_autoptr(GOptionContext) context = g_option_context_new(arguments);
  g_autoptr(GError) error = NULL;
  g_option_context_set_summary(context, summary);
  g_option_context_set_description(context, description);
  g_option_context_add_main_entries(context, entries, NULL);
  if (g_option_context_parse(context, argc, argv, &error) && *argc - 1 <= max_args)
    return TRUE;
  if (error)
    command_usage_error(g_steal_pointer(&error));
  else
    command_usage("unexpected argument “%s”", (*argv)[max_args + 1]);
  return FALSE;
}

int command_fail(GError *error) {
  fprintf(stderr, "fmnist-train: %s\n", error->message);
  g_error_free(error);
  return EXIT_FAILED;
}

int command_usage(const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  fprintf(stderr, "fmnist-train: %s (“%s --help” lists the options)\n", text, g_get_prgname());
  return EXIT_USAGE;
}

int command_usage_error(GError *error) {
  command_usage("%s", error->message);
  g_error_free(error);
  return EXIT_USAGE;
}

gboolean command_json(const char *format, gboolean *ok) {
  gboolean json = g_strcmp0(format, "json") == 0;
  *ok = json || !format || strcmp(format, "text") == 0;
  if (!*ok)
    command_usage("--format must be text or json, not “%s”", format);
  return json;
}

void command_print_json(JsonBuilder *builder) {
  g_autofree char *text = fmn_json_text(builder, TRUE);
  puts(text);
}

int command_threads(void) { return (int)MIN(g_get_num_processors(), FMN_THREADS_MAX); }

gboolean command_check_threads(int threads) {
  if (threads >= 1 && threads <= FMN_THREADS_MAX)
    return TRUE;
  command_usage("--threads must be from 1 to %d, not %d", FMN_THREADS_MAX, threads);
  return FALSE;
}

gboolean command_seed(const char *text, guint64 *seed, GError **error) {
  if (!text || g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, seed, NULL))
    return TRUE;
  g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "--seed must be a whole number from 0 to 2^64-1, not “%s”", text);
  return FALSE;
}

FmnImages *command_garments(const char *folder, FmnSplit split, const char *const *classes, FmnDataset **data,
                            GError **error) {
  int several = 0;
  *data = fmn_dataset_load(folder, split, error);
  FmnImages *garments = *data ? fmn_images_of_classes(*data, classes, &several, error) : NULL;
  if (garments && several > 0)
    fprintf(stderr, "fmnist-train: %d images that may be of several classes, or are of none, are left out\n", several);
  return garments;
}
