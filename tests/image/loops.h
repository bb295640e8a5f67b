/* What the tests of loops share: data, and that they run for every set of loops of this machine. */
#ifndef TESTS_IMAGE_LOOPS_H
#define TESTS_IMAGE_LOOPS_H

#include <glib.h>

#include "image/work.h"

static const int sizes[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 112, 160, 200};

static inline guint8 *bytes(GRand *rand, gsize n) {
  guint8 *data = g_malloc(n);
  for (gsize i = 0; i < n; i++)
    data[i] = (guint8)g_rand_int_range(rand, 0, 256);
  return data;
}

static inline guint16 *words(GRand *rand, gsize n) {
  guint16 *data = g_new(guint16, n);
  for (gsize i = 0; i < n; i++)
    data[i] = (guint16)g_rand_int_range(rand, 0, 255 * 256 + 1);
  return data;
}

typedef struct {
  const char *name;
  GTestDataFunc run; /* of an FmnLoops */
} LoopsTest;

static inline int run_loops_tests(int argc, char **argv, const LoopsTest *tests, guint n) {
  g_test_init(&argc, &argv, NULL);
  for (int i = 0; i < fmn_loops_count(); i++)
    for (guint k = 0; k < n; k++) {
      g_autofree char *path = g_strdup_printf("/image/loops/%s/%s", fmn_loops_at(i)->name, tests[k].name);
      g_test_add_data_func(path, fmn_loops_at(i), tests[k].run);
    }
  return g_test_run();
}

#endif
