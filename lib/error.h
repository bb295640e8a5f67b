/* The error domain, which is public, and how the library sets its errors. */
#ifndef FMN_ERROR_H
#define FMN_ERROR_H

#include "fmnist.h"

/* As g_set_error() of FMN_ERROR, but the message may quote what is no UTF-8: a file's text, or one cut within a character.
 * Returns FALSE. */
gboolean fmn_fail(GError **error, FmnError code, const char *format, ...) G_GNUC_PRINTF(3, 4);
gboolean fmn_fail_va(GError **error, FmnError code, const char *format, va_list args) G_GNUC_PRINTF(3, 0);

/* Text of unknown origin as a line for a terminal (g_free): what is no UTF-8 or cannot be printed, such as the escape
 * sequences that make a terminal do things, is replaced. */
char *fmn_printable(const char *text);

#endif
