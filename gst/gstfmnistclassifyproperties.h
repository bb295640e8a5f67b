/* The properties of fmnistclassify, but for those it shares with fmnistyolo. */
#ifndef GST_FMNIST_CLASSIFY_PROPERTIES_H
#define GST_FMNIST_CLASSIFY_PROPERTIES_H

#include <gst/gst.h>

#include "gstfmnistregions.h"

G_BEGIN_DECLS

#define GST_TYPE_FMNIST_CLASSIFY_REGION (gst_fmnist_classify_region_get_type())
GType gst_fmnist_classify_region_get_type(void);

/* Their values. Strings are GRefStrings or NULL, so that a copy allocates nothing. */
typedef struct {
  char *labels_file; /* read when a model is opened */
  double threshold; /* negative: the model's */
  int top_k;
  guint smoothing; /* ms */
  GstFmnistRegion region;
  char *object_class;
} GstFmnistClassifyProperties;

void gst_fmnist_classify_properties_install(GObjectClass *klass);

void gst_fmnist_classify_properties_init(GstFmnistClassifyProperties *p); /* the defaults */
void gst_fmnist_classify_properties_clear(GstFmnistClassifyProperties *p);
/* To be cleared, too. */
GstFmnistClassifyProperties gst_fmnist_classify_properties_copy(const GstFmnistClassifyProperties *p);

/* FALSE: no property has this id. Whoever calls holds the lock that the values are under. */
gboolean gst_fmnist_classify_properties_set(GstFmnistClassifyProperties *p, guint id, const GValue *value);
gboolean gst_fmnist_classify_properties_get(const GstFmnistClassifyProperties *p, guint id, GValue *value);

G_END_DECLS

#endif
