/* Probabilities of one object, made steady in time.
 *
 * They are averaged with weights that fall with age, exp(-age / smoothing), from the first on, so that a new object has
 * its name at once. Beside it runs an average over some 80 ms; where in that one another label leads by more than 0.3,
 * it is another object, and the long average goes on from the short one: so it is named after its own frames, and soon.
 */
#ifndef GST_FMNIST_SMOOTHER_H
#define GST_FMNIST_SMOOTHER_H

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct GstFmnistSmoother GstFmnistSmoother;

/* For n labels. Free with gst_fmnist_smoother_free(). */
GstFmnistSmoother *gst_fmnist_smoother_new(guint n);
void gst_fmnist_smoother_free(GstFmnistSmoother *s); /* NULL allowed */

/* The probabilities (n) of a frame with that timestamp become the average with them. smoothing: ms, 0: none.
 * frame_time: ns, what has passed where timestamps do not tell. Returns the label that is the most probable now. */
guint gst_fmnist_smoother_update(GstFmnistSmoother *s, float *probabilities, GstClockTime time, GstClockTime frame_time,
                                 guint smoothing);

/* The same of a frame in which the object was not found: nothing is probable there. */
void gst_fmnist_smoother_miss(GstFmnistSmoother *s, GstClockTime time, GstClockTime frame_time, guint smoothing);

guint gst_fmnist_smoother_size(const GstFmnistSmoother *s);

G_END_DECLS

#endif
