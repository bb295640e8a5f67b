/* How fast each set of kernels is: test-kernels -m perf -p /kernels/bench */
#include <string.h>

#include "arrays.h"
#include "kernels/kernels.h"

#define INPUTS 64
#define TAPS 9
#define CHANNELS 64
#define ROWS 784
#define DENSE 25088

typedef struct {
  const FmnKernels *kernels;
  float *x, *y, *w;
  const float *rows[FMN_PRODUCT_ROWS * TAPS], *tile[64];
} Bench;

static void run_product(const Bench *b, gboolean half) {
  for (int i = 0; i < ROWS / FMN_PRODUCT_ROWS; i++)
    b->kernels->product(b->rows, FMN_PRODUCT_ROWS, TAPS, INPUTS, (FmnPacked){b->w, half}, 0, b->y, CHANNELS, FMN_LANES, FALSE);
}

static void run_product_float(const Bench *b) { run_product(b, FALSE); }
static void run_product_half(const Bench *b) { run_product(b, TRUE); }
static void run_dot(const Bench *b) { b->kernels->dot((FmnPacked){b->w, FALSE}, 0, DENSE, b->x, 1, DENSE, b->y, 1); }
static void run_dot_half(const Bench *b) { b->kernels->dot((FmnPacked){b->w, TRUE}, 0, DENSE, b->x, 1, DENSE, b->y, 1); }

static void run_dot_outputs(const Bench *b) { b->kernels->dot_outputs((FmnPacked){b->w, TRUE}, 0, DENSE / FMN_DOT_OUTPUTS, b->x, b->y); }

static void run_sum(const Bench *b) {
  double sum[CHANNELS] = {0};
  b->kernels->channel_sum(sum, b->x, ROWS, CHANNELS);
}
static void run_relu(const Bench *b) { b->kernels->activate(b->y, b->x, ROWS * CHANNELS, FMN_ACT_RELU, 0.f); }
static void run_swish(const Bench *b) { b->kernels->activate(b->y, b->x, ROWS * CHANNELS, FMN_ACT_SWISH, 0.f); }

static void run_winograd(const Bench *b, FmnWinograd f) {
  static const FmnEpilogue relu = {.act = FMN_ACT_RELU};
  float out[5 * 5 * 16];
  int size = f == FMN_WINOGRAD_5_3 ? 5 : 4;
  b->kernels->winograd_input(f, b->tile, 16, b->y, 16);
  b->kernels->winograd_output(f, b->y, 16, &relu, out, 5 * 16, 16, size, size);
}
static void run_winograd_larger(const Bench *b) { run_winograd(b, FMN_WINOGRAD_5_3); }
static void run_winograd_3(const Bench *b) { run_winograd(b, FMN_WINOGRAD_4_3); }
static void run_winograd_5(const Bench *b) { run_winograd(b, FMN_WINOGRAD_4_5); }

static const struct {
  const char *name, *unit;
  void (*run)(const Bench *b);
  double work; /* of a call: in floating-point operations or bytes, giving 1e9 units a second */
} cases[] = {
    {"product", "GFLOPS", run_product_float, 2.0 * (ROWS / FMN_PRODUCT_ROWS) * FMN_PRODUCT_ROWS * TAPS * INPUTS * FMN_LANES},
    {"product, half weights", "GFLOPS", run_product_half,
     2.0 * (ROWS / FMN_PRODUCT_ROWS) * FMN_PRODUCT_ROWS * TAPS * INPUTS * FMN_LANES},
    {"dot", "GB/s", run_dot, 4.0 * DENSE},
    {"dot, half weights", "GB/s", run_dot_half, 2.0 * DENSE},
    {"dot, half weights, by four", "GB/s", run_dot_outputs, 2.0 * DENSE},
    {"channel_sum", "GB/s", run_sum, 4.0 * ROWS * CHANNELS},
    {"activate, ReLU", "GB/s", run_relu, 8.0 * ROWS * CHANNELS},
    {"activate, swish", "GB/s", run_swish, 8.0 * ROWS * CHANNELS},
    {"Winograd 3×3, a tile of 16", "M/s", run_winograd_3, 1e3},
    {"Winograd 3×3, larger tile", "M/s", run_winograd_larger, 1e3},
    {"Winograd 5×5, a tile of 16", "M/s", run_winograd_5, 1e3},
};

/* The best of many runs, in units of 1e9 a second. */
static double measure(const Bench *b, gsize which) {
  double best = 0;
  for (int round = 0; round < 20; round++) {
    int calls = 0;
    gint64 start = g_get_monotonic_time(), now;
    do {
      cases[which].run(b);
      calls++;
    } while ((now = g_get_monotonic_time()) - start < 2000);
    best = MAX(best, cases[which].work * calls / (double)(now - start) * 1e-3);
  }
  return best;
}

void bench_kernels(void) {
  const FmnKernels *const *all = fmn_kernels_all();
  gsize n = MAX(ROWS * CHANNELS, DENSE);
  Bench b = {.x = random_floats(n, 1), .y = random_floats(n, 2), .w = random_floats(MAX(DENSE, TAPS * INPUTS * FMN_LANES), 3)};
  memset(b.w, 0, DENSE * sizeof *b.w); /* any bits are a number, in both precisions */
  for (gsize i = 0; i < G_N_ELEMENTS(b.rows); i++)
    b.rows[i] = b.x + i * INPUTS;
  for (gsize i = 0; i < G_N_ELEMENTS(b.tile); i++)
    b.tile[i] = b.x + i * CHANNELS;
  for (gsize k = 0; k < G_N_ELEMENTS(cases); k++) {
    GString *line = g_string_new(NULL);
    g_string_append_printf(line, "%-28s %-6s", cases[k].name, cases[k].unit);
    for (const FmnKernels *const *set = all; *set; set++) {
      b.kernels = *set;
      g_string_append_printf(line, "  %s %8.2f", (*set)->name, measure(&b, k));
    }
    g_test_message("%s", line->str);
    g_string_free(line, TRUE);
  }
  free_all(3, b.x, b.y, b.w);
}
