#include "train_options.h"

#include <string.h>

#include "command.h"
#include "error.h"
#include "io/idx.h"
#include "nets/nets.h"

#define UNSET (-1e30)

typedef struct {
  char *arch, *out, **data, *cutouts, *optimizer, *schedule, *augment, *last_augment, *init, *teacher, *plot, *log,
      *seed, *scenes, *sizes, *item_size, *keep;
  int epochs, batch, threads, bn_images, last_epochs, epoch_scenes, validation_scenes, test_scenes;
  double dense, match, class_weight, box_weight, rate, momentum, weight_decay, clip_norm, sam, warmup, smoothing, ema,
      validation, teacher_weight, teacher_temperature, time_limit;
  gboolean resume, no_nesterov, teacher_mirrored;
} Options;

static char *describe(void) {
  g_autofree char *augment = fmn_augment_help();
  GString *s = g_string_new("Networks and their recipes:\n");
  for (int i = 0; fmn_nets[i]; i++) {
    const FmnRecipe *r = fmn_recipe_find(fmn_nets[i]->name);
    g_string_append_printf(s,
                           "  %-8s %s\n           %d epochs, batch %d, %s, lr %g, %s, augment %s, weight decay %g,\n"
                           "           label smoothing %g, ema %g, warm-up %g, validation %g\n",
                           fmn_nets[i]->name, fmn_nets[i]->summary, r->epochs, r->batch,
                           r->optimizer.kind == FMN_OPTIMIZER_ADAM ? "adam" : "sgd", r->rate, r->schedule, r->augment,
                           r->optimizer.weight_decay, r->label_smoothing, r->ema, r->warmup, r->validation);
    if (r->scenes.epoch)
      g_string_append_printf(s,
                             "           %d scenes an epoch, %s, garments of %g-%g pixels, %g of them dense, sizes %s; "
                             "match %g, class weight %g, "
                             "box weight %g\n",
                             r->scenes.epoch, r->scenes.presets, r->scenes.item_min, r->scenes.item_max,
                             r->scenes.dense, r->scenes.sizes, r->scenes.match, r->scenes.class_weight,
                             r->scenes.box_weight);
  }
  g_string_append_printf(
      s,
      "\nSchedules: constant, step[:FACTOR[:EPOCHS]] (0.1, 10), plateau[:FACTOR[:PATIENCE[:COOLDOWN[:MINIMUM]]]]\n  "
      "(0.1, "
      "3 epochs, 2 epochs, a ten-thousandth of --lr), cosine, onecycle\n"
      "\nAugmentation, a list of NAME[:STRENGTH]:\n%s\n"
      "After every epoch, and on SIGINT and SIGTERM, a checkpoint is written to OUT.ckpt; --resume goes on from it "
      "with the same\n"
      "options and ends with the very file that an uninterrupted training gives. It is removed when the training is "
      "finished.\n"
      "A training that --time-limit ends leaves the checkpoint and a model file of what there is, and is no failure; an "
      "interrupted one\nends with status 1.\n"
      "The best epoch on the validation images is kept (the last, with --validation 0 or --keep last, which is the "
      "better choice where\n"
      "few images are set aside and the learning rate falls to nothing).\n",
      augment);
  return g_string_free(s, FALSE);
}

static gboolean parse(int argc, char **argv, Options *o) {
  const GOptionEntry entries[] = {
      {"arch", 'a', 0, G_OPTION_ARG_STRING, &o->arch, "Network, with its options: NAME[:KEY=VALUE,...]", "A"},
      {"out", 'o', 0, G_OPTION_ARG_FILENAME, &o->out, "Model file to write", "FILE"},
      {"data", 'd', 0, G_OPTION_ARG_FILENAME_ARRAY, &o->data,
       "Folder with the four IDX files, and how often an epoch goes through it (1); may be given several times "
       "(default: FMNIST_DATA or " FMN_DATA_DIR ")",
       "DIR[:WEIGHT]"},
      {"epochs", 'e', 0, G_OPTION_ARG_INT, &o->epochs, "Times through the data", "N"},
      {"batch", 'b', 0, G_OPTION_ARG_INT, &o->batch, "Images a step", "N"},
      {"optimizer", 0, 0, G_OPTION_ARG_STRING, &o->optimizer, "adam (weight decay decoupled) or sgd", "NAME"},
      {"lr", 0, 0, G_OPTION_ARG_DOUBLE, &o->rate, "Highest learning rate", "F"},
      {"momentum", 0, 0, G_OPTION_ARG_DOUBLE, &o->momentum, "Of sgd; beta1 of adam", "F"},
      {"no-nesterov", 0, 0, G_OPTION_ARG_NONE, &o->no_nesterov, "Plain momentum in sgd", NULL},
      {"weight-decay", 0, 0, G_OPTION_ARG_DOUBLE, &o->weight_decay, "Of convolution and dense weights", "F"},
      {"clip-norm", 0, 0, G_OPTION_ARG_DOUBLE, &o->clip_norm,
       "Longest gradient, of all weights together; a longer one is scaled down to it; 0: no limit (0)", "F"},
      {"sam", 0, 0, G_OPTION_ARG_DOUBLE, &o->sam,
       "Sharpness-aware minimisation: how far uphill, all weights together, the gradient is taken that the weights are "
       "moved by; 0.05 to 0.2 are usual, a step then takes about twice as long; 0: none (0)",
       "RADIUS"},
      {"schedule", 0, 0, G_OPTION_ARG_STRING, &o->schedule, "Learning rate over time, see below", "NAME"},
      {"warmup", 0, 0, G_OPTION_ARG_DOUBLE, &o->warmup,
       "Epochs in which the learning rate rises; 0: none, with onecycle three tenths of them", "N"},
      {"augment", 0, 0, G_OPTION_ARG_STRING, &o->augment, "Changes to the images: none or a list, see below", "LIST"},
      {"last-epochs", 0, 0, G_OPTION_ARG_INT, &o->last_epochs,
       "Epochs at the end whose images are changed as --last-augment says (0)", "N"},
      {"last-augment", 0, 0, G_OPTION_ARG_STRING, &o->last_augment, "Changes to the images in these (none)", "LIST"},
      {"label-smoothing", 0, 0, G_OPTION_ARG_DOUBLE, &o->smoothing, "Share of each target spread over all classes",
       "F"},
      {"bn-images", 0, 0, G_OPTION_ARG_INT, &o->bn_images,
       "Images, mirrored as in training, whole batches of them, from which batch norms' statistics are taken anew, "
       "after each epoch, for the "
       "weights that are kept; 0: their running averages (0)",
       "N"},
      {"ema", 0, 0, G_OPTION_ARG_DOUBLE, &o->ema, "Decay of the average of the weights, which is what is kept; 0: none",
       "F"},
      {"validation", 0, 0, G_OPTION_ARG_DOUBLE, &o->validation, "Share of the training set that is set aside, 0..0.9",
       "F"},
      {"seed", 's', 0, G_OPTION_ARG_STRING, &o->seed, "Of everything random (1)", "N"},
      {"threads", 't', 0, G_OPTION_ARG_INT, &o->threads, "Threads to compute with (all processors)", "N"},
      {"resume", 'r', 0, G_OPTION_ARG_NONE, &o->resume, "Go on from the checkpoint OUT.ckpt, where there is one", NULL},
      {"init", 0, 0, G_OPTION_ARG_FILENAME, &o->init, "Start from this model's weights", "FILE"},
      {"teacher", 0, 0, G_OPTION_ARG_FILENAME, &o->teacher,
       "Learn also from what this classifier, a file or the name of a model, says of each image, or from the mean of "
       "several",
       "FILE[,FILE...]"},
      {"teacher-mirrored", 0, 0, G_OPTION_ARG_NONE, &o->teacher_mirrored,
       "Ask it about each image's mirror image, too, and learn the mean", NULL},
      {"teacher-weight", 0, 0, G_OPTION_ARG_DOUBLE, &o->teacher_weight, "Share of the teacher in the loss, 0..1 (0.9)",
       "F"},
      {"teacher-temperature", 0, 0, G_OPTION_ARG_DOUBLE, &o->teacher_temperature,
       "By which its and the network's answers are softened (4)", "F"},
      {"scenes", 0, 0, G_OPTION_ARG_STRING, &o->scenes,
       "Detectors: some of green, mixed, photos, worn and nothing, PRESET[:WEIGHT],...", "LIST"},
      {"cutouts", 0, 0, G_OPTION_ARG_FILENAME, &o->cutouts,
       "Detectors: garments for scenes of photos, as written by extract --cutouts", "DIR"},
      {"epoch-scenes", 0, 0, G_OPTION_ARG_INT, &o->epoch_scenes, "Detectors: scenes an epoch", "N"},
      {"sizes", 0, 0, G_OPTION_ARG_STRING, &o->sizes,
       "Detectors: width of the input over time, SIZE[:EPOCHS] or FROM-TO[:EPOCHS],... (0: the network's)", "LIST"},
      {"item-size", 0, 0, G_OPTION_ARG_STRING, &o->item_size,
       "Detectors: longer sides of garments in pixels of the input, the same at all sizes (0: as the scenes have "
       "them); "
       "photographed and worn ones may fill the picture",
       "MIN-MAX"},
      {"dense", 0, 0, G_OPTION_ARG_DOUBLE, &o->dense, "Detectors: share of mixed scenes full of smaller garments", "F"},
      {"match", 0, 0, G_OPTION_ARG_DOUBLE, &o->match,
       "Detectors: an anchor whose shape overlaps an object's by more than this learns to predict it, besides the best "
       "one; "
       "1: the best alone",
       "F"},
      {"class-weight", 0, 0, G_OPTION_ARG_DOUBLE, &o->class_weight, "Detectors: of the classes in the loss", "F"},
      {"box-weight", 0, 0, G_OPTION_ARG_DOUBLE, &o->box_weight, "Detectors: of the boxes in the loss", "F"},
      {"validation-scenes", 0, 0, G_OPTION_ARG_INT, &o->validation_scenes,
       "Detectors: mixed scenes of the items set aside, after each epoch", "N"},
      {"test-scenes", 0, 0, G_OPTION_ARG_INT, &o->test_scenes, "Detectors: mixed scenes of test items, at the end",
       "N"},
      {"keep", 0, 0, G_OPTION_ARG_STRING, &o->keep,
       "Weights to write: best, of the epoch that is best on the validation images, or last (best)", "NAME"},
      {"time-limit", 0, 0, G_OPTION_ARG_DOUBLE, &o->time_limit, "Stop after so long (0: never); --resume goes on",
       "MINUTES"},
      {"plot", 0, 0, G_OPTION_ARG_FILENAME, &o->plot, "Draw loss, accuracy and learning rate", "FILE.svg"},
      {"log", 0, 0, G_OPTION_ARG_FILENAME, &o->log, "Write a JSON line for the start and for every epoch",
       "FILE.jsonl"},
      G_OPTION_ENTRY_NULL};
  g_autofree char *description = describe();
  return command_parse(&argc, &argv, NULL, "Trains a network and writes it as a model file.", description, entries, 0);
}

static gboolean set_keep(const char *text, FmnTrainConfig *c, GError **error) {
  c->keep_last = g_strcmp0(text, "last") == 0;
  if (!text || c->keep_last || strcmp(text, "best") == 0)
    return TRUE;
  g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "--keep must be best or last, not “%s”", text);
  return FALSE;
}

static gboolean set_optimizer(const Options *o, FmnRecipe *r, GError **error) {
  FmnOptimizerKind before = r->optimizer.kind;
  if (o->optimizer && strcmp(o->optimizer, "adam") == 0) {
    r->optimizer.kind = FMN_OPTIMIZER_ADAM;
  } else if (o->optimizer && strcmp(o->optimizer, "sgd") == 0) {
    r->optimizer.kind = FMN_OPTIMIZER_SGD;
  } else if (o->optimizer) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "--optimizer must be adam or sgd, not “%s”", o->optimizer);
    return FALSE;
  }
  if (o->no_nesterov && r->optimizer.kind != FMN_OPTIMIZER_SGD) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "--no-nesterov goes with --optimizer sgd");
    return FALSE;
  }
  if (r->optimizer.kind != before && o->rate == UNSET)
    r->rate = r->optimizer.kind == FMN_OPTIMIZER_ADAM ? 1e-3 : 0.05; /* the recipe's is for the other kind */
  r->optimizer.nesterov = r->optimizer.kind == FMN_OPTIMIZER_SGD && !o->no_nesterov;
  return TRUE;
}

static gboolean set_item_size(const char *text, FmnSceneRecipe *r, GError **error) {
  char *end;
  if (!text)
    return TRUE;
  r->item_min = r->item_max = g_ascii_strtod(text, &end);
  if (end > text && *end == '-') {
    text = end + 1;
    r->item_max = g_ascii_strtod(text, &end);
  }
  if (end > text && !*end)
    return TRUE;
  g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT, "--item-size must be MIN-MAX in pixels, or 0, not “%s”", text);
  return FALSE;
}

/* What only detectors have. */
static gboolean set_scenes(const Options *o, FmnSceneRecipe *r, GError **error) {
  const struct {
    int given, *value;
  } numbers[] = {{o->epoch_scenes, &r->epoch}, {o->validation_scenes, &r->validation}, {o->test_scenes, &r->test}};
  gboolean any = o->scenes || o->cutouts || o->sizes || o->item_size || o->dense != UNSET || o->match != UNSET ||
                 o->class_weight != UNSET || o->box_weight != UNSET;
  gboolean detector = r->epoch > 0;
  for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
    if (numbers[i].given != G_MININT) {
      any = TRUE;
      *numbers[i].value = numbers[i].given;
    }
  if (o->scenes)
    r->presets = g_intern_string(o->scenes);
  if (o->sizes)
    r->sizes = g_intern_string(o->sizes);
  if (any && (!detector || r->epoch < 1)) {
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                detector ? "--epoch-scenes must be at least 1"
                         : "scenes, their sizes and the weights of their loss are for detectors; this network is none");
    return FALSE;
  }
  return set_item_size(o->item_size, r, error);
}

static FmnTrainConfig *make_config(Options *o, GError **error) {
  FmnTrainConfig *c = fmn_train_config_new(o->arch);
  FmnRecipe *r = &c->recipe;
  const struct {
    double given, *value;
  } numbers[] = {{o->rate, &r->rate},
                 {o->momentum, &r->optimizer.momentum},
                 {o->weight_decay, &r->optimizer.weight_decay},
                 {o->clip_norm, &r->optimizer.clip_norm},
                 {o->sam, &r->sam},
                 {o->warmup, &r->warmup},
                 {o->smoothing, &r->label_smoothing},
                 {o->ema, &r->ema},
                 {o->validation, &r->validation},
                 {o->dense, &r->scenes.dense},
                 {o->match, &r->scenes.match},
                 {o->class_weight, &r->scenes.class_weight},
                 {o->box_weight, &r->scenes.box_weight},
                 {o->teacher_weight, &c->distillation.weight},
                 {o->teacher_temperature, &c->distillation.temperature}};
  for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
    if (numbers[i].given != UNSET)
      *numbers[i].value = numbers[i].given;
  if (o->epochs != G_MININT)
    r->epochs = o->epochs;
  if (o->batch != G_MININT)
    r->batch = o->batch;
  if (o->bn_images != G_MININT)
    r->bn_images = o->bn_images;
  if (o->last_epochs != G_MININT)
    r->last_epochs = o->last_epochs;
  if (o->threads != G_MININT)
    c->threads = o->threads;
  if (o->schedule)
    r->schedule = g_intern_string(o->schedule);
  if (o->augment)
    r->augment = g_intern_string(o->augment);
  if (o->last_augment)
    r->last_augment = g_intern_string(o->last_augment);
  c->out = g_steal_pointer(&o->out);
  c->data = g_steal_pointer(&o->data);
  c->cutouts = g_strdup(o->cutouts);
  c->init = g_steal_pointer(&o->init);
  c->teachers = o->teacher ? g_strsplit(o->teacher, ",", -1) : NULL;
  c->teacher_mirrored = o->teacher_mirrored;
  c->resume = o->resume;
  c->time_limit = o->time_limit * 60;
  if (!c->teachers && (o->teacher_mirrored || o->teacher_weight != UNSET || o->teacher_temperature != UNSET))
    g_set_error(error, FMN_ERROR, FMN_ERROR_ARGUMENT,
                "--teacher-mirrored, --teacher-weight and --teacher-temperature go with --teacher FILE");
  else if (command_seed(o->seed, &c->seed, error) && set_keep(o->keep, c, error) && set_optimizer(o, r, error) &&
           set_scenes(o, &r->scenes, error) && fmn_train_config_check(c, error))
    return c;
  fmn_train_config_free(c);
  return NULL;
}

static void options_clear(Options *o) {
  g_free(o->arch);
  g_free(o->out);
  g_strfreev(o->data);
  g_free(o->optimizer);
  g_free(o->schedule);
  g_free(o->augment);
  g_free(o->last_augment);
  g_free(o->init);
  g_free(o->teacher);
  g_free(o->plot);
  g_free(o->log);
  g_free(o->seed);
  g_free(o->scenes);
  g_free(o->cutouts);
  g_free(o->sizes);
  g_free(o->item_size);
  g_free(o->keep);
}

static gboolean read_options(TrainOptions *to, Options *o, int argc, char **argv) {
  GError *error = NULL;
  if (!parse(argc, argv, o))
    return FALSE;
  if (!o->arch || !o->out || !*o->out) {
    command_usage("%s is missing", o->arch ? "--out FILE" : "--arch NAME");
    return FALSE;
  }
  if (!(to->config = make_config(o, &error))) {
    command_usage_error(error);
    return FALSE;
  }
  to->log = g_steal_pointer(&o->log);
  to->plot = g_steal_pointer(&o->plot);
  return TRUE;
}

gboolean train_options_read(TrainOptions *to, int argc, char **argv) {
  Options o = {.epochs = G_MININT,
               .batch = G_MININT,
               .threads = G_MININT,
               .bn_images = G_MININT,
               .last_epochs = G_MININT,
               .epoch_scenes = G_MININT,
               .validation_scenes = G_MININT,
               .test_scenes = G_MININT,
               .dense = UNSET,
               .match = UNSET,
               .class_weight = UNSET,
               .box_weight = UNSET,
               .rate = UNSET,
               .momentum = UNSET,
               .weight_decay = UNSET,
               .clip_norm = UNSET,
               .sam = UNSET,
               .warmup = UNSET,
               .smoothing = UNSET,
               .ema = UNSET,
               .validation = UNSET,
               .teacher_weight = UNSET,
               .teacher_temperature = UNSET};
  *to = (TrainOptions){0};
  gboolean ok = read_options(to, &o, argc, argv);
  options_clear(&o);
  return ok;
}

void train_options_clear(TrainOptions *o) {
  fmn_train_config_free(o->config);
  g_free(o->log);
  g_free(o->plot);
}
