#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

/* libFuzzer keeps the input of an abort(), but not of the trap that g_error() springs. */
static void stop(const char *domain, GLogLevelFlags level, const char *message, gpointer user) {
  if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING)) {
    fprintf(stderr, "%s: %s\n", domain ? domain : "", message);
    abort();
  }
}

__attribute__((constructor)) static void catch_messages(void) { g_log_set_default_handler(stop, NULL); }

const char *fuzz_file(const guint8 *data, gsize size) {
  static char path[64];
  static int fd = -1;
  if (fd < 0) {
    fd = memfd_create("fuzz", MFD_CLOEXEC);
    g_assert(fd >= 0);
    g_snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  }
  g_assert(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (gssize)size);
  return path;
}

void fuzz_judge(gboolean result, GError **error) {
  if (result == (*error != NULL))
    g_error("%s", result ? "a result and an error" : "neither a result nor an error");
  if (*error && (!*(*error)->message || !g_utf8_validate((*error)->message, -1, NULL)))
    g_error("a message that nobody can read: “%s”", (*error)->message);
  g_clear_error(error);
}

char *fuzz_text(const guint8 *data, gsize size) { return g_strndup(size ? (const char *)data : "", size); }
