#include "error.h"

char *fmn_printable(const char *text) {
  char *valid = g_utf8_make_valid(text, -1);
  GString *s = g_string_new(NULL);
  for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    g_string_append_unichar(s, g_unichar_isprint(c) || c == '\n' ? c : 0xfffd);
  }
  g_free(valid);
  return g_string_free(s, FALSE);
}

gboolean fmn_fail_va(GError **error, FmnError code, const char *format, va_list args) {
  char *message = g_strdup_vprintf(format, args), *shown = fmn_printable(message);
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
