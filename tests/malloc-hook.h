/* Stands in for glibc's allocators, as sanitizers do, so that a test sees each allocation of its process, and may
 * refuse it. One file of a program includes it and, where it defines MALLOC_HOOK (glibc without a sanitizer),
 * allocation_allowed(), which any thread calls and which must not allocate. */
#ifndef TESTS_MALLOC_HOOK_H
#define TESTS_MALLOC_HOOK_H

#include <errno.h>
#include <glib.h>
#include <stdlib.h>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MALLOC_HOOK

/* Called before each allocation of so many bytes; FALSE: it fails with ENOMEM. */
static gboolean allocation_allowed(gsize size);

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
    *__libc_memalign(size_t, size_t);

static void *refuse(void) {
  errno = ENOMEM;
  return NULL;
}

void *malloc(size_t size) { return allocation_allowed(size) ? __libc_malloc(size) : refuse(); }

void *calloc(size_t n, size_t size) { return allocation_allowed(n * size) ? __libc_calloc(n, size) : refuse(); }

void *realloc(void *data, size_t size) { return allocation_allowed(size) ? __libc_realloc(data, size) : refuse(); }

void *aligned_alloc(size_t alignment, size_t size) {
  return allocation_allowed(size) ? __libc_memalign(alignment, size) : refuse();
}

int posix_memalign(void **data, size_t alignment, size_t size) {
  *data = aligned_alloc(alignment, size);
  return *data || !size ? 0 : ENOMEM;
}
#endif

#endif
