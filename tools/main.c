#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "kernels/kernels.h"

static const Command *const commands[] = {&command_train,  &command_test,    &command_calibrate,
                                          &command_scenes, &command_extract, &command_info,
                                          &command_bench,  &command_export,  NULL};

static void print_help(FILE *out) {
  fputs("Usage:\n  fmnist-train COMMAND [OPTION…]\n\nTrains and measures the networks of gst-fmnist.\n\nCommands:\n",
        out);
  for (int i = 0; commands[i]; i++)
    fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
  fputs("\n“fmnist-train COMMAND --help” lists the options of a command.\n"
        "Exit status: 0 done, 1 failed, 2 wrong usage.\n",
        out);
}

static int dispatch(int argc, char **argv) {
  if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)) {
    print_help(stdout);
    return EXIT_OK;
  }
  if (argc > 1 && strcmp(argv[1], "--version") == 0) {
    puts("fmnist-train " FMN_VERSION);
    return EXIT_OK;
  }
  for (int i = 0; argc > 1 && commands[i]; i++) {
    if (strcmp(argv[1], commands[i]->name) != 0)
      continue;
    g_autofree char *name = g_strconcat("fmnist-train ", commands[i]->name, NULL);
    g_set_prgname(name);
    argv[1] = name;
    return commands[i]->run(argc - 1, argv + 1);
  }
  if (argc > 1)
    fprintf(stderr, "fmnist-train: no command “%s”\n\n", argv[1]);
  print_help(stderr);
  return EXIT_USAGE;
}

/* The library takes the best kernels without a word; whoever repeats a training has to know. */
static void warn_of_kernels(void) {
  const char *wanted = g_getenv("FMNIST_CPU");
  g_autoptr(GString) names = g_string_new(NULL);
  for (const FmnKernels *const *k = fmn_kernels_all(); wanted && *k; k++) {
    if (g_str_equal(wanted, (*k)->name))
      return;
    g_string_append_printf(names, "%s%s", names->len ? ", " : "", (*k)->name);
  }
  if (wanted)
    fprintf(stderr, "fmnist-train: FMNIST_CPU is “%s”; this machine has %s, and the best is taken\n", wanted,
            names->str);
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "");
  setlocale(LC_NUMERIC, "C");
  warn_of_kernels();
  int status = dispatch(argc, argv);
  if ((fflush(stdout) == 0 && !ferror(stdout)) || status != EXIT_OK)
    return status;
  fprintf(stderr, "fmnist-train: writing to standard output failed: %s\n", g_strerror(errno));
  return EXIT_FAILED;
}
