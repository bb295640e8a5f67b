/* A camera or a file as a pipeline, opened again when it is lost. Everything here belongs to the thread of the default
 * main context. */
#ifndef EXAMPLES_SOURCE_H
#define EXAMPLES_SOURCE_H

#include <gst/gst.h>

typedef struct Source Source;

typedef struct {
  const char *line;  /* pipeline with uridecodebin name=in, and fmnistclassify or fmnistyolo name=fmnist */
  const char *model; /* NULL: the element's default */
  int silence;       /* seconds without a picture after which a camera counts as lost, ≥ 1 */
  gboolean loop;     /* files begin anew where they end */
  void (*opened)(GstElement *pipeline, gpointer user); /* before it plays; may be NULL */
  void (*event)(const char *uri, const GstStructure *event,
                gpointer user);                  /* a garment has come, changed its name or gone */
  void (*ended)(gboolean failed, gpointer user); /* for good; once */
  gpointer user;
} SourceOptions;

/* uri: an address or the name of a file; NULL with an error where it is neither. options have to stay. What becomes of
 * the source is told on standard error. Free with source_free(). */
Source *source_new(const char *uri, const SourceOptions *options, GError **error);
void source_free(Source *s);

void source_open(Source *s);
void source_stop(Source *s); /* drains it: ended() follows, with the events of what was there before it */
void source_kill(Source *s); /* ended() at once, where it has not been */

#endif
