/* Any bytes as a file of labels for the ten classes of a model. */
#include "fmnist.h"
#include "fuzz.h"
#include "gstfmnistmodel.h"

static FmnModel *model;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  model = fmn_model_open(NULL, NULL);
  g_assert(model);
  return 0;
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) labels = gst_fmnist_model_labels(model, fuzz_file(data, size), &error);
  fuzz_judge(labels != NULL, &error);
  for (guint i = 0; labels && i < labels->len; i++)
    g_assert(*(const char *)labels->pdata[i] && g_utf8_validate(labels->pdata[i], -1, NULL));
  g_assert(!labels || (int)labels->len == fmn_model_n_labels(model));
  return 0;
}
