/* Writes networks in the ONNX format (https://onnx.ai), opset 13: docs/onnx.md. Reads none. */
#ifndef FMN_IO_ONNX_H
#define FMN_IO_ONNX_H

#include "io/model_file.h"

#define FMN_ONNX_OPSET 13

/* The network as an ONNX model in memory (g_bytes_unref). Input `input`, N×C×H×W float32 after mean and std, any N. One
 * output is called `logits`; of several each has the name of the layer that yields it (head32, head16). Weights are
 * float32 initializers of PyTorch's names ("conv1.weight"). name: the graph's; metadata (string → string, may be NULL):
 * the model's properties, to which is added for each output, under its name, the id by which GStreamer's decoders find
 * it. The same arguments give the same bytes. Errors: FMN_ERROR_UNSUPPORTED for a layer without a counterpart in ONNX
 * and for a network above 2 GiB, the format's limit; G_FILE_ERROR_NOMEM. */
GBytes *fmn_onnx_bytes(const FmnGraph *g, const char *name, GHashTable *metadata, GError **error);

/* Writes a model with its metadata through a temporary file: path holds the old or the new content, whole. Messages
 * name path. */
gboolean fmn_onnx_save(const FmnModelFile *file, const char *path, GError **error);

#endif
