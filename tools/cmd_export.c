#include <stdio.h>

#include "command.h"
#include "detect/yolo.h"
#include "error.h"
#include "io/onnx.h"
#include "nets/nets.h"
#include "train/target.h"

/* The same weights for another size of input, which detectors can have. */
static gboolean resize(FmnModelFile *file, int size, GError **error) {
  int classes = (int)g_strv_length(file->labels);
  if (!fmn_yolo_fits(file->graph, classes)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "--size is for detectors; model “%s” (%s) is none, its input is %d×%d", file->name, file->arch,
                file->preprocess.width, file->preprocess.height);
    return FALSE;
  }
  g_autofree char *text = g_strdup_printf("%d", size);
  char *options = fmn_net_options_set(file->arch_options, "size", text);
  FmnGraph *g = fmn_net_build_bare(file->arch, options, classes, error);
  if (!g) {
    g_free(options);
    return FALSE;
  }
  fmn_graph_swap_weights(g, file->graph);
  fmn_graph_free(file->graph);
  file->graph = g;
  g_free(file->arch_options);
  file->arch_options = options;
  file->preprocess.width = file->preprocess.height = size;
  return TRUE;
}

static gboolean export(const char *model, int size, const char *onnx, GError **error) {
  g_autofree char *path = fmn_model_find_file(model, error);
  gboolean writable = path && fmn_target_check_file("--onnx", onnx, error) &&
                      fmn_target_check_not("--onnx", onnx, path, "the model itself", error);
  FmnModelFile *file = writable ? fmn_model_file_load(path, error) : NULL;
  gboolean ok = file && (!size || resize(file, size, error)) && fmn_onnx_save(file, onnx, error);
  if (ok) {
    FmnShape in = fmn_graph_node(file->graph, 0)->out;
    printf("%s: %s%s%s, %" G_GUINT64_FORMAT " parameters, opset %d, input N×%d×%d×%d\n", onnx, file->arch,
           *file->arch_options ? ":" : "", file->arch_options, fmn_graph_parameters(file->graph), FMN_ONNX_OPSET, in.c,
           in.h, in.w);
  }
  fmn_model_file_free(file);
  return ok;
}

static int run(int argc, char **argv) {
  char *model = NULL, *onnx = NULL;
  int size = 0;
  const GOptionEntry entries[] = {{"model", 'm', 0, G_OPTION_ARG_FILENAME, &model,
                                   "Model: a file, or the name of one in FMNIST_MODEL_PATH or installed", "FILE"},
                                  {"onnx", 'o', 0, G_OPTION_ARG_FILENAME, &onnx, "ONNX file to write", "FILE"},
                                  {"size", 's', 0, G_OPTION_ARG_INT, &size,
                                   "Width and height of a detector's input, a multiple of 32 (0 = the model's)", "N"},
                                  G_OPTION_ENTRY_NULL};
  GError *error = NULL;
  int status = EXIT_USAGE;
  if (command_parse(
          &argc, &argv, NULL, "Writes a model for other programs, in the ONNX format.",
          "Input: “input”, N×C×H×W, float32, (v / 255 − mean) / std. Output: “logits”, N×classes; of a detector "
          "its raw heads, “head32” and “head16”.",
          entries, 0)) {
    if (!model || !*model)
      command_usage("--model FILE is missing");
    else if (!onnx || !*onnx)
      command_usage("--onnx FILE is missing");
    else if (size && !fmn_yolo_side_fits(size))
      command_usage("--size must be a multiple of %d up to %d, not %d", FMN_YOLO_STRIDE, FMN_YOLO_MAX_SIDE, size);
    else
      status = export(model, size, onnx, &error) ? EXIT_OK : command_fail(error);
  }
  g_free(model);
  g_free(onnx);
  return status;
}

const Command command_export = {"export", "write a model in the ONNX format", run};
