#include "nn/layers.h"

/* Stands for what the caller brings; node 0 of every graph. */
const FmnLayerOps fmn_input_ops = {.name = "input"};
