#ifndef TESTS_TRAIN_PARSE_AUGMENT_H
#define TESTS_TRAIN_PARSE_AUGMENT_H

#include "train/augment.h"

/* A list that has to be right. */
static inline FmnAugment parse_augment(const char *text) {
  g_autoptr(GError) error = NULL;
  FmnAugment a;
  fmn_augment_parse(text, &a, &error);
  g_assert_no_error(error);
  return a;
}

#endif
