/* Composed scenes: pictures with garments in them and the boxes around these, for detectors. A scene is a function of
 * the options, the seed and its index: any of them can be made on its own, in any order, by any thread, and at any size
 * of the picture. */
#ifndef FMN_TRAIN_SCENES_H
#define FMN_TRAIN_SCENES_H

#include "train/data.h"

#define FMN_SCENE_MAX_ITEMS 16
#define FMN_SCENE_MIN_SIDE 16 /* of frame and picture, pixels */
#define FMN_SCENE_MAX_SIDE 8192

typedef enum {
  FMN_SCENE_GREEN, /* the original demo's: the item, black around it, 280×280 in the middle of a green frame of 640×480;
                    * scene i shows item i (mod n) */
  FMN_SCENE_MIXED,  /* garments cut out by their own masks, lit, tinted, turned, overlapping, in all kinds of rooms */
  FMN_SCENE_PHOTOS, /* the same with garments cut out of photos, in their own colours; in half of the scenes drawn
                     * people wear them */
  FMN_SCENE_WORN,   /* drawn people in drawn clothes before a camera, as Fashion-MNIST numbers these; the images are not
                       used */
  FMN_SCENE_NOTHING, /* no garment: half of them empty rooms as of FMN_SCENE_MIXED, half writing, clocks, test pictures,
                      * shapes, things; the images are not used */
  FMN_N_SCENE_PRESETS
} FmnScenePreset;

/* What is behind the garments of all but FMN_SCENE_GREEN. */
typedef enum {
  FMN_BACKGROUND_PLAIN,
  FMN_BACKGROUND_GRADIENT,
  FMN_BACKGROUND_FABRIC,
  FMN_BACKGROUND_WOOD,
  FMN_BACKGROUND_TILES,
  FMN_BACKGROUND_CLUTTER, /* a table full of things */
  FMN_BACKGROUND_NOISE,
  FMN_BACKGROUND_ROOM, /* wall, floor, furniture */
  FMN_N_BACKGROUNDS,
  FMN_BACKGROUND_ANY = FMN_N_BACKGROUNDS, /* another in each scene */
} FmnBackground;

typedef struct {
  FmnScenePreset preset;
  guint64 seed;
  int frame_width, frame_height; /* what the camera sees, in pixels; its shape and the size of the details; 16..8192,
                                    default 640×480 */
  /* FMN_SCENE_GREEN */
  double jitter; /* 0: the item in the middle; up to 1: anywhere in the frame and half to one and a half times as large,
                  * other items than the index says, mirrored half the time: for training; default 0 */
  /* FMN_SCENE_MIXED, FMN_SCENE_PHOTOS and FMN_SCENE_WORN (there: people, at most 3; sizes of their upper garments) */
  int min_items, max_items; /* garments, 0 ≤ min ≤ max ≤ FMN_SCENE_MAX_ITEMS; fewer where there is no room for more;
                             * default 1, 6; both 0: empty rooms */
  double min_size, max_size; /* longer side of an item, as a share of the frame's shorter side; 0.05..1, default 0.16,
                                0.7 (FMN_SCENE_WORN: 0.3, 1) */
  FmnBackground background;  /* default FMN_BACKGROUND_ANY */
  gboolean people;           /* FMN_SCENE_PHOTOS: half of the scenes show people in drawn clothes, whose labels are
                                Fashion-MNIST's; default TRUE */
  guint8 fill;               /* grey level beside the frame, where the picture has another shape than it; default 128 */
} FmnSceneOptions;

FmnSceneOptions fmn_scene_options(FmnScenePreset preset, guint64 seed);

/* What is seen of a garment, tight around the pixels of which it covers at least half (green: around the whole item of
 * 280×280). */
typedef struct {
  int label;            /* as in the data set */
  int item;             /* index in the images; -1: drawn */
  float x0, y0, x1, y1; /* in pixels of the picture, 0 ≤ x0 < x1 ≤ width; x1, y1 excluded */
  float visible;        /* share of the garment that neither another one nor the frame's edge hides: at least 0.55
                           (FMN_SCENE_WORN: 0.25) */
} FmnSceneBox;

typedef struct {
  int width, height; /* of the picture */
  guint8 *pixels;    /* height × width × (R, G, B); owned by the scene, valid until it is rendered again */
  int n_boxes;       /* every garment in the picture has one */
  FmnSceneBox boxes[FMN_SCENE_MAX_ITEMS];
  int x, y, frame_width, frame_height; /* where in the picture the frame lies */
  FmnScenePreset preset;
  FmnBackground background;  /* but of FMN_SCENE_GREEN */
  struct FmnSceneWork *work; /* private */
} FmnScene;

typedef struct FmnSceneSet FmnSceneSet;

/* Whether scenes of a preset show items at all: not drawn people, and not scenes of nothing. */
gboolean fmn_scene_preset_has_items(FmnScenePreset preset);

/* Another seed, for scenes to test with where no split of a data set keeps these from being those of a training with
 * the same seed. */
guint64 fmn_scene_test_seed(guint64 seed);

/* The seed for scenes of a preset with the items of a split: another one for the test split where there are none. */
guint64 fmn_scene_split_seed(FmnScenePreset preset, FmnSplit split, guint64 seed);

/* items: NULL for a preset that has none; else grey images (channels 1) of 8..256 pixels a side, bright on black, or
 * for FMN_SCENE_PHOTOS cut-outs (channels FMN_CUTOUT_CHANNELS, extract.h); borrowed, so they must outlive the set. In
 * FMN_SCENE_MIXED and FMN_SCENE_PHOTOS each class that is among them is as frequent as any other. Give it the images of
 * one split only: nothing else keeps training and test apart. FMN_ERROR_ARGUMENT: an option out of its range;
 * FMN_ERROR_UNSUPPORTED: no or other images. A set is immutable: any number of threads. */
FmnSceneSet *fmn_scene_set_new(const FmnImages *items, const FmnSceneOptions *options, GError **error);
void fmn_scene_set_free(FmnSceneSet *set); /* NULL allowed */

/* Room for a scene, one a thread; reuse it, for it keeps its memory. */
FmnScene *fmn_scene_new(void);
void fmn_scene_free(FmnScene *scene); /* NULL allowed */

/* Renders scene `index` into a picture of width × height (16..8192): the frame scaled to fit (letterbox), options.fill
 * beside it. The same scene at another size has the same garments at the same places. Same bytes for the same
 * arguments. */
void fmn_scene_render(const FmnSceneSet *set, guint64 index, int width, int height, FmnScene *scene);

/* The boxes as lines “class cx cy w h”, centre and size as shares of the picture's width and height (YOLO's label
 * files); g_free. */
char *fmn_scene_to_yolo(const FmnScene *scene);

/* "plain", "gradient", ...; NULL when there is no such background. */
const char *fmn_scene_background_name(FmnBackground background);

#endif
