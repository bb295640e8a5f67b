/* Files that are none, or not what they say: each has to be refused with a message that tells what is wrong. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../folder.h"
#include "error.h"
#include "io/safetensors.h"

typedef struct {
  const char *name, *header;
  gsize data; /* bytes of zeros behind it */
  const char *message;
} Case;

#define T(shape, begin, end) "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"

static const Case headers[] = {
    {"overlap", "{\"a\":" T("[2]", 0, 8) ",\"b\":" T("[2]", 4, 12) "}", 12, "tensors a and b overlap"},
    {"same-bytes", "{\"a\":" T("[2]", 0, 8) ",\"b\":" T("[2]", 0, 8) "}", 8, "overlap"},
    {"gap", "{\"a\":" T("[2]", 0, 8) ",\"b\":" T("[2]", 12, 20) "}", 20, "a gap of 4 bytes before tensor b"},
    {"gap-at-start", "{\"a\":" T("[2]", 4, 12) "}", 12, "a gap of 4 bytes before tensor a"},
    {"trailing", "{\"a\":" T("[2]", 0, 8) "}", 9, "1 bytes after the last tensor"},
    {"no-tensors-but-data", "{}", 3, "3 bytes after the last tensor"},
    {"truncated-data", "{\"a\":" T("[2]", 0, 8) "}", 7, "ends at byte 8 of the data, of which there are 7"},
    {"beyond", "{\"a\":" T("[2]", 4611686018427387896, 4611686018427387904) "}", 8, "more than 18 digits"},
    {"beyond-18", "{\"a\":" T("[2]", 999999999999999990, 999999999999999998) "}", 8, "ends at byte 999999999999999998"},
    {"backwards", "{\"a\":" T("[2]", 8, 0) "}", 8, "are not [begin, end]"},
    {"negative-offset", "{\"a\":" T("[2]", -8, 0) "}", 8, "are not [begin, end]"},
    {"float-offset", "{\"a\":" T("[2]", 0, 8.0) "}", 8, "are not [begin, end]"},
    {"exponent-offset", "{\"a\":" T("[2]", 0, 8e0) "}", 8, "are not [begin, end]"},
    {"one-offset", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8]}}", 8, "are not [begin, end]"},
    {"three-offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}}", 8, "are not [begin, end]"},
    {"offsets-string", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":\"0,8\"}}", 8, "are not [begin, end]"},
    {"no-offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "are not [begin, end]"},
    {"wrong-length", "{\"a\":" T("[3]", 0, 8) "}", 8, "3 values of 4 bytes by its shape, but 8 bytes"},
    {"overflow-64", "{\"a\":" T("[2147483647,2147483647,8]", 0, 0) "}", 0, "more than memory can hold"},
    {"overflow-wraps-to-0", "{\"a\":" T("[65536,65536,65536,65536]", 0, 0) "}", 0, "more than memory can hold"},
    {"overflow-in-bytes", "{\"a\":" T("[1073741824,1073741824,4]", 0, 0) "}", 0, "more than memory can hold"},
    {"huge-but-fits", "{\"a\":" T("[1000000,1000000]", 0, 4000000000000) "}", 8, "of which there are 8"},
    {"dim-2^31", "{\"a\":" T("[2147483648]", 0, 8) "}", 8, "dimension 0 of tensor a is no whole number"},
    {"dim-negative", "{\"a\":" T("[2,-1]", 0, 8) "}", 8, "dimension 1 of tensor a is no whole number"},
    {"dim-float", "{\"a\":" T("[2.5]", 0, 8) "}", 8, "is no whole number"},
    {"dim-1e400", "{\"a\":" T("[1e400]", 0, 8) "}", 8, "is no whole number"},
    {"dim-huge", "{\"a\":" T("[99999999999999999999999]", 0, 8) "}", 8, "more than 18 digits"},
    {"dim-string", "{\"a\":" T("[\"2\"]", 0, 8) "}", 8, "is no whole number"},
    {"dim-true", "{\"a\":" T("[true]", 0, 8) "}", 8, "is no whole number"},
    {"dim-null", "{\"a\":" T("[null]", 0, 8) "}", 8, "is no whole number"},
    {"dim-octal", "{\"a\":" T("[010]", 0, 8) "}", 8, "malformed number"},
    {"dim-hexadecimal", "{\"a\":" T("[0x2]", 0, 8) "}", 8, "not proper JSON"},
    {"dims-9", "{\"a\":" T("[1,1,1,1,1,1,1,1,2]", 0, 8) "}", 8, "has 9 dimensions, at most 8"},
    {"shape-number", "{\"a\":" T("2", 0, 8) "}", 8, "has no list \"shape\""},
    {"no-shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, "has no list \"shape\""},
    {"type-i64", "{\"a\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8,
     "is of type I64; expected F32 or F16"},
    {"type-bf16", "{\"a\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,8]}}", 8, "is of type BF16"},
    {"type-number", "{\"a\":{\"dtype\":32,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "has no string \"dtype\""},
    {"no-type", "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "has no string \"dtype\""},
    {"tensor-list", "{\"a\":[2]}", 8, "tensor a is described by no JSON object"},
    {"tensor-null", "{\"a\":null}", 8, "tensor a is described by no JSON object"},
    {"name-twice", "{\"a\":" T("[1]", 0, 4) ",\"a\":" T("[1]", 4, 8) "}", 8, "\"a\" stands twice"},
    {"name-twice-escaped", "{\"a\":" T("[1]", 0, 4) ",\"\\u0061\":" T("[1]", 4, 8) "}", 8, "\"a\" stands twice"},
    {"key-twice", "{\"a\":{\"dtype\":\"I64\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
     "\"dtype\" stands twice"},
    {"name-empty", "{\"\":" T("[1]", 0, 4) "}", 4, "a tensor's name is empty"},
    {"name-escape-sequence", "{\"\\u001b[2J\":" T("[1]", 0, 4) "}", 4, "unprintable"},
    {"name-newline", "{\"a\\nb\":" T("[1]", 0, 4) "}", 4, "unprintable"},
    {"name-twice-escape-sequence", "{\"\\u001b]0;x\\u0007\":1,\"\\u001b]0;x\\u0007\":1}", 0, "\"\xef\xbf\xbd]0;x\xef\xbf\xbd\" stands twice"},
    {"metadata-twice", "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "stands twice"},
    {"metadata-list", "{\"__metadata__\":[]}", 0, "__metadata__ is no JSON object"},
    {"metadata-number", "{\"__metadata__\":{\"format\":1}}", 0, "\"format\" in __metadata__ is no string"},
    {"metadata-object", "{\"__metadata__\":{\"format\":{}}}", 0, "\"format\" in __metadata__ is no string"},
    {"nested", "{\"a\":{\"shape\":[[1]]}}", 0, "nested too deeply"},
    {"two-roots", "{}{\"a\":1}", 0, "something after the end"},
    {"unclosed", "{\"a\":{", 0, "ends too early"},
    {"mismatched", "{\"a\":[}]", 0, "not proper JSON"},
    {"trailing-comma", "{\"a\":" T("[2]", 0, 8) ",}", 8, "not proper JSON"},
    {"no-colon", "{\"a\" 1}", 0, "not proper JSON"},
    {"comment", "{/* [[[[[[ */}", 0, "not proper JSON at byte 1"},
    {"single-quotes", "{'a':1}", 0, "not proper JSON at byte 1"},
    {"bare-word", "{a:1}", 0, "not proper JSON at byte 1"},
    {"assignment", "{var a = {}}", 0, "not proper JSON at byte 1"},
    {"NaN", "{\"a\":NaN}", 0, "expected a value"},
    {"plus", "{\"a\":+1}", 0, "expected a value"},
    {"dot", "{\"a\":1.}", 0, "malformed number"},
    {"exponent", "{\"a\":1e}", 0, "malformed number"},
    {"minus", "{\"a\":-}", 0, "malformed number"},
    {"string-unclosed", "{\"a}", 0, "a string without an end"},
    {"string-newline", "{\"a\n\":1}", 0, "a control character in a string"},
    {"string-escape", "{\"a\\x\":1}", 0, "unknown escape"},
    {"string-escape-end", "{\"a\\", 0, "unknown escape"},
    {"string-u", "{\"a\\u12g4\":1}", 0, "without four hexadecimal digits"},
    {"string-zero", "{\"a\\u0000b\":1}", 0, "a zero character"},
    {"not-utf8", "{\"\xff\xfe\":1}", 0, "not UTF-8"},
    {"overlong-utf8", "{\"\xc0\x80\":1}", 0, "not UTF-8"},
    {"surrogate-alone", "{\"__metadata__\":{\"a\":\"\\ud800\"}}", 0, "half a surrogate pair"},
    {"surrogate-low", "{\"__metadata__\":{\"a\":\"\\udc00\\ud800\"}}", 0, "half a surrogate pair"},
    {"surrogate-cut", "{\"\\ud83dx", 0, "half a surrogate pair"},
};

static GBytes *pack(const char *header, gsize header_size, guint64 claimed, gsize data) {
  GByteArray *array = g_byte_array_new();
  guint64 length = GUINT64_TO_LE(claimed);
  g_byte_array_append(array, (const guint8 *)&length, 8);
  g_byte_array_append(array, (const guint8 *)header, (guint)header_size);
  guint at = array->len;
  g_byte_array_set_size(array, at + (guint)data);
  memset(array->data + at, 0, data);
  return g_byte_array_free_to_bytes(array);
}

/* The same answer from memory and from a file; message NULL: any. */
static void refused(GBytes *bytes, const char *message) {
  GError *error = NULL;
  char *folder = folder_new(), *path = g_build_filename(folder, "bad.safetensors", NULL);
  gsize size;
  const char *content = g_bytes_get_data(bytes, &size);
  g_assert_true(g_file_set_contents(path, content ? content : "", (gssize)size, NULL));
  for (int i = 0; i < 2; i++) {
    FmnSafetensors *file =
        i ? fmn_safetensors_load(path, &error) : fmn_safetensors_parse(bytes, "bad.safetensors", &error);
    if (!message && file) {
      fmn_safetensors_free(file);
      continue;
    }
    g_assert_null(file);
    g_assert_nonnull(error);
    g_test_message("%s", error->message);
    g_assert_cmpuint(error->domain, ==, FMN_ERROR);
    g_assert_nonnull(strstr(error->message, "bad.safetensors"));
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
    if (message && !strstr(error->message, message))
      g_error("expected \"%s\" in \"%s\"", message, error->message);
    g_clear_error(&error);
  }
  g_free(path);
  folder_free(folder);
  g_bytes_unref(bytes);
}

static void bad_header(gconstpointer data) {
  const Case *c = data;
  refused(pack(c->header, strlen(c->header), strlen(c->header), c->data), c->message);
}

typedef struct {
  const char *name, *content;
  gsize size;
  const char *message;
} Start;

#define S(name, content, message)                                                                                      \
  { name, content, sizeof content - 1, message }
static const Start starts[] = {
    S("empty", "", "the file is empty; expected safetensors, format fmnist-1; train one with"),
    S("one-byte", "x", "has only 1 bytes"),
    S("seven-bytes", "\x02\0\0\0\0\0\0", "has only 7 bytes"),
    S("length-only", "\x02\0\0\0\0\0\0\0", "truncated: its header needs 2 bytes, 0 are there"),
    S("length-0", "\0\0\0\0\0\0\0\0{}", "no JSON object"),
    S("length-1", "\1\0\0\0\0\0\0\0{}", "no JSON object"),
    S("length-beyond", "\x40\0\0\0\0\0\0\0{}", "truncated: its header needs 64 bytes, 2 are there"),
    S("length-2^60", "\0\0\0\0\0\0\0\x10{}", "its header would be 1152921504606846976 bytes long"),
    S("length-max", "\xff\xff\xff\xff\xff\xff\xff\xff{}", "18446744073709551615 bytes long, at most 1048576"),
    S("length-max-minus-8", "\xf8\xff\xff\xff\xff\xff\xff\xff{}", "bytes long, at most 1048576"),
    S("no-object", "\2\0\0\0\0\0\0\0[]", "no JSON object"),
    S("hdf5", "\x89HDF\r\n\x1a\n\0\0\0\0\0",
      "this is a Keras/HDF5 file; expected safetensors, format fmnist-1; train one with fmnist-train"),
    S("zip", "PK\3\4\0\0\0\0\0\0\0\0", "this is a zip archive, as PyTorch (.pt)"),
    S("pickle", "\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.", "this is a Python pickle"),
    S("pickle-4", "\x80\4\x95\0\0\0\0\0\0\0\0.", "this is a Python pickle"),
    S("numpy", "\x93NUMPY\1\0v\0{'descr'", "this is a NumPy file"),
    S("onnx", "\x08\x07\x12\x07pytorch\x1a", "this is an ONNX file"),
    S("gguf", "GGUF\3\0\0\0\0\0\0\0", "this is a GGUF file"),
    S("tflite", "\x1c\0\0\0TFL3\0\0\0\0", "this is a TensorFlow Lite file"),
    S("gzip", "\x1f\x8b\x08\0\0\0\0\0\0\3", "this is a gzip file"),
    S("lfs", "version https://git-lfs.github.com/spec/v1\noid", "this is a Git LFS pointer"),
    S("html", "<!DOCTYPE html><html>", "this is an HTML or XML page"),
    S("json", "{\"conv1.weight\": 1}", "this is JSON text"),
    S("text", "Hello, this is text.", "bytes long, at most 1048576"),
};

static void bad_start(gconstpointer data) {
  const Start *s = data;
  refused(g_bytes_new_static(s->content, s->size), s->message);
}

/* Brackets by the hundred thousand must not reach a parser that recurses. */
static void deep(void) {
  gsize n = 500000;
  char *header = g_malloc(n + 6);
  memcpy(header, "{\"a\":", 5);
  memset(header + 5, '[', n);
  refused(pack(header, n + 5, n + 5, 0), "nested too deeply");
  for (gsize i = 0; i + 5 < n; i += 5)
    memcpy(header + i, "{\"a\":", 5);
  refused(pack(header, n, n, 0), "nested too deeply");
  g_free(header);
}

static void wide(void) {
  GString *text = g_string_new("{\"a\":{\"shape\":[1");
  while (text->len < (1 << 20) - 8)
    g_string_append(text, ",1");
  g_string_append(text, "]}}");
  refused(pack(text->str, text->len, text->len, 0), "no string \"dtype\"");
  g_string_append(text, "        ");
  refused(pack(text->str, text->len, text->len, 0), "at most 1048576");
  g_string_free(text, TRUE);
}

static void bad_values(void) {
  static const struct {
    guint32 bits;
    gboolean half;
    const char *message;
  } cases[] = {{0x7fc00000, FALSE, "value 4999 of tensor a is NaN"},
               {0x7f800000, FALSE, "value 4999 of tensor a is infinite"},
               {0xff800000, FALSE, "infinite"},
               {0x7f800001, FALSE, "NaN"},
               {0x7c00, TRUE, "value 4999 of tensor a is infinite"},
               {0xfe00, TRUE, "NaN"}};
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    GError *error = NULL;
    const char *header = cases[i].half ? "{\"a\":{\"dtype\":\"F16\",\"shape\":[5000],\"data_offsets\":[0,10000]}}"
                                       : "{\"a\":" T("[5000]", 0, 20000) "}";
    gsize width = cases[i].half ? 2 : 4, size;
    GByteArray *array = g_bytes_unref_to_array(pack(header, strlen(header), strlen(header), 5000 * width));
    guint32 bits = GUINT32_TO_LE(cases[i].bits);
    memcpy(array->data + array->len - width, &bits, width);
    size = array->len;
    GBytes *bytes = g_bytes_new_take(g_byte_array_free(array, FALSE), size);
    FmnSafetensors *file = fmn_safetensors_parse(bytes, "bad", &error);
    g_assert_no_error(error);
    float *out = g_new(float, 5000);
    g_assert_false(fmn_safetensors_read(file, fmn_safetensors_find(file, "a"), out, &error));
    g_assert_error(error, FMN_ERROR, FMN_ERROR_FORMAT);
    g_assert_nonnull(strstr(error->message, cases[i].message));
    g_error_free(error);
    g_free(out);
    fmn_safetensors_free(file);
    g_bytes_unref(bytes);
  }
}

static void load_fails(const char *path, const char *message) {
  GError *error = NULL;
  g_assert_null(fmn_safetensors_load(path, &error));
  g_assert_nonnull(error);
  if (!strstr(error->message, message))
    g_error("expected \"%s\" in \"%s\"", message, error->message);
  g_error_free(error);
}

static void no_files(void) {
  char *folder = folder_new(), *path = g_build_filename(folder, "x.safetensors", NULL);
  load_fails(folder, "this is a folder");
  load_fails(path, "No such file");
  g_assert_cmpint(mkfifo(path, 0600), ==, 0);
  load_fails(path, "a device or a pipe");
  g_remove(path);
  load_fails("/dev/zero", "a device or a pipe");
  g_assert_cmpint(symlink("x.safetensors", path), ==, 0);
  load_fails(path, "can't open");
  g_remove(path);
  if (geteuid() != 0) {
    g_assert_true(g_file_set_contents(path, "{}", -1, NULL));
    g_assert_cmpint(g_chmod(path, 0), ==, 0);
    load_fails(path, "Permission denied");
  }
  g_free(path);
  folder_free(folder);
}

/* Every byte of a good file, flipped or cut there: an error or a good file, never a crash. */
static void damaged(void) {
  static const char header[] = "{\"__metadata__\":{\"k\":\"v\"},\"a\":" T("[2]", 0, 8) ",\"b\":" T("[]", 8, 12) "}  ";
  GBytes *good = pack(header, sizeof header - 1, sizeof header - 1, 12);
  gsize size;
  const guint8 *content = g_bytes_get_data(good, &size);
  guint accepted = 0;
  for (gsize i = 0; i < size; i++) {
    for (int bit = 0; bit <= 8; bit++) {
      guint8 *copy = g_memdup2(content, size);
      copy[i] ^= (guint8)(1 << bit);
      GBytes *bytes = g_bytes_new_take(copy, bit < 8 ? size : i);
      GError *error = NULL;
      FmnSafetensors *file = fmn_safetensors_parse(bytes, "damaged", &error);
      g_assert_true((file != NULL) == (error == NULL));
      g_assert_false(file && bit == 8);
      for (int k = 0; file && k < fmn_safetensors_n_tensors(file); k++) {
        float out[2];
        const FmnTensorInfo *info = fmn_safetensors_tensor(file, k);
        g_assert_cmpuint(info->count, <=, 2);
        fmn_safetensors_read(file, info, out, NULL);
      }
      accepted += file != NULL;
      fmn_safetensors_free(file);
      g_clear_error(&error);
      g_bytes_unref(bytes);
    }
  }
  g_assert_cmpuint(accepted, >, 96); /* the values, and letters of names */
  g_bytes_unref(good);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(headers); i++) {
    char *name = g_strconcat("/hostile/header/", headers[i].name, NULL);
    g_test_add_data_func(name, &headers[i], bad_header);
    g_free(name);
  }
  for (gsize i = 0; i < G_N_ELEMENTS(starts); i++) {
    char *name = g_strconcat("/hostile/start/", starts[i].name, NULL);
    g_test_add_data_func(name, &starts[i], bad_start);
    g_free(name);
  }
  g_test_add_func("/hostile/deep", deep);
  g_test_add_func("/hostile/wide", wide);
  g_test_add_func("/hostile/values", bad_values);
  g_test_add_func("/hostile/no-files", no_files);
  g_test_add_func("/hostile/damaged", damaged);
  return g_test_run();
}
