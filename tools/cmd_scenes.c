#include <cairo.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "io/model_file.h"
#include "train/scene_plan.h"

#define MAX_COUNT 1000000

typedef struct {
  char *preset, *split, *out, *data, *items, *background, *seed;
  int count, threads, width, height;
} Options;

/* Shared by the threads. */
typedef struct {
  const FmnSceneSet *set;
  const char *out;
  int count, width, height, next, done; /* next and done: atomic */
  GMutex lock;
  GError *error; /* the first */
  gint64 boxes[10];
} Job;

static gboolean parse(int argc, char **argv, Options *o) {
  const GOptionEntry entries[] = {
      {"preset", 'p', 0, G_OPTION_ARG_STRING, &o->preset, "green, mixed, photos, worn or nothing", "NAME"},
      {"out", 'o', 0, G_OPTION_ARG_FILENAME, &o->out, "Folder to write to; made where there is none", "DIR"},
      {"split", 0, 0, G_OPTION_ARG_STRING, &o->split,
       "Which images to take the garments from, or, of worn and nothing, other scenes: train or test (train)", "NAME"},
      {"count", 'n', 0, G_OPTION_ARG_INT, &o->count, "Scenes (100)", "N"},
      {"seed", 's', 0, G_OPTION_ARG_STRING, &o->seed, "Of everything random (1)", "N"},
      {"data", 'd', 0, G_OPTION_ARG_FILENAME, &o->data,
       "Folder with the four IDX files (default: FMNIST_DATA or " FMN_DATA_DIR "); worn and nothing need none", "DIR"},
      {"items", 0, 0, G_OPTION_ARG_STRING, &o->items,
       "Garments in a scene of mixed, up to 16 (1-6), people in one of worn, up to 3; 0: empty rooms, with empty label "
       "files",
       "MIN-MAX"},
      {"background", 0, 0, G_OPTION_ARG_STRING, &o->background,
       "Of mixed, photos, worn and nothing: plain, gradient, fabric, wood, tiles, clutter, noise, room, or any (any)",
       "NAME"},
      {"width", 0, 0, G_OPTION_ARG_INT, &o->width, "Of the pictures, pixels (640)", "N"},
      {"height", 0, 0, G_OPTION_ARG_INT, &o->height, "Of the pictures, pixels (480)", "N"},
      {"threads", 't', 0, G_OPTION_ARG_INT, &o->threads, "Threads (all processors); the files are the same", "N"},
      G_OPTION_ENTRY_NULL};
  return command_parse(
      &argc, &argv, NULL, "Composes scenes with garments of Fashion-MNIST for a detector.",
      "Writes 000000.png, 000001.png, ... with a label file each, 000000.txt, ...: a line “class cx cy w h” for every\n"
      "garment, centre and size as shares of the picture's width and height; classes.txt names the classes, from 0 "
      "on.\n"
      "\n"
      "green: the original demo's: the item, 280×280, in the middle of a green frame; scene i shows item i.\n"
      "mixed: garments cut out, tinted, lit, scaled, turned, overlapping, in all kinds of rooms, as a camera sees "
      "them.\n"
      "photos: the same with garments cut out of photos; --data is a folder that fmnist-train extract --cutouts "
      "wrote.\n"
      "worn: drawn people in drawn clothes; nothing of the data set.\n"
      "nothing: no garment at all: empty rooms, household things, writing, clocks, test pictures.\n"
      "\n"
      "The same seed gives the same files, and a greater count the same first ones.\n",
      entries, 0);
}

static gboolean fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean fail(GError **error, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fmn_fail_va(error, FMN_ERROR_ARGUMENT, format, args);
  va_end(args);
  return FALSE;
}

static gboolean set_items(const char *text, FmnSceneOptions *o, GError **error) {
  g_auto(GStrv) parts = g_strsplit(text, "-", 2);
  guint64 low = 0, high = 0;
  if (!parts[0] || !g_ascii_string_to_unsigned(parts[0], 10, 0, FMN_SCENE_MAX_ITEMS, &low, NULL) ||
      !g_ascii_string_to_unsigned(parts[1] ? parts[1] : parts[0], 10, low, FMN_SCENE_MAX_ITEMS, &high, NULL))
    return fail(error, "--items must be a number or MIN-MAX with 0 ≤ MIN ≤ MAX ≤ %d, not “%s”", FMN_SCENE_MAX_ITEMS,
                text);
  o->min_items = (int)low;
  o->max_items = (int)high;
  return TRUE;
}

static gboolean set_background(const char *name, FmnSceneOptions *o, GError **error) {
  for (int i = 0; i < FMN_N_BACKGROUNDS; i++)
    if (strcmp(name, fmn_scene_background_name((FmnBackground)i)) == 0) {
      o->background = (FmnBackground)i;
      return TRUE;
    }
  return strcmp(name, "any") == 0 ||
         fail(error, "--background must be plain, gradient, fabric, wood, tiles, clutter, noise, room or any, not “%s”",
              name);
}

static gboolean set_scenes(const Options *o, FmnSceneOptions *s, FmnSplit *split, GError **error) {
  guint64 seed = 1;
  FmnScenePreset preset;
  if (!fmn_scene_preset_parse(o->preset, &preset, NULL))
    return fail(error, "--preset must be green, mixed, photos, worn or nothing, not “%s”", o->preset);
  if (o->split && strcmp(o->split, "train") != 0 && strcmp(o->split, "test") != 0)
    return fail(error, "--split must be train or test, not “%s”", o->split);
  if (!command_seed(o->seed, &seed, error))
    return FALSE;
  if (o->count < 1 || o->count > MAX_COUNT)
    return fail(error, "--count must be 1 to %d, not %d", MAX_COUNT, o->count);
  if (MIN(o->width, o->height) < FMN_SCENE_MIN_SIDE || MAX(o->width, o->height) > FMN_SCENE_MAX_SIDE)
    return fail(error, "--width and --height must be %d to %d, not %d and %d", FMN_SCENE_MIN_SIDE, FMN_SCENE_MAX_SIDE,
                o->width, o->height);
  if (preset == FMN_SCENE_GREEN && o->background)
    return fail(error, "--background is for the other presets than green");
  if ((preset == FMN_SCENE_GREEN || preset == FMN_SCENE_NOTHING) && o->items)
    return fail(error, "--items is for the presets mixed, photos and worn");
  *split = g_strcmp0(o->split, "test") == 0 ? FMN_SPLIT_TEST : FMN_SPLIT_TRAIN;
  *s = fmn_scene_options(preset, fmn_scene_split_seed(preset, *split, seed));
  s->frame_width = o->width;
  s->frame_height = o->height;
  if (o->items && !set_items(o->items, s, error))
    return FALSE;
  if (preset == FMN_SCENE_WORN && s->min_items > 1)
    return fail(error, "--items %s: scenes of worn garments have 1 to MAX people; give 1-MAX", o->items);
  return !o->background || set_background(o->background, s, error);
}

/* An empty folder: files of another run among these would be taken for part of them. */
static gboolean make_folder(const char *path, GError **error) {
  if (g_mkdir_with_parents(path, 0777) != 0) {
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno), "cannot make the folder %s: %s", path,
                g_strerror(errno));
    return FALSE;
  }
  g_autoptr(GDir) dir = g_dir_open(path, 0, error);
  if (!dir)
    return FALSE;
  const char *name = g_dir_read_name(dir);
  if (name) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                "%s is not empty (there is %s); give --out a new folder, or remove what is in it", path, name);
    return FALSE;
  }
  g_autofree char *classes = g_build_filename(path, "classes.txt", NULL);
  g_autofree char *names = g_strjoinv("\n", (char **)fmn_fashion_mnist_labels);
  g_autofree char *lines = g_strconcat(names, "\n", NULL);
  return g_file_set_contents(classes, lines, -1, error);
}

static gboolean write_png(const FmnScene *scene, const char *path, GError **error) {
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, scene->width, scene->height);
  guint8 *pixels = cairo_image_surface_get_data(surface);
  gsize stride = (gsize)cairo_image_surface_get_stride(surface);
  for (int y = 0; pixels && y < scene->height; y++) {
    const guint8 *rgb = scene->pixels + 3 * (gsize)y * (gsize)scene->width;
    for (int x = 0; x < scene->width; x++, rgb += 3) {
      guint32 pixel = (guint32)rgb[0] << 16 | (guint32)rgb[1] << 8 | rgb[2];
      memcpy(pixels + (gsize)y * stride + 4 * (gsize)x, &pixel, 4);
    }
  }
  cairo_surface_mark_dirty(surface);
  errno = 0;
  cairo_status_t status = cairo_surface_write_to_png(surface, path);
  int number = errno;
  cairo_surface_destroy(surface);
  if (status != CAIRO_STATUS_SUCCESS)
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "cannot write %s: %s", path,
                number ? g_strerror(number) : cairo_status_to_string(status));
  return status == CAIRO_STATUS_SUCCESS;
}

static gboolean write_scene(const FmnScene *scene, const char *folder, int index, GError **error) {
  g_autofree char *png = g_strdup_printf("%s/%06d.png", folder, index);
  g_autofree char *txt = g_strdup_printf("%s/%06d.txt", folder, index), *labels = fmn_scene_to_yolo(scene);
  return write_png(scene, png, error) && g_file_set_contents(txt, labels, -1, error);
}

static gpointer work(gpointer data) {
  Job *j = data;
  FmnScene *scene = fmn_scene_new();
  for (int i; (i = g_atomic_int_add(&j->next, 1)) < j->count;) {
    GError *error = NULL;
    fmn_scene_render(j->set, (guint64)i, j->width, j->height, scene);
    gboolean ok = write_scene(scene, j->out, i, &error);
    g_mutex_lock(&j->lock);
    for (int k = 0; ok && k < scene->n_boxes; k++)
      j->boxes[scene->boxes[k].label]++;
    if (!ok && !j->error)
      j->error = g_steal_pointer(&error);
    g_mutex_unlock(&j->lock);
    g_clear_error(&error);
    if (!ok)
      g_atomic_int_set(&j->next, j->count);
    g_atomic_int_inc(&j->done);
  }
  fmn_scene_free(scene);
  return NULL;
}

static void watch(Job *j) {
  gint64 start = g_get_monotonic_time();
  for (int done; isatty(STDOUT_FILENO) && (done = g_atomic_int_get(&j->done)) < j->count;) {
    double seconds = (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
    printf("\r\033[K%d of %d scenes, %.0f a second", done, j->count, seconds > 0 ? done / seconds : 0);
    fflush(stdout);
    g_usleep(G_USEC_PER_SEC / 10);
    if (g_atomic_int_get(&j->next) >= j->count)
      break;
  }
  if (isatty(STDOUT_FILENO))
    fputs("\r\033[K", stdout);
}

static void print_result(const Job *j) {
  gint64 sum = 0;
  for (int k = 0; k < 10; k++)
    sum += j->boxes[k];
  printf("%s: %d scenes, %" G_GINT64_FORMAT " garments", j->out, j->count, sum);
  for (int k = 0; sum > 0 && k < 10; k++)
    printf("%s %" G_GINT64_FORMAT " %s", k ? "," : ":", j->boxes[k], fmn_fashion_mnist_labels[k]);
  puts("");
}

static gboolean compose(const Options *o, const FmnSceneOptions *s, FmnSplit split, GError **error) {
  FmnDataset *data = NULL;
  gboolean needed = fmn_scene_preset_has_items(s->preset);
  FmnImages *images = needed ? command_garments(o->data, split, fmn_fashion_mnist_labels, &data, error) : NULL;
  FmnSceneSet *set = !needed || images ? fmn_scene_set_new(images, s, error) : NULL;
  Job job = {.set = set, .out = o->out, .count = o->count, .width = o->width, .height = o->height};
  g_mutex_init(&job.lock);
  if (set && make_folder(o->out, error)) {
    int threads = MIN(o->threads, o->count);
    GThread **t = g_new(GThread *, threads);
    for (int i = 0; i < threads; i++)
      t[i] = g_thread_new("scenes", work, &job);
    watch(&job);
    for (int i = 0; i < threads; i++)
      g_thread_join(t[i]);
    g_free(t);
  } else {
    job.done = -1;
  }
  g_mutex_clear(&job.lock);
  fmn_scene_set_free(set);
  fmn_images_free(images);
  fmn_dataset_free(data);
  if (job.error)
    g_propagate_error(error, job.error);
  else if (job.done >= 0)
    print_result(&job);
  return !job.error && job.done >= 0;
}

static void options_clear(Options *o) {
  char *const texts[] = {o->preset, o->split, o->out, o->data, o->items, o->background, o->seed};
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
    g_free(texts[i]);
}

static int run(int argc, char **argv) {
  Options o = {.count = 100, .threads = command_threads(), .width = 640, .height = 480};
  FmnSceneOptions scenes;
  FmnSplit split = FMN_SPLIT_TRAIN;
  GError *error = NULL;
  int status = EXIT_USAGE;
  if (!parse(argc, argv, &o)) {
    /* the message is out */
  } else if (!o.preset || !*o.preset || !o.out || !*o.out) {
    command_usage("%s is missing", !o.preset || !*o.preset ? "--preset green|mixed|photos|worn|nothing" : "--out DIR");
  } else if (!command_check_threads(o.threads)) {
    /* the message is out */
  } else if (!set_scenes(&o, &scenes, &split, &error)) {
    command_usage_error(error);
  } else {
    status = compose(&o, &scenes, split, &error) ? EXIT_OK : command_fail(error);
  }
  options_clear(&o);
  return status;
}

const Command command_scenes = {"scenes", "compose scenes with garments for a detector", run};
