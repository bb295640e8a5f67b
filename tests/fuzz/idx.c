/* Any bytes as an IDX file, plain or gzipped; the first byte chooses the number of dimensions expected. */
#include "fuzz.h"
#include "io/idx.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) { return 0; }

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size) {
  g_autoptr(GError) error = NULL;
  int dims[4] = {0};
  if (size == 0)
    return 0;
  int n_dims = data[0] % 4 + 1;
  g_autofree guint8 *values = fmn_idx_read(fuzz_file(data + 1, size - 1), n_dims, dims, &error);
  fuzz_judge(values != NULL, &error);
  gsize count = 1, sum = 0;
  for (int i = 0; i < n_dims && values; i++)
    count *= (gsize)dims[i];
  for (gsize i = 0; i < count && values; i++)
    sum += values[i];
  g_assert(sum <= 255 * count);
  return 0;
}
