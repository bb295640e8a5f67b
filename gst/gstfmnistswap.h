/* The model in use, and another one that is set while frames flow: it is opened aside and taken between two frames. */
#ifndef GST_FMNIST_SWAP_H
#define GST_FMNIST_SWAP_H

#include "gstfmnistinferenceproperties.h"
#include "gstfmnistnet.h"

G_BEGIN_DECLS

typedef struct {
  GstFmnistInference *element;
  GstFmnistInferenceProperties *properties; /* its, under its object lock, as what follows */
  guint request;                            /* number of the newest model asked for; 0: not started */
  guint requests;                           /* ever */
  char *in_use;                             /* name of the model in use or next, or NULL */
  GstFmnistNet *next;                       /* or NULL; owned */
  GstClockTime next_cost;
} GstFmnistSwap;

void gst_fmnist_swap_init(GstFmnistSwap *s, GstFmnistInference *element, GstFmnistInferenceProperties *properties);
void gst_fmnist_swap_clear(GstFmnistSwap *s);

/* Opens the model of the properties, *took ns a picture; the caller owns it. NULL: the element has posted an error. */
GstFmnistNet *gst_fmnist_swap_start(GstFmnistSwap *s, GstClockTime *took);
void gst_fmnist_swap_stop(GstFmnistSwap *s);

typedef struct GstFmnistSwapRequest GstFmnistSwapRequest;

/* The property has changed, under the object lock that is still held: what to open once it is released. NULL before start
 * and after stop. */
GstFmnistSwapRequest *gst_fmnist_swap_request(GstFmnistSwap *s);
/* Opens the model in a thread of its own and takes the request over. Where that fails, the element warns, posts
 * `fmnist-model` and has its old property back. */
void gst_fmnist_swap_open(GstFmnistSwapRequest *request);
/* The network to go on with, *cost ns a picture, now the caller's; NULL: none. The element posts `fmnist-model` {model,
 * loaded (boolean), error (where it was not)}. */
GstFmnistNet *gst_fmnist_swap_take(GstFmnistSwap *s, GstClockTime *cost);

G_END_DECLS

#endif
