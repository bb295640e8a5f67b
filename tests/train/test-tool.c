#include <json-glib/json-glib.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "synthetic.h"

/* fmnist-train as a user runs it. */

#define TRAIN(out)                                                                                                     \
  "train", "--arch", "compact", "--data", folder, "--epochs", "3", "--batch", "16", "--seed", "7", "--threads", "1",   \
      "--validation", "0.25", "--out", out

static char *folder;
static const char *program;

typedef struct {
  int status; /* exit status; -1: killed */
  char *out, *err;
} Result;

static void result_clear(Result *r) {
  g_free(r->out);
  g_free(r->err);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Result, result_clear)

static GSubprocess *start(const char *const *args, GSubprocessFlags flags) {
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

static Result run(const char *const *args) {
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

static char *path_of(const char *name) { return g_build_filename(folder, name, NULL); }

static JsonNode *json_of(const char *text) {
  g_autoptr(GError) error = NULL;
  JsonNode *node = json_from_string(text, &error);
  g_assert_no_error(error);
  g_assert_true(JSON_NODE_HOLDS_OBJECT(node));
  return node;
}

static void test_usage(void) {
  const struct {
    const char *args[8];
    const char *message;
  } cases[] = {
      {{NULL}, "Usage"},
      {{"dance"}, "no command"},
      {{"train"}, "--arch"},
      {{"train", "--arch", "base"}, "--out"},
      {{"train", "--arch", "bose", "--out", "/tmp/x"}, "compact"},
      {{"train", "--arch", "base:depth=3", "--out", "/tmp/x"}, "depth"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--epochs", "0"}, "--epochs"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--epochs", "many"}, "many"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--lr", "nan"}, "--lr"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--seed", "-1"}, "--seed"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--optimizer", "lion"}, "lion"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--schedule", "zigzag"}, "onecycle"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--augment", "blur"}, "cutmix"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--validation", "1"}, "--validation"},
      {{"train", "--frobnicate"}, "frobnicate"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "stray"}, "stray"},
      {{"test"}, "--model"},
      {{"test", "--model", "x", "--format", "xml"}, "xml"},
      {{"test", "--model", "x", "--threads", "0"}, "--threads"},
      {{"info"}, "FILE"},
      {{"info", "a", "b"}, "b"},
      {{"bench"}, "--arch"},
      {{"bench", "--arch", "base", "--model", "x"}, "either"},
      {{"bench", "--arch", "base", "--mode", "fly"}, "fly"},
      {{"bench", "--arch", "base", "--batch", "0"}, "--batch"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(Result) r = run(cases[i].args);
    g_test_message("%s %s: %s", cases[i].args[0], cases[i].args[1], r.err);
    g_assert_cmpint(r.status, ==, 2);
    g_assert_cmpstr(r.out, ==, "");
    g_assert_nonnull(strstr(r.err, cases[i].message));
  }
}

static void test_help(void) {
  const char *commands[] = {"train", "test", "info", "bench"};
  g_auto(Result) all = RUN("--help");
  g_assert_cmpint(all.status, ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
    g_auto(Result) r = RUN(commands[i], "--help");
    g_assert_cmpint(r.status, ==, 0);
    g_assert_nonnull(strstr(all.out, commands[i]));
    g_assert_nonnull(strstr(r.out, i ? "--format" : "--resume"));
  }
  g_auto(Result) version = RUN("--version");
  g_assert_true(g_str_has_prefix(version.out, "fmnist-train "));
}

static void test_failures(void) {
  g_autofree char *text = path_of("text.safetensors"), *out = path_of("x.safetensors");
  g_assert_true(g_file_set_contents(text, "this is no model at all", -1, NULL));
  const struct {
    const char *args[10];
    const char *message;
  } cases[] = {
      {{"train", "--arch", "base", "--out", out, "--data", "/nowhere"}, "dataset-fashion-mnist"},
      {{"train", "--arch", "base", "--out", "/nowhere/x", "--data", folder}, "/nowhere"},
      {{"train", "--arch", "base", "--out", out, "--data", folder, "--init", "/nowhere/y.safetensors"}, "/nowhere/y"},
      {{"train", "--arch", "yolov3-tiny", "--out", out, "--data", folder}, "no classifier"},
      {{"test", "--model", "/nowhere/m.safetensors"}, "/nowhere/m"},
      {{"test", "--model", text, "--data", folder}, "text.safetensors"},
      {{"test", "--model", "nosuchmodel"}, "nosuchmodel"},
      {{"info", text}, "text.safetensors"},
      {{"bench", "--arch", "bose"}, "compact"},
      {{"bench", "--arch", "base", "--size", "64"}, "size"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(Result) r = run(cases[i].args);
    g_test_message("%s: %s", cases[i].args[0], r.err);
    g_assert_cmpint(r.status, ==, 1);
    g_assert_nonnull(strstr(r.err, cases[i].message));
  }
  g_assert_false(g_file_test(out, G_FILE_TEST_EXISTS));
}

/* train, then what test, info and bench say about the model; keys as documented. */
static void test_whole(void) {
  g_autofree char *model = path_of("whole.safetensors"), *plot = path_of("whole.svg"), *log = path_of("whole.jsonl"),
                  *probs = path_of("probs"), *lines = NULL, *raw = NULL;
  gsize size;
  g_auto(Result) trained = RUN(TRAIN(model), "--plot", plot, "--log", log);
  g_assert_cmpint(trained.status, ==, 0);
  g_assert_nonnull(strstr(trained.out, "epoch 3/3"));
  g_assert_null(strstr(trained.out, "\033")); /* no bar where there is no terminal */
  g_assert_true(g_file_test(plot, G_FILE_TEST_EXISTS));
  g_assert_true(g_file_get_contents(log, &lines, NULL, NULL));
  g_auto(GStrv) line = g_strsplit(g_strchomp(lines), "\n", -1);
  g_assert_cmpuint(g_strv_length(line), ==, 4);
  for (int i = 0; line[i]; i++) {
    g_autoptr(JsonNode) node = json_of(line[i]);
    JsonObject *o = json_node_get_object(node);
    g_assert_cmpstr(json_object_get_string_member(o, "event"), ==, i ? "epoch" : "start");
    g_assert_true(json_object_has_member(o, i ? "val_accuracy" : "command"));
  }

  g_auto(Result) tested =
      RUN("test", "--model", "whole", "--data", folder, "--format", "json", "--probs", probs, "--threads", "2");
  g_assert_cmpint(tested.status, ==, 0);
  g_autoptr(JsonNode) node = json_of(tested.out);
  JsonObject *o = json_node_get_object(node);
  g_assert_cmpstr(json_object_get_string_member(o, "model"), ==, "whole");
  g_assert_cmpstr(json_object_get_string_member(o, "arch"), ==, "compact");
  g_assert_cmpint(json_object_get_int_member(o, "n"), ==, 50);
  g_assert_true(json_object_has_member(o, "ece"));
  JsonArray *confusion = json_object_get_array_member(o, "confusion"),
            *classes = json_object_get_array_member(o, "per_class");
  int total = 0, right = 0;
  g_assert_cmpuint(json_array_get_length(classes), ==, 10);
  for (guint i = 0; i < 10; i++) {
    JsonObject *c = json_array_get_object_element(classes, i);
    g_assert_cmpint(json_object_get_int_member(c, "support"), ==, 5);
    g_assert_true(json_object_has_member(c, "label") && json_object_has_member(c, "precision") &&
                  json_object_has_member(c, "recall") && json_object_has_member(c, "f1"));
    for (guint j = 0; j < 10; j++) {
      int n = (int)json_array_get_int_element(json_array_get_array_element(confusion, i), j);
      total += n;
      right += i == j ? n : 0;
    }
  }
  g_assert_cmpint(total, ==, 50);
  double accuracy = json_object_get_double_member(o, "accuracy");
  g_assert_cmpfloat_with_epsilon(accuracy, right / 50.0, 1e-9);

  /* The probabilities are those that the report was made from. */
  FmnDataset *set = fmn_dataset_load(folder, FMN_SPLIT_TEST, 10, NULL);
  g_assert_true(g_file_get_contents(probs, &raw, &size, NULL));
  g_assert_cmpuint(size, ==, 50 * 10 * 4);
  int hits = 0;
  for (int i = 0; i < 50; i++) {
    float p[10], sum = 0;
    memcpy(p, raw + i * 40, 40);
    int best = 0;
    for (int k = 0; k < 10; k++) {
      sum += p[k];
      best = p[k] > p[best] ? k : best;
    }
    g_assert_cmpfloat_with_epsilon(sum, 1, 1e-5);
    hits += best == set->labels[i];
  }
  g_assert_cmpint(hits, ==, right);
  fmn_dataset_free(set);

  g_auto(Result) told = RUN("info", model, "--format", "json");
  g_assert_cmpint(told.status, ==, 0);
  g_autoptr(JsonNode) info = json_of(told.out);
  o = json_node_get_object(info);
  g_assert_cmpstr(json_object_get_string_member(o, "arch"), ==, "compact");
  g_assert_cmpint(json_object_get_int_member(o, "parameters"), <=, 300000);
  g_assert_cmpint(json_object_get_int_member(o, "multiply_adds"), >, 100000);
  g_assert_cmpint(json_object_get_int_member(o, "size"), >, json_object_get_int_member(o, "parameters") * 2);
  g_assert_cmpuint(json_array_get_length(json_object_get_array_member(o, "labels")), ==, 10);
  JsonObject *metadata = json_object_get_object_member(o, "metadata");
  g_assert_cmpfloat_with_epsilon(g_ascii_strtod(json_object_get_string_member(metadata, "test_accuracy"), NULL),
                                 accuracy, 1e-4);

  g_auto(Result) plain = RUN("test", "--model", model, "--data", folder, "--tta");
  g_assert_cmpint(plain.status, ==, 0);
  g_assert_nonnull(strstr(plain.out, "precision"));
  g_assert_nonnull(strstr(plain.out, "Ankle boot"));
  g_auto(Result) text = RUN("info", model);
  g_assert_nonnull(strstr(text.out, "multiply-adds"));
}

static void test_bench(void) {
  const char *modes[] = {"infer", "train"};
  for (int i = 0; i < 2; i++) {
    g_auto(Result) r =
        RUN("bench", "--arch", "base", "--mode", modes[i], "--batch", "2", "--threads", "2", "--format", "json");
    g_assert_cmpint(r.status, ==, 0);
    g_autoptr(JsonNode) node = json_of(r.out);
    JsonObject *o = json_node_get_object(node);
    g_assert_cmpstr(json_object_get_string_member(o, "mode"), ==, modes[i]);
    g_assert_cmpstr(json_object_get_string_member(o, "arch"), ==, "base");
    g_assert_cmpint(json_object_get_int_member(o, "threads"), ==, 2);
    g_assert_cmpint(json_object_get_int_member(o, "batch"), ==, 2);
    double low = json_object_get_double_member(o, "ms_per_image_min"),
           median = json_object_get_double_member(o, "ms_per_image_median");
    g_assert_cmpfloat(low, >, 0);
    g_assert_cmpfloat(median, >=, low);
    g_assert_cmpfloat_with_epsilon(json_object_get_double_member(o, "images_per_s") * median, 1000, 1e-6);
  }
}

/* Starts a training, sends a signal when a line that contains `until` has come, and waits for the end. */
static int train_until(const char *out, const char *until, int signal, gboolean resume) {
  g_autoptr(GSubprocess) p = start((const char *const[]){TRAIN(out), resume ? "--resume" : NULL, NULL},
                                   G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
  g_autoptr(GDataInputStream) lines = g_data_input_stream_new(g_subprocess_get_stdout_pipe(p));
  gboolean seen = FALSE;
  while (!seen) {
    g_autofree char *line = g_data_input_stream_read_line(lines, NULL, NULL, NULL);
    g_assert_nonnull(line);
    seen = strstr(line, until) != NULL;
  }
  g_subprocess_send_signal(p, signal);
  g_subprocess_wait(p, NULL, NULL);
  return g_subprocess_get_if_exited(p) ? g_subprocess_get_exit_status(p) : -1;
}

/* Killed before the first checkpoint, after one, interrupted: each time resumed. The bytes of an uninterrupted
 * training. */
static void test_kill_and_resume(void) {
  g_autofree char *whole = path_of("killed-a.safetensors"), *parts = path_of("killed-b.safetensors"),
                  *checkpoint = path_of("killed-b.safetensors.ckpt");
  g_auto(Result) uninterrupted = RUN(TRAIN(whole));
  g_assert_cmpint(uninterrupted.status, ==, 0);
  g_assert_cmpint(train_until(parts, "parameters", SIGKILL, FALSE), ==, -1);
  g_assert_cmpint(train_until(parts, "epoch 1/3", SIGKILL, TRUE), ==, -1);
  g_assert_true(g_file_test(checkpoint, G_FILE_TEST_EXISTS));
  g_assert_cmpint(train_until(parts, "going on", SIGINT, TRUE), ==, 1);
  g_assert_cmpint(train_until(parts, "going on", SIGTERM, TRUE), ==, 1);
  g_auto(Result) other = RUN(TRAIN(parts), "--resume", "--lr", "0.123");
  g_assert_cmpint(other.status, ==, 1);
  g_assert_nonnull(strstr(other.err, "--lr"));
  g_auto(Result) resumed = RUN(TRAIN(parts), "--resume");
  g_assert_cmpint(resumed.status, ==, 0);
  g_assert_nonnull(strstr(resumed.out, "going on"));
  synthetic_same_bytes(whole, parts);
  g_assert_false(g_file_test(checkpoint, G_FILE_TEST_EXISTS));
  g_auto(Result) again = RUN(TRAIN(parts), "--resume");
  g_assert_cmpint(again.status, ==, 0);
  g_assert_nonnull(strstr(again.out, "already finished"));
  synthetic_same_bytes(whole, parts);
}

static void test_time_limit(void) {
  g_autofree char *out = path_of("limited.safetensors");
  g_auto(Result) r = RUN(TRAIN(out), "--time-limit", "0.00001");
  g_assert_cmpint(r.status, ==, 0);
  g_assert_nonnull(strstr(r.out, "not finished"));
  g_auto(Result) info = RUN("info", out);
  g_assert_nonnull(strstr(info.out, "stopped after"));
}

/* On a terminal there is a bar with rate, loss and time left. */
static void test_terminal(void) {
  g_autofree char *out = path_of("terminal.safetensors");
  g_autoptr(GString) screen = g_string_new(NULL);
  char text[4096];
  int terminal, status;
  const char *const args[] = {program, TRAIN(out), NULL};
  pid_t pid = forkpty(&terminal, NULL, NULL, NULL);
  if (pid < 0) {
    g_test_skip("no pseudo-terminals on this machine");
    return;
  }
  if (pid == 0) {
    execv(program, (char *const *)args);
    _exit(127);
  }
  for (ssize_t n; (n = read(terminal, text, sizeof text)) > 0;)
    g_string_append_len(screen, text, n);
  g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
  g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  close(terminal);
  const char *parts[] = {"images/s", "loss", "ETA", "[#", "\033[K"};
  for (gsize i = 0; i < G_N_ELEMENTS(parts); i++)
    g_assert_nonnull(strstr(screen->str, parts[i]));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  program = g_getenv("FMNIST_TRAIN");
  g_assert_nonnull(program);
  folder = synthetic_folder(80);
  g_test_add_func("/tool/usage", test_usage);
  g_test_add_func("/tool/help", test_help);
  g_test_add_func("/tool/failures", test_failures);
  g_test_add_func("/tool/whole", test_whole);
  g_test_add_func("/tool/bench", test_bench);
  g_test_add_func("/tool/kill-and-resume", test_kill_and_resume);
  g_test_add_func("/tool/time-limit", test_time_limit);
  g_test_add_func("/tool/terminal", test_terminal);
  int status = g_test_run();
  synthetic_folder_free(folder);
  return status;
}
