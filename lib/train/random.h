/* Random numbers that are a function of a seed and a counter: any element of any step can be drawn again after a resume
 * and in any order by any thread. The mixing function is splitmix64's (Steele, Lea & Flood 2014). */
#ifndef FMN_TRAIN_RANDOM_H
#define FMN_TRAIN_RANDOM_H

#include <glib.h>
#include <math.h>

static inline guint64 fmn_random_mix(guint64 z) {
  z += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* A new seed for part `index` of what `seed` drives (an epoch, an image, a layer). */
static inline guint64 fmn_random_derive(guint64 seed, guint64 index) {
  return fmn_random_mix(seed ^ fmn_random_mix(index));
}

/* A stream: start it with any seed. */
typedef struct {
  guint64 state;
} FmnRandom;

static inline guint64 fmn_random_next(FmnRandom *r) {
  guint64 z = fmn_random_mix(r->state);
  r->state += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
  return z;
}

/* 0 ≤ x < 1 */
static inline double fmn_random_uniform(FmnRandom *r) { return (double)(fmn_random_next(r) >> 11) * 0x1p-53; }

/* a ≤ x < b */
static inline double fmn_random_range(FmnRandom *r, double a, double b) { return a + (b - a) * fmn_random_uniform(r); }

/* 0 ≤ x < n */
static inline guint64 fmn_random_below(FmnRandom *r, guint64 n) { return (guint64)(fmn_random_uniform(r) * (double)n); }

/* Standard normal (Box & Muller 1958). */
static inline double fmn_random_normal(FmnRandom *r) {
  double u = 1.0 - fmn_random_uniform(r), v = fmn_random_uniform(r);
  return sqrt(-2.0 * log(u)) * cos(2.0 * G_PI * v);
}

#endif
