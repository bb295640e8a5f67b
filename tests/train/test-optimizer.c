#include "golden.h"
#include "train/optimizer.h"
#include "train/schedule.h"

#define N 40
#define STEPS 6

typedef struct {
  const char *name;
  FmnOptimizerConfig config;
  double rate;
} Case;

static const Case cases[] = {
    {"adam", {FMN_OPTIMIZER_ADAM, 0.9, 0, FALSE}, 0.01},
    {"adamw", {FMN_OPTIMIZER_ADAM, 0.9, 0.1, FALSE}, 0.01},
    {"sgd", {FMN_OPTIMIZER_SGD, 0.9, 0, FALSE}, 0.05},
    {"nesterov", {FMN_OPTIMIZER_SGD, 0.8, 0.01, TRUE}, 0.05},
    {"adamw-clipped", {FMN_OPTIMIZER_ADAM, 0.9, 0.1, FALSE, .clip_norm = 6}, 0.01},
    {"sgd-clipped", {FMN_OPTIMIZER_SGD, 0.9, 0, FALSE, .clip_norm = 6}, 0.05},
};

static void run_case(const Case *c, FmnPool *pool) {
  FmnSafetensors *file = golden_open("optimizers.safetensors");
  g_autofree float *w = golden_read(file, "start", N), *gradients = golden_read(file, "gradients", N * STEPS),
                   *expected = golden_read(file, c->name, N), *frozen = g_memdup2(w, N * sizeof(float));
  FmnParam params[2] = {{"weight", 1, {N}, TRUE, TRUE, w}, {"running_mean", 1, {N}, FALSE, FALSE, frozen}};
  float gradient[N];
  FmnTrainParam list[2] = {{NULL, &params[0], gradient}, {NULL, &params[1], NULL}};
  FmnOptimizer *o = fmn_optimizer_new(&c->config, list, 2, pool);
  for (int i = 0; i < STEPS; i++) {
    memcpy(gradient, gradients + i * N, sizeof gradient);
    fmn_optimizer_step(o, c->rate);
  }
  g_assert_cmpfloat(golden_difference(w, expected, N), <, 1e-5);
  g_assert_cmpint(*fmn_optimizer_steps(o), ==, STEPS);
  g_assert_null(fmn_optimizer_state(o, 1, 0));
  fmn_optimizer_free(o);
  g_free(expected);
  expected = golden_read(file, "start", N);
  g_assert_cmpmem(frozen, N * sizeof(float), expected, N * sizeof(float));
  fmn_safetensors_free(file);
}

static void test_golden(gconstpointer data) {
  FmnPool *pool = fmn_pool_new(3);
  run_case(data, NULL);
  run_case(data, pool);
  fmn_pool_free(pool);
}

/* Biases are not decayed: FmnParam.decay decides. */
static void test_no_decay(void) {
  float w[1] = {2}, b[1] = {2}, zero[1] = {0};
  FmnParam params[2] = {{"weight", 1, {1}, TRUE, TRUE, w}, {"bias", 1, {1}, TRUE, FALSE, b}};
  FmnTrainParam list[2] = {{NULL, &params[0], zero}, {NULL, &params[1], zero}};
  FmnOptimizerConfig config = {FMN_OPTIMIZER_ADAM, 0.9, 0.5, FALSE};
  FmnOptimizer *o = fmn_optimizer_new(&config, list, 2, NULL);
  fmn_optimizer_step(o, 0.1);
  fmn_optimizer_free(o);
  g_assert_cmpfloat_with_epsilon(w[0], 2 * (1 - 0.1 * 0.5), 1e-6);
  g_assert_cmpfloat(b[0], ==, 2);
}

/* The length is that of all weights together, in tensors of more than one chunk, too; what has no gradient is left. */
static void test_clip(void) {
  enum { MANY = 40000 };
  g_autofree float *w = g_new0(float, MANY), *g = g_new(float, MANY);
  float b[1] = {0}, mean[1] = {7}, gb[1] = {-300};
  for (int i = 0; i < MANY; i++)
    g[i] = 2; /* √(40000·2²) = 400, with b's 500 */
  FmnParam params[3] = {{"weight", 1, {MANY}, TRUE, TRUE, w},
                        {"bias", 1, {1}, TRUE, FALSE, b},
                        {"running_mean", 1, {1}, FALSE, FALSE, mean}};
  FmnTrainParam list[3] = {{NULL, &params[0], g}, {NULL, &params[1], gb}, {NULL, &params[2], NULL}};
  FmnOptimizerConfig config = {FMN_OPTIMIZER_SGD, 0, 0, FALSE, .clip_norm = 50};
  FmnPool *pool = fmn_pool_new(2);
  FmnOptimizer *o = fmn_optimizer_new(&config, list, 3, pool);
  fmn_optimizer_step(o, 1);
  fmn_optimizer_free(o);
  fmn_pool_free(pool);
  for (int i = 0; i < MANY; i++)
    g_assert_cmpfloat_with_epsilon(w[i], -0.2, 1e-5);
  g_assert_cmpfloat_with_epsilon(b[0], 30, 1e-3);
  g_assert_cmpfloat(mean[0], ==, 7);
}

static void test_ema(void) {
  float w[2] = {1, -1}, mean[1] = {4};
  FmnParam params[2] = {{"weight", 1, {2}, TRUE, TRUE, w}, {"running_mean", 1, {1}, FALSE, FALSE, mean}};
  FmnTrainParam list[2] = {{NULL, &params[0], w}, {NULL, &params[1], NULL}};
  FmnEma *e = fmn_ema_new(0.5, list, 2, NULL);
  double expected = 1, statistic = 4;
  for (int t = 1; t <= 20; t++) {
    w[0] = (float)t;
    mean[0] = (float)-t;
    fmn_ema_step(e);
    double decay = fmin(0.5, (1.0 + t) / (10.0 + t));
    expected = decay * expected + (1 - decay) * t;
    statistic = decay * statistic - (1 - decay) * t;
  }
  g_assert_cmpfloat_with_epsilon(fmn_ema_average(e, 0)[0], expected, 1e-4);
  g_assert_cmpfloat_with_epsilon(fmn_ema_average(e, 0)[1], -1, 1e-6);
  g_assert_cmpfloat_with_epsilon(fmn_ema_average(e, 1)[0], statistic, 1e-4);
  g_assert_cmpint(*fmn_ema_steps(e), ==, 20);
  fmn_ema_free(e);
}

static FmnSchedule schedule(const char *text, double rate, double warmup) {
  g_autoptr(GError) error = NULL;
  FmnSchedule s = {.rate = rate, .steps_per_epoch = 10, .epochs = 5, .warmup = warmup};
  fmn_schedule_parse(text, &s, &error);
  g_assert_no_error(error);
  return s;
}

static void test_schedules_golden(void) {
  FmnSafetensors *file = golden_open("schedules.safetensors");
  const struct {
    const char *name;
    double rate;
  } curves[] = {{"onecycle", 0.2}, {"cosine", 1}};
  for (gsize k = 0; k < G_N_ELEMENTS(curves); k++) {
    g_autofree float *expected = golden_read(file, curves[k].name, 50);
    FmnSchedule s = schedule(curves[k].name, curves[k].rate, 0);
    for (int i = 0; i < 50; i++)
      g_assert_cmpfloat_with_epsilon(fmn_schedule_rate(&s, i), expected[i], 1e-6);
  }
  const int n = 53;
  g_autofree float *losses = golden_read(file, "losses", n), *expected = golden_read(file, "plateau", n);
  FmnSchedule s = schedule("plateau", 1, 0);
  for (int i = 0; i < n; i++) {
    fmn_schedule_epoch(&s, losses[i]);
    g_assert_cmpfloat_with_epsilon(fmn_schedule_rate(&s, 1000), expected[i], 1e-6);
  }
  g_assert_cmpfloat_with_epsilon(expected[n - 1], 1e-4, 1e-9); /* it did come down to the floor */
  fmn_safetensors_free(file);
}

static void test_schedules_closed_form(void) {
  FmnSchedule s = schedule("step:0.5:2", 0.8, 0);
  g_assert_cmpfloat_with_epsilon(fmn_schedule_rate(&s, 19), 0.8, 1e-9);
  g_assert_cmpfloat_with_epsilon(fmn_schedule_rate(&s, 20), 0.4, 1e-9);
  g_assert_cmpfloat_with_epsilon(fmn_schedule_rate(&s, 49), 0.2, 1e-9);
  s = schedule("constant", 0.3, 2);
  g_assert_cmpfloat_with_epsilon(fmn_schedule_rate(&s, 0), 0.3 / 21, 1e-9);
  g_assert_cmpfloat_with_epsilon(fmn_schedule_rate(&s, 19), 0.3 * 20 / 21, 1e-9);
  g_assert_cmpfloat_with_epsilon(fmn_schedule_rate(&s, 20), 0.3, 1e-9);
  s = schedule("cosine", 1, 1);
  g_assert_cmpfloat_with_epsilon(fmn_schedule_rate(&s, 10), 1, 1e-9);
  g_assert_cmpfloat_with_epsilon(fmn_schedule_rate(&s, 30), 0.5, 1e-9);
  s = schedule("onecycle", 1, 2); /* the rise as long as asked for */
  g_assert_cmpfloat_with_epsilon(fmn_schedule_rate(&s, 19), 1, 1e-9);
  g_assert_cmpfloat(fmn_schedule_rate(&s, 18), <, 1);
  g_assert_cmpfloat(fmn_schedule_rate(&s, 20), <, 1);
}

/* The loss never falls: reduced whenever patience is over, with the rests between that are asked for, to the minimum.
 */
static void test_plateau_options(void) {
  const struct {
    const char *text;
    double rates[10]; /* after so many epochs */
  } plateaus[] = {
      {"plateau:0.5:1:0", {.8, .8, .4, .4, .2, .2, .1, .1, .05, .05}},
      {"plateau:0.5:1:1", {.8, .8, .4, .4, .4, .2, .2, .2, .1, .1}},
      {"plateau:0.5:1:0:0.15", {.8, .8, .4, .4, .2, .2, .15, .15, .15, .15}},
      {"plateau:0.5:1:0:5", {.8, .8, .8, .8, .8, .8, .8, .8, .8, .8}},
      {"plateau:0.1:2:2", {.8, .8, .8, .08, .08, .08, .08, .08, .008, .008}},
  };
  for (gsize k = 0; k < G_N_ELEMENTS(plateaus); k++) {
    FmnSchedule s = schedule(plateaus[k].text, 0.8, 0);
    for (int i = 0; i < 10; i++) {
      fmn_schedule_epoch(&s, 1);
      g_assert_cmpfloat_with_epsilon(fmn_schedule_rate(&s, 1000), plateaus[k].rates[i], 1e-9);
    }
  }
  /* That of the published training of wide residual networks: a fifth after every 20 epochs. */
  FmnSchedule s = schedule("step:0.2:20", 0.1, 0);
  g_assert_cmpfloat_with_epsilon(fmn_schedule_rate(&s, 199), 0.1, 1e-9);
  g_assert_cmpfloat_with_epsilon(fmn_schedule_rate(&s, 200), 0.02, 1e-9);
  g_assert_cmpfloat_with_epsilon(fmn_schedule_rate(&s, 400), 0.004, 1e-9);
}

static void test_schedule_errors(void) {
  const char *wrong[] = {
      "",         "linear",      "step:",         "step:2",           "step:0.5:0",        "step:0.5:2:1",
      "cosine:1", "plateau:nan", "plateau:0.1:x", "plateau:0.1:3:-1", "plateau:0.1:3:2:x", "plateau:0.1:3:2:0:1"};
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autoptr(GError) error = NULL;
    FmnSchedule s = {.rate = 1};
    g_assert_false(fmn_schedule_parse(wrong[i], &s, &error));
    g_assert_nonnull(strstr(error->message, "onecycle"));
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *path = g_strconcat("/optimizer/", cases[i].name, NULL);
    g_test_add_data_func(path, &cases[i], test_golden);
  }
  g_test_add_func("/optimizer/no-decay", test_no_decay);
  g_test_add_func("/optimizer/clip", test_clip);
  g_test_add_func("/optimizer/ema", test_ema);
  g_test_add_func("/schedule/golden", test_schedules_golden);
  g_test_add_func("/schedule/closed-form", test_schedules_closed_form);
  g_test_add_func("/schedule/plateau-options", test_plateau_options);
  g_test_add_func("/schedule/errors", test_schedule_errors);
  return g_test_run();
}
