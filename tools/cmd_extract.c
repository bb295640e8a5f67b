#include <stdio.h>
#include <string.h>

#include "command.h"
#include "error.h"
#include "io/model_file.h"
#include "train/extract.h"
#include "train/photo_folders.h"
#include "train/scene_plan.h"
#include "train/target.h"

typedef struct {
  char *photos, *scenes, *data, *out, *split, *model;
  char **maps;
  guint64 seed;
  int count, views, size;
  gboolean cutouts;
} Options;

#define CUTOUT_SIZE 160
#define COUNT 10000
#define MAX_COUNT 1000000
#define UNSET G_MININT

static void notice(const char *path, const char *why, gpointer user) {
  fprintf(stderr, "fmnist-train: %s left out: %s\n", path, why);
}

static void print_summary(const FmnDataset *d, int left_out, const char *out) {
  g_autofree int *count = g_new0(int, FMN_MAX_NAMES);
  for (int i = 0; i < d->n; i++)
    count[d->labels[i]]++;
  printf("%s: %d pictures of %d×%d", out, d->n, d->width, d->height);
  for (int k = 0, first = 1; d->names[k]; k++)
    if (count[k]) {
      printf("%s %d %s", first ? ":" : ",", count[k], d->names[k]);
      first = 0;
    }
  if (d->n_views)
    printf("; %d more views of each", d->n_views);
  if (left_out)
    printf("; %d files left out", left_out);
  puts("");
}

/* How the pictures are to be prepared: for a model, or as cut-outs. */
static gboolean choose_preprocess(const Options *o, FmnPreprocess *p, GError **error) {
  if (o->cutouts) {
    *p = (FmnPreprocess){.width = CUTOUT_SIZE, .height = CUTOUT_SIZE, .channels = FMN_CUTOUT_CHANNELS};
  } else {
    FmnModel *model = fmn_model_open(o->model, error);
    if (!model)
      return FALSE;
    gboolean gray = !fmn_model_is_detector(model) && fmn_model_preprocess(model)->channels == 1;
    *p = *fmn_model_preprocess(model);
    if (!gray)
      g_set_error(error, FMN_ERROR, FMN_ERROR_UNSUPPORTED,
                  "model %s takes no grey pictures of one garment, which IDX files hold; choose another with --model",
                  fmn_model_name(model));
    fmn_model_unref(model);
    if (!gray)
      return FALSE;
  }
  if (o->size)
    p->width = p->height = o->size;
  return TRUE;
}

static FmnDataset *extract_scenes(const Options *o, FmnSplit split, const FmnPreprocess *p, GError **error) {
  FmnDataset *data = NULL;
  FmnImages *cutouts = o->data ? command_garments(o->data, split, fmn_fashion_mnist_labels, &data, error) : NULL;
  guint64 seed = split == FMN_SPLIT_TEST ? fmn_scene_test_seed(o->seed) : o->seed;
  FmnDataset *d = o->data && !cutouts
                      ? NULL
                      : fmn_extract_scenes(o->scenes, cutouts, o->count != UNSET ? o->count : COUNT, seed, p, error);
  fmn_images_free(cutouts);
  fmn_dataset_free(data);
  return d;
}

static gboolean extract(const Options *o, GError **error) {
  FmnSplit split = g_strcmp0(o->split, "test") == 0 ? FMN_SPLIT_TEST : FMN_SPLIT_TRAIN;
  FmnExtractCounts counts = {0};
  FmnPreprocess preprocess;
  if (!fmn_target_check_folder("--out", o->out, error) || !choose_preprocess(o, &preprocess, error))
    return FALSE;
  FmnDataset *d = o->scenes ? extract_scenes(o, split, &preprocess, error)
                            : fmn_extract(o->photos, o->maps, &preprocess, o->views, notice, NULL, &counts, error);
  gboolean ok = d && fmn_dataset_save(d, o->out, split, error);
  if (ok)
    print_summary(d, counts.nothing + counts.unreadable, o->out);
  fmn_dataset_free(d);
  return ok;
}

static int run(int argc, char **argv) {
  Options o = {.seed = 1, .count = UNSET};
  FmnSceneMix mix;
  char *seed = NULL;
  const GOptionEntry entries[] = {
      {"photos", 'p', 0, G_OPTION_ARG_FILENAME, &o.photos, "Folder with one sub-folder of pictures a class", "DIR"},
      {"scenes", 0, 0, G_OPTION_ARG_STRING, &o.scenes,
       "In place of photos: what a detector would find in composed scenes, photos, worn, nothing, and how often of "
       "each",
       "PRESET[:WEIGHT],..."},
      {"data", 'd', 0, G_OPTION_ARG_FILENAME, &o.data, "For scenes of photos: what extract --cutouts wrote", "DIR"},
      {"count", 0, 0, G_OPTION_ARG_INT, &o.count, "How many scenes (10000)", "N"},
      {"seed", 0, 0, G_OPTION_ARG_STRING, &seed, "Of the scenes (1)", "N"},
      {"out", 'o', 0, G_OPTION_ARG_FILENAME, &o.out, "Folder for the IDX files", "DIR"},
      {"map", 'm', 0, G_OPTION_ARG_STRING_ARRAY, &o.maps,
       "The pictures of a folder are of this class of Fashion-MNIST (name or number), or of any of these; unknown: of "
       "none; FOLDER= leaves it out. May be given again",
       "FOLDER=CLASS[|CLASS...]"},
      {"split", 's', 0, G_OPTION_ARG_STRING, &o.split, "Write files for train or test (train)", "NAME"},
      {"views", 'n', 0, G_OPTION_ARG_INT, &o.views,
       "More views of each picture, as other cameras might have taken it: turned, nearer, in other light (0)", "N"},
      {"model", 0, 0, G_OPTION_ARG_FILENAME, &o.model, "Prepare the pictures for this model (the default one)", "FILE"},
      {"size", 0, 0, G_OPTION_ARG_INT, &o.size, "Width and height of the pictures, in pixels (the model's)", "N"},
      {"cutouts", 0, 0, G_OPTION_ARG_NONE, &o.cutouts,
       "Write the garments in their colours, cut out, for scenes of photos (160×160 pixels if --size says nothing)",
       NULL},
      G_OPTION_ENTRY_NULL};
  GError *error = NULL;
  int status = EXIT_USAGE;
  if (command_parse(
          &argc, &argv, NULL, "Makes a data set of photos.",
          "Finds the garment in each picture and writes what a network would be shown of it, by the code that "
          "the elements run.\nWithout --map the folders' names become the classes.\n",
          entries, 0)) {
    gboolean photos = o.photos && *o.photos;
    if ((!photos && !o.scenes) || !o.out || !*o.out)
      command_usage("%s is missing", photos || o.scenes ? "--out DIR" : "--photos DIR (or --scenes PRESET,...)");
    else if (o.scenes && (photos || o.maps || o.views || o.cutouts))
      command_usage("--scenes goes without --photos, --map, --views and --cutouts");
    else if (!o.scenes && (o.data || o.count != UNSET || seed))
      command_usage("--data, --count and --seed go with --scenes");
    else if (o.count != UNSET && (o.count < 1 || o.count > MAX_COUNT))
      command_usage("--count must be 1 to %d, not %d", MAX_COUNT, o.count);
    else if (o.split && strcmp(o.split, "train") != 0 && strcmp(o.split, "test") != 0)
      command_usage("--split must be train or test, not “%s”", o.split);
    else if (o.views < 0 || o.views > FMN_EXTRACT_MAX_VIEWS)
      command_usage("--views must be 0 to %d, not %d", FMN_EXTRACT_MAX_VIEWS, o.views);
    else if (o.cutouts && (o.views > 0 || o.model))
      command_usage("--cutouts goes without --views and --model: scenes make their own views, for any model");
    else if (o.size != 0 && (o.size < 8 || o.size > 256))
      command_usage("--size must be 8 to 256, not %d", o.size);
    else if (photos && fmn_target_is_same(o.out, o.photos))
      command_usage("--out must be another folder than --photos, not %s too", o.out);
    else if (!command_seed(seed, &o.seed, &error) || (o.scenes && !fmn_scene_mix_parse(o.scenes, &mix, &error)) ||
             (o.maps && !fmn_photo_folders_check_maps(o.maps, &error)))
      command_usage_error(error);
    else
      status = extract(&o, &error) ? EXIT_OK : command_fail(error);
  }
  char *const texts[] = {o.photos, o.scenes, o.data, seed, o.out, o.split, o.model};
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
    g_free(texts[i]);
  g_strfreev(o.maps);
  return status;
}

const Command command_extract = {"extract", "make a data set of photos", run};
