#include "train/schedule.h"

#include <math.h>
#include <string.h>

#include "error.h"

#define PLATEAU_MIN_SCALE 1e-4
#define PLATEAU_THRESHOLD 1e-4 /* share by which the loss must fall to count as falling */
#define ONECYCLE_RISE 0.3
#define ONECYCLE_START (1 / 25.0)
#define ONECYCLE_END (1 / 250000.0)

#define MAX_NUMBERS 4

/* The numbers after the name, in the order of factor, period, rest, minimum. */
static const struct {
  const char *name;
  FmnScheduleKind kind;
  int n_numbers;
  double initial[MAX_NUMBERS];
} schedules[] = {
    {"constant", FMN_SCHEDULE_CONSTANT, 0, {1, 1}},    {"step", FMN_SCHEDULE_STEP, 2, {0.1, 10}},
    {"plateau", FMN_SCHEDULE_PLATEAU, 4, {0.1, 3, 2}}, {"cosine", FMN_SCHEDULE_COSINE, 0, {1, 1}},
    {"onecycle", FMN_SCHEDULE_ONECYCLE, 0, {1, 1}},
};

static const struct { double min, max; } ranges[MAX_NUMBERS] = {{1e-6, 1}, {1, 1e6}, {0, 1e6}, {0, 1e3}};

static gboolean number(const char *text, double min, double max, double *value) {
  char *end;
  *value = g_ascii_strtod(text, &end);
  return *text && !*end && *value >= min && *value <= max;
}

gboolean fmn_schedule_parse(const char *text, FmnSchedule *s, GError **error) {
  g_auto(GStrv) parts = g_strsplit(text, ":", -1);
  int n = (int)g_strv_length(parts);
  for (gsize i = 0; n > 0 && i < G_N_ELEMENTS(schedules); i++) {
    double numbers[MAX_NUMBERS];
    gboolean ok = strcmp(parts[0], schedules[i].name) == 0 && n - 1 <= schedules[i].n_numbers;
    memcpy(numbers, schedules[i].initial, sizeof numbers);
    for (int k = 1; ok && k < n; k++)
      ok = number(parts[k], ranges[k - 1].min, ranges[k - 1].max, &numbers[k - 1]);
    if (!ok)
      continue;
    s->kind = schedules[i].kind;
    s->factor = numbers[0];
    s->period = numbers[1];
    s->rest = numbers[2];
    s->minimum = n - 1 == MAX_NUMBERS ? numbers[3] : s->rate * PLATEAU_MIN_SCALE;
    s->scale = 1;
    s->best = HUGE_VAL;
    s->bad = s->cooldown = 0;
    return TRUE;
  }
  g_set_error(
      error, FMN_ERROR, FMN_ERROR_ARGUMENT,
      "schedule “%s”: expected constant, step[:FACTOR[:EPOCHS]], "
      "plateau[:FACTOR[:PATIENCE[:COOLDOWN[:MINIMUM]]]], cosine or onecycle (0 < FACTOR ≤ 1, EPOCHS and PATIENCE "
      "≥ 1, COOLDOWN ≥ 0 epochs, MINIMUM ≥ 0, a learning rate)",
      text);
  return FALSE;
}

/* From a at x = 0 to b at x = 1 along half a cosine. */
static double anneal(double a, double b, double x) { return b + (a - b) * 0.5 * (1 + cos(G_PI * CLAMP(x, 0, 1))); }

static double onecycle(const FmnSchedule *s, gint64 step) {
  double last = (double)MAX(1, s->epochs * s->steps_per_epoch - 1);
  double peak = s->warmup > 0 ? s->warmup * (double)s->steps_per_epoch : ONECYCLE_RISE * (last + 1);
  peak = CLAMP(peak - 1, 0, last);
  double t = (double)step;
  if (t < peak)
    return anneal(s->rate * ONECYCLE_START, s->rate, t / peak);
  return anneal(s->rate, s->rate * ONECYCLE_END, (t - peak) / MAX(1, last - peak));
}

double fmn_schedule_rate(const FmnSchedule *s, gint64 step) {
  if (s->kind == FMN_SCHEDULE_ONECYCLE)
    return onecycle(s, step);
  double warmup = s->warmup * (double)s->steps_per_epoch, t = (double)step;
  if (t < warmup)
    return s->rate * s->scale * (t + 1) / (warmup + 1);
  switch (s->kind) {
  case FMN_SCHEDULE_STEP:
    return s->rate * pow(s->factor, floor((double)(step / s->steps_per_epoch) / s->period));
  case FMN_SCHEDULE_PLATEAU:
    return s->rate * s->scale;
  case FMN_SCHEDULE_COSINE:
    return anneal(s->rate, 0, (t - warmup) / MAX(1, (double)(s->epochs * s->steps_per_epoch) - warmup));
  default:
    return s->rate;
  }
}

void fmn_schedule_epoch(FmnSchedule *s, double loss) {
  if (s->kind != FMN_SCHEDULE_PLATEAU)
    return;
  if (loss < s->best * (1 - PLATEAU_THRESHOLD)) {
    s->best = loss;
    s->bad = 0;
  } else {
    s->bad++;
  }
  if (s->cooldown > 0) {
    s->cooldown--;
    s->bad = 0;
  }
  if (s->bad > s->period) {
    /* A minimum above the rate itself leaves it alone. */
    s->scale = MAX(s->scale * s->factor, MIN(s->minimum / s->rate, s->scale));
    s->cooldown = (int)s->rest;
    s->bad = 0;
  }
}
