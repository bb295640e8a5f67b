#include "image/morphology.h"
#include "image/outline.h"
#include "image/refine.h"
#include "image/work.h"

#include <math.h>
#include <string.h>

/* Pictures are shrunk to that longer side before anything else. */
#define WORK_SIZE 160
/* Specks and gaps up to this share of the longer side, twice, are not the object's. */
#define CLEAN_SHARE 120
/* Nothing can be told from what surrounds it in pictures narrower than this. */
#define LEAST_SIZE 8
/* In pictures narrower than this outlines are too short, and lie too inexactly, to be judged. */
#define OUTLINE_SIZE 72
/* Width of the frame's border that shows the ground, as a share of the longer side; pixels of it that are looked at. */
#define BORDER_SHARE 0.04
#define BORDER_PIXELS 1500
/* With one object wanted, parts this large beside the best belong to it: the other shoe of a pair. */
#define PART_SHARE 0.25
/* Holes up to this share of the object are closed: prints of the ground's colour. Larger ones are ground. */
#define HOLE_SHARE 0.5

struct FmnSegmenter {
  FmnSampler *sampler;
  FmnWork work;  /* what the mask is of */
  FmnWork rough; /* where it begins */
  FmnRefiner *refiner;
  FmnObject objects[FMN_SEGMENT_MAX_OBJECTS];
  FmnScratch order, outlines, masks;
};

typedef struct {
  int index;
  double score;
} Candidate;

FmnSegmenter *fmn_segmenter_new(const FmnImageFormat *format) {
  FmnSampler *sampler = fmn_sampler_new(format);
  if (!sampler)
    return NULL;
  FmnSegmenter *s = g_new0(FmnSegmenter, 1);
  double scale = MIN(1.0, (double)WORK_SIZE / MAX(format->width, format->height));
  s->sampler = sampler;
  int width = MAX(1, (int)lrint(format->width * scale)), height = MAX(1, (int)lrint(format->height * scale));
  fmn_work_init(&s->work, width, height, 0, 0);
  s->refiner = fmn_refiner_new(width, height);
  width = fmn_refiner_width(s->refiner);
  height = fmn_refiner_height(s->refiner);
  fmn_work_init(&s->rough, width, height, MAX(1, (int)lrint(MAX(width, height) * BORDER_SHARE)), BORDER_PIXELS);
  return s;
}

void fmn_segmenter_free(FmnSegmenter *s) {
  if (!s)
    return;
  fmn_sampler_free(s->sampler);
  fmn_work_clear(&s->work);
  fmn_work_clear(&s->rough);
  fmn_refiner_free(s->refiner);
  fmn_scratch_clear(&s->order);
  fmn_scratch_clear(&s->outlines);
  fmn_scratch_clear(&s->masks);
  g_free(s);
}

/* Large, central and not cut off by the frame. */
static double score(const FmnWork *w, const FmnComponentStats *c) {
  double dx = c->sum_x / c->area / w->width - 0.5, dy = c->sum_y / c->area / w->height - 0.5;
  double cut = (double)c->border / (2 * (w->width + w->height));
  return c->area * exp(-6 * (dx * dx + dy * dy)) * exp(-4 * cut);
}

static int by_score(gconstpointer a, gconstpointer b) {
  const Candidate *ca = a, *cb = b;
  return ca->score != cb->score ? (ca->score < cb->score ? 1 : -1) : ca->index - cb->index;
}

static void fill_holes(FmnWork *w) {
  FmnComponents c = fmn_labeller_run(w->labeller, w->mask, FALSE);
  int area = w->width * w->height;
  for (int i = 0; i < c.n; i++)
    area -= c.stats[i].area;
  for (int i = 0; i < c.n_runs; i++) {
    const FmnRun *r = &c.runs[i];
    const FmnComponentStats *hole = &c.stats[r->component];
    if (!hole->border && hole->area <= area * HOLE_SHARE)
      memset(w->mask + (gsize)r->y * w->width + r->x0, 255, r->x1 - r->x0);
  }
}

static void find_by_background(FmnSegmenter *s) {
  FmnWork *w = &s->work, *rough = &s->rough;
  fmn_refiner_shrink(s->refiner, w->rgb, rough->rgb);
  fmn_background_mask(rough);
  fill_holes(rough);
  memcpy(rough->scratch, rough->mask, (gsize)rough->width * (gsize)rough->height);
  fmn_refine(s->refiner, rough->rgb, rough->mask, w->rgb, w->mask);
  fmn_clean(w->mask, w->width, w->height, MAX(w->width, w->height) / CLEAN_SHARE, w->scratch);
}

/* What learning colours began with: on a strong gradient they may have led from the object to half of the ground. */
static void find_roughly(FmnSegmenter *s) {
  FmnWork *w = &s->work;
  const FmnWork *rough = &s->rough;
  guint8 *out = w->mask;
  for (int y = 0; y < w->height; y++) {
    const guint8 *line = rough->scratch + (gsize)(y * rough->height / w->height) * (gsize)rough->width;
    for (int x = 0; x < w->width; x++)
      *out++ = line[x * rough->width / w->width];
  }
  fmn_clean(w->mask, w->width, w->height, MAX(w->width, w->height) / CLEAN_SHARE, w->scratch);
}

static gboolean outlines_are_judged(const FmnSegmenter *s, const FmnSegmentOptions *options) {
  return options->method == FMN_SEGMENT_BACKGROUND && options->min_outline > 0 &&
         MIN(s->work.width, s->work.height) >= OUTLINE_SIZE;
}

/* Candidates, the best first. */
static int rank(FmnSegmenter *s, const FmnComponents *c, const FmnSegmentOptions *options, Candidate **candidates) {
  int count = 0;
  const FmnWork *w = &s->work;
  const gboolean outlined = outlines_are_judged(s, options);
  FmnOutlineCount *outlines = fmn_scratch_get(&s->outlines, MAX(c->n, 1) * sizeof *outlines);
  if (outlined)
    fmn_outline_measure(w->rgb, w->mask, w->width, w->height, c, outlines);
  Candidate *list = fmn_scratch_get(&s->order, MAX(c->n, 1) * sizeof *list);
  double pixels = (double)w->width * w->height;
  for (int i = 0; i < c->n; i++)
    if (c->stats[i].area >= options->min_area * pixels && c->stats[i].area < 0.98 * pixels &&
        (!outlined || (outlines[i].seen > 0 && outlines[i].seen >= options->min_outline * outlines[i].all)))
      list[count++] = (Candidate){i, score(w, &c->stats[i])};
  qsort(list, count, sizeof *list, by_score);
  *candidates = list;
  return count;
}

static void describe(const FmnWork *w, FmnObject *o, const FmnComponentStats *c) {
  o->box = (FmnBox){(double)c->x0 / w->width, (double)c->y0 / w->height, (double)(c->x1 - c->x0) / w->width,
                    (double)(c->y1 - c->y0) / w->height};
  o->area = (double)c->area / ((double)w->width * w->height);
  o->mask = (FmnMask){o->box, c->x1 - c->x0, c->y1 - c->y0, NULL};
}

/* The pixels of the parts, in the box that unites them. */
static void cut_out(const FmnComponents *c, const FmnComponentStats *box, const Candidate *parts, int n, guint8 *out) {
  gsize width = box->x1 - box->x0;
  memset(out, 0, width * (box->y1 - box->y0));
  for (int i = 0; i < c->n_runs; i++) {
    const FmnRun *r = &c->runs[i];
    for (int k = 0; k < n; k++)
      if (r->component == parts[k].index)
        memset(out + (r->y - box->y0) * width + (r->x0 - box->x0), 255, r->x1 - r->x0);
  }
}

static FmnComponentStats unite(const FmnComponentStats *stats, const Candidate *parts, int n) {
  FmnComponentStats all = stats[parts[0].index];
  for (int i = 1; i < n; i++) {
    const FmnComponentStats *c = &stats[parts[i].index];
    all.x0 = MIN(all.x0, c->x0);
    all.y0 = MIN(all.y0, c->y0);
    all.x1 = MAX(all.x1, c->x1);
    all.y1 = MAX(all.y1, c->y1);
    all.area += c->area;
  }
  return all;
}

int fmn_segmenter_run(FmnSegmenter *s, const FmnImage *image, const FmnSegmentOptions *options,
                      const FmnObject **objects) {
  static const FmnBox everything = {0, 0, 1, 1};
  FmnWork *w = &s->work;
  *objects = s->objects;
  if (MIN(w->width, w->height) < LEAST_SIZE)
    return 0;
  fmn_sampler_read(s->sampler, image, &everything, 3, w->width, w->height, w->rgb);
  if (options->method == FMN_SEGMENT_OTSU)
    fmn_otsu_mask(w, options->polarity);
  else
    find_by_background(s);
  fill_holes(w);

  Candidate *found;
  FmnComponents components = fmn_labeller_run(w->labeller, w->mask, TRUE);
  int count = rank(s, &components, options, &found);
  if (!count && outlines_are_judged(s, options)) {
    find_roughly(s);
    fill_holes(w);
    components = fmn_labeller_run(w->labeller, w->mask, TRUE);
    count = rank(s, &components, options, &found);
  }
  int wanted = CLAMP(options->max_objects, 1, FMN_SEGMENT_MAX_OBJECTS), parts = 1;
  if (wanted == 1)
    while (parts < count && found[parts].score >= PART_SHARE * found[0].score)
      parts++;
  int n_objects = MIN(wanted == 1 ? 1 : count, MIN(count, wanted));
  gsize bytes = 0;
  FmnComponentStats *boxes = g_newa(FmnComponentStats, MAX(n_objects, 1));
  for (int i = 0; i < n_objects; i++) {
    boxes[i] = unite(components.stats, found + i, parts);
    describe(w, &s->objects[i], &boxes[i]);
    bytes += (gsize)s->objects[i].mask.width * s->objects[i].mask.height;
  }
  guint8 *data = fmn_scratch_get(&s->masks, bytes);
  for (int i = 0; i < n_objects; i++) {
    s->objects[i].mask.data = data;
    cut_out(&components, &boxes[i], found + i, parts, data);
    data += (gsize)s->objects[i].mask.width * s->objects[i].mask.height;
  }
  return n_objects;
}
