/* fmnist-train export as a user runs it. */
#include <gio/gio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../detect/model.h"
#include "../folder.h"
#include "io/onnx.h"
#include "model-fixture.h"
#include "onnx.pb-c.h"

typedef struct {
  char *folder, *model, *onnx, *content;
  gsize size;
} Place;

static Place place_new(void) {
  Place p = {folder_new()};
  GBytes *bytes = model_bytes(NULL);
  p.model = g_build_filename(p.folder, "small.safetensors", NULL);
  p.onnx = g_build_filename(p.folder, "small.onnx", NULL);
  p.content = g_memdup2(g_bytes_get_data(bytes, &p.size), g_bytes_get_size(bytes));
  g_assert_true(g_file_set_contents(p.model, p.content, (gssize)p.size, NULL));
  g_bytes_unref(bytes);
  return p;
}

/* The model is as it was, and beside it lie n_others files. */
static void place_free(Place *p, guint n_others) {
  char *content;
  gsize size;
  g_assert_true(g_file_get_contents(p->model, &content, &size, NULL));
  g_assert_cmpmem(content, size, p->content, p->size);
  g_assert_cmpuint(folder_free(p->folder), ==, 1 + n_others);
  g_free(content);
  g_free(p->content);
  g_free(p->model);
  g_free(p->onnx);
}

/* Runs it; message has to be part of what it says. */
static void run(const char *path, int status, const char *message, const char *const *args) {
  GError *error = NULL;
  const char *argv[8] = {g_getenv("FMNIST_TRAIN"), "export"};
  char *out, *err;
  for (int i = 0; args[i]; i++)
    argv[2 + i] = args[i];
  GSubprocessLauncher *launcher =
      g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_subprocess_launcher_setenv(launcher, "FMNIST_MODEL_PATH", path ? path : "", TRUE);
  GSubprocess *p = g_subprocess_launcher_spawnv(launcher, argv, &error);
  g_assert_no_error(error);
  g_subprocess_communicate_utf8(p, NULL, NULL, &out, &err, &error);
  g_assert_no_error(error);
  g_test_message("%s%s", out, err);
  g_assert_true(g_subprocess_get_if_exited(p));
  g_assert_cmpint(g_subprocess_get_exit_status(p), ==, status);
  if (!strstr(status ? err : out, message))
    g_error("expected “%s” in “%s%s”", message, out, err);
  g_assert_cmpstr(status ? out : err, ==, "");
  g_free(out);
  g_free(err);
  g_object_unref(p);
  g_object_unref(launcher);
}
#define RUN(path, status, message, ...) run(path, status, message, (const char *const[]){__VA_ARGS__, NULL})

static Onnx__ModelProto *read_onnx(const char *path) {
  char *content;
  gsize size;
  g_assert_true(g_file_get_contents(path, &content, &size, NULL));
  Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, (const guint8 *)content);
  g_assert_nonnull(model);
  g_free(content);
  return model;
}

static const char *property(const Onnx__ModelProto *model, const char *key) {
  for (gsize i = 0; i < model->n_metadata_props; i++)
    if (g_str_equal(model->metadata_props[i]->key, key))
      return model->metadata_props[i]->value;
  return NULL;
}

static void test_good(void) {
  Place p = place_new();
  g_assert_true(g_file_set_contents(p.onnx, "an older export", -1, NULL));
  RUN(NULL, 0, "small.onnx: compact, 285619 parameters, opset 13, input N×1×28×28", "--model", p.model, "--onnx",
      p.onnx);
  Onnx__ModelProto *model = read_onnx(p.onnx);
  g_assert_cmpstr(model->graph->name, ==, "small");
  g_assert_cmpstr(model->graph->output[0]->name, ==, "logits");
  g_assert_cmpint(model->graph->output[0]->type->tensor_type->shape->dim[1]->dim_value, ==, 3);
  g_assert_cmpstr(property(model, "labels"), ==, "[\"red\",\"größer\",\"blue\"]");
  onnx__model_proto__free_unpacked(model, NULL);
  RUN(p.folder, 0, "opset 13", "-m", "small", "-o", p.onnx); /* by its name */
  place_free(&p, 1);
}

/* A detector's file can be for another size, and has then all that onnxinference asks for. */
static void test_size(void) {
  Place p = place_new();
  char *detector = g_build_filename(p.folder, "d.safetensors", NULL);
  write_detector(detector, "size=64", "12,16 20,30 32,24 40,48 60,44 70,80");
  RUN(NULL, 0, "yolov3-tiny:size=96, 8690666 parameters, opset 13, input N×3×96×96", "--model", detector, "--size=96",
      "--onnx", p.onnx);
  Onnx__ModelProto *model = read_onnx(p.onnx);
  for (int i = 0; i < 2; i++) {
    const Onnx__ValueInfoProto *output = model->graph->output[i];
    char *id = g_strdup_printf("yolov3-tiny-%s", output->name);
    g_assert_cmpint(output->type->tensor_type->shape->dim[2]->dim_value, ==, i ? 6 : 3);
    g_assert_cmpstr(property(model, output->name), ==, id);
    g_free(id);
  }
  g_assert_cmpstr(property(model, "arch_options"), ==, "size=96");
  g_assert_nonnull(strstr(property(model, "input"), "\"width\":96,\"height\":96"));
  g_assert_nonnull(property(model, "anchors"));
  onnx__model_proto__free_unpacked(model, NULL);
  RUN(NULL, 0, "input N×3×64×64", "--model", detector, "--onnx", p.onnx);
  RUN(NULL, 2, "100", "--model", detector, "--size=100", "--onnx", p.onnx);
  RUN(NULL, 2, "-32", "--model", detector, "--size=-32", "--onnx", p.onnx);
  RUN(NULL, 1, "--size is for detectors", "--model", p.model, "--size=32", "--onnx", p.onnx);
  g_free(detector);
  place_free(&p, 2);
}

static void test_usage(void) {
  Place p = place_new();
  RUN(NULL, 2, "--model FILE is missing", "--onnx", p.onnx);
  RUN(NULL, 2, "--model FILE is missing", "--model", "", "--onnx", p.onnx);
  RUN(NULL, 2, "--onnx FILE is missing", "--model", p.model);
  RUN(NULL, 2, "--onnx FILE is missing", "--model", p.model, "--onnx", "");
  RUN(NULL, 2, "unexpected argument", "--model", p.model, "--onnx", p.onnx, "more");
  RUN(NULL, 2, "--opset", "--model", p.model, "--onnx", p.onnx, "--opset=9");
  RUN(NULL, 0, "Usage", "--help");
  place_free(&p, 0);
}

static void test_refused(void) {
  Place p = place_new();
  char *nowhere = g_build_filename(p.folder, "no", "such", "x.onnx", NULL),
       *link = g_build_filename(p.folder, "link.onnx", NULL), *pipe = g_build_filename(p.folder, "pipe", NULL),
       *bad = g_build_filename(p.folder, "bad.safetensors", NULL);
  RUN(NULL, 1, "no-such-model", "--model", "no-such-model", "--onnx", p.onnx);
  RUN(NULL, 1, "missing.safetensors", "--model", "./missing.safetensors", "--onnx", p.onnx);
  RUN(NULL, 1, nowhere, "--model", p.model, "--onnx", nowhere);
  RUN(NULL, 1, "is a folder; give the name of a file", "--model", p.model, "--onnx", p.folder);
  RUN(NULL, 1, "is the model itself", "--model", p.model, "--onnx", p.model);
  g_assert_cmpint(symlink(p.model, link), ==, 0);
  RUN(NULL, 1, "is the model itself", "--model", p.model, "--onnx", link);
  g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
  RUN(NULL, 1, "is a device or a pipe; give the name of a file", "--model", p.model, "--onnx", pipe);
  g_assert_true(g_file_set_contents(bad, p.content, (gssize)p.size / 2, NULL));
  RUN(NULL, 1, "bad.safetensors", "--model", bad, "--onnx", p.onnx);
  g_free(nowhere);
  g_free(link);
  g_free(pipe);
  g_free(bad);
  place_free(&p, 3); /* the link, the pipe and the bad file: nothing was left behind */
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/export/good", test_good);
  g_test_add_func("/export/size", test_size);
  g_test_add_func("/export/usage", test_usage);
  g_test_add_func("/export/refused", test_refused);
  return g_test_run();
}
