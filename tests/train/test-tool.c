#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

static void test_usage(void) {
  const struct {
    const char *args[10];
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
      {{"train", "--arch", "base", "--out", "/tmp/x", "--clip-norm", "-1"}, "--clip-norm"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--sam", "-0.1"}, "--sam must be from 0"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--no-nesterov"}, "--optimizer sgd"},
      {{"train", "--arch", "yolov3-tiny", "--out", "/tmp/x", "--augment", "flip"}, "--augment"},
      {{"train", "--arch", "yolov3-tiny", "--out", "/tmp/x", "--bn-images", "100"}, "--bn-images"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--bn-images", "-1"}, "--bn-images"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--schedule", "zigzag"}, "onecycle"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--augment", "smear"}, "cutmix"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--last-epochs", "36"}, "--last-epochs"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--last-augment", "flip"}, "--last-epochs"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--last-epochs", "3", "--last-augment", "smear"}, "cutmix"},
      {{"train", "--arch", "yolov3-tiny", "--out", "/tmp/x", "--last-epochs", "3"}, "--last-epochs"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--validation", "1"}, "--validation"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--teacher-weight", "0.5"}, "--teacher FILE"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--teacher-mirrored"}, "--teacher FILE"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--teacher", "y", "--teacher-weight", "2"}, "--teacher-weight"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "--teacher", ""}, "found nothing"},
      {{"train", "--frobnicate"}, "frobnicate"},
      {{"train", "--arch", "base", "--out", "/tmp/x", "stray"}, "stray"},
      {{"test"}, "--model"},
      {{"test", "--model", "x", "--format", "xml"}, "xml"},
      {{"test", "--model", "x", "--threads", "0"}, "--threads"},
      {{"test", "--model", "x", "--scenes", "mixed", "--size", "100"}, "multiple of 32"},
      {{"test", "--model", "x", "--scenes", "mixed", "--size", "-32"}, "multiple of 32"},
      {{"calibrate"}, "--model"},
      {{"calibrate", "--model", "x", "--share", "2"}, "--share"},
      {{"calibrate", "--model", "x", "--share", "-1"}, "--share"},
      {{"calibrate", "--model", "x", "--validation", "1"}, "--validation"},
      {{"calibrate", "--model", "x", "--validation", "0"}, "--validation"},
      {{"info"}, "FILE"},
      {{"info", "a", "b"}, "“b”"},
      {{"bench"}, "--arch"},
      {{"bench", "--arch", "base", "--model", "x"}, "either"},
      {{"bench", "--arch", "base", "--mode", "fly"}, "fly"},
      {{"bench", "--arch", "base", "--batch", "0"}, "--batch"},
      {{"bench", "--arch", "bose"}, "compact"},
      {{"bench", "--arch", "base", "--size", "64"}, "size"},
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
  const char *commands[] = {"train", "test", "info", "bench", "calibrate"};
  g_auto(Result) all = RUN("--help");
  g_assert_cmpint(all.status, ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
    g_auto(Result) r = RUN(commands[i], "--help");
    g_assert_cmpint(r.status, ==, 0);
    g_assert_nonnull(strstr(all.out, commands[i]));
    g_assert_nonnull(strstr(r.out, i == 0 ? "--resume" : i == 4 ? "--share" : "--format"));
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
      {{"train", "--arch", "base", "--out", out, "--data", folder, "--teacher", "/nowhere/t.safetensors"}, "--teacher"},
      {{"train", "--arch", "yolov3-tiny", "--out", out, "--data", folder, "--teacher", text}, "text.safetensors"},
      {{"test", "--model", "/nowhere/m.safetensors"}, "/nowhere/m"},
      {{"test", "--model", text, "--data", folder}, "text.safetensors"},
      {{"test", "--model", "nosuchmodel"}, "nosuchmodel"},
      {{"info", text}, "text.safetensors"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(Result) r = run(cases[i].args);
    g_test_message("%s: %s", cases[i].args[0], r.err);
    g_assert_cmpint(r.status, ==, 1);
    g_assert_nonnull(strstr(r.err, cases[i].message));
  }
  g_assert_false(g_file_test(out, G_FILE_TEST_EXISTS));

  /* Its checkpoint has to find room, too, before hours of training. */
  g_autofree char *checkpoint = g_strconcat(out, ".ckpt", NULL);
  g_assert_cmpint(g_mkdir(checkpoint, 0777), ==, 0);
  g_auto(Result) r = RUN(TRAIN(out));
  g_assert_cmpint(r.status, ==, 1);
  g_assert_nonnull(strstr(r.err, "checkpoint"));
  g_assert_cmpint(g_rmdir(checkpoint), ==, 0);
}

/* What is read is never written over: not what a training starts or learns from, nor data. */
static void test_inputs_stay(void) {
  g_autofree char *text = path_of("input.safetensors"), *out = path_of("y.safetensors"),
                  *labels = g_build_filename(folder, "train-labels-idx1-ubyte.gz", NULL),
                  *weighted = g_strconcat(folder, ":2", NULL), *plot = path_of("input.svg"),
                  *nowhere = path_of("nowhere");
  g_assert_true(g_file_set_contents(text, "never to be lost", -1, NULL));
  g_assert_true(g_file_set_contents(plot, "nor this", -1, NULL));
  g_assert_true(g_file_test(labels, G_FILE_TEST_EXISTS));
  const struct {
    const char *args[12];
    const char *message;
  } cases[] = {
      {{"train", "--arch", "base", "--data", folder, "--init", text, "--out", text}, "the model of --init; give --out"},
      {{"train", "--arch", "base", "--data", folder, "--teacher", text, "--out", text}, "the model of --teacher"},
      {{"train", "--arch", "base", "--data", folder, "--init", text, "--out", out, "--log", text}, "give --log"},
      {{"train", "--arch", "base", "--data", folder, "--init", plot, "--out", out, "--plot", plot}, "give --plot"},
      {{"train", "--arch", "base", "--data", folder, "--out", labels}, "a file of the data set; give --out"},
      {{"train", "--arch", "base", "--data", weighted, "--out", out, "--log", labels}, "a file of the data set"},
      {{"train", "--arch", "yolov3-tiny", "--data", nowhere, "--cutouts", folder, "--out", labels},
       "a file of the data set"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(Result) r = run(cases[i].args);
    g_test_message("%s", r.err);
    g_assert_cmpint(r.status, ==, 2);
    g_assert_nonnull(strstr(r.err, cases[i].message));
  }
  g_autofree char *kept = NULL;
  g_assert_true(g_file_get_contents(text, &kept, NULL, NULL));
  g_assert_cmpstr(kept, ==, "never to be lost");
  g_assert_false(g_file_test(out, G_FILE_TEST_EXISTS));
}

/* A log whose folder goes while the training runs is missed at its end; the model is written all the same. */
static void test_log_lost(void) {
  g_autofree char *dir = path_of("logs"), *elsewhere = path_of("logs-moved"),
                  *log = g_build_filename(dir, "x.jsonl", NULL), *out = path_of("z.safetensors");
  g_assert_cmpint(g_mkdir(dir, 0777), ==, 0);
  g_autoptr(GSubprocess) p = start((const char *const[]){TRAIN(out), "--epochs", "30", "--log", log, NULL},
                                   G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
  g_autoptr(GDataInputStream) lines = g_data_input_stream_new(g_subprocess_get_stdout_pipe(p));
  char *line;
  gboolean removed = FALSE;
  while ((line = g_data_input_stream_read_line(lines, NULL, NULL, NULL))) {
    if (!removed && g_str_has_prefix(line, "epoch 1/"))
      removed = rename(dir, elsewhere) == 0;
    g_free(line);
  }
  g_assert_true(removed);
  g_assert_true(g_subprocess_wait(p, NULL, NULL));
  g_assert_cmpint(g_subprocess_get_exit_status(p), ==, 1);
  g_assert_true(g_file_test(out, G_FILE_TEST_EXISTS));
}

/* A training as short as its warm-up says that its rate never falls; a longer one has nothing to say. */
static void test_only_rises(void) {
  g_autofree char *out = path_of("rises.safetensors");
  g_auto(Result) shorter = RUN(TRAIN(out), "--epochs", "1", "--warmup", "1");
  g_auto(Result) longer = RUN(TRAIN(out), "--epochs", "1", "--warmup", "0.5");
  g_assert_nonnull(strstr(shorter.out, "the learning rate only rises"));
  g_assert_null(strstr(longer.out, "only rises"));
}

/* What cannot be printed is a failure. */
static void test_full_output(void) {
  g_autofree char *line = g_strdup_printf("'%s' --version > /dev/full 2> /dev/null; test $? = 1", program);
  g_assert_cmpint(system(line), ==, 0);
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
  g_autofree char *log = path_of("killed-b.jsonl"), *lines = NULL;
  g_assert_true(g_file_set_contents(log, "as it was\n", -1, NULL));
  g_auto(Result) again = RUN(TRAIN(parts), "--resume", "--log", log);
  g_assert_cmpint(again.status, ==, 0);
  g_assert_nonnull(strstr(again.out, "already finished"));
  synthetic_same_bytes(whole, parts);
  g_assert_true(g_file_get_contents(log, &lines, NULL, NULL));
  g_assert_cmpstr(lines, ==, "as it was\n");
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
  g_test_add_func("/tool/usage", test_usage);
  g_test_add_func("/tool/help", test_help);
  g_test_add_func("/tool/failures", test_failures);
  g_test_add_func("/tool/inputs-stay", test_inputs_stay);
  g_test_add_func("/tool/log-lost", test_log_lost);
  g_test_add_func("/tool/only-rises", test_only_rises);
  g_test_add_func("/tool/full-output", test_full_output);
  g_test_add_func("/tool/kill-and-resume", test_kill_and_resume);
  g_test_add_func("/tool/time-limit", test_time_limit);
  g_test_add_func("/tool/terminal", test_terminal);
  return tool_run();
}
