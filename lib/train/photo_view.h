/* A photo as other cameras might have taken it from where somebody stood beside: turned, nearer or farther, in other
 * light, less sharp, more compressed. */
#ifndef FMN_TRAIN_PHOTO_VIEW_H
#define FMN_TRAIN_PHOTO_VIEW_H

#include <gdk-pixbuf/gdk-pixbuf.h>

/* Its longer side at most; a larger photo's views are smaller than it. */
#define FMN_PHOTO_VIEW_MAX 640

/* Memory of one thread. */
typedef struct FmnPhotoViewer FmnPhotoViewer;

FmnPhotoViewer *fmn_photo_viewer_new(void);
void fmn_photo_viewer_free(FmnPhotoViewer *v); /* NULL allowed */

/* A view, as seed draws it: *height rows of *width pixels R, G, B. Where it reaches beyond the photo, the photo is
 * mirrored at its edge. Owned by v, until the next call. */
const guint8 *fmn_photo_view(FmnPhotoViewer *v, const GdkPixbuf *photo, guint64 seed, int *width, int *height);

#endif
