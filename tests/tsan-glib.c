/* What the thread sanitizer has to be told of GLib and GStreamer, whose locks it does not see: they are futexes, in
 * libraries that are not built for it. Preloaded, this stands before their functions and says what comes after what;
 * .ci/run shows how. So nothing has to be suppressed: whatever is reported lies in our code. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <gst/gst.h>

extern void __tsan_acquire(void *) __attribute__((weak));
extern void __tsan_release(void *) __attribute__((weak));

static void acquire(gconstpointer what) {
  if (__tsan_acquire)
    __tsan_acquire((void *)what);
}

static void release(gconstpointer what) {
  if (__tsan_release)
    __tsan_release((void *)what);
}

/* The function of that name that would be called without this file; looked up again by threads that come too early. */
#define NEXT(name)                                                                                                     \
  static typeof(&name) next;                                                                                           \
  if (!__atomic_load_n(&next, __ATOMIC_RELAXED))                                                                       \
  __atomic_store_n(&next, (typeof(&name))dlsym(RTLD_NEXT, #name), __ATOMIC_RELAXED)

#define LOCK(name, type)                                                                                               \
  void name(type *lock) {                                                                                              \
    NEXT(name);                                                                                                        \
    next(lock);                                                                                                        \
    acquire(lock);                                                                                                     \
  }

#define TRYLOCK(name, type)                                                                                            \
  gboolean name(type *lock) {                                                                                          \
    NEXT(name);                                                                                                        \
    gboolean got = next(lock);                                                                                         \
    if (got)                                                                                                           \
      acquire(lock);                                                                                                   \
    return got;                                                                                                        \
  }

#define UNLOCK(name, type)                                                                                             \
  void name(type *lock) {                                                                                              \
    NEXT(name);                                                                                                        \
    release(lock);                                                                                                     \
    next(lock);                                                                                                        \
  }

#undef g_mutex_trylock
#undef g_mutex_unlock
LOCK(g_mutex_lock, GMutex)
TRYLOCK(g_mutex_trylock, GMutex)
UNLOCK(g_mutex_unlock, GMutex)
LOCK(g_rec_mutex_lock, GRecMutex)
TRYLOCK(g_rec_mutex_trylock, GRecMutex)
UNLOCK(g_rec_mutex_unlock, GRecMutex)
LOCK(g_rw_lock_reader_lock, GRWLock)
TRYLOCK(g_rw_lock_reader_trylock, GRWLock)
UNLOCK(g_rw_lock_reader_unlock, GRWLock)
LOCK(g_rw_lock_writer_lock, GRWLock)
TRYLOCK(g_rw_lock_writer_trylock, GRWLock)
UNLOCK(g_rw_lock_writer_unlock, GRWLock)

void g_cond_wait(GCond *cond, GMutex *mutex) {
  NEXT(g_cond_wait);
  release(mutex);
  next(cond, mutex);
  acquire(mutex);
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end) {
  NEXT(g_cond_wait_until);
  release(mutex);
  gboolean woken = next(cond, mutex, end);
  acquire(mutex);
  return woken;
}

#undef g_once_init_enter
#undef g_once_init_leave
gboolean g_once_init_enter(volatile void *location) {
  NEXT(g_once_init_enter);
  gboolean first = next(location);
  acquire((gconstpointer)location);
  return first;
}

void g_once_init_leave(volatile void *location, gsize result) {
  NEXT(g_once_init_leave);
  release((gconstpointer)location);
  next(location, result);
}

/* Whoever lets go of the last reference comes after all who had one. */
#define UNREF(name, type)                                                                                              \
  void name(type *object) {                                                                                            \
    NEXT(name);                                                                                                        \
    release(object);                                                                                                   \
    acquire(object);                                                                                                   \
    next(object);                                                                                                      \
  }

UNREF(g_object_unref, void)
UNREF(gst_object_unref, void)
UNREF(gst_mini_object_unref, GstMiniObject)
UNREF(g_bytes_unref, GBytes)
UNREF(g_array_unref, GArray)
UNREF(g_ptr_array_unref, GPtrArray)
UNREF(g_hash_table_unref, GHashTable)
UNREF(g_ref_string_release, char)
UNREF(g_atomic_rc_box_release, void)

void g_atomic_rc_box_release_full(gpointer object, GDestroyNotify clear) {
  NEXT(g_atomic_rc_box_release_full);
  release(object);
  acquire(object);
  next(object, clear);
}

void g_async_queue_push(GAsyncQueue *queue, gpointer data) {
  NEXT(g_async_queue_push);
  release(queue);
  next(queue, data);
}

#define POP(name, ...)                                                                                                 \
  NEXT(name);                                                                                                          \
  gpointer data = next(__VA_ARGS__);                                                                                   \
  acquire(queue);                                                                                                      \
  return data

gpointer g_async_queue_pop(GAsyncQueue *queue) { POP(g_async_queue_pop, queue); }
gpointer g_async_queue_try_pop(GAsyncQueue *queue) { POP(g_async_queue_try_pop, queue); }
gpointer g_async_queue_timeout_pop(GAsyncQueue *queue, guint64 timeout) {
  POP(g_async_queue_timeout_pop, queue, timeout);
}

/* Threads of a pool get what is to be done by an inner queue. */
typedef struct {
  GstElementCallAsyncFunc func;
  gpointer data;
  GDestroyNotify destroy;
} Call;

static void call(GstElement *element, gpointer data) {
  Call *c = data;
  acquire(c);
  c->func(element, c->data);
}

static void call_free(gpointer data) {
  Call *c = data;
  acquire(c);
  if (c->destroy)
    c->destroy(c->data);
  g_free(c);
}

void gst_element_call_async(GstElement *element, GstElementCallAsyncFunc func, gpointer data, GDestroyNotify destroy) {
  NEXT(gst_element_call_async);
  Call *c = g_new(Call, 1);
  *c = (Call){func, data, destroy};
  release(c);
  next(element, call, c, call_free);
}
