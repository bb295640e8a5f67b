/* Which objects of a frame are to be classified. */
#ifndef GST_FMNIST_REGIONS_H
#define GST_FMNIST_REGIONS_H

#include "gstfmnistmeta.h"

G_BEGIN_DECLS

typedef enum {
  GST_FMNIST_REGION_AUTO,       /* objects found before, or the whole frame where nobody looked for objects */
  GST_FMNIST_REGION_FULL_FRAME,
  GST_FMNIST_REGION_ROI_LIST,   /* objects found before */
} GstFmnistRegion;

typedef struct {
  GArray *indices; /* of guint: objects of the buffer's GstFmnistMeta */
  GArray *boxes;   /* of FmnBox: theirs */
} GstFmnistRegions;

void gst_fmnist_regions_init(GstFmnistRegions *r);
void gst_fmnist_regions_clear(GstFmnistRegions *r);

/* Replaces what is in r. The buffer must be writable: regions that other elements have marked, and the whole frame, become objects
 * of its metadata, with id 0 where they have none. object_class: only objects that are called so; NULL: all. */
void gst_fmnist_regions_choose(GstFmnistRegions *r, GstBuffer *buffer, GstFmnistRegion region, const char *object_class, int width,
                               int height);

/* Gives an object that has no id, and the region of another element that it stands for, that one. */
void gst_fmnist_regions_identify(GstBuffer *buffer, GstFmnistObject *o, guint id, int width, int height);

static inline guint gst_fmnist_regions_size(const GstFmnistRegions *r) { return r->indices->len; }
static inline GstFmnistObject *gst_fmnist_regions_object(const GstFmnistRegions *r, const GstFmnistMeta *m, guint i) {
  return gst_fmnist_meta_object(m, g_array_index(r->indices, guint, i));
}

G_END_DECLS

#endif
