#include "error.h"

gboolean fmn_fail_va(GError **error, FmnError code, const char *format, va_list args) {
  char *message = g_strdup_vprintf(format, args), *shown = g_utf8_make_valid(message, -1);
  g_set_error_literal(error, FMN_ERROR, (gint)code, shown);
  g_free(shown);
  g_free(message);
  return FALSE;
}

gboolean fmn_fail(GError **error, FmnError code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fmn_fail_va(error, code, format, args);
  va_end(args);
  return FALSE;
}

/* clang-format off */
G_DEFINE_QUARK(fmn-error-quark, fmn_error)
