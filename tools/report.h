/* How a training tells about itself: terminal, JSON lines, plot. */
#ifndef FMNIST_TRAIN_REPORT_H
#define FMNIST_TRAIN_REPORT_H

#include "train/session.h"

typedef struct Report Report;

/* log and plot are paths or NULL. Free with report_free(). */
Report *report_new(const FmnTrainConfig *config, const char *log, const char *plot);
/* FALSE when log or plot, as they were last written, could not be. */
gboolean report_free(Report *r);

FmnListener report_listener(Report *r);
/* Prints the head and writes the log's lines so far; call it before fmn_session_run(). FALSE when a file cannot be
 * written. */
gboolean report_start(Report *r, FmnSession *s, GError **error);

#endif
