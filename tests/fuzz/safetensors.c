/* Any bytes as a safetensors file, all that it claims to hold read. */
#include "fuzz.h"
#include "io/safetensors.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) { return 0; }

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = g_bytes_new_static(data, size);
  FmnSafetensors *file = fmn_safetensors_parse(bytes, "fuzz", &error);
  fuzz_judge(file != NULL, &error);
  for (int i = 0; file && i < fmn_safetensors_n_tensors(file); i++) {
    const FmnTensorInfo *info = fmn_safetensors_tensor(file, i);
    g_assert(info->count <= size && fmn_safetensors_find(file, info->name) == info);
    g_autofree float *values = g_new(float, info->count);
    fuzz_judge(fmn_safetensors_read(file, info, values, &error), &error);
  }
  fmn_safetensors_free(file);
  return 0;
}
