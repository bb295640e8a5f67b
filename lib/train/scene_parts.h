/* What scenes are put together from; private to lib/train/scene*.c. Lengths are in units: 480 of them are the frame's
 * shorter side, whatever the picture's size. Colours are R, G, B in 0..1. */
#ifndef FMN_TRAIN_SCENE_PARTS_H
#define FMN_TRAIN_SCENE_PARTS_H

#include <cairo.h>

#include "train/random.h"
#include "train/scenes.h"

#define FMN_SCENE_UNITS 480

typedef struct {
  float x, y;
} FmnPoint;

/* --- scene_material.c --- */

#define FMN_NOISE_SIDE 256

/* Smooth noise of mean 0 and deviation 1 that repeats, and white noise of the same kind. */
typedef struct {
  float smooth[FMN_NOISE_SIDE * FMN_NOISE_SIDE]; /* 8 texels from one random value to the next */
  float white[FMN_NOISE_SIDE * FMN_NOISE_SIDE];
} FmnNoise;

void fmn_noise_init(FmnNoise *noise);

/* A row of pixels on a surface: where the first one lies, the step to the next, the longer side of a pixel. Units. */
typedef struct {
  float u, v, du, dv, pixel;
} FmnRow;

/* Adds amount × noise that varies over `size` units, `stretch` times as many along u. What is finer than the pixels
 * fades. */
void fmn_noise_add(const FmnNoise *noise, const FmnRow *row, float size, float stretch, float amount, int n,
                   float *out);

typedef enum {
  FMN_MATERIAL_PLAIN,
  FMN_MATERIAL_WEAVE,
  FMN_MATERIAL_KNIT,
  FMN_MATERIAL_STRIPES,
  FMN_MATERIAL_CHECKS,
  FMN_MATERIAL_DOTS,
  FMN_MATERIAL_PRINT,
  FMN_MATERIAL_CARPET,
  FMN_MATERIAL_WOOD,
  FMN_MATERIAL_TILES,
  FMN_MATERIAL_CHESSBOARD,
  FMN_MATERIAL_BRICKS,
  FMN_MATERIAL_MARBLE,
  FMN_MATERIAL_PHOTO, /* cloth of a photographed garment */
} FmnMaterialKind;

/* Four values of a pixel, what they are is the renderer's. */
typedef float FmnPixel __attribute__((vector_size(16)));

/* A garment's pixels, `zoom` of them for each of its cut-out. */
typedef struct {
  int width, height; /* at least 2 */
  float zoom;
  FmnPixel *pixels;
} FmnSprite;

/* A part of a cut-out, in its pixels, that is laid out again and again, mirrored. */
typedef struct {
  const FmnSprite *sprite; /* borrowed while it is rendered */
  float left, top, right, bottom;
  float scale;  /* pixels a unit */
  float bright; /* times */
} FmnPhotoCloth;

typedef struct {
  FmnMaterialKind kind;
  float color[3], other[3]; /* where mix is 0 and 1; of a photo: its mean, for seams */
  float period;             /* units: of stripes, threads, tiles, planks */
  float contrast;           /* of its own light and dark, about 1 */
  float folds;              /* depth of soft folds; 0: flat */
  float grain;              /* of the finest threads; 0: none */
  float u, v;               /* shifts it; a photo's middle and upper edge are then where both are 0 */
  guint32 seed;
  FmnPhotoCloth photo; /* of FMN_MATERIAL_PHOTO */
} FmnMaterial;

FmnMaterial fmn_material_draw(FmnRandom *r, FmnMaterialKind kind, const float *color);
/* Of n pixels: light (0: as the colour; added to 1 and multiplied with it) and mix (0..1). */
void fmn_material_row(const FmnMaterial *m, const FmnNoise *noise, const FmnRow *row, int n, float *light, float *mix);

/* Hue at random. */
void fmn_color_draw(FmnRandom *r, float value_min, float value_max, float saturation_max, float *rgb);

/* --- the picture in the making --- */

typedef struct {
  const FmnNoise *noise;
  cairo_surface_t *surface; /* CAIRO_FORMAT_RGB24 */
  cairo_t *cr;              /* in units */
  guint8 *pixels;           /* of the surface: B, G, R, unused */
  int width, height, stride;
  float sx, sy;       /* pixels a unit */
  float right, below; /* size of the frame in units */
  float *light, *mix; /* room for a row each */
} FmnCanvas;

/* Writes n pixels of a material from (x, y) on. */
void fmn_canvas_row(const FmnCanvas *c, const FmnMaterial *m, const FmnRow *row, int x, int y, int n);

/* --- scene_background.c, scene_room.c, scene_things.c --- */

typedef struct {
  FmnBackground kind;
  guint64 seed;
  float color[3]; /* what prevails in it */
} FmnBackdrop;

FmnBackdrop fmn_backdrop_draw(FmnRandom *r, FmnBackground kind);
void fmn_backdrop_render(const FmnBackdrop *b, FmnCanvas *c);
void fmn_room_render(FmnRandom *r, const float *color, FmnCanvas *c);
/* A thing of a household; its middle and its longer side in units. */
void fmn_thing_render(FmnRandom *r, double x, double y, double size, double angle, FmnCanvas *c);
/* n of them, lying about. */
void fmn_things_render(FmnRandom *r, int n, FmnCanvas *c);
/* Fills a surface, seen straight on and turned by an angle. */
void fmn_surface_render(FmnCanvas *c, const FmnMaterial *m, float angle);

/* --- scene_cutout.c, scene_item.c, scene_photo.c --- */

#define FMN_ITEM_PAD 3

/* A garment, cut out: (width + 2 FMN_ITEM_PAD) × (height + 2 FMN_ITEM_PAD) pixels. */
typedef struct {
  int width, height;    /* with the padding */
  float *value, *cover; /* brightness in the data set, 0..1, going on beyond the rim; share that is garment, 0..1 */
  float x0, y0, x1, y1; /* around what is covered */
  float mean;           /* brightness */
  int area;             /* pixels that are covered by half at least */
  const guint8 *planes; /* of a photo: R, G, B, borrowed; then there is no value */
} FmnCutout;

/* Of an item of one channel, black around it; or of FMN_CUTOUT_CHANNELS, which must outlive it. */
FmnCutout *fmn_cutout_new(const FmnImages *items, int index);
void fmn_cutout_free(FmnCutout *c);

/* How a garment lies in the frame, and what it is made of. */
typedef struct {
  int index, label;
  float xx, xy, yx, yy, x, y; /* from the frame (units) to the cut-out's pixels: (xx·X + xy·Y + x, yx·X + yy·Y + y) */
  float scale;                /* units a pixel of the cut-out */
  float left, top, right, bottom; /* in the frame, padding included */
  float visible;
  float dark, bright, gamma; /* of its luminance */
  FmnMaterial cloth;
  float light_x, light_y;           /* direction to the light, in the frame; length: how strong its relief is */
  float shadow, shadow_x, shadow_y; /* strength; offset in units */
} FmnGarment;

/* How a cut-out comes into the frame: sheared, stretched along its width by `stretch` (negative: mirrored) and along
 * its height by as much less, enlarged to `scale` units a pixel, turned by `angle`. */
typedef struct {
  float angle, scale, stretch, shear;
} FmnTurn;

/* Sets the garment's place: the point `from` of the cut-out comes to `to` in the frame. */
void fmn_garment_place(FmnGarment *g, const FmnCutout *cutout, const FmnTurn *turn, FmnPoint from, FmnPoint to);
/* Its colours and cloth, to be seen on a background of that colour; those of a photo are kept, but for the light. */
void fmn_garment_dress(FmnGarment *g, FmnRandom *r, const FmnCutout *cutout, const float *background);
/* Draws it and writes `mark` to owner (a byte a pixel) where it covers at least half. */
void fmn_garment_render(const FmnGarment *g, const FmnCutout *cutout, FmnCanvas *c, guint8 mark, guint8 *owner);
/* Of a cut-out that has planes, as coarse as it may be where `shown` pixels of the picture are one of its own. To be
 * freed: its pixels. */
FmnSprite fmn_photo_sprite(const FmnCutout *cutout, float shown);
/* Cloth out of its middle, between the sleeves, so that its length is `length` units; its sprite is still to be set. */
FmnMaterial fmn_photo_cloth(const FmnCutout *cutout, float length, float bright);
/* R, G, B, 0..1, at a place of its surface, of cloth with a sprite. */
void fmn_photo_cloth_at(const FmnMaterial *cloth, float u, float v, float *rgb);
/* As fmn_garment_render(), of a cut-out that has planes. */
void fmn_photo_render(const FmnGarment *g, const FmnCutout *cutout, FmnCanvas *c, guint8 mark, guint8 *owner);

/* Between the middles of its pixels; u, v: within it, give or take the rounding of large coordinates. */
static inline FmnPixel fmn_sprite_at(const FmnSprite *s, float u, float v) {
  u = CLAMP(u, 0, (float)s->width - 1.01f);
  v = CLAMP(v, 0, (float)s->height - 1.01f);
  int iu = (int)u, iv = (int)v;
  float fu = u - (float)iu, fv = v - (float)iv;
  const FmnPixel *p = s->pixels + (gsize)iv * (gsize)s->width + iu, *q = p + s->width;
  FmnPixel a = p[0] + fu * (p[1] - p[0]), b = q[0] + fu * (q[1] - q[0]);
  return a + fv * (b - a);
}

/* The part first ≤ x < last of row y that is on the sprite, shifted by (dx, dy) units. u, v: where x = 0 is on the
 * sprite, between the middles of its pixels; du, dv: the step to the next x. */
typedef struct {
  float u, v, du, dv;
  int first, last;
} FmnSpan;

FmnSpan fmn_garment_span(const FmnGarment *g, const FmnSprite *sprite, const FmnCanvas *c, int y, float dx, float dy);

/* --- scene_layer.c --- */

/* A mask to draw on, as large as the canvas. */
typedef struct {
  cairo_surface_t *surface; /* CAIRO_FORMAT_A8 */
  cairo_t *cr;              /* in units */
} FmnLayer;

/* How a layer is filled: as something round, of a material. */
typedef struct {
  const FmnMaterial *cloth;
  float angle;                      /* of the material's rows */
  float depth;                      /* units over which its rim is bent away */
  float light_x, light_y;           /* as of FmnGarment */
  float rim;                        /* how much darker its rim is, 0..1 */
  float shadow, shadow_x, shadow_y; /* as of FmnGarment */
  guint8 mark;                      /* for owner, where it covers at least half */
} FmnLayerPaint;

FmnLayer fmn_layer_begin(const FmnCanvas *c);
/* Paints what is drawn on the layer, and frees it. */
void fmn_layer_paint(FmnLayer *layer, const FmnLayerPaint *paint, FmnCanvas *c, guint8 *owner);

/* --- scene_person.c, scene_clothes.c --- */

/* Of a person lengths are in heights of the head, from the middle of the base of the neck, down and to the right. */

typedef struct {
  FmnPoint shoulder, elbow, wrist;
  gboolean beside; /* the body, or a part of its outline; otherwise before it */
  gboolean holds;  /* something, in the hand */
} FmnArm;

typedef enum { FMN_WORN_T_SHIRT, FMN_WORN_PULLOVER, FMN_WORN_SHIRT, FMN_WORN_COAT, FMN_WORN_DRESS, FMN_N_WORN } FmnWorn;

typedef struct {
  FmnWorn kind;
  float sleeve;     /* share of the arm, 0..1 */
  float loose, hem; /* wideness, 1: as the body; y */
  FmnMaterial cloth, inner;
  gboolean short_collar, hood, open, print;
  guint64 seed; /* of the details */
} FmnClothes;

typedef struct {
  float x, y, head, lean;       /* base of the neck and height of the head in units; radians */
  float shoulders, waist, hips; /* half of the widths */
  FmnArm arm[2];                /* left, right in the picture */
  FmnClothes upper;
  FmnMaterial trousers, skin, hair;
  gboolean long_hair, beard, glasses, lanyard, strap;
  float light_x, light_y, rim; /* as of FmnLayerPaint */
  guint64 seed;
} FmnPerson;

/* Somebody whose upper garment is so large: its longer side, in units. */
void fmn_person_draw(FmnPerson *p, FmnRandom *r, float size, float right, float below, const float *background);
/* Writes `upper` and `trousers` to owner where these are seen, 0 where the body is. */
void fmn_person_render(const FmnPerson *p, FmnCanvas *c, guint8 upper, guint8 trousers, guint8 *owner);
/* The same, with a garment of a photo, already placed, as the upper one. */
void fmn_person_render_photo(const FmnPerson *p, const FmnGarment *g, const FmnCutout *cutout, FmnCanvas *c,
                             guint8 upper, guint8 trousers, guint8 *owner);
/* Bare arms that come out of the sleeves of something laid flat. */
void fmn_person_spread_arms(FmnPerson *p, FmnRandom *r);
/* As in Fashion-MNIST. */
int fmn_worn_label(FmnWorn kind);
#define FMN_WORN_TROUSERS_LABEL 1

/* Sets up cr for a person's lengths. */
void fmn_person_transform(const FmnPerson *p, cairo_t *cr);
/* A limb from a to b, as thick as that at each end (radii). */
void fmn_person_limb(cairo_t *cr, FmnPoint a, FmnPoint b, float at_a, float at_b);
FmnLayerPaint fmn_person_paint(const FmnPerson *p, const FmnMaterial *m, float depth, guint8 mark);
FmnWorn fmn_worn_kind_draw(FmnRandom *r);
void fmn_clothes_draw(FmnClothes *w, FmnWorn kind, FmnRandom *r, const float *background);
/* The same, of the cloth of a photographed garment; the person's place must be known. */
void fmn_clothes_tailor(FmnPerson *p, FmnWorn kind, FmnRandom *r, const FmnCutout *cutout, float bright);
/* With the sleeves of arms beside the body. */
void fmn_clothes_torso_render(const FmnPerson *p, FmnCanvas *c, guint8 mark, guint8 *owner);
void fmn_clothes_sleeve_render(const FmnPerson *p, const FmnArm *arm, FmnCanvas *c, guint8 mark, guint8 *owner);
void fmn_clothes_details_render(const FmnPerson *p, FmnCanvas *c);

/* --- scene_layout.c --- */

typedef struct {
  FmnBackdrop backdrop;
  int n;
  FmnGarment garments[FMN_SCENE_MAX_ITEMS]; /* from below to above */
  FmnCutout *cutouts[FMN_SCENE_MAX_ITEMS];  /* owned */
  int things;                               /* beside them */
  guint64 things_seed, camera_seed;
} FmnLayout;

/* pick: an image for a random number. */
void fmn_layout_draw(FmnLayout *l, FmnRandom *r, const FmnSceneSet *set);
void fmn_layout_clear(FmnLayout *l);
int fmn_scene_set_pick(const FmnSceneSet *set, FmnRandom *r);
const FmnImages *fmn_scene_set_items(const FmnSceneSet *set);
const FmnSceneOptions *fmn_scene_set_options(const FmnSceneSet *set);

/* What a number in owner stands for; visible 0: too little is seen for a box. */
typedef struct {
  int label, index;
  float visible;
} FmnMark;

/* --- scene_worn.c --- */

#define FMN_WORN_MAX_PEOPLE 3

typedef struct {
  FmnBackdrop backdrop;
  int n;
  FmnPerson people[FMN_WORN_MAX_PEOPLE];    /* from behind to the front */
  FmnGarment garments[FMN_WORN_MAX_PEOPLE]; /* their upper ones where these are of photos: */
  FmnCutout *cutouts[FMN_WORN_MAX_PEOPLE];  /* owned; NULL: drawn */
  guint64 camera_seed;
} FmnWornLayout;

/* With FMN_SCENE_PHOTOS in clothes of photos. */
void fmn_worn_draw(FmnWornLayout *l, FmnRandom *r, const FmnSceneSet *set);
void fmn_worn_clear(FmnWornLayout *l);
/* Draws the people and says what the numbers from 1 on in owner stand for; returns how many these are. */
int fmn_worn_render(const FmnWornLayout *l, FmnCanvas *c, guint8 *owner, FmnMark marks[FMN_SCENE_MAX_ITEMS]);

/* --- scene_nothing.c --- */

/* Fills the canvas with writing, a clock, a test picture, shapes or large things. Leaves the canvas without its scale.
 */
void fmn_nothing_render(FmnRandom *r, FmnCanvas *c);

/* --- scene_camera.c --- */

typedef struct FmnCamera FmnCamera; /* memory of one thread */

FmnCamera *fmn_camera_new(void);
void fmn_camera_free(FmnCamera *camera);
/* Takes the canvas's picture: blur, light, exposure, noise, compression; rgb: rows of `stride` bytes. */
void fmn_camera_take(FmnCamera *camera, guint64 seed, const FmnCanvas *c, guint8 *rgb, int stride);

#endif
