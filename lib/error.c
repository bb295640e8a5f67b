#include "error.h"

G_DEFINE_QUARK(fmn-error-quark, fmn_error)
