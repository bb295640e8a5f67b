#include "train/labels.h"

#include <math.h>
#include <string.h>

#include "error.h"

#define MAX_LABELS 256

FmnLabels *fmn_labels_new(const char *const *classes, GError **error) {
  guint n = g_strv_length((char **)classes);
  if (n > MAX_LABELS) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                "the network has %u classes; the labels of a data set are bytes, which tell %d apart", n, MAX_LABELS);
    return NULL;
  }
  FmnLabels *l = g_new0(FmnLabels, 1);
  l->n = l->n_classes = (int)n;
  l->names = g_new0(char *, MAX_LABELS + 1);
  l->members = g_new0(guint8, MAX_LABELS * l->n_classes);
  for (int i = 0; i < l->n; i++) {
    l->names[i] = g_strdup(classes[i]);
    l->members[i * l->n_classes + i] = 1;
  }
  return l;
}

void fmn_labels_free(FmnLabels *l) {
  if (!l)
    return;
  g_strfreev(l->names);
  g_free(l->members);
  g_free(l);
}

static int find(const FmnLabels *l, const char *name, int n) {
  for (int i = 0; i < n; i++)
    if (strcmp(l->names[i], name) == 0)
      return i;
  return -1;
}

static gboolean fail(const FmnLabels *l, const char *name, GError **error) {
  g_autofree char *classes = g_strjoinv(", ", l->names);
  g_set_error(
      error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
      "the data has the class “%s”, which is none of the network's (%s); extract it with --map FOLDER=CLASS, or "
      "train a network of that data alone",
      name, classes);
  return FALSE;
}

/* The number of a name in l; a set is added where it is new. -1 with an error. */
static int number(FmnLabels *l, const char *name, GError **error) {
  int i = find(l, name, l->n);
  if (i >= 0)
    return i;
  g_auto(GStrv) parts = g_strsplit(name, "|", -1);
  guint8 *members = l->members + l->n * l->n_classes;
  gboolean none = strcmp(name, FMN_LABEL_UNKNOWN) == 0;
  if (l->n == MAX_LABELS || (!none && (!parts[0] || !parts[1])))
    return fail(l, name, error) - 1;
  memset(members, 0, (gsize)l->n_classes);
  for (int k = 0; !none && parts[k]; k++) {
    int class = find(l, parts[k], l->n_classes);
    if (class < 0)
      return fail(l, parts[k], error) - 1;
    members[class] = 1;
  }
  l->names[l->n] = g_strdup(name);
  return l->n++;
}

gboolean fmn_labels_join(FmnLabels *l, FmnDataset *data, GError **error) {
  int n = data->names ? (int)g_strv_length(data->names) : 0;
  int to[MAX_LABELS];
  gboolean used[MAX_LABELS] = {FALSE};
  for (int i = 0; i < data->n; i++)
    used[data->labels[i]] = TRUE;
  for (int i = 0; i < MAX_LABELS; i++) {
    to[i] = i;
    if (!used[i])
      continue;
    if (i < n && (to[i] = number(l, data->names[i], error)) < 0)
      return FALSE;
    if (i >= (n ? n : l->n_classes)) {
      g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED, "the data has label %d, the network's classes end at %d", i,
                  l->n_classes - 1);
      return FALSE;
    }
  }
  for (int i = 0; i < data->n; i++)
    data->labels[i] = (guint8)to[data->labels[i]];
  return TRUE;
}

gboolean fmn_labels_is_unknown(const FmnLabels *l, int label) {
  return label >= l->n_classes && !memchr(l->members + label * l->n_classes, 1, (gsize)l->n_classes);
}

static void deal_out(const FmnLabels *l, int label, float share, const float *logits, float *target) {
  const guint8 *members = l->members + label * l->n_classes;
  if (fmn_labels_is_unknown(l, label)) {
    for (int k = 0; k < l->n_classes; k++)
      target[k] += share / (float)l->n_classes;
    return;
  }
  double max = -HUGE_VAL, sum = 0;
  for (int k = 0; k < l->n_classes; k++)
    if (members[k])
      max = fmax(max, (double)logits[k]);
  for (int k = 0; k < l->n_classes; k++)
    if (members[k])
      sum += exp((double)logits[k] - max);
  for (int k = 0; k < l->n_classes; k++)
    if (members[k])
      target[k] += (float)((double)share * exp((double)logits[k] - max) / sum);
}

void fmn_labels_targets(const FmnLabels *l, const float *shares, const float *logits, int n, float *targets) {
  for (int i = 0; i < n; i++, shares += l->n, logits += l->n_classes, targets += l->n_classes) {
    memcpy(targets, shares, sizeof *targets * (gsize)l->n_classes);
    for (int k = l->n_classes; k < l->n; k++)
      if (shares[k] > 0)
        deal_out(l, k, shares[k], logits, targets);
  }
}

void fmn_labels_choose(const FmnLabels *l, const guint8 *labels, const float *logits, int n, guint8 *chosen) {
  for (int i = 0; i < n; i++, logits += l->n_classes) {
    const guint8 *members = l->members + labels[i] * l->n_classes;
    int best = -1;
    for (int k = 0; k < l->n_classes; k++)
      if (members[k] && (best < 0 || logits[k] > logits[best]))
        best = k;
    chosen[i] = (guint8)best;
  }
}
