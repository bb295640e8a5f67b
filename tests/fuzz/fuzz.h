/* What the fuzz targets share. Each is built as a libFuzzer program with -Dfuzz=true (clang), and always with replay.c,
 * which runs it over the kept corpus. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <gio/gio.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* A path of a file in memory with that content; the next call replaces it. */
const char *fuzz_file(const guint8 *data, gsize size);

/* The rule for whatever reads what it did not write: a result or an error that says something in UTF-8, never both.
 * Clears the error. */
void fuzz_judge(gboolean result, GError **error);

/* data as text with a zero at its end; g_free. */
char *fuzz_text(const guint8 *data, gsize size);

#endif
