/* The error domain, for those that need no more of the library: it is public. */
#ifndef FMN_ERROR_H
#define FMN_ERROR_H

#include "fmnist.h"

#endif
