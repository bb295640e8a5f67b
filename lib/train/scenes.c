#include "train/scenes.h"

#include <string.h>

#include "error.h"
#include "train/extract.h"
#include "train/scene_parts.h"

#define MAX_CLASSES 256
#define WORN_PHOTOS 0.5 /* share of the scenes of photos in which people wear them */
/* The original's. */
#define GREEN_ITEM 280
#define GREEN_HEIGHT 480

struct FmnSceneSet {
  const FmnImages *items;
  FmnSceneOptions options;
  FmnNoise noise;
  int *order, n_classes;      /* items by class */
  int start[MAX_CLASSES + 1]; /* of the classes that there are, in order */
};

struct FmnSceneWork {
  guint8 *pixels, *owner, *rgb;
  float *rows;
  gsize n_pixels, n_owner, n_rgb, n_rows;
  FmnCamera *camera;
};

#define TEST_SCENES 0x7e57 /* of what is derived from a seed: scenes and items have their numbers */

FmnSceneOptions fmn_scene_options(FmnScenePreset preset, guint64 seed) {
  return (FmnSceneOptions){.preset = preset,
                           .seed = seed,
                           .frame_width = 640,
                           .frame_height = 480,
                           .min_items = 1,
                           .max_items = 6,
                           .min_size = preset == FMN_SCENE_WORN ? 0.3 : 0.16,
                           .max_size = preset == FMN_SCENE_WORN ? 1 : 0.7,
                           .background = FMN_BACKGROUND_ANY,
                           .people = TRUE,
                           .fill = 128};
}

static gboolean in_range(const char *name, double value, double low, double high, GError **error) {
  if (value >= low && value <= high)
    return TRUE;
  g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "scenes: %s must be within %g and %g, not %g", name, low, high,
              value);
  return FALSE;
}

static gboolean check_options(const FmnSceneOptions *o, GError **error) {
  return in_range("the preset", (double)o->preset, FMN_SCENE_GREEN, FMN_N_SCENE_PRESETS - 1, error) &&
         in_range("the frame's width", o->frame_width, FMN_SCENE_MIN_SIDE, FMN_SCENE_MAX_SIDE, error) &&
         in_range("the frame's height", o->frame_height, FMN_SCENE_MIN_SIDE, FMN_SCENE_MAX_SIDE, error) &&
         in_range("the jitter", o->jitter, 0, 1, error) &&
         in_range("the largest number of items", o->max_items, 0, FMN_SCENE_MAX_ITEMS, error) &&
         in_range("the least number of items", o->min_items, 0, o->max_items, error) &&
         in_range("the largest size", o->max_size, 0.05, 1, error) &&
         in_range("the least size", o->min_size, 0.05, o->max_size, error) &&
         in_range("the background", (double)o->background, 0, FMN_BACKGROUND_ANY, error);
}

guint64 fmn_scene_test_seed(guint64 seed) { return fmn_random_derive(seed, TEST_SCENES); }

gboolean fmn_scene_preset_has_items(FmnScenePreset preset) {
  return preset != FMN_SCENE_WORN && preset != FMN_SCENE_NOTHING;
}

guint64 fmn_scene_split_seed(FmnScenePreset preset, FmnSplit split, guint64 seed) {
  return split == FMN_SPLIT_TEST && !fmn_scene_preset_has_items(preset) ? fmn_scene_test_seed(seed) : seed;
}

static gboolean check_items(const FmnImages *items, FmnScenePreset preset, GError **error) {
  if (!fmn_scene_preset_has_items(preset))
    return TRUE;
  gboolean photos = preset == FMN_SCENE_PHOTOS;
  if (items->n > 0 && items->channels == (photos ? FMN_CUTOUT_CHANNELS : 1) && MIN(items->width, items->height) >= 8 &&
      MAX(items->width, items->height) <= 256)
    return TRUE;
  g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
              "%s of 8 to 256 pixels a side; there are %d of %d×%d×%d (channels, height, width)",
              photos ? "scenes of photos are made of cut-outs, as fmnist-train extract --cutouts writes them,"
                     : "scenes are made of grey images, such as Fashion-MNIST's,",
              items->n, items->channels, items->height, items->width);
  return FALSE;
}

/* A counting sort. */
static void sort_by_class(FmnSceneSet *s) {
  int count[MAX_CLASSES] = {0}, at[MAX_CLASSES];
  for (int i = 0; i < s->items->n; i++)
    count[s->items->labels[i]]++;
  for (int k = 0, sum = 0; k < MAX_CLASSES; k++) {
    at[k] = sum;
    if (count[k] == 0)
      continue;
    s->start[s->n_classes++] = sum;
    s->start[s->n_classes] = sum += count[k];
  }
  s->order = g_new(int, s->items->n);
  for (int i = 0; i < s->items->n; i++)
    s->order[at[s->items->labels[i]]++] = i;
}

FmnSceneSet *fmn_scene_set_new(const FmnImages *items, const FmnSceneOptions *options, GError **error) {
  if (!check_options(options, error) || !check_items(items, options->preset, error))
    return NULL;
  FmnSceneSet *s = g_new0(FmnSceneSet, 1);
  s->items = items;
  s->options = *options;
  fmn_noise_init(&s->noise);
  if (items)
    sort_by_class(s);
  return s;
}

void fmn_scene_set_free(FmnSceneSet *s) {
  if (!s)
    return;
  g_free(s->order);
  g_free(s);
}

const FmnImages *fmn_scene_set_items(const FmnSceneSet *s) { return s->items; }

const FmnSceneOptions *fmn_scene_set_options(const FmnSceneSet *s) { return &s->options; }

int fmn_scene_set_pick(const FmnSceneSet *s, FmnRandom *r) {
  int k = (int)fmn_random_below(r, (guint64)s->n_classes);
  return s->order[s->start[k] + (int)fmn_random_below(r, (guint64)(s->start[k + 1] - s->start[k]))];
}

FmnScene *fmn_scene_new(void) {
  FmnScene *scene = g_new0(FmnScene, 1);
  scene->work = g_new0(struct FmnSceneWork, 1);
  scene->work->camera = fmn_camera_new();
  return scene;
}

void fmn_scene_free(FmnScene *scene) {
  if (!scene)
    return;
  fmn_camera_free(scene->work->camera);
  g_free(scene->work->pixels);
  g_free(scene->work->owner);
  g_free(scene->work->rgb);
  g_free(scene->work->rows);
  g_free(scene->work);
  g_free(scene);
}

static void grow(gpointer *memory, gsize *n, gsize wanted) {
  if (*n >= wanted)
    return;
  g_free(*memory);
  *memory = g_malloc(wanted);
  *n = wanted;
}

/* Where the frame lies in the picture; what is beside it is filled. */
static void letterbox(const FmnSceneOptions *o, int width, int height, FmnScene *scene) {
  struct FmnSceneWork *w = scene->work;
  gsize size = 3 * (gsize)width * (gsize)height;
  double scale = MIN((double)width / o->frame_width, (double)height / o->frame_height);
  grow((gpointer *)&w->rgb, &w->n_rgb, size);
  scene->pixels = w->rgb;
  scene->width = width;
  scene->height = height;
  scene->preset = o->preset;
  scene->frame_width = CLAMP((int)lrint(o->frame_width * scale), 1, width);
  scene->frame_height = CLAMP((int)lrint(o->frame_height * scale), 1, height);
  scene->x = (width - scene->frame_width) / 2;
  scene->y = (height - scene->frame_height) / 2;
  scene->n_boxes = 0;
  if (scene->frame_width < width || scene->frame_height < height)
    memset(scene->pixels, o->fill, size);
}

/* --- green --- */

static float bilinear(const guint8 *item, int width, int height, float x, float y) {
  x = CLAMP(x, 0, (float)width - 1);
  y = CLAMP(y, 0, (float)height - 1);
  int x0 = (int)x, y0 = (int)y, x1 = MIN(x0 + 1, width - 1), y1 = MIN(y0 + 1, height - 1);
  float fx = x - (float)x0, fy = y - (float)y0;
  float top = item[y0 * width + x0] * (1 - fx) + item[y0 * width + x1] * fx;
  return top * (1 - fy) + (item[y1 * width + x0] * (1 - fx) + item[y1 * width + x1] * fx) * fy;
}

/* How much of pixel i lies in a..b. */
static float inside(float a, float b, int i) { return CLAMP(MIN(b, (float)i + 1) - MAX(a, (float)i), 0, 1); }

static void draw_item(const FmnImages *items, int index, gboolean mirror, FmnScene *scene, float cx, float cy,
                      float side_x, float side_y) {
  float x0 = cx - side_x / 2, y0 = cy - side_y / 2, x1 = x0 + side_x, y1 = y0 + side_y;
  for (int y = 0; y < scene->frame_height; y++) {
    guint8 *p = scene->pixels + 3 * ((gsize)(scene->y + y) * (gsize)scene->width + (gsize)scene->x);
    float v = ((float)y + 0.5f - y0) / side_y * (float)items->height - 0.5f, row = inside(y0, y1, y);
    for (int x = 0; x < scene->frame_width; x++, p += 3) {
      float u = ((float)x + 0.5f - x0) / side_x, share = row * inside(x0, x1, x), grey = 0;
      if (share > 0)
        grey = bilinear(items->images[index], items->width, items->height,
                        (mirror ? 1 - u : u) * (float)items->width - 0.5f, v);
      p[0] = p[2] = (guint8)(share * grey + 0.5f);
      p[1] = (guint8)(share * grey + (1 - share) * 255 + 0.5f);
    }
  }
  FmnSceneBox box = {items->labels[index], index, MAX(x0, 0), MAX(y0, 0), x1, y1, 1};
  box.x0 += (float)scene->x;
  box.y0 += (float)scene->y;
  box.x1 = MIN(box.x1, (float)scene->frame_width) + (float)scene->x;
  box.y1 = MIN(box.y1, (float)scene->frame_height) + (float)scene->y;
  scene->boxes[scene->n_boxes++] = box;
}

static void render_green(const FmnSceneSet *s, guint64 index, FmnScene *scene) {
  const FmnSceneOptions *o = &s->options;
  FmnRandom r = {fmn_random_derive(o->seed, index)};
  float sx = (float)scene->frame_width / (float)o->frame_width,
        sy = (float)scene->frame_height / (float)o->frame_height;
  int item = (int)(index % (guint64)s->items->n), shorter = MIN(o->frame_width, o->frame_height);
  float side = (float)shorter * GREEN_ITEM / GREEN_HEIGHT, cx = (float)o->frame_width / 2,
        cy = (float)o->frame_height / 2;
  gboolean mirror = FALSE;
  if (o->jitter > 0) {
    item = fmn_scene_set_pick(s, &r);
    side *= 1 + (float)(o->jitter * fmn_random_range(&r, -0.5, 0.5));
    cx += (float)(o->jitter * fmn_random_range(&r, -1, 1)) * MAX(0, ((float)o->frame_width - side) / 2);
    cy += (float)(o->jitter * fmn_random_range(&r, -1, 1)) * MAX(0, ((float)o->frame_height - side) / 2);
    mirror = fmn_random_uniform(&r) < 0.5;
  }
  draw_item(s->items, item, mirror, scene, cx * sx, cy * sy, side * sx, side * sy);
}

/* --- mixed --- */

static void open_canvas(const FmnSceneSet *s, FmnScene *scene, FmnCanvas *c) {
  struct FmnSceneWork *w = scene->work;
  const FmnSceneOptions *o = &s->options;
  float unit = (float)FMN_SCENE_UNITS / (float)MIN(o->frame_width, o->frame_height);
  *c = (FmnCanvas){.noise = &s->noise, .width = scene->frame_width, .height = scene->frame_height};
  gsize pixels = (gsize)c->width * (gsize)c->height;
  c->stride = cairo_format_stride_for_width(CAIRO_FORMAT_RGB24, c->width);
  grow((gpointer *)&w->pixels, &w->n_pixels, (gsize)c->stride * (gsize)c->height);
  grow((gpointer *)&w->owner, &w->n_owner, pixels);
  grow((gpointer *)&w->rows, &w->n_rows, 2 * sizeof(float) * (gsize)c->width);
  memset(w->owner, 0, pixels);
  memset(w->pixels, 0, (gsize)c->stride * (gsize)c->height);
  c->pixels = w->pixels;
  c->light = w->rows;
  c->mix = w->rows + c->width;
  c->right = (float)o->frame_width * unit;
  c->below = (float)o->frame_height * unit;
  c->sx = (float)c->width / c->right;
  c->sy = (float)c->height / c->below;
  c->surface = cairo_image_surface_create_for_data(c->pixels, CAIRO_FORMAT_RGB24, c->width, c->height, c->stride);
  c->cr = cairo_create(c->surface);
  cairo_scale(c->cr, c->sx, c->sy);
}

static void close_canvas(FmnCanvas *c) {
  cairo_destroy(c->cr);
  cairo_surface_destroy(c->surface);
}

/* Around what is seen of each garment. */
static void find_boxes(const FmnMark *marks, int n, const guint8 *owner, FmnScene *scene) {
  int left[FMN_SCENE_MAX_ITEMS], right[FMN_SCENE_MAX_ITEMS], top[FMN_SCENE_MAX_ITEMS], bottom[FMN_SCENE_MAX_ITEMS];
  for (int i = 0; i < FMN_SCENE_MAX_ITEMS; i++) {
    left[i] = top[i] = G_MAXINT;
    right[i] = bottom[i] = -1;
  }
  for (int y = 0; y < scene->frame_height; y++)
    for (int x = 0; x < scene->frame_width; x++, owner++) {
      if (!*owner)
        continue;
      int i = *owner - 1;
      left[i] = MIN(left[i], x);
      right[i] = MAX(right[i], x);
      top[i] = MIN(top[i], y);
      bottom[i] = y;
    }
  for (int i = 0; i < n; i++)
    if (right[i] >= 0 && marks[i].visible > 0)
      scene->boxes[scene->n_boxes++] = (FmnSceneBox){marks[i].label,
                                                     marks[i].index,
                                                     (float)(scene->x + left[i]),
                                                     (float)(scene->y + top[i]),
                                                     (float)(scene->x + right[i] + 1),
                                                     (float)(scene->y + bottom[i] + 1),
                                                     marks[i].visible};
}

/* Boxes and picture from what has been drawn. */
static void finish(const FmnMark *marks, int n, const FmnBackdrop *backdrop, guint64 camera_seed, FmnCanvas *canvas,
                   FmnScene *scene) {
  find_boxes(marks, n, scene->work->owner, scene);
  guint8 *at = scene->pixels + 3 * ((gsize)scene->y * (gsize)scene->width + (gsize)scene->x);
  fmn_camera_take(scene->work->camera, camera_seed, canvas, at, 3 * scene->width);
  scene->background = backdrop->kind;
  close_canvas(canvas);
}

static void render_laid(const FmnSceneSet *s, FmnRandom *r, FmnScene *scene) {
  FmnLayout layout;
  FmnCanvas canvas;
  FmnMark marks[FMN_SCENE_MAX_ITEMS];
  fmn_layout_draw(&layout, r, s);
  open_canvas(s, scene, &canvas);
  fmn_backdrop_render(&layout.backdrop, &canvas);
  FmnRandom things = {layout.things_seed};
  fmn_things_render(&things, layout.things, &canvas);
  cairo_surface_flush(canvas.surface);
  for (int i = 0; i < layout.n; i++) {
    const FmnGarment *g = &layout.garments[i];
    gboolean photo = layout.cutouts[i]->planes != NULL;
    (photo ? fmn_photo_render : fmn_garment_render)(g, layout.cutouts[i], &canvas, (guint8)(i + 1), scene->work->owner);
    marks[i] = (FmnMark){g->label, g->index, g->visible};
  }
  finish(marks, layout.n, &layout.backdrop, layout.camera_seed, &canvas, scene);
  fmn_layout_clear(&layout);
}

static void render_mixed(const FmnSceneSet *s, guint64 index, FmnScene *scene) {
  render_laid(s, &(FmnRandom){fmn_random_derive(s->options.seed, index)}, scene);
}

static void render_people(const FmnSceneSet *s, FmnRandom *r, FmnScene *scene) {
  FmnWornLayout layout;
  FmnCanvas canvas;
  FmnMark marks[FMN_SCENE_MAX_ITEMS];
  fmn_worn_draw(&layout, r, s);
  open_canvas(s, scene, &canvas);
  fmn_backdrop_render(&layout.backdrop, &canvas);
  int n = fmn_worn_render(&layout, &canvas, scene->work->owner, marks);
  finish(marks, n, &layout.backdrop, layout.camera_seed, &canvas, scene);
  fmn_worn_clear(&layout);
}

static void render_worn(const FmnSceneSet *s, guint64 index, FmnScene *scene) {
  render_people(s, &(FmnRandom){fmn_random_derive(s->options.seed, index)}, scene);
}

static void render_photos(const FmnSceneSet *s, guint64 index, FmnScene *scene) {
  FmnRandom r = {fmn_random_derive(s->options.seed, index)};
  if (fmn_random_uniform(&r) < WORN_PHOTOS && s->options.people)
    render_people(s, &r, scene);
  else
    render_laid(s, &r, scene);
}

static void render_nothing(const FmnSceneSet *s, guint64 index, FmnScene *scene) {
  FmnRandom r = {fmn_random_derive(s->options.seed, index)};
  FmnCanvas canvas;
  FmnBackdrop backdrop = fmn_backdrop_draw(&r, s->options.background == FMN_BACKGROUND_ANY
                                                   ? (FmnBackground)fmn_random_below(&r, FMN_N_BACKGROUNDS)
                                                   : s->options.background);
  guint64 camera_seed = fmn_random_next(&r);
  open_canvas(s, scene, &canvas);
  if (fmn_random_uniform(&r) < 0.5) {
    fmn_backdrop_render(&backdrop, &canvas);
    fmn_things_render(&r, fmn_random_uniform(&r) < 0.4 ? 1 + (int)fmn_random_below(&r, 6) : 0, &canvas);
    cairo_surface_flush(canvas.surface);
  } else {
    fmn_nothing_render(&r, &canvas);
  }
  finish(NULL, 0, &backdrop, camera_seed, &canvas, scene);
}

void fmn_scene_render(const FmnSceneSet *s, guint64 index, int width, int height, FmnScene *scene) {
  letterbox(&s->options, CLAMP(width, FMN_SCENE_MIN_SIDE, FMN_SCENE_MAX_SIDE),
            CLAMP(height, FMN_SCENE_MIN_SIDE, FMN_SCENE_MAX_SIDE), scene);
  static void (*const render[])(const FmnSceneSet *, guint64, FmnScene *) = {[FMN_SCENE_GREEN] = render_green,
                                                                             [FMN_SCENE_MIXED] = render_mixed,
                                                                             [FMN_SCENE_PHOTOS] = render_photos,
                                                                             [FMN_SCENE_WORN] = render_worn,
                                                                             [FMN_SCENE_NOTHING] = render_nothing};
  render[s->options.preset](s, index, scene);
}

char *fmn_scene_to_yolo(const FmnScene *scene) {
  GString *text = g_string_new(NULL);
  for (int i = 0; i < scene->n_boxes; i++) {
    const FmnSceneBox *b = &scene->boxes[i];
    const double values[4] = {(b->x0 + b->x1) / 2.0 / scene->width, (b->y0 + b->y1) / 2.0 / scene->height,
                              (double)(b->x1 - b->x0) / scene->width, (double)(b->y1 - b->y0) / scene->height};
    g_string_append_printf(text, "%d", b->label);
    for (int k = 0; k < 4; k++) {
      char number[G_ASCII_DTOSTR_BUF_SIZE];
      g_string_append_printf(text, " %s", g_ascii_formatd(number, sizeof number, "%.6f", values[k]));
    }
    g_string_append_c(text, '\n');
  }
  return g_string_free(text, FALSE);
}
