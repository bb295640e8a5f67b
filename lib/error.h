/* The error domain of the library. */
#ifndef FMN_ERROR_H
#define FMN_ERROR_H

#include <glib.h>

#define FMN_ERROR (fmn_error_quark())
GQuark fmn_error_quark(void);

typedef enum {
  FMN_ERROR_NOT_FOUND,   /* no such file, model, network, option */
  FMN_ERROR_FORMAT,      /* a file is not what it should be */
  FMN_ERROR_UNSUPPORTED, /* well-formed, but not for this program */
  FMN_ERROR_ARGUMENT,    /* a value out of its range */
  FMN_ERROR_MEMORY,      /* there is not enough of it for the model, size or batch asked for */
} FmnError;

#endif
