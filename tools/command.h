/* A sub-command of fmnist-train: one file each. */
#ifndef FMNIST_TRAIN_COMMAND_H
#define FMNIST_TRAIN_COMMAND_H

#include <gio/gio.h>

#include "io/json.h"
#include "train/data.h"

typedef enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 } ExitCode;

typedef struct {
  const char *name, *summary;
  int (*run)(int argc, char **argv); /* argv[0] is the program's name with the command's; returns an ExitCode */
} Command;

extern const Command command_train, command_test, command_info, command_bench, command_export, command_calibrate;
extern const Command command_scenes, command_extract;

/* Parses the options of a command. Positional arguments stay in argv from 1 on; more than max_args of them are an
 * error. FALSE: the message is on stderr, return EXIT_USAGE. */
gboolean command_parse(int *argc, char ***argv, const char *arguments, const char *summary, const char *description,
                       const GOptionEntry *entries, int max_args);

int command_fail(GError *error);                                /* prints and frees it; EXIT_FAILED */
int command_usage(const char *format, ...) G_GNUC_PRINTF(1, 2); /* EXIT_USAGE */
int command_usage_error(GError *error);                         /* the same, freeing it */

/* Whether the format is json; FALSE with *ok = FALSE and a message when it is neither text nor json. NULL is text. */
gboolean command_json(const char *format, gboolean *ok);
void command_print_json(JsonBuilder *builder); /* on stdout, indented */

/* As many as there are processors, up to FMN_THREADS_MAX; and whether --threads is within it, else with a message. */
int command_threads(void);
gboolean command_check_threads(int threads);

/* --seed N; NULL leaves *seed as it is. FALSE with an error where it is no number. */
gboolean command_seed(const char *text, guint64 *seed, GError **error);

/* The garments of these classes (NULL-ended) in a folder of IDX files (NULL: the default one), for scenes; tells on
 * stderr how many that may be of several classes are left out. They borrow from *data, which is to be freed after them.
 * NULL with an error. */
FmnImages *command_garments(const char *folder, FmnSplit split, const char *const *classes, FmnDataset **data,
                            GError **error);

#endif
