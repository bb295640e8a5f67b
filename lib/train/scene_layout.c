#include <string.h>

#include "train/scene_parts.h"

#define CELL                                                                                                           \
  6 /* units: what hides what is found out on a grid as coarse as that, the same for every size of the picture */
#define LEAST_SEEN 0.6f
#define ATTEMPTS 14

/* The uppermost garment of each cell of the frame, from 1 on. */
typedef struct {
  int width, height;
  guint8 *owner;
  int area[FMN_SCENE_MAX_ITEMS], seen[FMN_SCENE_MAX_ITEMS]; /* cells, those outside of the frame counted in area */
} Grid;

static void place(FmnGarment *g, const FmnCutout *c, FmnRandom *r, float size, float cx, float cy) {
  float angle = CLAMP((float)fmn_random_normal(r) * 0.22f, -0.6f, 0.6f);
  if (fmn_random_uniform(r) < 0.03)
    angle = (float)fmn_random_range(r, -G_PI, G_PI);
  float stretch = expf((float)fmn_random_range(r, -0.12, 0.12)), shear = (float)fmn_random_range(r, -0.1, 0.1);
  float scale = size / MAX(1, MAX(c->x1 - c->x0, c->y1 - c->y0)), side = fmn_random_uniform(r) < 0.5 ? -1 : 1;
  FmnPoint middle = {(c->x0 + c->x1) / 2, (c->y0 + c->y1) / 2};
  fmn_garment_place(g, c, &(FmnTurn){angle, scale, side * stretch, shear}, middle, (FmnPoint){cx, cy});
}

static gboolean covers(const FmnGarment *g, const FmnCutout *c, float x, float y) {
  int u = (int)floorf(g->xx * x + g->xy * y + g->x), v = (int)floorf(g->yx * x + g->yy * y + g->y);
  return u >= 0 && v >= 0 && u < c->width && v < c->height && c->cover[v * c->width + u] >= 0.5f;
}

/* Lays garment n over the others; FALSE, and nothing is changed but `next`, when it or another would be seen too little
 * of. */
static gboolean lay(Grid *grid, guint8 *next, const FmnGarment *g, const FmnCutout *c, int n) {
  int hidden[FMN_SCENE_MAX_ITEMS] = {0}, area = 0, seen = 0;
  memcpy(next, grid->owner, (gsize)grid->width * (gsize)grid->height);
  for (int y = (int)floorf(g->top / CELL); y <= (int)floorf(g->bottom / CELL); y++)
    for (int x = (int)floorf(g->left / CELL); x <= (int)floorf(g->right / CELL); x++) {
      if (!covers(g, c, ((float)x + 0.5f) * CELL, ((float)y + 0.5f) * CELL))
        continue;
      area++;
      if (x < 0 || y < 0 || x >= grid->width || y >= grid->height)
        continue;
      seen++;
      guint8 *owner = next + y * grid->width + x;
      if (*owner)
        hidden[*owner - 1]++;
      *owner = (guint8)(n + 1);
    }
  if (area < 8 || (float)seen < 0.7f * (float)area)
    return FALSE;
  for (int i = 0; i < n; i++)
    if ((float)(grid->seen[i] - hidden[i]) < LEAST_SEEN * (float)grid->area[i])
      return FALSE;
  for (int i = 0; i < n; i++)
    grid->seen[i] -= hidden[i];
  grid->area[n] = area;
  grid->seen[n] = seen;
  memcpy(grid->owner, next, (gsize)grid->width * (gsize)grid->height);
  return TRUE;
}

/* Mostly within the frame. */
static float draw_position(FmnRandom *r, float length, float size) {
  float edge = fmn_random_uniform(r) < 0.15 ? 0.2f * size : 0.5f * size;
  edge = MIN(edge, length / 2);
  return (float)fmn_random_range(r, edge, length - edge);
}

static gboolean add(FmnLayout *l, FmnRandom *r, const FmnSceneSet *set, int wanted, Grid *grid, guint8 *next) {
  const FmnSceneOptions *o = fmn_scene_set_options(set);
  const FmnImages *items = fmn_scene_set_items(set);
  float right = (float)grid->width * CELL, below = (float)grid->height * CELL;
  FmnGarment *g = &l->garments[l->n];
  memset(g, 0, sizeof *g);
  g->index = fmn_scene_set_pick(set, r);
  g->label = items->labels[g->index];
  FmnCutout *c = fmn_cutout_new(items, g->index);
  double largest = CLAMP(1.3 / sqrt(wanted), o->min_size, o->max_size);
  float size = FMN_SCENE_UNITS * (float)(o->min_size * pow(largest / o->min_size, fmn_random_uniform(r)));
  gboolean ok = FALSE;
  for (int attempt = 0; c->area >= 12 && !ok && attempt < ATTEMPTS; attempt++) {
    float cx = draw_position(r, right, size), cy = draw_position(r, below, size);
    place(g, c, r, size, cx, cy);
    ok = lay(grid, next, g, c, l->n);
    size = MAX(0.93f * size, FMN_SCENE_UNITS * (float)o->min_size);
  }
  if (ok)
    l->cutouts[l->n++] = c;
  else
    fmn_cutout_free(c);
  return ok;
}

/* One light for all of them. */
static void light(FmnLayout *l, FmnRandom *r) {
  float angle = (float)fmn_random_range(r, -G_PI, 0), relief = (float)fmn_random_range(r, 0.1, 0.7);
  float shadow = (float)fmn_random_range(r, 0.15, 0.7), lift = (float)fmn_random_range(r, 0.02, 0.08);
  for (int i = 0; i < l->n; i++) {
    FmnGarment *g = &l->garments[i];
    float far = lift * (g->right - g->left + g->bottom - g->top) / 2;
    g->light_x = relief * cosf(angle);
    g->light_y = relief * sinf(angle);
    g->shadow = shadow;
    g->shadow_x = -far * cosf(angle);
    g->shadow_y = -far * sinf(angle);
  }
}

void fmn_layout_draw(FmnLayout *l, FmnRandom *r, const FmnSceneSet *set) {
  static const double shares[FMN_N_BACKGROUNDS] = {0.1, 0.1, 0.14, 0.13, 0.11, 0.16, 0.08, 0.18};
  const FmnSceneOptions *o = fmn_scene_set_options(set);
  float unit = (float)FMN_SCENE_UNITS / (float)MIN(o->frame_width, o->frame_height);
  Grid grid = {.width = (int)ceilf((float)o->frame_width * unit / CELL),
               .height = (int)ceilf((float)o->frame_height * unit / CELL)};
  gsize cells = (gsize)grid.width * (gsize)grid.height;
  memset(l, 0, sizeof *l);
  FmnBackground kind = o->background;
  double x = fmn_random_uniform(r);
  for (int i = 0; kind == FMN_BACKGROUND_ANY && i < FMN_N_BACKGROUNDS; i++)
    if ((x -= shares[i]) < 0 || i == FMN_N_BACKGROUNDS - 1)
      kind = (FmnBackground)i;
  l->backdrop = fmn_backdrop_draw(r, kind);
  l->things = fmn_random_uniform(r) < 0.25 ? 1 + (int)fmn_random_below(r, 4) : 0;
  l->things_seed = fmn_random_next(r);
  l->camera_seed = fmn_random_next(r);
  int wanted = o->min_items + (int)fmn_random_below(r, (guint64)(o->max_items - o->min_items + 1));
  grid.owner = g_new0(guint8, 2 * cells);
  for (int tries = 0; l->n < wanted && tries < 2 * wanted + 4; tries++)
    add(l, r, set, wanted, &grid, grid.owner + cells);
  light(l, r);
  for (int i = 0; i < l->n; i++) {
    l->garments[i].visible = (float)grid.seen[i] / (float)grid.area[i];
    fmn_garment_dress(&l->garments[i], r, l->cutouts[i], l->backdrop.color);
  }
  g_free(grid.owner);
}

void fmn_layout_clear(FmnLayout *l) {
  for (int i = 0; i < l->n; i++)
    fmn_cutout_free(l->cutouts[i]);
  l->n = 0;
}
