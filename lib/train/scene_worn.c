#include <string.h>

#include "train/scene_parts.h"

#define LEAST_SEEN 0.25f
/* Share of the garments of photos of which only the cloth is taken, and sewn anew for a pose. The others have hands only
 * where sleeves are short: with more of them, hands would tell a T-shirt. */
#define TAILORED 0.85

/* Rooms, mostly; but a person stands before a plain wall or a curtain, too. */
static FmnBackground draw_background(FmnRandom *r) {
  double x = fmn_random_uniform(r);
  return x < 0.6    ? FMN_BACKGROUND_ROOM
         : x < 0.75 ? FMN_BACKGROUND_PLAIN
         : x < 0.9  ? FMN_BACKGROUND_GRADIENT
                    : (FmnBackground)fmn_random_below(r, FMN_N_BACKGROUNDS);
}

/* An upper garment for somebody; FALSE: none was drawn. */
static gboolean dress(FmnWornLayout *l, int i, FmnRandom *r, const FmnSceneSet *set) {
  const FmnImages *items = fmn_scene_set_items(set);
  FmnPerson *p = &l->people[i];
  FmnGarment *g = &l->garments[i];
  int kind = FMN_N_WORN;
  for (int attempt = 0; kind == FMN_N_WORN && attempt < 12; attempt++) {
    g->index = fmn_scene_set_pick(set, r);
    g->label = items->labels[g->index];
    for (kind = 0; kind < FMN_N_WORN && fmn_worn_label((FmnWorn)kind) != g->label;)
      kind++;
  }
  if (kind == FMN_N_WORN)
    return FALSE;
  const FmnCutout *c = l->cutouts[i] = fmn_cutout_new(items, g->index);
  if (fmn_random_uniform(r) < TAILORED) {
    fmn_garment_dress(g, r, c, l->backdrop.color);
    fmn_clothes_tailor(p, (FmnWorn)kind, r, c, g->bright);
    return TRUE;
  }
  gboolean bare = kind == FMN_WORN_T_SHIRT || kind == FMN_WORN_DRESS;
  p->upper.kind = (FmnWorn)kind;
  p->upper.sleeve = bare ? 0 : 1; /* where sleeves are long nobody knows where the hands are */
  if (bare)
    fmn_person_spread_arms(p, r);
  float hem = kind == FMN_WORN_DRESS  ? (float)fmn_random_range(r, 3.2, 4.6)
              : kind == FMN_WORN_COAT ? (float)fmn_random_range(r, 2.3, 3.6)
                                      : (float)fmn_random_range(r, 2.1, 2.8);
  float stretch = (float)fmn_random_range(r, 0.8, 1), tall = MAX(1, c->y1 - c->y0) / stretch;
  FmnTurn turn = {p->lean, hem * p->head / tall, fmn_random_uniform(r) < 0.5 ? -stretch : stretch, 0};
  fmn_garment_place(g, c, &turn, (FmnPoint){(c->x0 + c->x1) / 2, c->y0},
                    (FmnPoint){p->x, p->y + (float)fmn_random_range(r, -0.05, 0.12) * p->head});
  g->light_x = p->light_x;
  g->light_y = p->light_y;
  g->shadow = 0.3f;
  g->shadow_x = -0.06f * p->head * p->light_x;
  g->shadow_y = -0.06f * p->head * p->light_y;
  fmn_garment_dress(g, r, c, l->backdrop.color);
  return TRUE;
}

void fmn_worn_clear(FmnWornLayout *l) {
  for (int i = 0; i < l->n; i++)
    fmn_cutout_free(l->cutouts[i]);
}

void fmn_worn_draw(FmnWornLayout *l, FmnRandom *r, const FmnSceneSet *set) {
  const FmnSceneOptions *o = fmn_scene_set_options(set);
  float unit = (float)FMN_SCENE_UNITS / (float)MIN(o->frame_width, o->frame_height);
  float right = (float)o->frame_width * unit, below = (float)o->frame_height * unit;
  double many = fmn_random_uniform(r);
  memset(l, 0, sizeof *l);
  FmnBackground any = draw_background(r);
  l->backdrop = fmn_backdrop_draw(r, o->background == FMN_BACKGROUND_ANY ? any : o->background);
  l->camera_seed = fmn_random_next(r);
  int wanted = MIN(o->max_items, many < 0.7 ? 1 : many < 0.93 ? 2 : FMN_WORN_MAX_PEOPLE);
  for (int attempt = 0; l->n < wanted && attempt < 12; attempt++) {
    FmnPerson *p = &l->people[l->n];
    double largest = o->max_size / sqrt(l->n + 1);
    float size = FMN_SCENE_UNITS * (float)(o->min_size * pow(MAX(largest / o->min_size, 1), fmn_random_uniform(r)));
    gboolean apart = TRUE;
    fmn_person_draw(p, r, size, right, below, l->backdrop.color);
    for (int i = 0; i < l->n; i++)
      apart &= fabsf(l->people[i].x - p->x) > 0.8f * (l->people[i].head + p->head);
    l->n += apart;
  }
  /* who is smaller stands behind */
  for (int i = 1; i < l->n; i++)
    for (int k = i; k > 0 && l->people[k].head < l->people[k - 1].head; k--) {
      FmnPerson other = l->people[k];
      l->people[k] = l->people[k - 1];
      l->people[k - 1] = other;
    }
  for (int i = 0; o->preset == FMN_SCENE_PHOTOS && i < l->n; i++)
    dress(l, i, r, set);
}

/* The photo itself, as it is. */
static gboolean is_laid_on(const FmnWornLayout *l, int i) {
  return l->cutouts[i] && l->people[i].upper.cloth.kind != FMN_MATERIAL_PHOTO;
}

/* In clothes that are drawn, of whatever cloth. */
static void render_dressed(const FmnPerson *p, const FmnCutout *cutout, FmnCanvas *c, guint8 upper, guint8 trousers,
                           guint8 *owner) {
  FmnPerson person = *p;
  FmnSprite sprite = {0};
  if (cutout) {
    sprite = fmn_photo_sprite(cutout, c->sx / p->upper.cloth.photo.scale);
    person.upper.cloth.photo.sprite = &sprite;
  }
  fmn_person_render(&person, c, upper, trousers, owner);
  g_free(sprite.pixels);
}

/* What would be seen of a garment if nothing was before it, pixels. */
static float whole_area(const FmnWornLayout *l, int i, gboolean trousers, const FmnCanvas *c) {
  const FmnPerson *p = &l->people[i];
  const FmnGarment *g = &l->garments[i];
  if (!trousers && is_laid_on(l, i))
    return (float)l->cutouts[i]->area * g->scale * g->scale * c->sx * c->sy;
  float heads = trousers ? 2 * p->hips * 0.7f * 4 : 2 * p->shoulders * p->upper.loose * 0.8f * p->upper.hem;
  return heads * p->head * p->head * c->sx * c->sy;
}

int fmn_worn_render(const FmnWornLayout *l, FmnCanvas *c, guint8 *owner, FmnMark marks[FMN_SCENE_MAX_ITEMS]) {
  int seen[2 * FMN_WORN_MAX_PEOPLE + 1] = {0}, n = 2 * l->n;
  for (int i = 0; i < l->n; i++) {
    guint8 upper = (guint8)(2 * i + 1), trousers = (guint8)(2 * i + 2);
    if (is_laid_on(l, i))
      fmn_person_render_photo(&l->people[i], &l->garments[i], l->cutouts[i], c, upper, trousers, owner);
    else
      render_dressed(&l->people[i], l->cutouts[i], c, upper, trousers, owner);
  }
  for (int i = 0; i < c->width * c->height; i++)
    seen[owner[i]]++;
  for (int i = 0; i < n; i++) {
    const FmnPerson *p = &l->people[i / 2];
    gboolean photo = i % 2 == 0 && l->cutouts[i / 2];
    float visible = MIN(1, (float)seen[i + 1] / whole_area(l, i / 2, i % 2, c));
    marks[i] = (FmnMark){.label = i % 2 ? FMN_WORN_TROUSERS_LABEL : fmn_worn_label(p->upper.kind),
                         .index = photo ? l->garments[i / 2].index : -1,
                         .visible = visible < LEAST_SEEN ? 0 : visible};
  }
  return n;
}
