/* Any JSON as the metadata of a model whose weights fit: what it says of input and preparation is put to use. The
 * weights are those of the embedded model. */
#include <math.h>
#include <string.h>

#include "fmnist.h"
#include "fuzz.h"
#include "image/crop.h"
#include "io/model_file.h"

static GByteArray *weights; /* the data behind the header */
static GString *tensors;    /* the header's lines about it, a comma before each */

static void add_tensor(const char *name, FmnParam *param, gpointer user) {
  gsize size = fmn_param_count(param) * sizeof(float);
  g_string_append_printf(tensors, ",\"%s\":{\"dtype\":\"F32\",\"shape\":[", name);
  for (int i = 0; i < param->n_dims; i++)
    g_string_append_printf(tensors, "%s%d", i ? "," : "", param->dims[i]);
  g_string_append_printf(tensors, "],\"data_offsets\":[%u,%u]}", weights->len, weights->len + (guint)size);
  g_byte_array_append(weights, (const guint8 *)param->data, (guint)size);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  FmnModelFile *file = fmn_model_file_new("compact", NULL, NULL, NULL);
  weights = g_byte_array_new();
  tensors = g_string_new(NULL);
  fmn_graph_foreach_param(file->graph, add_tensor, NULL);
  fmn_model_file_free(file);
  return 0;
}

static void classify(FmnModel *model) {
  const FmnPreprocess *p = fmn_model_preprocess(model);
  gsize size = (gsize)p->width * (gsize)p->height * (gsize)p->channels;
  guint8 pixels[3 * 24 * 16], covered[12 * 8];
  g_autofree guint8 *picture = g_malloc(size);
  g_autofree float *out = g_new(float, (gsize)fmn_model_n_labels(model));
  FmnImageFormat format;
  fmn_image_format_rgb(&format, 24, 16);
  for (gsize i = 0; i < sizeof pixels; i++)
    pixels[i] = (guint8)(i * 37);
  for (gsize i = 0; i < sizeof covered; i++)
    covered[i] = i % 12 > 2 && i % 12 < 9 ? 255 : 0;
  FmnImage image = {&format, {pixels}, {3 * 24}};
  FmnBox box = {0.1, 0.2, 0.7, 0.6};
  FmnMask mask = {box, 12, 8, covered};
  FmnSampler *sampler = fmn_sampler_new(&format);
  fmn_crop(sampler, &image, &box, &mask, p, picture);
  fmn_sampler_free(sampler);
  FmnClassifier *c = fmn_classifier_new(model, 1);
  fmn_classifier_run(c, picture, out);
  fmn_classifier_free(c);
  float sum = 0;
  for (int i = 0; i < fmn_model_n_labels(model); i++)
    sum += out[i];
  g_assert(fabsf(sum - 1) < 1e-3f);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size) {
  g_autoptr(GError) error = NULL;
  GByteArray *all = g_byte_array_new();
  GString *header = g_string_new("{\"__metadata__\":");
  g_string_append_len(header, size ? (const char *)data : "", (gssize)size);
  g_string_append_len(header, tensors->str, (gssize)tensors->len);
  g_string_append_c(header, '}');
  guint64 length = GUINT64_TO_LE(header->len);
  g_byte_array_append(all, (const guint8 *)&length, 8);
  g_byte_array_append(all, (const guint8 *)header->str, (guint)header->len);
  g_byte_array_append(all, weights->data, weights->len);
  g_string_free(header, TRUE);
  g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes(all);
  FmnModel *model = fmn_model_new_from_bytes(bytes, "fuzz", &error);
  fuzz_judge(model != NULL, &error);
  if (model)
    classify(model);
  fmn_model_unref(model);
  return 0;
}
