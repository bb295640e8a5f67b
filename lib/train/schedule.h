/* Learning-rate schedules. */
#ifndef FMN_TRAIN_SCHEDULE_H
#define FMN_TRAIN_SCHEDULE_H

#include <glib.h>

typedef enum {
  FMN_SCHEDULE_CONSTANT,
  FMN_SCHEDULE_STEP,     /* times factor after every period epochs */
  FMN_SCHEDULE_PLATEAU,  /* times factor when the watched loss has not fallen for patience epochs */
  FMN_SCHEDULE_COSINE,   /* down to 0 along half a cosine (Loshchilov & Hutter 2017) */
  FMN_SCHEDULE_ONECYCLE, /* from rate/25 up to rate and down to rate/250000, along cosines (Smith & Topin 2019) */
} FmnScheduleKind;

typedef struct {
  FmnScheduleKind kind;
  double rate;            /* the highest learning rate */
  gint64 steps_per_epoch; /* ≥ 1 */
  gint64 epochs;          /* ≥ 1 */
  double warmup;          /* epochs in which the rate rises from near 0; for onecycle its rise, 0: 30 % of all */
  double factor;          /* step, plateau; default 0.1 */
  double period;          /* step: epochs, default 10; plateau: its patience, default 3 */
  double rest;            /* plateau: epochs after a reduction that are not counted, default 2 */
  double minimum;         /* plateau: learning rate under which it never falls; default: a ten-thousandth of rate */
  /* State of plateau; a checkpoint keeps it. */
  double scale; /* what the rate is multiplied by */
  double best;
  int bad, cooldown;
} FmnSchedule;

/* "step[:FACTOR[:EPOCHS]]", "plateau[:FACTOR[:PATIENCE[:COOLDOWN[:MINIMUM]]]]", "constant", "cosine", "onecycle". Sets
 * what these say, the defaults of the others and the state; leaves the rest. FMN_ERROR_ARGUMENT when it is none of
 * them; rate is to be set before. */
gboolean fmn_schedule_parse(const char *text, FmnSchedule *s, GError **error);

/* Learning rate of a step, counted from 0 over the whole training. */
double fmn_schedule_rate(const FmnSchedule *s, gint64 step);

/* To be called after every epoch with the loss that plateau watches. */
void fmn_schedule_epoch(FmnSchedule *s, double loss);

#endif
