/* fmnist-train as a user runs it, on a small data set. */
#ifndef TESTS_TRAIN_TOOL_H
#define TESTS_TRAIN_TOOL_H

#include <json-glib/json-glib.h>

#include "synthetic.h"

#define TRAIN(out)                                                                                                     \
  "train", "--arch", "compact", "--data", folder, "--epochs", "3", "--batch", "16", "--seed", "7", "--threads", "1",   \
      "--validation", "0.25", "--out", out

static char *folder; /* the data, and room for files */
static const char *program;

typedef struct {
  int status; /* exit status; -1: killed */
  char *out, *err;
} Result;

static inline void result_clear(Result *r) {
  g_free(r->out);
  g_free(r->err);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Result, result_clear)

static inline GSubprocess *start(const char *const *args, GSubprocessFlags flags) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  g_ptr_array_add(argv, (gpointer)program);
  for (int i = 0; args[i]; i++)
    g_ptr_array_add(argv, (gpointer)args[i]);
  g_ptr_array_add(argv, NULL);
  g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(flags);
  g_subprocess_launcher_unsetenv(launcher, "FMNIST_DATA");
  g_subprocess_launcher_setenv(launcher, "FMNIST_MODEL_PATH", folder, TRUE);
  GSubprocess *p = g_subprocess_launcher_spawnv(launcher, (const char *const *)argv->pdata, &error);
  g_assert_no_error(error);
  return p;
}

static inline Result run(const char *const *args) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GSubprocess) p = start(args, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
  Result r = {-1, NULL, NULL};
  g_subprocess_communicate_utf8(p, NULL, NULL, &r.out, &r.err, &error);
  g_assert_no_error(error);
  if (g_subprocess_get_if_exited(p))
    r.status = g_subprocess_get_exit_status(p);
  return r;
}
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static inline char *path_of(const char *name) { return g_build_filename(folder, name, NULL); }

static inline JsonNode *json_of(const char *text) {
  g_autoptr(GError) error = NULL;
  JsonNode *node = json_from_string(text, &error);
  g_assert_no_error(error);
  g_assert_true(JSON_NODE_HOLDS_OBJECT(node));
  return node;
}

/* Runs the tests added so far with a data set, and removes it. */
static inline int tool_run(void) {
  program = g_getenv("FMNIST_TRAIN");
  g_assert_nonnull(program);
  folder = synthetic_folder(80);
  int status = g_test_run();
  folder_free(folder);
  return status;
}

#endif
