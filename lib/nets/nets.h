/* The networks, one file each. */
#ifndef FMN_NETS_H
#define FMN_NETS_H

#include "nn/graph.h"

/* The KEY=VALUE options of a network. */
typedef struct FmnNetOptions FmnNetOptions;

/* The value of an option, or the default where it is not given; notes that the network knows the key.
 * min ≤ value ≤ max, else the graph gets an error that says so. */
int fmn_net_option_int(FmnNetOptions *o, const char *key, int value, int min, int max);
/* Gives the graph an error that says what was expected in place of what was found. */
void fmn_net_option_refuse(FmnNetOptions *o, const char *key, const char *expected, int found);
/* One of the NULL-ended choices, the first being the default. */
const char *fmn_net_option_choice(FmnNetOptions *o, const char *key, const char *const *choices);

typedef struct {
  const char *name;
  const char *summary; /* one line, for --help */
  int channels, height, width; /* of the input, by default */
  /* Builds the network on the graph's input and marks its outputs (classifiers: `classes` logits). */
  void (*build)(FmnGraph *g, int classes, FmnNetOptions *options);
} FmnNet;

extern const FmnNet *const fmn_nets[]; /* NULL-ended */
const FmnNet *fmn_net_find(const char *name); /* NULL: no such network */

/* Builds a network with weights of zero from its name and its options ("strides=original,..."; NULL or "": none).
 * Errors (FMN_ERROR): unknown name or option, value out of range; the message lists what there is.
 * The caller owns the graph. */
FmnGraph *fmn_net_build(const char *name, const char *options, int classes, GError **error);
/* The same without weights, every param's data NULL: small, whatever a file of unknown origin asks for. */
FmnGraph *fmn_net_build_bare(const char *name, const char *options, int classes, GError **error);

/* The same options with one of them set to another value or added; g_free. */
char *fmn_net_options_set(const char *options, const char *key, const char *value);

#endif
