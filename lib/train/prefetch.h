/* Batches of any kind, prepared by threads of their own beside the training. */
#ifndef FMN_TRAIN_PREFETCH_H
#define FMN_TRAIN_PREFETCH_H

#include <glib.h>

/* Fills a slot with batch `number`, which depends on the number alone. thread: 0 ≤ thread < threads, of which no two
 * calls at a time have the same. */
typedef void (*FmnPrefetchFunc)(gpointer user, gint64 number, int thread, gpointer slot);

typedef struct FmnPrefetch FmnPrefetch;

/* slots: n_slots ≥ threads + 2 of them, owned by the caller like user; batch `first` is given out first. */
FmnPrefetch *fmn_prefetch_new(int threads, gint64 first, gpointer *slots, int n_slots, FmnPrefetchFunc fill,
                              gpointer user);
void fmn_prefetch_free(FmnPrefetch *p); /* NULL allowed; stops the threads */

/* The slot with the next batch, valid until the next call. Waits for it. */
gpointer fmn_prefetch_next(FmnPrefetch *p);

#endif
